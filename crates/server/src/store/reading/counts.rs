//! How many monitors are in each state: asked for by every page, so it is counted once for all who ask until something
//! changes.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use revere_model::State;
use tokio::time::Instant;

use crate::store::{
    Store, StoreError,
    columns::word,
    database::{self as db, sql_pieces},
};

/// How many monitors are in each state.
pub type StateCounts = BTreeMap<State, u64>;

/// The same, and how many of the `INACTIVE` ones are paused.
type Counts = (StateCounts, u64);

/// Where another server changes the database too, its changes are seen this late.
const AGE: Duration = Duration::from_secs(1);

/// The last count, and the number of changes it knows of.
#[derive(Default)]
pub(in crate::store) struct Counted {
    changes: AtomicU64,
    last: Mutex<Option<(u64, Instant, Counts)>>,
}

impl Counted {
    /// What was counted no longer holds. Called once a change is durable; hands its result through.
    pub(in crate::store) fn changed<T>(&self, result: T) -> T {
        self.changes.fetch_add(1, Ordering::AcqRel);
        result
    }
}

impl Store {
    /// How many monitors are in each state; every state is in the answer.
    pub async fn count_by_state(&self) -> Result<StateCounts, StoreError> {
        Ok(self.count_with_paused().await?.0)
    }

    /// The same, and how many of the `INACTIVE` ones are paused: switched off, and not only never run.
    pub async fn count_with_paused(&self) -> Result<(StateCounts, u64), StoreError> {
        let counted = &self.0.counted;
        let changes = counted.changes.load(Ordering::Acquire);
        {
            let last = counted.last.lock().expect("no code panics while it holds this lock");
            if let Some((known, at, counts)) = &*last
                && *known == changes
                && at.elapsed() < AGE
            {
                return Ok(counts.clone());
            }
        }
        let at = Instant::now();
        let counts = self.count().await?;
        *counted.last.lock().expect("no code panics while it holds this lock") = Some((changes, at, counts.clone()));
        Ok(counts)
    }

    async fn count(&self) -> Result<Counts, StoreError> {
        // Deleted ones are few, and counted apart: the rest is counted in an index alone.
        let sql = format!(
            "select state, count(*) from states group by state
             union all
             select s.state, -count(*) from monitors m {} states s on s.monitor_id = m.id
             where m.deleted_at is not null group by s.state",
            sql_pieces::JOIN_IN_ORDER
        );
        let rows: Vec<(String, i64)> = db::query_as(db::AssertSqlSafe(sql)).fetch_all(self.readers()).await?;
        let mut counts: StateCounts = State::ALL.into_iter().map(|state| (state, 0)).collect();
        for (state, count) in rows {
            let number = counts.entry(word(&state)?).or_default();
            *number = number.saturating_add_signed(count);
        }
        // Found by their state, so that what runs is not looked at.
        let sql = format!(
            "select count(*) from states s {} monitors m on m.id = s.monitor_id
             where s.state = 'INACTIVE' and not m.active and m.deleted_at is null",
            sql_pieces::JOIN_IN_ORDER
        );
        let paused: i64 = db::query_scalar(db::AssertSqlSafe(sql)).fetch_one(self.readers()).await?;
        Ok((counts, paused.unsigned_abs()))
    }
}
