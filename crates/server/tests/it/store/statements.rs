//! What PostgreSQL has to do for a batch of runs: how many statements, and where rows are written.

use futures_util::future::join_all;
use jiff::SignedDuration;
use revere_model::State;
use sqlx::PgConnection;

use crate::support::{PostgresServer, Scratch, TestDatabase, by_server, spec, until};

const MONITORS: usize = 200;
const ROUNDS: usize = 20;

/// How many statements were asked since this was asked last, but what begins and ends a transaction.
async fn asked(sql: &mut PgConnection) -> i64 {
    let count = "select cast(coalesce(sum(calls), 0) as bigint) from pg_stat_statements
                 where query !~* '^(begin|commit|insert into commits|set )' and query not like '%pg_stat_statements%'";
    let asked = sqlx::query_scalar(count).fetch_one(&mut *sql).await.unwrap();
    sqlx::raw_sql("select pg_stat_statements_reset()").execute(sql).await.unwrap();
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_at_most_four_statements_and_statuses_are_written_in_place() {
    let server = PostgresServer::start(&["shared_preload_libraries=pg_stat_statements"]).await;
    let mut sql = server.connect().await;
    sqlx::raw_sql("create extension pg_stat_statements").execute(&mut sql).await.unwrap();
    let scratch = Scratch::on(TestDatabase::at_url(&server.url()), |_| {}).await;
    for n in 0..MONITORS {
        scratch.store.create_monitor(&spec(&format!("m{n}")), &by_server(scratch.now())).await.unwrap();
    }
    let commits = || scratch.store.health().commits.cast_signed();
    let (mut claiming, mut recording) = ((0, 0), (0, 0));
    for round in 0..ROUNDS {
        scratch.clock.advance(SignedDuration::from_secs(60));
        asked(&mut sql).await;
        let before = commits();
        let claims = scratch.claim().await;
        assert_eq!(claims.len(), MONITORS);
        let (claimed, by_claims) = (commits(), asked(&mut sql).await);
        join_all(claims.iter().map(|claimed| scratch.finish(claimed, State::Ok))).await;
        let by_results = asked(&mut sql).await;
        // The first one finds out what there is.
        if round > 0 {
            claiming = (claiming.0 + by_claims, claiming.1 + claimed - before);
            recording = (recording.0 + by_results, recording.1 + commits() - claimed);
        }
    }
    println!("{claiming:?} statements and batches of claims, {recording:?} of results");
    assert!(claiming.1 > 0 && claiming.0 <= 4 * claiming.1, "{claiming:?} statements and batches");
    assert!(recording.1 > 0 && recording.0 <= 4 * recording.1, "{recording:?} statements and batches");
    assert!(recording.1 < (MONITORS * ROUNDS / 4) as i64, "results that wait together share a batch: {recording:?}");

    // A session tells what it did when it ends, at the latest.
    scratch.store.close().await;
    let written = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'statuses'";
    let (all, mut in_place) = ((MONITORS * ROUNDS * 2) as i64, 0);
    until("its writes are counted", async || {
        let counted: (i64, i64) = sqlx::query_as(written).fetch_one(&mut sql).await.unwrap();
        in_place = counted.1;
        counted.0 >= all
    })
    .await;
    let results = (MONITORS * ROUNDS) as i64;
    println!("{in_place} of {results} results were written in place");
    assert!(in_place * 10 > results * 9, "{in_place} of {results} results were written in place");
}
