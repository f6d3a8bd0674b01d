//! What no page may do, and what every page must say.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::{Server, send};

const HOSTILE: &str = "\"><script>alert(1)</script>' onmouseover='x <!-- \u{202e}gnp.exe \u{2066} 🧨";

#[tokio::test]
async fn pages_allow_nothing_of_others_and_hostile_text_stays_text() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let word = format!("{HOSTILE}{}", "w".repeat(8000));
    let script = format!("return_value = {word:?}\nprint({word:?})\nraise MonitorFailure({word:?})")
        .replace("\\u{202e}", "\\u202e")
        .replace("\\u{2066}", "\\u2066");
    let body = json!({ "name": HOSTILE, "description": word, "script": script, "schedule": "@daily",
        "tags": ["<script>alert(2)</script>", "🧨"] });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let paths = [
        "/",
        "/?q=%3Cscript%3E",
        "/?tag=%3Cscript%3Ealert(2)%3C/script%3E",
        "/create",
        "/create?from=1",
        "/monitor/1",
        "/monitor/1/edit",
        "/monitor/1/delete",
        "/monitor/1/history",
        "/monitor/1/versions",
        "/monitor/1/versions/1",
        "/monitor/1/difference?from=1&to=1",
        "/deleted",
        "/alerts",
        "/alert/ops/edit",
        "/sources",
        "/server",
        "/guides/MONITORS.md",
    ];
    for path in paths {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        for expected in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(expected), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        let html = &answer.text;
        assert!(!html.contains("<script>alert"), "{path}");
        assert!(!html.contains(" style="), "{path}: no inline style");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/static/"), "{path}: only scripts of our own: {}", &script[..60]);
        }
        assert!(html.split(" on").skip(1).all(|rest| !rest.starts_with("mouseover='x")), "{path}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("<main"), "{path}");
    }
}

/// Every address that takes a form, as the table of pages has it.
fn form_addresses() -> Vec<String> {
    let table = include_str!("../../../src/web/pages/mod.rs");
    let forms = table.lines().filter(|line| line.contains("post("));
    let paths = forms.filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next());
    paths
        .map(|path| {
            path.replace("{id}", "1").replace("{key}", "ops").replace("{slug}", "queue").replace("{version}", "1")
        })
        .collect()
}

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "pass", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    browser.get("/").await;
    let post = |path: &str| browser.request("POST", path).form(&[("typed", "m"), ("do", "save"), ("name", "x")]);
    let paths = form_addresses();
    assert!(paths.len() > 10 && paths.contains(&"/monitor/1/edit".to_owned()), "{paths:?}");
    for path in &paths {
        assert_eq!(send(post(path)).await.status, 403, "{path}: without the token");
        let foreign = send(post(path).header("origin", "https://evil.example")).await;
        assert_eq!(foreign.status, 403, "{path}: from elsewhere");
        assert!(foreign.text.contains("<!doctype html>"), "people read pages");
    }
    let json = send(browser.request("POST", "/monitor/1/run").json(&json!({}))).await;
    assert_eq!(json.status, 415);
    let monitor = server.get("/api/v1/monitors/1").await.json(200);
    assert_eq!((&monitor["active"], &monitor["last_run_at"]), (&json!(true), &json!(null)));
}

#[tokio::test]
async fn people_read_pages_and_programs_read_documents() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.get("/monitor/7").await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.text.contains("There is no monitor 7.") && page.text.contains("Go to the monitors"), "{}", page.text);
    // Of what was asked wrongly the log says nothing.
    assert!(!page.text.contains(page.header("x-request-id")), "{}", page.text);
    let nowhere = browser.get("/nowhere/%3Ci%3E").await;
    assert!(nowhere.status == 404 && !nowhere.text.contains("<i>"), "{}", nowhere.text);
    server.get("/monitor/7").await.problem(404);
    server.get("/api/v1/monitors/7").await.problem(404);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_address_of_their_bytes() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.page("/").await;
    for name in ["app", "app.css"] {
        let begin = page.find(&format!("/static/{}.", name.trim_end_matches(".css"))).unwrap();
        let address = page[begin..].split('"').next().unwrap();
        let answer = browser.get(address).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        let tag = answer.header("etag").to_owned();
        let again = send(browser.request("GET", address).header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        let old = format!("/static/{}.0000000000000000.{}", "app", address.rsplit('.').next().unwrap());
        assert_eq!(browser.get(&old).await.header("cache-control"), "no-store");
        assert_eq!(browser.get(&format!("{address}.backup")).await.status, 404, "there is no such file");
    }
    assert_eq!(browser.get("/static/nothing.0.js").await.status, 404);
    assert_eq!(browser.get("/static/..%2f..%2fCargo.toml").await.status, 404);
    let icon = browser.get("/icon.svg?failing=12").await;
    assert!(icon.header("content-type") == "image/svg+xml" && icon.text.contains(">12<"));
}
