//! How many claims and results a second each engine takes, and how rows are written for them: for whoever decides something by it.
//!
//! `cargo nextest run --workspace --run-ignored only -E 'test(store::rates)' --no-capture`

use std::time::{Duration, Instant};

use revere_model::State;

use crate::support::{Scratch, TestDatabase, by_server, spec};

const MONITORS: usize = 1000;

/// Claims and results of every minute of a stretch, as fast as they go.
async fn rate(scratch: &Scratch, minutes: u32) -> f64 {
    for n in 0..MONITORS {
        scratch.store.create_monitor(&spec(&format!("m{n}")), &by_server(scratch.now())).await.unwrap();
    }
    let began = Instant::now();
    let mut runs = 0;
    for _ in 0..minutes {
        scratch.clock.advance(jiff::SignedDuration::from_secs(60));
        loop {
            let claims = scratch.claim_batch().await;
            if claims.is_empty() {
                break;
            }
            runs += claims.len();
            scratch.finish_all(&claims, State::Ok).await;
        }
    }
    assert_eq!(runs, MONITORS * minutes as usize);
    runs as f64 / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a while, and its numbers are for people"]
async fn claims_and_results_on_either_engine() {
    for _ in 0..2 {
        let file = rate(&Scratch::on(TestDatabase::in_a_file(), |_| {}).await, 20).await;
        let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
        let server = rate(&scratch, 20).await;
        println!("SQLite {file:.0} runs/s, PostgreSQL {server:.0} runs/s: {:.2}", server / file);
        let mut sql = scratch.sql().await;
        // What a backend did is told when it has nothing to do for a moment.
        let written = loop {
            let written =
                "select coalesce(sum(n_tup_upd), 0) || ' ' || coalesce(sum(n_tup_hot_upd), 0) from pg_stat_user_tables
                 where relname = 'states' and schemaname = current_schema()";
            let written = sql.numbers(written).await.remove(0);
            if written[0] as usize >= MONITORS * 40 {
                break written;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        println!("states: {} updates, {} in place", written[0], written[1]);
    }
}
