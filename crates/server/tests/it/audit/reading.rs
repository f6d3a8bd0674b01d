//! Looking at the audit: page and API, filters, pages, who may; and how long it is kept.

use jiff::SignedDuration;
use revere::store::AuditFilter;
use revere_model::{Clock as _, MonitorSpec, Role};
use serde_json::{Value, json};

use super::whole;
use crate::{
    access::{Visitor, person},
    api::server::{Server, send},
    support::{Scratch, by_server, eventually, spec},
};

#[tokio::test]
async fn administrators_look_at_it_by_who_what_whom_and_when_and_nobody_else_does() {
    let server = Server::with_local_users().await;
    for (name, role) in [("ada", Role::Administrator), ("edgar", Role::Editor)] {
        person(&server, name, role, &[]).await;
    }
    let (ada, edgar) = (Visitor::logged_in(&server, "ada").await, Visitor::logged_in(&server, "edgar").await);
    let token = ada.token("administrator", "").await;
    let first = [
        ("name", "First"),
        ("script", "x = 1"),
        ("schedule", "0 0 1 1 *"),
        ("timezone", "UTC"),
        ("active", "true"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
    ];
    assert_eq!(edgar.submit("/create", &first).await.status, 303);
    server.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(edgar.submit("/monitor/1/pause", &[]).await.status, 303);
    for path in ["/audit", "/api/v1/audit"] {
        assert_eq!(edgar.get(path).await.status, 403);
        assert_eq!(Visitor::of(&server).get(path).await.status, if path == "/audit" { 303 } else { 401 });
    }

    // Refusals are written down after their answer: nobody waits for that.
    let refused = async || {
        let count = whole(&server.store).await.iter().filter(|row| row.act == "denied").count();
        if count >= 2 { Ok(()) } else { Err(format!("{count} refusals")) }
    };
    eventually("rows of what was refused", refused).await;
    let all = ada.get("/audit").await;
    assert_eq!(all.status, 200);
    for part in ["monitor created", "monitor changed", "logged in", "denied", "token made", ">edgar</a>", "127.0.0.1"] {
        assert!(all.text.contains(part), "{part}: {}", all.text);
    }
    let of_monitor = ada.get("/audit?target=monitor%3A1").await.text;
    assert!(of_monitor.contains("<span class=\"was\">yes</span>") && !of_monitor.contains("logged in</summary>"));
    assert!(of_monitor.contains("<div class=\"added\">+x = 1</div>"), "{of_monitor}");
    // By the clock, in the page's one zone, which is named; how long ago on hover.
    let day = "<tr class=\"day\"><th colspan=\"5\" scope=\"rowgroup\">Wed 1 Jul 2026, UTC</th></tr>";
    assert_eq!(of_monitor.matches(day).count(), 1, "{of_monitor}");
    assert!(of_monitor.contains("data-live=\"clock\">12:00:30</time>"), "{of_monitor}");
    let in_tokyo = async |query: &str| ada.get(&format!("/audit?target=monitor%3A1&zone=Asia%2FTokyo&{query}")).await;
    let from = in_tokyo("from=2026-07-01T21%3A30").await.text;
    assert!(from.contains(">22:00:30</time>") && !from.contains(">21:00:30</time>"), "{from}");
    assert!(from.contains("Wed 1 Jul 2026, Asia/Tokyo (UTC+9)") && from.contains("in Asia/Tokyo</span>"), "{from}");
    assert!(in_tokyo("from=2026-07-01T22%3A30").await.text.contains("Nothing fits."));
    assert!(ada.get("/monitor/1").await.text.contains("/audit?target=monitor:1"));
    assert!(!edgar.get("/monitor/1").await.text.contains("/audit"));
    assert!(ada.get("/audit?act=refusals").await.text.contains("denied</span>"));
    let nothing = ada.get("/audit?from=2030-01-01T00%3A00").await.text;
    assert!(nothing.contains("Nothing fits."), "{nothing}");
    for wrong in ["target=monitor", "who=nobody", "act=created", "from=yesterday", "from=2026-07-01T12%3A00&zone=Mars"]
    {
        let page = ada.get(&format!("/audit?{wrong}")).await;
        assert!(page.status == 200 && page.text.contains("role=\"alert\""), "{wrong}: {}", page.text);
    }

    let api = async |query: &str| {
        let request = server.request("GET", &format!("/api/v1/audit{query}"));
        send(request.header("authorization", format!("Bearer {token}"))).await
    };
    let acts = async |query: &str| {
        let items = api(query).await.json(200)["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["act"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(acts("?target=monitor:1").await, ["monitor_changed", "monitor_created"]);
    assert_eq!(acts("?who=person:2&act=monitor_created,logged_in").await, ["monitor_created", "logged_in"]);
    let noon = server.clock.now();
    assert_eq!(acts(&format!("?from={noon}&who=person:2&act=monitor_changed")).await, ["monitor_changed"]);
    assert_eq!(acts(&format!("?to={noon}&target=monitor:1")).await, ["monitor_created"]);
    assert_eq!(acts("?who=command_line").await, [""; 0]);
    for wrong in ["who=nobody", "act=x", "target=monitor", "from=noon", "limit=0", "before=x", "actor=1"] {
        api(&format!("?{wrong}")).await.problem(422);
    }
    // The line that AUDIT_LOG has is what the API has.
    let item = api("?limit=1&act=monitor_changed").await.json(200)["items"][0].clone();
    let rows = whole(&server.store).await;
    let row = rows.iter().find(|row| row.act == "monitor_changed").unwrap();
    assert_eq!(serde_json::to_value(row).unwrap(), item);
}

#[tokio::test]
async fn pages_follow_each_other_and_miss_none() {
    let server = Server::start().await;
    for number in 0..7 {
        server.clock.advance(SignedDuration::from_secs(number % 2));
        server.store.create_monitor(&spec(&format!("m{number}")), &by_server(server.clock.now())).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/audit?limit=3".to_owned();
    loop {
        let page = server.get(&path).await.json(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["target"]["name"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/audit?limit=3&before={next}");
    }
    let expected: Vec<Value> = (0..7).rev().map(|number| json!(format!("m{number}"))).collect();
    assert_eq!(seen, expected);
    let page = Visitor::of(&server).get("/audit").await;
    assert!(page.status == 200 && page.text.contains("monitor m6"), "nobody has to log in: {}", page.text);
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_in_pieces_and_nothing_else_does() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.advance(SignedDuration::from_hours(24 * 10));
    let changed = MonitorSpec { active: false, ..made.spec.clone() };
    scratch.store.update_monitor(made.id, 1, &changed, &by_server(scratch.now())).await.unwrap();
    scratch.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(scratch.store.purge_audit(11, scratch.now(), 10).await.unwrap(), 0);
    assert_eq!(scratch.store.purge_audit(10, scratch.now(), 10).await.unwrap(), 1);
    let left: Vec<String> = whole(&scratch.store).await.into_iter().map(|row| row.act).collect();
    assert_eq!(left, ["monitor_changed"]);
    let filter = AuditFilter { limit: 9, before: Some(1), ..AuditFilter::default() };
    assert_eq!(scratch.store.audit(&filter, 1000).await.unwrap(), (Vec::new(), false), "a page after one that is gone");
}

/// No code changes a row, and only the end of its time takes one away.
#[test]
fn no_code_changes_a_row() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for words in ["update audit", "delete from audit ", "replace into audit"] {
                let may = path.ends_with("store/audit/keeping.rs") && words.starts_with("delete");
                assert!(may || !text.contains(words), "{}: {words}", path.display());
            }
        }
    }
}
