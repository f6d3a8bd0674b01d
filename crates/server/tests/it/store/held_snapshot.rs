//! Somebody reads for long: PostgreSQL keeps, for their sake, all that was so before. What is due is found all the same.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use revere_model::{MonitorSpec, State};

use crate::support::{PostgresServer, Scratch, Sql, TestDatabase, by_server, spec, until};

async fn on_a_server() -> Scratch {
    Scratch::on(TestDatabase::on_a_server().await, |_| {}).await
}

/// A snapshot that is held until the connection is let go.
async fn snapshot(scratch: &Scratch) -> Sql {
    let mut holder = scratch.sql().await;
    holder.run("begin isolation level repeatable read; select count(*) from dues").await;
    holder
}

#[tokio::test]
async fn looking_for_what_is_due_does_not_read_all_that_was_due_before() {
    const BEFORE: i64 = 3000;
    let scratch = on_a_server().await;
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let mut sql = scratch.sql().await;
    let holder = snapshot(&scratch).await;
    // A tick each second.
    for _ in 0..BEFORE {
        sql.run("update dues set due_at = due_at + 1000000").await;
    }
    scratch.clock.advance(SignedDuration::from_secs(60 + BEFORE - 1));
    let other = scratch.beside().await;
    let mut first = Duration::ZERO;
    for look in 0..20 {
        let asked = Instant::now();
        let due = other.store.next_due(other.now()).await.unwrap().unwrap();
        assert_eq!(due.duration_since(scratch.now()).as_secs(), 1, "it is found wherever looking begins");
        assert_eq!(other.claim().await, [], "and not due yet");
        if look == 0 {
            first = asked.elapsed();
        }
    }
    assert!(first < Duration::from_secs(5), "the looks that follow are no longer at all of it: {first:?}");
    scratch.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(other.claim().await.len(), 1);
    let name = sql.texts("select current_schema()::text").await.remove(0);
    other.store.close().await;
    // A session tells what it read when it ends, at the latest.
    let read = format!(
        "select cast(coalesce(sum(idx_tup_read), 0) as bigint) from pg_stat_user_indexes
         where indexrelname = 'dues_due' and schemaname = '{name}'"
    );
    let mut watch = scratch.sql().await;
    until("its looks are counted", async || watch.number(read.clone()).await >= BEFORE).await;
    let all = watch.number(read).await;
    assert!(all < 3 * BEFORE, "{all} entries were read in 41 looks at {BEFORE}");
    drop(holder);
}

/// Monitors each of which is due every five seconds, `a_second` of them each second, and whose ticks are run as fast as it goes.
struct Load {
    scratch: Scratch,
    a_second: usize,
    /// What each second's work took.
    took: Vec<Duration>,
    /// By how much the work is behind, and how long after its time the latest tick began.
    behind: Duration,
    latest: Duration,
}

impl Load {
    async fn on(server: &PostgresServer, a_second: usize) -> Load {
        const EVERY: usize = 5;
        let scratch = Scratch::on(TestDatabase::at_url(&server.url()), |_| {}).await;
        for n in 0..a_second * EVERY {
            let schedule = format!("{}-59/{EVERY} * * * * *", n % EVERY);
            let monitor = MonitorSpec { schedule, ..spec(&format!("m{n}")) };
            scratch.store.create_monitor(&monitor, &by_server(scratch.now())).await.unwrap();
        }
        Load { scratch, a_second, took: Vec::new(), behind: Duration::ZERO, latest: Duration::ZERO }
    }

    async fn second(&mut self) {
        self.scratch.clock.advance(SignedDuration::from_secs(1));
        let (began, mut runs) = (Instant::now(), 0);
        while runs < self.a_second {
            let claims = self.scratch.claim_batch().await;
            self.latest = self.latest.max(self.behind + began.elapsed());
            runs += claims.len();
            self.scratch.finish_all(&claims, State::Ok).await;
        }
        let took = began.elapsed();
        self.took.push(took);
        self.behind = (self.behind + took).saturating_sub(Duration::from_secs(1));
    }

    /// What most of the last seconds took no longer than.
    fn middle_of_the_last(&self, seconds: usize) -> Duration {
        let mut last = self.took[self.took.len() - seconds..].to_vec();
        last.sort();
        last[seconds / 2]
    }
}

/// A hundred runs a second, of 500 monitors, for half a minute, in turns with the same where nobody holds a snapshot: the machine may
/// do much else, and does it to both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_minute_of_runs_takes_no_longer_while_a_snapshot_is_held() {
    let (server, other) = (PostgresServer::start(&[]).await, PostgresServer::start(&[]).await);
    let (mut held, mut free) = (Load::on(&server, 100).await, Load::on(&other, 100).await);
    let holder = snapshot(&held.scratch).await;
    for _ in 0..30 {
        held.second().await;
        free.second().await;
    }
    let (with, without) = (held.middle_of_the_last(10), free.middle_of_the_last(10));
    println!("a second's work takes {with:.0?} while a snapshot is held, and {without:.0?} without it");
    assert!(with < 3 * without, "{with:?} while a snapshot is held, and {without:?} without it");
    drop(holder);
}

/// Five hundred runs a second, of 2,500 monitors, as fast as they go, for `REVERE_SECONDS`. What a second's work takes longer than one,
/// the next one begins later: no tick is ever late by a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes ten minutes, and a machine that does nothing else"]
async fn no_tick_is_late_by_a_second_while_a_snapshot_is_held() {
    let seconds = std::env::var("REVERE_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    let server = PostgresServer::start(&[]).await;
    let mut held = Load::on(&server, 500).await;
    let holder = snapshot(&held.scratch).await;
    for _ in 0..seconds {
        held.second().await;
    }
    for (minute, took) in held.took.chunks(60).enumerate() {
        let mean = took.iter().sum::<Duration>() / took.len() as u32;
        println!("minute {}: {mean:.0?} for a second's work, {:.0?} at most", minute + 1, took.iter().max().unwrap());
    }
    println!("the latest tick began {:.0?} after its time", held.latest);
    assert!(held.latest < Duration::from_secs(1), "a tick began {:?} late", held.latest);
    drop(holder);
}
