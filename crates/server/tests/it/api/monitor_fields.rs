//! The model's table of a monitor's fields: each is described, kept whichever way it is sent, and in the documentation.

use std::fmt::Write;

use revere_model::{LeftOut, MONITOR_FIELDS};
use serde_json::{Value, json};

use super::server::Server;
use crate::{pages::browser::Browser, support::field_tables};

/// Another value that the field may have.
fn another(field: &str, value: &Value) -> Value {
    match (field, value) {
        ("script", _) => json!("return_value = 2"),
        ("schedule", _) => json!("0 4 * * *"),
        ("alerts", _) => json!(["ops"]),
        ("default_severity", _) => json!("warning"),
        ("state_in_outage", _) => json!("keep"),
        ("timezone", _) => json!("Europe/Berlin"),
        (_, Value::String(text)) => json!(format!("{text}more")),
        (_, Value::Bool(flag)) => json!(!flag),
        (_, Value::Array(_)) => json!(["mail", "ops"]),
        (_, Value::Number(number)) => json!(number.as_u64().unwrap() + 1),
        (_, Value::Null) => json!(7),
        (_, Value::Object(_)) => panic!("say here what {field} may be"),
    }
}

/// Whether two values are the same, 7 and 7.0 being so.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// As one would type it.
fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        // A box that is not ticked is not sent.
        Value::Bool(true) => "true".to_owned(),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn every_field_is_kept_whether_it_is_created_changed_replaced_or_typed() {
    let server = Server::start().await;
    let least = json!({"name": "a", "script": "return_value = 1", "schedule": "* * * * *"});
    let first = server.send("POST", "/api/v1/monitors", &least).await.json(201);
    let mut full = json!({});
    for field in MONITOR_FIELDS {
        let other = another(field.name, &first[field.name]);
        let path = format!("/api/v1/monitors/{}", first["id"]);
        let changed = server.send("PATCH", &path, &json!({field.name: other})).await.json(200);
        assert!(same(&changed[field.name], &other), "{} is not changed by PATCH", field.name);
        assert!(same(&server.get(&path).await.json(200)[field.name], &other), "{} is not kept", field.name);
        full[field.name] = other;
    }
    let second = server.send("POST", "/api/v1/monitors", &full).await.json(201);
    let third = server.send("POST", "/api/v1/monitors", &least).await.json(201);
    let replaced = server.send("PUT", &format!("/api/v1/monitors/{}", third["id"]), &full).await.json(200);
    let browser = Browser::of(&server);
    let fields: Vec<(&str, String)> = MONITOR_FIELDS
        .iter()
        .filter(|field| full[field.name] != json!(false))
        .map(|field| (field.name, typed(&full[field.name])))
        .chain([("do", "save".to_owned())])
        .collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.page("/create").await;
    for field in MONITOR_FIELDS {
        assert!(page.contains(&format!("name=\"{}\"", field.name)), "the form has no {}", field.name);
    }
    let saved = browser.submit("/create", &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let made = server.get(&saved.header("location").replace("/monitor/", "/api/v1/monitors/")).await.json(200);
    for field in MONITOR_FIELDS {
        for (way, monitor) in [("created", &second), ("replaced", &replaced), ("typed", &made)] {
            assert!(same(&monitor[field.name], &full[field.name]), "{} is lost where it is {way}", field.name);
        }
    }
}

#[test]
fn the_table_of_fields_in_the_guide_is_current() {
    let mut table = "| field | is | left out |\n|---|---|---|\n".to_owned();
    for field in MONITOR_FIELDS {
        let left_out = match field.words.left_out {
            LeftOut::Required(_) => "refused",
            LeftOut::Is(default) => default,
        };
        writeln!(table, "| `{}` | {} | {left_out} |", field.name, field.doc).unwrap();
    }
    field_tables::assert_current("API.md", &[("a monitor", table)]);
}
