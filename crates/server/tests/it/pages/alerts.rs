//! Alerts and sources.

use serde_json::json;

use super::browser::Browser;
use crate::{
    api::server::{Server, send},
    support::eventually,
};

#[tokio::test]
async fn what_an_alert_tells_is_switched_in_place_and_a_test_shows_the_answer() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.page("/alerts").await;
    assert!(page.contains("The people on call.") && page.contains("switched off in the configuration"), "{page}");
    let saved =
        browser.submit("/alert/ops/edit", &[("states", "ALARM"), ("states", "ERROR"), ("enabled", "true")]).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/alerts"), "{}", saved.text);
    assert_eq!(server.get("/api/v1/alerts/ops").await.json(200)["states"], json!(["ALARM", "ERROR"]));
    let test = browser.submit("/alert/ops/test", &[]).await;
    assert!(test.status == 200 && test.text.contains("250 taken"), "{}", test.text);
    assert_eq!(browser.submit("/alert/none/test", &[]).await.status, 404);
    browser.submit("/alert/ops/edit", &[]).await;
    let off = server.get("/api/v1/alerts/ops").await.json(200);
    assert_eq!((&off["enabled"], &off["states"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn the_log_says_what_was_told_and_what_was_answered() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "<m>", "script": "raise MonitorFailure('x')", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let page = browser.page_with("/alerts?alert=ops&status=delivered", "250 taken").await;
    assert!(page.contains("&#60;m&#62;") && page.contains("state-inactive") && page.contains("state-alarm"), "{page}");
    assert!(browser.page("/alerts?status=cancelled").await.contains("Nothing fits"));
    assert!(browser.page("/monitor/1").await.contains("Last notifications"));
}

#[tokio::test]
async fn a_silence_has_its_reason_on_the_monitors_page_and_on_the_alerts() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    browser.submit("/alert/ops/edit", &[("states", "ERROR"), ("enabled", "true")]).await;
    let body = json!({ "name": "<m>", "script": "raise MonitorFailure('x')", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("Not notified") && page.contains("the alert does not notify of this state"), "{page}");
    let page = browser.page("/alerts/not-told?alert=ops").await;
    assert!(page.contains("the alert does not notify of this state") && page.contains("&#60;m&#62;"), "{page}");
    assert!(!page.contains("switched off in the configuration"), "that is another alert: {page}");
    assert!(browser.page("/alerts/not-told?monitor=1").await.contains("switched off in the configuration"));
    assert!(browser.page("/alerts").await.contains("/alerts/not-told?alert=ops"));
    assert!(browser.page("/alerts/not-told?alert=none").await.contains("Nothing fits"));
}

#[tokio::test]
async fn sources_show_their_health_and_answer_a_query() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "asks", "script": "sources['echo'].say(1)", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let page = browser.page("/sources").await;
    assert!(
        page.contains("not asked yet") && page.contains("/monitor/1") && page.contains("Says what it is told."),
        "{page}"
    );
    assert_eq!(browser.submit("/sources/probe", &[]).await.status, 303);
    assert!(browser.page("/sources").await.contains("● up"));
    let script = "sources['echo'].fail('<gone>')";
    let tried = browser.submit("/sources/try", &[("source", "echo"), ("script", script)]).await;
    assert!(tried.text.contains("&#60;gone&#62;") && tried.text.contains("SourceError"), "{}", tried.text);
    assert!(browser.page("/sources").await.contains("✕ down"));
    let names = async |prefix: &str| browser.submit("/sources/names", &[("source", "echo"), ("prefix", prefix)]).await;
    let found = names("").await.text;
    assert!(
        found.contains("<dt class=\"foreign\">&#60;orders&#62;</dt><dd class=\"foreign\">total numeric</dd>"),
        "{found}"
    );
    assert!(names("gone").await.text.contains("It names nothing now: connection refused"));
    assert!(names("many").await.text.contains("There are more: type how they begin."));
    assert_eq!(names(&"x".repeat(201)).await.status, 422);
}

#[tokio::test]
async fn an_alert_that_fails_is_seen_on_every_page_until_it_delivers_again() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "description": "Call https://wiki.example.com/m first.", "unit": "ms",
        "script": "return_value = 7\nraise MonitorFailure('x')", "schedule": "@daily", "timezone": "Europe/Berlin" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    assert!(!browser.page("/").await.contains("Notifications do not arrive"));
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let page = browser.page_with("/", "Notifications do not arrive").await;
    assert!(
        page.contains("title=\"Failing: broken\"") && page.contains("<span class=\"foreign\">broken</span>"),
        "{page}"
    );
    let alerts = browser.page("/alerts").await;
    let broken = &alerts[alerts.find("data-alert=\"broken\"").unwrap()..];
    assert!(broken[..60].contains("class=\"failing\"") && broken.contains("failing for"), "{broken}");
    assert!(broken.contains("404 Not Found: no such room"), "{broken}");
    // What was told can be read in the log, with the run it is about.
    assert!(alerts.contains("Return Value: 7 ms") && alerts.contains("Description: Call https://wiki"), "{alerts}");
    assert!(alerts.contains("Wed 1 Jul 2026, UTC"), "{alerts}");
    // Each alert by itself: the one that fails may be first.
    let first = async || server.mailbox.all().into_iter().next().ok_or_else(|| "nothing".to_owned());
    let told = eventually("the other one tells it", first).await;
    assert_eq!(told.run_id, Some(revere_model::RunId(1)));
    assert!(told.link().ends_with("/monitor/1/run/1") || told.monitor.url.is_empty(), "{}", told.link());
    // Whoever switches it off has seen it.
    browser.submit("/alert/broken/edit", &[("states", "ALARM")]).await;
    assert!(!browser.page("/").await.contains("Notifications do not arrive"));
}

#[tokio::test]
async fn what_the_configuration_switched_off_is_shown_as_off() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let alerts = browser.page("/alerts").await;
    let off = &alerts[alerts.find("data-alert=\"off\"").unwrap()..];
    let switch = off.split("name=\"enabled\" value=\"true\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(switch.contains("disabled") && !switch.contains("checked"), "{switch}");
    let sources = browser.page("/sources").await;
    assert!(sources.contains("sources['old']") && sources.contains("switched off in the configuration"), "{sources}");
    // Saving what it notifies of does not forget that people have it switched on.
    browser.submit("/alert/off/edit", &[("states", "ALARM"), ("enabled", "true")]).await;
    assert_eq!(server.get("/api/v1/alerts/off").await.json(200)["enabled"], json!(true));
}

#[tokio::test]
async fn what_an_alert_would_say_is_shown_and_other_words_are_tried() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    assert!(browser.page("/alert/ops/preview").await.contains("There is no monitor yet"));
    let body =
        json!({ "name": "<m>", "script": "return_value = 7\nraise MonitorFailure('<full>')", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let alerts = browser.page("/alerts").await;
    assert!(alerts.contains("/alert/ops/preview") && !alerts.contains("/alert/off/preview"), "{alerts}");
    let page = browser.page("/alert/ops/preview").await;
    assert!(page.contains("Message: &#60;full&#62;") && page.contains("run/1\">run 1</a>"), "{page}");
    let named = browser.page("/alert/ops/preview?monitor=%3CM&state=OK").await;
    assert!(
        named.contains("name=\"monitor\" value=\"1\"") && named.contains("<option value=\"&#60;m&#62;\">"),
        "{named}"
    );
    let unknown = browser.get("/alert/ops/preview?monitor=%3Cnone%3E").await;
    assert_eq!(unknown.status, 422);
    assert!(
        unknown.text.contains("No monitor’s name is or begins with") || unknown.text.contains("No monitor&#39;s name"),
        "{}",
        unknown.text
    );
    let page = browser.page("/alert/ops/preview?monitor=1&state=OK").await;
    assert!(page.contains("an example") && page.contains("ALARM -&#62; OK"), "{page}");
    let words = [("monitor", "1"), ("text", "it's {{ return_value }}\n{{ message }}"), ("subject", ""), ("short", "")];
    let tried = browser.submit("/alert/ops/preview", &words).await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    assert!(tried.text.contains("it&#39;s 7\n&#60;full&#62;</pre>"), "{}", tried.text);
    assert!(tried.text.contains("&#39;text&#39;: &#39;it\\&#39;s {{ return_value }}\\n&#39;"), "{}", tried.text);
    let tried = browser.submit("/alert/ops/preview", &[("monitor", "1"), ("text", "a\n{{ mesage }}")]).await;
    assert_eq!(tried.status, 422, "{}", tried.text);
    assert!(
        tried.text.contains("Line 2: ") && tried.text.contains("did you mean &#39;message&#39;?"),
        "{}",
        tried.text
    );
    assert!(tried.text.contains("a\n{{ mesage }}</textarea>"), "nothing typed is lost: {}", tried.text);
    let tried = browser.submit("/alert/ops/preview", &[("monitor", "x"), ("text", "kept")]).await;
    assert!(
        tried.status == 422 && tried.text.contains("kept</textarea>") && tried.text.contains("the number of a monitor")
    );
    let foreign = browser.request("POST", "/alert/ops/preview").header("origin", &server.base);
    let foreign = send(foreign.form(&[("monitor", "1"), ("text", "kept")])).await;
    assert!(foreign.status == 403 && foreign.text.contains("kept</textarea>"), "{}", foreign.text);
    assert_eq!(browser.get("/alert/off/preview?monitor=1").await.status, 409);
}

#[tokio::test]
async fn two_open_pages_change_each_only_their_own_box() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    // Both have before their eyes: on, all but INACTIVE, of all severities and tags.
    let seen = [
        ("seen", "true"),
        ("seen_enabled", "true"),
        ("seen_states", "OK"),
        ("seen_states", "ALARM"),
        ("seen_states", "ERROR"),
        ("seen_severities", "critical"),
        ("seen_severities", "warning"),
        ("seen_tags", ""),
    ];
    let page = browser.page("/alerts").await;
    for (name, value) in seen {
        assert!(page.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}={value}: {page}");
    }
    let send = async |fields: &[(&str, &str)]| {
        let saved = browser.submit("/alert/ops/edit", &[&seen[..], fields].concat()).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
    };
    let all = [("severities", "critical"), ("severities", "warning")];
    // One clears OK and adds a tag, the other clears ERROR and ticks INACTIVE, a third clears warning and switches it off.
    send(&[&all[..], &[("enabled", "true"), ("states", "ALARM"), ("states", "ERROR"), ("tags", "shop")]].concat())
        .await;
    let rest = [("enabled", "true"), ("states", "OK"), ("states", "ALARM"), ("states", "INACTIVE"), ("tags", "mail")];
    send(&[&all[..], &rest].concat()).await;
    let rest = [("states", "OK"), ("states", "ALARM"), ("states", "ERROR"), ("severities", "critical"), ("tags", "")];
    send(&rest).await;
    let now = server.get("/api/v1/alerts/ops").await.json(200);
    assert_eq!(now["states"], json!(["ALARM", "INACTIVE"]), "{now}");
    assert_eq!((&now["enabled"], &now["severities"]), (&json!(false), &json!(["critical"])));
    assert_eq!(now["tags"], json!(["shop", "mail"]));
}

#[tokio::test]
async fn an_alert_that_tells_nothing_by_what_is_chosen_says_so() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let set = async |body: serde_json::Value| server.send("PUT", "/api/v1/alerts/ops", &body).await.json(200);
    assert_eq!(set(json!({})).await["tells_nothing"], json!(null));
    assert!(!browser.page("/alerts").await.contains("notifies of nothing"));
    let none = set(json!({"states": []})).await;
    assert_eq!(none["tells_nothing"], "no state is chosen, so it notifies of nothing");
    assert!(browser.page("/alerts").await.contains("no state is chosen, so it notifies of nothing"));
    let none = set(json!({"states": ["OK", "ALARM"], "severities": []})).await;
    assert_eq!(none["tells_nothing"], "it is for problems of no severity, so it notifies of nothing");
    assert!(browser.page("/alerts").await.contains("it is for problems of no severity"));
    assert_eq!(set(json!({"severities": ["warning"]})).await["tells_nothing"], json!(null));
}

/// A long name does not push the others out of their lines, and can be read whole.
#[tokio::test]
async fn names_of_alerts_are_clamped_and_whole_in_their_title() {
    let server = Server::start().await;
    let page = Browser::of(&server).page("/alerts").await;
    assert!(
        page.contains("<a class=\"foreign two-lines\" href=\"/alert/ops/edit\" title=\"ops\"><b>ops</b></a>"),
        "{page}"
    );
}

/// One line says what a source is, what it can, and how it is.
#[tokio::test]
async fn a_source_is_a_line_with_its_methods_folded() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let head = async || {
        let page = browser.page("/sources").await;
        let head = page.split("sources['echo']</code>").nth(1).and_then(|rest| rest.split("</div>").next());
        head.unwrap_or_else(|| panic!("{page}")).to_owned()
    };
    let fresh = head().await;
    assert!(fresh.contains("say, fail, wait, … 4 methods") && fresh.contains("not asked yet"), "{fresh}");
    assert!(!fresh.contains("last answer"), "{fresh}");
    let asked = json!({"script": "sources['echo'].say('x')"});
    server.send("POST", "/api/v1/eval", &asked).await.json(200);
    let known = head().await;
    assert!(known.contains("up") && known.contains("last answer <time"), "{known}");
}

/// Programs that were written when deliveries were owed and sent go on finding them.
#[tokio::test]
async fn the_old_words_of_deliveries_are_still_understood() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({"name": "m", "script": "raise MonitorFailure('x')", "schedule": "0 0 1 1 *"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let told = server.eventually("/api/v1/deliveries?alert=ops&status=sent", |page| page["items"][0].is_object()).await;
    assert_eq!(told["items"][0]["status"], "delivered");
    let page = browser.page("/alerts?status=sent").await;
    assert!(page.contains("<option value=\"delivered\" selected>delivered</option>"), "{page}");
    assert_eq!(server.get("/api/v1/deliveries?status=owed").await.status, 200);
    let faults = server.get("/api/v1/deliveries?status=lost").await.faults();
    assert!(faults[0].contains("queued, delivered, failed or cancelled"), "{faults:?}");
}
