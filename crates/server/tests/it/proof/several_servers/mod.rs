//! Three servers on one PostgreSQL, all of which are killed, stopped in the middle, ended in order, cut off from a database that
//! crashes, and started with a wrong clock, at random, beside a snapshot that is held and while people are at work: afterwards
//! every due tick is one run or counted, nothing that was acknowledged is missing, every flip is told, in order, and no two runs
//! of a monitor were at once.
//!
//! The shape of Jepsen's checker of Chronos. Four seeds are tried for twenty seconds each with 46 monitors, and one through a pooler:
//! two things are certain to happen by each seed, and by these five everything does.
//! Two tests are there for whoever asks for them: `cargo nextest run --workspace --run-ignored only --no-capture -E 'test(NAME)'`
//! with `by_as_many_seeds` (fifty seeds, every fifth through the pooler) or `for_as_long_as` (ten minutes with 300 monitors).
//!
//! `REVERE_CHECKER_SECONDS` sets how long, `REVERE_CHECKER_MONITORS` with how many monitors, `REVERE_CHECKER_SEED` what happens (the
//! first seed, where it is several), `REVERE_CHECKER_SEEDS` how many seeds are tried. Those that are set count in each of the tests.

#![expect(clippy::print_stdout, reason = "what was done, and how much of it, is worth knowing")]

mod judgement;
mod lateness;
mod load;
mod pooler;
mod receiver;
mod upgrade;
mod way;
mod world;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use self::{
    judgement::{Tally, judge},
    load::CHANGED,
    receiver::Receiver,
    world::{Beginning, Mischief, World},
};
use super::this_version;
use crate::support::PATIENCE;

/// How long an answer of the source takes.
const SLOW: Duration = Duration::from_millis(200);

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a whole number")),
        Err(_) => default,
    }
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

/// Those that are tried always.
const SEEDS: [u64; 5] = [7, 11, 13, 17, 19];

#[test]
fn everything_happens_by_the_seeds_that_are_tried_always() {
    let certain = SEEDS.into_iter().flat_map(Mischief::certain);
    assert_eq!(certain.collect::<BTreeSet<_>>(), BTreeSet::from(Mischief::ALL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_7() {
    check(SEEDS[0], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_11() {
    check(SEEDS[1], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_13() {
    check(SEEDS[2], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_by_seed_17() {
    check(SEEDS[3], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_behind_a_pooler_lose_nothing_and_do_nothing_twice() {
    check(SEEDS[4], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes half an hour"]
async fn three_servers_lose_nothing_by_as_many_seeds_as_one_wants() {
    let (first, seeds) = (setting("REVERE_CHECKER_SEED", 1), setting("REVERE_CHECKER_SEEDS", 50));
    let mut all = Tally::default();
    for seed in first..first + seeds {
        all += check_seed(seed, seed.is_multiple_of(5), 20, 46).await;
    }
    println!("{seeds} seeds: {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes more than ten minutes"]
async fn three_servers_lose_nothing_for_as_long_as_one_wants() {
    check_seed(setting("REVERE_CHECKER_SEED", 1), false, 600, 300).await;
}

async fn check(seed: u64, pooled: bool) {
    // Making three servers and looking at everything afterwards takes as long as half a minute's mischief.
    check_seed(setting("REVERE_CHECKER_SEED", seed), pooled, 30, 46).await;
}

/// Says in one line how much of what there was by this seed, and answers it.
async fn check_seed(seed: u64, pooled: bool, seconds: u64, monitors: u64) -> Tally {
    let life = Duration::from_secs(setting("REVERE_CHECKER_SECONDS", seconds));
    let monitors = setting("REVERE_CHECKER_MONITORS", monitors) as i64;
    assert!(
        monitors > CHANGED,
        "REVERE_CHECKER_MONITORS={monitors}: people change {CHANGED} of them, and others are needed"
    );
    // Beginning, a last act and the end take no longer than this, however long it was in between.
    let patience = 3 * PATIENCE + life;
    let checking = async {
        let (receiver, source) = (Receiver::start().await, slow_source().await);
        let executable = this_version();
        let beginning = Beginning { seed, pooled, monitors, executable, receiver: &receiver, source: &source };
        let mut world = World::begin(beginning).await;
        let began = Instant::now();
        for certain in Mischief::certain(seed) {
            world.happens(certain).await;
        }
        while began.elapsed() < life {
            world.mischief().await;
        }
        let (tally, _) = judge(&mut world, &receiver, PATIENCE + life / 4).await;
        tally
    };
    let checked = tokio::time::timeout(life + patience, checking).await;
    let tally = checked.unwrap_or_else(|_| panic!("seed {seed}: not over after {:?}", life + patience));
    let way = if pooled { " behind a pooler" } else { "" };
    println!("seed {seed}{way}, {monitors} monitors, {} s: {tally}", life.as_secs());
    tally
}
