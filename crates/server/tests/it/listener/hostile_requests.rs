//! Requests that no honest client sends, to the whole server.

use serde_json::json;

use crate::api::server::Server;

#[tokio::test]
async fn trace_is_no_method_here() {
    let server = Server::start().await;
    for path in ["/", "/healthz", "/metrics", "/api/v1/monitors", "/alerts", "/monitor/1"] {
        let answer = crate::api::server::send(server.request("TRACE", path).header("x-secret", "seen")).await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(!answer.header("allow").is_empty() && !answer.text.contains("seen"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn json_is_nested_no_deeper_than_anybody_means_it() {
    let server = Server::start().await;
    let nested = |depth: usize| format!("{{\"script\": {}1{}}}", "[".repeat(depth), "]".repeat(depth));
    for depth in [40, 200, 100_000] {
        let answer = server.send_raw("POST", "/api/v1/eval", nested(depth)).await;
        let detail = answer.problem(400)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("nested deeper than 32"), "{depth}: {detail}");
    }
    let answer = server.send_raw("POST", "/api/v1/eval", nested(30)).await;
    assert_eq!(answer.status, 422, "it is read, and is no script: {}", answer.text);
    let answer = server.send("POST", "/api/v1/eval", &json!({"script": "return_value = [[[[1]]]]"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
