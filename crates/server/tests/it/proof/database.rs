//! What the database itself says when everything is over.

use std::collections::HashMap;

use sqlx::{ConnectOptions, Row, SqliteConnection};

pub(super) async fn open(path: &std::path::Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

pub(super) async fn sound(database: &mut SqliteConnection) {
    let verdict: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut *database).await.unwrap();
    assert_eq!(verdict, "ok");
    assert!(sqlx::query("pragma foreign_key_check").fetch_all(&mut *database).await.unwrap().is_empty());
}

/// Every second from a monitor's first tick to its last is a run, or inside a gap, and none is both or twice.
pub(super) async fn every_tick_is_accounted_for(
    database: &mut SqliteConnection,
    monitors: impl IntoIterator<Item = i64>,
) {
    const SECOND: i64 = 1_000_000;
    for id in monitors {
        let mut ticks: HashMap<i64, u32> = HashMap::new();
        let runs = sqlx::query("select tick_at from runs where monitor_id = ? and kind <> 'manual'").bind(id);
        for row in runs.fetch_all(&mut *database).await.unwrap() {
            *ticks.entry(row.get(0)).or_default() += 1;
        }
        let gaps = sqlx::query("select first_tick_at, last_tick_at, count from gaps where monitor_id = ?").bind(id);
        for row in gaps.fetch_all(&mut *database).await.unwrap() {
            let (first, last, count): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            assert_eq!((last - first) / SECOND + 1, count, "monitor {id}: a gap that counts wrong");
            for tick in (first..=last).step_by(SECOND as usize) {
                *ticks.entry(tick).or_default() += 1;
            }
        }
        let (first, last) = (*ticks.keys().min().unwrap(), *ticks.keys().max().unwrap());
        for tick in (first..=last).step_by(SECOND as usize) {
            let times = ticks.get(&tick).copied().unwrap_or_default();
            assert_eq!(times, 1, "monitor {id}: the tick {tick} is accounted for {times} times");
        }
    }
}
