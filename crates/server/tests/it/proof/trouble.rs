//! Trouble with the database of the real program: people are told, nothing that was acknowledged is lost, no monitor changes
//! its state, and all is well by itself when the trouble is over.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Program, database::every_tick_is_accounted_for, eventually, get};
use crate::{
    cli::postgres_tls::authority,
    support::{PostgresServer, SmallDisk, Sql, client},
};

/// What runs every second meanwhile.
const MONITORS: i64 = 10;

/// A life of the program, and somebody who visits it.
struct Life {
    program: Program,
    visitor: reqwest::Client,
}

impl Life {
    fn begin(folder: &Path) -> Life {
        Life { program: Program::start(folder), visitor: client() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.program.base)
    }
}

async fn populate(life: &Life) {
    for number in 1..=MONITORS {
        let spec = json!({"name": format!("m{number}"), "schedule": "* * * * * *", "script": "return_value = 1"});
        let answer = life.visitor.post(life.url("/api/v1/monitors")).json(&spec).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    newer_run(life, None).await;
}

async fn newest_run(life: &Life) -> Option<i64> {
    get(&life.visitor, &life.url("/api/v1/monitors/1/runs?limit=1")).await?["items"][0]["id"].as_i64()
}

/// Waits for a run after `than`.
async fn newer_run(life: &Life, than: Option<i64>) {
    eventually("a run", async || (newest_run(life).await > than).then_some(())).await;
}

async fn healthy(life: &Life) {
    let url = life.url("/healthz");
    eventually("health", async || (life.visitor.get(&url).send().await.ok()?.status() == StatusCode::OK).then_some(()))
        .await;
}

/// A monitor that takes as much room as one may. `Err` is the answer that refused it.
async fn create_large(life: &Life) -> Result<i64, Value> {
    let spec = json!({"name": "large", "schedule": "0 0 1 1 *", "script": "#".repeat(200_000)});
    let answer = life.visitor.post(life.url("/api/v1/monitors")).json(&spec).send().await.unwrap();
    let (status, retry_after) = (answer.status(), answer.headers().get("retry-after").cloned());
    let body: Value = answer.json().await.unwrap();
    if status == StatusCode::CREATED {
        return Ok(body["id"].as_i64().unwrap());
    }
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body:#}");
    assert!(retry_after.is_some(), "it says when to try again");
    Err(body)
}

/// Nothing but the first success of each monitor ever happened, and no tick is missing.
async fn nothing_happened(database: &mut Sql) {
    database.assert_sound().await;
    every_tick_is_accounted_for(database, 1..=MONITORS).await;
    let flips = database.texts("select old_state || ' ' || new_state from flips").await;
    assert!(flips.iter().all(|flip| flip == "INACTIVE OK"), "{flips:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_loses_nothing_that_was_acknowledged() {
    let disk = SmallDisk::mount(24);
    let life = Life::begin(disk.path());
    populate(&life).await;
    let mut acknowledged = Vec::new();
    disk.fill();
    let refused = loop {
        match create_large(&life).await {
            Ok(id) => acknowledged.push(id),
            Err(problem) => break problem,
        }
    };
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("disk") && detail.contains("full"), "{refused:#}");
    let monitor = get(&life.visitor, &life.url("/api/v1/monitors/1")).await.unwrap();
    assert_eq!((&monitor["state"], &monitor["fault"]), (&json!("OK"), &json!(null)), "reading goes on: {monitor:#}");

    disk.empty();
    healthy(&life).await;
    newer_run(&life, newest_run(&life).await).await;
    acknowledged.push(create_large(&life).await.expect("there is room"));

    // The same again, and told to stop in the middle of it.
    disk.fill();
    while let Ok(id) = create_large(&life).await {
        acknowledged.push(id);
    }
    let took = life.program.terminate();
    assert!(took < STOPPED, "{took:?}");
    disk.empty();
    let life = Life::begin(disk.path());
    newer_run(&life, newest_run(&life).await).await;
    for id in acknowledged {
        let monitor = get(&life.visitor, &life.url(&format!("/api/v1/monitors/{id}"))).await.unwrap();
        assert_eq!(monitor["name"], "large", "{id} was acknowledged: {monitor:#}");
    }
    life.program.terminate();
    nothing_happened(&mut Sql::at(&disk.path().join("revere.db").into()).await).await;
}

/// The longest a stop takes, whatever the trouble.
const STOPPED: Duration = Duration::from_secs(18);

/// Another process has the database for itself.
async fn hold(folder: &Path) -> Sql {
    let mut holder = Sql::at(&folder.join("revere.db").into()).await;
    holder.hold().await;
    holder
}

/// Whoever held it lets it go: all goes on, and what was refused meanwhile is not done.
async fn is_let_go(life: Life, mut holder: Sql) {
    let before = newest_run(&life).await;
    holder.let_go().await;
    healthy(&life).await;
    newer_run(&life, before).await;
    life.program.terminate();
    nothing_happened(&mut holder).await;
    let names = holder.texts("select name from monitors where name = 'large'").await;
    assert!(names.is_empty(), "what was refused is not done later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_held_for_half_a_minute_costs_no_run_and_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::begin(folder.path());
    populate(&life).await;
    let holder = hold(folder.path()).await;
    let began = Instant::now();
    let mut refusals = 0;
    while began.elapsed() < Duration::from_secs(30) {
        let problem = create_large(&life).await.expect_err("it is held");
        assert!(problem["detail"].as_str().unwrap().contains("another process holds the database"), "{problem:#}");
        refusals += 1;
        for path in ["/", "/monitor/1", "/api/v1/monitors", "/api/v1/monitors/1/runs", "/metrics"] {
            let answer = life.visitor.get(life.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
    }
    assert!(refusals >= 2, "each is refused after some seconds");
    let health: Value = life.visitor.get(life.url("/healthz")).send().await.unwrap().json().await.unwrap();
    assert!(health["store"].as_str().unwrap().contains("cannot be written since"), "{health:#}");
    is_let_go(life, holder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_the_database_is_held_ends_in_time_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::begin(folder.path());
    populate(&life).await;
    let holder = hold(folder.path()).await;
    let metrics = life.url("/metrics");
    eventually("somebody waits for the database", async || {
        let text = life.visitor.get(&metrics).send().await.ok()?.text().await.ok()?;
        let busy = text.lines().find_map(|line| line.strip_prefix("revere_store_errors_total{kind=\"busy\"} "))?;
        (busy != "0").then_some(())
    })
    .await;
    let took = life.program.terminate();
    assert!(took < STOPPED, "{took:?}");
    drop(holder);
    let life = Life::begin(folder.path());
    newer_run(&life, newest_run(&life).await).await;
    life.program.terminate();
    nothing_happened(&mut Sql::at(&folder.path().join("revere.db").into()).await).await;
}

/// A PostgreSQL of its own, and a folder whose configuration names it.
async fn on_a_server() -> (PostgresServer, tempfile::TempDir) {
    let server = PostgresServer::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    // What is left behind is taken over soon.
    let config = format!("DATABASE_URL = '{}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\n", server.url());
    std::fs::write(folder.path().join("config.py"), config).unwrap();
    (server, folder)
}

async fn database_of(server: &PostgresServer) -> Sql {
    Sql::at(&revere::store::PostgresAddress::read(&server.url(), None).unwrap().into()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_somebody_holds_for_long_costs_no_run_and_no_state() {
    let (server, folder) = on_a_server().await;
    let life = Life::begin(folder.path());
    populate(&life).await;
    let mut holder = database_of(&server).await;
    // Each transaction that writes begins there.
    holder.run("begin; lock table commits in exclusive mode").await;
    let problem = create_large(&life).await.expect_err("it is held");
    assert!(problem["detail"].as_str().unwrap().contains("another process holds the database"), "{problem:#}");
    let health = eventually("it is said", async || {
        let health = get(&life.visitor, &life.url("/healthz")).await?;
        let store = health["store"].as_str()?.to_owned();
        store.contains("cannot be written since").then_some(store)
    })
    .await;
    assert!(health.contains("held by somebody else"), "{health}");
    for path in ["/", "/monitor/1", "/api/v1/monitors", "/api/v1/monitors/1/runs", "/metrics"] {
        let answer = life.visitor.get(life.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    is_let_go(life, holder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_postgresql_is_away_ends_in_time_and_the_next_start_goes_on() {
    let (mut server, folder) = on_a_server().await;
    let life = Life::begin(folder.path());
    populate(&life).await;
    server.crash();
    let metrics = life.url("/metrics");
    eventually("it is known", async || {
        let text = life.visitor.get(&metrics).send().await.ok()?.text().await.ok()?;
        text.lines().any(|line| line.starts_with("revere_store_errors_total{") && !line.ends_with(" 0")).then_some(())
    })
    .await;
    let took = life.program.terminate();
    assert!(took < STOPPED, "{took:?}");
    server.start_again().await;
    let life = Life::begin(folder.path());
    newer_run(&life, newest_run(&life).await).await;
    life.program.terminate();
    nothing_happened(&mut database_of(&server).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_fits_no_more_costs_no_run_and_no_state() {
    let ((root, right), (_, wrong)) = (authority(), authority());
    let server = PostgresServer::listening(Some((&right.0, &right.1))).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), root).unwrap();
    let address = format!(
        "postgresql://revere@localhost:{}/postgres?sslmode=verify-full&sslrootcert={}",
        server.port(),
        folder.path().join("root.pem").display()
    );
    let config = format!("DATABASE_URL = '{address}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\n");
    std::fs::write(folder.path().join("config.py"), config).unwrap();
    let life = Life::begin(folder.path());
    populate(&life).await;
    let before = newest_run(&life).await;
    server.shows((&wrong.0, &wrong.1)).await;
    let mut admin = database_of(&server).await;
    let said = eventually("it is said", async || {
        // Whoever is there already has seen the one before.
        admin.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'revere'").await;
        let health = get(&life.visitor, &life.url("/healthz")).await?;
        let store = health["store"].as_str()?.to_owned();
        store.contains("cannot be spoken to over TLS").then_some(store)
    })
    .await;
    assert!(said.contains("name its authority by sslrootcert"), "and what to do: {said}");
    server.shows((&right.0, &right.1)).await;
    healthy(&life).await;
    newer_run(&life, before).await;
    life.program.terminate();
    nothing_happened(&mut admin).await;
}
