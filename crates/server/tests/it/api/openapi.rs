//! The committed OpenAPI document is the generated one, and says what a client needs.

use std::path::Path;

use serde_json::Value;

use super::server::Server;

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
            if property["description"].as_str().is_none_or(str::is_empty) {
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
