//! The data of the chart: bounded, with peaks, and honest about bad questions.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

#[tokio::test]
async fn the_data_has_states_flips_and_at_most_as_many_points_as_asked() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "return_value = 1", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.record_runs(1, 300, |number| (100..110).contains(&number)).await;
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    server.clock.advance(jiff::SignedDuration::from_secs(1));
    let chart = async |query: &str| {
        serde_json::from_str::<serde_json::Value>(&browser.page(&format!("/monitor/1/chart?{query}")).await).unwrap()
    };
    let day = chart("range=24h&points=40").await;
    assert_eq!(day["runs"], 301);
    assert!(day["times"].as_array().unwrap().len() <= 41, "{day}");
    assert_eq!(day["values"].as_array().unwrap().last().unwrap(), &json!(1.0));
    let states: Vec<_> = day["bands"].as_array().unwrap().iter().map(|band| band[2].as_str().unwrap()).collect();
    assert_eq!(states, ["OK", "ALARM", "OK"]);
    let flips: Vec<_> = day["flips"].as_array().unwrap().iter().map(|flip| flip[2].as_str().unwrap()).collect();
    assert_eq!(flips, ["OK", "ALARM", "OK"], "{day}");
    assert_eq!(chart("range=1h&points=40").await["runs"].as_u64().unwrap(), 60);
    assert_eq!(chart("range=all").await["runs"], 301);
    for bad in ["range=1y", "from=5&to=4", "from=nan", "points=1000000"] {
        assert_eq!(browser.get(&format!("/monitor/1/chart?{bad}")).await.status, 422, "{bad}");
    }
    assert_eq!(browser.get("/monitor/9/chart").await.status, 404);
}
