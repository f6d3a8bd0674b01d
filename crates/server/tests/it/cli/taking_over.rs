//! A server that goes away in the middle of a run, killed, stopped or ended: what the other one of its database shows of it, and when
//! that one runs its tick.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use revere::store::PostgresAddress;
use revere_model::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{Shell, server::Server};
use crate::support::{Sql, database::schema_of_its_own, eventually, until};

/// A source that never answers who asks first, and everybody else at once.
async fn source() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = move || {
        let asked = asked.clone();
        async move {
            if asked.fetch_add(1, SeqCst) == 0 {
                std::future::pending::<()>().await;
            }
            "there"
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await.unwrap() });
    url
}

/// Two servers of one database, one of which is at a tick that does not come to its end there.
struct Two {
    shell: Shell,
    /// Who is at it.
    holder: Server,
    /// What that one is called in claims.
    name: String,
    other: Server,
    tick: Timestamp,
}

impl Two {
    /// With these lines in their configuration.
    async fn begin(limits: &str) -> Two {
        let shell = Shell::new();
        let source = source().await;
        shell.write(
            "config.py",
            &format!(
                "DATABASE_URL = '{}'\n{limits}\
                 REVERE_SOURCES = {{'slow': {{'type': 'http', 'config': {{'base_url': '{source}'}}}}}}\n",
                schema_of_its_own().await
            ),
        );
        let (one, other) = (shell.serve(&[]), shell.serve(&[]));
        for server in [&one, &other] {
            server.wait_for("/api/v1/server", |said| (said["servers"].as_array()?.len() == 2).then_some(())).await;
        }
        // One tick a minute, which is soon.
        let second = (SystemClock.now().as_second() + 5) % 60;
        let monitor = json!({
            "name": "a",
            "script": "sources['slow'].get('/')\nreturn_value = 1",
            "schedule": format!("{second} * * * * *"),
        });
        let (status, made) = one.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{made:#}");
        let tick = made["next_run_at"].as_str().unwrap().parse().unwrap();
        let node = one
            .wait_for("/api/v1/server", |said| {
                said["servers"].as_array()?.iter().find(|node| node["claimed_runs"] == 1).cloned()
            })
            .await;
        let (name, address) = (node["name"].as_str().unwrap().to_owned(), node["address"].as_str().unwrap());
        match address {
            address if address == one.address => Two { shell, holder: one, name, other, tick },
            address if address == other.address => Two { shell, holder: other, name, other: one, tick },
            address => panic!("{address} is neither {} nor {}", one.address, other.address),
        }
    }

    /// The run of the tick, once there is one.
    async fn run(&self) -> Value {
        self.other
            .wait_for("/api/v1/monitors/1/runs", |runs| {
                runs["items"].as_array()?.iter().find(|run| at(run, "tick_at") == self.tick).cloned()
            })
            .await
    }

    /// What the other one says of the holder: on its page, and at a shell.
    async fn shown(&self) -> (String, String) {
        let (status, page) = self.other.get("/server").await;
        assert_eq!(status, 200, "{page}");
        let row =
            page.split("<tr>").find(|row| row.contains(&self.name)).unwrap_or_else(|| panic!("{page}")).to_owned();
        let table = self.shell.run("nodes").exits(0).stdout;
        let line = table.lines().find(|line| line.contains(&self.name)).unwrap_or_else(|| panic!("{table}"));
        (row, line.to_owned())
    }
}

fn at(run: &Value, field: &str) -> Timestamp {
    run[field].as_str().unwrap().parse().unwrap()
}

/// How many seconds after its tick a run began.
fn seconds_late(run: &Value) -> f64 {
    at(run, "started_at").duration_since(at(run, "tick_at")).as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_noticed_and_its_tick_is_run_when_its_claim_ends() {
    // A claim holds for fifteen seconds, by these.
    let two = Two::begin("RUN_TIMEOUT = 10\nCLAIM_MARGIN = 5\n").await;
    let (row, line) = two.shown().await;
    for part in [two.holder.address.as_str(), env!("CARGO_PKG_VERSION"), "● running", "1 run, 0 deliveries"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    for head in ["Running for", "Last seen", "Runs a minute"] {
        assert!(row.contains(&format!("data-head=\"{head}\"")), "{head}: {row}");
    }
    for part in [two.holder.address.as_str(), env!("CARGO_PKG_VERSION"), "  runs  ", " s ago", "1 runs, 0 deliveries"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    two.holder.signal("KILL");
    let run = two.run().await;
    assert_eq!(run["kind"], "catch_up", "{run:#}");
    // It is looked for every three seconds, or a little more; the rest is for a busy machine.
    let late = seconds_late(&run);
    assert!(
        (14.9..40.0).contains(&late),
        "it was run {late} s after its tick, and its claim held for fifteen: {run:#}"
    );
    eventually("who was killed is called silent", async || {
        let (row, line) = two.shown().await;
        if row.contains("✕ silent") && line.contains("  silent  ") { Ok(()) } else { Err(format!("{row} {line}")) }
    })
    .await;
    two.other.stderr.wait_for_all(&["another server gives no sign of life", &two.name]);
    two.other.stderr.wait_for("taken over from a server that did not go on with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_for_longer_than_its_claim_held_changes_nothing_when_it_goes_on() {
    let two = Two::begin("RUN_TIMEOUT = 5\nCLAIM_MARGIN = 5\n").await;
    two.holder.signal("STOP");
    let run = two.run().await;
    assert_eq!((&run["kind"], &run["new_state"]), (&json!("catch_up"), &json!("OK")), "{run:#}");
    two.holder.signal("CONT");
    // Its run took far too long by now, which is an ERROR.
    eventually("its result is refused, and counted", async || {
        let (_, page) = two.holder.get("/metrics").await;
        let line = page.lines().find(|line| line.starts_with("revere_runs_superseded_total ")).unwrap_or_default();
        if line.ends_with(" 1") { Ok(()) } else { Err(line.to_owned()) }
    })
    .await;
    let runs = two.other.json("/api/v1/monitors/1/runs").await;
    let runs = runs["items"].as_array().unwrap();
    let of_the_tick: Vec<&Value> = runs.iter().filter(|run| at(run, "tick_at") == two.tick).collect();
    assert_eq!(of_the_tick, [&run], "the tick has one run");
    assert!(runs.iter().all(|run| run["outcome"] == "OK"), "{runs:#?}");
    assert_eq!(two.holder.json("/api/v1/monitors/1").await["state"], "OK");
    two.holder.stop();
    two.other.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_ended_hands_its_tick_back_at_once() {
    // A claim holds for a minute and a half, by these.
    let mut two = Two::begin("RUN_TIMEOUT = 60\nCLAIM_MARGIN = 30\n").await;
    let told = Instant::now();
    two.holder.signal("TERM");
    let run = two.run().await;
    // What goes on has ten seconds to come to its end.
    let (took, late) = (told.elapsed(), seconds_late(&run));
    assert!(took < Duration::from_secs(45) && late < 60.0, "after {took:?}, {late} s after its tick: {run:#}");
    assert_eq!(two.holder.exit_code(), 0, "{}", two.holder.stderr.whole());
    let said = two.other.json("/api/v1/server").await;
    let names: Vec<_> = said["servers"].as_array().unwrap().iter().map(|node| &node["name"]).collect();
    assert!(names.len() == 1 && *names[0] != two.name, "who left in order is listed no more: {names:?}");
    two.other.stop();
}

/// A server, what it is called in claims, and a connection to its database.
async fn seen_once(shell: &Shell, more: &str) -> (Server, String, Sql) {
    let url = schema_of_its_own().await;
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\n{more}"));
    let server = shell.serve(&[]);
    let mut sql = Sql::at(&PostgresAddress::read(&url, None).unwrap().into()).await;
    let name = eventually("it gives a sign of life", async || {
        sql.texts("select name from nodes").await.pop().ok_or_else(|| "none yet".to_owned())
    })
    .await;
    (server, name, sql)
}

/// Its last sign of life is older than the other one, which was there beside it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_just_after_another_one_began_is_in_the_log_for_an_hour() {
    let shell = Shell::new();
    let (killed, name, mut sql) = seen_once(&shell, "").await;
    let other = shell.serve(&[]);
    killed.signal("KILL");
    other.stderr.wait_for_all(&["another server gives no sign of life", &name]);
    sql.run(format!(
        "update nodes set started_at = started_at - 3600000000, seen_at = seen_at - 3600000000 where name = '{name}'"
    ))
    .await;
    other.stderr.wait_for_all(&["another server has been gone for an hour and is missed no more", &name]);
    let log = other.stop();
    assert_eq!(log.matches("gives no sign of life").count(), 1, "{log}");
    assert!(!log.contains("is there again"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_begun_anew_in_its_place_is_not_called_gone() {
    let shell = Shell::new();
    // Each has the address that people reach it at, whatever port is free.
    let (killed, name, mut sql) = seen_once(&shell, "BASE_URL = 'http://revere.test'\n").await;
    killed.signal("KILL");
    let anew = shell.serve(&[]);
    // At its next sign of life it has looked once for those who were silent at this one.
    let mut seen = 0;
    for sign in ["when the other one is silent", "afterwards"] {
        let later = format!(
            "select count(*) from nodes a join nodes b on b.name <> a.name
             where a.name = '{name}' and b.seen_at > a.seen_at + 31000000 and b.seen_at > {seen}"
        );
        until(sign, async || sql.number(later.as_str()).await == 1).await;
        seen = sql.number(format!("select seen_at from nodes where name <> '{name}'")).await;
    }
    let log = anew.stop();
    assert!(!log.contains("gives no sign of life"), "{log}");
}
