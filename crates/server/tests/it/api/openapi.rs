//! The committed OpenAPI document is the generated one, and says what a client needs.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    browsers::tell_browsers,
    server::{Server, send},
};
use crate::support::push_browser::PushBrowser;

fn generated() -> Value {
    serde_json::to_value(revere::web::openapi_document()).unwrap()
}

#[test]
fn the_committed_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/openapi.json is not what the program generates; if the change is meant, write it with\n    \
         UPDATE=1 cargo test -p revere --test it api::openapi\nand commit it"
    );
}

#[tokio::test]
async fn the_server_gives_it_out() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/openapi.json").await.json(200), generated());
}

#[test]
fn every_operation_and_every_field_is_described() {
    let document = generated();
    let mut faults = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            for part in ["summary", "description", "operationId"] {
                if operation[part].as_str().is_none_or(str::is_empty) {
                    faults.push(format!("{place} has no {part}"));
                }
            }
            if !ids.insert(operation["operationId"].to_string()) {
                faults.push(format!("{place} shares its operationId"));
            }
            for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
                if parameter["description"].as_str().is_none_or(str::is_empty) {
                    faults.push(format!("{place}: parameter {} is not described", parameter["name"]));
                }
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("schema {name} is not described"));
        }
        for (field, property) in schema["properties"].as_object().unwrap_or(&serde_json::Map::new()) {
            // A reference that may be null has its words beside the reference.
            let said = |schema: &Value| schema["description"].as_str().is_some_and(|words| !words.is_empty());
            if !said(property) && !property["oneOf"].as_array().is_some_and(|either| either.iter().any(said)) {
                faults.push(format!("{name}.{field} is not described"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to} leads nowhere");
                }
                map.values().for_each(|value| walk(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = generated();
    walk(&document, &document);
}

/// Every body of a request: method, path, one that is good, and its schema.
fn bodies(document: &Value) -> Vec<(String, String, Value, Value)> {
    let monitor = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(to) = schema["$ref"].as_str() else { continue };
            let schema = document.pointer(to.trim_start_matches('#')).unwrap().clone();
            let good = match path.as_str() {
                "/api/v1/check" | "/api/v1/eval" => json!({"script": "return_value = 1"}),
                "/api/v1/schedule" => json!({"schedule": "@hourly"}),
                "/api/v1/alerts/{key}" => json!({"enabled": true}),
                "/api/v1/alerts/{key}/preview" => json!({"monitor_id": 1}),
                "/api/v1/monitors/{id}/versions/{version}/restore" => json!({}),
                "/api/v1/monitors/{id}/acknowledgement" | "/api/v1/sources/{name}/acknowledgement" => json!({}),
                "/api/v1/alerts/{key}/browsers" => PushBrowser::at("http://127.0.0.1:9/x".to_owned()).body("x"),
                "/api/v1/mutes" => json!({"duration_s": 3600}),
                "/api/v1/overrides" => {
                    json!({"rota": "night", "person": "carol", "ends_at": "2026-07-01T20:00:00Z"})
                }
                _ => monitor.clone(),
            };
            let path = path.replace("{id}", "1").replace("{key}", "ops").replace("{version}", "1");
            let path = path.replace("{name}", "echo");
            found.push((method.to_uppercase(), path, good, schema));
        }
    }
    assert_eq!(found.len(), 14);
    found
}

#[tokio::test]
async fn null_is_taken_where_the_document_says_so_and_nowhere_else() {
    let server = Server::start().await;
    tell_browsers(&server);
    let document = generated();
    let monitor = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    server.send("POST", "/api/v1/monitors", &monitor).await.json(201);
    let mut seen = (0, 0);
    for (method, path, good, schema) in bodies(&document) {
        for (field, property) in schema["properties"].as_object().unwrap() {
            let mut body = good.clone();
            body[field] = Value::Null;
            let answer = server.send(&method, &path, &body).await;
            let place = format!("{method} {path} {field}");
            if property["readOnly"] == true || misfits(&Value::Null, property, &document, "").is_empty() {
                assert!((200..300).contains(&answer.status), "{place}: {}", answer.text);
                seen.0 += 1;
            } else {
                assert!(answer.faults()[0].starts_with(&format!("{field}: ")), "{place}");
                seen.1 += 1;
            }
        }
    }
    assert!(seen.0 > 5 && seen.1 > 20, "{seen:?}");
}

#[tokio::test]
async fn a_body_holds_what_the_document_lists_and_nothing_else() {
    let server = Server::start().await;
    tell_browsers(&server);
    let document = generated();
    let monitor = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &monitor).await.json(201);
    let alert = server.get("/api/v1/alerts/ops").await.json(200);
    for (method, path, good, schema) in bodies(&document) {
        assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        let mut body = good.clone();
        body["surprise"] = json!(1);
        let faults = server.send(&method, &path, &body).await.faults();
        assert!(faults[0].starts_with("surprise: unknown field"), "{method} {path}: {faults:?}");
        // What was answered may be sent back as it is.
        let shown = if path.contains("alerts") { &alert } else { &made };
        for (field, property) in schema["properties"].as_object().unwrap() {
            if property["readOnly"] == true {
                let mut body = good.clone();
                body[field] = shown[field].clone();
                let answer = server.send(&method, &path, &body).await;
                assert!((200..300).contains(&answer.status), "{method} {path} {field}: {}", answer.text);
            }
        }
    }
}

/// Everything in which `value` is not as `schema` says. Fields that the schema does not know are faults too.
fn misfits(value: &Value, schema: &Value, document: &Value, place: &str) -> Vec<String> {
    if let Some(to) = schema["$ref"].as_str() {
        return misfits(value, document.pointer(to.trim_start_matches('#')).unwrap(), document, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| misfits(value, choice, document, place).is_empty()).count();
        return if fitting == 1 { Vec::new() } else { vec![format!("{place}: {fitting} of the choices fit {value}")] };
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Vec::new() } else { vec![format!("{place}: {value} is no choice")] };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        _ => return vec![format!("{place}: the schema says no type")],
    };
    let fits = types.iter().any(|one| match *one {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    });
    if !fits {
        return vec![format!("{place}: {value} is no {types:?}")];
    }
    let mut faults = Vec::new();
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            faults.extend(misfits(item, &schema["items"], document, &format!("{place}[{index}]")));
        }
    }
    if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, value) in object {
            match properties.get(name) {
                Some(property) => faults.extend(misfits(value, property, document, &format!("{place}.{name}"))),
                None => faults.push(format!("{place}.{name} is not in the schema")),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap()) {
                faults.push(format!("{place}: required {name} is missing"));
            }
        }
    }
    faults
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let server = Server::start().await;
    let document = generated();
    for script in ["return_value = 0.5", "raise MonitorFailure('x')", "return_value = 'text'\n1/0"] {
        let body = json!({"name": "m", "script": script, "schedule": "@hourly", "tags": ["a"]});
        let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
        send(server.request("POST", &format!("/api/v1/monitors/{}/run", made["id"]))).await.json(200);
    }
    let body = json!({"name": "deleted", "script": "pass", "schedule": "@hourly"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    assert_eq!(send(server.request("DELETE", "/api/v1/monitors/4")).await.status, 204);
    server.send("POST", "/api/v1/eval", &json!({"script": "sources['echo'].say(1)"})).await.json(200);
    let eval = json!({"script": "print(sources['echo'].say(1))\nreturn_value = 2**70"});
    let asked = [
        ("GET", "/healthz", "/healthz", None),
        ("GET", "/api/v1/monitors", "/api/v1/monitors", None),
        ("GET", "/api/v1/monitors?limit=1", "/api/v1/monitors", None),
        ("GET", "/api/v1/monitors/2", "/api/v1/monitors/{id}", None),
        ("PATCH", "/api/v1/monitors/2", "/api/v1/monitors/{id}", Some(json!({"active": false}))),
        ("PATCH", "/api/v1/monitors/2", "/api/v1/monitors/{id}", Some(json!({"activ": false, "version": 1}))),
        ("PATCH", "/api/v1/monitors/2", "/api/v1/monitors/{id}", Some(json!({"activ": false}))),
        ("GET", "/api/v1/monitors/2/versions", "/api/v1/monitors/{id}/versions", None),
        ("GET", "/api/v1/monitors/2/versions/1", "/api/v1/monitors/{id}/versions/{version}", None),
        ("GET", "/api/v1/monitors/2/difference", "/api/v1/monitors/{id}/difference", None),
        (
            "POST",
            "/api/v1/monitors/2/versions/1/restore",
            "/api/v1/monitors/{id}/versions/{version}/restore",
            Some(json!({"note": "back"})),
        ),
        ("GET", "/api/v1/deleted-monitors", "/api/v1/deleted-monitors", None),
        ("POST", "/api/v1/deleted-monitors/4/undelete", "/api/v1/deleted-monitors/{id}/undelete", Some(json!({}))),
        ("POST", "/api/v1/deleted-monitors/4/undelete", "/api/v1/deleted-monitors/{id}/undelete", Some(json!({}))),
        ("POST", "/api/v1/monitors/1/run", "/api/v1/monitors/{id}/run", Some(json!({}))),
        ("GET", "/api/v1/monitors/3/runs", "/api/v1/monitors/{id}/runs", None),
        ("GET", "/api/v1/monitors/9/runs", "/api/v1/monitors/{id}/runs", None),
        ("GET", "/api/v1/monitors/3/flips", "/api/v1/monitors/{id}/flips", None),
        ("GET", "/api/v1/monitors/3/gaps", "/api/v1/monitors/{id}/gaps", None),
        ("POST", "/api/v1/eval", "/api/v1/eval", Some(eval)),
        ("POST", "/api/v1/schedule", "/api/v1/schedule", Some(json!({"schedule": "@daily"}))),
        ("POST", "/api/v1/schedule", "/api/v1/schedule", Some(json!({"schedule": "daily"}))),
        ("GET", "/api/v1/sources", "/api/v1/sources", None),
        ("GET", "/api/v1/sources/echo/names", "/api/v1/sources/{name}/names", None),
        ("GET", "/api/v1/sources/none/names", "/api/v1/sources/{name}/names", None),
        ("GET", "/api/v1/server", "/api/v1/server", None),
        ("GET", "/api/v1/alerts", "/api/v1/alerts", None),
        ("GET", "/api/v1/alerts/ops", "/api/v1/alerts/{key}", None),
        ("PUT", "/api/v1/alerts/ops", "/api/v1/alerts/{key}", Some(json!({"states": ["OK"]}))),
        ("POST", "/api/v1/alerts/broken/test", "/api/v1/alerts/{key}/test", Some(json!({}))),
        ("GET", "/api/v1/alerts/ops/preview?monitor=1", "/api/v1/alerts/{key}/preview", None),
        ("GET", "/api/v1/alerts/ops/preview?monitor=99", "/api/v1/alerts/{key}/preview", None),
        (
            "POST",
            "/api/v1/alerts/ops/preview",
            "/api/v1/alerts/{key}/preview",
            Some(json!({"monitor_id": 1, "text": "{{"})),
        ),
        ("GET", "/api/v1/deliveries", "/api/v1/deliveries", None),
    ];
    let mut faults = Vec::new();
    for (method, path, route, body) in asked {
        let answer = match body {
            Some(body) => server.send(method, path, &body).await,
            None => server.get(path).await,
        };
        let operation = &document["paths"][route][method.to_lowercase()];
        let responses = operation["responses"].as_object().unwrap();
        let response = responses.get(&answer.status.to_string()).unwrap_or_else(|| &responses["default"]);
        let schema = &response["content"][answer.header("content-type")]["schema"];
        let value: Value = serde_json::from_str(&answer.text).unwrap();
        let place = format!("{method} {path} {}", answer.status);
        faults.extend(misfits(&value, schema, &document, &place));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
