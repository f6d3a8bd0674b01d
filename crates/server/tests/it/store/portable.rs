//! The statements of the store: those that PostgreSQL must read too are read by one, and SQLite's own words stand where
//! they belong.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use jiff::ToSpan;
use revere::store::{
    Acknowledged, AcknowledgedBy, AlertChange, ConfiguredAlert, DeliveryFilter, DeliveryStatus, HandedBack,
    ImportedMonitor, MonitorFilter, NotToldFilter, OverviewColumn, OverviewFilter, OverviewOrder, OverviewPlace,
    RunFilter, Settlement,
};
use revere_model::{DeliveryId, Flapping, MonitorSpec, Reminders, Severity, SeveritySet, State, StateSet};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::{
    alerts::service,
    support::{Scratch, at, by_server, settle_one, spec, switched},
};

/// Words that only SQLite reads. They may stand in its folder alone, so that whatever else the store asks is written once
/// for every engine.
const OF_SQLITE_ALONE: &[&str] = &[
    "sqlite",
    "json_each",
    "collate",
    "indexed by",
    "pragma",
    "group_concat",
    "insert or ",
    "replace into",
    "rowid",
    "cross join",
    "randomblob",
    "immediate",
    "ifnull(",
    "iif(",
    " glob ",
    "strftime",
    "julianday",
    "unixepoch",
    "autoincrement",
    "without rowid",
    "strict",
    "vacuum",
    "quote(",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The texts between quotation marks in a piece of Rust, without comments.
fn literals(source: &str) -> Vec<String> {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n").split('"').skip(1).step_by(2).map(str::to_lowercase).collect()
}

/// Whether `min` or `max` of several values is asked for: a function of SQLite's that is called otherwise elsewhere.
fn has_several(sql: &str, call: &str) -> bool {
    sql.split(call).skip(1).any(|rest| {
        let mut depth = 0;
        for c in rest.chars() {
            match c {
                '(' => depth += 1,
                ')' if depth == 0 => return false,
                ')' => depth -= 1,
                ',' if depth == 0 => return true,
                _ => {}
            }
        }
        false
    })
}

#[test]
fn words_of_one_engine_stand_in_its_folder_alone() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut all = Vec::new();
    files(&store, &mut all);
    let mut faults = Vec::new();
    for path in all.iter().filter(|path| !path.starts_with(store.join("sqlite"))) {
        let name = path.strip_prefix(&store).unwrap().display().to_string();
        // The one place where the engine is chosen, what may be said about it to people, where its steps are, and tests.
        let of_people = ["error.rs", "migrations.rs", "postgres/address.rs", "postgres/faults.rs", "test_store.rs"];
        if name.starts_with("database/") || of_people.contains(&name.as_str()) {
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for text in literals(source) {
            let sql = ["select ", "insert ", "update ", "delete ", " where ", " from ", " and "]
                .iter()
                .any(|word| text.contains(word));
            for word in OF_SQLITE_ALONE {
                if text.contains(word) {
                    faults.push(format!("{name}: {word:?} in {text:?}"));
                }
            }
            // Parameters have the numbers that every engine reads: `$1`.
            if sql
                && (has_several(&text, "min(") || has_several(&text, "max(") || text.replace(":?}", "}").contains('?'))
            {
                faults.push(format!("{name}: {text:?}"));
            }
        }
        // Values are bound and rows read by the names of database/, which know both engines.
        if source.contains("sqlx::query") && !name.starts_with("postgres/") {
            faults.push(format!("{name} asks sqlx itself; say db::query"));
        }
        for kind in ["SqliteConnection", "SqliteRow", "SqlitePool", "<Sqlite>", "SqliteConnectOptions"] {
            if source.contains(kind) {
                faults.push(format!("{name} names {kind}; use the names of database/"));
            }
        }
    }
    assert!(faults.is_empty(), "only src/store/sqlite may say this:\n{}", faults.join("\n"));
}

/// Notes every statement that is run in this process.
struct Noted(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Noted {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Statement(String);
        impl tracing::field::Visit for Statement {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                // The whole, where it is long; else its summary is the whole.
                if field.name() == "db.statement" && !value.is_empty() || field.name() == "summary" && self.0.is_empty()
                {
                    self.0 = value.trim().to_owned();
                }
            }
            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        if event.metadata().target() == "sqlx::query" {
            let mut statement = Statement(String::new());
            event.record(&mut statement);
            self.0.lock().unwrap().insert(statement.0);
        }
    }
}

/// Asks the store everything it can be asked, once or more.
pub(crate) async fn ask_everything(scratch: &Scratch) {
    let (store, now) = (&scratch.store, scratch.now());
    let alert = |key: &str| ConfiguredAlert { key: key.to_owned(), enabled: true, ..Default::default() };
    store.sync_alerts(&[alert("ops"), alert("other")], now).await.unwrap();
    let change = AlertChange {
        enabled: Some(true),
        states: Some(State::ALL.into_iter().collect()),
        severities: Some(SeveritySet::ALL),
        tags: Some(vec!["mail".to_owned()]),
        seen: None,
    };
    store.set_alert("ops", change, &by_server(now)).await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let script = "sources['shop'].get('x')".to_owned();
        let alerts = (name == "a").then(|| vec!["ops".to_owned()]);
        let tags = vec!["mail".to_owned()];
        let spec = MonitorSpec { tags, script, alerts, retain_days: Some(1), ..spec(name) };
        ids.push(store.create_monitor(&spec, &by_server(now)).await.unwrap().id);
    }
    for state in [State::Ok, State::Alarm, State::Error, State::Ok, State::Alarm] {
        tokio::join!(scratch.manual(ids[0], state), scratch.manual(ids[1], state), scratch.manual(ids[2], state));
    }
    let problem = scratch.store.acknowledge(ids[2], None, AcknowledgedBy::Request, &by_server(now)).await.unwrap();
    assert!(matches!(problem, Acknowledged::Now(_)), "{problem:?}");
    store.acknowledgements(&ids).await.unwrap();
    store.link_key().await.unwrap();
    let month = now + jiff::SignedDuration::from_hours(24 * 30);
    assert!(!store.exchange_link_key(now).await.unwrap(), "nobody knew since when");
    assert!(store.exchange_link_key(month).await.unwrap() && !store.exchange_link_key(month).await.unwrap());
    assert_eq!(store.link_keys().await.unwrap().len(), 2);
    store.set_flapping(Some(Flapping { changes: 2 })).await.unwrap();
    store.flapping(&ids, now).await.unwrap();
    store.set_flapping(None).await.unwrap();
    let hourly = Reminders { after: jiff::SignedDuration::from_hours(1) };
    store.remind("other", hourly, now + jiff::SignedDuration::from_hours(2), 9).await.unwrap();
    store.told_message(DeliveryId(1)).await.unwrap();
    super::muting::ask_everything(scratch, &ids[..2]).await;
    let minute = Duration::from_secs(60);
    for delivery in store.claim_deliveries("ops", "one", now, minute, 1).await.unwrap() {
        settle_one(store, &delivery, Settlement::Failed("410".to_owned()), now).await;
    }
    for delivery in store.claim_deliveries("other", "one", now, minute, 1).await.unwrap() {
        store.rest_of_episode(&delivery, 9).await.unwrap();
        store.settle_deliveries(vec![(delivery, Settlement::Sent("250".to_owned()))], now).await.unwrap();
    }
    store.next_delivery("ops").await.unwrap();
    store.owed().await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claims = scratch.claim().await;
    let retry_at = scratch.now() + 1.minute();
    let (monitor_id, attempt) = (claims[3].monitor_id, claims[3].attempt);
    let fault = Some("no".to_owned());
    store.hand_back(vec![HandedBack { monitor_id, attempt, fault, retry_at }]).await.unwrap();
    tokio::join!(scratch.finish(&claims[0], State::Ok), scratch.finish(&claims[1], State::Ok));
    scratch.clock.set(at("2026-01-01T00:09:00Z"));
    scratch.claim().await;
    scratch.clock.set(at("2026-01-01T00:19:00Z"));
    scratch.claim().await;
    store.take_back("two", scratch.now()).await.unwrap();
    scratch.claim().await;
    store.release_node("one", scratch.now()).await.unwrap();
    store.next_due(scratch.now()).await.unwrap();
    store.due_count(scratch.now()).await.unwrap();
    store.plan_after_clock_set_back(scratch.now()).await.unwrap();
    scratch.sql().await.run(format!("delete from dues where monitor_id = {}", ids[0])).await;
    assert_eq!(store.mend_monitors(scratch.now()).await.unwrap(), 1);
    store.count_with_paused().await.unwrap();
    store.naming_source("shop", 9).await.unwrap();
    store.tags(9).await.unwrap();
    store.monitors_named("no such name", 9).await.unwrap();
    let two = StateSet::EMPTY.with(State::Ok).with(State::Alarm);
    for (states, text) in [(None, None), (Some(two), Some("a".to_owned()))] {
        let (tag, search) = (text.clone().map(|_| "mail".to_owned()), text);
        let severity = states.map(|_| Severity::Warning);
        let active = states.map(|_| false);
        let filter =
            MonitorFilter { states, active, severity, tag: tag.clone(), search: search.clone(), after: None, limit: 9 };
        store.monitors(&filter).await.unwrap();
        let place = OverviewPlace {
            state: State::Alarm,
            severity: None,
            since: now,
            key: Some(1.5),
            name: "a".to_owned(),
            id: ids[0],
        };
        let after = states.map(|_| place);
        let filter = OverviewFilter { states, paused: active, severity, tag, search, order: None, after, limit: 9 };
        store.count_fitting(&filter).await.unwrap();
        store.overview(&filter).await.unwrap();
        use OverviewColumn::{LastRun, Name, NextRun, Since, Value};
        for by in [Name, Since, Value, LastRun, NextRun] {
            let order = Some(OverviewOrder { by, descending: by == Value });
            store.overview(&OverviewFilter { order, ..filter.clone() }).await.unwrap();
            let after = filter.after.clone().map(|place| OverviewPlace { key: None, ..place });
            store.overview(&OverviewFilter { order, after, ..filter.clone() }).await.unwrap();
        }
    }
    store.overview_rows(&ids).await.unwrap();
    let newest = store.runs(ids[0], RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap();
    let before = newest.first().map(|run| run.id);
    let (from, until) = (Some(now), Some(scratch.now()));
    for severity in [None, Some(Severity::Critical), Some(Severity::Warning)] {
        let filter = RunFilter { states: Some(two), severity, flips: true, from, until, before, limit: 9 };
        store.runs_page(ids[0], filter, 1000).await.unwrap();
    }
    store.run(newest[0].id).await.unwrap();
    store.flips(ids[0], None, 9).await.unwrap();
    store.flips_between(ids[0], now, scratch.now(), 9).await.unwrap();
    store.gaps(ids[0], None, 9).await.unwrap();
    store.gaps_between(ids[0], now, scratch.now(), 9).await.unwrap();
    store.each_point(ids[0], now, scratch.now(), |_| {}).await.unwrap();
    store.series(ids[0], 9).await.unwrap();
    store.series_of(&ids, 9).await.unwrap();
    store.oldest_run(ids[0]).await.unwrap();
    let monitor = store.monitor(ids[0]).await.unwrap();
    store.previous_run(&monitor).await.unwrap();
    let (alert, status) = (Some("ops".to_owned()), Some(DeliveryStatus::Owed));
    let filter = DeliveryFilter { monitor: Some(ids[0]), alert, status, before: None, limit: 9 };
    store.deliveries(&filter).await.unwrap();
    for delivery in store.deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).await.unwrap() {
        store.delivery(delivery.id).await.unwrap();
    }
    for (monitor, alert) in [(None, None), (Some(ids[0]), Some("ops".to_owned()))] {
        store.not_told(&NotToldFilter { monitor, alert, before: None, limit: 9 }).await.unwrap();
    }
    let edited = MonitorSpec { tags: vec!["other".to_owned()], schedule: "*/5 * * * *".to_owned(), ..monitor.spec };
    store.update_monitor(ids[0], monitor.version, &edited, &by_server(scratch.now())).await.unwrap();
    switched(store, ids[1], false, scratch.now()).await;
    // One alert goes, and one comes back.
    store.sync_alerts(&[], scratch.now()).await.unwrap();
    scratch.manual(ids[0], State::Ok).await;
    let later = scratch.now() + 1.hour();
    store.give_up_orphans(later, scratch.now(), 2).await.unwrap();
    store
        .sync_alerts(&[ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() }], scratch.now())
        .await
        .unwrap();
    let off = AlertChange { enabled: Some(false), ..AlertChange::default() };
    store.set_alert("ops", off, &by_server(scratch.now())).await.unwrap();
    let much_later = scratch.now() + jiff::SignedDuration::from_hours(24 * 9);
    store.monitors_to_purge(None, 9).await.unwrap();
    store.purge_runs(ids[0], 1, much_later, 9).await.unwrap();
    store.purge_gaps(ids[0], 1, much_later, 9).await.unwrap();
    store.purge_deliveries(ids[0], 1, much_later, 9).await.unwrap();
    store.purge_decisions(ids[0], 1, much_later, 9).await.unwrap();
    store.delete_monitor(ids[1], &by_server(scratch.now())).await.unwrap();
    store.deleted_monitors(None, 9, scratch.now()).await.unwrap();
    store.deleted_monitors(Some(ids[1]), 9, scratch.now()).await.unwrap();
    store.deleted_of(&ids, scratch.now()).await.unwrap();
    store.undelete_monitor(ids[1], &by_server(scratch.now())).await.unwrap();
    store.delete_monitor(ids[1], &by_server(scratch.now())).await.unwrap();
    let gone_at = scratch.now() + jiff::SignedDuration::from_hours(24 * 31);
    while store.purge_deleted(5, gone_at).await.unwrap() > 0 {}
    let monitor = store.monitor(ids[0]).await.unwrap();
    let first = store.version(ids[0], 1).await.unwrap();
    let asked = by_server(scratch.now());
    store.restore_version(ids[0], monitor.version, &first.spec, 1, &asked).await.unwrap();
    store.versions(ids[0], Some(9), 9).await.unwrap();
    store.versions_of_scripts(ids[0], &[&first.script_version]).await.unwrap();
    let given = ImportedMonitor {
        id: Some(revere_model::MonitorId(77)),
        spec: spec("imported"),
        state: State::Ok,
        heard: State::Ok,
        history: Vec::new(),
    };
    store.import(vec![given], Vec::new(), &by_server(scratch.now()), Arc::new(AtomicU64::new(0))).await.unwrap();
}

/// The schema as PostgreSQL writes it, from what SQLite keeps of it.
fn translated(sql: &str) -> String {
    let mut sql = sql.to_lowercase();
    for (from, to) in [
        ("integer primary key autoincrement", "bigint generated by default as identity primary key"),
        ("integer", "bigint"),
        ("real", "double precision"),
        ("strict, without rowid", ""),
        ("strict", ""),
    ] {
        sql = sql.replace(from, to);
    }
    for flag in ["active", "enabled", "in_config", "enabled_in_config"] {
        sql = sql.replace(&format!("\n    {flag} bigint"), &format!("\n    {flag} boolean"));
    }
    sql
}

/// A statement with numbered parameters, and with PostgreSQL's words in the place of SQLite's own ones.
fn for_postgres(sql: &str) -> String {
    let mut number = 0;
    let mut out = String::new();
    for c in sql.chars() {
        match c {
            '?' => {
                number += 1;
                out.push_str(&format!("${number}"));
            }
            c => out.push(c),
        }
    }
    let mut listed = String::new();
    let mut rest = out.as_str();
    while let Some((before, after)) = rest.split_once("(select value from json_each(") {
        let (parameter, after) = after.split_once("))").expect("a list of ids ends");
        listed.push_str(before);
        listed.push_str("(select value::bigint as value from jsonb_array_elements_text(");
        listed.push_str(parameter);
        listed.push_str("::jsonb) as ids (value))");
        rest = after;
    }
    listed.push_str(rest);
    listed.replace("cross join", "join").replace("indexed by deliveries_queue", "").replace("begin immediate", "begin")
}

#[tokio::test]
async fn postgresql_reads_every_statement_that_is_not_sqlites_own() {
    let noted = Arc::new(Mutex::new(BTreeSet::new()));
    // Statements are run in threads of the database library, so everybody's are noted; this test has a process of its own.
    let subscriber = tracing_subscriber::registry().with(Noted(noted.clone()));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let Some(scratch) = Scratch::in_a_file(|_| {}).await else { return };
    ask_everything(&scratch).await;
    super::people::ask_everything(&scratch).await;
    let statements: Vec<String> = noted.lock().unwrap().iter().cloned().collect();

    let mut sqlite = scratch.outside().await;
    let schema: Vec<String> = sqlx::query_scalar(
        "select sql from sqlite_schema where sql is not null and name not like 'sqlite%' order by type desc, rowid",
    )
    .fetch_all(&mut sqlite)
    .await
    .unwrap();
    let options: PgConnectOptions = service("REVERE_TEST_POSTGRES_URL").parse().unwrap();
    let mut postgres: PgConnection = options.connect().await.unwrap();
    // In a transaction that is never committed: nothing is left behind.
    sqlx::raw_sql("begin; create schema portable; set local search_path to portable")
        .execute(&mut postgres)
        .await
        .unwrap();
    for step in &schema {
        let step = translated(step);
        let made = sqlx::raw_sql(AssertSqlSafe(step.clone())).execute(&mut postgres).await;
        made.unwrap_or_else(|error| panic!("{error}\n{step}"));
    }
    let mut faults = Vec::new();
    let mut read = 0;
    for statement in &statements {
        let words = statement.split_whitespace().next().unwrap_or_default();
        let own = ["pragma", "begin", "commit", "rollback", "savepoint", "release", "create", "drop", "alter"];
        // Control of transactions is the writer's; the schema and what changes it are each engine's own.
        if own.contains(&words.to_lowercase().as_str()) || statement.contains("sqlite_") || statement.starts_with("--")
        {
            continue;
        }
        sqlx::raw_sql("savepoint one").execute(&mut postgres).await.unwrap();
        let sql = format!("prepare one as {}", for_postgres(statement));
        match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut postgres).await {
            Ok(_) => {
                read += 1;
                sqlx::raw_sql("deallocate one").execute(&mut postgres).await.unwrap();
            }
            Err(error) => faults.push(format!("{error}\n    {statement}")),
        }
        sqlx::raw_sql("rollback to one").execute(&mut postgres).await.unwrap();
    }
    postgres.close().await.unwrap();
    assert!(faults.is_empty(), "PostgreSQL does not read {} of them:\n{}", faults.len(), faults.join("\n"));
    assert!(read > 90, "only {read} statements were seen: is the store asked everything?");
}
