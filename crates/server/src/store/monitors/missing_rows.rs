//! What each monitor has beside its own row: its state in `states`, and when it is due in `dues`. Both are written with it and go with
//! it. Should one be gone all the same, taken away by hand or left out of a copy, the monitor would never be due again, be in no
//! list, and nobody would hear of it: it is made anew.

use jiff::Timestamp;
use revere_model::{MonitorId, State};

use super::{field_columns, monitor_edit};
use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, sql_pieces},
    ticks::due_ticks::{self, FirstTick},
};

/// Monitors that lack one of them; of many the first ones.
const LACKING: &str = "select m.id from monitors m
     where not exists (select 1 from states s where s.monitor_id = m.id)
         or not exists (select 1 from dues d where d.monitor_id = m.id)
     order by m.id limit 500";

impl Store {
    /// Gives monitors anew what they lack of what each has. Such a monitor is due at its next tick, and its first run says what
    /// state it is in. Answers how many lacked something.
    pub async fn mend_monitors(&self, now: Timestamp) -> Result<u64, StoreError> {
        let lacking: Vec<i64> = db::query_scalar(LACKING).fetch_all(self.engine_readers()).await?;
        if lacking.is_empty() {
            return Ok(0);
        }
        let mended = self.write(move |connection| {
            Box::pin(async move {
                let mut mended = Vec::new();
                for id in lacking {
                    if mend(connection, MonitorId(id), now).await? {
                        mended.push(id);
                    }
                }
                Ok(mended)
            })
        });
        let mended = mended.await?;
        for monitor in &mended {
            tracing::error!(
                monitor,
                "its state or its ticks were not in the database, as if they had been taken away by hand; made anew, it runs from its \
                 next tick on"
            );
        }
        Ok(self.0.counted.changed(mended.len() as u64))
    }
}

/// Gives a monitor what it lacks; false if it lacks nothing any more.
async fn mend(connection: &mut DbConnection, id: MonitorId, now: Timestamp) -> Result<bool, StoreError> {
    // Whoever is about to remove it is waited for.
    let its_own = format!("select * from monitors where id = $1 {}", sql_pieces::KEEPING);
    let row = db::query(db::AssertSqlSafe(its_own)).bind(id.0).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(false) };
    // What stands for a source is told of as what is well until it is down.
    let state = if row.text_or_none("source")?.is_some() { State::Ok } else { State::Inactive };
    let states = db::query(
        "insert into states (monitor_id, state, state_since) values ($1, $2, $3) on conflict (monitor_id) do nothing",
    )
    .bind(id.0)
    .bind(state.as_str())
    .bind(micros(now))
    .execute(&mut *connection)
    .await?;
    let first = match row.at_or_none("deleted_at")? {
        Some(_) => FirstTick::default(),
        None => match field_columns::read(&row) {
            Ok(spec) => due_ticks::first(&spec, monitor_edit::accounted_until(connection, id, now).await?),
            Err(fault) => FirstTick { next_tick_at: None, fault: Some(format!("its record cannot be read: {fault}")) },
        },
    };
    let dues = db::query(
        "insert into dues (monitor_id, attempt, next_tick_at, due_at, fault) values ($1, $2, $3, $3, $4)
         on conflict (monitor_id) do nothing",
    )
    .bind(id.0)
    // Beyond any that there was: a run that goes on since then has lost its claim.
    .bind(micros(now))
    .bind(first.next_tick_at.map(micros))
    .bind(first.fault)
    .execute(connection)
    .await?;
    Ok(states.rows_affected() + dues.rows_affected() > 0)
}
