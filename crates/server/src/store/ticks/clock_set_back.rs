//! When the machine's clock was wrong and is put right: ticks that were reckoned from a time far in the future would
//! not come for years. They are reckoned anew.

use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db},
    ticks::due_ticks::Ticks,
};

/// A clock that goes back by less leaves the ticks alone, as cron does: they were run, and come again after the time
/// they were run at.
const TOLERATED: SignedDuration = SignedDuration::from_hours(3);

impl Store {
    /// Reckons the next tick anew where ticks further in the future than any clock should go back have been passed
    /// over already. Answers how many monitors had one.
    pub async fn plan_after_clock_set_back(&self, now: Timestamp) -> Result<u64, StoreError> {
        let horizon = now.saturating_add(TOLERATED).unwrap_or(Timestamp::MAX);
        let rows = db::query(
            "select d.monitor_id, d.next_tick_at, d.attempt, m.version, m.schedule, m.timezone
             from dues d join monitors m on m.id = d.monitor_id
             where d.due_at > $1 and d.next_tick_at > $1 and m.active and m.deleted_at is null order by d.monitor_id",
        )
        .bind(micros(horizon))
        .fetch_all(self.engine_readers())
        .await?;
        let mut wrong = Vec::new();
        for row in &rows {
            let Ok(ticks) = Ticks::read(&row.text("schedule")?, &row.text("timezone")?) else { continue };
            let next = row.at("next_tick_at")?;
            // A tick before the next one was passed over, yet it is still to come: the clock has gone back.
            if ticks.count(horizon, next) > 1
                && let Some(anew) = ticks.after(now)
            {
                wrong.push((MonitorId(row.int("monitor_id")?), row.int("attempt")?, row.int("version")?, next, anew));
            }
        }
        if wrong.is_empty() {
            return Ok(0);
        }
        tracing::warn!(monitors = wrong.len(), "the clock has gone back; ticks are reckoned anew");
        let monitors = wrong.iter().map(|(monitor, ..)| *monitor).collect();
        self.write_about(monitors, move |connection| {
            Box::pin(async move {
                let mut moved = 0;
                for (monitor, attempt, version, next, anew) in &wrong {
                    let done = db::query(
                        "update dues set next_tick_at = $1, due_at = case when due_at > $1 then $1 else due_at end where monitor_id = $2
                             and attempt = $3 and next_tick_at = $4
                             and exists (select 1 from monitors where id = $2 and version = $5)",
                    )
                    .bind(micros(*anew))
                    .bind(monitor.0)
                    .bind(attempt)
                    .bind(micros(*next))
                    .bind(version)
                    .execute(&mut *connection)
                    .await?;
                    moved += done.rows_affected();
                }
                Ok(moved)
            })
        })
        .await
    }
}
