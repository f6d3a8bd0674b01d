//! What is answered while another process holds the database, which is a file.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use super::server::{Server, send};
use crate::{
    access::refusals::Log,
    pages::browser::Browser,
    support::{eventually, on_postgresql, until},
};

/// So long writes wait here for a database that is held: each of those that are refused takes as long.
const SHORT: Duration = Duration::from_secs(2);

/// What comes of a request, asked again while the machine is too busy for it; what was refused was not done.
async fn done(server: &Server, method: &str, path: &str, body: &Value, status: u16) -> Value {
    eventually(path, async || {
        let answer = server.send(method, path, body).await;
        if answer.status == 503 { Err(answer.text) } else { Ok(answer.json(status)) }
    })
    .await
}

async fn held(server: &Server) -> SqliteConnection {
    let options =
        SqliteConnectOptions::new().filename(server.store.place().file().unwrap()).busy_timeout(Duration::from_secs(5));
    let mut connection = options.connect().await.unwrap();
    sqlx::query("begin immediate").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_held_database_refuses_writes_for_now_and_still_reads() {
    if on_postgresql() {
        return;
    }
    let server = Server::patient(SHORT).await;
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    let made = done(&server, "POST", "/api/v1/monitors", &body, 201).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);

    let mut holder = held(&server).await;
    let run = async {
        let answer = server.send("POST", &format!("{path}/run"), &json!({})).await;
        let detail = answer.problem(503)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("it need not be asked for again"), "{detail}");
    };
    run.await;
    for (method, path, body) in [
        ("POST", "/api/v1/monitors", body.clone()),
        ("PATCH", path.as_str(), json!({"name": "x"})),
        ("PUT", "/api/v1/alerts/ops", json!({"enabled": false})),
    ] {
        let answer = server.send(method, path, &body).await;
        answer.problem(503);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    assert_eq!(server.get(&path).await.json(200), made);
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(server.get("/healthz").await.json(200)["store"], "ok", "a moment is no fault");
    server.clock.advance(jiff::SignedDuration::from_secs(60));
    let health = server.get("/healthz").await.json(503);
    assert_eq!((&health["status"], &health["sandbox"]), (&json!("failing"), &json!("ok")));
    assert!(health["store"].as_str().unwrap().contains("cannot be written since"), "{health}");

    sqlx::query("rollback").execute(&mut holder).await.unwrap();
    let renamed = done(&server, "PATCH", &path, &json!({"name": "renamed"}), 200).await;
    assert_eq!(renamed["name"], "renamed");
    assert_eq!(renamed["version"], 2, "what was refused was not done later");
    let runs = server.get(&format!("{path}/runs")).await.json(200);
    assert_eq!(runs["items"].as_array().unwrap().len(), 1, "and the run is there");
    assert_eq!(server.get("/healthz").await.json(200)["store"], "ok");
}

#[tokio::test]
async fn a_moment_of_holding_only_delays() {
    if on_postgresql() {
        return;
    }
    let server = Server::patient(Duration::from_secs(60)).await;
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let path = format!("/api/v1/monitors/{}", made["id"]);

    let mut holder = held(&server).await;
    let rename = json!({"name": "renamed"});
    let run_path = format!("{path}/run");
    let run = send(server.request("POST", &run_path));
    let saved = server.send("PATCH", &path, &rename);
    // The holder lets go once the server has met it.
    let release = async {
        until("the server has met it", async || server.store.health().failing_since.is_some()).await;
        sqlx::query("rollback").execute(&mut holder).await.unwrap();
    };
    let (run, saved, ()) = tokio::join!(run, saved, release);
    assert_eq!(run.json(200)["return_value"], 1);
    assert_eq!(saved.json(200)["name"], "renamed");
    assert_eq!(server.get(&path).await.json(200)["state"], "OK");
}

#[tokio::test]
async fn a_healthy_server_says_so() {
    let server = Server::start().await;
    let health = send(server.request("GET", "/healthz")).await.json(200);
    for part in ["status", "scheduler", "store", "sandbox"] {
        assert_eq!(health[part], "ok", "{part}");
    }
}

#[tokio::test]
async fn health_returns_by_itself_after_a_trouble_that_nobody_meets_again() {
    if on_postgresql() {
        return;
    }
    let server = Server::patient(SHORT).await;
    // Housekeeping writes, too; for a quarter of an hour it is done.
    server.at_rest().await;
    let mut holder = held(&server).await;
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "@hourly"});
    server.send("POST", "/api/v1/monitors", &body).await.problem(503);
    server.clock.advance(jiff::SignedDuration::from_secs(60));
    server.get("/healthz").await.json(503);
    sqlx::query("rollback").execute(&mut holder).await.unwrap();
    // Nobody writes: the one who was refused does not come back.
    let before = server.store.health();
    healthy(&server).await;
    let after = server.store.health();
    assert_eq!(after.failing_since, None);
    assert_eq!((after.commits, after.writes), (before.commits, before.writes), "looking is not counted as work");
    let left: i64 =
        sqlx::query_scalar("select count(*) from meta where key = 'probe'").fetch_one(&mut holder).await.unwrap();
    assert_eq!(left, 0);
}

/// Waits for a 200 from `/healthz`.
async fn healthy(server: &Server) {
    until("it is healthy", async || server.get("/healthz").await.status == 200).await;
}

#[tokio::test]
async fn a_scheduler_that_cannot_look_at_what_is_due_is_said_to_be_failing() {
    if on_postgresql() {
        return;
    }
    let server = Server::start().await;
    server.at_rest().await;
    let mut outside =
        SqliteConnectOptions::new().filename(server.store.place().file().unwrap()).connect().await.unwrap();
    sqlx::query("alter table dues rename to elsewhere").execute(&mut outside).await.unwrap();
    server.advance(jiff::SignedDuration::from_secs(1));
    // It may have looked by itself before the clock was moved.
    let evaluate = || server.engine.tasks().into_iter().find(|task| task.name == "evaluate").unwrap();
    until("evaluate has failed", async || evaluate().failing_since.is_some()).await;
    let since = evaluate().failing_since.unwrap();
    assert!(["2026-07-01T12:00:30Z", "2026-07-01T12:00:31Z"].contains(&since.to_string().as_str()), "{since}");
    assert_eq!(server.get("/healthz").await.status, 200, "a moment is no fault");
    server.clock.advance(jiff::SignedDuration::from_secs(11));
    let health = server.get("/healthz").await.json(503);
    let words = health["scheduler"].as_str().unwrap();
    assert!(words.contains(&format!("evaluate: cannot do its work since {since}")), "{words}");
    assert!(words.contains("no such table: dues"), "{words}");
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains("revere_task_failing{task=\"evaluate\"} 1"), "{metrics}");
    assert!(metrics.contains("revere_task_failing{task=\"deliver ops\"} 0"), "{metrics}");
    let failures = metrics.lines().find_map(|line| line.strip_prefix("revere_task_failures_total{task=\"evaluate\"} "));
    assert!(failures.unwrap().parse::<u64>().unwrap() > 0, "{metrics}");

    sqlx::query("alter table elsewhere rename to dues").execute(&mut outside).await.unwrap();
    // Whatever failed meanwhile beside it is tried again after its pause by this clock, and stands still with it.
    while server.get("/healthz").await.status != 200 {
        server.advance(jiff::SignedDuration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let metrics = server.get("/metrics").await.text;
    assert!(metrics.contains("revere_task_failing{task=\"evaluate\"} 0"), "{metrics}");
}

/// What a page or an answer says stands in the log is there, at the level that a log has where nobody chose one.
#[tokio::test]
async fn what_fails_has_a_number_that_the_log_has_too() {
    if on_postgresql() {
        return;
    }
    let log = Log::begin();
    let server = Server::patient(SHORT).await;
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "0 0 1 1 *"});
    done(&server, "POST", "/api/v1/monitors", &body, 201).await;
    let browser = Browser::of(&server);
    browser.page("/").await;
    let mut holder = held(&server).await;
    let answer = server.send("POST", "/api/v1/monitors", &body).await;
    let page = browser.submit("/monitor/1/pause", &[]).await;
    sqlx::query("rollback").execute(&mut holder).await.unwrap();
    let problem = answer.problem(503);
    let numbers = [problem["request_id"].as_str().unwrap(), page.header("x-request-id")];
    assert_eq!(page.status, 503, "{}", page.text);
    assert!(page.text.contains(&format!("log has this under <code>{}</code>", numbers[1])), "{}", page.text);
    let said = log.said();
    for number in numbers {
        let line = said.lines().find(|line| line.contains(number) && line.contains("request refused for now"));
        assert!(line.is_some_and(|line| line.contains("\"level\":\"WARN\"")), "{number}: {said}");
    }
}
