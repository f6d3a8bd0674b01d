//! Outages of sources at the database: who waits for whom where two servers meet several at once, by which indexes is looked for
//! them, and when what waited runs.

use jiff::SignedDuration;
use revere::store::{Committed, RunResult, SourceDown, SourcesMet, Store};
use revere_model::{MonitorId, MonitorSpec, RunKind, State};
use sqlx::Row;

use crate::support::{Scratch, Sql, by_server, on_postgresql, spec, until};

async fn monitor(scratch: &Scratch, name: &str) -> MonitorId {
    let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec(name) };
    let id = scratch.store.create_monitor(&spec, &by_server(scratch.now())).await.unwrap().id;
    scratch.store.commit_run(scratch.manual_result(id, State::Ok)).await.unwrap();
    id
}

fn down(source: &str) -> Option<SourceDown> {
    Some(SourceDown { source: source.to_owned(), reason: "connection refused".to_owned() })
}

fn answered(sources: [&str; 2]) -> Vec<String> {
    sources.map(str::to_owned).into()
}

async fn ran(scratch: &Scratch, id: MonitorId, outcome: State, sources: SourcesMet) {
    scratch.clock.advance(SignedDuration::from_secs(1));
    let result = RunResult { sources, ..scratch.manual_result(id, outcome) };
    scratch.store.commit_run(result).await.unwrap();
}

/// Records a run on one of the servers, beside everything else.
fn records(store: &Store, result: RunResult) -> tokio::task::JoinHandle<Committed> {
    let store = store.clone();
    tokio::spawn(async move { store.commit_run(result).await.unwrap() })
}

/// How many wait for this connection, or for who waits for it.
async fn waiting_for(sql: &mut Sql, backend: i64) -> i64 {
    let waiting = format!(
        "with recursive blocked (pid) as (select {backend}::int
             union select a.pid from pg_stat_activity a join blocked b on b.pid = any(pg_blocking_pids(a.pid)))
         select count(*) - 1 from blocked"
    );
    sql.number(waiting).await
}

/// Sources are taken by their names, whatever a run met first: whoever waits for one keeps none that comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_end_and_begin_outages_of_the_same_sources_wait_in_one_order() {
    if !on_postgresql() {
        return;
    }
    let scratch = Scratch::new().await;
    let beside = scratch.beside().await;
    let (one, two) = (monitor(&scratch, "one").await, monitor(&scratch, "two").await);
    ran(&scratch, one, State::Error, SourcesMet { down: down("beta"), ..SourcesMet::default() }).await;
    ran(&scratch, two, State::Error, SourcesMet { down: down("alpha"), ..SourcesMet::default() }).await;
    let (mut holder, mut sql) = (scratch.sql().await, scratch.sql().await);
    let backend = holder.number("select pg_backend_pid()::bigint").await;
    let free = |source: &str| {
        format!(
            "select count(*) from
                 (select id from source_outages where going_on = '{source}' for update skip locked) free"
        )
    };

    // Both end both: here beta is named first, there alpha.
    scratch.clock.advance(SignedDuration::from_secs(1));
    holder.run("begin; update source_outages set settled = settled where going_on = 'alpha'").await;
    let well = |id, sources| {
        let sources = SourcesMet { answered: answered(sources), down: None };
        RunResult { sources, ..scratch.manual_result(id, State::Ok) }
    };
    let first = records(&scratch.store, well(one, ["beta", "alpha"]));
    until("the first waits", async || waiting_for(&mut scratch.sql().await, backend).await == 1).await;
    let second = records(&beside.store, well(two, ["alpha", "beta"]));
    until("both wait", async || waiting_for(&mut scratch.sql().await, backend).await == 2).await;
    assert_eq!(sql.number(free("beta")).await, 1, "it was taken before alpha");
    holder.run("commit").await;
    for recorded in [first.await.unwrap(), second.await.unwrap()] {
        assert!(matches!(recorded, Committed::Recorded { .. }), "{recorded:?}");
    }
    assert!(scratch.store.open_outages().await.unwrap().is_empty());

    // Both end beta, and find alpha down again: what begins has its turn by its name, too.
    ran(&scratch, one, State::Error, SourcesMet { down: down("beta"), ..SourcesMet::default() }).await;
    scratch.clock.advance(SignedDuration::from_secs(1));
    holder.run("begin; update source_outages set settled = settled where going_on = 'beta'").await;
    let crossed = |id| {
        let sources = SourcesMet { answered: vec!["beta".to_owned()], down: down("alpha") };
        RunResult { sources, ..scratch.manual_result(id, State::Error) }
    };
    let first = records(&scratch.store, crossed(one));
    until("the first waits", async || waiting_for(&mut scratch.sql().await, backend).await == 1).await;
    let second = records(&beside.store, crossed(two));
    until("both wait", async || waiting_for(&mut scratch.sql().await, backend).await == 2).await;
    holder.run("commit").await;
    for recorded in [first.await.unwrap(), second.await.unwrap()] {
        assert!(matches!(recorded, Committed::Recorded { .. }), "{recorded:?}");
    }
    let open = scratch.store.open_outages().await.unwrap();
    assert_eq!(open.iter().map(|outage| outage.source.as_str()).collect::<Vec<_>>(), ["alpha"]);
    assert_eq!(scratch.store.waiting_for(open[0].id, 9).await.unwrap().1, 2, "of one outage");
    drop::<Scratch>(beside);
}

/// The text of a statement as the program asks it.
pub(super) fn statement(name: &str, file: &str) -> String {
    let from = file.split(&format!("const {name}: &str = \"")).nth(1).unwrap_or_else(|| panic!("no {name}"));
    from.split('"').next().unwrap().to_owned()
}

/// How the database goes about it, a step a line.
pub(super) async fn plan(scratch: &Scratch, statement: &str) -> Vec<String> {
    if on_postgresql() {
        let mut sql = scratch.sql().await;
        // A table that is empty is read whole, whatever indexes there are.
        sql.run("set enable_seqscan = off").await;
        return sql.texts(format!("explain {statement}")).await;
    }
    let sql = sqlx::AssertSqlSafe(format!("explain query plan {statement}"));
    let rows = sqlx::query(sql).fetch_all(&mut scratch.outside().await).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn outages_and_who_waits_for_them_are_found_by_indexes() {
    let scratch = Scratch::new().await;
    let event = include_str!("../../../src/store/telling/outages/event.rs");
    let shares = include_str!("../../../src/store/telling/outages/shares.rs");
    let catch_up = include_str!("../../../src/store/telling/outages/catch_up.rs");
    let unsettled = statement("UNSETTLED", event).replace("$1", "false").replace("$2", "500");
    let steps = plan(&scratch, &unsettled).await;
    assert!(steps.iter().any(|step| step.contains("source_outages_settled")), "{steps:#?}");
    let waiting = statement("WAITING", shares).replace("$1", "7").replace("$2", "'graphite'");
    let steps = plan(&scratch, &waiting).await;
    assert!(steps.iter().any(|step| step.contains("states_outage")), "{steps:#?}");
    assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:#?}");
    let told_by = statement("TOLD_BY", shares).replace("$1", "'graphite'");
    let steps = plan(&scratch, &told_by).await;
    assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:#?}");
    let still = statement("WAITING_STILL", catch_up);
    let steps = plan(&scratch, &still).await;
    let whole = |step: &&String| step.starts_with("SCAN s") && !step.contains("states_outage");
    assert_eq!(steps.iter().find(whole), None, "{steps:#?}");
}

#[tokio::test]
async fn many_that_waited_run_one_after_the_other() {
    let scratch = Scratch::new().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(monitor(&scratch, &format!("m{number}")).await);
    }
    for id in &ids {
        ran(&scratch, *id, State::Error, SourcesMet { down: down("graphite"), ..SourcesMet::default() }).await;
    }
    let back = SourcesMet { answered: vec!["graphite".to_owned()], down: None };
    ran(&scratch, ids[0], State::Ok, back).await;
    let now = scratch.now();
    assert_eq!(scratch.store.tell_outages(now).await.unwrap().caught_up, 9);
    let due = format!(
        "select cast((due_at - {}) / 1000 as text) from dues where catch_up_at = due_at order by monitor_id",
        now.as_microsecond()
    );
    let due = scratch.sql().await.texts(due).await;
    assert_eq!(due, ["0", "100", "200", "300", "400", "500", "600", "700", "800"]);
    // Looked at again, they are due as they were.
    scratch.clock.advance(SignedDuration::from_millis(250));
    assert_eq!(scratch.store.tell_outages(scratch.now()).await.unwrap().caught_up, 0);
    let claimed = scratch.claim_as("one").await;
    assert_eq!(claimed.iter().map(|claimed| claimed.monitor_id).collect::<Vec<_>>(), ids[1..4]);
    // An edit takes the moment away, and it is given another.
    let edited = scratch.store.monitor(ids[9]).await.unwrap();
    let spec = MonitorSpec { description: "new".to_owned(), ..edited.spec };
    scratch.store.update_monitor(ids[9], edited.version, &spec, &by_server(scratch.now())).await.unwrap();
    assert!(scratch.store.tell_outages(scratch.now()).await.unwrap().caught_up <= 1);
    scratch.clock.advance(SignedDuration::from_secs(60));
    let claimed = scratch.claim_as("one").await;
    assert!(claimed.iter().all(|claimed| claimed.kind == RunKind::CatchUp), "{claimed:?}");
    let mut due: Vec<MonitorId> = claimed.iter().map(|claimed| claimed.monitor_id).collect();
    due.sort_unstable();
    assert_eq!(due, ids[4..]);
    assert_eq!(scratch.store.monitor(ids[9]).await.unwrap().missed_ticks, 0);
}
