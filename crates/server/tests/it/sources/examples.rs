//! The examples that *Create* offers for the configured sources run as they stand, on the real services: who takes one sees
//! a number, and puts their own names in place one by one.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use serde_json::json;

use super::services::service;
use crate::cli::{Shell, server::Server};

/// Answers every request with a page; its address.
fn web_site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            // It may be gone before it has its answer, when the server stops.
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nwelcome");
        }
    });
    address
}

/// What a page has as text, as it was before it became HTML.
fn unescaped(html: &str) -> String {
    html.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

/// Runs every example of a source that `/create` offers; answers their slugs.
async fn run_as_they_stand(server: &Server) -> Vec<String> {
    let (_, page) = server.get("/create").await;
    let links = page.split("href=\"/create?example=").skip(1);
    let slugs: Vec<String> = links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let of_sources: Vec<String> = slugs.into_iter().filter(|slug| slug.contains('.')).collect();
    for slug in &of_sources {
        let (status, page) = server.get(&format!("/create?example={slug}")).await;
        assert_eq!(status, 200, "{slug}: {page}");
        let area = page.split_once("id=\"script\"").unwrap().1;
        let script = unescaped(area.split_once(">\n").unwrap().1.split_once("</textarea>").unwrap().0);
        assert!(script.contains("sources["), "{slug}: {script}");
        let (status, outcome) = server.post("/api/v1/eval", &json!({ "script": script })).await;
        assert_eq!(status, 200, "{slug}: {outcome}");
        // A made-up shop has its bad hours, and that is an alarm.
        assert_ne!(outcome["state"], "ERROR", "{slug}: {outcome:#}");
        // A number that can be drawn; a program may answer anything.
        assert!(!outcome["return_value"].is_null(), "{slug}: {outcome:#}");
        assert!(outcome["return_value"].is_number() || slug.starts_with("ask."), "{slug}: {outcome:#}");
    }
    of_sources
}

#[tokio::test]
async fn an_example_of_each_kind_of_source_runs_as_it_stands() {
    let shell = Shell::new();
    let database = |name: &str, url: &str| {
        format!("'{name}': {{'type': 'database', 'config': {{'connection_string': {}}}}},\n", json!(url))
    };
    let server_at = |name: &str, kind: &str, field: &str, url: &str| {
        format!("'{name}': {{'type': '{kind}', 'config': {{'{field}': {}}}}},\n", json!(url))
    };
    let sources = [
        database("postgres", &service("REVERE_TEST_POSTGRES_URL")),
        database("mariadb", &service("REVERE_TEST_MARIADB_URL")),
        database("sqlite", "sqlite:///revere.db"),
        server_at("prometheus", "prometheus", "url", &service("REVERE_TEST_PROMETHEUS_URL")),
        server_at("graphite", "graphite", "url", &service("REVERE_TEST_GRAPHITE_URL")),
        server_at("site", "http", "base_url", &web_site()),
    ];
    shell.write("config.py", &format!("REVERE_SOURCES = {{\n{}}}\n", sources.concat()));
    let mut slugs = run_as_they_stand(&shell.serve(&[])).await;
    slugs.sort();
    assert_eq!(
        slugs,
        [
            "health.site",
            "heartbeat.mariadb",
            "heartbeat.postgres",
            "heartbeat.sqlite",
            "ratio.prometheus",
            "rows.mariadb",
            "rows.postgres",
            "rows.sqlite",
            "week.graphite",
        ]
    );
}

#[tokio::test]
async fn an_example_of_a_program_asks_what_it_can_answer_without_arguments() {
    let shell = Shell::new();
    let counter = format!("{}/tests/it/sources/fixtures/counter.py", env!("CARGO_MANIFEST_DIR"));
    let config = format!(
        "REVERE_SOURCES = {{\n'counter': {{'type': 'command', 'config': {{'command': ['python3', {}]}}}},\n\
         'shop': {{'type': 'demo', 'config': {{}}}},\n}}\n",
        json!(counter)
    );
    shell.write("config.py", &config);
    let server = shell.serve(&[]);
    // What it can answer is known once it was started.
    let (_, outcome) = server.post("/api/v1/eval", &json!({"script": "sources['counter'].count()"})).await;
    assert_eq!(outcome["state"], "OK", "{outcome:#}");
    assert_eq!(run_as_they_stand(&server).await, ["ask.counter", "week.shop"]);
}

#[tokio::test]
async fn an_example_of_a_source_without_a_base_address_asks_a_host_that_it_may() {
    let shell = Shell::new();
    let host = web_site().replace("http://", "");
    let config = format!(
        "REVERE_SOURCES = {{'hosts': {{'type': 'https', 'config': {{'allowed_hosts': ['{host}', '*.example.org']}}}},\n\
         'heads': {{'type': 'http', 'config': {{'allowed_hosts': ['{host}'], 'methods': ['head', 'post']}}}},\n\
         'hook': {{'type': 'http', 'config': {{'allowed_hosts': ['{host}'], 'methods': ['post']}}}}}}\n"
    );
    shell.write("config.py", &config);
    assert_eq!(run_as_they_stand(&shell.serve(&[])).await, ["health.heads", "health.hosts"]);
}
