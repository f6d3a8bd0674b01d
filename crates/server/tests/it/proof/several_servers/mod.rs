//! Three servers on one PostgreSQL, all of which are killed, stopped in the middle, ended in order, cut off from a database that
//! crashes, and started with a wrong clock, at random, beside a snapshot that is held and while people are at work: afterwards
//! every due tick is one run or counted, nothing that was acknowledged is missing, every flip is told, in order, and no two runs
//! of a monitor were at once.
//!
//! The shape of Jepsen's checker of Chronos. `REVERE_CHECKER_SECONDS` sets how long, `REVERE_CHECKER_SEED` what happens: that
//! alone instead of what the tests are named for. As many seeds as `REVERE_CHECKER_SEEDS` says (50), every fifth of them through
//! the pooler, are tried one after the other by
//! `cargo nextest run --workspace --run-ignored only -E 'test(by_as_many_seeds)' --no-capture`.

#![expect(clippy::print_stdout, reason = "what was done, and how much of it, is worth knowing")]

mod pooler;
mod way;
mod world;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::world::World;
use super::{
    database::{every_tick_is_accounted_for, no_tick_is_run_twice},
    eventually, get,
    killed::{MONITORS, acknowledged_rows_are_there, every_flip_is_told},
};
use crate::{
    alerts::stub::{Asked, Stub},
    support::Sql,
};

/// How long an answer of the source takes.
const SLOW: Duration = Duration::from_millis(200);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A source that takes its time.
async fn slow_source() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = async || {
        tokio::time::sleep(SLOW).await;
        "slowly"
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_7() {
    check(7, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_11() {
    check(11, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_13() {
    check(13, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_17() {
    check(17, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_behind_a_pooler_lose_nothing_and_do_nothing_twice() {
    check(19, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes half an hour"]
async fn three_servers_lose_nothing_by_as_many_seeds_as_one_wants() {
    for seed in 1..=setting("REVERE_CHECKER_SEEDS", 50) {
        check_seed(seed, seed.is_multiple_of(5)).await;
    }
}

async fn check(seed: u64, pooled: bool) {
    check_seed(setting("REVERE_CHECKER_SEED", seed), pooled).await;
}

async fn check_seed(seed: u64, pooled: bool) {
    let life = Duration::from_secs(setting("REVERE_CHECKER_SECONDS", 20));
    let receiver = Stub::start().await;
    receiver.answer(200, &[], Some("thanks"));
    let mut world = World::begin(seed, pooled, &receiver, &slow_source().await).await;
    let (began, mut acts) = (Instant::now(), 0);
    while began.elapsed() < life {
        // What a third of all attempts meets is tried again.
        match acts % 3 {
            0 => receiver.answer(503, &[], Some("busy")),
            _ => receiver.answer(200, &[], Some("thanks")),
        }
        acts += 1;
        world.mischief().await;
    }
    println!("seed {seed}: {}", world.story.join(", "));

    // A quiet end: all are there, what is owed goes out, then nothing changes any more.
    receiver.answer(200, &[], Some("thanks"));
    world.quiet().await;
    let base = world.base(1);
    let changed: Vec<i64> = world.known.keys().copied().collect();
    for id in (1..=MONITORS).chain(changed) {
        let url = format!("{base}/api/v1/monitors/{id}");
        eventually("it is switched off", async || {
            let answer = world.client.patch(&url).json(&json!({"active": false})).send().await.ok()?;
            // A deletion may have been done although its answer was lost.
            (answer.status().is_success() || (id > MONITORS && answer.status() == 404)).then_some(())
        })
        .await;
    }
    eventually("everything owed is sent", async || {
        let owed = get(&world.client, &format!("{base}/api/v1/deliveries?status=queued")).await?;
        owed["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    let superseded = world.superseded().await;
    world.end_all();

    let address = revere::store::PostgresAddress::read(&world.postgres.url(), None).unwrap();
    let mut database = Sql::at(&address.into()).await;
    acknowledged_rows_are_there(&mut database, &world.ledger).await;
    every_tick_is_accounted_for(&mut database, 1..=MONITORS).await;
    no_tick_is_run_twice(&mut database).await;
    acknowledged_edits_hold(&mut database, &world).await;
    let told: Vec<Value> = receiver.taken().iter().map(Asked::json).collect();
    every_flip_is_told(&mut database, &told).await;
    no_two_runs_at_once(&mut database).await;
    assert_eq!(database.number("select count(*) from dues where claimed_by is not null").await, 0);
    // Those that were killed are listed for a day; these left in order.
    let killed = world.story.iter().filter(|act| act.starts_with("killed")).count() as i64;
    assert!(database.number("select count(*) from nodes").await <= killed);
    let runs = database.number("select count(*) from runs where kind <> 'manual'").await;
    let missed = database.number("select cast(coalesce(sum(count), 0) as bigint) from gaps").await;
    println!("{runs} runs, {missed} ticks counted as missed or overlapped, {superseded} results that came too late");
}

/// What the API last said of a monitor that people changed is so. All of them are switched off by now.
async fn acknowledged_edits_hold(database: &mut Sql, world: &World) {
    for (id, known) in &world.known {
        let Some((description, _)) = known else { continue };
        let row = format!("select description from monitors where id = {id} and deleted_at is null");
        assert_eq!(database.texts(row).await, std::slice::from_ref(description), "monitor {id}: an edit that is gone");
    }
    for id in &world.deleted {
        let row = format!("select count(*) from monitors where id = {id} and deleted_at is null");
        assert_eq!(database.number(row).await, 0, "monitor {id} was deleted");
    }
}

/// By the clock that all of them go by. A run that another server took over was never recorded.
async fn no_two_runs_at_once(database: &mut Sql) {
    let rows = "select monitor_id || ' ' || started_at || ' ' || duration_us from runs where kind <> 'manual'
         order by monitor_id, started_at";
    // What two servers may think different about the clock.
    const NOISE: i64 = 50_000;
    for pair in database.numbers(rows).await.windows(2) {
        let ([monitor, began, took], [same, next, _]) = (&pair[0][..], &pair[1][..]) else { panic!("{pair:?}") };
        assert!(monitor != same || began + took <= next + NOISE, "two runs of monitor {monitor} at once: {pair:?}");
    }
}
