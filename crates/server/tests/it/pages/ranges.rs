//! With which range a chart begins where nobody says: the shortest that holds data.

use jiff::SignedDuration;
use serde_json::json;

use super::browser::{Browser, attribute};
use crate::api::server::Server;

#[tokio::test]
async fn a_chart_begins_with_the_shortest_range_that_holds_data() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({"name": "Queue", "script": "return_value = 1", "schedule": "0 0 1 1 *", "retain_days": null});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let begins_with = async || {
        let page = browser.page("/monitor/1").await;
        let range = attribute(&page, "data-range-now", "data-range-now").to_owned();
        // The page says so where one chooses another.
        let link = format!("data-range=\"{range}\" aria-current=\"true\"");
        assert!(page.contains(&link), "{link} in {page}");
        range
    };
    let runs = async || {
        server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
        server.clock.advance(SignedDuration::from_mins(1));
    };
    runs().await;
    assert_eq!(begins_with().await, "1h");
    for (hours, range) in [(2, "24h"), (2 * 24, "7d"), (8 * 24, "30d"), (40 * 24, "all")] {
        server.clock.advance(SignedDuration::from_hours(hours));
        assert_eq!(begins_with().await, range, "{hours} h later");
    }
    // One run is a point; what came before it shows what it is compared with.
    runs().await;
    assert_eq!(begins_with().await, "all");
    runs().await;
    assert_eq!(begins_with().await, "24h", "the last day has enough");
    // What is asked for is shown, whatever there is.
    let page = browser.page("/monitor/1?range=30d").await;
    assert_eq!(attribute(&page, "data-range-now", "data-range-now"), "30d");
}
