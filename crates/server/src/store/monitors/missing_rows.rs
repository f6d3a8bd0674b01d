//! What each monitor has beside its own row: its state in `states`, and when it is due in `dues`. Both are written with it and go with
//! it. Should one be gone all the same, taken away by hand or left out of a copy, the monitor would never be due again, be in no
//! list, and nobody would hear of it: it is made anew. So is the tick of a monitor that a server could not read and set aside, as
//! one of the version before may do with a schedule that it does not know.

use jiff::Timestamp;
use revere_model::{MonitorId, State};

use crate::store::{
    Store, StoreError,
    columns::{Columns, instant, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
    ticks::due_ticks::Ticks,
};

/// Monitors that lack a row, or are on and not due.
const LACKING: &str =
    "select m.id, m.schedule, m.timezone, (s.monitor_id is null or d.monitor_id is null) as lacks_a_row
     from monitors m left join states s on s.monitor_id = m.id left join dues d on d.monitor_id = m.id
     where s.monitor_id is null or d.monitor_id is null
         or (m.active and m.deleted_at is null and d.due_at is null and d.claimed_by is null)
     order by m.id";

/// So many are mended in one transaction.
const PIECE: usize = 500;

impl Store {
    /// Gives monitors anew what they lack of what each has, and has those be due again that were set aside and can be read now.
    /// Of the ticks since the last one that is known to be accounted for the last is run, and the others are counted. Answers how many
    /// lacked something.
    pub async fn mend_monitors(&self, now: Timestamp) -> Result<u64, StoreError> {
        let rows = db::query(LACKING).fetch_all(self.engine_readers()).await?;
        let mut lacking = Vec::new();
        for row in &rows {
            if row.flag("lacks_a_row")? || ticks(row).is_ok_and(|ticks| ticks.after(now).is_some()) {
                lacking.push(row.int("id")?);
            }
        }
        let mut mended = 0;
        for piece in lacking.chunks(PIECE) {
            let piece = piece.to_vec();
            let lacked = self.write(move |connection| {
                Box::pin(async move {
                    let mut lacked = Vec::new();
                    for id in piece {
                        if let Some(what) = mend(connection, MonitorId(id), now).await? {
                            lacked.push((id, what));
                        }
                    }
                    Ok(lacked)
                })
            });
            for (monitor, what) in lacked.await? {
                tracing::warn!(monitor, what, "a monitor lacked what each has, and has it again");
                mended += 1;
            }
        }
        if mended > 0 {
            self.0.counted.changed(());
        }
        Ok(mended)
    }
}

fn ticks(row: &DbRow) -> Result<Ticks, String> {
    let text = |column| row.text(column).map_err(|error| error.to_string());
    Ticks::read(&text("schedule")?, &text("timezone")?)
}

/// Gives a monitor what it lacks; what that was, or `None` if it lacks nothing any more.
async fn mend(
    connection: &mut DbConnection,
    id: MonitorId,
    now: Timestamp,
) -> Result<Option<&'static str>, StoreError> {
    // Whoever is about to change or remove it is waited for.
    let its_own = format!("select * from monitors where id = $1 {}", sql_pieces::KEEPING);
    let row = db::query(db::AssertSqlSafe(its_own)).bind(id.0).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
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
    // Beyond any attempt that there was: a run that goes on since then has lost its claim.
    let dues = db::query("insert into dues (monitor_id, attempt) values ($1, $2) on conflict (monitor_id) do nothing")
        .bind(id.0)
        .bind(micros(now))
        .execute(&mut *connection)
        .await?;
    let mut is_due_again = false;
    if row.flag("active")? && row.at_or_none("deleted_at")?.is_none() {
        is_due_again = match ticks(&row) {
            Ok(ticks) => {
                let from = accounted_until(connection, id).await?;
                make_due(connection, id, ticks.after(from), now).await?
            }
            Err(fault) => {
                set_aside(connection, id, &fault).await?;
                false
            }
        };
    }
    Ok(match (states.rows_affected() > 0, dues.rows_affected() > 0, is_due_again) {
        (true, true, _) => Some("its state and its ticks were not in the database, as if taken away by hand"),
        (true, false, _) => Some("its state was not in the database, as if taken away by hand"),
        (false, true, _) => Some("its ticks were not in the database, as if taken away by hand"),
        (false, false, true) => Some("it had been set aside, and can be read"),
        (false, false, false) => None,
    })
}

/// The last instant up to which its ticks are known to be accounted for.
async fn accounted_until(connection: &mut DbConnection, id: MonitorId) -> Result<Timestamp, StoreError> {
    let last: i64 = db::query_scalar(
        "select max(known.at) from (
             select updated_at as at from monitors where id = $1
             union all select last_run_at from states where monitor_id = $1 and last_run_at is not null
             union all select last_tick_at from gaps where monitor_id = $1
             union all select owed_tick_at from dues where monitor_id = $1 and owed_tick_at is not null
         ) known",
    )
    .bind(id.0)
    .fetch_one(connection)
    .await?;
    instant(last)
}

/// Has it be due from `next` on, if it is not due and nobody runs it; whether it is.
async fn make_due(
    connection: &mut DbConnection,
    id: MonitorId,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(next) = next else { return Ok(false) };
    let made = db::query(
        "update dues set next_tick_at = $1, due_at = case when owed_tick_at is null then $1 else cast($2 as bigint) end,
             fault = null, fault_count = 0
         where monitor_id = $3 and due_at is null and claimed_by is null",
    )
    .bind(micros(next))
    // What is owed is not put off.
    .bind(micros(next.min(now)))
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(made.rows_affected() > 0)
}

/// Says why it is not due.
async fn set_aside(connection: &mut DbConnection, id: MonitorId, fault: &str) -> Result<(), StoreError> {
    db::query("update dues set fault = $1 where monitor_id = $2 and due_at is null and claimed_by is null")
        .bind(fault)
        .bind(id.0)
        .execute(connection)
        .await?;
    Ok(())
}
