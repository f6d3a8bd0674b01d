//! What charts are drawn from stands in an index of PostgreSQL, too, and a database that had none gets it while others go on.

use std::time::Duration;

use jiff::ToSpan as _;
use revere::store::{SeriesPoint, Store, StoreOptions};
use revere_model::ReturnValue;
use sqlx::AssertSqlSafe;

use super::partitions::{as_before, before, newest_as_before};
use crate::support::{PostgresServer, Scratch, Sql, TestDatabase, at, by_server, spec, until};

/// More than are handed over at once.
const RUNS: i64 = 6000;
/// Of these the value has no room in an index.
const LONG: i64 = 3;

#[tokio::test]
async fn a_chart_reads_an_index_and_no_rows() {
    let server = PostgresServer::start(&["autovacuum=off"]).await;
    let scratch = Scratch::on(TestDatabase::at_url(&server.url()), |_| {}).await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let mut sql = scratch.sql().await;
    let from = scratch.now();
    sql.run(format!(
        "insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message, return_value, output)
         select {id}, 'scheduled', at, at, 7, 'OK', 'OK', 'OK', '',
             case when n <= {LONG} then '\"' || repeat('long ', 1000) || '\"' when n % 2 = 0 then cast(n as text) end, ''
         from generate_series(1, {RUNS}) n, lateral (select {} + n * 1000000::bigint as at) began",
        from.as_microsecond()
    ))
    .await;
    sql.run("vacuum (analyze) runs").await;

    let other = scratch.beside().await;
    let until_then = from + (RUNS + 1).seconds();
    let mut points: Vec<SeriesPoint> = Vec::new();
    other.store.each_point(id, from, until_then, |point| points.push(point)).await.unwrap();
    assert_eq!(points.len() as i64, RUNS);
    assert!(points.is_sorted_by_key(|point| point.at), "oldest first, whichever index they are from");
    let Some(ReturnValue::Text(long)) = &points[0].value else { panic!("{:?}", points[0]) };
    assert!(long.starts_with("long long") && long.len() < 200, "{long}");
    assert_eq!(points[LONG as usize].value, Some(ReturnValue::Int(LONG + 1)));
    assert_eq!(points[LONG as usize + 1].value, None);
    let last = other.store.series(id, 40).await.unwrap();
    assert_eq!(last, points[points.len() - 40..]);
    assert_eq!(other.store.series_of(&[id], 40).await.unwrap()[&id], last);
    let whole = other.store.past_values(id, from, until_then, 10_000, 1 << 20).await.unwrap().unwrap();
    assert_eq!(whole[0].value, Some(ReturnValue::Text("long ".repeat(1000))), "a script gets all of it");

    // A session tells what it read when it ends, at the latest.
    other.store.close().await;
    let entries = "select cast(coalesce(sum(idx_tup_read), 0) as bigint) from pg_stat_user_indexes
                   where indexrelname like 'runs%points%'";
    until("what was read is counted", async || sql.number(entries).await >= 2 * RUNS).await;
    let rows =
        "select cast(sum(idx_tup_fetch + seq_tup_read) as bigint) from pg_stat_user_tables where relname like 'runs%'";
    // Each long value for the chart and, for the script, its beginning, its size and the whole.
    let rows = sql.number(rows).await;
    assert!((4 * LONG..8 * LONG).contains(&rows), "{rows} rows were looked at");
}

#[tokio::test]
async fn a_database_gets_the_index_while_a_server_of_the_version_before_goes_on() {
    // Of its own: who makes an index beside others waits for all who read in the same database.
    let server = PostgresServer::start(&[]).await;
    let database = TestDatabase::at_url(&server.url());
    let mut session = before("0038", &database).await;
    let long_ago = at("2026-01-01T00:00:00Z");
    for n in 0..5 {
        as_before(&mut session, long_ago + n.minutes()).await;
    }
    assert_eq!(newest_as_before(&mut session).await, [5, 4, 3]);
    let chart =
        "select string_agg(line, ',') from (select id || ' ' || coalesce(substr(return_value, 1, 200), '') as line
                 from runs where monitor_id = $1 and started_at >= $2 order by started_at, id limit 4096) lines";
    let chart = async |session: &mut sqlx::PgConnection| -> String {
        let lines: String = sqlx::query_scalar(chart)
            .bind(1_i64)
            .bind(long_ago.as_microsecond())
            .fetch_one(&mut *session)
            .await
            .unwrap();
        let mut ids: Vec<&str> = lines.split(',').map(str::trim).collect();
        ids.sort_unstable();
        ids.join(" ")
    };
    assert_eq!(chart(&mut session).await, "1 2 3 4 5");
    // Of many runs it is made ahead; of these five the step makes it.
    sqlx::raw_sql(
        "create table runs_from_20300107 (like runs including defaults);
         alter table runs_from_20300107 add primary key (id);
         alter table runs attach partition runs_from_20300107 for values from (1893974400000000) to (1894579200000000);
         insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message, return_value, output)
         select 2, 'scheduled', n, n, 7, 'OK', 'OK', 'OK', repeat('many ', 100), null, ''
         from generate_series(1893974400000001, 1893974400020000) n",
    )
    .execute(&mut session)
    .await
    .unwrap();
    // Whoever was stopped in the middle left one that is whole, and half of one.
    for left in [
        "create index runs_before_time on runs_before (monitor_id, started_at)",
        "create index runs_before_points on runs_before (monitor_id)",
        "create index runs_from_20300107_time on runs_from_20300107 (monitor_id)",
        "update pg_index set indisvalid = false
             where indexrelid in (to_regclass('runs_before_points'), to_regclass('runs_from_20300107_time'))",
    ] {
        sqlx::raw_sql(AssertSqlSafe(left)).execute(&mut session).await.unwrap();
    }

    // Somebody reads for long, longer than a lock is waited for.
    let mut reader = server.connect().await;
    sqlx::raw_sql("begin isolation level repeatable read; select 1").execute(&mut reader).await.unwrap();
    let mut options = StoreOptions::new(database.place());
    options.busy_timeout = Duration::from_millis(50);
    let other = options.clone();
    let opening = tokio::spawn(async move { tokio::join!(Store::open(options), Store::open(other)) });
    let mut admin = server.connect().await;
    let waits = "select count(*) from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'
                     and clock_timestamp() - state_change > interval '200 ms'";
    until("it waits for who reads", async || {
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut admin).await.unwrap() == 1
    })
    .await;
    assert_eq!(as_before(&mut session, long_ago + 5.minutes()).await, 20_006, "others go on meanwhile");
    sqlx::raw_sql("commit").execute(&mut reader).await.unwrap();
    let (one, two) = opening.await.unwrap();
    let store = one.unwrap();
    two.unwrap().close().await;
    let mut sql = Sql::of(&store).await;
    let indexes = "select cast(c.relname as text) || case when i.indisvalid then '' else ' by half' end
         from pg_index i join pg_class c on c.oid = i.indexrelid
         where i.indrelid in (select to_regclass('runs') union select inhrelid from pg_inherits where inhparent = to_regclass('runs'))
             and c.relname ~ '(time|points|series)$'
             and c.relname !~ '_(state|flip|warning)_' order by 1";
    let expected = [
        "runs_before_long_points",
        "runs_before_points",
        "runs_before_time",
        "runs_from_20300107_long_points",
        "runs_from_20300107_points",
        "runs_from_20300107_time",
        "runs_long_points",
        "runs_points",
        "runs_time",
    ];
    assert_eq!(sql.texts(indexes).await, expected);

    // The same session, with what it prepared before.
    assert_eq!(as_before(&mut session, long_ago + 6.minutes()).await, 20_007);
    assert_eq!(newest_as_before(&mut session).await, [20_007, 20_006, 5]);
    assert_eq!(chart(&mut session).await, "1 2 20006 20007 3 4 5");
    // A partition that is made from now on has them from the beginning.
    store.keep_partitions(at("2039-12-29T12:00:00Z")).await.unwrap();
    let of_each = "select cast(count(*) as bigint) from pg_inherits where inhparent = to_regclass('runs_points')";
    let partitions = "select cast(count(*) as bigint) from pg_inherits where inhparent = to_regclass('runs')";
    assert!(sql.number(partitions).await > 1);
    assert_eq!(sql.number(of_each).await, sql.number(partitions).await);
    store.close().await;
}
