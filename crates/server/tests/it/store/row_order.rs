//! Several servers of one PostgreSQL that keep rows of the same monitors: all in one order, so that none waits for one that waits for
//! it, until the database ends one of them.

use std::time::Duration;

use futures_util::future::join_all;
use revere::store::{AcknowledgedBy, ClaimRequest, Claimed, ConfiguredAlert, HandedBack, Settlement, Store};
use revere_model::{MonitorId, State};

use super::shared_database::is_waited_for;
use crate::support::{PostgresServer, Scratch, TestDatabase, at, by_server, settle_one, spec, until};

const MONITORS: usize = 60;

/// Two servers on a database of their own, with monitors.
async fn two_servers(server: &PostgresServer) -> (Scratch, Scratch, Vec<MonitorId>) {
    let one = Scratch::on(TestDatabase::at_url(&server.url()), |_| {}).await;
    let two = one.beside().await;
    let mut ids = Vec::new();
    for n in 0..MONITORS {
        ids.push(one.store.create_monitor(&spec(&format!("m{n}")), &by_server(one.now())).await.unwrap().id);
    }
    (one, two, ids)
}

/// Nothing that they did waited for ever.
async fn met_no_deadlock(server: &PostgresServer, one: Scratch, two: Scratch) {
    let mut admin = server.connect().await;
    // A session tells what it met when it ends.
    one.store.close().await;
    two.store.close().await;
    let sessions = "select count(*) from pg_stat_activity where application_name = 'revere'";
    until("their sessions have ended", async || {
        sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut admin).await.unwrap() == 0
    })
    .await;
    let met = "select deadlocks from pg_stat_database where datname = current_database()";
    let deadlocks: i64 = sqlx::query_scalar(met).fetch_one(&mut admin).await.unwrap();
    assert_eq!(deadlocks, 0);
}

/// Each records results of the monitors whose deliveries the other settles. What waits together for either is written together, in
/// one order: neither waits for the other until the database ends one of them.
#[tokio::test(flavor = "multi_thread")]
async fn results_and_deliveries_of_two_servers_do_not_wait_for_each_other_for_ever() {
    let server = PostgresServer::start(&[]).await;
    let (one, two, ids) = two_servers(&server).await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    one.store.sync_alerts(&[alert], one.now()).await.unwrap();
    for state in [State::Alarm, State::Ok, State::Alarm, State::Ok] {
        join_all(ids.iter().map(|id| one.manual(*id, state))).await;
        let owed = one.store.claim_deliveries("ops", "one", one.now(), Duration::from_secs(60), 1000).await.unwrap();
        assert_eq!(owed.len(), MONITORS);
        let sent = |store: &Store, monitor| {
            let delivery = owed.iter().find(|delivery| delivery.monitor_id == monitor).unwrap().clone();
            let (store, now) = (store.clone(), one.now());
            async move { settle_one(&store, &delivery, Settlement::Sent("thanks".to_owned()), now).await }
        };
        let (low, high) = ids.split_at(MONITORS / 2);
        let settled =
            join_all(low.iter().map(|id| sent(&two.store, *id)).chain(high.iter().map(|id| sent(&one.store, *id))));
        let recorded_by_one = join_all(low.iter().map(|id| one.manual(*id, state)));
        let recorded_by_two = join_all(high.iter().map(|id| two.manual(*id, state)));
        let (settled, _, _) = tokio::join!(settled, recorded_by_one, recorded_by_two);
        assert!(settled.into_iter().all(|is_settled| is_settled));
    }
    met_no_deadlock(&server, one, two).await;
}

/// Claims what is due, of half of the monitors, as this server.
async fn claim_half(scratch: &Scratch, node: &str) -> Vec<Claimed> {
    let request = ClaimRequest {
        node: node.to_owned(),
        now: scratch.now(),
        up_since: scratch.now(),
        run_limit: Duration::from_secs(30),
        limit: MONITORS as u32 / 2,
        places: MONITORS,
    };
    scratch.store.claim_due(&request).await.unwrap().runs
}

/// Each records results of the monitors whose claims the other hands back, one by one or all at a stop.
#[tokio::test(flavor = "multi_thread")]
async fn results_and_claims_that_two_servers_hand_back_do_not_wait_for_each_other_for_ever() {
    let server = PostgresServer::start(&[]).await;
    let (one, two, ids) = two_servers(&server).await;
    one.clock.set(at("2026-01-01T00:01:00Z"));
    let (low, high) = ids.split_at(MONITORS / 2);
    for round in 0..6 {
        let (of_two, of_one) = (claim_half(&two, "two").await, claim_half(&one, "one").await);
        assert_eq!((of_two.len(), of_one.len()), (low.len(), high.len()));
        assert!(of_two.iter().all(|claimed| low.contains(&claimed.monitor_id)));
        let back = async |scratch: &Scratch, node: &str, claims: Vec<Claimed>| {
            if round % 2 == 1 {
                assert_eq!(scratch.store.release_node(node, scratch.now()).await.unwrap(), claims.len() as u64);
                return;
            }
            let one_by_one = claims.iter().map(|claimed| {
                scratch.store.hand_back(vec![HandedBack {
                    monitor_id: claimed.monitor_id,
                    attempt: claimed.attempt,
                    fault: None,
                    retry_at: scratch.now(),
                }])
            });
            join_all(one_by_one).await.into_iter().for_each(Result::unwrap);
        };
        let recorded_by_one = join_all(low.iter().map(|id| one.manual(*id, State::Ok)));
        let recorded_by_two = join_all(high.iter().map(|id| two.manual(*id, State::Ok)));
        tokio::join!(recorded_by_one, recorded_by_two, back(&two, "two", of_two), back(&one, "one", of_one));
    }
    met_no_deadlock(&server, one, two).await;
}

/// Claims go on by a connection of their own: whatever else is to be written may wait for somebody meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_does_not_wait_for_what_else_is_written() {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let mut ids = Vec::new();
    for name in ["first", "second"] {
        ids.push(scratch.store.create_monitor(&spec(name), &by_server(scratch.now())).await.unwrap().id);
    }
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let (mut holder, mut watch) = (scratch.sql().await, scratch.sql().await);
    holder.run(format!("begin; update states set failing_streak = 0 where monitor_id = {}", ids[0])).await;
    let acknowledging = {
        let (store, asked, id) = (scratch.store.clone(), by_server(scratch.now()), ids[0]);
        tokio::spawn(async move { store.acknowledge(id, None, AcknowledgedBy::Request, &asked).await.unwrap() })
    };
    is_waited_for(&mut holder, &mut watch, "the writer waits").await;
    assert_eq!(scratch.claim().await.len(), 2);
    assert!(!acknowledging.is_finished());
    holder.run("commit").await;
    acknowledging.await.unwrap();
}
