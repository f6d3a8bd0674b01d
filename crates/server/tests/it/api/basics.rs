//! What holds for every answer: headers, problems for what cannot be read, and the guard against foreign pages.

use std::collections::BTreeMap;

use serde_json::json;

use super::server::{Server, send};
use crate::support::processor;

#[tokio::test]
async fn every_answer_has_its_headers() {
    let server = Server::start().await;
    for path in ["/healthz", "/metrics", "/api/v1/openapi.json", "/nowhere", "/api/v1/schedule"] {
        let answer = server.get(path).await;
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_harmless() {
    let server = Server::start().await;
    let answer = send(server.request("GET", "/nowhere").header("x-request-id", "proxy-7.a_B")).await;
    assert_eq!(answer.problem(404)["request_id"], "proxy-7.a_B");
    let answer = send(server.request("GET", "/nowhere").header("x-request-id", "a b\tlog-forgery")).await;
    assert_ne!(answer.problem(404)["request_id"], "a b\tlog-forgery");
}

#[tokio::test]
async fn unknown_paths_and_methods_say_what_there_is() {
    let server = Server::start().await;
    let problem = server.get("/api/v1/monitor").await.problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("/api/v1/openapi.json"), "{problem}");
    let answer = send(server.request("DELETE", "/api/v1/schedule")).await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), "POST");
    let answer = send(server.request("PUT", "/create")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET,HEAD,POST"));
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let server = Server::start().await;
    for path in ["/healthz", "/api/v1/monitors", "/metrics"] {
        let answer = send(server.request("HEAD", path)).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_and_nothing_is_done() {
    let server = Server::start().await;
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let faults = send(server.request("DELETE", &format!("{path}?dry_run=true"))).await.faults();
    assert_eq!(faults, ["dry_run: unknown parameter 'dry_run'; none is known here"]);
    for (method, path, body) in [
        ("POST", "/api/v1/monitors", body.clone()),
        ("PUT", path.as_str(), body),
        ("PATCH", path.as_str(), json!({"name": "x"})),
        ("POST", &format!("{path}/run"), json!({})),
        ("PUT", "/api/v1/alerts/ops", json!({"enabled": false})),
        ("POST", "/api/v1/alerts/ops/test", json!({})),
        ("POST", "/api/v1/eval", json!({"script": "pass"})),
        ("POST", "/api/v1/check", json!({"script": "pass"})),
        ("POST", "/api/v1/schedule", json!({"schedule": "@daily"})),
    ] {
        assert_eq!(
            server.send(method, &format!("{path}?dry_run=true"), &body).await.faults().len(),
            1,
            "{method} {path}"
        );
    }
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"], json!([made]));
    assert_eq!(server.get("/api/v1/alerts/ops").await.json(200)["enabled"], true);
    assert_eq!(server.mailbox.all().len(), 0);
}

#[tokio::test]
async fn programs_say_what_they_mean_in_parameters() {
    let server = Server::start().await;
    for (path, fault) in [
        ("/api/v1/sources?probe=", "probe: expected true or false, not \"\""),
        ("/api/v1/sources/echo/names?prefix=a%0Ab", "prefix: expected one line without control characters"),
        ("/api/v1/sources?probe=1", "probe: expected true or false, not \"1\""),
        ("/api/v1/monitors?limit=", "limit: expected a whole number from 1 to 500, not \"\""),
        ("/api/v1/monitors?after=-1", "after: expected the `next` of the page before, not \"-1\""),
        ("/api/v1/deliveries?status=", "status: expected queued, delivered, failed or cancelled, not \"\""),
        ("/api/v1/deliveries?monitor=0", "monitor: expected a whole number from 1 to 9223372036854775807, not \"0\""),
        ("/api/v1/events?monitor=-1", "monitor: expected a whole number from 1 to 9223372036854775807, not \"-1\""),
    ] {
        assert_eq!(server.get(path).await.faults(), [fault], "{path}");
    }
    for path in [
        "/api/v1/monitors?state=OK&state=ALARM,error",
        "/api/v1/monitors?state=&tag=&q=&after=",
        "/api/v1/audit?to=9999-12-31T23:59:59Z",
    ] {
        server.get(path).await.json(200);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_placed() {
    let server = Server::start().await;
    let post = async |body: &'static [u8]| server.send_raw("POST", "/api/v1/schedule", body).await;
    let problem = post(b"{\"schedule\": \"* * * * *\",\n \"timezone\" \"UTC\"}").await.problem(400);
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(13)), "{problem}");
    let problem = post(b"{\"schedule\": \"\xc3\x28\"}").await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("not UTF-8"), "{problem}");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(1), &json!(15)), "{problem}");
    post(b"").await.problem(400);
    post(b"[1, 2]").await.problem(422);
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    server.send_raw("POST", "/api/v1/schedule", deep).await.problem(400);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let large = format!("{{\"schedule\": \"{}\"}}", "x".repeat(1 << 20));
    server.send_raw("POST", "/api/v1/schedule", large.clone()).await.problem(413);
    let pieces = large.into_bytes().chunks(60_000).map(<[u8]>::to_vec).map(Ok::<_, std::io::Error>).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    server.send_raw("POST", "/api/v1/schedule", stream).await.problem(413);
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"] {
        let request = server.request("POST", "/api/v1/schedule").header("content-type", kind).body("schedule=x");
        let problem = send(request).await.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("application/json"), "{problem}");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_act_in_our_name() {
    let server = Server::start().await;
    let from = async |name: &'static str, value: &str| {
        let request = server.request("POST", "/api/v1/schedule").header(name, value);
        send(request.json(&json!({"schedule": "@daily"}))).await
    };
    from("origin", "http://evil.example").await.problem(403);
    from("origin", "null").await.problem(403);
    from("sec-fetch-site", "cross-site").await.problem(403);
    from("sec-fetch-site", "same-origin").await.json(200);
    from("origin", &server.base).await.json(200);
}

#[tokio::test]
async fn a_foreign_name_for_loopback_reads_nothing() {
    let server = Server::start().await;
    let named =
        async |path: &'static str, host: &'static str| send(server.request("GET", path).header("host", host)).await;
    let problem = named("/metrics", "rebound.example:5000").await.problem(421);
    assert!(problem["detail"].as_str().unwrap().contains("BASE_URL"), "{problem}");
    assert_eq!(named("/metrics", "localhost:5000").await.status, 200);
    assert_eq!(named("/healthz", "probe.internal").await.status, 200, "health says nothing worth hiding");
}

#[tokio::test]
async fn requests_are_counted_by_route_not_by_address() {
    let server = Server::start().await;
    server.get("/api/v1/never-heard-of/1").await.problem(404);
    server.get("/healthz").await;
    let metrics = server.get("/metrics").await.text;
    assert!(
        metrics.contains("revere_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("route=\"none\",status=\"404\"} 1"), "{metrics}");
    assert!(!metrics.contains("never-heard-of"), "{metrics}");
    assert!(metrics.contains("# TYPE revere_http_requests_total counter"), "{metrics}");
}

/// A rate over a counter that begins with its first event never shows that event.
#[tokio::test]
async fn what_can_be_counted_is_zero_before_it_happens() {
    let server = Server::start().await;
    server.at_rest().await;
    let page = server.get("/metrics").await.text;
    let labels = |of: &str, names: &[&str]| names.iter().map(|name| format!("{of}=\"{name}\"")).collect::<Vec<_>>();
    let mut expected = Vec::new();
    for state in labels("state", &["OK", "ALARM", "ERROR"]) {
        expected.push(format!("revere_run_duration_seconds_count{{{state}}} 0"));
        for kind in labels("kind", &["scheduled", "catch_up", "manual"]) {
            expected.push(format!("revere_runs_total{{{state},{kind}}} 0"));
        }
    }
    for result in labels("result", &["answered", "failed", "bad_arguments", "too_large", "not_made"]) {
        expected.push(format!("revere_source_calls_total{{source=\"echo\",{result}}} 0"));
    }
    expected.push("revere_source_call_duration_seconds_count{source=\"echo\"} 0".to_owned());
    for alert in labels("alert", &["ops", "broken"]) {
        for result in labels("result", &["delivered", "retried", "failed"]) {
            expected.push(format!("revere_delivery_attempts_total{{{alert},{result}}} 0"));
        }
        for result in labels("result", &["sent", "retried", "given_up"]) {
            expected.push(format!("revere_deliveries_total{{{alert},{result}}} 0"));
        }
    }
    for kind in labels("kind", &["busy", "disk", "other"]) {
        expected.push(format!("revere_store_errors_total{{{kind}}} 0"));
    }
    for instance in labels("instance", &["fresh", "kept"]) {
        expected.push(format!("revere_sandbox_runs_total{{{instance}}} 0"));
    }
    // It counts all requests; those by route begin with the first of their kind.
    expected.push("revere_http_request_duration_seconds_count 0".to_owned());
    for task in server.engine.tasks() {
        expected.push(format!("revere_task_failures_total{{task=\"{}\"}} 0", task.name));
        expected.push(format!("revere_task_failing{{task=\"{}\"}} 0", task.name));
    }
    for line in expected {
        assert!(page.lines().any(|shown| shown == line), "{line} is missing from\n{page}");
    }
    // None is configured here; cli/heartbeat.rs has one.
    assert!(!page.contains("revere_heartbeats_total{"), "{page}");
}

/// Its name was compared with every known one, letter by letter; a value of that length shows what the rest costs.
#[tokio::test]
async fn an_unknown_field_of_a_million_characters_costs_no_more_than_a_value() {
    let server = Server::start().await;
    let long = "x".repeat(1_000_000);
    let body = json!({"name": long, "script": "", "schedule": "@hourly"});
    let (answer, value) = processor::spent_in(server.send("POST", "/api/v1/monitors", &body)).await;
    answer.problem(422);
    for path in ["/api/v1/monitors", "/api/v1/eval", "/api/v1/schedule"] {
        let body = json!(BTreeMap::from([(&long, 1)]));
        let (answer, name) = processor::spent_in(server.send("POST", path, &body)).await;
        assert!(
            answer.text.len() < 2000 && answer.text.contains("unknown field 'xxx"),
            "{path}: {:.2000}",
            answer.text
        );
        answer.problem(422);
        assert!(name < 5 * value, "{path}: {name:?}, and a value {value:?}");
    }
}

#[tokio::test]
async fn prometheus_own_tool_finds_nothing_to_say_about_the_metrics() {
    let server = Server::start().await;
    let body = json!({"name": "m", "script": "return_value = sources['echo'].say(1)", "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", &format!("/api/v1/monitors/{}/run", made["id"]), &json!({})).await.json(200);
    let page = server.get("/metrics").await;
    for line in [
        "revere_runs_total{state=\"OK\",kind=\"manual\"} 1",
        "revere_monitors{state=\"OK\"} 1",
        "revere_monitors{state=\"ALARM\"} 0",
        "revere_source_calls_total{source=\"echo\",result=\"answered\"} 1",
        "revere_runs_in_flight 0",
        "revere_runs_waiting 0",
        "revere_deliveries_queued 0",
        "revere_monitor_state{id=\"1\",name=\"m\",state=\"OK\"} 1",
        "revere_monitor_value{id=\"1\",name=\"m\"} 1",
        "revere_monitor_last_run_timestamp_seconds{id=\"1\",name=\"m\"} 1782907230",
    ] {
        assert!(page.text.lines().any(|shown| shown == line), "{line} is missing from\n{}", page.text);
    }
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let open =
        send(server.request("GET", "/metrics").header("accept", "application/openmetrics-text; version=1.0.0")).await;
    assert!(open.header("content-type").starts_with("application/openmetrics-text"));
    assert!(open.text.ends_with("# EOF\n"));

    let mut tool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool of Debian's prometheus, which scripts/test installs");
    std::io::Write::write_all(&mut tool.stdin.take().unwrap(), page.text.as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(said.status.success() && words.is_empty(), "{words}\n{}", page.text);
}

/// What the documentation has for Prometheus is what Prometheus takes.
#[test]
fn the_rules_of_the_documentation_are_rules() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md")).unwrap();
    let blocks: Vec<&str> = guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    for (begin, check) in [("groups:", "rules"), ("scrape_configs:", "config")] {
        let block = blocks.iter().find(|block| block.starts_with(begin)).unwrap();
        let path = folder.path().join(format!("{check}.yml"));
        // The token's file is the reader's.
        std::fs::write(&path, block.replace("/etc/prometheus/revere.token", &path.display().to_string())).unwrap();
        let said = std::process::Command::new("promtool").args(["check", check]).arg(&path).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&[said.stdout, said.stderr].concat()));
    }
}
