//! Everything that goes wrong says which source, what was asked, and what came back; in time, and without secrets.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use revere::sources::SourceSample;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{server, *};

const SECRET: &str = "s3cret-pass/word";

/// A sample of each kind that speaks HTTP, at `address`. They have `timeout` seconds and sign in with the [`SECRET`].
fn speaking_http(address: &str, timeout: u32) -> Vec<(Asked, &'static SourceSample)> {
    let cases = samples::over_http(address).into_iter();
    cases
        .map(|(kind, sample, mut config)| {
            config["timeout"] = json!(timeout);
            if kind.all_fields().any(|field| field.name == "auth_password") {
                config.as_object_mut().unwrap().remove("auth_token");
                config["auth_username"] = json!("u");
                config["auth_password"] = json!(SECRET);
            }
            (source(kind.names[0], config), sample)
        })
        .collect()
}

/// Asks each kind that speaks HTTP at `address` and gives what its fault says. They have `timeout` seconds.
async fn each(address: &str, timeout: u32) -> Vec<String> {
    let all = speaking_http(address, timeout);
    join_all(all.iter().map(|(asked, sample)| async move {
        let fault = said(samples::call(asked, sample).await);
        // Where scripts choose the request, it is said whole.
        let request = if sample.judges_status { "" } else { "GET " };
        let (method, arguments) = sample.call;
        let arguments: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let call = format!("{method}({})", arguments.join(", "));
        says(&fault, &[&format!(" ({request}{address}"), &format!("); source 'src': {call}")]);
        assert!(!fault.contains("s3cret") && !fault.contains("dTpz"), "{fault}");
        fault
    }))
    .await
}

async fn all_say(address: &str, parts: &[&str]) {
    for fault in each(address, 60).await {
        says(&fault, parts);
    }
}

/// As [`all_say`], where three seconds are all there is.
async fn all_say_in_time(address: &str, parts: &[&str]) {
    let began = Instant::now();
    for fault in each(address, 3).await {
        says(&fault, parts);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "the time limit does not hold: {:?}", began.elapsed());
}

#[tokio::test]
async fn refused() {
    all_say(&format!("http://{}", server::nobody().await), &["connection refused: nothing listens there"]).await;
}

#[tokio::test]
async fn reset() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        socket.set_zero_linger().unwrap();
    });
    all_say(&format!("http://{}", address.await), &["connection reset by the other side"]).await;
}

#[tokio::test]
async fn unresolvable() {
    all_say("http://no-such-host.invalid", &["the name cannot be resolved"]).await;
}

#[tokio::test]
async fn silent() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        std::future::pending::<()>().await;
    });
    all_say_in_time(&format!("http://{}", address.await), &["timed out after 3 s: no answer"]).await;
}

#[tokio::test]
async fn slow_drip() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        loop {
            beat.tick().await;
            if socket.write_all(b"[").await.is_err() {
                return;
            }
        }
    });
    all_say_in_time(&format!("http://{}", address.await), &["timed out after 3 s: the answer stopped after "]).await;
}

#[tokio::test]
async fn half_a_body() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{\"target\"").await.unwrap();
    });
    all_say(&format!("http://{}", address.await), &["the answer broke off after 10 of 1000 bytes"]).await;
}

#[tokio::test]
async fn wrong_certificate() {
    let (port, _) = server::https(server::ok("application/json", "[]"), (2077, 1, 1));
    all_say(
        &format!("https://localhost:{port}"),
        &["wrong certificate: it was issued by an authority that this machine does not trust"],
    )
    .await;
}

#[tokio::test]
async fn expired_certificate() {
    let (port, pem) = server::https(server::ok("application/json", "[]"), (2001, 2, 3));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = json!({"url": format!("https://localhost:{port}"), "ca_file": "ca.pem"});
    let fault = source_in("graphite", config, folder.path()).fails("get_avg", [text("a")]).await;
    says(&fault, &["wrong certificate: it expired at 2001-02-03T00:00:00Z"]);
}

/// Error statuses are answers for `http`, and faults for those that expect an answer of a certain form.
#[tokio::test]
async fn error_statuses() {
    for (line, body, said) in [
        ("401 Unauthorized", "who are you?", "answered 401 Unauthorized: who are you?"),
        (
            "500 Internal Server Error",
            "<html><title>Oops  it\nbroke</title></html>",
            "answered 500 Internal Server Error: a web page titled 'Oops it broke'",
        ),
        ("503 Service Unavailable", "", "answered 503 Service Unavailable"),
    ] {
        let address = server::http(move |head, _| {
            assert!(head.contains("authorization: Basic "), "{head}");
            server::status(line, "text/plain", body)
        })
        .await;
        let config = json!({"url": address, "auth_username": "u", "auth_password": SECRET});
        says(&source("graphite", config.clone()).fails("get_sum", [text("a")]).await, &[said]);
        says(&source("prometheus", config).fails("query", [text("up")]).await, &[said]);
        let http = source("http", json!({"base_url": address, "auth_username": "u", "auth_password": SECRET}));
        let answer = http.call("get", []).await.unwrap();
        assert_eq!(answer.get("status"), Some(&Value::Int(line[..3].parse().unwrap())));
    }
}

#[tokio::test]
async fn html_instead_of_json() {
    let address =
        server::http(|_, _| server::ok("text/html", "<!DOCTYPE html><html><head><title>Sign in</title>")).await;
    let said =
        "answered a web page titled 'Sign in' instead of JSON; is the address right, or does a login stand before it?";
    says(&source("graphite", json!({"url": address})).fails("get_sum", [text("a")]).await, &[said]);
    says(&source("prometheus", json!({"url": address})).fails("query", [text("up")]).await, &[said]);
}

#[tokio::test]
async fn answers_of_another_form() {
    for body in ["{\"no\": \"list\"}", "[1, 2]", "[{\"target\": 3}]", "[{\"target\": \"a\", \"datapoints\": [[1]]}]"] {
        let address = server::http(move |_, _| server::ok("application/json", body)).await;
        says(
            &source("graphite", json!({"url": address})).fails("get_sum", [text("a")]).await,
            &["JSON that is no list of series"],
        );
    }
    for body in [
        "[]",
        "{\"status\": \"success\", \"data\": {}}",
        "{\"status\": \"success\", \"data\": {\"resultType\": \"vector\", \"result\": [7]}}",
    ] {
        let address = server::http(move |_, _| server::ok("application/json", body)).await;
        says(&source("prometheus", json!({"url": address})).fails("query", [text("up")]).await, &["answered "]);
    }
}

#[tokio::test]
async fn more_than_the_run_takes() {
    let body = format!("\"{}\"", "x".repeat(100_000));
    let address = server::http(move |_, _| server::ok("application/json", &body)).await;
    for (mut asked, sample) in speaking_http(&address, 60) {
        asked.answer_bytes = 10_000;
        let answer = samples::call(&asked, sample).await;
        assert_eq!(answer, Err(SourceFault::TooLarge(10_000)), "{}", sample.call.0);
    }
}

/// The run's own time ends before the source's.
#[tokio::test]
async fn the_runs_time_is_kept() {
    let address = server::listen(|mut socket| async move {
        server::request(&mut socket).await;
        std::future::pending::<()>().await;
    });
    let mut asked = source("graphite", json!({"url": format!("http://{}", address.await), "timeout": 1000}));
    asked.deadline = Duration::from_millis(300);
    let began = Instant::now();
    says(&asked.fails("get_sum", [text("a")]).await, &["timed out after 0."]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// A database that is down, or is none.
#[tokio::test]
async fn databases_that_are_none() {
    let nobody = server::nobody().await;
    let silent = server::listen(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let other = server::http(|_, _| server::ok("text/plain", "hello")).await.replace("http://", "");
    for scheme in ["mysql", "postgresql"] {
        for (address, parts, timeout) in [
            (&nobody, &["connection refused: nothing listens there"][..], 60.0),
            (&silent, &["timed out after 1"], 1.0),
            (&other, &[], 1.0),
        ] {
            let string = format!("{scheme}://user:s3cret-pw@{address}/shop");
            let asked = source("database", json!({"connection_string": string, "timeout": timeout}));
            let began = Instant::now();
            let fault = asked.fails("execute", [text("select 1")]).await;
            says(&fault, &[&format!(" ({scheme} at {address}/shop); source 'src': execute('select 1')")]);
            says(&fault, parts);
            assert!(!fault.contains("s3cret") && began.elapsed() < Duration::from_secs(20), "{fault}");
            assert!(asked.source.probe(Instant::now() + PATIENCE).await.is_err());
        }
    }
}
