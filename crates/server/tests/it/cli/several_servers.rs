//! Servers of one database, by the clock: how soon one shows what another did, and how soon whichever is free begins what is due.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use revere::store::PostgresAddress;
use serde_json::{Value, json};

use super::Shell;
use crate::support::{PATIENCE, Sql, client, database::schema_of_its_own, until};

/// The one in the middle: on a busy machine single ones may be late, and most are not.
fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_ran_is_seen_by_who_watches_another_within_two_seconds() {
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", schema_of_its_own().await));
    let (one, other) = (shell.serve(&[]), shell.serve(&[]));
    let monitor = json!({"name": "a", "script": "return_value = 1", "schedule": "@yearly"});
    assert_eq!(one.post("/api/v1/monitors", &monitor).await.0, 201);
    let stream = client().get(format!("{}/api/v1/events", other.address)).send().await.unwrap();
    let (mut news, mut told) = (stream.bytes_stream(), String::new());
    let mut sees = async |id: i64, within: Duration| {
        let seeing = async {
            loop {
                let data =
                    told.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?).ok());
                if data.filter(|data| data["new_state"].is_string()).any(|data| data["id"] == id) {
                    return;
                }
                told.push_str(std::str::from_utf8(&news.next().await.unwrap().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(within, seeing).await.is_ok()
    };
    let run = async || {
        let (status, run) = one.post("/api/v1/monitors/1/run", &json!({})).await;
        assert_eq!(status, 200, "{run:#}");
        run["id"].as_i64().unwrap()
    };
    // What was done before it looked for the first time is not news.
    until("a run is seen", async || sees(run().await, Duration::from_secs(3)).await).await;
    let mut took = Vec::new();
    for _ in 0..7 {
        let (id, recorded) = (run().await, Instant::now());
        assert!(sees(id, PATIENCE).await, "run {id} is seen");
        took.push(i64::try_from(recorded.elapsed().as_millis()).unwrap());
    }
    assert!(median(took.clone()) < 2000, "{took:?} ms");
    other.stop();
    one.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_tick_begins_within_a_second_whichever_server_is_free() {
    let (shell, url) = (Shell::new(), schema_of_its_own().await);
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\n"));
    let (one, other) = (shell.serve(&[]), shell.serve(&[]));
    for number in 0..10 {
        let monitor = json!({"name": format!("m{number}"), "script": "return_value = 1", "schedule": "*/2 * * * * *"});
        assert_eq!(one.post("/api/v1/monitors", &monitor).await.0, 201);
    }
    let mut sql = Sql::at(&PostgresAddress::read(&url, None).unwrap().into()).await;
    let late = async |sql: &mut Sql, after: i64, wanted: usize| {
        let asked = format!(
            "select cast(started_at - tick_at as text) from runs where kind <> 'manual' and id > {after} order by id"
        );
        until("they run", async || sql.texts(asked.clone()).await.len() >= wanted).await;
        sql.numbers(asked).await.into_iter().map(|row| row[0]).collect::<Vec<i64>>()
    };
    let both = late(&mut sql, 0, 60).await;
    assert!(median(both.clone()) < 1_000_000, "{both:?} microseconds after their ticks");
    one.stop();
    let last = sql.number("select max(id) from runs").await;
    let alone = late(&mut sql, last, 30).await;
    assert!(median(alone.clone()) < 1_000_000, "{alone:?} microseconds after their ticks");
    other.stop();
}
