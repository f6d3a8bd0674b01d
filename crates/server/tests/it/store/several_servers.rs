//! Several servers on one PostgreSQL: what each may have, and what becomes of it when the database or a connection goes away.

use std::{collections::HashSet, sync::Arc, time::Duration};

use revere::store::{
    Committed, ConfiguredAlert, DeliveryFilter, MonitorFilter, OpenError, PostgresAddress, Settlement, Store,
    StoreError, StoreOptions, Successor,
};
use revere_model::{Clock as _, Monitor, MonitorId, MonitorSpec, State};
use sqlx::Executor as _;

use crate::support::{PostgresServer, Scratch, TestDatabase, at, by_server, eventually, settle_one, spec, until};

/// A store of one server, and another server's on the same database.
async fn two() -> (Scratch, Store) {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let other = scratch.beside().await.store;
    (scratch, other)
}

fn request(node: &str, now: jiff::Timestamp, limit: u32) -> revere::store::ClaimRequest {
    revere::store::ClaimRequest {
        node: node.to_owned(),
        now,
        up_since: at("2026-01-01T00:00:00Z"),
        run_limit: Duration::from_secs(30),
        limit,
        places: 1000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_due_tick_is_claimed_by_one_of_them_and_each_delivery_too() {
    let (scratch, other) = two().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    for n in 0..200 {
        scratch.store.create_monitor(&spec(&format!("m{n}")), &by_server(scratch.now())).await.unwrap();
    }
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let now = scratch.now();
    let claim = async |store: &Store, node: &str| {
        let mut claimed = Vec::new();
        loop {
            let claims = store.claim_due(&request(node, now, 16)).await.unwrap();
            claimed.extend(claims.runs);
            if !claims.more && store.next_due(now).await.unwrap().is_none_or(|due| due > now) {
                return claimed;
            }
        }
    };
    let (one, two) = tokio::join!(claim(&scratch.store, "one"), claim(&other, "two"));
    let ids: HashSet<MonitorId> = one.iter().chain(&two).map(|claimed| claimed.monitor_id).collect();
    assert_eq!((ids.len(), one.len() + two.len()), (200, 200), "each once");
    assert!(!one.is_empty() && !two.is_empty(), "{} and {}: both have their share", one.len(), two.len());

    // Results of claims that another one has are refused, whoever writes first.
    let results = one.iter().chain(&two).map(|claimed| scratch.finish(claimed, State::Alarm));
    for committed in futures_util::future::join_all(results).await {
        assert!(matches!(committed, Committed::Recorded { .. }), "{committed:?}");
    }
    let minute = Duration::from_secs(60);
    let send = async |store: &Store, node: &str| {
        let mut sent = Vec::new();
        loop {
            let claimed = store.claim_deliveries("ops", node, now, minute, 8).await.unwrap();
            if claimed.is_empty() && store.owed().await.unwrap().is_empty() {
                return sent;
            }
            for delivery in claimed {
                assert!(settle_one(store, &delivery, Settlement::Sent(String::new()), now).await);
                sent.push(delivery.id);
            }
        }
    };
    let (one, two) = tokio::join!(send(&scratch.store, "one"), send(&other, "two"));
    let ids: HashSet<_> = one.iter().chain(&two).collect();
    assert_eq!((ids.len(), one.len() + two.len()), (200, 200), "each once");
    let sent = other.deliveries(&DeliveryFilter { limit: 1000, ..DeliveryFilter::default() }).await.unwrap();
    assert!(sent.len() == 200 && sent.iter().all(|delivery| delivery.attempts == 1));
}

#[tokio::test]
async fn what_a_server_left_is_taken_over_when_its_time_is_over_and_its_late_result_is_refused() {
    let (scratch, other) = two().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim_as("one").await.remove(0);
    // Thirty seconds for the run and sixty for its result.
    scratch.clock.set(at("2026-01-01T00:02:29Z"));
    assert_eq!(other.take_back("two", scratch.now()).await.unwrap().runs, 0, "it may still come");
    scratch.clock.set(at("2026-01-01T00:02:31Z"));
    assert_eq!(other.take_back("two", scratch.now()).await.unwrap().runs, 1);
    let again = other.claim_due(&request("two", scratch.now(), 9)).await.unwrap().runs.remove(0);
    assert_eq!((again.monitor_id, again.attempt), (id, claimed.attempt + 1));
    let before = scratch.sql().await.everything().await;
    assert_eq!(scratch.finish(&claimed, State::Alarm).await, Committed::Superseded);
    assert_eq!(scratch.sql().await.everything().await, before, "it changes nothing");
    assert!(matches!(other.commit_run(scratch.result(&again, State::Ok)).await.unwrap(), Committed::Recorded { .. }));
}

/// Makes a monitor in a store that waits shortly, however often the machine is too busy for it meanwhile.
async fn made(store: &Store, name: &str) -> Monitor {
    eventually("a monitor is made", async || {
        let made = store.create_monitor(&spec(name), &by_server(at("2026-01-01T00:00:00Z"))).await;
        made.map_err(|error| error.to_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_is_waited_for_and_nothing_is_lost_or_done_twice() {
    let mut server = PostgresServer::start(&[]).await;
    let address = PostgresAddress::read(&server.url(), None).unwrap();
    let mut options = StoreOptions::new(address.clone());
    options.patience = Duration::from_secs(1);
    options.busy_timeout = Duration::from_secs(1);
    let store = Store::open(options).await.unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let id = made(&store, "a").await.id;
    server.crash();
    let refused = store.create_monitor(&spec("refused"), &by_server(now)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_) | StoreError::Busy { .. }), "{refused:?}");
    until("it is known", async || store.health().failing_since.is_some()).await;
    let words = store.health().last_error.unwrap();
    assert!(words.starts_with("PostgreSQL ") && words.contains(':'), "{words}");
    let recording = {
        let store = store.clone();
        tokio::spawn(async move { store.hand_back(Vec::new()).await })
    };
    // A server that is started meanwhile is told that it may pass.
    let error = Store::open(StoreOptions::new(address)).await.map(drop).unwrap_err();
    assert!(error.is_passing(), "{error}");
    server.start_again().await;
    recording.await.unwrap().unwrap();
    assert_eq!(store.monitor(id).await.unwrap().spec.name, "a");
    made(&store, "b").await;
    until("it is well", async || store.health().failing_since.is_none()).await;
    let all = store.monitors(&MonitorFilter { limit: 9, ..MonitorFilter::default() }).await.unwrap();
    let names: Vec<_> = all.iter().map(|monitor| monitor.spec.name.as_str()).collect();
    assert_eq!(names, ["a", "b"], "what was refused is not done later");
    store.close().await;
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_told_from_others_and_waited_for() {
    let server = PostgresServer::start(&[]).await;
    let address = PostgresAddress::read(&server.url(), None).unwrap();
    let mut options = StoreOptions::new(address);
    options.patience = Duration::from_secs(1);
    let store = Store::open(options).await.unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let id = made(&store, "a").await.id;
    // As an old primary is after a fail-over, for connections that are there already, too.
    let mut admin = server.connect().await;
    admin.execute("alter system set default_transaction_read_only = on").await.unwrap();
    admin.execute("select pg_reload_conf()").await.unwrap();
    let refused = loop {
        match store.create_monitor(&spec("b"), &by_server(now)).await {
            // It has not read its settings again yet, or its time was over before the writer came to it.
            Ok(_) | Err(StoreError::Busy { .. }) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(refused.to_string().contains("may only be read"), "{refused}");
    assert_eq!(store.monitor(id).await.unwrap().state, State::Inactive, "reading goes on");
    admin.execute("set default_transaction_read_only = off").await.unwrap();
    admin.execute("alter system reset default_transaction_read_only").await.unwrap();
    admin.execute("select pg_reload_conf()").await.unwrap();
    until("it is well", async || store.create_monitor(&spec("c"), &by_server(now)).await.is_ok()).await;
    store.close().await;
}

async fn refusal(url: &str) -> OpenError {
    let address = PostgresAddress::read(url, None).unwrap();
    Store::open(StoreOptions::new(address)).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_in_one_sentence_with_what_to_do() {
    let server = PostgresServer::start(&[]).await;
    let mut admin = server.connect().await;
    for sql in [
        "create database latin encoding 'LATIN1' locale 'C' template template0",
        "create database theirs",
        "create role stranger login",
        "create role nobody nologin",
        "revoke create on schema public from public",
    ] {
        admin.execute(sql).await.unwrap();
    }
    let url = |user: &str, database: &str| {
        server.url().replace("revere@", &format!("{user}@")).replace("/postgres?", &format!("/{database}?"))
    };
    let theirs: PostgresAddress = PostgresAddress::read(&url("revere", "theirs"), None).unwrap();
    let mut connection = sqlx::ConnectOptions::connect(&theirs.connect_options()).await.unwrap();
    connection.execute("create table monitors (id int)").await.unwrap();
    for (address, said, passing) in [
        (url("revere", "latin"), "keeps texts as LATIN1", false),
        (url("revere", "theirs"), "has a table `monitors` that is not Revere's", false),
        (url("revere", "missing"), "has no database of that name", false),
        (url("nobody", "postgres"), "does not let this user in", false),
        (url("stranger", "postgres"), "does not give this user enough rights", false),
        (server.url().replace("host=", "host=/nowhere"), "does not answer", true),
    ] {
        let error = refusal(&address).await;
        assert!(error.to_string().contains(said), "{address}: {error}");
        assert_eq!(error.is_passing(), passing, "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
    connection
        .execute(
            "drop table monitors; create table meta (key text, value text); insert into meta values ('schema', '999')",
        )
        .await
        .unwrap();
    let error = refusal(&url("revere", "theirs")).await;
    assert!(error.to_string().contains("has schema 999, this program knows up to"), "{error}");
}

#[tokio::test]
async fn servers_that_start_at_once_on_an_empty_database_make_its_tables_once() {
    let database = TestDatabase::on_a_server().await;
    let open = async || Store::open(StoreOptions::new(database.place())).await.unwrap();
    let (one, two, three) = tokio::join!(open(), open(), open());
    let made = one.create_monitor(&spec("a"), &by_server(at("2026-01-01T00:00:00Z"))).await.unwrap();
    assert_eq!(two.monitor(made.id).await.unwrap(), made);
    assert_eq!((one.instance(), two.instance()), (three.instance(), three.instance()));
}

#[tokio::test]
async fn what_holds_a_nul_is_kept_with_its_place_shown() {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    let mut result = scratch.result(&claimed, State::Alarm);
    result.message = "before\0after".to_owned();
    result.output = "\0".to_owned();
    result.return_value = Some(revere_model::ReturnValue::Text("a\0b".to_owned()));
    assert!(matches!(scratch.store.commit_run(result).await.unwrap(), Committed::Recorded { .. }));
    let monitor = scratch.store.monitor(id).await.unwrap();
    assert_eq!(monitor.last_message.as_deref(), Some("before\u{fffd}after"));
    assert_eq!(monitor.last_value, Some(revere_model::ReturnValue::Text("a\0b".to_owned())), "values are JSON");
    assert_eq!(monitor.state, State::Alarm);
}

#[tokio::test]
async fn servers_show_what_they_have_in_hand_and_are_gone_when_they_stop() {
    let (scratch, other) = two().await;
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    scratch.claim_as("one").await;
    let node = |name: &str, seen: &str| revere::store::Node {
        name: name.to_owned(),
        host: "web1".to_owned(),
        version: "0.1.0".to_owned(),
        address: "http://127.0.0.1:5000".to_owned(),
        started_at: at("2026-01-01T00:00:00Z"),
        seen_at: at(seen),
        runs_a_minute: 7,
    };
    scratch.store.node_seen(&node("one", "2026-01-01T00:00:00Z")).await.unwrap();
    scratch.store.node_seen(&node("one", "2026-01-01T00:01:00Z")).await.unwrap();
    other.node_seen(&node("two", "2026-01-01T00:01:00Z")).await.unwrap();
    let nodes = other.nodes().await.unwrap();
    let seen: Vec<_> = nodes.iter().map(|(node, holding)| (node.name.as_str(), node.seen_at, holding.runs)).collect();
    assert_eq!(seen, [("one", scratch.now(), 1), ("two", scratch.now(), 0)]);
    other.node_left("two").await.unwrap();
    assert_eq!(scratch.store.nodes().await.unwrap().len(), 1);
    // One that was killed is shown for a day.
    scratch.store.node_seen(&node("three", "2026-01-02T00:02:00Z")).await.unwrap();
    let left: Vec<String> = other.nodes().await.unwrap().into_iter().map(|(node, _)| node.name).collect();
    assert_eq!(left, ["three"]);
}

#[tokio::test]
async fn a_server_is_missed_unless_it_stopped_in_order_or_began_anew() {
    let (scratch, other) = two().await;
    let node = |name: &str, host: &str, started: &str, seen: &str| revere::store::Node {
        name: name.to_owned(),
        host: host.to_owned(),
        version: "0.1.0".to_owned(),
        address: "https://revere.example".to_owned(),
        started_at: at(started),
        seen_at: at(seen),
        runs_a_minute: 7,
    };
    let (began, now) = ("2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z");
    for seen in [
        node("killed", "web1", began, began),
        node("beside it", "web2", "2026-01-01T00:00:03Z", now),
        node("ended", "web3", began, began),
        node("killed, too", "web4", began, "2026-01-01T00:00:09Z"),
        node("begun anew", "web4", "2026-01-01T00:00:15Z", now),
    ] {
        scratch.store.node_seen(&seen).await.unwrap();
    }
    other.node_left("ended").await.unwrap();
    let missed = async |successor| {
        let missing = other.nodes_missing(at("2026-01-01T00:01:30Z"), successor).await.unwrap();
        missing.into_iter().map(|node| node.name).collect::<Vec<_>>()
    };
    assert_eq!(missed(Successor::TheSame).await, ["killed"]);
    assert_eq!(missed(Successor::Any).await, [""; 0], "there are as many as there were");
}

#[tokio::test]
async fn the_clock_is_the_databases() {
    let (scratch, _) = two().await;
    let clock = scratch.store.clock().await.unwrap().expect("it is shared");
    let shown = scratch.sql().await.number("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)").await;
    assert!((clock.now().as_millisecond() - shown).abs() < 1000);
    scratch.store.ask_the_clock().await.unwrap();
    let file = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    assert!(file.store.clock().await.unwrap().is_none());
}

#[tokio::test]
async fn a_monitor_that_kept_its_id_leaves_the_next_one_another() {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let given = revere::store::ImportedMonitor {
        id: Some(MonitorId(77)),
        spec: spec("imported"),
        state: State::Ok,
        heard: State::Ok,
        history: Vec::new(),
    };
    scratch.store.import(vec![given], Vec::new(), &by_server(scratch.now()), Arc::default()).await.unwrap();
    let next =
        scratch.store.create_monitor(&MonitorSpec { active: false, ..spec("next") }, &by_server(scratch.now())).await;
    assert_eq!(next.unwrap().id, MonitorId(78));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_be_owed_while_the_one_before_it_is_settled_has_its_turn() {
    let (scratch, _) = two().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual(id, State::Alarm).await;
    let minute = Duration::from_secs(60);
    let first = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().remove(0);
    // Another server is in the middle of a result: it has the monitor's row, and saw that the first is still owed.
    let mut result = scratch.sql().await;
    let own = result.number("select cast(pg_backend_pid() as bigint)").await;
    result
        .run(
            "begin; update states set failing_streak = failing_streak;
             insert into deliveries (flip_id, alert_key, monitor_id, status, created_at, key, notification)
                 select flip_id, alert_key, monitor_id, 'owed', created_at, key || '2', notification from deliveries",
        )
        .await;
    let settling = {
        let (store, first, now) = (scratch.store.clone(), first.clone(), scratch.now());
        tokio::spawn(async move { settle_one(&store, &first, Settlement::Sent(String::new()), now).await })
    };
    let mut watch = scratch.sql().await;
    let waits = format!("select count(*) from pg_stat_activity where cast({own} as int) = any(pg_blocking_pids(pid))");
    until("the settling waits for it", async || watch.number(waits.clone()).await > 0 || settling.is_finished()).await;
    result.run("commit").await;
    assert!(settling.await.unwrap());
    let next = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap();
    assert_eq!(next.len(), 1, "it waits for nothing any more");
}
