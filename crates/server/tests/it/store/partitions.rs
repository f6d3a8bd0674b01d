//! Partitions of runs on PostgreSQL: made ahead and where one is lacking, taken away when their time is over, and made of a database
//! that had none.

use std::{fs, path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use revere::store::{RunFilter, Store, StoreOptions};
use revere_model::{MonitorId, MonitorSpec, State};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::support::{Scratch, Sql, TestDatabase, at, by_server, spec};

/// Later than the first partition of a database that is made now, and a Thursday.
const LATER: &str = "2039-12-29T12:00:00Z";

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn later() -> Scratch {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |options| {
        options.busy_timeout = Duration::from_millis(200);
    })
    .await;
    scratch.clock.set(at(LATER));
    scratch
}

async fn monitor(scratch: &Scratch, name: &str, retain_days: Option<u32>) -> MonitorId {
    let wanted = MonitorSpec { retain_days, ..spec(name) };
    scratch.store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap().id
}

/// The names of the partitions, the oldest first.
async fn partitions(sql: &mut Sql) -> Vec<String> {
    sql.texts(
        "select cast(c.relname as text) from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass('runs') order by c.relname",
    )
    .await
}

/// When the runs began that are kept of a monitor, the newest first.
async fn began(store: &Store, monitor: MonitorId) -> Vec<Timestamp> {
    let all = RunFilter { limit: 1000, ..RunFilter::default() };
    store.runs(monitor, all).await.unwrap().into_iter().map(|run| run.started_at).collect()
}

#[tokio::test]
async fn a_run_finds_the_week_it_belongs_to_made_or_makes_it() {
    let scratch = later().await;
    let (weekly, mut sql) = (monitor(&scratch, "a", Some(28)).await, scratch.sql().await);
    assert_eq!(partitions(&mut sql).await, ["runs_before"]);
    scratch.manual(weekly, State::Ok).await;
    assert_eq!(partitions(&mut sql).await, ["runs_before", "runs_from_20391226"], "it made the one that it lacked");

    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    let ahead = ["runs_before", "runs_from_20391226", "runs_from_20400102"];
    assert_eq!(partitions(&mut sql).await, ahead);
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    scratch.clock.advance(DAY * 7);
    scratch.manual(weekly, State::Alarm).await;
    scratch.clock.set(at("2026-01-01T00:00:00Z"));
    scratch.manual(weekly, State::Ok).await;
    assert_eq!(partitions(&mut sql).await, ahead, "all of it is there");
    let places = "select tableoid::regclass::text || ' ' || count(*) from runs group by tableoid order by 1";
    assert_eq!(sql.texts(places).await, ["runs_before 1", "runs_from_20391226 1", "runs_from_20400102 1"]);

    // Two servers at once, each with a transaction of its own.
    let other = scratch.beside().await;
    scratch.clock.set(at("2040-06-01T00:00:00Z"));
    let (one, two) = (monitor(&scratch, "one", Some(28)).await, monitor(&scratch, "two", Some(28)).await);
    tokio::join!(scratch.manual(one, State::Ok), other.manual(two, State::Ok));
    assert_eq!(partitions(&mut sql).await[3..], ["runs_from_20400528"]);
    assert_eq!(sql.number("select count(*) from runs_from_20400528").await, 2);
    // Where runs are kept for ever, a month.
    monitor(&scratch, "for ever", None).await;
    scratch.clock.advance(DAY * 30);
    scratch.manual(one, State::Ok).await;
    assert_eq!(partitions(&mut sql).await[4..], ["runs_from_20400701"]);
    let lists = began(&scratch.store, one).await;
    assert_eq!(
        lists,
        [at("2040-07-01T00:00:00Z"), at("2040-06-01T00:00:00Z")],
        "one list, whatever partition they are in"
    );
}

#[tokio::test]
async fn health_says_that_the_next_partition_is_missing_until_it_is_there() {
    let scratch = later().await;
    monitor(&scratch, "a", Some(28)).await;
    let look = || scratch.store.partitions(scratch.now()).expect("this database has some");
    assert_eq!(look(), Ok(()), "nobody looked yet");
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(look(), Ok(()));
    // Somebody holds what is needed to make one.
    let mut holder = scratch.sql().await;
    holder.run("begin; lock table runs in share update exclusive mode").await;
    scratch.clock.set(at("2040-01-05T00:00:00Z"));
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(look(), Ok(()), "there is time still");
    scratch.clock.set(at("2040-01-07T12:00:00Z"));
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    let fault = look().unwrap_err();
    assert!(fault.starts_with("runs have partitions until 2040-01-09T00:00:00Z only"), "{fault}");
    holder.let_go().await;
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(look(), Ok(()));
    let file = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    file.store.keep_partitions(file.now()).await.unwrap();
    assert_eq!(file.store.partitions(file.now()), None, "a file has none");
}

#[tokio::test]
async fn whole_partitions_go_when_every_monitors_days_are_over_and_last_runs_stay() {
    let scratch = later().await;
    let (store, mut sql) = (&scratch.store, scratch.sql().await);
    let (short, long) = (monitor(&scratch, "short", Some(7)).await, monitor(&scratch, "long", Some(28)).await);
    let paused = monitor(&scratch, "paused", Some(28)).await;
    // A row that stands for a source has no days, and no runs.
    let source = monitor(&scratch, "of a source", None).await;
    sql.run(format!("update monitors set source = 'db', deleted_at = 1 where id = {}", source.0)).await;
    let first = scratch.now();
    scratch.manual(paused, State::Ok).await;
    for outcome in [State::Ok, State::Alarm].repeat(35) {
        scratch.manual(short, outcome).await;
        scratch.manual(long, outcome).await;
        scratch.clock.advance(DAY);
        store.keep_partitions(scratch.now()).await.unwrap();
        assert_eq!(store.purge_runs(long, 28, scratch.now(), 100).await.unwrap(), 0, "those go with their partition");
        while store.purge_runs(short, 7, scratch.now(), 100).await.unwrap() > 0 {}
    }
    let now = scratch.now();
    let days = |kept: &[Timestamp]| kept.last().map(|oldest| now.duration_since(*oldest).as_hours() / 24);
    let kept = began(store, long).await;
    assert!(matches!(days(&kept), Some(28..=36)), "{kept:?}");
    assert_eq!(kept.len() as i64, days(&kept).unwrap(), "each day's run is there");
    let kept = began(store, short).await;
    assert_eq!((days(&kept), kept.len()), (Some(7), 7), "one by one");
    assert_eq!(began(store, paused).await, [first], "the last one stays");
    assert_eq!(sql.number("select count(*) from runs_before").await, 1);
    let there = partitions(&mut sql).await;
    assert!((6..=9).contains(&there.len()), "{there:?}");
    assert_eq!(store.flips(long, None, 100).await.unwrap().len(), 70);

    // What was the last one for long goes when it no longer is, with nothing else.
    scratch.manual(paused, State::Ok).await;
    store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(began(store, paused).await, [scratch.now()]);
    // Imported, and older than all partitions.
    sql.run(format!("update states set last_run_at = 7 where monitor_id = {}", short.0)).await;
    sql.run(format!(
        "insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message, output)
         select {}, 'imported', n, n, 1, 'OK', 'OK', 'OK', '', '' from generate_series(1, 9) n", short.0
    ))
    .await;
    store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(sql.texts("select started_at::text from runs_before").await, ["7"]);

    // While one keeps its runs for ever, nothing goes but one by one.
    monitor(&scratch, "for ever", None).await;
    let before = sql.number("select count(*) from runs").await;
    scratch.clock.advance(DAY * 100);
    store.keep_partitions(scratch.now()).await.unwrap();
    assert_eq!(sql.number("select count(*) from runs").await, before);
    let kept = began(store, long).await;
    assert_eq!(store.purge_runs(long, 28, scratch.now(), 1000).await.unwrap() as usize, kept.len() - 1);
    assert_eq!(began(store, long).await, kept[..1]);
}

#[tokio::test]
async fn whoever_reads_runs_for_long_keeps_partitions_where_they_are_and_holds_up_nobody() {
    let scratch = later().await;
    let id = monitor(&scratch, "a", Some(1)).await;
    scratch.manual(id, State::Ok).await;
    let mut reader = scratch.sql().await;
    reader.run("begin isolation level repeatable read; select count(*) from runs").await;
    scratch.clock.advance(DAY * 30);
    scratch.manual(id, State::Ok).await;
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    let mut sql = scratch.sql().await;
    assert!(partitions(&mut sql).await.contains(&"runs_from_20391226".to_owned()));
    scratch.manual(id, State::Ok).await;
    assert_eq!(began(&scratch.store, id).await.len(), 3);
    reader.let_go().await;
    scratch.store.keep_partitions(scratch.now()).await.unwrap();
    assert!(!partitions(&mut sql).await.contains(&"runs_from_20391226".to_owned()));
    assert_eq!(began(&scratch.store, id).await.len(), 2);
}

/// The steps before `step`, on a database of the test's own, with a session that knows nothing of what comes.
pub(super) async fn before(step: &str, database: &TestDatabase) -> PgConnection {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut before: Vec<String> = files.filter(|name| &name[..4] < step).collect();
    before.sort();
    let mut session = address(database).connect().await.unwrap();
    for name in &before {
        let step = fs::read_to_string(folder.join(name)).unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("begin;\n{step}\n;commit"))).execute(&mut session).await.unwrap();
    }
    let schema = before.last().unwrap()[..4].parse::<i64>().unwrap();
    let mark = format!("insert into meta (key, value) values ('schema', '{schema}')");
    sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut session).await.unwrap();
    session
}

fn address(database: &TestDatabase) -> sqlx::postgres::PgConnectOptions {
    match database.place() {
        revere::store::DatabasePlace::Server(address) => address.connect_options(),
        revere::store::DatabasePlace::File(_) => panic!("this test is about PostgreSQL"),
    }
}

/// As a server of the version before writes a run.
pub(super) async fn as_before(session: &mut PgConnection, at: Timestamp) -> i64 {
    let id: i64 = sqlx::query_scalar("select nextval('runs_id_seq') from generate_series(1, $1)")
        .bind(1_i64)
        .fetch_one(&mut *session)
        .await
        .unwrap();
    let insert = "insert into runs (id, monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message,
                      return_value, output, traceback, seed, script_version, severity, threshold)
                  select *, 1, 'scheduled', $2::bigint, $2::bigint, 7, 'OK', 'OK', 'OK', 'm', null, '', null, 7, '', null, null from unnest($1::bigint[])";
    let written = sqlx::query(insert).bind(vec![id]).bind(at.as_microsecond()).execute(&mut *session).await.unwrap();
    assert_eq!(written.rows_affected(), 1);
    id
}

pub(super) async fn newest_as_before(session: &mut PgConnection) -> Vec<i64> {
    let newest =
        "select id from runs where monitor_id = $1 and new_state = 'OK' order by started_at desc, id desc limit 3";
    sqlx::query_scalar(newest).bind(1_i64).fetch_all(session).await.unwrap()
}

#[tokio::test]
async fn a_database_that_had_none_gets_them_in_place_while_a_server_of_the_version_before_goes_on() {
    let database = TestDatabase::on_a_server().await;
    let mut session = before("0036", &database).await;
    let long_ago = at("2026-01-01T00:00:00Z");
    for n in 0..5 {
        as_before(&mut session, long_ago + n.minutes()).await;
    }
    assert_eq!(newest_as_before(&mut session).await, [5, 4, 3]);
    let files = "select cast(relfilenode as bigint) from pg_class where oid = to_regclass($1)";
    let file: i64 = sqlx::query_scalar(files).bind("runs").fetch_one(&mut session).await.unwrap();
    // One that was stopped in the middle: the rule is there, and nothing was looked through.
    let bound = at("2039-12-26T00:00:00Z").as_microsecond();
    let rule = format!("alter table runs add constraint runs_before_bound check (started_at < {bound}) not valid");
    sqlx::raw_sql(AssertSqlSafe(rule)).execute(&mut session).await.unwrap();

    let options = StoreOptions::new(database.place());
    let (one, two) = tokio::join!(Store::open(options.clone()), Store::open(options));
    let store = one.unwrap();
    two.unwrap().close().await;
    let moved: i64 = sqlx::query_scalar(files).bind("runs_before").fetch_one(&mut session).await.unwrap();
    assert_eq!(moved, file, "nothing was copied");
    let mut sql = Sql::of(&store).await;
    let left = "select conname::text from pg_constraint where conname = 'runs_before_bound'";
    assert_eq!(sql.texts(left).await, [""; 0]);
    assert_eq!(partitions(&mut sql).await, ["runs_before"]);

    // The same session, with what it prepared before.
    assert_eq!(as_before(&mut session, long_ago + 6.minutes()).await, 6);
    assert_eq!(newest_as_before(&mut session).await, [6, 5, 4]);
    store.keep_partitions(at("2039-12-25T00:00:00Z")).await.unwrap();
    assert_eq!(as_before(&mut session, at(LATER)).await, 7);
    assert_eq!(newest_as_before(&mut session).await, [7, 6, 5]);
    assert_eq!(sql.number("select count(*) from only runs_before").await, 6);
    store.close().await;
}

#[tokio::test]
async fn a_database_with_runs_of_a_clock_that_was_ahead_is_put_into_partitions_too() {
    let database = TestDatabase::on_a_server().await;
    let mut session = before("0036", &database).await;
    as_before(&mut session, at(LATER)).await;
    let store = Store::open(StoreOptions::new(database.place())).await.unwrap();
    let mut sql = Sql::of(&store).await;
    let bound = "select substring(pg_get_expr(relpartbound, oid) from '[0-9]+') from pg_class where oid = to_regclass('runs_before')";
    let expected = at("2040-01-30T00:00:00Z").as_microsecond().to_string();
    assert_eq!(sql.texts(bound).await, [expected], "five weeks after the week of the newest");
    store.close().await;
}
