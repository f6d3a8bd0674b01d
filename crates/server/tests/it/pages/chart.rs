//! The data of the chart: bounded, with peaks, and honest about bad questions.

use revere_model::Clock as _;
use serde_json::json;

use super::browser::{Browser, attribute};
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
    // What stands for "until ever" is no fault.
    assert_eq!(chart("from=0&to=253402300799").await["runs"], 301);
    for bad in ["range=1y", "from=5&to=4", "from=nan", "from=0&to=253402300800", "points=1000000"] {
        assert_eq!(browser.get(&format!("/monitor/1/chart?{bad}")).await.status, 422, "{bad}");
    }
    assert_eq!(browser.get("/monitor/9/chart").await.status, 404);
}

#[tokio::test]
async fn the_week_before_lies_at_the_same_time_by_the_clock() {
    // Between the two Wednesdays Berlin's clock goes forward.
    let clock = revere_model::ManualClock::at("2026-03-25T12:00:00Z".parse().unwrap());
    let server = Server::with_log_in(revere::access::LogInSettings::default(), clock).await;
    let browser = Browser::of(&server);
    let body =
        json!({ "name": "m", "script": "return_value = 7", "schedule": "0 0 1 1 *", "timezone": "Europe/Berlin" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    server.clock.advance(jiff::SignedDuration::from_mins(7 * 24 * 60 - 30));
    let chart = async |query: &str| {
        let page = browser.page(&format!("/monitor/1/chart?range=1h{query}")).await;
        serde_json::from_str::<serde_json::Value>(&page).unwrap()
    };
    let eleven = "2026-04-01T11:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second() as f64;
    let hour = chart("&last_week=true").await;
    assert_eq!((&hour["week_before"], &hour["runs"]), (&json!([[eleven, 7.0]]), &json!(0)), "13:00 in Berlin");
    assert_eq!(hour["words"], "0 runs, the week before always 7");
    assert_eq!(chart("").await["week_before"], json!(null));
    assert_eq!(browser.get("/monitor/1/chart?last_week=maybe").await.status, 422);
    let page = browser.page("/monitor/1?range=1h&last_week=true").await;
    for part in [
        "class=\"ghost\" points=\"500.0,",
        "the week before always 7",
        "<span data-ghost><svg",
        "href=\"/monitor/1?range=7d&amp;last_week=true\"",
        "href=\"/monitor/1?range=1h\" data-last-week-link aria-current",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let page = browser.page("/monitor/1?range=1h").await;
    assert!(page.contains("<span data-ghost hidden>") && page.contains("No run in this time."), "{page}");
    assert!(page.contains("href=\"/monitor/1?range=1h&amp;last_week=true\" data-last-week-link title"), "{page}");
}

#[tokio::test]
async fn what_was_zoomed_into_stands_in_the_address_of_the_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "return_value = 1", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let from = server.clock.now().as_second();
    server.record_runs(1, 60, |_| false).await;
    let page = browser.page(&format!("/monitor/1?range=7d&from={from}&to={}", from + 600)).await;
    assert!(page.contains("over the time zoomed into: 10 runs"), "{page}");
    assert!(page.contains(&format!("data-from=\"{from}\" data-to=\"{}\"", from + 600)), "{page}");
    assert!(page.contains("<noscript><a href=\"/monitor/1?range=7d\">Zoom out</a>"), "{page}");
    assert!(!page.contains("data-range=\"7d\" aria-current"), "{page}");
    assert!(!browser.page("/monitor/1").await.contains("data-from"));
    for bad in ["from=5", "to=5", "from=5&to=4", "from=nan&to=5", "from=x&to=5"] {
        assert_eq!(browser.get(&format!("/monitor/1?{bad}")).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn a_chart_of_the_past_has_the_changes_of_state_of_that_time_however_many_came_since() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "return_value = 1", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let from = server.clock.now().as_second();
    server.record_runs(1, 400, |number| number % 2 == 1).await;
    let chart = async |from: i64, to: i64| {
        let page = browser.page(&format!("/monitor/1/chart?from={from}&to={to}")).await;
        serde_json::from_str::<serde_json::Value>(&page).unwrap()
    };
    let hour = chart(from, from + 3600).await;
    let flips: Vec<f64> = hour["flips"].as_array().unwrap().iter().map(|flip| flip[0].as_f64().unwrap()).collect();
    assert_eq!(flips, (0..60).map(|minute| (from + minute * 60) as f64).collect::<Vec<_>>());
    assert!(hour["words"].as_str().unwrap().starts_with("60 runs, 60 changes of state"), "{}", hour["words"]);
    let all = chart(from, from + 400 * 60).await;
    let flips = all["flips"].as_array().unwrap();
    assert_eq!((flips.len(), flips[299][0].as_f64()), (300, Some((from + 399 * 60) as f64)), "of too many the newest");
    let page = browser.page("/monitor/1?range=all").await;
    assert!(page.contains("all that is kept: 400 runs") && page.matches("class=\"flip flip-").count() == 300, "{page}");
}

/// Nobody has to look for the range in which there is something.
#[tokio::test]
async fn a_chart_begins_with_the_shortest_range_that_holds_data() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "return_value = 1", "schedule": "0 0 1 1 *" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let run = async || server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let range = async || {
        let page = browser.page("/monitor/1").await;
        let range = attribute(&page, "data-range-now", "data-range-now").to_owned();
        assert!(page.contains(&format!("data-range=\"{range}\" aria-current=\"true\"")), "{page}");
        range
    };
    assert_eq!(range().await, "1h", "there is nothing yet");
    run().await;
    assert_eq!(range().await, "1h");
    server.clock.advance(jiff::SignedDuration::from_hours(2));
    run().await;
    assert_eq!(range().await, "24h", "all there is");
    for (days, expected) in [(3, "7d"), (20, "30d"), (40, "all")] {
        server.clock.advance(jiff::SignedDuration::from_hours(24 * days));
        assert_eq!(range().await, expected, "nothing shorter has two runs");
    }
    for _ in 0..2 {
        run().await;
    }
    assert_eq!(range().await, "24h", "what is new is in the last day");
}

/// An empty box says nothing.
#[tokio::test]
async fn a_monitor_that_never_left_a_value_has_no_chart() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "pass", "schedule": "0 0 1 1 *" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let run = async || server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    run().await;
    let page = browser.page("/monitor/1").await;
    assert!(!page.contains("data-chart=") && !page.contains("chart-title") && page.contains("Last runs"), "{page}");
    assert!(browser.page("/monitor/1?range=24h").await.contains("data-chart="), "who asks for a time is shown it");
    for script in ["return_value = 'a text'", "1/0"] {
        server.send("PATCH", "/api/v1/monitors/1", &json!({"script": script})).await.json(200);
        run().await;
        assert!(browser.page("/monitor/1").await.contains("data-chart="), "{script}: there was one");
    }
}
