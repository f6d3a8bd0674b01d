//! `/api/v1/sources`.

use serde_json::{Value, json};

use super::server::Server;

async fn echo(server: &Server, query: &str) -> Value {
    let page = server.get(&format!("/api/v1/sources{query}")).await.json(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    page["items"][0].clone()
}

#[tokio::test]
async fn a_source_is_shown_with_its_methods_and_how_it_does() {
    let server = Server::start().await;
    let fresh = echo(&server, "").await;
    assert_eq!((&fresh["name"], &fresh["type"], &fresh["health"]), (&json!("echo"), &json!("echo"), &json!("unknown")));
    assert_eq!(fresh["place"], "echo.example:8080", "as on the page");
    assert_eq!(fresh["methods"][0], json!({"name": "say", "signature": "(what)", "doc": "What it is told."}));

    let body = json!({"script": "sources['echo'].fail('connection refused')"});
    let outcome = server.send("POST", "/api/v1/eval", &body).await.json(200);
    assert_eq!(outcome["state"], "ERROR");
    assert!(outcome["message"].as_str().unwrap().contains("connection refused"), "{outcome}");
    assert_eq!(outcome["source_calls"][0]["method"], "fail");
    assert!(outcome["source_calls"][0]["error"].as_str().unwrap().contains("connection refused"), "{outcome}");
    let down = echo(&server, "").await;
    assert_eq!((&down["health"], &down["failing_since"]), (&json!("down"), &json!("2026-07-01T12:00:30Z")));
    assert!(down["last_error"].as_str().unwrap().contains("connection refused"), "{down}");

    let body = json!({"script": "return_value = sources['echo'].say(42)"});
    let outcome = server.send("POST", "/api/v1/eval", &body).await.json(200);
    assert_eq!((&outcome["return_value"], &outcome["source_calls"][0]["answer"]), (&json!(42), &json!("42")));
    let up = echo(&server, "").await;
    assert_eq!((&up["health"], &up["calls"], &up["failures"]), (&json!("up"), &json!(2), &json!(1)));
    assert!(up["latency_ms"].as_f64().unwrap() >= 0.0);
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains("revere_source_calls_total{source=\"echo\",result=\"failed\"} 1"), "{metrics}");
}

#[tokio::test]
async fn whoever_writes_a_script_is_told_what_a_source_can_be_asked_about() {
    let server = Server::start().await;
    assert_eq!(echo(&server, "").await["names_of"], "tables");
    let names = async |query: &str| server.get(&format!("/api/v1/sources/echo/names{query}")).await;
    let told = names("?prefix=").await.json(200);
    let table = json!({"name": "<orders>", "written": "<orders>", "kind": "table", "of": null, "detail": ""});
    let column = json!({"name": "total", "written": "total", "kind": "column", "of": "<orders>", "detail": "numeric"});
    assert_eq!(told, json!({"names_of": "tables", "items": [table, column], "complete": true, "fault": null}));
    let many = names("?prefix=many").await.json(200);
    assert_eq!((many["items"].as_array().unwrap().len(), &many["complete"]), (200, &json!(false)));
    let gone = names("?prefix=gone").await.json(200);
    assert_eq!((&gone["items"], &gone["fault"]), (&json!([]), &json!("connection refused")));
    assert_eq!(echo(&server, "").await["health"], "unknown", "what answers scripts need not answer this");
    names(&format!("?prefix={}", "x".repeat(201))).await.problem(422);
    names(&format!("?prefix={}", "%C3%A9".repeat(200))).await.json(200);
    names("?prefx=a").await.problem(422);
    let none = server.get("/api/v1/sources/none/names").await.problem(404);
    assert!(none["detail"].as_str().unwrap().contains("source \"none\""), "{none}");
}

#[tokio::test]
async fn a_probe_asks_now() {
    let server = Server::start().await;
    assert_eq!(echo(&server, "?probe=true").await["health"], "up");
    server.get("/api/v1/sources?prob=true").await.problem(422);
}

#[tokio::test]
async fn a_panic_is_our_fault_and_nobody_elses() {
    let server = Server::start().await;
    server.echo.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = server.get("/api/v1/sources?probe=true").await;
    let problem = answer.problem(500);
    assert!(!answer.text.contains("on purpose"), "what went wrong is the log's: {problem}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(echo(&server, "").await["health"], "unknown", "the server lives");
    assert!(server.get("/metrics").await.text.contains("route=\"/api/v1/sources\",status=\"500\"} 1"));
}
