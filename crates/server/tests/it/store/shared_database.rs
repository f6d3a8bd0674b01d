//! One PostgreSQL and what may happen to it between two statements of a server: a crash, another server's write, a newer schema.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use revere::store::{
    AlertChange, Committed, ConfiguredAlert, MonitorFilter, NewUser, OverviewFilter, OverviewPlace, PostgresAddress,
    Store, StoreOptions, UserChange,
};
use revere_model::{MonitorId, Role, State};
use sqlx::Executor as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::support::{PostgresServer, Scratch, Sql, TestDatabase, at, by_server, spec, until};

async fn on_a_server() -> Scratch {
    Scratch::on(TestDatabase::on_a_server().await, |_| {}).await
}

fn administrator(name: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        role: Role::Administrator,
        tags: Vec::new(),
        password_hash: None,
        identity: None,
        link: None,
    }
}

/// Whether somebody waits for what this connection holds.
pub(super) async fn is_waited_for(held: &mut Sql, watch: &mut Sql, what: &str) {
    let own = held.number("select cast(pg_backend_pid() as bigint)").await;
    let waits = format!("select count(*) from pg_stat_activity where cast({own} as int) = any(pg_blocking_pids(pid))");
    until(what, async || watch.number(waits.clone()).await > 0).await;
}

#[tokio::test]
async fn no_more_deliveries_are_claimed_than_were_asked_for() {
    let scratch = on_a_server().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual(id, State::Alarm).await;
    // Nobody has told the planner yet how many there are.
    scratch
        .sql()
        .await
        .run(
            "insert into deliveries (flip_id, alert_key, monitor_id, status, created_at, next_attempt_at, key, notification)
                 select flip_id, alert_key, monitor_id, 'owed', created_at, 0, key || n, notification
                 from deliveries, generate_series(1, 300) n",
        )
        .await;
    let minute = Duration::from_secs(60);
    let claimed = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 8).await.unwrap();
    assert_eq!(claimed.len(), 8);
}

/// As whoever records results keeps them.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_is_switched_off_keeps_the_monitors_it_told_of_in_the_order_of_their_ids() {
    let scratch = on_a_server().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        ids.push(scratch.store.create_monitor(&spec(name), &by_server(scratch.now())).await.unwrap().id);
    }
    for id in ids.iter().rev() {
        scratch.manual(*id, State::Alarm).await;
    }
    let (mut other, mut watch) = (scratch.sql().await, scratch.sql().await);
    let keeps = |id: MonitorId| format!("select monitor_id from states where monitor_id = {id} for no key update");
    other.run(format!("begin; set local lock_timeout = '500ms'; {}", keeps(ids[0]))).await;
    let switching = {
        let (store, asked) = (scratch.store.clone(), by_server(scratch.now()));
        let off = AlertChange { enabled: Some(false), ..AlertChange::default() };
        tokio::spawn(async move { store.set_alert("ops", off, &asked).await })
    };
    is_waited_for(&mut other, &mut watch, "the change waits for the first").await;
    other.run(keeps(ids[1])).await;
    other.run("commit").await;
    assert!(!switching.await.unwrap().unwrap().enabled);
}

/// Stands between a store and the database. It keeps the next commit from getting through, and lets nobody in after that until
/// it is told to.
struct Gate {
    folder: tempfile::TempDir,
    is_open: Arc<AtomicBool>,
    /// The connection whose commit was kept back.
    kept: Arc<Mutex<Option<UnixStream>>>,
}

impl Gate {
    fn before(server: &PostgresServer) -> Gate {
        let gate = Gate { folder: tempfile::tempdir().unwrap(), is_open: Arc::default(), kept: Arc::default() };
        gate.is_open.store(true, SeqCst);
        let listener = UnixListener::bind(gate.folder.path().join(".s.PGSQL.5432")).unwrap();
        let (behind, is_open, kept) = (server.socket(), gate.is_open.clone(), gate.kept.clone());
        tokio::spawn(async move {
            let mut armed = true;
            while let Ok((client, _)) = listener.accept().await {
                if !is_open.load(SeqCst) {
                    // Once is enough.
                    armed = false;
                    continue;
                }
                let server = UnixStream::connect(&behind).await.unwrap();
                tokio::spawn(pass(client, server, armed, is_open.clone(), kept.clone()));
            }
        });
        gate
    }
}

async fn pass(
    mut client: UnixStream,
    mut server: UnixStream,
    armed: bool,
    is_open: Arc<AtomicBool>,
    kept: Arc<Mutex<Option<UnixStream>>>,
) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if armed && asked[..length].windows(7).any(|word| word == b"commit\0") {
                    is_open.store(false, SeqCst);
                    *kept.lock().unwrap() = Some(server);
                    return;
                }
                if server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_lost_in_a_crash_is_not_taken_for_anothers_with_its_number() {
    // What the held transaction wrote must not reach the disk for another one's sake: one that only tidied up a page of the
    // catalog wakes the log's writer, too, and a page that is written to its file takes its log along.
    let quiet = ["wal_writer_delay=10s", "wal_writer_flush_after=1GB", "bgwriter_lru_maxpages=0", "autovacuum=off"];
    let mut server = PostgresServer::start(&quiet).await;
    let gate = Gate::before(&server);
    let address = format!("postgresql://revere@localhost/postgres?host={}", gate.folder.path().display());
    let mut options = StoreOptions::new(PostgresAddress::read(&address, None).unwrap());
    options.patience = Duration::from_secs(60);
    let store = Store::open(options).await.unwrap();
    let mut admin = server.connect().await;
    // Nor may it fill a page of the log, which is written once it is full: it begins in an empty one, wherever the steps ended.
    sqlx::query("select pg_switch_wal()").execute(&mut admin).await.unwrap();
    let writing = {
        let store = store.clone();
        let asked = by_server(at("2026-01-01T00:00:00Z"));
        tokio::spawn(async move { store.create_monitor(&spec("a"), &asked).await })
    };
    until("its commit is kept back", async || gate.kept.lock().unwrap().is_some()).await;
    let number = "select cast(cast(backend_xid as text) as bigint) from pg_stat_activity where backend_xid is not null";
    let number: i64 = sqlx::query_scalar(number).fetch_one(&mut admin).await.unwrap();
    server.crash();
    server.start_again().await;
    let mut admin = server.connect().await;
    let mut given = Vec::new();
    while given.last().is_none_or(|last| *last < number) {
        let next = "select cast(cast(pg_current_xact_id() as text) as bigint)";
        given.push(sqlx::query_scalar::<_, i64>(next).fetch_one(&mut admin).await.unwrap());
    }
    assert!(given.contains(&number), "{number} was given to nobody else: {given:?}");
    gate.is_open.store(true, SeqCst);
    let made = writing.await.unwrap().unwrap();
    assert_eq!(store.monitor(made.id).await.unwrap(), made, "what was answered is there");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_version_before_goes_on_when_the_schema_has_more_columns() {
    let scratch = on_a_server().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    store.create_user(administrator("eve"), &by_server(scratch.now())).await.unwrap().unwrap();
    store.monitor(made.id).await.unwrap();
    let mut sql = scratch.sql().await;
    for table in ["monitors", "states", "dues", "users", "runs", "flips", "deliveries"] {
        sql.run(format!("alter table {table} add column from_a_newer_one bigint")).await;
    }
    until("it reads", async || store.monitor(made.id).await.is_ok()).await;
    store.create_user(administrator("adam"), &by_server(scratch.now())).await.unwrap().unwrap();
    store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap();
    assert_eq!(store.monitors(&MonitorFilter { limit: 9, ..MonitorFilter::default() }).await.unwrap().len(), 2);
}

#[tokio::test]
async fn names_are_found_and_paged_by_one_rule_whatever_language_the_database_is_in() {
    let server = PostgresServer::start(&[]).await;
    let mut admin = server.connect().await;
    admin.execute("create database letters encoding 'UTF8' locale 'C.UTF-8' template template0").await.unwrap();
    let url = server.url().replace("/postgres?", "/letters?");
    let store = Store::open(StoreOptions::new(PostgresAddress::read(&url, None).unwrap())).await.unwrap();
    let names = ["Abc", "Äb", "Äc", "z"];
    for name in names {
        store.create_monitor(&spec(name), &by_server(at("2026-01-01T00:00:00Z"))).await.unwrap();
    }
    for (search, found) in [("Äb", 1), ("aB", 1), ("Ä", 2), ("äb", 0)] {
        let search = Some(search.to_owned());
        let monitors = MonitorFilter { limit: 9, search: search.clone(), ..MonitorFilter::default() };
        assert_eq!(store.monitors(&monitors).await.unwrap().len(), found, "{search:?}");
        let overview = OverviewFilter { limit: 9, search, ..OverviewFilter::default() };
        assert_eq!(store.overview(&overview).await.unwrap().len(), found, "{overview:?}");
    }
    let (mut after, mut paged) = (None, Vec::new());
    while let Some(row) =
        store.overview(&OverviewFilter { limit: 1, after, ..OverviewFilter::default() }).await.unwrap().pop()
    {
        paged.push(row.name.clone());
        after = Some(OverviewPlace {
            state: row.state,
            severity: row.severity,
            since: row.state_since,
            key: None,
            name: row.name,
            id: row.id,
        });
    }
    assert_eq!(paged, ["Abc", "z", "Äb", "Äc"]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_waited_for_a_deletion_is_not_recorded() {
    let scratch = on_a_server().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    let (mut deleting, mut watch) = (scratch.sql().await, scratch.sql().await);
    deleting
        .run(format!(
            "begin; update monitors set deleted_at = 1, version = version + 1 where id = {id};
             update dues set next_tick_at = null where monitor_id = {id}"
        ))
        .await;
    let recording = {
        let (store, result) = (scratch.store.clone(), scratch.result(&claimed, State::Alarm));
        tokio::spawn(async move { store.commit_run(result).await })
    };
    is_waited_for(&mut deleting, &mut watch, "the result waits for it").await;
    deleting.run("commit").await;
    assert_eq!(recording.await.unwrap().unwrap(), Committed::Gone);
    assert_eq!(watch.number("select count(*) from runs").await, 0);
}

#[tokio::test]
async fn a_command_brings_no_schema_up_to_date_that_servers_may_be_using() {
    let database = TestDatabase::on_a_server().await;
    let mut options = StoreOptions::new(database.place());
    options.beside_a_server = true;
    // Nobody uses one that is not there yet.
    Store::open(options.clone()).await.unwrap().close().await;
    let mut sql = Sql::at(&database.place()).await;
    sql.run("update meta set value = '15' where key = 'schema'").await;
    let error = Store::open(options).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("has schema 15, and this program's is"), "{error}");
    assert_eq!(sql.texts("select value from meta where key = 'schema'").await, ["15"]);
}

#[tokio::test]
async fn a_schema_that_another_server_is_changing_is_waited_for() {
    let scratch = on_a_server().await;
    let mut changing = scratch.sql().await;
    changing.run("begin; lock table meta in access exclusive mode").await;
    let mut options = StoreOptions::new(scratch.store.place().clone());
    options.busy_timeout = Duration::from_millis(20);
    let error = Store::open(options.clone()).await.map(drop).unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("is being changed"), "{error}");
    changing.run("commit").await;
    Store::open(options).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_servers_change_of_one_person_is_both_kept() {
    let scratch = on_a_server().await;
    let store = &scratch.store;
    let asked = by_server(scratch.now());
    for name in ["eve", "adam"] {
        store.create_user(administrator(name), &asked).await.unwrap().unwrap();
    }
    let eve = store.users("", 9).await.unwrap().into_iter().find(|user| user.name == "eve").unwrap().id;
    let (mut other, mut watch) = (scratch.sql().await, scratch.sql().await);
    other.run(format!("begin; update users set disabled_at = 7 where id = {eve}")).await;
    let changing = {
        let (store, asked) = (store.clone(), asked.clone());
        let change = UserChange { tags: Some(vec!["mail".to_owned()]), ..UserChange::default() };
        tokio::spawn(async move { store.change_user(eve, change, &asked).await })
    };
    is_waited_for(&mut other, &mut watch, "the change waits for it").await;
    other.run("commit").await;
    let is = changing.await.unwrap().unwrap().unwrap();
    assert_eq!((is.tags, is.disabled_at.is_some()), (vec!["mail".to_owned()], true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_had_to_wait_holds_no_shorter_than_others() {
    let scratch = on_a_server().await;
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let (mut held, mut watch) = (scratch.sql().await, scratch.sql().await);
    held.run("begin; lock table monitors in access exclusive mode").await;
    let own = held.number("select cast(pg_backend_pid() as bigint)").await;
    let waited = format!(
        "select coalesce(max(cast(extract(epoch from clock_timestamp() - query_start) * 1000 as bigint)), 0)
         from pg_stat_activity where cast({own} as int) = any(pg_blocking_pids(pid))"
    );
    let (claimed, ()) = tokio::join!(scratch.claim(), async {
        until("the claim has waited", async || watch.number(waited.clone()).await > 300).await;
        held.run("commit").await;
    });
    assert_eq!(claimed.len(), 1);
    let lease_until = watch.number("select lease_until from dues").await;
    let holds = lease_until - scratch.now().as_microsecond();
    assert!(
        holds >= 90_300_000,
        "thirty seconds for the run and sixty for its result, from when it was claimed: {holds}"
    );
}
