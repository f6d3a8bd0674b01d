//! What an edit does to a monitor's ticks and state.
//!
//! Ticks that are due by the old schedule are accounted for here, by the old schedule: the last of them is still run,
//! with the new script, unless the monitor was switched off.

use jiff::Timestamp;
use revere_model::{Gap, GapReason, Monitor, MonitorSpec, Status, activate, deactivate};
use sqlx::SqliteConnection;

use super::{records, source_mentions};
use crate::store::{
    StoreError,
    columns::{Columns, micros, tags_text},
    telling::tell::{self, Cause, NewFlip},
    ticks::{
        due_ticks::{self, Plan, Ticks},
        gaps,
    },
};

/// The part of a status row that an edit may move.
struct Row {
    status: Status,
    next_tick_at: Option<Timestamp>,
    owed_tick_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    fault: Option<String>,
    claimed: bool,
}

/// Writes what has changed about a monitor, and what it does to ticks and state.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    current: &Monitor,
    spec: &MonitorSpec,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = current.id;
    sqlx::query(
        "update monitors set version = version + 1, name = ?, description = ?, schedule = ?, timezone = ?, active = ?,
         retain_days = ?, timeout_s = ?, tags = ?, alarm_after = ?, recover_after = ?, updated_at = ?, script = ?
         where id = ?",
    )
    .bind(&spec.name)
    .bind(&spec.description)
    .bind(&spec.schedule)
    .bind(&spec.timezone)
    .bind(spec.active)
    .bind(spec.retain_days)
    .bind(spec.timeout_s)
    .bind(tags_text(&spec.tags))
    .bind(spec.alarm_after)
    .bind(spec.recover_after)
    .bind(micros(now))
    .bind(&spec.script)
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    if spec.tags != current.spec.tags {
        sqlx::query("delete from tags where monitor_id = ?").bind(id.0).execute(&mut *connection).await?;
        records::insert_tags(connection, id, &spec.tags).await?;
    }
    if spec.script != current.spec.script {
        source_mentions::note(connection, id, &spec.script).await?;
    }
    respec(connection, current, spec, now).await
}

/// Brings ticks and state in line with `spec`, which has just replaced `current.spec`.
async fn respec(
    connection: &mut SqliteConnection,
    current: &Monitor,
    spec: &MonitorSpec,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rescheduled = (&spec.schedule, &spec.timezone) != (&current.spec.schedule, &current.spec.timezone);
    if spec.active == current.spec.active && !(spec.active && rescheduled) {
        return Ok(());
    }
    let mut row = read(connection, current).await?;
    let mut gaps = Vec::new();
    let mut flip = None;
    let last_due = account(&mut gaps, current, &row, now);
    if spec.active {
        let Plan { next_tick_at, fault } = due_ticks::first(spec, now);
        // A tick that was due is owed: it is run at once, by the new script.
        row.owed_tick_at = last_due.or(row.owed_tick_at.filter(|_| current.spec.active));
        row.due_at = match (last_due, row.owed_tick_at, next_tick_at) {
            (Some(_), ..) => Some(now),
            (None, Some(_), next) => [row.due_at, next].into_iter().flatten().min(),
            (None, None, next) => next,
        };
        row.next_tick_at = next_tick_at;
        row.fault = fault;
        if !current.spec.active {
            row.status = activate(&row.status).status;
        }
    } else {
        // Unless a later tick was due: then the owed one is among the gaps already.
        gaps.extend(last_due.or(row.owed_tick_at).map(|tick| missed(current, tick)));
        (row.next_tick_at, row.owed_tick_at, row.due_at, row.fault) = (None, None, None, None);
        let transition = deactivate(&row.status, now);
        row.status = transition.status;
        flip = transition.flip;
    }
    let count = |reason| gaps.iter().filter(|gap: &&Gap| gap.reason == reason).map(|gap| gap.count).sum::<i64>();
    sqlx::query(
        "update statuses set state = ?, state_since = ?, failing_streak = ?, passing_streak = ?, next_tick_at = ?,
         owed_tick_at = ?, due_at = ?, fault = ?, fault_count = 0, missed_ticks = missed_ticks + ?,
         overlapped_ticks = overlapped_ticks + ? where monitor_id = ?",
    )
    .bind(row.status.state.as_str())
    .bind(micros(row.status.state_since))
    .bind(row.status.failing_streak)
    .bind(row.status.passing_streak)
    .bind(row.next_tick_at.map(micros))
    .bind(row.owed_tick_at.map(micros))
    .bind(row.due_at.map(micros))
    .bind(row.fault)
    .bind(count(GapReason::Missed))
    .bind(count(GapReason::Overlapped))
    .bind(current.id.0)
    .execute(&mut *connection)
    .await?;
    gaps::insert(connection, &gaps.iter().collect::<Vec<_>>()).await?;
    if let Some(flip) = flip {
        let message = "Switched off";
        let new = NewFlip { monitor_id: current.id, at: now, flip, message, return_value: None, cause: Cause::Person };
        tell::record_flips(connection, &[new], now).await?;
    }
    Ok(())
}

/// Accounts for the due ticks of the schedule before the edit; answers the last of them if it is still to be run.
fn account(gaps: &mut Vec<Gap>, current: &Monitor, row: &Row, now: Timestamp) -> Option<Timestamp> {
    let next = row.next_tick_at?;
    // The old schedule gave this tick, so it can be read; if not, the one tick that is known is accounted for.
    let due = match Ticks::read(&current.spec.schedule, &current.spec.timezone) {
        Ok(ticks) => ticks.due(next, now)?,
        Err(_) if next <= now => due_ticks::Due { first: next, before_last: None, last: next, count: 1 },
        Err(_) => return None,
    };
    if row.claimed {
        gaps.push(due.all(current.id, GapReason::Overlapped));
        return None;
    }
    gaps.extend(row.owed_tick_at.map(|owed| missed(current, owed)));
    gaps.extend(due.all_but_last(current.id, GapReason::Missed));
    Some(due.last)
}

fn missed(monitor: &Monitor, tick: Timestamp) -> Gap {
    Gap { monitor_id: monitor.id, reason: GapReason::Missed, first_tick_at: tick, last_tick_at: tick, count: 1 }
}

async fn read(connection: &mut SqliteConnection, current: &Monitor) -> Result<Row, StoreError> {
    let row = sqlx::query("select *, claimed_by is not null as claimed from statuses where monitor_id = ?")
        .bind(current.id.0)
        .fetch_one(connection)
        .await?;
    Ok(Row {
        status: records::status(&row)?,
        next_tick_at: row.at_or_none("next_tick_at")?,
        owed_tick_at: row.at_or_none("owed_tick_at")?,
        due_at: row.at_or_none("due_at")?,
        fault: row.text_or_none("fault")?,
        claimed: row.int("claimed")? != 0,
    })
}
