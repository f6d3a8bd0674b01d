//! What an edit does to a monitor's ticks and state.
//!
//! Ticks that are due by the old schedule are accounted for here, by the old schedule: the last of them is still run,
//! with the new script, unless the monitor was switched off.

use jiff::{SignedDuration, Timestamp};
use revere_model::{Flip, Gap, GapReason, Monitor, MonitorId, MonitorSpec, Severity, Status, activate, deactivate};

use super::{field_columns, records, source_mentions};
use crate::store::{
    StoreError,
    columns::{Columns, instant, micros},
    database::{self as db, DbConnection, QueryBuilder, sql_pieces},
    name_order::name_order,
    telling::record_flips::{self, Cause, NewFlip},
    ticks::{
        due_ticks::{self, FirstTick, Ticks},
        gaps,
    },
};

/// So far apart may the clocks be by which two servers, or one before and after it was set, tell the time: a tick that one has
/// accounted for within that is not run again.
const APART: SignedDuration = SignedDuration::from_secs(2);

/// What an edit may move of a monitor's state and its ticks, and what tells whether it is still as it was read.
#[derive(Clone)]
struct Row {
    status: Status,
    next_tick_at: Option<Timestamp>,
    owed_tick_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    fault: Option<String>,
    attempt: i64,
    claimed: bool,
    claimed_tick_at: Option<Timestamp>,
}

/// Keeps the rows of a monitor in `states` and `dues` for this transaction. It comes before its row in `monitors` is changed, as
/// it does where results are recorded in the same transaction.
pub(super) async fn keep(connection: &mut DbConnection, id: MonitorId) -> Result<(), StoreError> {
    let sql = format!(
        "select s.monitor_id from states s join dues d on d.monitor_id = s.monitor_id where s.monitor_id = $1 {}",
        sql_pieces::KEEPING_THE_STATES
    );
    let _: Option<i64> = db::query_scalar(db::AssertSqlSafe(sql)).bind(id.0).fetch_optional(connection).await?;
    Ok(())
}

/// Writes what has changed about a monitor, and what it does to ticks and state; false, and nothing, if the monitor is no
/// longer the version that it was read as.
pub(super) async fn change(
    connection: &mut DbConnection,
    current: &Monitor,
    spec: &MonitorSpec,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let id = current.id;
    let mut query = QueryBuilder::new("update monitors set version = version + 1, updated_at = ");
    query.push_bind(micros(now)).push(", name_order = ").push_bind(name_order(&spec.name));
    field_columns::push_changes(&mut query, spec);
    query.push(" where id = ").push_bind(id.0).push(" and version = ").push_bind(current.version);
    let changed = query.push(" and deleted_at is null").build().execute(&mut *connection).await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    if spec.tags != current.spec.tags {
        db::query("delete from tags where monitor_id = $1").bind(id.0).execute(&mut *connection).await?;
        records::insert_tags(connection, id, &spec.tags).await?;
    }
    if spec.script != current.spec.script {
        source_mentions::note(connection, id, &spec.script).await?;
    }
    respec(connection, current, spec, now).await?;
    Ok(true)
}

/// Ends all that is under way for a monitor that has just been deleted: no tick is due any more, and a run that goes on
/// counts for nothing. The ticks that had none are accounted for. Its state stays, for when it is brought back.
pub(super) async fn stop(connection: &mut DbConnection, current: &Monitor, now: Timestamp) -> Result<(), StoreError> {
    let gaps = loop {
        let was = read(connection, current).await?;
        let mut gaps = Vec::new();
        let last_due = account(&mut gaps, current, &was, now);
        gaps.extend(last_due.or(was.owed_tick_at).map(|tick| missed(current, tick)));
        gaps.extend(was.claimed_tick_at.map(|tick| missed(current, tick)));
        if let_go(connection, current.id, &was, &gaps).await? {
            break gaps;
        }
    };
    gaps::insert(connection, &gaps.iter().collect::<Vec<_>>()).await
}

/// Lets go of a monitor's ticks and its claim; false, and nothing, if they are no longer as they were read.
async fn let_go(connection: &mut DbConnection, id: MonitorId, was: &Row, gaps: &[Gap]) -> Result<bool, StoreError> {
    let stopped = db::query(
        "update dues set next_tick_at = null, owed_tick_at = null, due_at = null, fault = null, fault_count = 0,
             claimed_by = null, claimed_tick_at = null, lease_until = null, attempt = attempt + 1,
             missed_ticks = missed_ticks + $1, overlapped_ticks = overlapped_ticks + $2
         where monitor_id = $3 and attempt = $4 and (claimed_by is not null) = $5
             and next_tick_at is not distinct from $6 and owed_tick_at is not distinct from $7",
    )
    .bind(count_of(gaps, GapReason::Missed))
    .bind(count_of(gaps, GapReason::Overlapped))
    .bind(id.0)
    .bind(was.attempt)
    .bind(was.claimed)
    .bind(was.next_tick_at.map(micros))
    .bind(was.owed_tick_at.map(micros))
    .execute(connection)
    .await?;
    Ok(stopped.rows_affected() > 0)
}

fn count_of(gaps: &[Gap], reason: GapReason) -> i64 {
    gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.count).sum()
}

/// Brings ticks and state in line with `spec`, which has just replaced `current.spec`.
async fn respec(
    connection: &mut DbConnection,
    current: &Monitor,
    spec: &MonitorSpec,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rescheduled = (&spec.schedule, &spec.timezone) != (&current.spec.schedule, &current.spec.timezone);
    if spec.active == current.spec.active && !(spec.active && rescheduled) {
        return Ok(());
    }
    // Another writer may claim the monitor or settle its claim after it was read: then it is looked at anew.
    let (gaps, flip) = loop {
        let was = read(connection, current).await?;
        let from = accounted_until(connection, current.id, now).await?;
        let moved = moved(current, spec, &was, now, from);
        if replace(connection, current.id, &was, &moved).await? {
            break (moved.gaps, moved.flip);
        }
    };
    gaps::insert(connection, &gaps.iter().collect::<Vec<_>>()).await?;
    if !spec.active {
        // Whoever is switched off waits for nothing.
        for sql in [
            "update states set outage_id = null, waits = null where monitor_id = $1 and outage_id is not null",
            "update dues set catch_up_at = null where monitor_id = $1 and catch_up_at is not null",
        ] {
            db::query(sql).bind(current.id.0).execute(&mut *connection).await?;
        }
    }
    if let Some(flip) = flip {
        let message = "Switched off";
        let new = NewFlip {
            monitor_id: current.id,
            at: now,
            flip,
            message,
            return_value: None,
            cause: Cause::Person,
            by_source: None,
            waits: false,
        };
        record_flips::record_flips(connection, &[new], now).await?;
    }
    Ok(())
}

/// What an edit makes of state and ticks.
struct Moved {
    row: Row,
    gaps: Vec<Gap>,
    flip: Option<Flip>,
}

fn moved(current: &Monitor, spec: &MonitorSpec, was: &Row, now: Timestamp, from: Timestamp) -> Moved {
    let mut row = was.clone();
    let mut gaps = Vec::new();
    let mut flip = None;
    let last_due = account(&mut gaps, current, was, now);
    if spec.active {
        let FirstTick { next_tick_at, fault } = due_ticks::first(spec, from);
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
    Moved { row, gaps, flip }
}

/// Writes ticks and state in the place of what was read; false, and nothing, if they are no longer so. Both are kept since they were
/// read, so that what holds for the first statement holds for the second.
async fn replace(connection: &mut DbConnection, id: MonitorId, was: &Row, moved: &Moved) -> Result<bool, StoreError> {
    let row = &moved.row;
    let replaced = db::query(
        "update dues set next_tick_at = $1, owed_tick_at = $2, due_at = $3, fault = $4, fault_count = 0,
             missed_ticks = missed_ticks + $5, overlapped_ticks = overlapped_ticks + $6
         where monitor_id = $7 and attempt = $8 and (claimed_by is not null) = $9
             and next_tick_at is not distinct from $10
             and owed_tick_at is not distinct from $11 and due_at is not distinct from $12
             and exists (select 1 from states s where s.monitor_id = $7 and s.state = $13 and s.failing_streak = $14
                 and s.passing_streak = $15 and s.recent_failures = $16)",
    )
    .bind(row.next_tick_at.map(micros))
    .bind(row.owed_tick_at.map(micros))
    .bind(row.due_at.map(micros))
    .bind(&row.fault)
    .bind(count_of(&moved.gaps, GapReason::Missed))
    .bind(count_of(&moved.gaps, GapReason::Overlapped))
    .bind(id.0)
    .bind(was.attempt)
    .bind(was.claimed)
    .bind(was.next_tick_at.map(micros))
    .bind(was.owed_tick_at.map(micros))
    .bind(was.due_at.map(micros))
    .bind(was.status.state.as_str())
    .bind(i64::from(was.status.failing_streak))
    .bind(i64::from(was.status.passing_streak))
    .bind(was.status.recent_failures.cast_signed())
    .execute(&mut *connection)
    .await?;
    if replaced.rows_affected() == 0 {
        return Ok(false);
    }
    db::query(
        "update states set state = $1, state_since = $2, failing_streak = $3, passing_streak = $4, severity = $5,
             recent_failures = $6
         where monitor_id = $7",
    )
    .bind(row.status.state.as_str())
    .bind(micros(row.status.state_since))
    .bind(i64::from(row.status.failing_streak))
    .bind(i64::from(row.status.passing_streak))
    .bind(row.status.severity.map(Severity::as_str))
    .bind(row.status.recent_failures.cast_signed())
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(true)
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

/// The instant after which ticks of a monitor are new: `now` or, where somebody's clock was ahead of it, the last tick that is
/// accounted for.
pub(super) async fn accounted_until(
    connection: &mut DbConnection,
    id: MonitorId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let last: Option<i64> = db::query_scalar(
        "select max(accounted.tick_at) from (
             select tick_at from runs where monitor_id = $1 and started_at > $2 and kind <> 'manual'
             union all select last_tick_at from gaps where monitor_id = $1 and last_tick_at > $2
             union all select claimed_tick_at from dues where monitor_id = $1
         ) accounted where accounted.tick_at > $2 and accounted.tick_at <= $3",
    )
    .bind(id.0)
    .bind(micros(now))
    .bind(micros(now.saturating_add(APART).unwrap_or(Timestamp::MAX)))
    .fetch_one(connection)
    .await?;
    Ok(last.map(instant).transpose()?.unwrap_or(now))
}

/// Reads ticks and state, and keeps them for this transaction.
async fn read(connection: &mut DbConnection, current: &Monitor) -> Result<Row, StoreError> {
    let sql = format!(
        "select s.*, d.*, d.claimed_by is not null as claimed from states s join dues d on d.monitor_id = s.monitor_id
         where s.monitor_id = $1 {}",
        sql_pieces::KEEPING_THE_STATES
    );
    let row = db::query(db::AssertSqlSafe(sql)).bind(current.id.0).fetch_one(connection).await?;
    Ok(Row {
        status: records::status(&row)?,
        next_tick_at: row.at_or_none("next_tick_at")?,
        owed_tick_at: row.at_or_none("owed_tick_at")?,
        due_at: row.at_or_none("due_at")?,
        fault: row.text_or_none("fault")?,
        attempt: row.int("attempt")?,
        claimed: row.flag("claimed")?,
        claimed_tick_at: row.at_or_none("claimed_tick_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_store::{moved_by_another, with_a_claim};

    #[tokio::test]
    async fn what_another_writer_moved_after_it_was_read_is_not_edited() {
        let (_folder, store, mut connection, claimed) = with_a_claim().await;
        let current = store.monitor(claimed.monitor_id).await.unwrap();
        let now = claimed.tick_at;
        let off = MonitorSpec { active: false, ..current.spec.clone() };
        for sql in ["update monitors set version = version + 1", "update monitors set deleted_at = 1"] {
            let write = async |connection: &mut DbConnection| change(connection, &current, &off, now).await.unwrap();
            assert_eq!(moved_by_another(&mut connection, sql, write).await, (false, true), "{sql}");
        }
        let was = read(&mut connection, &current).await.unwrap();
        let moved = moved(&current, &off, &was, now, now);
        for sql in [
            "update dues set attempt = attempt + 1",
            "update dues set claimed_by = null",
            "update states set state = 'ALARM'",
            "update states set passing_streak = 7",
            "update dues set next_tick_at = 1",
            "update dues set due_at = 1",
        ] {
            let write =
                async |connection: &mut DbConnection| replace(connection, current.id, &was, &moved).await.unwrap();
            assert_eq!(moved_by_another(&mut connection, sql, write).await, (false, true), "{sql}");
        }
        for column in ["attempt = attempt + 1", "claimed_by = null", "next_tick_at = 1", "owed_tick_at = 1"] {
            let sql = format!("update dues set {column}");
            let write = async |connection: &mut DbConnection| let_go(connection, current.id, &was, &[]).await.unwrap();
            assert_eq!(moved_by_another(&mut connection, &sql, write).await, (false, true), "{sql}");
        }
    }
}
