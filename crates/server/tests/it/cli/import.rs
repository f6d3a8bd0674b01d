//! `revere import`: a database as the original program left it, taken over whole or not at all.

use std::path::Path;

use revere::store::{AlertSettings, ConfiguredAlert, DeliveryFilter, MonitorFilter, RunFilter, Store, StoreOptions};
use revere_model::{Monitor, MonitorId, ReturnValue, RunKind, State, StateSet};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::Shell;
use crate::support::by_server;

/// The original's tables, as its SQLAlchemy made them.
const TABLES: &str = "
create table monitor (
    id integer not null, name varchar(50), task text, active boolean, state integer, last_run_timestamp datetime,
    retain_days integer, schedule_year varchar(10), schedule_month varchar(10), schedule_day varchar(10),
    schedule_week varchar(10), schedule_day_of_week varchar(10), schedule_hour varchar(10),
    schedule_minute varchar(10), schedule_second varchar(10), primary key (id), check (active in (0, 1)));
create table alert (
    id integer not null, key varchar, enabled boolean, state_ok boolean, state_alarm boolean, state_error boolean,
    state_inactive boolean, primary key (id), check (enabled in (0, 1)));
create table monitor_log (
    id integer not null, monitor_id integer, message text, return_value varchar(255), old_state integer,
    new_state integer, state_changed boolean, timestamp datetime, primary key (id),
    foreign key (monitor_id) references monitor (id));
create index ix_monitor_log_timestamp on monitor_log (timestamp);
";

/// Two weeks of a small team: what works, what needs a hand, and what nobody noticed.
const ROWS: &str = "
insert into monitor values
    (3, 'Mail Queue Length', 'return_value = 67', 1, 1, '2014-03-02 10:05:00.000000', 28,
        '*', '*', '*', '*', '*', '*', '*/5', '0'),
    (4, 'Weekly ' || char(10) || ' report', 'import urllib2' || char(10) || 'print ''hello''', 1, 0, null, 365,
        '*', '*', '*', '*', '0', '9', '0', '0'),
    (7, 'Quarter', 'pass', 1, 1, null, null, '*', '*', '*', '10', '*', '9', '0', '0'),
    (9, '', 'for k, v in {}.iteritems(): pass', 0, 3, null, 28, null, null, '2nd fri', null, null, '6', '30', null),
    (12, 'Blank hour', 'pass', 1, 0, null, 28, '*', '*', '*', '*', '*', '', '*', '0');
insert into alert values
    (1, 'campfire-eng', 1, 1, 1, 1, 0), (2, 'sns', 1, 0, 0, 1, 1), (3, 'off', 0, 1, 1, 1, 0);
insert into monitor_log (monitor_id, message, return_value, old_state, new_state, state_changed, timestamp) values
    (3, 'Monitor Passed', '67', 3, 0, 1, '2014-03-02 09:55:00.123456'),
    (3, 'Monitor Passed', '0.3', 0, 0, 0, '2014-03-02 10:00:00.000000'),
    (3, 'Zu viele E-Mails: ü', 'many', 0, 1, 1, '2014-03-02 10:05:00.000000'),
    (4, 'Monitor edited', null, 3, 3, 0, '2014-03-01 08:00:00.000000'),
    (4, 'Monitor Passed', null, 3, 0, 1, '2014-03-01 09:00:00.000000'),
    (4, 'Monitor edited', null, 0, 3, 1, '2014-03-01 10:00:00.000000'),
    (4, cast(x'66c3a96cff' as text), null, 3, 0, 1, '2014-03-02 09:00:00.000000'),
    (99, 'of a monitor that is gone', null, 0, 0, 0, '2014-03-02 09:00:00.000000'),
    (99, 'and another', null, 0, 0, 0, '2014-03-02 09:01:00.000000'),
    (3, 'no time', null, 1, 1, 0, null);
";

async fn original(path: &Path, sql: &str) {
    let mut connection =
        SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false).connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A shell with an original database in `old.db`, on a machine in Vienna.
async fn shell() -> Shell {
    let shell = Shell::new();
    original(&shell.path("old.db"), &format!("{TABLES}{ROWS}")).await;
    shell.write("config.py", "TIMEZONE = 'Europe/Vienna'");
    shell
}

async fn monitor(store: &Store, id: i64) -> Monitor {
    store.monitor(MonitorId(id)).await.unwrap()
}

#[tokio::test]
async fn monitors_keep_their_ids_their_state_and_their_history() {
    let shell = shell().await;
    let said = shell.run("import old.db").exits(0);
    assert!(said.stdout.contains("5 monitors, 5 runs, 7 changes of state and 3 settings of alerts"), "{}", said.stdout);

    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let ids: Vec<i64> = store
        .monitors(&MonitorFilter { limit: 100, ..MonitorFilter::default() })
        .await
        .unwrap()
        .iter()
        .map(|monitor| monitor.id.0)
        .collect();
    assert_eq!(ids, [3, 4, 7, 9, 12]);

    let mail = monitor(&store, 3).await;
    assert_eq!((mail.state, mail.state_since), (State::Alarm, "2014-03-02T10:05:00Z".parse().unwrap()));
    assert_eq!((mail.spec.schedule.as_str(), mail.spec.timezone.as_str()), ("*/5 * * * *", "Europe/Vienna"));
    assert_eq!((mail.spec.retain_days, mail.spec.active), (Some(28), true));
    let runs = store.runs(mail.id, RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
    let values: Vec<_> = runs.iter().map(|run| run.return_value.clone().unwrap()).collect();
    assert_eq!(values, [ReturnValue::Text("many".into()), ReturnValue::Float(0.3), ReturnValue::Int(67)]);
    assert_eq!(runs[0].message, "Zu viele E-Mails: ü");
    assert_eq!(runs[2].started_at, "2014-03-02T09:55:00.123456Z".parse().unwrap());
    assert!(runs.iter().all(|run| run.kind == RunKind::Imported));

    // The original noted edits as if they were runs: only the changes of state among them are kept.
    let weekly = monitor(&store, 4).await;
    assert_eq!(weekly.spec.name, "Weekly report");
    assert_eq!(weekly.spec.schedule, "0 9 * * mon");
    let flips = store.flips(weekly.id, None, 10).await.unwrap();
    let states: Vec<_> = flips.iter().map(|flip| (flip.old_state, flip.new_state)).collect();
    assert_eq!(states, [(State::Inactive, State::Ok), (State::Ok, State::Inactive), (State::Inactive, State::Ok)]);
    assert_eq!(flips[0].message, "fél\u{fffd}");
    assert_eq!(store.runs(weekly.id, RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap().len(), 2);

    let friday = monitor(&store, 9).await;
    assert_eq!((friday.spec.name.as_str(), friday.spec.schedule.as_str()), ("Monitor 9", "30 6 * * fri#2"));
    assert_eq!((friday.state, friday.spec.active), (State::Inactive, false));

    let alerts = store.alerts().await.unwrap();
    let states =
        |key: &str| alerts.iter().find(|alert| alert.key == key).map(|alert| (alert.enabled, alert.states)).unwrap();
    assert_eq!(states("campfire-eng"), (true, StateSet::DEFAULT_TOLD));
    assert_eq!(states("sns"), (true, StateSet::EMPTY.with(State::Error).with(State::Inactive)));
    assert!(!states("off").0);
    assert_eq!(store.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn what_needs_a_hand_is_named() {
    let shell = shell().await;
    let said = shell.run("import old.db").exits(0);
    insta::assert_snapshot!(said.stdout.replace(&shell.folder.path().display().to_string(), "FOLDER"), @r#"
    old.db: 5 monitors, 5 runs, 7 changes of state and 3 settings of alerts. Schedules are read in Europe/Vienna.
    Left out: 1 row of history that only notes that a form was saved
    Left out: 1 row of history without a readable time
    Left out: 2 rows of history of monitors that are not there any more

    Paused, because their schedules have no exact equal in crontab syntax:
      7 Quarter
         it runs only in certain weeks (week=10), which crontab cannot say
         year=* month=* day=* week=10 day_of_week=* hour=9 minute=0 second=0
      12 Blank hour
         its hour field is blank, which the original program could not schedule
         year=* month=* day=* week=* day_of_week=* hour= minute=* second=0

    Scripts that are not Python 3; they will be in ERROR until someone mends them:
      4 Weekly report
         line 2: SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?

    Scripts with lines that Python 3 or the sources of today may take differently:
      4 Weekly report
         line 1: `urllib2` is gone, and monitors have no network: use an http source
      9 Monitor 9
         line 1: `.iteritems()` is `.items()` now

    Also worth a look:
      9 Monitor 9
         name: "" cannot be a name here; it is "Monitor 9" now

    Stored in FOLDER/revere.db. Next: revere check --connect, then revere run.
    "#);

    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let quarter = monitor(&store, 7).await;
    assert_eq!((quarter.spec.active, quarter.state), (false, State::Inactive));
    assert!(quarter.spec.description.contains("week=10"), "{}", quarter.spec.description);
    let flips = store.flips(quarter.id, None, 10).await.unwrap();
    assert_eq!((flips[0].old_state, flips[0].new_state), (State::Alarm, State::Inactive));
    store.close().await;
}

#[tokio::test]
async fn a_second_import_and_a_dry_run_change_nothing() {
    let shell = shell().await;
    let dry = shell.run("import --dry-run old.db").exits(0);
    assert!(dry.stdout.contains("Nothing was stored"), "{}", dry.stdout);
    assert!(!shell.path("revere.db").exists());

    shell.run("import old.db").exits(0);
    let again = shell.run("import old.db").exits(1);
    assert_eq!(again.stdout, "");
    assert!(
        again.stderr.contains("nothing was imported")
            && again.stderr.contains("monitors with these ids are there already: 3, 4, 7, 9, 12;"),
        "{}",
        again.stderr
    );
    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    assert_eq!(store.runs(MonitorId(3), RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap().len(), 3);
    store.close().await;
}

#[tokio::test]
async fn one_monitor_that_is_there_already_stops_all_of_it() {
    let shell = shell().await;
    original(
        &shell.path("other.db"),
        &format!("{TABLES} insert into monitor (id, name, task, active, state) values (9, 'mine', 'pass', 1, 0);"),
    )
    .await;
    shell.run("import other.db").exits(0);
    let refused = shell.run("import old.db").exits(1);
    assert!(refused.stderr.contains("monitors with these ids are there already: 9;"), "{}", refused.stderr);
    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    assert_eq!(monitor(&store, 9).await.spec.name, "mine");
    assert_eq!(store.monitors(&MonitorFilter { limit: 100, ..MonitorFilter::default() }).await.unwrap().len(), 1);
    assert_eq!(store.alerts().await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn what_is_no_such_database_is_refused_by_what_it_lacks() {
    let shell = Shell::new();
    shell.write("text.db", "this is a text, and long enough to be mistaken for more");
    shell.write("empty.db", "");
    original(&shell.path("foreign.db"), "create table t (x)").await;
    original(&shell.path("half.db"), &TABLES.replace("state integer, last_run_timestamp datetime,", "")).await;
    for (file, says) in [
        ("missing.db", "No such file"),
        ("text.db", "it is not a SQLite database"),
        ("empty.db", "it is not a SQLite database"),
        ("foreign.db", "it has no table `monitor`"),
        ("half.db", "its table `monitor` has no column `state`"),
    ] {
        let said = shell.run(&format!("import {file}")).exits(1);
        assert!(said.stderr.contains(says) && said.stderr.contains("nothing was changed"), "{file}: {}", said.stderr);
        assert!(!shell.path("revere.db").exists(), "{file}");
    }
    // Our own database is none of the original's either.
    original(&shell.path("old.db"), TABLES).await;
    shell.run("import old.db").exits(0);
    let said = shell.run("import revere.db").exits(1);
    assert!(said.stderr.contains("not a database of the original Revere"), "{}", said.stderr);
}

#[tokio::test]
async fn the_zone_is_the_option_then_the_configuration_then_the_machine() {
    let shell = shell().await;
    assert!(shell.run("import --dry-run --timezone asia/tokyo old.db").exits(0).stdout.contains("read in Asia/Tokyo"));
    assert!(shell.run("import --dry-run old.db").exits(0).stdout.contains("read in Europe/Vienna"));
    std::fs::remove_file(shell.path("config.py")).unwrap();
    let here = super::said(shell.revere().args(["import", "--dry-run", "old.db"]).env("TZ", "America/Lima")).exits(0);
    assert!(here.stdout.contains("read in America/Lima"), "{}", here.stdout);
    let wrong = shell.run("import --timezone Mars old.db").exits(2);
    assert!(wrong.stderr.contains("Mars"), "{}", wrong.stderr);
}

#[tokio::test]
async fn rows_that_belong_to_nobody_are_counted_and_said() {
    let shell = shell().await;
    let more = "insert into monitor_log (monitor_id, message, old_state, new_state, timestamp) values
            (null, 'of nobody', 0, 0, '2014-03-02 09:00:00'), ('three', 'of a word', 0, 0, '2014-03-02 09:00:00'),
            (3.5, 'of a half', 0, 0, '2014-03-02 09:00:00');
        insert into alert (key, enabled, state_ok, state_alarm, state_error, state_inactive) values
            (null, 1, 1, 1, 1, 1), ('sns', 0, 1, 1, 1, 1);";
    original(&shell.path("old.db"), more).await;
    let said = shell.run("import old.db").exits(0).stdout;
    assert!(said.contains("5 monitors, 5 runs, 7 changes of state and 3 settings of alerts"), "{said}");
    for left_out in [
        "3 rows of history without a readable id of a monitor",
        "2 rows of history of monitors that are not there any more",
        "1 setting of an alert without a key",
        "1 setting of an alert whose key an earlier row has",
    ] {
        assert!(said.contains(&format!("Left out: {left_out}\n")), "{left_out}: {said}");
    }
}

/// A new state that is none is left out and counted; an old one that is none is what the row before it left.
#[tokio::test]
async fn rows_of_unknown_states_are_left_out_or_follow_the_row_before() {
    let shell = shell().await;
    let more = "insert into monitor_log (monitor_id, message, old_state, new_state, timestamp) values
            (3, 'to nowhere', 1, 7, '2014-03-02 11:00:00'), (3, 'to null', 1, null, '2014-03-02 11:01:00'),
            (3, 'to a word', 1, 'ALARM', '2014-03-02 11:02:00'), (3, 'from nowhere', 9, 1, '2014-03-02 11:05:00'),
            (3, 'from null', null, 0, '2014-03-02 11:10:00');";
    original(&shell.path("old.db"), more).await;
    let said = shell.run("import old.db").exits(0).stdout;
    assert!(said.contains("5 monitors, 7 runs, 8 changes of state"), "{said}");
    assert!(said.contains("Left out: 3 rows of history whose new states are not of 0 to 3\n"), "{said}");
    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let runs = store.runs(MonitorId(3), RunFilter { limit: 2, ..RunFilter::default() }).await.unwrap();
    let states: Vec<_> = runs.iter().map(|run| (run.message.as_str(), run.old_state, run.new_state)).collect();
    assert_eq!(states, [("from null", State::Alarm, State::Ok), ("from nowhere", State::Alarm, State::Alarm)]);
    store.close().await;
}

/// Scripts as people have them: what compiles in Python 3 and means something else is said by its line.
#[tokio::test]
async fn what_a_script_means_differently_now_is_said_by_its_line() {
    let shell = Shell::new();
    let script = "rows = sources['shop'].execute('select count(*) from orders')\nif rows is None:\n    raise MonitorFailure('none')\nrequests = rows[0]['n'] / 2\nreturn_value = round(requests)";
    let row = format!(
        "insert into monitor (id, name, task, active, state) values (1, 'Orders', '{}', 1, 0);",
        script.replace('\'', "''")
    );
    original(&shell.path("old.db"), &format!("{TABLES}{row}")).await;
    let said = shell.run("import --dry-run old.db").exits(0).stdout;
    for line in [
        "     line 2: `execute` answers an empty list where it answered None, so this is never true: write `if not rows`\n",
        "     line 4: `/` of two integers gives a float now (7 / 2 was 3): write `//` to keep what it was\n",
        "     line 4: a row is a tuple: take its columns by number, or ask with `execute(..., as_dict=True)`\n",
        "     line 5: `round` of a half goes to the even neighbour now: round(2.5) is 2, and was 3.0\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("network"), "a variable of that name is no module: {said}");
}

#[tokio::test]
async fn what_was_guessed_is_said() {
    let shell = shell().await;
    let more = "update monitor set state = 7, retain_days = 0 where id = 3;
        update monitor set retain_days = 'xx' where id = 4;";
    original(&shell.path("old.db"), more).await;
    let said = shell.run("import old.db").exits(0).stdout;
    for line in [
        "state: not one of 0 to 3; taken as INACTIVE",
        "retain_days: 0 is 1 now; older history goes at the next start",
        "retain_days: \"xx\" is no number of days; the server's own is kept",
    ] {
        assert!(said.contains(&format!("     {line}\n")), "{line}: {said}");
    }
}

#[tokio::test]
async fn settings_of_alerts_replace_what_a_start_made_and_give_way_to_what_people_chose() {
    let shell = shell().await;
    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let configured = ["campfire-eng", "off", "sns"].map(|key| ConfiguredAlert {
        key: key.to_owned(),
        enabled: true,
        ..Default::default()
    });
    store.sync_alerts(&configured, now).await.unwrap();
    let mine = AlertSettings { enabled: true, states: StateSet::EMPTY.with(State::Alarm) };
    store.set_alert("sns", mine, &by_server(now)).await.unwrap();
    store.close().await;
    let said = shell.run("import old.db").exits(0).stdout;
    assert!(said.contains("Alerts that were given other settings here already, which they keep: sns\n"), "{said}");
    let store = Store::open(StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let alerts = store.alerts().await.unwrap();
    let found: Vec<_> =
        alerts.iter().map(|alert| (alert.key.as_str(), alert.enabled, alert.in_config, alert.states)).collect();
    assert_eq!(
        found,
        [
            ("campfire-eng", true, true, StateSet::DEFAULT_TOLD),
            ("off", false, true, StateSet::DEFAULT_TOLD),
            ("sns", true, true, mine.states),
        ]
    );
    store.close().await;
}
