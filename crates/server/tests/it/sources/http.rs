//! The `http` source against servers that record what was asked.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{server, *};
use crate::support::{CLOSINGS, ClosingServer};

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
        let said = asked.fails("get", [text(url)]).await;
        says(&said, &["169.254.169.254 is a cloud metadata address", "OUTBOUND_ALLOWS = ['169.254.169.254']"]);
    }
    let allowed =
        source("http", json!({"allowed_hosts": ["169.254.169.254"], "allow_link_local": true, "timeout": 0.2}));
    let fault = allowed.call("get", [text("http://169.254.169.254/")]).await;
    assert!(!format!("{fault:?}").contains("OUTBOUND_REFUSES"), "{fault:?}");
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

    // One that is meant to have no end is trusted, and its end is shown, though no instant here is so late.
    let (port, pem) = server::https_without_end(server::ok("text/plain", "secure"));
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "ca.pem"});
    let mut asked = source_in("http", config, folder.path());
    asked.now = "2026-01-01T00:00:00Z".parse().unwrap();
    let tls = asked.call("get", []).await.unwrap().get("tls").unwrap().clone();
    assert_eq!(tls.get("not_after"), Some(&Value::DateTime("9999-12-31T23:59:59.000000+00:00".into())));
    assert_eq!(tls.get("days_left"), Some(&Value::Float(2_912_443.0)));
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

/// A server that drops every second request of a connection, over plain HTTP and over TLS, in each of its ways.
async fn closing_servers() -> Vec<(ClosingServer, Asked, String)> {
    let mut servers = Vec::new();
    for closing in CLOSINGS {
        let plain = ClosingServer::start("{}", closing).await;
        let asked = source("http", json!({"base_url": plain.url}));
        servers.push((plain, asked, format!("{closing:?}")));
        let (secure, certificate) = ClosingServer::start_tls("{}", closing).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate).unwrap();
        let asked = source_in("http", json!({"base_url": secure.url, "ca_file": "ca.pem"}), folder.path());
        servers.push((secure, asked, format!("{closing:?}, TLS")));
    }
    servers
}

/// The next request leaves just as the server closes the connection, each time.
#[tokio::test]
async fn a_connection_that_closes_as_the_request_leaves_costs_no_answer() {
    for (server, asked, how) in closing_servers().await {
        for method in ["get", "head", "put", "delete", "options", "get", "get"] {
            let answer = asked.call(method, []).await.unwrap();
            assert_eq!(answer.get("status"), Some(&Value::Int(200)), "{method}, {how}");
        }
        // Every second one was dropped and sent again, once, on a connection of its own.
        assert_eq!((server.counts(), server.answered().len()), ((7, 3), 7), "{how}");
    }
}

/// Nobody knows whether it was taken, so it is not sent twice, unless the script says that it may be.
#[tokio::test]
async fn what_may_do_something_is_sent_once() {
    for (server, asked, how) in closing_servers().await {
        asked.call("get", []).await.unwrap();
        let fault = asked.fails("post", []).await;
        let said = ["closed before an answer", "connection reset", "the other side hung up"];
        assert!(said.iter().any(|words| fault.contains(words)), "{how}: {fault}");
        assert_eq!((server.counts(), server.answered().len()), ((1, 1), 1), "{how}");
        asked.call("get", []).await.unwrap();
        let key = ("headers", dict([("Idempotency-Key", text("k1"))]));
        asked.call_with("post", [], [key]).await.unwrap();
        assert_eq!((server.counts(), server.answered().len()), ((3, 2), 3), "{how}");
    }
}

/// A connection that was closed while it was idle took nothing of the next request.
#[tokio::test]
async fn what_may_do_something_is_sent_where_the_old_connection_was_closed_before() {
    let (closed, mut closes) = tokio::sync::mpsc::unbounded_channel();
    let address = server::listen(move |mut socket| {
        let closed = closed.clone();
        async move {
            let (head, _) = server::request(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            drop(socket);
            closed.send(head.split(' ').next().unwrap_or_default().to_owned()).unwrap();
        }
    });
    let asked = source("http", json!({"base_url": format!("http://{}", address.await)}));
    for method in ["get", "post", "patch", "post"] {
        let answer = asked.call(method, []).await.unwrap();
        assert_eq!(answer.get("status"), Some(&Value::Int(200)), "{method}");
        assert_eq!(closes.recv().await, Some(method.to_uppercase()), "each was asked once");
    }
}

/// A connection that was made for the request and dies is the server's answer.
#[tokio::test]
async fn a_new_connection_that_dies_is_a_fault() {
    let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = connections.clone();
    let address = server::listen(move |mut socket| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move { drop(server::request(&mut socket).await) }
    });
    let asked = source("http", json!({"base_url": format!("http://{}", address.await)}));
    says(&asked.fails("get", []).await, &["the connection was closed before an answer came"]);
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

const TEXT: &str = "the answer, the answer, the answer";

/// [`TEXT`] as the usual tools compress it: what `Content-Encoding` says, and the bytes.
const COMPRESSED: [(&str, &str, &str); 12] = [
    (
        "said-twice",
        "gzip\r\ncontent-encoding: gzip",
        "1f8b08000000000002032bc9485548cc2b2e4f2dd25128c1ca06002b8f725122000000",
    ),
    (
        "zstd-behind-a-frame-that-is-skipped",
        "zstd",
        "502a4d1802000000ffff28b52ffd04589500006074686520616e737765722c200100574a120de920e4",
    ),
    ("br", "br", "1b2100f825cbd0e88a13626a019e9c0b1100"),
    ("zstd", "zstd", "28b52ffd04589500006074686520616e737765722c200100574a120de920e4"),
    ("gzip", "gzip", "1f8b08000000000002032bc9485548cc2b2e4f2dd25128c1ca06002b8f725122000000"),
    ("capitals", "X-GZip", "1f8b08000000000002032bc9485548cc2b2e4f2dd25128c1ca06002b8f725122000000"),
    ("deflate", "deflate", "789c2bc9485548cc2b2e4f2dd25128c1ca0600d7a90c6c"),
    ("deflate-without-frame", "deflate", "2bc9485548cc2b2e4f2dd25128c1ca0600"),
    (
        "gzip-in-two-members",
        "gzip",
        "1f8b08000000000002032bc9485548cc2b2e4f2dd25100004a62ef5b0c0000001f8b08000000000002032bc9485548cc2b2e4f2dd2512881\
         b30126a6154716000000",
    ),
    (
        "zstd-in-two-frames",
        "zstd",
        "28b52ffd046861000074686520616e737765722c201ef4435b28b52ffd04689500006074686520616e737765722c200100df4a1254eead42",
    ),
    (
        "gzip-and-zstd",
        "identity, gzip,zstd",
        "28b52ffd04681901001f8b08000000000002032bc9485548cc2b2e4f2dd25128c1ca06002b8f725122000000c5d66d40",
    ),
    ("gzip-and-br", "gzip, br", "0b11801f8b08000000000000032bc9485548cc2b2e4f2dd25128c1ca06002b8f72512200000003"),
];

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A server that answers each path of `answers` with its body, and says that it is encoded so; and a source of it.
async fn encoded(answers: Vec<(&'static str, String, Vec<u8>)>) -> Asked {
    let address = server::http(move |head, _| {
        let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
        let (_, encoding, body) = answers.iter().find(|(known, ..)| *known == path).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n", body.len());
        [format!("{head}connection: close\r\n\r\n").as_bytes(), body].concat()
    })
    .await;
    source("http", json!({"base_url": address}))
}

#[tokio::test]
async fn an_answer_is_decoded_as_it_says_it_is_encoded_or_refused() {
    let mut answers: Vec<_> = COMPRESSED.map(|(path, coding, hex)| (path, coding.to_owned(), bytes_of(hex))).into();
    for (path, coding) in [
        ("identity", "identity"),
        ("compress", "compress"),
        ("many", "gzip, gzip, gzip, gzip, gzip"),
        ("no-gzip", "gzip"),
        ("no-deflate", "deflate"),
        ("no-br", "br"),
        ("no-zstd", "zstd"),
    ] {
        answers.push((path, coding.to_owned(), TEXT.into()));
    }
    // Its sum says that something else was meant; and a window of 1 GiB, which nobody's browser reads (RFC 7932 ends at 16 MiB).
    answers.push((
        "damaged-zstd",
        "zstd".to_owned(),
        bytes_of("28b52ffd04589500006074686520616e737765722c200100574a120de920e5"),
    ));
    answers.push(("wide-br", "br".to_owned(), bytes_of("11de")));
    for (path, coding, hex) in COMPRESSED.into_iter().filter(|(path, coding, _)| path == coding) {
        let whole = bytes_of(hex);
        answers.push((format!("half-a-{path}").leak(), coding.to_owned(), whole[..whole.len() / 2].to_vec()));
    }
    let asked = encoded(answers).await;
    for way in COMPRESSED.into_iter().map(|(path, ..)| path).chain(["identity"]) {
        let answer = asked.call("get", [text(way)]).await.unwrap();
        assert_eq!(body(&answer), TEXT, "{way}");
        // What was true of the bytes that came is not true of the text that is seen.
        let headers = answer.get("headers").unwrap();
        let left = ["content-encoding", "content-length"].map(|name| headers.get(name).is_some());
        assert_eq!(left, [way == "identity"; 2], "{way}");
    }
    says(&asked.fails("get", [text("compress")]).await, &["the answer is encoded as 'compress' (Content-Encoding)"]);
    says(&asked.fails("get", [text("many")]).await, &["the answer is encoded 5 times over", "and 4 is the most"]);
    for way in [
        "no-gzip",
        "no-deflate",
        "no-br",
        "no-zstd",
        "half-a-gzip",
        "half-a-deflate",
        "half-a-br",
        "half-a-zstd",
        "damaged-zstd",
        "wide-br",
    ] {
        let words = asked.fails("get", [text(way)]).await;
        says(&words, &["not compressed in the way that its Content-Encoding says"]);
    }
    // There is nothing to decode in the answer to HEAD.
    assert_eq!(asked.call("head", [text("compress")]).await.unwrap().get("status"), Some(&Value::Int(200)));
}

#[tokio::test]
async fn an_answer_that_grows_beyond_what_it_may_hold_when_it_is_decoded_is_too_large() {
    let zeros = vec![0; 2 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, &zeros).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut deflate, &zeros).unwrap();
    // A window of 8 MiB, and blocks that each say "128 KiB of zeros" (RFC 8878, sections 3.1.1.1.2 and 3.1.1.2).
    let zstd = |window: u8| {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
        for block in (0..16).rev() {
            let header: u32 = (128 << 10) << 3 | 1 << 1 | u32::from(block == 0);
            frame.extend_from_slice(&header.to_le_bytes()[..3]);
            frame.push(0);
        }
        frame
    };
    let mut asked = encoded(vec![
        ("gzip", "gzip".to_owned(), gzip.finish().unwrap()),
        ("deflate", "deflate".to_owned(), deflate.finish().unwrap()),
        ("br", "br".to_owned(), bytes_of("9bffff1ff82700e2b14020f7fe03")),
        ("zstd", "zstd".to_owned(), zstd(13 << 3)),
        ("window", "zstd".to_owned(), zstd(14 << 3)),
    ])
    .await;
    for way in ["gzip", "deflate", "br", "zstd"] {
        asked.answer_bytes = 3 << 20;
        assert_eq!(body(&asked.call("get", [text(way)]).await.unwrap()).len(), 2 << 20, "{way}");
        asked.answer_bytes = 1 << 20;
        assert_eq!(asked.call("get", [text(way)]).await, Err(SourceFault::TooLarge(1 << 20)), "{way}");
    }
    // Nobody may send what takes a larger window to read (RFC 9659).
    says(&asked.fails("get", [text("window")]).await, &["takes a window of 16 MiB", "has 8 at most"]);
}

#[tokio::test]
async fn what_can_be_decoded_is_asked_for_unless_a_script_asks_for_something_else() {
    let (_, asked) = echo(json!({})).await;
    let says_it_reads = |answer: Value| {
        let lines = body(&answer);
        lines.lines().find_map(|line| line.strip_prefix("accept-encoding: ").map(str::to_owned))
    };
    let all = asked.call("get", []).await.unwrap();
    assert_eq!(says_it_reads(all).as_deref(), Some("gzip, deflate, br, zstd"));
    let own = |name, value| [("headers", dict([(name, text(value))]))];
    let none = asked.call_with("get", [], own("Accept-Encoding", "identity")).await.unwrap();
    assert_eq!(says_it_reads(none).as_deref(), Some("identity"));
    let part = asked.call_with("get", [], own("Range", "bytes=0-9")).await.unwrap();
    assert_eq!(says_it_reads(part), None);
}

#[tokio::test]
async fn headers_that_are_not_utf_8_are_latin_1() {
    let address = server::http(|head, _| match head.split(' ').nth(1).unwrap() {
        "/" => b"HTTP/1.1 302 Found\r\nlocation: /caf\xe9\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        path => {
            [b"HTTP/1.1 200 OK\r\nx-latin: caf\xe9\r\nx-utf: caf\xc3\xa9\r\nconnection: close\r\n\r\n", path.as_bytes()]
                .concat()
        }
    })
    .await;
    let answer = source("http", json!({"base_url": address})).call("get", []).await.unwrap();
    let headers = answer.get("headers").unwrap();
    assert_eq!((headers.get("x-latin"), headers.get("x-utf")), (Some(&text("café")), Some(&text("café"))));
    assert_eq!(body(&answer), "/caf%E9", "the address is what the server wrote");
}

/// Most log-ins: a form is answered with a cookie and the way to the page.
#[tokio::test]
async fn a_cookie_set_on_a_redirect_goes_along_on_the_same_origin() {
    let elsewhere = server::http(|head, _| server::ok("text/plain", head)).await.replace("127.0.0.1", "localhost");
    let address = server::http(move |head, _| {
        let to = |place: &str, cookie: &str| {
            format!(
                "HTTP/1.1 302 Found\r\nlocation: {place}\r\nset-cookie: {cookie}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .into_bytes()
        };
        match head.split(' ').nth(1).unwrap() {
            "/login" => to("/second", "session=s1; Path=/; HttpOnly"),
            "/second" => to("/home", "seen=yes"),
            "/out" => to(&elsewhere, "session=s1; Path=/"),
            _ => server::ok("text/plain", head),
        }
    })
    .await;
    let asked = source("http", json!({"base_url": address, "allowed_hosts": ["localhost"]}));
    let home = body(&asked.call("post", [text("login")]).await.unwrap());
    says(&home, &["GET /home ", "cookie: session=s1; seen=yes\r\n"]);
    let own = [("headers", dict([("Cookie", text("mine=1; session=old"))]))];
    let home = body(&asked.call_with("get", [text("login")], own.clone()).await.unwrap());
    says(&home, &["cookie: mine=1; session=s1; seen=yes\r\n"]);
    let out = body(&asked.call_with("get", [text("out")], own).await.unwrap());
    assert!(out.starts_with("GET / ") && !out.contains("cookie"), "{out}");
    // The next call knows nothing of it: it may be another monitor's.
    assert!(!body(&asked.call("get", [text("home")]).await.unwrap()).contains("cookie"));
}

/// `openssl req -x509`: its own authority and the server's certificate at once.
#[tokio::test]
async fn a_home_made_certificate_given_as_ca_file_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    for (subject, more, said) in [
        ("/CN=localhost", &[][..], None),
        ("/CN=x", &["-addext", "subjectAltName=DNS:localhost"], None),
        ("/CN=localhost", &["-addext", "basicConstraints=critical,CA:FALSE"], None),
        (
            "/CN=other",
            &["-addext", "subjectAltName=DNS:other.example"],
            Some("it is for other.example, not for localhost"),
        ),
        ("/CN=other", &[], Some("it names no host (it has no subjectAltName)")),
    ] {
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", subject])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let port = server::https_with(server::ok("text/plain", "home"), &read("certificate.pem"), &read("key.pem"));
        let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "certificate.pem"});
        let asked = source_in("http", config.clone(), folder.path());
        match said {
            None => assert_eq!(body(&asked.call("get", []).await.unwrap()), "home", "{subject} {more:?}"),
            Some(said) => says(&asked.fails("get", []).await, &["wrong certificate: ", said]),
        }
        let stranger = source("http", json!({"base_url": format!("https://localhost:{port}")}));
        says(&stranger.fails("get", []).await, &["wrong certificate: it was ", "'ca_file'"]);
    }
    let expired = |end| server::https(server::ok("text/plain", "old"), end);
    let (port, pem) = expired((2024, 1, 2));
    std::fs::write(folder.path().join("old.pem"), pem).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "old.pem"});
    says(&source_in("http", config, folder.path()).fails("get", []).await, &["it expired at 2024-01-02T00:00:00Z"]);
}

/// A server that answers is there, whatever it thinks of HEAD.
#[tokio::test]
async fn a_probe_takes_any_answer_of_the_server_itself() {
    for (status, there) in
        [("200 OK", true), ("405 Method Not Allowed", true), ("501 Not Implemented", true), ("503 Down", false)]
    {
        let address = server::http(move |_, _| server::status(status, "text/plain", "")).await;
        let probed = source("http", json!({"base_url": address})).source.probe(Instant::now() + PATIENCE).await;
        assert_eq!(probed.is_ok(), there, "{status}: {probed:?}");
    }
}
