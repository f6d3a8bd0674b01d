//! The list: worst first, filtered, page by page, many at once.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

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
