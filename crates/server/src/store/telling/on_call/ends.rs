//! The end of a problem that a rota told: to everybody who was told of it, whoever is on call by then, and to nobody else.

use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, State};

use super::{
    Asked, OnCallTold,
    known::{Known, Usable},
    records::{self, ToldPerson},
    whom::{Outcome, Reach, about},
};
use crate::{
    notification::Notification,
    store::{
        StoreError,
        columns::{Columns, instant},
        database::{self as db, DbConnection},
        telling::deliveries::read_one,
    },
};

/// An end waits so long for an alert that the configuration does not have, or that is switched off.
const GONE_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The end is told to everybody who was told of the problem. Whoever hears that the monitor is watched no longer hears when it is
/// well again; where nobody was told anything, whoever is on call does.
pub(super) async fn the_end(connection: &mut DbConnection, reach: &mut Reach<'_>) -> Result<Outcome, StoreError> {
    let (key, monitor) = reach.place();
    let pauses = reach.delivery.notification.new_state == State::Inactive;
    let told = records::told(connection, key, monitor).await?;
    let told: Vec<ToldPerson> = told.into_iter().filter(|one| !one.alert.is_empty()).collect();
    if told.is_empty() {
        records::over(connection, (key, monitor)).await?;
        if !pauses {
            reach.said.push(format!("nobody was notified of it by '{key}', so nobody is notified of its end"));
            return Ok(Outcome::Told);
        }
        reach.notes = true;
        return Ok(if reach.begin(connection).await? { Outcome::Told } else { Outcome::Nobody });
    }
    let mut outcome = Outcome::Nobody;
    for one in &told {
        let place = (one.person.as_str(), one.alert.as_str());
        match reach.usable(&one.alert) {
            Usable::Yes => {
                end_to(connection, reach, one).await?;
                heard(connection, (key, monitor), one, pauses).await?;
                outcome = Outcome::Told;
            }
            why @ (Usable::Held(_) | Usable::Gone | Usable::Off) => {
                records::end_held(connection, (key, monitor), place, Some(reach.delivery.id.0)).await?;
                let words = why.words();
                reach.said.push(format!("{} {words}: {} is notified when that is over", one.alert, one.person));
                outcome = Outcome::Told;
            }
        }
    }
    records::closed(connection, (key, monitor)).await?;
    Ok(outcome)
}

async fn end_to(connection: &mut DbConnection, reach: &mut Reach<'_>, one: &ToldPerson) -> Result<(), StoreError> {
    let why = format!("{} was notified of it by '{}'", one.person, reach.asked.key);
    reach.alert(connection, &one.person, &one.alert, &why).await?;
    reach.said.push(format!("{} is notified of the end ({})", one.person, one.alert));
    Ok(())
}

/// Somebody has heard the end.
async fn heard(
    connection: &mut DbConnection,
    rota: (&str, MonitorId),
    one: &ToldPerson,
    pauses: bool,
) -> Result<(), StoreError> {
    let place = (one.person.as_str(), one.alert.as_str());
    if pauses {
        records::end_held(connection, rota, place, None).await
    } else {
        records::forget(connection, rota, place).await
    }
}

/// The monitors of which somebody can be told the end by now from whom something held it back; those of which that cannot be
/// said are among them.
pub(super) async fn free(
    connection: &mut DbConnection,
    known: &Known,
    rota: &str,
    now: Timestamp,
) -> Result<Vec<MonitorId>, StoreError> {
    let rows = db::query(
        "select t.monitor_id, t.alert_key, d.notification, d.created_at from on_call_told t
         left join deliveries d on d.id = t.ends_with
         where t.rota = $1 and t.ends_with is not null order by t.monitor_id",
    )
    .bind(rota)
    .fetch_all(connection)
    .await?;
    let mut free = Vec::new();
    for row in &rows {
        let (monitor, alert) = (MonitorId(row.int("monitor_id")?), row.text("alert_key")?);
        let told: Option<Notification> =
            row.text_or_none("notification")?.and_then(|text| serde_json::from_str(&text).ok());
        let since = row.int_or_none("created_at")?.map(instant).transpose()?;
        let waits =
            told.zip(since).is_some_and(|(told, since)| waits(known.usable(&about(&told, &alert), now), since, now));
        if !waits && free.last() != Some(&monitor) {
            free.push(monitor);
        }
    }
    Ok(free)
}

/// Whether what came to be owed at `since` waits for the alert.
fn waits(usable: Usable, since: Timestamp, now: Timestamp) -> bool {
    match usable {
        Usable::Held(_) => true,
        Usable::Gone | Usable::Off => now.duration_since(since) < GONE_FOR,
        Usable::Yes => false,
    }
}

/// Tells the end to those of a monitor from whom nothing holds it back any more.
pub(super) async fn held_ends(
    connection: &mut DbConnection,
    asked: &Asked<'_>,
    known: &Known,
    monitor: MonitorId,
    told: &mut OnCallTold,
) -> Result<(), StoreError> {
    let rota = (asked.key, monitor);
    let goes_on = records::going_on(connection, rota).await?.is_some();
    for one in records::told(connection, asked.key, monitor).await? {
        let Some(id) = one.ends_with else { continue };
        let place = (one.person.as_str(), one.alert.as_str());
        if goes_on {
            // For them the problem goes on; they hear its end with all others.
            records::end_held(connection, rota, place, None).await?;
            continue;
        }
        let Some(delivery) = read_one(connection, id, asked.now).await? else {
            tracing::error!(alert = one.alert, %monitor, delivery = id, "an end that was held back cannot be read; it is not sent");
            records::forget(connection, rota, place).await?;
            continue;
        };
        let mut reach = Reach::new(asked, known, &delivery);
        let usable = reach.usable(&one.alert);
        if waits(usable, delivery.created_at, asked.now) {
            continue;
        }
        if usable == Usable::Yes {
            end_to(connection, &mut reach, &one).await?;
            heard(connection, rota, &one, delivery.notification.new_state == State::Inactive).await?;
        } else {
            tracing::warn!(alert = one.alert, %monitor, why = usable.words(), "an end that was held back is not sent");
            records::forget(connection, rota, place).await?;
        }
        told.owed.append(&mut reach.owed);
    }
    Ok(())
}
