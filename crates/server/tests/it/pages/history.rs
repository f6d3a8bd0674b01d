//! History: filters, pages, CSV.

use serde_json::json;

use super::browser::{Browser, attribute};
use crate::api::server::Server;

fn rows(html: &str) -> usize {
    html.matches("<tr id=\"r").count()
}

#[tokio::test]
async fn history_is_filtered_paged_and_downloaded() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "pass", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    // A run a minute from 12:00:30.
    server.record_runs(1, 250, |number| number == 7 || number == 8).await;
    let first = browser.page("/monitor/1/history").await;
    assert_eq!(rows(&first), 100);
    let older = first.split_once("\">Older</a>").unwrap().0.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    let second = browser.page(&older).await;
    assert_eq!(rows(&second), 100);
    assert!(second.contains("run 149") && !second.contains(">run 150<"), "the pages meet without overlap");
    assert_eq!(rows(&browser.page("/monitor/1/history?state=ALARM").await), 2);
    assert_eq!(rows(&browser.page("/monitor/1/history?flips=true").await), 3);
    let window = browser.page("/monitor/1/history?from=2026-07-01T14:10&to=2026-07-01T14:20&zone=europe/berlin").await;
    assert_eq!(rows(&window), 10, "in the chosen zone");
    assert!(window.contains("Wed 1 Jul 2026, 14:10:30"), "{window}");
    let ever = browser.page("/monitor/1/history?from=0001-01-01T00:00&to=9999-12-31T23:59&zone=America/New_York").await;
    assert_eq!(rows(&ever), 100, "the whole of the calendar");
    let ever = browser.page("/monitor/1/history?from=2026-01-01T00:00:00Z&to=9999-12-31T23:59:59Z").await;
    assert_eq!(rows(&ever), 100, "as programs write for never");
    assert!(browser.page("/monitor/1/history?from=yesterday").await.contains("is no time such as"));

    let csv = browser.get("/monitor/1/history.csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.header("content-disposition").contains("monitor-1.csv"));
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 251);
    assert!(lines[0].starts_with("id,kind,tick_at") && lines[1].ends_with("\"run 249\","), "{}", lines[1]);
    assert_eq!(browser.get("/monitor/1/history.csv?state=ALARM").await.text.lines().count(), 3);
}

/// A page has one zone, chosen once: another one shows the same stretch of time.
#[tokio::test]
async fn choosing_another_zone_keeps_what_is_shown() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "pass", "schedule": "@daily", "timezone": "Europe/Berlin" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.record_runs(1, 60, |_| false).await;
    let page = browser.page("/monitor/1/history?from=2026-07-01+14:10&to=2026-07-01+14:20&zone=Europe/Berlin").await;
    assert!(rows(&page) == 10 && page.matches("<select id=\"zone\"").count() == 1, "{page}");
    assert!(!page.contains("<select name=\"zone\""), "no second way to choose");
    let back = attribute(&page, "name=\"back\"", "value").replace("&#38;", "&");
    let chosen = browser.submit("/zone", &[("zone", "America/New_York"), ("back", &back)]).await;
    assert_eq!(chosen.header("location"), back);
    browser.keep("revere_zone=America/New_York");
    let page = browser.page(&back).await;
    assert_eq!((rows(&page), attribute(&page, "name=\"from\"", "value")), (10, "2026-07-01 08:10:00"));
    assert!(page.contains("Wed 1 Jul 2026, 08:10:30 UTC-4"), "{page}");
}
