//! The `http` source against servers that record what was asked.

use serde_json::json;

use super::{server, *};

/// A server that answers with what it was asked, and a source below its `/v1`.
async fn echo(more: serde_json::Value) -> (String, Asked) {
    let address = server::http(|head, body| server::ok("text/plain", &format!("{head}{body}"))).await;
    let mut config = json!({"base_url": format!("{address}/v1")});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (address, source("http", config))
}

fn body(answer: &Value) -> String {
    answer.get("text").and_then(Value::as_text).unwrap().to_owned()
}

#[tokio::test]
async fn every_method_is_sent_with_all_it_carries() {
    let (_, asked) = echo(json!({"auth_token": "t0ken-value", "headers": {"X-Key": "k3y-value"}})).await;
    for method in ["get", "post", "put", "patch", "delete", "options"] {
        let kwargs = [
            ("params", dict([("q", text("a b&c")), ("n", list([Value::Int(1), Value::Int(2)]))])),
            ("headers", dict([("X-Own", text("mine"))])),
        ];
        let answer = asked.call_with(method, [text("things")], kwargs).await.unwrap();
        let first = format!("{} /v1/things?q=a+b%26c&n=1&n=2 HTTP/1.1\r\n", method.to_uppercase());
        says(&body(&answer), &[&first, "authorization: Bearer t0ken-value", "x-key: k3y-value", "x-own: mine"]);
        assert_eq!(answer.get("status"), Some(&Value::Int(200)));
    }
    let head = asked.call("head", [text("things")]).await.unwrap();
    assert_eq!((head.get("status"), body(&head).as_str()), (Some(&Value::Int(200)), ""));
    let form = asked.call_with("post", [], [("data", dict([("a", text("b c"))]))]).await.unwrap();
    says(&body(&form), &["POST /v1 ", "content-type: application/x-www-form-urlencoded", "\r\n\r\na=b+c"]);
    let json =
        asked.call_with("post", [], [("json", dict([("a", list([Value::Int(1), Value::Null]))]))]).await.unwrap();
    says(&body(&json), &["content-type: application/json", "\r\n\r\n{\"a\":[1,null]}"]);
    let raw = asked.call_with("put", [], [("data", text("raw text"))]).await.unwrap();
    says(&body(&raw), &["\r\n\r\nraw text"]);
    let own = asked.call_with("get", [], [("headers", dict([("Authorization", text("Other x"))]))]).await.unwrap();
    says(&body(&own), &["authorization: Other x"]);
}

#[tokio::test]
async fn a_script_reaches_only_what_is_configured() {
    let (address, asked) = echo(
        json!({"auth_username": "u", "auth_password": "s3cret-pass", "allowed_hosts": ["127.0.0.1", "*.example.org"]}),
    )
    .await;
    // A whole address below the base is the base; another one at an allowed host carries no credentials.
    let below = asked.call("get", [Value::Text(format!("{address}/v1/x"))]).await.unwrap();
    says(&body(&below), &["GET /v1/x ", "authorization: Basic "]);
    let beside = body(&asked.call("get", [Value::Text(format!("{address}/elsewhere"))]).await.unwrap());
    assert!(beside.contains("GET /elsewhere ") && !beside.contains("authorization"), "{beside}");
    says(
        &asked.refuses("get", [text("https://other.example/x")]).await,
        &["not among what this source may ask", "/v1", "*.example.org"],
    );
    says(&asked.refuses("get", [text("../elsewhere")]).await, &["leads out of the configured address"]);
    says(&asked.refuses("get", [text("file:///etc/passwd")]).await, &["is no http:// or https:// address"]);
    let host = asked.call_with("get", [], [("headers", dict([("Host", text("other"))]))]).await.unwrap_err();
    says(&host.to_string(), &["the header 'Host' cannot be set by a script"]);
    let hosts_only = source("http", json!({"allowed_hosts": ["127.0.0.1"]}));
    says(&hosts_only.refuses("get", [text("x")]).await, &["no 'base_url' is configured"]);
    let limited = source("http", json!({"base_url": address, "methods": ["GET", "head"]}));
    assert_eq!(limited.source.methods().iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["get", "head"]);
    says(&limited.refuses("delete", []).await, &["allows only: get, head"]);
}

#[tokio::test]
async fn a_script_may_wait_for_less_and_not_for_more() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        std::future::pending::<()>().await;
    });
    let asked = source("http", json!({"base_url": format!("http://{}", address.await), "timeout": 1.0}));
    for (timeout, waited) in [(Value::Int(50), "timed out after 1 s"), (Value::Float(0.2), "timed out after 0.2 s")] {
        let fault = asked.call_with("get", [], [("timeout", timeout)]).await.unwrap_err();
        says(&fault.to_string(), &[waited]);
    }
}

#[tokio::test]
async fn metadata_addresses_are_refused_unless_allowed() {
    let asked =
        source("http", json!({"allowed_hosts": ["169.254.169.254", "metadata.google.internal"], "timeout": 0.5}));
    for url in ["http://169.254.169.254/latest/meta-data/", "http://0xa9fea9fe/", "http://2852039166/"] {
        says(&asked.fails("get", [text(url)]).await, &["169.254.169.254, a link-local or cloud metadata address"]);
    }
    let allowed =
        source("http", json!({"allowed_hosts": ["169.254.169.254"], "allow_link_local": true, "timeout": 0.2}));
    let fault = allowed.call("get", [text("http://169.254.169.254/")]).await;
    assert!(!format!("{fault:?}").contains("refused unless allowed"), "{fault:?}");
}

#[tokio::test]
async fn redirects_are_followed_or_shown() {
    let address = server::http(|head, _| match head.split(' ').nth(1).unwrap() {
        "/from" => b"HTTP/1.1 302 Found\r\nlocation: /to\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        "/away" => b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        path => server::ok("text/plain", path),
    })
    .await;
    let asked = source("http", json!({"base_url": address}));
    let answer = asked.call("get", [text("from")]).await.unwrap();
    assert_eq!((body(&answer).as_str(), answer.get("url").unwrap()), ("/to", &Value::Text(format!("{address}/to"))));
    let answer = asked.call_with("get", [text("from")], [("allow_redirects", Value::Bool(false))]).await.unwrap();
    assert_eq!(answer.get("status"), Some(&Value::Int(302)));
    says(&asked.fails("get", [text("away")]).await, &["host 'elsewhere.example' is not among the allowed hosts"]);
}

/// What a script learns of the address is where it leads, not what opens it.
#[tokio::test]
async fn credentials_in_the_address_stay_there() {
    let address = server::http(|head, _| match head.split(' ').nth(1).unwrap() {
        path if path.ends_with("/moved") => format!(
            "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            path.replace("moved", "there")
        )
        .into_bytes(),
        _ => server::ok(
            "text/plain",
            if head.contains("authorization: Basic dTpzM2NyZXQtcGFzcw==") { "yes" } else { "no" },
        ),
    })
    .await;
    let secret = "xoxb12345678901234567890";
    let host = address.replace("http://", "");
    let asked =
        source("http", json!({"base_url": format!("http://u:s3cret-pass@{host}/hooks/{secret}?token=t0ken-value")}));
    let own = asked.call("get", []).await.unwrap();
    assert_eq!(own.get("url"), Some(&Value::Text(format!("{address}/hooks/[redacted]?token=[redacted]"))));
    assert_eq!(body(&own), "yes", "the server is asked with them all the same");
    let moved = asked.call_with("get", [text("moved")], [("allow_redirects", Value::Bool(false))]).await.unwrap();
    assert_eq!(moved.get("headers").unwrap().get("location"), Some(&text("/hooks/[redacted]/there")));
    let there = asked.call("get", [text("moved")]).await.unwrap();
    assert_eq!(there.get("url"), Some(&Value::Text(format!("{address}/hooks/[redacted]/there"))));

    let gone = server::nobody().await;
    let down =
        source("http", json!({"base_url": format!("http://u:s3cret-pass@{gone}/hooks/{secret}?token=t0ken-value")}));
    for said in [
        down.fails("get", []).await,
        down.fails("get", [text("deeper")]).await,
        down.refuses("get", [text("http://elsewhere.example/")]).await,
        down.refuses("get", [text("../up")]).await,
        down.source.probe(Instant::now() + PATIENCE).await.unwrap_err().to_string(),
    ] {
        for secret in [secret, "s3cret-pass", "t0ken-value"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

/// From https to http is another origin, even on the same host.
#[tokio::test]
async fn a_redirect_out_of_tls_carries_no_credentials() {
    let plain = server::http(|head, _| server::ok("text/plain", head)).await.replace("127.0.0.1", "localhost");
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {plain}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let (port, _) = server::https(moved.into_bytes(), (2077, 1, 2));
    let asked = source(
        "http",
        json!({
            "base_url": format!("https://localhost:{port}"), "verify_ssl": false,
            "auth_username": "u", "auth_password": "s3cret-pass", "headers": {"X-Key": "k3y-value"},
        }),
    );
    let seen = body(&asked.call("get", []).await.unwrap());
    assert!(seen.starts_with("GET /x ") && !seen.contains("authorization") && !seen.contains("k3y"), "{seen}");
}

#[tokio::test]
async fn the_answer_has_headers_time_text_and_bytes() {
    let address = server::http(|head, _| match head.split(' ').nth(1).unwrap() {
        "/latin" => b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=iso-8859-1\r\nx-a: 1\r\nX-A: 2\r\nconnection: close\r\n\r\ncaf\xe9".to_vec(),
        "/binary" => b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\x00\xff".to_vec(),
        _ => server::status("404 Not Found", "text/html", "<p>no</p>"),
    })
    .await;
    let asked = source("http", json!({"base_url": address}));
    let latin = asked.call("get", [text("latin")]).await.unwrap();
    assert_eq!((body(&latin).as_str(), latin.get("content").unwrap()), ("café", &Value::Bytes(b"caf\xe9".to_vec())));
    assert_eq!(latin.get("headers").unwrap().get("x-a"), Some(&text("1, 2")));
    assert!(matches!(latin.get("elapsed"), Some(Value::Float(seconds)) if *seconds > 0.0));
    let binary = asked.call("get", [text("binary")]).await.unwrap();
    assert_eq!(binary.get("content"), Some(&Value::Bytes(vec![0, 255])));
    let missing = asked.call("get", [text("missing")]).await.unwrap();
    assert_eq!((missing.get("reason"), missing.get("tls")), (Some(&text("Not Found")), Some(&Value::Null)));
}

#[tokio::test]
async fn tls_shows_until_when_the_certificate_is_valid() {
    let (port, pem) = server::https(server::ok("text/plain", "secure"), (2077, 1, 2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "ca.pem"});
    let mut asked = source_in("http", config, folder.path());
    asked.now = "2077-01-01T12:00:00Z".parse().unwrap();
    let tls = asked.call("get", []).await.unwrap().get("tls").unwrap().clone();
    assert_eq!(tls.get("not_after"), Some(&Value::DateTime("2077-01-02T00:00:00.000000+00:00".into())));
    assert_eq!(tls.get("days_left"), Some(&Value::Float(0.5)));
    let careless = source("http", json!({"base_url": format!("https://localhost:{port}"), "verify_ssl": false}));
    assert_eq!(body(&careless.call("get", []).await.unwrap()), "secure");
}

#[tokio::test]
async fn a_timeout_of_the_scripts_own_holds() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        std::future::pending::<()>().await;
    });
    let asked = source("http", json!({"base_url": format!("http://{}", address.await)}));
    let fault = asked.call_with("get", [], [("timeout", Value::Float(0.2))]).await.unwrap_err();
    says(&fault.to_string(), &["timed out after 0.2 s: no answer"]);
    let wrong = asked.call_with("get", [], [("timeout", text("soon"))]).await.unwrap_err();
    assert!(matches!(wrong, SourceFault::BadArguments(_)));
}
