//! The author's loop: create, refused saves, trying, editing together.

use revere_model::MONITOR_FIELDS;
use serde_json::json;

use super::browser::{Browser, attribute};
use crate::api::server::Server;

/// A whole form, with `changes` in place.
fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "Queue"),
        ("description", ""),
        ("script", "return_value = 7"),
        ("schedule", "*/5 * * * *"),
        ("timezone", "Europe/Berlin"),
        ("active", "true"),
        ("tags", "mail, ops"),
        ("alarm_after", "2"),
        ("alarm_window", ""),
        ("recover_after", "1"),
        ("retain_days", "30"),
        ("timeout_s", ""),
        ("do", "save"),
    ];
    let given: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let counts = MONITOR_FIELDS.iter().filter(|field| !field.words.unit.is_empty() && !given.contains(&field.name));
    fields.extend(counts.map(|field| (field.name, "1")));
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.push((name, value));
    }
    fields
}

#[tokio::test]
async fn an_empty_installation_teaches_and_gives_a_monitor_with_one_click() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.page("/").await;
    assert!(page.contains("Nothing is watched yet") && page.contains("/examples/queue"), "{page}");
    let once = attribute(&page, "name=\"once\"", "value").to_owned();
    let first = browser.submit("/examples/queue", &[("once", &once)]).await;
    assert_eq!((first.status, first.header("location")), (303, "/monitor/1"), "{}", first.text);
    let again = browser.submit("/examples/queue", &[("once", &once)]).await;
    assert_eq!(again.header("location"), "/monitor/1", "a double click adopts once");
    assert!(browser.page("/").await.contains("Mail queue length"));
}

#[tokio::test]
async fn every_example_passes_or_alarms() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for (number, slug) in ["queue", "trend", "last-week", "business-hours"].iter().enumerate() {
        browser.submit(&format!("/examples/{slug}"), &[]).await;
        let run = server.send("POST", &format!("/api/v1/monitors/{}/run", number + 1), &json!({})).await.json(200);
        assert_ne!(run["outcome"], "ERROR", "{slug}: {run}");
    }
}

#[tokio::test]
async fn a_form_makes_one_monitor_however_often_it_is_sent() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.page("/create").await;
    let once = attribute(&page, "name=\"once\"", "value").to_owned();
    let fields = form(&[("once", &once)]);
    let (one, two) = tokio::join!(browser.submit("/create", &fields), browser.submit("/create", &fields));
    assert_eq!((one.status, two.status), (303, 303), "{} {}", one.text, two.text);
    assert_eq!(one.header("location"), two.header("location"));
    let monitor = server.get("/api/v1/monitors/1").await.json(200);
    assert_eq!(monitor["tags"], json!(["mail", "ops"]));
    assert_eq!(
        (&monitor["alarm_after"], &monitor["retain_days"], &monitor["timeout_s"]),
        (&json!(2), &json!(30), &json!(null))
    );
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_save_keeps_what_was_typed_and_names_each_fault_at_its_field() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let script = "\n\nif True:\n  x = </textarea>\n";
    let wrong = form(&[("name", ""), ("script", script), ("schedule", "61 * * * *"), ("alarm_after", "many")]);
    let answer = browser.submit("/create", &wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let page = &answer.text;
    for field in ["name", "script", "schedule", "alarm_after"] {
        assert!(page.contains(&format!("id=\"{field}-fault\"")), "{field}: {page}");
    }
    assert!(page.contains("data-fault-line=\"4\""), "{page}");
    assert!(page.contains(">\n\n\nif True:\n  x = &#60;/textarea&#62;\n</textarea>"), "{page}");
    assert!(
        page.contains(">\n61 * * * *</textarea>")
            && page.contains("value=\"many\"")
            && page.contains("value=\"mail, ops\"")
    );
    assert!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_session_loses_nothing_typed() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let mut fields = form(&[("script", "return_value = 'kept'")]);
    fields.push(("token", "ffffffffffffffffffffffffffffffff"));
    browser.get("/create").await;
    // As sent by a browser that forgot its cookie: the token of the page fits no more.
    let answer = crate::api::server::send(browser.request("POST", "/create").form(&fields)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("return_value = &#39;kept&#39;"), "{}", answer.text);
    assert!(answer.text.contains("press save again"));
    let page = answer.text;
    let token = attribute(&page, "name=\"token\"", "value").to_owned();
    let mut again = form(&[("script", "return_value = 'kept'")]);
    again.push(("token", &token));
    assert_eq!(crate::api::server::send(browser.request("POST", "/create").form(&again)).await.status, 303);
}

#[tokio::test]
async fn a_script_is_tried_without_scripts_in_the_browser() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let script = "print('hello')\nreturn_value = sources['echo'].say('<42>')\n1/0";
    let answer = browser.submit("/create", &form(&[("script", script), ("do", "try")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let page = &answer.text;
    assert!(
        page.contains("state-error") && page.contains("ZeroDivisionError") && page.contains("data-line=\"3\""),
        "{page}"
    );
    assert!(page.contains("echo.say(&#39;&#60;42&#62;&#39;)") && page.contains("hello"), "{page}");
    let part = browser.submit("/try", &[("script", "raise MonitorFailure('no')")]).await;
    assert!(part.text.contains("state-alarm") && !part.text.contains("<html"), "{}", part.text);
    assert!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn two_editors_are_told_of_each_other() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    browser.submit("/create", &form(&[])).await;
    let mine = browser.page("/monitor/1/edit").await;
    let version = attribute(&mine, "name=\"version\"", "value").to_owned();
    let theirs = form(&[("version", &version), ("script", "return_value = 'theirs'")]);
    assert_eq!(browser.submit("/monitor/1/edit", &theirs).await.status, 303);
    let late =
        browser.submit("/monitor/1/edit", &form(&[("version", &version), ("script", "return_value = 'mine'")])).await;
    assert_eq!(late.status, 409);
    assert!(
        late.text.contains("Someone else saved this monitor") && late.text.contains("&#39;theirs&#39;"),
        "{}",
        late.text
    );
    assert!(late.text.contains("return_value = &#39;mine&#39;</textarea>"), "{}", late.text);
    assert_eq!(server.get("/api/v1/monitors/1").await.json(200)["script"], "return_value = 'theirs'");
    let version = attribute(&late.text, "name=\"version\"", "value").to_owned();
    let again =
        browser.submit("/monitor/1/edit", &form(&[("version", &version), ("script", "return_value = 'mine'")])).await;
    assert_eq!((again.status, again.header("location")), (303, "/monitor/1"));
    assert_eq!(server.get("/api/v1/monitors/1").await.json(200)["script"], "return_value = 'mine'");
}

#[tokio::test]
async fn a_copy_begins_from_the_original() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    browser.submit("/create", &form(&[])).await;
    let page = browser.page("/create?from=1").await;
    assert!(page.contains("value=\"Queue (copy)\"") && page.contains("return_value = 7"), "{page}");
    assert_eq!(browser.get("/create?from=99").await.status, 404);
}

#[tokio::test]
async fn a_script_is_checked_as_one_types() {
    let server = Server::start().await;
    let check = async |script: &str| server.send("POST", "/api/v1/check", &json!({ "script": script })).await.json(200);
    assert_eq!(check("x = 1").await["errors"], json!([]));
    let errors = check("x = 1\nif x\n  pass").await["errors"].clone();
    assert_eq!(errors[0]["line"], 2, "{errors}");
    let swallowing = "try:\n    raise MonitorFailure('down')\nexcept Exception:\n    pass";
    let warned = check(swallowing).await;
    assert_eq!((&warned["errors"], &warned["warnings"][0]["line"]), (&json!([]), &json!(3)), "{warned}");
    assert!(warned["warnings"][0]["message"].as_str().unwrap().contains("MonitorFailure of line 2"), "{warned}");
    assert_eq!(server.send("POST", "/api/v1/check", &json!({})).await.faults(), ["script: missing; expected Python"]);
}

#[tokio::test]
async fn a_schedule_is_read_back_as_one_types_and_what_is_half_typed_is_no_error() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let read = async |query: &str| browser.page(&format!("/create/read-back?{query}")).await;
    let part = read("schedule=0+9+*+*+1-5&timezone=Europe/Berlin").await;
    assert!(part.contains("Thu 2 Jul 2026, 09:00 UTC+2") && !part.contains("<html"), "{part}");
    let half = read("schedule=0+9+%3Cb%3E&timezone=Nowhere").await;
    assert!(half.contains("id=\"schedule-fault\"") && half.contains("id=\"timezone-fault\""), "{half}");
    assert!(!half.contains("<b>"), "{half}");
}

#[tokio::test]
async fn several_crontabs_stand_one_a_line_and_are_read_back_and_kept_so() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    // As a browser sends the ends of lines.
    let lines = "*/5 9-16 * * 1-5\r\n0 17 * * 1-5";
    let wrong = browser.submit("/create", &form(&[("name", ""), ("schedule", lines)])).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("name=\"schedule\" rows=\"2\""), "{}", wrong.text);
    assert!(wrong.text.contains(">\n*/5 9-16 * * 1-5\n0 17 * * 1-5</textarea>"), "{}", wrong.text);
    assert_eq!(browser.submit("/create", &form(&[("schedule", lines)])).await.status, 303);
    let kept = server.get("/api/v1/monitors/1").await.json(200);
    assert_eq!(kept["schedule"], "*/5 9-16 * * 1-5\n0 17 * * 1-5");
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("<dd>Every 5 minutes from 09:00 to 16:55 on weekdays; every weekday at 17:00<br>"), "{page}");
    let read = browser.page("/create/read-back?schedule=@daily%0A61+*+*+*+*&timezone=UTC").await;
    assert!(read.contains("line 2: minute: 61 is outside 0-59"), "{read}");
}
