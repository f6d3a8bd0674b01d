//! What shows that a source is not there, for all who need it, and what shows only that this one question has no answer.

use std::time::Duration;

use revere::sources::SourceSample;
use serde_json::json;

use super::{postgres::postgres, server, services, *};

/// Whether a call shows that the source is not there.
async fn is_away<const N: usize>(asked: &Asked, method: &str, args: [Value; N]) -> bool {
    shows_away(asked.call(method, args).await)
}

fn shows_away(answer: Result<Value, SourceFault>) -> bool {
    match answer {
        Err(SourceFault::Unavailable(_)) => true,
        Err(SourceFault::Failed(_)) => false,
        other => panic!("expected a SourceError, not {other:?}"),
    }
}

fn mariadb(more: serde_json::Value) -> Asked {
    let mut config = json!({"connection_string": services::service("REVERE_TEST_MARIADB_URL")});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source("database", config)
}

/// Every type that asks over HTTP, with a server at `address`, and what each is asked.
fn asking(address: &str) -> Vec<(Asked, &'static SourceSample)> {
    let cases = samples::over_http(address).into_iter();
    cases
        .map(|(kind, sample, mut config)| {
            config["timeout"] = json!(1);
            (source(kind.names[0], config), sample)
        })
        .collect()
}

/// Those of them that expect an answer of a certain form.
fn judging(address: &str) -> Vec<(Asked, &'static SourceSample)> {
    asking(address).into_iter().filter(|(_, sample)| sample.judges_status).collect()
}

#[tokio::test]
async fn whom_nobody_reaches_is_away() {
    let nobody = server::nobody().await;
    for (asked, sample) in asking(&format!("http://{nobody}")) {
        assert!(shows_away(samples::call(&asked, sample).await), "{}", sample.call.0);
    }
    let unknown = source("http", json!({"base_url": "http://no-such-host.invalid"}));
    assert!(is_away(&unknown, "get", []).await);
    let (port, _) = server::https(server::ok("text/plain", "x"), (2077, 1, 1));
    let untrusted = source("http", json!({"base_url": format!("https://localhost:{port}")}));
    assert!(is_away(&untrusted, "get", []).await);
    for scheme in ["mysql", "postgresql"] {
        let string = format!("{scheme}://user:pw@{nobody}/shop");
        let asked = source("database", json!({ "connection_string": string }));
        assert!(is_away(&asked, "execute", [text("select 1")]).await, "{scheme}");
    }
}

/// Nobody answers the greeting: of TLS, of a database.
#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time_is_away() {
    let silent = server::listen(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let secure = source("http", json!({"base_url": format!("https://{silent}"), "timeout": 1}));
    says(&secure.fails("get", []).await, &["timed out after 1 s: no connection"]);
    assert!(is_away(&secure, "get", []).await);
    for scheme in ["mysql", "postgresql"] {
        let string = format!("{scheme}://user:pw@{silent}/shop");
        let asked = source("database", json!({"connection_string": string, "timeout": 1}));
        says(&asked.fails("execute", [text("select 1")]).await, &["timed out after 1.0 s: no connection"]);
        assert!(is_away(&asked, "execute", [text("select 1")]).await, "{scheme}");
    }
    // Whoever has hardly any time left for it says nothing of the source.
    let mut hurried = source("http", json!({"base_url": format!("https://{silent}")}));
    hurried.deadline = Duration::from_millis(100);
    assert!(!is_away(&hurried, "get", []).await);
}

#[tokio::test]
async fn what_takes_too_long_is_not_away() {
    let silent = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    for (asked, sample) in asking(&format!("http://{silent}")) {
        assert!(!shows_away(samples::call(&asked, sample).await), "{}", sample.call.0);
    }
    // Connecting is a part of the time, and takes some of it on a busy machine.
    for (asked, slow) in
        [(postgres(json!({"timeout": 3})), "select pg_sleep(60)"), (mariadb(json!({"timeout": 3})), "select sleep(60)")]
    {
        // Of MariaDB's own, a sleep that is stopped is an answer; then nothing was too long.
        let answer = asked.call("execute", [text(slow)]).await;
        assert!(!matches!(answer, Err(SourceFault::Unavailable(_))), "{slow}: {answer:?}");
    }
}

/// What a server says is said by somebody who is there. A gateway says it of others.
#[tokio::test]
async fn of_answers_only_those_of_a_gateway_show_that_it_is_away() {
    for (line, away) in [
        ("400 Bad Request", false),
        ("401 Unauthorized", false),
        ("403 Forbidden", false),
        ("404 Not Found", false),
        ("407 Proxy Authentication Required", false),
        ("429 Too Many Requests", false),
        ("500 Internal Server Error", false),
        ("502 Bad Gateway", true),
        ("503 Service Unavailable", true),
        ("504 Gateway Timeout", true),
    ] {
        let address = server::http(move |_, _| server::status(line, "text/plain", "no")).await;
        for (asked, sample) in asking(&address) {
            let answer = samples::call(&asked, sample).await;
            match sample.judges_status {
                true => assert_eq!(shows_away(answer), away, "{}: {line}", sample.call.0),
                // What a script is to judge is an answer.
                false => assert!(answer.is_ok(), "{}: {line}", sample.call.0),
            }
        }
    }
    // Prometheus itself, of an expression that took it too long.
    let said = r#"{"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}"#;
    let address = server::http(move |_, _| server::status("503 Service Unavailable", "application/json", said)).await;
    let slow = source("prometheus", json!({ "url": address }));
    assert!(!is_away(&slow, "value", [text("up")]).await);
    let garbled = server::http(|_, _| server::ok("application/json", "[1, 2]")).await;
    for (asked, sample) in judging(&garbled) {
        assert!(!shows_away(samples::call(&asked, sample).await), "{}", sample.call.0);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_away() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        socket.set_zero_linger().unwrap();
    })
    .await;
    for (asked, sample) in asking(&format!("http://{address}")) {
        assert!(shows_away(samples::call(&asked, sample).await), "{}", sample.call.0);
    }
}

#[tokio::test]
async fn other_hosts_show_nothing_of_the_source() {
    let nobody = server::nobody().await;
    let leads =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{nobody}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let own = server::http(move |head, _| match head.split(' ').nth(1).unwrap() {
        "/away" => leads.clone().into_bytes(),
        path => server::ok("text/plain", path),
    })
    .await;
    let other = server::http(|_, _| server::ok("text/plain", "other")).await;
    let hosts = [nobody.as_str(), other.strip_prefix("http://").unwrap()];
    let asked = source("http", json!({"base_url": own, "allowed_hosts": hosts}));
    let of_another = |answer: Value| answer.get("of_another") == Some(&Value::Bool(true));
    assert!(!of_another(asked.call("get", [text("x")]).await.unwrap()));
    assert!(of_another(asked.call("get", [text(&other)]).await.unwrap()));
    assert!(!is_away(&asked, "get", [text(&format!("http://{nobody}/"))]).await);
    assert!(!is_away(&asked, "get", [text("away")]).await, "it answered itself, by sending on");
    // Without an address of its own it has no host that is the source.
    let none = source("http", json!({"allowed_hosts": hosts}));
    assert!(of_another(none.call("get", [text(&other)]).await.unwrap()));
    assert!(!is_away(&none, "get", [text(&format!("http://{nobody}/"))]).await);
}

/// Nobody gets in with this user; what a statement is refused for is its own.
#[tokio::test]
async fn a_database_that_lets_nobody_in_is_away_and_one_that_refuses_a_statement_is_not() {
    for (asked, service) in
        [(postgres(json!({})), "REVERE_TEST_POSTGRES_URL"), (mariadb(json!({})), "REVERE_TEST_MARIADB_URL")]
    {
        for refused in ["select * from no_such_table_here", "selec 1", "drop table x"] {
            assert!(!is_away(&asked, "execute", [text(refused)]).await, "{refused}");
        }
        let url = services::service(service);
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.split_once('@').unwrap();
        let stranger = format!("{scheme}://nobody_of_this_name:wrong@{place}");
        let stranger = source("database", json!({ "connection_string": stranger }));
        // Where everybody is let in, the user is unknown all the same.
        assert!(is_away(&stranger, "execute", [text("select 1")]).await, "{service}");
    }
    // What a statement makes up is no word of the server's.
    let raises = "do $$ begin raise exception 'made up' using errcode = '53300'; end $$";
    let writing = postgres(json!({"read_only": false}));
    assert!(!is_away(&writing, "execute", [text(raises)]).await);
}
