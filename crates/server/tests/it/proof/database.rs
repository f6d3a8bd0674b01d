//! What the database itself says when everything is over.

use std::{collections::HashMap, path::Path};

use revere::store::DatabasePlace;

use crate::support::{Sql, TestDatabase};

/// A database for the real program, and the line of its configuration that names it.
pub(super) struct Home {
    database: TestDatabase,
    pub(super) line: String,
}

impl Home {
    /// Of the engine that tests run on, for a program in this folder.
    pub(super) async fn of(folder: &Path) -> Home {
        let database = TestDatabase::new().await;
        let line = match database.place() {
            DatabasePlace::File(_) => format!("DATABASE_PATH = '{}'\n", folder.join("revere.db").display()),
            // What it leaves when it is killed is taken over soon.
            DatabasePlace::Server(_) => {
                format!("DATABASE_URL = '{}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\n", database.url())
            }
        };
        Home { database, line }
    }

    pub(super) async fn open(&self, folder: &Path) -> Sql {
        match self.database.place() {
            DatabasePlace::File(_) => Sql::at(&folder.join("revere.db").into()).await,
            server => Sql::at(&server).await,
        }
    }
}

/// What became of the ticks of one monitor or several.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ticks {
    pub(super) due: u64,
    /// Those that are inside a gap; each of the others is a run.
    pub(super) counted: u64,
    pub(super) gaps: u64,
}

impl std::ops::AddAssign for Ticks {
    fn add_assign(&mut self, more: Ticks) {
        self.due += more.due;
        self.counted += more.counted;
        self.gaps += more.gaps;
    }
}

/// Every second from a monitor's first tick to its last is a run, or inside a gap, and none is both or twice.
pub(super) async fn every_tick_is_accounted_for(database: &mut Sql, monitors: impl IntoIterator<Item = i64>) {
    for id in monitors {
        ticks_are_accounted_for(database, id, 1).await;
    }
}

/// The same of a monitor that is due every so many seconds; answers what became of its ticks.
pub(super) async fn ticks_are_accounted_for(database: &mut Sql, id: i64, period_s: i64) -> Ticks {
    let period = period_s * 1_000_000;
    let mut ticks: HashMap<i64, u32> = HashMap::new();
    let runs = format!("select cast(tick_at as text) from runs where monitor_id = {id} and kind <> 'manual'");
    for tick in database.numbers(runs).await {
        *ticks.entry(tick[0]).or_default() += 1;
    }
    let mut all = Ticks::default();
    let gaps = format!("select first_tick_at || ' ' || last_tick_at || ' ' || count from gaps where monitor_id = {id}");
    for gap in database.numbers(gaps).await {
        let (first, last, count) = (gap[0], gap[1], gap[2]);
        assert_eq!((last - first) / period + 1, count, "monitor {id}: a gap that counts wrong");
        for tick in (first..=last).step_by(period as usize) {
            *ticks.entry(tick).or_default() += 1;
        }
        all += Ticks { due: 0, counted: count as u64, gaps: 1 };
    }
    let (first, last) = (*ticks.keys().min().unwrap(), *ticks.keys().max().unwrap());
    for tick in (first..=last).step_by(period as usize) {
        let times = ticks.remove(&tick).unwrap_or_default();
        assert_eq!(times, 1, "monitor {id}: the tick {tick} is accounted for {times} times");
        all.due += 1;
    }
    assert!(ticks.is_empty(), "monitor {id}: ticks that were not due: {ticks:?}");
    all
}

/// No tick has two runs, whatever monitor it is of.
pub(super) async fn no_tick_is_run_twice(database: &mut Sql) {
    let twice = "select monitor_id || ' ' || tick_at || ' ' || count(*) from runs where kind <> 'manual'
         group by monitor_id, tick_at having count(*) > 1";
    let twice = database.texts(twice).await;
    assert!(twice.is_empty(), "ticks that were run twice: {twice:?}");
}
