//! What a PostgreSQL can do to a server that runs on it: each trouble is said in one sentence with what to do, changes no monitor's
//! state, loses no result, and ends by itself. (That it crashes, may only be read or is of no use is in `several_servers`.)

use std::time::{Duration, Instant};

use revere::store::{
    AuditFilter, Committed, MonitorFilter, OpenError, PostgresAddress, Store, StoreError, StoreOptions,
};
use revere_model::State;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use crate::support::{PostgresServer, Scratch, TestDatabase, by_server, spec, until};

/// A server with a database of a user who is nobody special, whom limits and rights hold for.
struct Kept {
    /// Whoever may everything, in the same database.
    admin: PgConnection,
    server: PostgresServer,
}

impl Kept {
    async fn new() -> Kept {
        let server = PostgresServer::start(&[]).await;
        let mut admin = server.connect().await;
        execute(&mut admin, "create role keeper login").await;
        execute(&mut admin, "create database kept owner keeper").await;
        let inside: PgConnectOptions = server.url().replace("/postgres?", "/kept?").parse().unwrap();
        Kept { admin: inside.connect().await.unwrap(), server }
    }

    fn url(&self) -> String {
        self.server.url().replace("revere@", "keeper@").replace("/postgres?", "/kept?")
    }

    /// A store in it that waits so short that it can be watched.
    async fn store(&self) -> Scratch {
        let impatient = |options: &mut StoreOptions| {
            options.busy_timeout = Duration::from_millis(200);
            options.patience = Duration::from_millis(1000);
        };
        Scratch::on(TestDatabase::at_url(&self.url()), impatient).await
    }
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// Everything that keeps the store from writing, from `begins` to `ends`: whoever looks is told `said` in one sentence, nobody is
/// told that something was written, and all that there was to write is written when it is over.
async fn is_sat_out(begins: &str, ends: &str, said: &str) {
    let mut kept = Kept::new().await;
    let scratch = kept.store().await;
    let store = &scratch.store;
    let id = scratch.made(&spec("a")).await.id;
    execute(&mut kept.admin, begins).await;
    let recording = {
        let (store, result) = (store.clone(), scratch.manual_result(id, State::Alarm));
        tokio::spawn(async move { store.commit_run(result).await })
    };
    let refused = store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_) | StoreError::Busy { .. }), "{refused:?}");
    assert_eq!(refused.to_string().lines().count(), 1, "{refused}");
    until(said, async || store.health().last_error.is_some_and(|words| words.contains(said))).await;
    let words = store.health().last_error.unwrap();
    assert!(words.contains(':') && words.lines().count() == 1, "what is wrong, and what to do: {words}");
    assert!(!recording.is_finished(), "it waits");
    execute(&mut kept.admin, ends).await;
    let committed = tokio::time::timeout(crate::support::PATIENCE, recording).await.unwrap().unwrap().unwrap();
    // What moved the state is the run, and nothing before it.
    let Committed::Recorded { run, .. } = &committed else { panic!("{committed:?}") };
    assert_eq!((run.old_state, run.new_state), (State::Inactive, State::Alarm));
    until("it is well", async || store.health().failing_since.is_none()).await;
    let all = store.monitors(&MonitorFilter { limit: 9, ..MonitorFilter::default() }).await.unwrap();
    let all: Vec<_> = all.iter().map(|monitor| (monitor.spec.name.as_str(), monitor.state)).collect();
    assert_eq!(all, [("a", State::Alarm)], "what was refused is not done later");
    store.close().await;
}

/// Has PostgreSQL say, of each row that is written there, what it says when there is no room for it.
const FULL: &str = "create function is_full() returns trigger language plpgsql as $$ begin
        raise exception 'could not extend file \"base/5/16384\": No space left on device'
            using errcode = 'disk_full', hint = 'Check free disk space.';
    end $$;";

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_is_sat_out() {
    let begins = format!(
        "{FULL} create trigger full_monitors before insert on monitors execute function is_full();
         create trigger full_runs before insert on runs execute function is_full()"
    );
    is_sat_out(&begins, "drop function is_full() cascade", "has no room on its disk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_for_the_beginning_of_a_transaction_is_sat_out() {
    let begins =
        format!("{FULL} create trigger full_commits before insert or update on commits execute function is_full()");
    is_sat_out(&begins, "drop function is_full() cascade", "has no room on its disk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_is_waited_for() {
    is_sat_out(
        "revoke insert on monitors, runs from keeper",
        "grant insert on monitors, runs to keeper",
        "does not give this user enough rights",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_free_connection_is_waited_for() {
    is_sat_out(
        "alter role keeper connection limit 0;
         select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper'",
        "alter role keeper connection limit -1",
        "has no connection free",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_holds_what_is_to_be_written_is_waited_for() {
    is_sat_out("begin; lock table monitors, states, dues, runs in exclusive mode", "rollback", "held by somebody else")
        .await;
}

/// What is due may be claimed all the same, which would have everything look well.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_waits_for_long_is_said_also_where_others_are_written() {
    let mut kept = Kept::new().await;
    let scratch = kept.store().await;
    let store = &scratch.store;
    let id = scratch.made(&spec("a")).await.id;
    execute(&mut kept.admin, "begin; lock table runs in exclusive mode").await;
    let recording = {
        let (store, result) = (store.clone(), scratch.manual_result(id, State::Ok));
        tokio::spawn(async move { store.commit_run(result).await })
    };
    until("it is said", async || store.health().stuck == 1).await;
    let words = store.health().last_error.unwrap();
    assert!(words.contains("held by somebody else") && words.contains("look for a transaction"), "{words}");
    execute(&mut kept.admin, "rollback").await;
    assert!(matches!(recording.await.unwrap().unwrap(), Committed::Recorded { .. }));
    assert_eq!(store.health().stuck, 0);
    store.close().await;
}

/// They have a connection of their own: neither that others are written says that they can be, nor that nothing is due any more, as
/// where another server has claimed it.
#[tokio::test(flavor = "multi_thread")]
async fn claims_that_cannot_be_made_are_a_trouble_until_they_can_whatever_else_is_written() {
    const NONE_FREE: &str = "has no connection free";
    let mut kept = Kept::new().await;
    let scratch = Scratch::on(TestDatabase::at_url(&kept.url()), |_| {}).await;
    let store = &scratch.store;
    scratch.made(&spec("a")).await;
    // What is read has a connection by then.
    store.next_due(scratch.now()).await.unwrap();
    execute(&mut kept.admin, "alter role keeper connection limit 0").await;
    let claim = async || store.claim_due(&scratch.claim_request()).await.map(drop);
    scratch.clock.advance(jiff::SignedDuration::from_mins(1));
    until("it is known", async || claim().await.is_err() && store.health().failing_since.is_some()).await;
    let since = store.health().failing_since;
    for name in ["b", "c", "d"] {
        scratch.clock.advance(jiff::SignedDuration::from_secs(1));
        scratch.made(&spec(name)).await;
        let refused = claim().await.unwrap_err();
        assert!(refused.to_string().contains(NONE_FREE), "{refused}");
        let health = store.health();
        assert_eq!((health.failing_since, health.claims_alone), (since, true), "{health:?}");
        assert!(health.last_error.as_ref().is_some_and(|words| words.contains(NONE_FREE)), "{health:?}");
    }
    execute(&mut kept.admin, "update dues set due_at = due_at + 86400000000").await;
    let refused = claim().await.unwrap_err();
    assert!(refused.to_string().contains(NONE_FREE), "{refused}");
    execute(&mut kept.admin, "alter role keeper connection limit -1").await;
    until("they can be made again", async || claim().await.is_ok()).await;
    assert_eq!((store.health().failing_since, store.health().claims_alone), (None, false));
    store.close().await;
}

/// As it is with a disk that takes its time, or a machine with too much to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_too_long_is_waited_for() {
    is_sat_out(
        "create function dawdles() returns trigger language plpgsql as $$ begin
             raise exception 'canceling statement due to statement timeout' using errcode = 'query_canceled';
         end $$;
         create trigger dawdles_monitors before insert on monitors execute function dawdles();
         create trigger dawdles_runs before insert on runs execute function dawdles()",
        "drop function dawdles() cascade",
        "takes too long",
    )
    .await;
}

#[tokio::test]
async fn a_start_that_finds_no_connection_free_is_told_that_it_may_pass() {
    let mut kept = Kept::new().await;
    let url = kept.url();
    execute(&mut kept.admin, "alter role keeper connection limit 0").await;
    let open = async || Store::open(StoreOptions::new(PostgresAddress::read(&url, None).unwrap())).await;
    let error: OpenError = open().await.map(drop).unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("has no connection free"), "{error}");
    assert!(error.to_string().contains("max_connections") && error.to_string().lines().count() == 1, "{error}");
    execute(&mut kept.admin, "alter role keeper connection limit -1").await;
    open().await.unwrap().close().await;
}

/// A list, a chart or an export that the database would work at for long keeps dead rows from being taken away, and has a bound.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_look_at_is_cut_off_in_time_and_holds_up_no_run() {
    let mut kept = Kept::new().await;
    let scratch = kept.store().await;
    let store = &scratch.store;
    store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    // Whoever reads the audit waits for a minute at each row; whoever writes it does not.
    execute(
        &mut kept.admin,
        "create function dawdles() returns boolean language plpgsql as $$ begin perform pg_sleep(60); return true; end $$;
         alter table audit enable row level security; alter table audit force row level security;
         create policy reading on audit for select using (dawdles())",
    )
    .await;
    let reading = {
        let store = store.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let filter = AuditFilter { limit: 9, ..AuditFilter::default() };
            (store.audit(&filter, 1 << 20).await.map(drop), began.elapsed())
        })
    };
    until("it is being read", async || {
        let reading = "select count(*) from pg_stat_activity where usename = 'keeper' and state = 'active'";
        sqlx::query_scalar::<_, i64>(reading).fetch_one(&mut kept.admin).await.unwrap() == 1
    })
    .await;
    for _ in 0..3 {
        scratch.clock.advance(jiff::SignedDuration::from_mins(1));
        let claimed = scratch.claim().await.remove(0);
        assert!(matches!(scratch.finish(&claimed, State::Ok).await, Committed::Recorded { .. }));
    }
    assert!(!reading.is_finished(), "it holds up nobody");
    let (read, took) = reading.await.unwrap();
    assert!(matches!(read, Err(StoreError::Busy { .. })), "{read:?}");
    // Ten seconds, where what changes something has thirty.
    assert!((Duration::from_secs(9)..Duration::from_secs(25)).contains(&took), "{took:?}");
    store.close().await;
}
