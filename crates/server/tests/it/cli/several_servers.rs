//! Servers of one database, by the clock: how soon one shows what another did, and how soon whichever is free begins what is due.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use revere::store::PostgresAddress;
use serde_json::{Value, json};

use super::{Shell, server::Server};
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

/// Everything that an open page was told.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<String>>);

impl Page {
    async fn open(server: &Server, stream: &str) -> Page {
        let answer = client().get(format!("{}{stream}", server.address)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{stream}");
        let (page, mut news) = (Page::default(), answer.bytes_stream());
        let told = page.clone();
        tokio::spawn(async move {
            while let Some(Ok(part)) = news.next().await {
                told.0.lock().unwrap().push_str(&String::from_utf8_lossy(&part));
            }
        });
        page
    }

    fn has(&self, words: &str) -> bool {
        self.0.lock().unwrap().contains(words)
    }

    /// Waits until it is told this; answers how many milliseconds after this instant.
    async fn is_told(&self, words: &str, after: Instant) -> i64 {
        until(words, async || self.has(words)).await;
        i64::try_from(after.elapsed().as_millis()).unwrap()
    }
}

async fn edit(server: &Server, change: &Value) {
    let url = format!("{}/api/v1/monitors/1", server.address);
    let answer = client().patch(url).json(change).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_flips_on_one_are_on_the_open_pages_of_another_within_two_seconds() {
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", schema_of_its_own().await));
    let (one, other) = (shell.serve(&[]), shell.serve(&[]));
    let monitor = json!({"name": "a", "script": "return_value = 1", "schedule": "@yearly"});
    assert_eq!(one.post("/api/v1/monitors", &monitor).await.0, 201);
    let list = Page::open(&other, "/events?monitors=1").await;
    let page = Page::open(&other, "/events?monitor=1&version=1").await;
    until("the page is told how things stand", async || page.has("data-version")).await;
    assert!(!page.has("Somebody has edited this monitor."), "nobody has");
    // What was done before it looked for the first time is not news: then it is seen with the next one.
    let mut number = 0;
    until("an edit is seen", async || {
        number += 1;
        edit(&one, &json!({"name": format!("edited {number}.")})).await;
        tokio::time::timeout(Duration::from_secs(3), list.is_told(&format!("edited {number}."), Instant::now()))
            .await
            .is_ok()
    })
    .await;
    let (mut edits, mut flips) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let name = format!("named {round}.");
        edit(&one, &json!({"name": name, "script": format!("raise MonitorFailure('broken {round}.')")})).await;
        edits.push(list.is_told(&name, Instant::now()).await);
        assert_eq!(one.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
        flips.push(page.is_told(&format!("broken {round}."), Instant::now()).await);
        edit(&one, &json!({"script": format!("print('whole {round}.')\nreturn_value = 'whole {round}.'")})).await;
        assert_eq!(one.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
        flips.push(page.is_told(&format!("whole {round}."), Instant::now()).await);
    }
    assert!(median(edits.clone()) < 2000, "edits: {edits:?} ms");
    assert!(median(flips.clone()) < 2000, "flips: {flips:?} ms");
    assert!(page.has("Somebody has edited this monitor."));
    assert_eq!(one.delete("/api/v1/monitors/1").await, 204);
    page.is_told("Somebody has deleted this monitor.", Instant::now()).await;
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
