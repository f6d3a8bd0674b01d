//! A server of the version before there was a table of what is due, beside new ones: it claims, records, hands back and edits by
//! `statuses`, which is a view by then.

use jiff::{Timestamp, ToSpan as _};
use revere::store::{Committed, HandedBack, Store, StoreOptions};
use revere_model::{MonitorId, RunKind, State};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{partitions, shared_database::is_waited_for};
use crate::support::{Scratch, Sql, TestDatabase, at, by_server, claims_in_force, spec};

/// What such a server asks, word for word where it matters, on a session of its own with what it prepared before.
struct Before(PgConnection);

impl Before {
    /// On a database of its own version.
    async fn on(database: &TestDatabase) -> Before {
        Before(partitions::before("0037", database).await)
    }

    async fn ask(&mut self, sql: &'static str) -> u64 {
        sqlx::raw_sql(sql).execute(&mut self.0).await.unwrap().rows_affected()
    }

    /// Makes a monitor that runs each minute.
    async fn make(&mut self, now: Timestamp) -> i64 {
        let id: i64 = sqlx::query_scalar(
            "insert into monitors (version, created_at, updated_at, name, name_order, description, script, schedule, timezone, active,
                 tags, alerts, alarm_after, recover_after)
             values (1, $1, $1, 'a', 'a', '', 'pass', '* * * * *', 'UTC', true, '[]', '[]', 1, 1) returning id",
        )
        .bind(now.as_microsecond())
        .fetch_one(&mut self.0)
        .await
        .unwrap();
        sqlx::query(
            "insert into statuses (monitor_id, state, state_since, next_tick_at, due_at, fault)
             values ($1, 'INACTIVE', $2, $4, $4, $3)",
        )
        .bind(id)
        .bind(now.as_microsecond())
        .bind(None::<String>)
        .bind((now + 1.minutes()).as_microsecond())
        .execute(&mut self.0)
        .await
        .unwrap();
        id
    }

    /// Claims what is due for half a minute, so many at most; the monitors, each with its attempt.
    async fn claim(&mut self, now: Timestamp, most: i64) -> Vec<(i64, i64)> {
        self.ask("begin").await;
        let due: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
            "select s.monitor_id, s.attempt, s.due_at, m.version
             from statuses s join monitors m on m.id = s.monitor_id
             where s.due_at <= $1 and s.due_at >= $3 and s.claimed_by is null and m.deleted_at is null
             order by s.due_at, s.monitor_id limit $2 for no key update of s skip locked",
        )
        .bind(now.as_microsecond())
        .bind(most)
        .bind(i64::MIN)
        .fetch_all(&mut self.0)
        .await
        .unwrap();
        let mut taken: Vec<(i64, i64)> = sqlx::query_as(
            "with plan (id, attempt, due_at, version) as (select * from unnest($1::bigint[],$2::bigint[],$3::bigint[],$4::bigint[]))
             update statuses set
                 attempt = statuses.attempt + 1, claimed_by = $5, claimed_tick_at = $6, lease_until = $7, owed_tick_at = null,
                 next_tick_at = $8, due_at = $8, catch_up_at = null, missed_ticks = missed_ticks + 0,
                 fault = coalesce(null, statuses.fault)
             from plan join monitors m on m.id = plan.id
             where statuses.monitor_id = plan.id and statuses.attempt = plan.attempt
                 and statuses.due_at = plan.due_at and (statuses.claimed_by is not null) = false
                 and m.version = plan.version and m.deleted_at is null
             returning statuses.monitor_id, statuses.attempt",
        )
        .bind(due.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(due.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(due.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(due.iter().map(|row| row.3).collect::<Vec<_>>())
        .bind("before")
        .bind(now.as_microsecond())
        .bind((now + 30.seconds()).as_microsecond())
        .bind((now + 1.minutes()).as_microsecond())
        .fetch_all(&mut self.0)
        .await
        .unwrap();
        assert_eq!(taken.len(), due.len(), "what it keeps it gets");
        self.ask("commit").await;
        taken.sort_unstable();
        taken
    }

    /// Records that a claimed tick's run came out `ALARM`; whether it was taken.
    async fn record(&mut self, monitor: i64, attempt: i64) -> Result<bool, sqlx::Error> {
        let taken: Vec<i64> = sqlx::query_scalar(
            "with result (id, attempt, state) as (select * from unnest($1::bigint[],$2::bigint[],$3::text[]))
             update statuses set state = result.state, state_since = 7, failing_streak = statuses.failing_streak + 1, last_run_at = 7,
                 last_message = 'of the version before',
                 claimed_by = case when result.attempt is null then claimed_by end,
                 claimed_tick_at = case when result.attempt is null then claimed_tick_at end,
                 lease_until = case when result.attempt is null then lease_until end,
                 fault = case when result.attempt is null then fault end,
                 fault_count = case when result.attempt is null then fault_count else 0 end
             from result join monitors m on m.id = result.id
             where statuses.monitor_id = result.id
                 and (result.attempt is null
                     or (statuses.attempt = result.attempt and statuses.claimed_by is not null))
                 and m.deleted_at is null
             returning statuses.monitor_id",
        )
        .bind(vec![monitor])
        .bind(vec![attempt])
        .bind(vec!["ALARM".to_owned()])
        .fetch_all(&mut self.0)
        .await?;
        Ok(!taken.is_empty())
    }

    /// Hands a claim back, to be tried again at once; whether it was still in force.
    async fn hand_back(&mut self, monitor: i64, attempt: i64, now: Timestamp) -> bool {
        let released: Option<(Option<i64>,)> = sqlx::query_as(
            "update statuses set claimed_by = null, claimed_tick_at = null, lease_until = null,
                 owed_tick_at = case when exists (select 1 from monitors m where m.id = statuses.monitor_id and m.active) then claimed_tick_at end,
                 due_at = case when next_tick_at < $3 then next_tick_at else $3 end
             where monitor_id = $1 and attempt = $2 and claimed_by is not null
             returning owed_tick_at",
        )
        .bind(monitor)
        .bind(attempt)
        .bind(now.as_microsecond())
        .fetch_optional(&mut self.0)
        .await
        .unwrap();
        released.is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_version_before_goes_on_beside_new_ones_and_no_tick_runs_twice() {
    let database = TestDatabase::on_a_server().await;
    let mut before = Before::on(&database).await;
    let start = at("2026-01-01T00:00:00Z");
    for id in 1..=4 {
        assert_eq!(before.make(start).await, id);
    }
    let minute = start + 1.minutes();
    assert_eq!(before.claim(minute, 1).await, [(1, 1)]);

    // A new server brings the schema up to date while that run goes on.
    let scratch = Scratch::on(database, |_| {}).await;
    scratch.clock.set(minute);
    let store = &scratch.store;
    assert_eq!(claims_in_force(store).await, 1);
    assert!(before.record(1, 1).await.unwrap(), "its result is not lost");
    assert!(!before.record(1, 1).await.unwrap(), "and counts once");
    let first = store.monitor(MonitorId(1)).await.unwrap();
    assert_eq!((first.state, first.last_message.as_deref()), (State::Alarm, Some("of the version before")));
    assert_eq!(claims_in_force(store).await, 0);

    // Each finds what the other has not claimed.
    assert_eq!(before.claim(minute, 1).await, [(2, 1)]);
    let claimed = scratch.claim().await;
    assert_eq!(claimed.iter().map(|claimed| claimed.monitor_id.0).collect::<Vec<_>>(), [3, 4]);
    assert!(before.claim(minute, 9).await.is_empty());
    assert!(matches!(scratch.finish(&claimed[0], State::Ok).await, Committed::Recorded { .. }));
    assert!(!before.record(3, 1).await.unwrap(), "that claim was settled");
    assert!(!before.record(4, 7).await.unwrap(), "it never had that one");

    // What it hands back when it is stopped is taken up, and the other way round.
    assert!(before.hand_back(2, 1, minute).await);
    assert!(!before.hand_back(2, 1, minute).await);
    let again = scratch.claim().await.remove(0);
    assert_eq!((again.monitor_id, again.attempt, again.kind), (MonitorId(2), 2, RunKind::CatchUp));
    assert!(matches!(scratch.finish(&again, State::Ok).await, Committed::Recorded { .. }));
    let claim = &claimed[1];
    let back = HandedBack { monitor_id: claim.monitor_id, attempt: claim.attempt, fault: None, retry_at: minute };
    store.hand_back(vec![back]).await.unwrap();
    assert_eq!(before.claim(minute, 9).await, [(4, 2)]);

    // A claim whose time is over is taken back, and its result counts for nothing.
    scratch.clock.set(start + 10.minutes());
    assert_eq!(store.take_back("one", scratch.now()).await.unwrap().runs, 1);
    assert!(!before.record(4, 2).await.unwrap());

    // What people do at its pages counts.
    assert_eq!(before.make(start).await, 5);
    let made = store.monitor(MonitorId(5)).await.unwrap();
    assert_eq!((made.state, made.next_run_at, made.missed_ticks), (State::Inactive, Some(minute), 0));
    before.ask("update statuses set next_tick_at = null, due_at = null where monitor_id = 5").await;
    assert_eq!(store.monitor(MonitorId(5)).await.unwrap().next_run_at, None);
    assert_eq!(before.ask("delete from statuses where monitor_id = 5; delete from monitors where id = 5").await, 2);
    let left = "select (select count(*) from dues) + (select count(*) from states)";
    assert_eq!(scratch.sql().await.number(left).await, 8);
    let new = store.create_monitor(&spec("new"), &by_server(scratch.now())).await.unwrap();
    assert_eq!(before.ask("update statuses set attempt = attempt").await, 5, "it sees what is made by a new one");
    assert_eq!(store.monitor(new.id).await.unwrap(), new);
    scratch.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_versions_that_claim_at_once_each_tick_has_one() {
    const MONITORS: i64 = 60;
    let database = TestDatabase::on_a_server().await;
    let mut before = Before::on(&database).await;
    let start = at("2026-01-01T00:00:00Z");
    for _ in 0..MONITORS {
        before.make(start).await;
    }
    let scratch = Scratch::on(database, |_| {}).await;
    let minute = start + 1.minutes();
    scratch.clock.set(minute);
    let (old, new) = tokio::join!(
        async {
            let mut all = Vec::new();
            loop {
                let some = before.claim(minute, 2).await;
                if some.is_empty() {
                    break all;
                }
                all.extend(some.into_iter().map(|(monitor, _)| monitor));
            }
        },
        async {
            let mut all = Vec::new();
            for _ in 0..5 {
                all.extend(scratch.claim().await.into_iter().map(|claimed| claimed.monitor_id.0));
            }
            all
        }
    );
    let mut all = [old, new].concat();
    // What both passed over at the same moment is still due.
    all.extend(scratch.claim().await.into_iter().map(|claimed| claimed.monitor_id.0));
    all.sort_unstable();
    assert_eq!(all, (1..=MONITORS).collect::<Vec<_>>());
    let again = "select count(*) from dues where attempt <> 1 or claimed_by is null";
    assert_eq!(scratch.sql().await.number(again).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_of_the_version_before_did_not_see_it_does_not_write_upon() {
    let database = TestDatabase::on_a_server().await;
    let mut before = Before::on(&database).await;
    let start = at("2026-01-01T00:00:00Z");
    before.make(start).await;
    let minute = start + 1.minutes();
    assert_eq!(before.claim(minute, 1).await, [(1, 1)]);
    let scratch = Scratch::on(database, |_| {}).await;
    // Its claim is taken over while its result waits for whoever does that.
    let (mut taking, mut watch) = (scratch.sql().await, scratch.sql().await);
    taking.run("begin; update dues set attempt = 2, claimed_by = 'another'").await;
    let recording = tokio::spawn(async move {
        let first = before.record(1, 1).await;
        (first, before.record(1, 1).await)
    });
    is_waited_for(&mut taking, &mut watch, "the result waits for it").await;
    taking.run("commit").await;
    let (first, again) = recording.await.unwrap();
    let error = first.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("40001"), "it is to be asked anew: {error}");
    assert!(!again.unwrap(), "and then the claim is another one's");
    assert_eq!(scratch.store.monitor(MonitorId(1)).await.unwrap().state, State::Inactive);
}

/// What a server of the version before may say to `statuses`, of monitors 1 to 4, of which the first alone has a row.
const SAID: [&str; 18] = [
    "insert into statuses (monitor_id, state, state_since) values (2, 'OK', 7)",
    "insert into statuses (monitor_id, state, state_since, next_tick_at, due_at, fault) values (3, 'INACTIVE', 7, 8, 8, null)",
    // There already, of no monitor, of no such state, without what there must be.
    "insert into statuses (monitor_id, state, state_since) values (2, 'OK', 7)",
    "insert into statuses (monitor_id, state, state_since) values (99, 'OK', 7)",
    "insert into statuses (monitor_id, state, state_since) values (4, 'WELL', 7)",
    "insert into statuses (monitor_id, state, state_since) values (4, 'OK', null)",
    "update statuses set attempt = attempt",
    "update statuses set state = 'ALARM', severity = 'warning', state_since = 9, recent_failures = 5, failing_streak = 1, waits = 'held',
         outage_id = 3, incident_id = 4, last_run_at = 9, last_message = 'm', last_value = '1' where monitor_id = 2",
    "update statuses set attempt = attempt + 1, claimed_by = 'x', claimed_tick_at = 8, lease_until = 9, next_tick_at = 10, due_at = 10,
         catch_up_at = null, missed_ticks = missed_ticks + 2, overlapped_ticks = 1, fault = coalesce(null, statuses.fault)
         from monitors m where m.id = statuses.monitor_id and statuses.attempt = 0 and m.active",
    "update statuses set claimed_by = null, claimed_tick_at = null, owed_tick_at = claimed_tick_at, fault = 'f', fault_count = fault_count + 1,
         catch_up_at = 11 where monitor_id = 3 and attempt = 1 and claimed_by is not null",
    "update statuses set claimed_by = 'y' where attempt = 7",
    "update statuses set state = 'WELL' where monitor_id = 2",
    "update statuses set state_since = null where monitor_id = 2",
    "update statuses set attempt = null where monitor_id = 2",
    "update statuses set outage_id = null, waits = null, catch_up_at = null where outage_id is not null",
    "delete from statuses where monitor_id = 99",
    "delete from statuses where monitor_id = 3",
    "delete from statuses where monitor_id = 3",
];

/// What is answered: the rows that were written, or which fault it is.
async fn answered(session: &mut PgConnection, said: &str) -> Result<Vec<String>, String> {
    // Nobody asks for a row that was just made.
    let sql = match said.starts_with("insert") {
        true => format!("with done as ({said} returning monitor_id) select cast(done as text) from done"),
        false => format!(
            "with done as ({said} returning statuses.*) select cast(done as text) from done order by monitor_id"
        ),
    };
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(session).await;
    rows.map_err(|error| error.as_database_error().and_then(|error| error.code()).unwrap().into_owned())
}

#[tokio::test]
async fn the_view_answers_a_server_of_the_version_before_as_the_table_did() {
    let (table, view) = (TestDatabase::on_a_server().await, TestDatabase::on_a_server().await);
    let mut sessions = [Before::on(&table).await, Before::on(&view).await];
    for before in &mut sessions {
        for _ in 0..4 {
            before.make(at("2026-01-01T00:00:00Z")).await;
        }
        assert_eq!(before.ask("delete from statuses where monitor_id > 1").await, 3);
    }
    Store::open(StoreOptions::new(view.place())).await.unwrap().close().await;
    let [Before(table), Before(view)] = &mut sessions;
    let all = "select cast(s as text) from statuses s order by monitor_id";
    for said in SAID {
        assert_eq!(answered(view, said).await, answered(table, said).await, "{said}");
        let is: Vec<String> = sqlx::query_scalar(all).fetch_all(&mut *view).await.unwrap();
        let was: Vec<String> = sqlx::query_scalar(all).fetch_all(&mut *table).await.unwrap();
        assert_eq!(is, was, "after {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_kept_from_a_table_keeps_no_server_of_the_version_before_from_writing_for_long() {
    let database = TestDatabase::on_a_server().await;
    let mut before = Before::on(&database).await;
    before.make(at("2026-01-01T00:00:00Z")).await;
    // As a dump does until it is written, which may take hours.
    let (mut dump, mut watch) = (Sql::at(&database.place()).await, Sql::at(&database.place()).await);
    dump.run("begin; lock table monitors, statuses, commits in access share mode").await;
    let opening = {
        let options = StoreOptions::new(database.place());
        tokio::spawn(async move {
            loop {
                match Store::open(options.clone()).await {
                    Err(error) if error.is_passing() => {}
                    opened => return opened,
                }
            }
        })
    };
    is_waited_for(&mut dump, &mut watch, "the new one comes to its tables").await;
    // Whatever an old one writes begins so, and waits behind the step.
    before.ask("set lock_timeout = '20s'").await;
    assert_eq!(before.ask("insert into commits (writer, token, at) values ('before', 't', 0)").await, 1);
    assert_eq!(before.ask("update statuses set attempt = attempt").await, 1);
    assert!(!opening.is_finished(), "it waits for the dump");
    dump.run("commit").await;
    let store = opening.await.unwrap().unwrap();
    assert_eq!(store.monitor(MonitorId(1)).await.unwrap().state, State::Inactive);
    store.close().await;
}
