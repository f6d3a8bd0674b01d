//! `scripts/make-history`, which fills a database for whoever looks how pages and questions do over much history: both engines alike.

use std::{ffi::OsStr, path::Path, process::Command};

use jiff::{SignedDuration, Timestamp};

use crate::support::{Scratch, Sql, TestDatabase, at};

const END: &str = "2026-01-15T12:00:00Z";

/// A new database, filled: its store has let go of it meanwhile.
async fn filled(database: TestDatabase, name: impl AsRef<OsStr>) -> Scratch {
    let scratch = Scratch::on(database, |_| {}).await;
    scratch.store.close().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/make-history");
    let end = at(END).as_second().to_string();
    let made = Command::new(script)
        .arg(name)
        .args(["--monitors", "130", "--rows", "9000", "--days", "10", "--per-second", "1", "--end", &end])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    scratch.reopened().await
}

#[tokio::test]
async fn a_made_past_is_the_same_on_either_engine() {
    let (file, server) = (TestDatabase::in_a_file(), TestDatabase::on_a_server().await);
    let (path, url) = (file.place().file().unwrap().to_owned(), server.url().to_owned());
    let (file, server) = (filled(file, path).await, filled(server, url).await);
    let (mut in_file, mut on_server) = (file.sql().await, server.sql().await);
    for (least, rows) in [
        (130, "select m.name || m.name_order || m.tags || m.schedule || m.script from monitors m order by m.id"),
        (
            9000,
            "select cast(r.id as text) || ' ' || r.monitor_id || ' ' || r.started_at || ' ' || r.old_state || ' ' || r.new_state
                 || coalesce(r.return_value, '-') || r.message || r.output || coalesce(r.traceback, '-') from runs r order by r.id",
        ),
        (
            130,
            "select cast(s.monitor_id as text) || s.state || ' ' || s.state_since || ' ' || coalesce(s.last_message, '-')
                 || ' ' || d.due_at || ' ' || d.missed_ticks
             from states s join dues d on d.monitor_id = s.monitor_id order by s.monitor_id",
        ),
        (1, "select cast(f.id as text) || ' ' || f.run_id || f.message from flips f order by f.id"),
        (1, "select cast(g.id as text) || ' ' || g.count || g.reason || g.first_tick_at from gaps g order by g.id"),
    ] {
        let (ours, theirs) = (in_file.texts(rows).await, on_server.texts(rows).await);
        assert!(ours.len() >= least, "{} of {rows}", ours.len());
        assert!(ours == theirs, "{rows}");
    }
    // Each run lies in the week that it began in.
    let weeks = "select cast(tableoid::regclass as text) || ' ' || min(started_at) || ' ' || max(started_at) from runs group by tableoid";
    for week in on_server.texts(weeks).await {
        let [name, first, last] = week.split(' ').collect::<Vec<_>>()[..] else { panic!("{week}") };
        let monday = name.rsplit_once("runs_from_").unwrap_or_else(|| panic!("{name} is no week")).1;
        let monday = at(&format!("{}-{}-{}T00:00:00Z", &monday[..4], &monday[4..6], &monday[6..]));
        let began = |text: &str| Timestamp::from_microsecond(text.parse().unwrap()).unwrap().duration_since(monday);
        assert!(!began(first).is_negative() && began(last) < SignedDuration::from_hours(7 * 24), "{week}");
    }
    assert!(on_server.texts(weeks).await.len() >= 2);
    next_numbers_follow(&mut on_server).await;
}

/// What is made next is not refused for its number.
async fn next_numbers_follow(sql: &mut Sql) {
    for table in ["monitors", "runs", "flips", "gaps"] {
        let follows = sql
            .number(format!("select nextval(pg_get_serial_sequence('{table}', 'id')) - (select max(id) from {table})"))
            .await;
        assert_eq!(follows, 1, "{table}");
    }
}
