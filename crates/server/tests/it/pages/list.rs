//! The list: worst first, filtered, page by page, many at once.

use revere_model::{Asked, Clock as _, MonitorSpec, Role};
use serde_json::json;

use super::browser::Browser;
use crate::{
    access::{Visitor, person},
    api::server::Server,
};

/// Makes a monitor and runs it once; answers its id.
async fn monitor(server: &Server, name: &str, script: &str, tags: &[&str]) -> i64 {
    let body = json!({ "name": name, "script": script, "schedule": "@hourly", "tags": tags });
    let id = server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].as_i64().unwrap();
    server.send("POST", &format!("/api/v1/monitors/{id}/run"), &json!({})).await.json(200);
    id
}

/// The names of a list, from top to bottom.
pub(super) fn names(html: &str) -> Vec<&str> {
    html.split("class=\"name foreign one-line\"").skip(1).map(|rest| rest.split(['>', '<']).nth(1).unwrap()).collect()
}

#[tokio::test]
async fn worst_comes_first_and_the_tab_counts() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "a passes", "return_value = 1", &[]).await;
    monitor(&server, "b breaks", "1/0", &[]).await;
    monitor(&server, "c alarms", "raise MonitorFailure('<b>disk</b> is full')", &[]).await;
    let page = browser.page("/").await;
    assert_eq!(names(&page), ["c alarms", "b breaks", "a passes"]);
    assert!(page.contains("<title>(2) Monitors · Revere</title>"), "{page}");
    assert!(page.contains("&#60;b&#62;disk&#60;/b&#62; is full"), "{page}");
    assert!(page.contains("/icon.svg?failing=2"));
}

/// What just broke is what one looks for; what has been broken for days is known.
#[tokio::test]
async fn of_the_problems_of_one_state_the_newest_stands_first_on_every_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "a well", "return_value = 1", &[]).await;
    let mut expected = Vec::new();
    // Two begin at each moment; a page holds a hundred.
    for number in 0..120 {
        let name = format!("{:03}", number * 7 % 120);
        monitor(&server, &name, "raise MonitorFailure('x')", &[]).await;
        expected.push((number / 2, name));
        if number % 2 == 1 {
            server.clock.advance(jiff::SignedDuration::from_secs(60));
        }
    }
    monitor(&server, "broken last of all", "1/0", &[]).await;
    expected.sort_by(|(one, name), (other, also)| other.cmp(one).then(name.cmp(also)));
    let expected: Vec<&str> =
        expected.iter().map(|(_, name)| name.as_str()).chain(["broken last of all", "a well"]).collect();
    let first = browser.page("/").await;
    let (before, _) = first.split_once("\">Next page</a>").unwrap();
    let second = browser.page(&before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&")).await;
    assert_eq!([names(&first), names(&second)].concat(), expected);
}

/// A warning can wait until morning; what is critical cannot, whether it is an alarm or nobody knows.
#[tokio::test]
async fn what_is_critical_stands_before_every_warning_on_every_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let mut expected = Vec::new();
    for (rank, of, script) in [
        (4, 1, "return_value = 1"),
        (1, 2, "1/0"),
        (2, 50, "raise MonitorFailure('x', severity='warning')"),
        (0, 70, "raise MonitorFailure('x')"),
        (3, 1, "x = []\nx[0]"),
    ] {
        for number in 0..of {
            let name = format!("{rank} {number:03}");
            let severity = if rank == 3 { "warning" } else { "critical" };
            let body = json!({ "name": name, "script": script, "schedule": "@hourly", "default_severity": severity });
            let id = server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].as_i64().unwrap();
            server.send("POST", &format!("/api/v1/monitors/{id}/run"), &json!({})).await.json(200);
            expected.push(name);
        }
    }
    expected.sort();
    let first = browser.page("/").await;
    let (before, _) = first.split_once("\">Next page</a>").unwrap();
    let next = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    assert!(next.starts_with("/?after=ALARM-warning."), "{next}");
    let second = browser.page(&next).await;
    assert_eq!([names(&first), names(&second)].concat(), expected);
    let warnings: Vec<&str> = expected[72..].iter().map(String::as_str).filter(|name| !name.starts_with('4')).collect();
    assert_eq!(names(&browser.page("/?severity=warning").await), warnings);
    // An address of before, and one that nobody made, are pages, too.
    let number = next.rsplit('.').next().unwrap();
    assert!(names(&browser.page(&format!("/?after=ALARM.{number}")).await).contains(&"2 049"));
    assert_eq!(names(&browser.page("/?after=ALARM-grave.1").await).len(), 100);
}

#[tokio::test]
async fn a_list_is_filtered_by_state_tag_and_words() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "Web load", "return_value = 1", &["web"]).await;
    monitor(&server, "Mail", "1/0", &["ops"]).await;
    monitor(&server, "100%_done", "return_value = 1", &["ops"]).await;
    for (address, expected) in [
        ("/?state=ERROR", vec!["Mail"]),
        ("/?tag=ops", vec!["Mail", "100%_done"]),
        ("/?q=LOAD", vec!["Web load"]),
        ("/?q=web", vec!["Web load"]),
        ("/?q=%25_", vec!["100%_done"]),
        ("/?q=ops&state=OK,ALARM", vec!["100%_done"]),
        ("/?q=nothing", vec![]),
    ] {
        assert_eq!(names(&browser.page(address).await), expected, "{address}");
        let joint = if address.contains('?') { '&' } else { '?' };
        let part = browser.page(&format!("{address}{joint}part=list")).await;
        assert!(!part.contains("<html"), "{part}");
        assert_eq!(names(&part), expected, "{address}, as one types");
    }
    assert_eq!(browser.get("/?state=DOWN").await.status, 422);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for number in 0..230 {
        let body = json!({ "name": format!("m{:03}", number * 7 % 230), "script": "pass", "schedule": "@hourly" });
        server.send("POST", "/api/v1/monitors", &body).await.json(201);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut address = "/".to_owned();
    loop {
        let page = browser.page(&address).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some((before, _)) = page.split_once("\">Next page</a>") else { break };
        address = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    }
    let expected: Vec<String> = (0..230).map(|number| format!("m{number:03}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn many_are_changed_at_once_and_deleted_only_after_typing() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for name in ["one", "two", "three"] {
        monitor(&server, name, "pass", &["old"]).await;
    }
    let change = async |fields: &[(&str, &str)]| {
        let mut all = vec![("back", "/?tag=old"), ("pick", "1"), ("pick", "2"), ("pick", "99")];
        all.extend_from_slice(fields);
        browser.submit("/monitors/change", &all).await
    };
    let state = async |id: i64| server.get(&format!("/api/v1/monitors/{id}")).await.json(200);
    assert_eq!(change(&[("do", "pause")]).await.header("location"), "/?tag=old&done=pause.2");
    assert!(browser.page("/?done=pause.2").await.contains("2 monitors paused."));
    assert!(browser.page("/?done=%3Cb%3E.2").await.contains("<h1>Monitors"));
    let none = browser.submit("/monitors/change", &[("do", "pause")]).await;
    assert!(browser.page(none.header("location")).await.contains("No monitor was chosen"));
    assert_eq!((&state(1).await["active"], &state(3).await["active"]), (&json!(false), &json!(true)));
    for unknown in ["", "fly", "pause\r\nlocation: /login", "\u{7f}"] {
        let answer = change(&[("do", unknown)]).await;
        assert_eq!(answer.status, 422, "{unknown:?}: {}", answer.text);
        assert!(answer.text.contains("do` is one of pause, resume"), "{}", answer.text);
    }
    change(&[("do", "resume")]).await;
    change(&[("do", "tag"), ("tag", "New")]).await;
    change(&[("do", "tag"), ("tag", "new")]).await;
    assert_eq!(state(2).await["tags"], json!(["old", "New"]));
    change(&[("do", "untag"), ("tag", "OLD")]).await;
    assert_eq!(state(2).await["tags"], json!(["New"]));
    let asked = change(&[("do", "delete")]).await;
    assert!(asked.status == 200 && asked.text.contains("Delete 2 monitors?"), "{}", asked.text);
    assert_eq!(change(&[("do", "delete"), ("typed", "delete 3")]).await.status, 422);
    assert_eq!(state(1).await["id"], 1, "still there");
    assert_eq!(change(&[("do", "delete"), ("typed", "delete 2")]).await.status, 303);
    assert_eq!(server.get("/api/v1/monitors/1").await.status, 404);
    assert_eq!(state(3).await["id"], 3);
}

#[tokio::test]
async fn a_tab_that_nobody_looks_at_asks_how_many_are_failing() {
    let server = Server::start().await;
    monitor(&server, "breaks", "1/0", &[]).await;
    monitor(&server, "passes", "pass", &[]).await;
    let counts = server.get("/counts").await.json(200);
    assert_eq!((&counts["ERROR"], &counts["OK"]), (&json!(1), &json!(1)), "{counts}");
}

/// The names of a list and of all pages after it.
async fn all_names(browser: &Browser<'_>, address: &str) -> Vec<String> {
    let (mut seen, mut address) = (Vec::new(), address.to_owned());
    loop {
        let page = browser.page(&address).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some((before, _)) = page.split_once("\">Next page</a>") else { return seen };
        address = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    }
}

#[tokio::test]
async fn a_click_on_a_head_orders_the_list_and_the_address_says_so() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for (name, script) in [
        ("Batch 10", "return_value = 7"),
        ("batch 2", "return_value = -1.5"),
        ("Alpha", "return_value = 'text'"),
        ("Zulu", "return_value = 7\nraise MonitorFailure('x')"),
    ] {
        monitor(&server, name, script, &["t"]).await;
        server.clock.advance(jiff::SignedDuration::from_secs(60));
    }
    let body = json!({ "name": "Never", "script": "pass", "schedule": "*/5 * * * *", "active": false });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    for (sort, expected) in [
        ("", ["Zulu", "Alpha", "batch 2", "Batch 10", "Never"]),
        ("name", ["Alpha", "batch 2", "Batch 10", "Never", "Zulu"]),
        ("-name", ["Zulu", "Never", "Batch 10", "batch 2", "Alpha"]),
        ("value", ["batch 2", "Batch 10", "Zulu", "Alpha", "Never"]),
        ("-value", ["Batch 10", "Zulu", "batch 2", "Alpha", "Never"]),
        ("last", ["Batch 10", "batch 2", "Alpha", "Zulu", "Never"]),
        ("-last", ["Zulu", "Alpha", "batch 2", "Batch 10", "Never"]),
        ("since", ["Batch 10", "batch 2", "Alpha", "Zulu", "Never"]),
        ("next", ["Alpha", "batch 2", "Batch 10", "Zulu", "Never"]),
    ] {
        let page = browser.page(&format!("/?sort={sort}")).await;
        assert_eq!(names(&page), expected, "{sort}");
    }
    let page = browser.page("/?tag=t&state=OK&sort=-value").await;
    assert_eq!(names(&page), ["Batch 10", "batch 2", "Alpha"]);
    assert!(
        page.contains("aria-sort=\"descending\"><a href=\"/?state=OK&#38;tag=t&#38;sort=value\">Value</a>"),
        "{page}"
    );
    assert!(page.contains("<a href=\"/?state=OK&#38;tag=t\" title=\"Worst first\">State</a>"), "{page}");
    assert_eq!(names(&browser.page("/?severity=critical&sort=name").await), ["Zulu"]);
    assert_eq!(browser.get("/?sort=colour").await.status, 422);
}

#[tokio::test]
async fn ordered_by_any_column_pages_follow_each_other_without_gap_or_repeat() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    // Two of each value, some without any, in an order that is none.
    for number in 0..118 {
        let shuffled = number * 7 % 118;
        let script = if shuffled < 110 { format!("return_value = {} / 3", shuffled / 2) } else { "pass".to_owned() };
        monitor(&server, &format!("m {shuffled}"), &script, &[]).await;
        server.clock.advance(jiff::SignedDuration::from_secs(1));
    }
    let numbered = |numbers: Vec<i32>| numbers.into_iter().map(|number| format!("m {number}")).collect::<Vec<_>>();
    assert_eq!(all_names(&browser, "/?sort=value").await, numbered((0..118).collect()));
    let down = (0..55).rev().flat_map(|pair| [2 * pair, 2 * pair + 1]).chain(110..118);
    assert_eq!(all_names(&browser, "/?sort=-value").await, numbered(down.collect()));
    assert_eq!(all_names(&browser, "/?sort=-name").await, numbered((0..118).rev().collect()));
    assert_eq!(all_names(&browser, "/?sort=last").await, numbered((0..118).map(|number| number * 7 % 118).collect()));
}

#[tokio::test]
async fn one_setting_of_many_is_asked_for_and_changed_in_one_go_or_not_at_all() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for name in ["one", "two", "three"] {
        monitor(&server, name, "pass", &[]).await;
    }
    let change = async |fields: &[(&str, &str)]| {
        let mut all = vec![("back", "/?tag=old"), ("pick", "1"), ("pick", "2"), ("do", "set")];
        all.extend_from_slice(fields);
        browser.submit("/monitors/change", &all).await
    };
    let state = async |id: i64| server.get(&format!("/api/v1/monitors/{id}")).await.json(200);
    let asked = change(&[("field", "schedule")]).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text.contains("<h1>Change the schedule of 2 monitors</h1>"), "{}", asked.text);
    assert!(asked.text.contains(">\n@hourly</textarea>"), "what all of them have: {}", asked.text);
    assert_eq!(state(1).await["version"], 1);
    let wrong = change(&[("field", "schedule"), ("typed", "true"), ("schedule", "61 * * * *")]).await;
    assert_eq!(wrong.status, 422);
    let fault = "minute: 61 is outside 0-59";
    assert!(wrong.text.contains(fault) && wrong.text.contains(">\n61 * * * *</textarea>"), "{}", wrong.text);
    assert_eq!(state(1).await["version"], 1);
    for (field, typed, kept) in [
        ("schedule", "*/7 * * * *", json!("*/7 * * * *")),
        ("timezone", "europe/berlin", json!("Europe/Berlin")),
        ("retain_days", "7", json!(7)),
        ("retain_days", "", json!(null)),
        ("timeout_s", "2,5", json!(2.5)),
        ("timeout_s", "", json!(null)),
    ] {
        // What stands in other fields is none of its business.
        let done = change(&[("field", field), ("typed", "true"), (field, typed), ("name", "other")]).await;
        assert_eq!(done.header("location"), "/?tag=old&done=set.2", "{field}: {}", done.text);
        for id in [1, 2] {
            let monitor = state(id).await;
            assert_eq!(
                (&monitor[field], &monitor["name"]),
                (&kept, &json!(["one", "two"][id as usize - 1])),
                "{field}"
            );
        }
    }
    assert_eq!(state(3).await["version"], 1);
    for (field, typed) in [("timezone", "Mars/Base"), ("retain_days", "soon"), ("timeout_s", "0")] {
        assert_eq!(change(&[("field", field), ("typed", "true"), (field, typed)]).await.status, 422, "{field}");
    }
    assert!(browser.page("/?done=set.2").await.contains("2 monitors changed."));
    let audit = server.get("/api/v1/audit?limit=100").await.json(200);
    let changed = audit["items"].as_array().unwrap().iter().filter(|row| row["act"] == "monitor_changed").count();
    assert_eq!(changed, 12, "each change of each monitor has its row: {audit}");
}

#[tokio::test]
async fn a_filter_is_kept_under_a_name_with_the_browser_where_nobody_logs_in() {
    let server = Server::start().await;
    let browser = Visitor::of(&server);
    monitor(&server, "one", "pass", &["web"]).await;
    assert!(browser.get("/").await.text.contains("data-save-filter hidden"), "there is nothing to keep");
    assert!(browser.get("/?tag=web").await.text.contains("data-save-filter>"));
    let saved = browser.submit("/filters", &[("name", " <Web> "), ("query", "/?tag=web&after=OK.7&sort=-value")]).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/?tag=web&sort=-value"));
    let kept = "<a class=\"foreign one-line\" href=\"/?tag=web&#38;sort=-value\"";
    let page = browser.get("/").await.text;
    assert!(page.contains(&format!("{kept}>&#60;Web&#62;</a>")), "{page}");
    assert!(browser.get("/?sort=-value&tag=web").await.text.contains(&format!("{kept} aria-current=\"true\">")));
    // Another browser has none, and each name is there once.
    assert!(!Visitor::of(&server).get("/").await.text.contains("Saved filters"));
    browser.submit("/filters", &[("name", "<Web>"), ("query", "/?q=x")]).await;
    assert_eq!(browser.get("/").await.text.matches("aria-label=\"Delete the filter").count(), 1);
    for (name, query) in [("", "/?q=a"), ("a", "/"), ("a", "/?after=OK.7"), ("x".repeat(41).as_str(), "/?q=a")] {
        assert_eq!(browser.submit("/filters", &[("name", name), ("query", query)]).await.status, 422, "{name} {query}");
    }
    let gone = browser.submit("/filters/delete", &[("key", "<Web>"), ("back", "/?q=x")]).await;
    assert_eq!((gone.status, gone.header("location")), (303, "/?q=x"));
    assert!(!browser.get("/").await.text.contains("Saved filters"));
}

#[tokio::test]
async fn people_keep_their_filters_with_their_account_each_their_own() {
    let server = Server::with_local_users().await;
    for name in ["alice", "bob"] {
        person(&server, name, Role::Viewer, &[]).await;
    }
    server.store.create_monitor(&spec("one"), &Asked::by_the_server(server.clock.now())).await.unwrap();
    let (alice, bob) = (Visitor::logged_in(&server, "alice").await, Visitor::logged_in(&server, "bob").await);
    assert_eq!(alice.submit("/filters", &[("name", "mine"), ("query", "/?state=ALARM")]).await.status, 303);
    // Wherever she logs in.
    let elsewhere = Visitor::logged_in(&server, "alice").await;
    assert!(elsewhere.get("/").await.text.contains(">mine</a>"));
    assert!(!bob.get("/").await.text.contains(">mine</a>"));
    // Nobody deletes another's.
    assert_eq!(bob.submit("/filters/delete", &[("key", "1"), ("back", "/")]).await.status, 303);
    assert!(alice.get("/").await.text.contains(">mine</a>"));
    assert_eq!(alice.submit("/filters/delete", &[("key", "1"), ("back", "/")]).await.status, 303);
    assert!(!alice.get("/").await.text.contains(">mine</a>"));
}

fn spec(name: &str) -> MonitorSpec {
    MonitorSpec { name: name.into(), script: "pass".into(), schedule: "@yearly".into(), ..MonitorSpec::default() }
}

/// Switched off is not the same as not run yet: counters, filters, saved filters and the API tell them apart.
#[tokio::test]
async fn paused_monitors_are_counted_and_found_apart() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "runs", "pass", &["a"]).await;
    for (name, tags) in [("paused", vec!["a"]), ("paused, too", vec![])] {
        let id = monitor(&server, name, "pass", &tags).await;
        server.send("PATCH", &format!("/api/v1/monitors/{id}"), &json!({"active": false})).await.json(200);
    }
    let body = json!({ "name": "new", "script": "pass", "schedule": "0 0 1 1 *" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);

    let counts = server.get("/counts").await.json(200);
    assert_eq!(counts, json!({"ALARM": 0, "ERROR": 0, "OK": 1, "INACTIVE": 1, "PAUSED": 2}));
    let shown = async |query: &str| {
        let page = browser.page(&format!("/?{query}")).await;
        names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shown("state=PAUSED").await, ["paused", "paused, too"]);
    assert_eq!(shown("state=INACTIVE").await, ["new"]);
    assert_eq!(shown("state=paused,INACTIVE&sort=-name").await, ["paused, too", "paused", "new"]);
    assert_eq!(shown("state=PAUSED&sort=-name&tag=a").await, ["paused"]);
    assert_eq!(shown("state=OK,PAUSED").await, ["runs", "paused", "paused, too"]);
    // Counters obey a search, and each leads to what it counts.
    let page = browser.page("/?tag=a").await;
    for (word, number) in [("PAUSED", 1), ("INACTIVE", 0), ("OK", 1)] {
        let counter = &page[page.find(&format!("data-count=\"{word}\"")).unwrap()..];
        let counter = counter.split("</a>").next().unwrap();
        let lead = counter.contains(&format!("href=\"/?state={word}&#38;tag=a\""));
        assert!(lead && counter.contains(&format!("<b>{number}</b>")), "{counter}");
    }
    let unknown = browser.get("/?state=SLEEPING").await;
    assert!(unknown.status == 422 && unknown.text.contains("INACTIVE and PAUSED"), "{}", unknown.text);
    let saved = browser.submit("/filters", &[("name", "Off"), ("query", "/?state=PAUSED")]).await;
    assert_eq!(saved.header("location"), "/?state=PAUSED");

    let of = async |query: &str| {
        let page = server.get(&format!("/api/v1/monitors?{query}")).await.json(200);
        page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("active=false").await, ["paused", "paused, too"]);
    assert_eq!(of("active=true&state=INACTIVE").await, ["new"]);
    assert_eq!(server.get("/api/v1/monitors?active=maybe").await.faults().len(), 1);
}

/// By whatever collation the database sorts.
#[tokio::test]
async fn names_stand_in_the_order_that_people_expect() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for name in ["shop-tls", "Shop 10", "shop", "shop 2", "shop_a", "shopping"] {
        monitor(&server, name, "pass", &[]).await;
    }
    let expected = ["shop", "shop 2", "Shop 10", "shop-tls", "shop_a", "shopping"];
    assert_eq!(names(&browser.page("/").await), expected);
    assert_eq!(names(&browser.page("/?sort=name").await), expected);
}
