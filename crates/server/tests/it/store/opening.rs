//! Opening: whose file it is, who has it, what schema it has.

use std::time::Duration;

use revere::store::{MonitorFilter, OpenError, RunFilter, RunResult, Store, StoreOptions};
use revere_model::{MonitorId, MonitorSpec, State};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::support::{
    Scratch, SmallDisk, by_server, manual_run, older_database, on_postgresql, open_older_database, spec, until,
};

async fn refusal(options: StoreOptions) -> OpenError {
    match Store::open(options).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_second_server_is_refused_by_name_and_let_in_when_the_first_has_gone() {
    let Some(scratch) = Scratch::in_a_file(|_| {}).await else { return };
    let error = refusal(StoreOptions::new(scratch.path())).await;
    let expected = format!("in use by another Revere (process {})", std::process::id());
    assert!(error.to_string().contains(&expected), "{error}");
    // By whatever name it is called.
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("revere.db");
    std::os::unix::fs::symlink(scratch.path(), &link).unwrap();
    let error = refusal(StoreOptions::new(&link)).await;
    assert!(error.to_string().contains(&expected), "{error}");
    scratch.reopened().await.assert_sound().await;
}

#[tokio::test]
async fn what_is_written_goes_to_no_file_that_was_taken_away() {
    let impatient = |options: &mut StoreOptions| {
        options.probe_every = Duration::from_millis(1);
        options.patience = Duration::from_secs(1);
    };
    let Some(scratch) = Scratch::in_a_file(impatient).await else { return };
    let away = scratch.path().with_extension("away");
    std::fs::rename(scratch.path(), &away).unwrap();
    let error = scratch.store.create_monitor(&spec("lost"), &by_server(scratch.now())).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    let health = scratch.store.health();
    let words = "was moved away, deleted or replaced while the server runs: put it back, or start the server anew";
    assert!(health.failing_since.is_some() && health.last_error.unwrap().contains(words));
    // Another one in its place is not it either.
    std::fs::copy(&away, scratch.path()).unwrap();
    scratch.store.create_monitor(&spec("lost"), &by_server(scratch.now())).await.unwrap_err();
    std::fs::rename(&away, scratch.path()).unwrap();
    until("it is well again", async || scratch.store.health().failing_since.is_none()).await;
    scratch.made(&spec("kept")).await;
    scratch.assert_sound().await;
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_the_file_is_sound() {
    let scratch = Scratch::new().await;
    let before = scratch.store.create_monitor(&spec("Mail queue"), &by_server(scratch.now())).await.unwrap();
    let instance = scratch.store.instance().to_owned();
    let scratch = scratch.reopened().await;
    assert_eq!(scratch.store.monitor(before.id).await.unwrap(), before);
    assert_eq!(scratch.store.instance(), instance);
    scratch.assert_sound().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let scratch = Scratch::new().await;
    let place = scratch.store.place().clone();
    scratch.store.close().await;
    let newer = match on_postgresql() {
        true => "update meta set value = '999' where key = 'schema'",
        false => "pragma user_version = 999",
    };
    scratch.sql().await.run(newer).await;
    let error = refusal(StoreOptions::new(place)).await;
    assert!(error.to_string().contains("schema 999"), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut outside = options.connect().await.unwrap();
    sqlx::query("create table monitor (id integer primary key)").execute(&mut outside).await.unwrap();
    let error = refusal(StoreOptions::new(&path)).await;
    assert!(error.to_string().contains("revere import"), "{error}");
    let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut outside).await.unwrap();
    assert_eq!(mode, "delete", "another program's file was changed");
}

#[tokio::test]
async fn a_step_to_the_schema_that_was_cut_short_leaves_the_old_one_and_is_done_again() {
    // What a kill in the middle leaves is a transaction that was never committed; this makes one fail half-way instead.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).pragma("max_page_count", "12");
    let mut small = options.connect().await.unwrap();
    let step = include_str!("../../../migrations/sqlite/0001_start.sql");
    let cut = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("begin immediate; {step}; commit"))).execute(&mut small).await;
    assert!(cut.is_err(), "the schema fits into twelve pages");
    sqlx::query("rollback").execute(&mut small).await.unwrap();
    small.close().await.unwrap();
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    assert_eq!(store.count_by_state().await.unwrap().values().sum::<u64>(), 0);
}

#[tokio::test]
async fn a_copy_made_while_it_is_used_is_whole_and_never_replaces_anything() {
    let Some(scratch) = Scratch::in_a_file(|_| {}).await else { return };
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    scratch.store.backup(&copy).await.unwrap();
    scratch.store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap();
    let error = scratch.store.backup(&copy).await.unwrap_err();
    assert!(error.to_string().ends_with("exists already and was left as it is; choose another name"), "{error}");
    let store = Store::open(StoreOptions::new(&copy)).await.unwrap();
    assert_eq!(store.monitors(&MonitorFilter { limit: 9, ..MonitorFilter::default() }).await.unwrap(), [made]);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial") })
            .count(),
        0
    );
}

#[tokio::test]
async fn a_lock_file_that_is_a_symbolic_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let other = folder.path().join("somebody-elses");
    std::fs::write(&other, "precious").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join("revere.db.lock")).unwrap();
    let error = Store::open(StoreOptions::new(&path)).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("must not be a symbolic link"), "{error}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let mut older = open_older_database(&path, 3, "").await;
    let scripts = [
        "a = sources['graphite'].get_sum('x')\nb = sources['graphite'].get_sum('y')\nc = sources[\"Der Läden\"].names()",
        "sources['graphite'], sources[name], sources[''], sources['never ends",
        "pass",
    ];
    for script in scripts {
        sqlx::query(
            "insert into monitors (version, name, description, schedule, timezone, active, tags, alarm_after,
                 recover_after, created_at, updated_at, script)
             values (1, 'm' || length(?1), '', '* * * * *', 'UTC', 0, '[]', 1, 1, 0, 0, ?1)",
        )
        .bind(script)
        .execute(&mut older)
        .await
        .unwrap();
    }
    sqlx::raw_sql("insert into statuses (monitor_id, state, state_since) select id, 'INACTIVE', 0 from monitors")
        .execute(&mut older)
        .await
        .unwrap();
    older.close().await.unwrap();
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    let naming = async |source: &str| {
        let (monitors, all) = store.naming_source(source, 1).await.unwrap();
        (monitors.into_iter().map(|(id, _)| id.0).collect::<Vec<_>>(), all)
    };
    assert_eq!(naming("graphite").await, (vec![1], 2));
    assert_eq!(naming("Der Läden").await, (vec![1], 1));
    for nobody in ["", "name", "never ends", "Graphite"] {
        assert_eq!(naming(nobody).await, (vec![], 0), "{nobody:?}");
    }
    // From here on it follows the scripts.
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let first = store.monitor(revere_model::MonitorId(1)).await.unwrap();
    let edited = MonitorSpec { script: "sources['orders']".to_owned(), ..first.spec };
    store.update_monitor(first.id, 1, &edited, &by_server(now)).await.unwrap();
    store.delete_monitor(revere_model::MonitorId(2), &by_server(now)).await.unwrap();
    assert_eq!((naming("graphite").await, naming("orders").await), ((vec![], 0), (vec![1], 1)));
}

/// The file of a release that counted failing runs in a row alone.
#[tokio::test]
async fn runs_that_failed_in_a_row_before_there_were_windows_count_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let rows = "insert into monitors (version, name, description, schedule, timezone, active, tags, alarm_after, recover_after,
             created_at, updated_at, script)
         values (1, 'm', '', '* * * * *', 'UTC', 1, '[]', 3, 1, 0, 0, 'pass'),
             (1, 'n', '', '* * * * *', 'UTC', 1, '[]', 1000, 1, 0, 0, 'pass');
         insert into statuses (monitor_id, state, state_since, failing_streak)
         values (1, 'OK', 0, 2), (2, 'OK', 0, 999)";
    older_database(&path, 1, rows).await;
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    for (id, alarm_after, window, failed) in [(1, 3, 5, 2), (2, 60, 60, 60)] {
        let monitor = store.monitor(MonitorId(id)).await.unwrap();
        let windowed = MonitorSpec { alarm_after, alarm_window: Some(window), ..monitor.spec };
        let now = by_server("2026-01-01T00:00:00Z".parse().unwrap());
        let pending = store.update_monitor(monitor.id, 1, &windowed, &now).await.unwrap().pending.unwrap();
        assert_eq!((pending.runs, pending.window), (failed, Some(window)), "{id}");
    }
}

/// The file of the release before runs kept what they began with.
#[tokio::test]
async fn runs_recorded_before_they_kept_seed_and_version_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let rows = "insert into monitors (version, name, description, schedule, timezone, active, tags, alarm_after, recover_after,
             created_at, updated_at, script)
         values (1, 'm', '', '* * * * *', 'UTC', 0, '[]', 1, 1, 0, 0, 'pass');
         insert into statuses (monitor_id, state, state_since) select id, 'OK', 0 from monitors;
         insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message, output)
         values (1, 'scheduled', 60000000, 60000001, 1500, 'OK', 'INACTIVE', 'OK', 'Monitor Passed', '')";
    older_database(&path, 5, rows).await;
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    let all = RunFilter { limit: 9, ..RunFilter::default() };
    let before = store.runs(MonitorId(1), all).await.unwrap();
    assert_eq!((before.len(), before[0].message.as_str()), (1, "Monitor Passed"));
    assert_eq!((before[0].seed, before[0].script_version.as_deref()), (None, None));
    let at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
    for seed in [0, 7, u64::MAX] {
        let result = RunResult { seed, ..manual_run(MonitorId(1), at, State::Ok) };
        store.commit_run(result).await.unwrap();
        let newest = store.runs(MonitorId(1), all).await.unwrap().remove(0);
        assert_eq!((newest.seed, newest.script_version, newest.started_at), (Some(seed), Some("0123".repeat(8)), at));
    }
}

#[tokio::test]
async fn a_stop_in_order_leaves_the_database_alone_and_whole() {
    let Some(scratch) = Scratch::in_a_file(|_| {}).await else { return };
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    // Readers and the writer have it open.
    scratch.store.monitor(made.id).await.unwrap();
    let folder = scratch.path().parent().unwrap().to_owned();
    scratch.store.close().await;
    let mut left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["revere.db", "revere.db.lock"]);
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(scratch.path(), copy.path().join("revere.db")).unwrap();
    let store = Store::open(StoreOptions::new(copy.path().join("revere.db"))).await.unwrap();
    assert_eq!(store.monitor(made.id).await.unwrap(), made, "nothing was left in another file");
}

#[tokio::test]
async fn a_full_disk_is_told_from_a_broken_one_and_it_opens_when_there_is_room() {
    let disk = SmallDisk::mount(3);
    let options = StoreOptions::new(disk.path().join("revere.db"));
    let store = Store::open(options.clone()).await.unwrap();
    let made = store.create_monitor(&spec("a"), &by_server("2026-01-01T00:00:00Z".parse().unwrap())).await.unwrap();
    store.close().await;
    disk.fill();
    let error = refusal(options.clone()).await;
    assert!(error.is_want_of_room(), "{error:?}");
    disk.empty();
    assert_eq!(Store::open(options).await.unwrap().monitor(made.id).await.unwrap(), made);
    let missing = refusal(StoreOptions::new(disk.path().join("missing/revere.db"))).await;
    assert!(!missing.is_want_of_room(), "{missing:?}");
}

#[tokio::test]
async fn a_new_file_for_which_there_is_no_room_holds_nothing_of_the_schema() {
    let disk = SmallDisk::mount(3);
    let options = StoreOptions::new(disk.path().join("revere.db"));
    // There is room for some of the steps.
    std::fs::write(disk.path().join("ballast"), vec![0; (3 << 20) - (300 << 10)]).unwrap();
    let error = refusal(options.clone()).await;
    assert!(error.is_want_of_room(), "{error:?}");
    disk.empty();
    let mut outside = SqliteConnectOptions::new().filename(disk.path().join("revere.db")).connect().await.unwrap();
    let made = "select (select user_version from pragma_user_version) + (select count(*) from sqlite_schema)";
    let made: i64 = sqlx::query_scalar(made).fetch_one(&mut outside).await.unwrap();
    assert_eq!(made, 0);
    outside.close().await.unwrap();
    Store::open(options).await.unwrap().close().await;
}

#[tokio::test]
async fn a_monitor_whose_tags_or_value_are_damaged_spoils_no_list_and_goes_on() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let alert = revere::store::ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let tagged = MonitorSpec { tags: vec!["mail".to_owned()], ..spec("broken") };
    let broken = store.create_monitor(&tagged, &by_server(scratch.now())).await.unwrap().id;
    store.create_monitor(&spec("sound"), &by_server(scratch.now())).await.unwrap();
    scratch.manual(broken, revere_model::State::Ok).await;
    let mut sql = scratch.sql().await;
    for damage in [
        "update monitors set tags = 'not JSON' where name = 'broken'",
        "update states set last_value = 'not JSON' where monitor_id = 1",
        "update runs set return_value = '[1]'",
    ] {
        sql.run(damage).await;
    }
    let names = |tag: Option<&str>| MonitorFilter { limit: 9, tag: tag.map(str::to_owned), ..MonitorFilter::default() };
    assert_eq!(store.monitors(&names(None)).await.unwrap().len(), 2);
    let list = revere::store::OverviewFilter { limit: 9, ..Default::default() };
    let list = store.overview(&list).await.unwrap();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|row| row.tags.is_empty()));
    assert_eq!(store.monitors(&names(Some("mail"))).await.unwrap().len(), 1, "it is still found by its tag");
    assert_eq!(store.runs(broken, revere::store::RunFilter { limit: 9, ..Default::default() }).await.unwrap().len(), 1);
    // It is told of all the same, and an edit mends it.
    let told = scratch.manual(broken, revere_model::State::Alarm).await;
    assert!(matches!(&told, revere::store::Committed::Recorded { owed, .. } if owed == &["ops"]), "{told:?}");
    let monitor = store.monitor(broken).await.unwrap();
    let mended = MonitorSpec { tags: vec!["post".to_owned()], ..monitor.spec };
    let mended = store.update_monitor(broken, monitor.version, &mended, &by_server(scratch.now())).await.unwrap();
    assert_eq!(mended.spec.tags, ["post"]);
}
