//! Monitors as nobody would make them up for a picture, and as they are: `ugly_monitors.json`, which the tests in a browser
//! use, too. What a new user stumbled over stays mended.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{browser::Browser, list::names};
use crate::api::server::Server;

/// Makes them all and runs them; answers their ids by name.
pub(crate) async fn ugly_monitors(server: &Server) -> BTreeMap<String, i64> {
    let monitors: Vec<Value> = serde_json::from_str(include_str!("../../ugly_monitors.json")).unwrap();
    let mut ids = BTreeMap::new();
    for monitor in monitors {
        let made = server.send("POST", "/api/v1/monitors", &monitor["spec"]).await.json(201);
        let id = made["id"].as_i64().unwrap();
        for _ in 0..monitor["runs"].as_u64().unwrap() {
            server.send("POST", &format!("/api/v1/monitors/{id}/run"), &json!({})).await.json(200);
        }
        ids.insert(monitor["spec"]["name"].as_str().unwrap().to_owned(), id);
    }
    ids
}

/// The row of a monitor in the list.
fn row(html: &str, id: i64) -> &str {
    let begin = html.find(&format!("<tr id=\"m{id}\"")).unwrap_or_else(|| panic!("no row {id} in {html}"));
    &html[begin..begin + html[begin..].find("</tr>").unwrap()]
}

/// With plain spaces where ours break no line.
fn spaced(html: &str) -> String {
    html.replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test]
async fn the_list_cuts_no_number_and_keeps_names_in_their_order() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let ids = ugly_monitors(&server).await;
    let page = spaced(&browser.page("/").await);
    for (name, shown) in [
        ("Whole number", "title=\"4 611 686 018 427 387 904\">4.612e18<"),
        ("Bytes free", "title=\"123 506 019 586 bytes\">123.5 GB<"),
        ("Revenue", ">12.50 EUR<"),
        ("Largest float", "title=\"1.7976931348623157e308\">1.798e308<"),
        ("Small float", ">1e-9<"),
        ("Sum of tenths", "title=\"0.30000000000000004\">0.3<"),
        ("Paused", ">PAUSED<"),
        ("Never run", ">INACTIVE<"),
    ] {
        let row = row(&page, ids[name]);
        assert!(row.contains(shown), "{shown} in {row}");
    }
    let long = row(&page, *ids.iter().find(|(name, _)| name.len() == 200).unwrap().1);
    assert_eq!(long.matches("class=\"tag").count(), 4, "three tags and how many more: {long}");
    assert!(long.contains(">+17</a>") && long.contains("team-20-with"), "{long}");
    assert!(!page.contains('\u{202e}'), "what turns the direction of reading is seen, and does nothing");
    let names = names(&page);
    let place = |name: &str| names.iter().position(|one| *one == name).unwrap_or_else(|| panic!("{name} in {names:?}"));
    assert!(place("Batch 2") < place("Batch 10"));
}

#[tokio::test]
async fn counts_are_of_the_monitors_that_are_searched_for() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    ugly_monitors(&server).await;
    let count = |html: &str, state: &str| -> u32 {
        let after = html.split_once(&format!("data-count=\"{state}\"")).unwrap().1;
        after.split_once("<b>").unwrap().1.split_once("</b>").unwrap().0.parse().unwrap()
    };
    let all = browser.page("/").await;
    assert!(count(&all, "ALARM") >= 3 && !all.contains("data-filtered"), "{all}");
    for address in ["/?tag=batch", "/?tag=batch&part=list", "/?q=batch%201"] {
        let page = browser.page(address).await;
        assert_eq!(count(&page, "ALARM"), 0, "{address}");
        assert!(page.contains("data-filtered"), "live counts are of all: {page}");
    }
    assert_eq!(count(&browser.page("/?tag=batch").await, "OK"), 2);
    assert_eq!(count(&browser.page("/?q=Batch&state=ALARM").await, "OK"), 2, "a state that is chosen hides no other");
}

#[tokio::test]
async fn an_alarm_says_first_what_to_do_and_folds_what_is_long() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let ids = ugly_monitors(&server).await;
    let id = ids.iter().find(|(name, _)| name.len() == 200).unwrap().1;
    let page = browser.page(&format!("/monitor/{id}")).await;
    let stand = &page[page.find("id=\"stand\"").unwrap()..page.find("story-title").unwrap()];
    let link = "<a href=\"https://wiki.example.com/runbooks/checkout_(eu)\" rel=\"noopener noreferrer nofollow\">";
    let (description, message) = (stand.find(link).unwrap(), stand.find("line 74").unwrap());
    assert!(description < message, "what to do comes first: {stand}");
    assert!(stand.contains("<details class=\"fold\">"), "{stand}");
    assert_eq!(page.matches("<details class=\"fold\">").count(), 2, "in the header and among the changes of state");
    let text = browser.page(&format!("/monitor/{}", ids["Text value"])).await;
    assert!(text.contains("node-379=degraded</span><span class=\"more\">"), "the whole text can be read: {text}");
    assert!(!text.contains("Monitor Passed</div>"), "nothing is said of what is well: {text}");
    let none = browser.page(&format!("/monitor/{}", ids["No value"])).await;
    assert!(!none.contains("data-chart="), "there is nothing to draw: {none}");
}

#[tokio::test]
async fn each_run_has_a_page_with_all_that_is_kept_of_it() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let ids = ugly_monitors(&server).await;
    let id = ids["Division"];
    let page = browser.page(&format!("/monitor/{id}")).await;
    let address = page.split("href=\"").find(|rest| rest.starts_with(&format!("/monitor/{id}/run/"))).unwrap();
    let run = browser.page(address.split('"').next().unwrap()).await;
    for part in ["ZeroDivisionError", "return a / b", "Wed 1 Jul 2026, 14:00:30 UTC+2", "run by hand", "Seed"] {
        assert!(run.contains(part), "{part} in {run}");
    }
    assert!(run.contains("<span>Europe/Berlin") || run.contains("Europe/Berlin (the monitor’s)"), "{run}");
    let money = ids["Revenue"];
    let runs = server.get(&format!("/api/v1/monitors/{money}/runs")).await.json(200);
    let (newer, older) = (&runs["items"][0]["id"], &runs["items"][1]["id"]);
    let first = browser.page(&format!("/monitor/{money}/run/{older}")).await;
    assert!(first.contains(&format!("rel=\"next\" href=\"/monitor/{money}/run/{newer}\"")), "{first}");
    assert!(!first.contains("rel=\"prev\"") && spaced(&first).contains("12.50 EUR"), "{first}");
    let last = browser.page(&format!("/monitor/{money}/run/{newer}")).await;
    assert!(last.contains(&format!("rel=\"prev\" href=\"/monitor/{money}/run/{older}\"")), "{last}");
    // Of another monitor it is none, and none is none.
    for wrong in
        [format!("/monitor/{id}/run/{newer}"), format!("/monitor/{id}/run/99999"), format!("/monitor/{id}/run/x")]
    {
        let answer = browser.get(&wrong).await;
        assert!(answer.status == 404 && !answer.text.contains("log has this"), "{wrong}: {}", answer.text);
    }
    let at = browser.get(&format!("/monitor/{money}/run-at?at=1782907231")).await;
    assert_eq!(at.header("location"), format!("/monitor/{money}/run/{newer}"));
    let before = browser.get(&format!("/monitor/{money}/run-at?at=1000")).await;
    assert_eq!(before.header("location"), format!("/monitor/{money}/history"));
    assert_eq!(browser.get(&format!("/monitor/{money}/run-at")).await.status, 422);
}

#[tokio::test]
async fn the_zone_of_times_is_chosen_once_for_all_pages_and_named() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let id = ugly_monitors(&server).await["Revenue"];
    let address = format!("/monitor/{id}");
    let page = browser.page(&address).await;
    assert!(
        page.contains("data-zone=\"Europe/Berlin\"") && page.contains("Wed 1 Jul 2026, Europe/Berlin (UTC+2)"),
        "{page}"
    );
    assert!(page.contains(">14:00:30</time>"), "{page}");
    let chosen = browser.submit("/zone", &[("zone", "america/new_york"), ("back", &address)]).await;
    assert_eq!((chosen.status, chosen.header("location")), (303, address.as_str()), "{}", chosen.text);
    let cookie = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(cookie, "revere_zone=America/New_York");
    browser.keep(&cookie);
    let page = browser.page(&address).await;
    assert!(page.contains("data-zone=\"America/New_York\"") && page.contains(">08:00:30</time>"), "{page}");
    assert!(page.contains("Wed 1 Jul 2026, 08:05 UTC-4"), "the next runs, too: {page}");
    assert!(browser.page(&format!("{address}/history")).await.contains("Wed 1 Jul 2026, America/New_York (UTC-4)"));
    assert!(browser.page("/alerts").await.contains("data-zone=\"America/New_York\""));
    assert_eq!(browser.submit("/zone", &[("zone", "Mars/Base")]).await.status, 422);
    let own = browser.submit("/zone", &[("zone", "own"), ("back", "//evil.example/")]).await;
    assert!(own.header("set-cookie").contains("Max-Age=0") && own.header("location") == "/", "{:?}", own.headers);
}
