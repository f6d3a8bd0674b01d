//! What is owed already when a mute begins: it waits for the end of the mute, as what comes to be owed under it does. Looked at
//! when it is about to be sent, so that no moment is missed.
//!
//! What waits stays owed and in its place, so that nothing overtakes it. At the end it is told together with what has become of it,
//! as a late message is. A reminder that nobody needs any more is cancelled.

use jiff::Timestamp;
use revere_model::{MonitorId, Mute, MuteId, MuteSubject, held_by};

use super::{
    Delivery, delivery,
    queue::{behind, keep_the_queue, next_in_turn},
};
use crate::store::{
    StoreError,
    columns::{Columns, ids_text, micros},
    database::{self as db, DbConnection, DbRow},
    telling::{
        mutes::{held, in_force_from},
        told_monitors::{last_change_of, summaries},
    },
};

/// So many that wait behind one are looked at, whether all of them are held back.
const BEHIND: u32 = 20;

/// Of deliveries that were just claimed, those that may be sent now. The others are put off, or cancelled.
pub(super) async fn sendable(
    connection: &mut DbConnection,
    claimed: Vec<Delivery>,
    now: Timestamp,
) -> Result<Vec<Delivery>, StoreError> {
    let mutes = in_force_from(connection, now).await?;
    let tags = match mutes.is_empty() {
        true => Default::default(),
        false => summaries(connection, &ids_text(claimed.iter().map(|delivery| delivery.monitor_id))).await?,
    };
    let mut sendable = Vec::with_capacity(claimed.len());
    for mut delivery in claimed {
        let tags = tags.get(&delivery.monitor_id).map_or(&[][..], |monitor| &monitor.tags);
        let held = held_by(&mutes, &subject(&delivery, tags), now).map(|(mute, until)| (mute.id, until));
        if delivery.notification.reminder.is_some()
            && let Some(why) = needless(connection, &delivery, held.is_some()).await?
        {
            cancel(connection, &delivery, why, now).await?;
            continue;
        }
        match held {
            None if delivery.held_by.is_some() => {
                // What became of it meanwhile is told with it.
                held::let_go(connection, &delivery.alert_key, delivery.monitor_id, now).await?;
            }
            None => {}
            Some((mute, until)) if all_behind_held(connection, &delivery, &mutes, tags, now).await? => {
                put_off(connection, &delivery, mute, until).await?;
                continue;
            }
            // Something behind it is not muted: that is told, and this with it as what was before.
            Some((mute, _)) => {
                // Kept with it: should nobody hear whether it arrived, it is told with the rest again, whatever is muted then.
                db::query("update deliveries set held_by = $1 where id = $2 and held_by is distinct from $1")
                    .bind(mute.0)
                    .bind(delivery.id.0)
                    .execute(&mut *connection)
                    .await?;
                delivery.held_by = Some(mute);
            }
        }
        sendable.push(delivery);
    }
    Ok(sendable)
}

/// Cancels what is owed to remind of the problem of a monitor, because somebody looks after it. One that is being sent is left.
pub(in crate::store) async fn acknowledged(
    connection: &mut DbConnection,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = db::query("select * from deliveries where monitor_id = $1 and status = 'owed' and claimed_by is null")
        .bind(monitor.0)
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        // One that cannot be read is set aside when it is its turn.
        let Some(owed) = readable(connection, row).await? else { continue };
        if owed.notification.reminder.is_some() {
            cancel(connection, &owed, ACKNOWLEDGED, now).await?;
        }
    }
    Ok(())
}

const ACKNOWLEDGED: &str = "somebody looks after it";

/// What a mute may hold back of it.
fn subject<'a>(delivery: &'a Delivery, tags: &'a [String]) -> MuteSubject<'a> {
    let told = &delivery.notification;
    MuteSubject {
        monitor: delivery.monitor_id,
        tags,
        alert: &delivery.alert_key,
        severity: told.severity().or(told.old_severity),
    }
}

/// Why nobody needs a reminder any more.
async fn needless(
    connection: &mut DbConnection,
    delivery: &Delivery,
    muted: bool,
) -> Result<Option<&'static str>, StoreError> {
    if muted {
        return Ok(Some("it is muted"));
    }
    let sql = format!(
        "select s.state, exists (select 1 from acknowledgements k where k.monitor_id = s.monitor_id and k.flip_id = {}) as looked_after
         from states s where s.monitor_id = $1",
        last_change_of("s.monitor_id")
    );
    let row = db::query(db::AssertSqlSafe(sql)).bind(delivery.monitor_id.0).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(match row.state("state")?.is_problem() {
        false => Some("the problem is over"),
        true => row.flag("looked_after")?.then_some(ACKNOWLEDGED),
    })
}

/// A delivery; `None` if it cannot be read, which is said when it is its turn.
async fn readable(connection: &mut DbConnection, row: &DbRow) -> Result<Option<Delivery>, StoreError> {
    match delivery(connection, row).await {
        Err(error) if !error.is_passing() => Ok(None),
        read => read.map(Some),
    }
}

/// Whether whatever waits behind a delivery that is held back is held back as well.
async fn all_behind_held(
    connection: &mut DbConnection,
    first: &Delivery,
    mutes: &[Mute],
    tags: &[String],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = behind(connection, first, BEHIND).await?;
    for row in &rows {
        // It is told to nobody, so it takes nothing along.
        let Some(next) = readable(connection, row).await? else { continue };
        if next.notification.reminder.is_none() && held_by(mutes, &subject(&next, tags), now).is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// It was not begun after all, and waits until the mute ends.
async fn put_off(
    connection: &mut DbConnection,
    delivery: &Delivery,
    mute: MuteId,
    until: Timestamp,
) -> Result<(), StoreError> {
    db::query(
        "update deliveries set attempts = attempts - 1, claimed_by = null, next_attempt_at = $1, held_by = $2
         where id = $3 and status = 'owed' and attempts = $4",
    )
    .bind(micros(until))
    .bind(mute.0)
    .bind(delivery.id.0)
    .bind(i64::from(delivery.attempts))
    .execute(&mut *connection)
    .await?;
    held::note(connection, mute, delivery.flip_id, &delivery.alert_key).await
}

/// It is told no more, for this reason.
async fn cancel(
    connection: &mut DbConnection,
    delivery: &Delivery,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    keep_the_queue(connection, delivery.monitor_id).await?;
    db::query(
        "update deliveries set status = 'cancelled', settled_at = $1, next_attempt_at = null, claimed_by = null,
             last_error = coalesce(last_error || '; ', '') || $2
         where id = $3 and status = 'owed' and attempts = $4",
    )
    .bind(micros(now))
    .bind(why)
    .bind(delivery.id.0)
    .bind(i64::from(delivery.attempts))
    .execute(&mut *connection)
    .await?;
    next_in_turn(connection, &delivery.alert_key, delivery.monitor_id, now).await
}
