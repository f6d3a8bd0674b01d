//! `/api/v1/monitors`: made, read, changed, deleted; and what is refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::server::{Answer, Server, send};

/// The least a monitor needs.
fn body() -> Value {
    json!({"name": "Error rate", "script": "return_value = 1", "schedule": "*/5 * * * *"})
}

async fn create(server: &Server, body: &Value) -> Value {
    server.send("POST", "/api/v1/monitors", body).await.json(201)
}

fn with(mut body: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_monitor_is_made_with_defaults_and_found_where_it_says() {
    let server = Server::start().await;
    let answer = server.send("POST", "/api/v1/monitors", &body()).await;
    let made = answer.json(201);
    let id = made["id"].as_i64().unwrap();
    assert_eq!(answer.header("location"), format!("/api/v1/monitors/{id}"));
    assert_eq!(answer.header("etag"), "\"1\"");
    for (field, value) in [
        ("version", json!(1)),
        ("description", json!("")),
        ("timezone", json!("UTC")),
        ("active", json!(true)),
        ("retain_days", json!(28)),
        ("timeout_s", json!(null)),
        ("tags", json!([])),
        ("alarm_after", json!(1)),
        ("recover_after", json!(1)),
        ("state", json!("INACTIVE")),
        ("created_at", json!("2026-07-01T12:00:30Z")),
        ("next_run_at", json!("2026-07-01T12:05:00Z")),
        ("last_run_at", json!(null)),
        ("last_message", json!(null)),
        ("last_value", json!(null)),
        ("fault", json!(null)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let read = server.get(answer.header("location")).await;
    assert_eq!(read.json(200), made);
    assert_eq!(read.header("etag"), "\"1\"");
}

#[tokio::test]
async fn everything_an_author_decides_is_kept() {
    let server = Server::start().await;
    let full = json!({
        "name": "Mail queue", "description": "Call Ann.", "script": "raise MonitorFailure('x')",
        "schedule": "0 */10 9-17 * * MON-FRI", "timezone": "Europe/Berlin", "active": false, "retain_days": null,
        "timeout_s": 2.5, "tags": ["mail", "prod"], "alarm_after": 3, "recover_after": 2,
    });
    let made = create(&server, &full).await;
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(made[field], *value, "{field}");
    }
    assert_eq!(made["next_run_at"], json!(null));
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_nothing_is_stored() {
    let server = Server::start().await;
    let bad = json!({
        "name": "", "script": "x = (1,\n  2\n", "schedule": "99 * * * *", "timezone": "Europe/Berln",
        "tags": ["a,b", 7], "retain_days": 0, "timeout_s": -1, "alarm_after": 0, "activ": true,
    });
    let answer = server.send("POST", "/api/v1/monitors", &bad).await;
    let problem = answer.problem(422);
    let mut fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    let expected =
        ["activ", "alarm_after", "name", "retain_days", "schedule", "script", "tags[1]", "timeout_s", "timezone"];
    assert_eq!(fields, expected, "{problem}");
    let script = problem["errors"].as_array().unwrap().iter().find(|fault| fault["field"] == "script").unwrap();
    assert_eq!(script["line"], 1, "{script}");
    assert!(script["message"].as_str().unwrap().contains("never closed"), "{script}");
    assert_eq!(server.get("/api/v1/monitors").await.json(200), json!({"items": [], "next": null}));

    let faults = server.send("POST", "/api/v1/monitors", &json!({})).await.faults();
    assert_eq!(
        faults,
        [
            "name: missing; expected what is watched, in one line",
            "script: missing; expected Python",
            "schedule: missing; expected crontab syntax, for instance \"*/5 * * * *\"",
        ]
    );
}

#[tokio::test]
async fn a_refused_edit_changes_nothing() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    for bad in [
        json!({"name": "new", "schedule": "0 0 31 2 *"}),
        json!({"name": "new", "script": "def"}),
        json!({"name": "new", "timezone": "Mars/Olympus"}),
        json!({"name": "two\nlines"}),
        json!({"name": "nul\u{0}"}),
        json!({"name": null}),
        json!({"retain_days": 1.5}),
        json!({"tags": "mail"}),
        json!({"version": "1"}),
        json!({"id": 999}),
    ] {
        server.send("PATCH", &path, &bad).await.problem(422);
        server.send("PUT", &path, &with(body(), &bad)).await.problem(422);
    }
    assert_eq!(server.get(&path).await.json(200), made);
}

/// Which of two was meant would be a guess, and the last one silently won.
#[tokio::test]
async fn a_key_that_stands_twice_is_refused_by_its_name() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    for body in [r#"{"name": "a", "name": "b"}"#, r#"{"tags": [], "name": "a", "name": "a"}"#] {
        let problem = server.send_raw("PATCH", &path, body).await.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("the key \"name\" stands twice in one object"), "{detail}");
    }
    assert_eq!(server.get(&path).await.json(200), made);
}

#[tokio::test]
async fn a_zone_is_kept_in_its_usual_spelling() {
    let server = Server::start().await;
    let made = create(&server, &with(body(), &json!({"timezone": "europe/berlin"}))).await;
    assert_eq!(made["timezone"], "Europe/Berlin");
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let same = server.send("PATCH", &path, &json!({"timezone": "EUROPE/BERLIN"})).await.json(200);
    assert_eq!((&same["timezone"], &same["version"]), (&json!("Europe/Berlin"), &json!(1)));
    let other = server.send("PATCH", &path, &json!({"timezone": "utc"})).await.json(200);
    assert_eq!(other["timezone"], "UTC");
}

/// A body of a mebibyte holds a hundred thousand fields, and each was compared with every known one.
#[tokio::test]
async fn any_number_of_unknown_fields_is_answered_briefly() {
    let server = Server::start().await;
    let fields: serde_json::Map<String, Value> =
        (0..50_000).map(|number| (format!("field{number}"), json!(1))).collect();
    let answer = server.send("POST", "/api/v1/monitors", &Value::Object(fields)).await;
    answer.problem(422);
    assert!(answer.faults().len() < 30 && answer.text.len() < 20_000, "{}", answer.text.len());
}

#[tokio::test]
async fn put_replaces_the_whole_and_patch_changes_a_part() {
    let server = Server::start().await;
    let made = create(&server, &with(body(), &json!({"description": "d", "tags": ["a"], "retain_days": null}))).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);

    let patched = server.send("PATCH", &path, &json!({"active": false})).await.json(200);
    assert_eq!(
        (&patched["active"], &patched["description"], &patched["version"]),
        (&json!(false), &json!("d"), &json!(2))
    );
    assert_eq!(patched["tags"], json!(["a"]));
    assert_eq!(patched["next_run_at"], json!(null));

    let put = server.send("PUT", &path, &body()).await.json(200);
    assert_eq!((&put["description"], &put["version"]), (&json!(""), &json!(3)));
    assert_eq!((&put["tags"], &put["retain_days"]), (&json!([]), &json!(28)));

    server.send("PUT", &path, &json!({"name": "only a name"})).await.problem(422);
    let same = server.send("PATCH", &path, &json!({"name": put["name"]})).await.json(200);
    assert_eq!(same["version"], 3, "an edit that changes nothing is no new version");
}

#[tokio::test]
async fn a_pause_outlives_a_put_that_says_nothing_of_it() {
    let server = Server::start().await;
    let made = create(&server, &with(body(), &json!({"active": false}))).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let put = server.send("PUT", &path, &with(body(), &json!({"name": "Renamed"}))).await.json(200);
    assert_eq!((&put["name"], &put["active"], &put["next_run_at"]), (&json!("Renamed"), &json!(false), &json!(null)));
    let put = server.send("PUT", &path, &with(body(), &json!({"active": true}))).await.json(200);
    assert_eq!(put["active"], true, "said, it is heeded");
    assert_eq!(server.send("PUT", &path, &body()).await.json(200)["active"], true, "and an active one stays so");
}

#[tokio::test]
async fn a_delete_that_names_a_version_deletes_only_that_one() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let delete = async |tag: &'static str| send(server.request("DELETE", &path).header("if-match", tag)).await;
    server.send("PATCH", &path, &json!({"description": "Alice's"})).await.json(200);
    assert_eq!(delete("\"1\"").await.problem(409)["current_version"], 2);
    assert_eq!(server.get(&path).await.json(200)["version"], 2, "nothing was deleted");
    assert_eq!(delete("\"2\"").await.status, 204);
    delete("\"2\"").await.problem(404);
}

#[tokio::test]
async fn of_an_edit_and_a_delete_of_one_version_at_once_one_is_refused() {
    let server = Server::start().await;
    for _ in 0..20 {
        let made = create(&server, &body()).await;
        let path = format!("/api/v1/monitors/{}", made["id"]);
        let change = json!({"description": "Alice's", "version": 1});
        let edit = server.send("PATCH", &path, &change);
        let delete = send(server.request("DELETE", &path).header("if-match", "\"1\""));
        let (edit, delete) = futures_util::future::join(edit, delete).await;
        assert!(
            matches!((edit.status, delete.status), (200, 409) | (404, 204)),
            "edit {}, delete {}",
            edit.status,
            delete.status
        );
    }
}

#[tokio::test]
async fn what_was_read_can_be_sent_back() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let sent_back = with(made.clone(), &json!({"name": "Renamed", "state": "OK"}));
    let saved = server.send("PUT", &path, &sent_back).await.json(200);
    assert_eq!((&saved["name"], &saved["state"]), (&json!("Renamed"), &json!("INACTIVE")));
    let copy = create(&server, &saved).await;
    assert_ne!(copy["id"], saved["id"]);
    assert_eq!(copy["version"], 1);
}

#[tokio::test]
async fn of_two_editors_the_second_is_told() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    // Alice and Bob both read version 1. Alice saves.
    server.send("PATCH", &path, &json!({"description": "Alice's", "version": 1})).await.json(200);
    // Bob's edit is refused, whichever way he names his version, and even if it is wrong in itself.
    for bobs in [json!({"description": "Bob's", "version": 1}), json!({"schedule": "never", "version": 1})] {
        let problem = server.send("PATCH", &path, &bobs).await.problem(409);
        assert_eq!(problem["current_version"], 2, "{problem}");
    }
    let named = async |method: &str, tag: &'static str, body: &Value| -> Answer {
        send(server.request(method, &path).header("if-match", tag).json(body)).await
    };
    assert_eq!(named("PUT", "\"1\"", &body()).await.problem(409)["current_version"], 2);
    assert_eq!(named("DELETE", "\"1\"", &json!({})).await.problem(409)["current_version"], 2);
    named("PATCH", "\"abc\"", &json!({"name": "x"})).await.problem(422);
    assert_eq!(server.get(&path).await.json(200)["description"], "Alice's");
    // With the version he read now, it goes through; `*` means any.
    assert_eq!(named("PATCH", "\"2\"", &json!({"description": "Bob's"})).await.json(200)["version"], 3);
    assert_eq!(named("PATCH", "*", &json!({"description": "Carl's"})).await.json(200)["version"], 4);
}

#[tokio::test]
async fn edits_of_many_at_once_all_count() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let names = ["description", "alarm_after", "recover_after", "retain_days"];
    let edits = names.map(|field| {
        let value = if field == "description" { json!("7") } else { json!(7) };
        let path = &path;
        let server = &server;
        async move { server.send("PATCH", path, &json!({field: value})).await.json(200) }
    });
    futures_util::future::join_all(edits).await;
    let now = server.get(&path).await.json(200);
    assert_eq!(now["version"], 5);
    for field in names {
        assert!(now[field] == 7 || now[field] == "7", "{field} was lost: {now}");
    }
}

#[tokio::test]
async fn a_deleted_monitor_is_gone_and_its_id_is_not_used_again() {
    let server = Server::start().await;
    let made = create(&server, &body()).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let answer = send(server.request("DELETE", &path)).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/runs")), ("DELETE", path.clone())] {
        send(server.request(method, &path)).await.problem(404);
    }
    server.send("PATCH", &path, &json!({"name": "x"})).await.problem(404);
    send(server.request("POST", &format!("{path}/run"))).await.problem(404);
    assert_ne!(create(&server, &body()).await["id"], made["id"]);
    for odd in ["abc", "1.5", "-1", "99999999999999999999", "%2e%2e"] {
        server.get(&format!("/api/v1/monitors/{odd}")).await.problem(404);
    }
    server.get("/api/v1/monitors/%ff").await.problem(400);
}

#[tokio::test]
async fn the_list_is_filtered_and_unknown_filters_are_refused() {
    let server = Server::start().await;
    for (name, tags) in [("Mail queue", json!(["mail"])), ("Web 100%", json!(["web", "prod"])), ("mailer", json!([]))] {
        create(&server, &with(body(), &json!({"name": name, "tags": tags}))).await;
    }
    let names = async |query: &str| -> Vec<String> {
        let page = server.get(&format!("/api/v1/monitors{query}")).await.json(200);
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["Mail queue", "Web 100%", "mailer"]);
    assert_eq!(names("?q=MAIL").await, ["Mail queue", "mailer"]);
    assert_eq!(names("?q=100%25").await, ["Web 100%"]);
    assert_eq!(names("?q=_").await, [""; 0]);
    assert_eq!(names("?tag=prod").await, ["Web 100%"]);
    assert_eq!(names("?state=INACTIVE,ok&tag=mail").await, ["Mail queue"]);
    assert_eq!(names("?state=ALARM").await, [""; 0]);
    let faults = server.get("/api/v1/monitors?stat=OK&state=DOWN&limit=0&after=x").await.faults();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults.iter().any(|fault| fault == "stat: unknown parameter 'stat'; did you mean 'state'?"), "{faults:?}");
}

#[tokio::test]
async fn walking_the_pages_meets_every_monitor_once_in_order() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for number in 0..23 {
        ids.push(create(&server, &with(body(), &json!({"name": format!("m{number}")}))).await["id"].as_i64().unwrap());
    }
    for limit in [1, 2, 7, 22, 23, 24, 500] {
        assert_eq!(server.walk("/api/v1/monitors", "after", limit).await, ids, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_of_large_monitors_ends_early_and_none_is_lost() {
    let server = Server::start().await;
    let large = with(body(), &json!({"script": "#".repeat(256 << 10)}));
    let mut ids = Vec::new();
    for _ in 0..35 {
        ids.push(create(&server, &large).await["id"].as_i64().unwrap());
    }
    let page = server.get("/api/v1/monitors?limit=500").await;
    assert!(page.text.len() < 9 << 20, "{} bytes", page.text.len());
    let page = page.json(200);
    assert_eq!(page["next"], page["items"].as_array().unwrap().last().unwrap()["id"].to_string());
    assert_eq!(server.walk("/api/v1/monitors", "after", 500).await, ids);
}

#[tokio::test]
async fn hostile_text_comes_back_as_it_went_in() {
    let server = Server::start().await;
    for text in [
        "<script>alert(1)</script>",
        "'; drop table monitors; --",
        "{{7*7}} ${jndi:ldap://x} %s %n",
        "\u{202e}gnp.exe \u{200b}\u{feff}",
        "emoji 🚨👩‍👩‍👧‍👦 ünïcödé 漢字",
        "\" quotes ' and \\ backslashes",
        "\u{fffd}\u{10ffff}",
    ] {
        let made = create(
            &server,
            &with(body(), &json!({"name": text, "description": text, "tags": [text.replace(',', "")]})),
        )
        .await;
        let read = server.get(&format!("/api/v1/monitors/{}", made["id"])).await.json(200);
        assert_eq!((&read["name"], &read["description"]), (&json!(text), &json!(text)));
        let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let found = server.get(&format!("/api/v1/monitors?q={query}")).await.json(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_script_of_more_than_256_kib_is_too_large() {
    let server = Server::start().await;
    let most = "#".repeat(256 << 10);
    create(&server, &with(body(), &json!({"script": most}))).await;
    let answer = server.send("POST", "/api/v1/monitors", &with(body(), &json!({"script": format!("{most}#")}))).await;
    assert_eq!(answer.problem(413)["errors"][0]["field"], "script");
    server.send("POST", "/api/v1/eval", &json!({"script": format!("{most}#")})).await.problem(413);
}

/// Any JSON at all, and now and then the right names with it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("* * * * *")),
        Just(json!("UTC")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let names = prop_oneof![
            Just("name".to_owned()),
            Just("script".to_owned()),
            Just("schedule".to_owned()),
            Just("timezone".to_owned()),
            Just("tags".to_owned()),
            Just("retain_days".to_owned()),
            Just("timeout_s".to_owned()),
            Just("version".to_owned()),
            Just("active".to_owned()),
            Just("states".to_owned()),
            Just("id".to_owned()),
            ".{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(names, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn no_body_whatever_it_holds_is_our_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let made = runtime.block_on(create(&server, &body()));
    let monitor = format!("/api/v1/monitors/{}", made["id"]);
    let asked = [
        ("POST", "/api/v1/monitors"),
        ("PUT", &monitor),
        ("PATCH", &monitor),
        ("POST", "/api/v1/schedule"),
        ("PUT", "/api/v1/alerts/none"),
    ];
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(body in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..64))| {
        for (method, path) in asked {
            let answer = runtime.block_on(server.send(method, path, &body));
            prop_assert!(answer.status < 500, "{method} {path} {body}: {}", answer.text);
            let answer = runtime.block_on(server.send_raw(method, path, bytes.clone()));
            prop_assert!((400..500).contains(&answer.status), "{method} {path} {bytes:?}: {}", answer.text);
        }
    });
}
