//! What a run costs PostgreSQL, as it counts itself: statements a batch, and rows that are written in place. And of both engines, that
//! what is due is found by its index.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::SignedDuration;
use revere::store::Committed;
use revere_model::State;
use sqlx::PgConnection;

use super::outages::{plan, statement};
use crate::support::{PostgresServer, Scratch, TestDatabase, by_server, on_postgresql, spec, until};

/// The most that either batch may take, beside the beginning and the end of its transaction.
const MOST: i64 = 4;
const MONITORS: usize = 60;
const ROUNDS: usize = 30;

/// How often each statement was asked since this was asked last.
async fn asked(admin: &mut PgConnection) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select query, calls from pg_stat_statements where query not like '%pg_stat_statements%'
             and dbid = (select oid from pg_database where datname = current_database())",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    sqlx::raw_sql("select pg_stat_statements_reset()").execute(admin).await.unwrap();
    let mut found = BTreeMap::new();
    for (query, calls) in rows {
        *found.entry(query.split_whitespace().collect::<Vec<_>>().join(" ")).or_default() += calls;
    }
    found
}

/// How many transactions there were, and how many statements were in them: all but the looks at when something is due next,
/// which wait for nobody and are no part of one.
fn counted(asked: &BTreeMap<String, i64>) -> (i64, i64) {
    let transactions = asked.get("begin").copied().unwrap_or_default();
    let frame = ["begin", "commit"];
    let counts = |query: &str| {
        !frame.contains(&query)
            && !query.starts_with("insert into commits ")
            && !query.starts_with("select min(due_at) ")
    };
    (transactions, asked.iter().filter(|(query, _)| counts(query)).map(|(_, calls)| calls).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_four_statements_at_most_and_a_result_is_written_in_place() {
    let server = PostgresServer::start(&["shared_preload_libraries=pg_stat_statements"]).await;
    let mut admin = server.connect().await;
    let scratch = Scratch::on(TestDatabase::at_url(&server.url()), |_| {}).await;
    sqlx::raw_sql("create extension pg_stat_statements").execute(&mut admin).await.unwrap();
    for n in 0..MONITORS {
        scratch.store.create_monitor(&spec(&format!("m{n}")), &by_server(scratch.now())).await.unwrap();
    }
    // The first round changes each monitor's state, and what is prepared once is prepared.
    let mut batches = 0;
    for round in 0..=ROUNDS {
        asked(&mut admin).await;
        scratch.clock.advance(SignedDuration::from_secs(60));
        let claimed = scratch.claim().await;
        assert_eq!(claimed.len(), MONITORS);
        let claiming = asked(&mut admin).await;
        for committed in join_all(claimed.iter().map(|claimed| scratch.finish(claimed, State::Ok))).await {
            assert!(matches!(committed, Committed::Recorded { .. }), "{committed:?}");
        }
        let recording = asked(&mut admin).await;
        if round == 0 {
            continue;
        }
        for (what, asked) in [("claim", claiming), ("record", recording)] {
            let (transactions, statements) = counted(&asked);
            assert!(transactions > 0, "{what}: {asked:#?}");
            assert!(
                statements <= MOST * transactions,
                "to {what}: {statements} statements in {transactions} batches: {asked:#?}"
            );
            if what == "record" {
                batches += transactions;
            }
        }
    }
    assert!((batches as usize) < ROUNDS * MONITORS / 4, "{batches} batches: results that wait together share one");

    // A session tells the last that it did when it ends.
    scratch.store.close().await;
    let sessions = "select count(*) from pg_stat_activity where application_name = 'revere'";
    until("its sessions have ended", async || {
        sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut admin).await.unwrap() == 0
    })
    .await;
    let mut counted = async |table: &str| -> (i64, i64) {
        sqlx::query_as("select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = $1")
            .bind(table)
            .fetch_one(&mut admin)
            .await
            .unwrap()
    };
    let results = ((ROUNDS + 1) * MONITORS) as i64;
    let (written, in_place) = counted("states").await;
    // The first result of each changed its state, which may write it once more.
    let most = results + 2 * MONITORS as i64;
    assert!(
        (results..=most).contains(&written),
        "{written} updates of states by {results} results: a claim makes none"
    );
    assert!(in_place * 10 >= written * 9, "{in_place} of {written} rows of states were written in place");
    let (written, in_place) = counted("dues").await;
    assert_eq!(written, 2 * results, "a claim and a result");
    assert!(
        in_place * 10 >= results * 9,
        "{in_place} of {results} claims were settled in place, {written} rows in all"
    );

    // What a claim writes is narrow: no text but the server's name, and a fault where there is one.
    let indexes: Vec<String> =
        sqlx::query_scalar("select indexname::text from pg_indexes where tablename = 'dues' order by 1")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert_eq!(indexes, ["dues_due", "dues_pkey"], "one index beside its key");
    let texts: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns where table_name = 'dues' and data_type = 'text' order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(texts, ["claimed_by", "fault"]);
    let widest: i64 = sqlx::query_scalar("select cast(max(pg_column_size(d)) as bigint) from dues d")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(widest <= 128, "a row of dues takes {widest} bytes");
}

#[tokio::test]
async fn what_is_due_is_found_by_its_index() {
    let scratch = Scratch::new().await;
    let claims = include_str!("../../../src/store/claiming/claims.rs");
    let keeping = if on_postgresql() { "for no key update skip locked" } else { "" };
    for name in ["FIRST_DUE", "DUE"] {
        let mut asked = statement(name, claims).replace("$2", "256").replace("{passing over kept}", keeping);
        for (parameter, instant) in [("$1", "1767225660000000"), ("$3", "1767225600000000")] {
            asked = asked.replace(parameter, instant);
        }
        let steps = plan(&scratch, &asked).await;
        assert!(steps.iter().any(|step| step.contains("dues_due")), "{name}: {steps:#?}");
        // `d` are those that the limit left.
        let whole = |step: &&String| {
            step.starts_with("SCAN") && !step.contains("dues_due") && *step != "SCAN d" || step.contains("Seq Scan")
        };
        assert_eq!(steps.iter().find(whole), None, "{name}: {steps:#?}");
    }
}
