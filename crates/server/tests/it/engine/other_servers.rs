//! Two engines on one PostgreSQL: what one does, the other one heeds and shows.

use std::{sync::atomic::Ordering, time::Duration};

use jiff::SignedDuration;
use revere::{
    alerts::SendError,
    engine::{EngineSettings, Event},
    store::{ConfiguredAlert, DeliveryStatus, RunResult, Settlement},
};
use revere_model::{MonitorSpec, RunKind, State};

use crate::support::{
    Behaviour, Scratch, Sql, TestDatabase, TestEngine, at, by_server, claims_in_force, scripted, settle_one, spec,
    until,
};

/// A database of PostgreSQL whose readers wait for as long as a test holds a table.
async fn patient() -> Scratch {
    Scratch::on(TestDatabase::on_a_server().await, |options| options.busy_timeout = Duration::from_secs(60)).await
}

/// An engine with one alert, which could not tell that a monitor fails; it is tried again at what it answers with.
async fn in_vain(scratch: Scratch, settings: EngineSettings) -> (TestEngine, jiff::Timestamp) {
    let test = TestEngine::with_alerts(scratch, settings, &["ops"]).await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    let spec = MonitorSpec { schedule: "@yearly".to_owned(), ..spec("a") };
    let id = test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id;
    test.scratch.manual(id, State::Alarm).await;
    test.engine.wake();
    let mut sql = test.scratch.sql().await;
    until("it was tried", async || {
        sql.number("select count(*) from deliveries where attempts = 1 and claimed_by is null").await == 1
    })
    .await;
    let due = test.store().next_delivery("ops").await.unwrap().expect("it is tried again");
    (test, due)
}

/// An engine, and another server's on the same database, by the same clock.
async fn two() -> (TestEngine, TestEngine) {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let beside = scratch.beside().await;
    let one = TestEngine::on(scratch, EngineSettings::default()).await;
    (one, TestEngine::on(beside, EngineSettings::default()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_its_flip_on_one_server_are_seen_by_who_watches_another() {
    let (one, other) = two().await;
    let mut seen = other.engine.events();
    // It has looked once, so that it knows what is new.
    other.engine.wake();
    until("it looks", async || other.engine.tasks().iter().any(|task| task.name == "other servers" && task.pieces > 1))
        .await;
    one.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    let id = one.store().create_monitor(&scripted("a", "fail"), &by_server(one.now())).await.unwrap().id;
    let (committed, _) = one.engine.run_now(id, by_server(one.now())).await.unwrap();
    let revere::store::Committed::Recorded { run: made, .. } = committed else { panic!("{committed:?}") };
    let run = loop {
        other.engine.wake();
        match tokio::time::timeout(Duration::from_millis(100), seen.recv()).await {
            Ok(Ok(Event::Run { run, flip })) => {
                assert_eq!(flip.map(|flip| (flip.old_state, flip.new_state)), Some((State::Inactive, State::Alarm)));
                break run;
            }
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => panic!("{error}"),
        }
    };
    assert_eq!(*run, *made, "as it is kept");
    other.engine.wake();
    let again = tokio::time::timeout(Duration::from_millis(300), async {
        loop {
            if let Ok(Event::Run { .. }) = seen.recv().await {
                return;
            }
        }
    });
    assert!(again.await.is_err(), "once");
}

/// Waits until `other` has looked at what others do once more.
async fn it_looks(other: &TestEngine) {
    let looks = || other.engine.tasks().iter().find(|task| task.name == "other servers").unwrap().pieces;
    let before = looks();
    other.engine.wake();
    until("it looks", async || looks() > before + 1).await;
}

/// Where only it is refused, looks at which none is due do not make the task well.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_that_cannot_be_written_is_one_trouble_until_it_can() {
    let impatient = Scratch::on(TestDatabase::on_a_server().await, |options| options.patience = Duration::from_secs(5));
    let test = TestEngine::on(impatient.await, EngineSettings::default()).await;
    let looks = || {
        test.engine.wake();
        test.engine.tasks().into_iter().find(|task| task.name == "other servers").unwrap()
    };
    let mut holder = test.scratch.sql().await;
    holder.run("begin; lock table nodes in exclusive mode").await;
    until("it is refused", async || looks().failing_since.is_some()).await;
    let before = looks();
    until("it looked five times more", async || {
        let now = looks();
        assert_eq!(now.failing_since, before.failing_since, "{now:?}");
        now.pieces >= before.pieces + 5
    })
    .await;
    holder.let_go().await;
    until("it is well", async || looks().failing_since.is_none()).await;
}

/// What `seen` hears next that `wanted` wants.
async fn heard<T>(
    other: &TestEngine,
    seen: &mut tokio::sync::broadcast::Receiver<Event>,
    wanted: impl Fn(Event) -> Option<T>,
) -> T {
    loop {
        other.engine.wake();
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(100), seen.recv()).await
            && let Some(found) = wanted(event.unwrap())
        {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_took_long_is_seen_when_it_is_over() {
    let (one, other) = two().await;
    // Nothing is due by itself.
    let spec = MonitorSpec { timeout_s: Some(1800.0), schedule: "@yearly".to_owned(), ..spec("slow") };
    let id = one.store().create_monitor(&spec, &by_server(one.now())).await.unwrap().id;
    let began = one.now();
    one.scratch.clock.set(at("2026-01-01T00:29:00Z"));
    let mut seen = other.engine.events();
    it_looks(&other).await;
    let result = RunResult { started_at: began, ..one.scratch.manual_result(id, State::Ok) };
    one.store().commit_run(result).await.unwrap();
    let run = heard(&other, &mut seen, |event| if let Event::Run { run, .. } = event { Some(run) } else { None }).await;
    assert_eq!((run.monitor_id, run.started_at), (id, began));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_delivery_on_one_server_is_seen_on_another() {
    let (one, other) = two().await;
    // An alert that only this test sends.
    let alerts = ["ops", "spare", "third"].map(|key| ConfiguredAlert {
        key: key.to_owned(),
        enabled: true,
        ..Default::default()
    });
    one.store().sync_alerts(&alerts, one.now()).await.unwrap();
    let id = one.store().create_monitor(&spec("a"), &by_server(one.now())).await.unwrap().id;
    let mut seen = other.engine.events();
    it_looks(&other).await;
    one.scratch.manual(id, State::Alarm).await;
    let third = |event: Event| match event {
        Event::Delivery { alert_key, monitor_id, status, .. } if alert_key == "third" => Some((monitor_id, status)),
        _ => None,
    };
    assert_eq!(heard(&other, &mut seen, third).await, (id, DeliveryStatus::Owed));
    let minute = Duration::from_secs(60);
    for (settlement, status) in [
        (Settlement::Again(one.now(), "busy".to_owned()), DeliveryStatus::Owed),
        (Settlement::Sent("taken".to_owned()), DeliveryStatus::Sent),
    ] {
        let mut claimed = one.store().claim_deliveries("third", "test", one.now(), minute, 9).await.unwrap();
        assert!(settle_one(one.store(), &claimed.remove(0), settlement, one.now()).await);
        // Whoever looks while it is being sent sees one attempt more.
        let ended = |event: Event| third(event).filter(|(_, seen)| *seen == status);
        assert_eq!(heard(&other, &mut seen, ended).await, (id, status));
    }
    it_looks(&other).await;
    let again = std::iter::from_fn(|| seen.try_recv().ok()).filter_map(third).count();
    assert_eq!(again, 0, "each change once");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_runs_on_one_of_them_and_a_stop_hands_back_at_once() {
    let (one, other) = two().await;
    for n in 0..40 {
        one.store().create_monitor(&spec(&format!("m{n}")), &by_server(one.now())).await.unwrap();
    }
    for minute in 1..=5 {
        one.scratch.clock.set(at(&format!("2026-01-01T00:0{minute}:00Z")));
        one.engine.wake();
        other.engine.wake();
        until("all have run", async || {
            one.engine.wake();
            let begun = one.runner.begun.load(Ordering::SeqCst) + other.runner.begun.load(Ordering::SeqCst);
            begun == 40 * minute && claims_in_force(one.store()).await == 0
        })
        .await;
    }
    let mut sql = one.scratch.sql().await;
    assert_eq!(sql.number("select count(*) from runs").await, 200);
    assert_eq!(sql.number("select count(*) from gaps").await, 0);
    assert_eq!(sql.number("select count(*) from (select distinct monitor_id, tick_at from runs) ticks").await, 200);

    // One stops in the middle of a run: the other one runs the tick at once, and not when the claim's time is over.
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    one.runner.behaves("wait", Behaviour::Waits(gate));
    other.runner.behaves("wait", Behaviour::Ends(State::Ok));
    let id = one.store().create_monitor(&scripted("slow", "wait"), &by_server(one.now())).await.unwrap().id;
    one.scratch.clock.set(at("2026-01-01T00:06:00Z"));
    until("it runs here", async || {
        one.engine.wake();
        one.runner.going.load(Ordering::SeqCst) > 0 || other.store().monitor(id).await.unwrap().last_run_at.is_some()
    })
    .await;
    one.engine.stop(Duration::ZERO).await;
    until("it runs there", async || {
        other.engine.wake();
        other.store().monitor(id).await.unwrap().last_run_at.is_some()
    })
    .await;
    let run =
        other.store().runs(id, revere::store::RunFilter { limit: 1, ..Default::default() }).await.unwrap().remove(0);
    assert!(matches!(run.kind, RunKind::CatchUp | RunKind::Scheduled), "{run:?}");
    assert_eq!(run.tick_at, at("2026-01-01T00:06:00Z"));
    let nodes = other.store().nodes().await.unwrap();
    assert_eq!(nodes.len(), 1, "the one that stopped is gone: {nodes:?}");
}

/// Waits until the second attempt is claimed.
async fn it_is_claimed_again(sql: &mut Sql) {
    until("it is claimed", async || {
        sql.number("select count(*) from deliveries where attempts = 2 and claimed_by is not null").await == 1
    })
    .await;
}

/// Waits until the second attempt is under way; its claim holds for longer than until now.
async fn it_is_sent_by_a_claim_that_holds(test: &TestEngine, sql: &mut Sql) {
    until("it is being sent", async || test.ops().attempts() == 2).await;
    let holds = format!(
        "select count(*) from deliveries where claimed_by is not null and attempts = 2 and next_attempt_at > {}",
        test.now().as_microsecond()
    );
    assert_eq!(sql.number(holds).await, 1, "it may be sent once more now");
}

/// What there is to be sent is looked for before it is claimed, in a database that answers late.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_holds_from_when_it_is_made_and_not_from_when_somebody_began_to_look() {
    let (test, due) = in_vain(patient().await, EngineSettings::default()).await;
    test.ops().fails(None);
    test.ops().hangs();
    let (mut holder, mut sql) = (test.scratch.sql().await, test.scratch.sql().await);
    holder.run("begin; lock table deliveries in access exclusive mode").await;
    test.at(due);
    until("it looks for what is due", async || {
        let looking = "select count(*) from pg_locks l join pg_stat_activity a on a.pid = l.pid
             where l.relation = 'deliveries'::regclass and not l.granted and a.query like 'select min(next_attempt_at)%'";
        sql.number(looking).await > 0
    })
    .await;
    // Longer than a claim holds.
    test.scratch.clock.advance(SignedDuration::from_secs(120));
    holder.let_go().await;
    it_is_sent_by_a_claim_that_holds(&test, &mut sql).await;
}

/// What there is to say was long in the making, and another server has sent it meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_has_by_now_is_not_sent() {
    let settings = EngineSettings { acknowledge_links: true, ..EngineSettings::default() };
    let (test, due) = in_vain(patient().await, settings).await;
    test.ops().fails(None);
    let (beside, mut holder, mut sql) =
        (test.scratch.beside().await, test.scratch.sql().await, test.scratch.sql().await);
    // What its link is signed with is in it.
    holder.run("begin; lock table meta in access exclusive mode").await;
    test.at(due);
    it_is_claimed_again(&mut sql).await;
    test.scratch.clock.advance(SignedDuration::from_secs(120));
    let minute = Duration::from_secs(60);
    let claimed = beside.store.claim_deliveries("ops", "another", beside.now(), minute, 9).await.unwrap();
    assert_eq!(claimed.len(), 1, "its time is over");
    let sent = Settlement::Sent("noted".to_owned());
    assert!(settle_one(&beside.store, &claimed[0], sent, beside.now()).await);
    holder.let_go().await;
    // It ends what it has begun.
    test.engine.stop(Duration::from_secs(60)).await;
    assert_eq!(test.ops().attempts(), 1, "it came once from each server");
}

/// The same, and nobody has taken it over: it is sent, and its time begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_long_in_the_making_and_nobody_else_has_is_claimed_for_longer() {
    let settings = EngineSettings { acknowledge_links: true, ..EngineSettings::default() };
    let (test, due) = in_vain(patient().await, settings).await;
    test.ops().fails(None);
    test.ops().hangs();
    let (mut holder, mut sql) = (test.scratch.sql().await, test.scratch.sql().await);
    holder.run("begin; lock table meta in access exclusive mode").await;
    test.at(due);
    it_is_claimed_again(&mut sql).await;
    test.scratch.clock.advance(SignedDuration::from_secs(120));
    holder.let_go().await;
    it_is_sent_by_a_claim_that_holds(&test, &mut sql).await;
}
