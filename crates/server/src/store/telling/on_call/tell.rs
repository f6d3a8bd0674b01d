//! What a rota owes, told: the problem to whoever is on call, the next ones where nobody acknowledges, and what another alert
//! could not tell.

use jiff::{SignedDuration, Timestamp};
use revere_model::{DeliveryId, MonitorId, lasted};

use super::{
    Asked, OnCallSettled, OnCallTold, ends,
    known::{Known, Usable},
    records,
    whom::{Outcome, Reach},
};
use crate::store::{
    StoreError,
    database::{self as db, DbConnection},
    telling::{
        deliveries::{Settlement, handed_on, read, read_one, settle, stand_in, tell_instead},
        mutes::held,
    },
};

/// What is held back is looked at again after so long at the latest: somebody may end the mute before its time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Settles a delivery of the rota, and has people told what it says.
pub(super) async fn what_is_owed(
    connection: &mut DbConnection,
    asked: &Asked<'_>,
    known: &Known,
    id: DeliveryId,
    told: &mut OnCallTold,
) -> Result<(), StoreError> {
    // Another server may have settled it while this one waited for the row.
    let row = db::query(
        "update deliveries set attempts = attempts + 1
         where id = $1 and alert_key = $2 and status = 'owed' and next_attempt_at is not null returning *",
    )
    .bind(id.0)
    .bind(asked.key)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let Some(delivery) = read(connection, &row, asked.now).await? else { return Ok(()) };
    let mut reach = Reach::new(asked, known, &delivery);
    let mut outcome = whom(connection, &mut reach).await?;
    if outcome == Outcome::Nobody
        && let Some(until) = reach.held_until
    {
        // Rather told by another alert now, unless it is the mutes alone that hold it back.
        let waits = !reach.beyond_reach && delivery.instead_of.is_none();
        if waits || stand_in(connection, &delivery, asked.now).await?.is_none_or(|(_, free)| !free) {
            outcome = Outcome::Later(until);
        }
    }
    let said = reach.said.join("; ");
    told.owed.append(&mut reach.owed);
    let settlement = match outcome {
        Outcome::Told => Settlement::Sent(said.clone()),
        Outcome::Nobody => Settlement::Failed(said.clone()),
        Outcome::Later(until) => {
            let glance = asked.now.saturating_add(LOOK_AGAIN).unwrap_or(until);
            return handed_on::put_off(connection, id, until.min(glance), &said).await;
        }
    };
    settle(connection, &delivery, &settlement, asked.now).await?;
    if outcome == Outcome::Nobody && delivery.instead_of.is_some() {
        // It was not tried, so another one may.
        tell_instead(connection, &delivery, &said, asked.now).await?;
    }
    told.settled.push(OnCallSettled { id, monitor_id: delivery.monitor_id, status: settlement.status(), said });
    Ok(())
}

/// Tells whom it concerns.
async fn whom(connection: &mut DbConnection, reach: &mut Reach<'_>) -> Result<Outcome, StoreError> {
    let delivery = reach.delivery;
    if delivery.instead_of.is_some() {
        return instead(connection, reach).await;
    }
    if !delivery.notification.new_state.is_problem() {
        return ends::the_end(connection, reach).await;
    }
    if let Some(until) = reach.rota_held() {
        reach.said.push(format!("{} is muted", reach.asked.key));
        return Ok(Outcome::Later(until));
    }
    if delivery.notification.reminder.is_some() {
        return remind(connection, reach).await;
    }
    if delivery.reply.is_some() {
        // It was held back: what came of it meanwhile is owed by now.
        held::let_go(connection, reach.asked.key, delivery.monitor_id, reach.asked.now).await?;
        if handed_on::is_over(connection, delivery).await? {
            reach.said.push("it was over before anybody could be notified".to_owned());
            return Ok(Outcome::Told);
        }
    }
    let incident = delivery.incident_id.map(|incident| incident.0);
    records::begin(connection, reach.place(), delivery.id.0, incident).await?;
    reach.notes = true;
    let is_told = reach.begin(connection).await?;
    schedule(connection, reach.asked, delivery.monitor_id).await?;
    Ok(if is_told { Outcome::Told } else { Outcome::Nobody })
}

/// Reminds those who were told; where none of them can be reached, whoever is on call hears of it.
async fn remind(connection: &mut DbConnection, reach: &mut Reach<'_>) -> Result<Outcome, StoreError> {
    let (key, monitor) = reach.place();
    let mut reminded = false;
    for one in records::told(connection, key, monitor).await?.iter().filter(|one| one.hears()) {
        if reach.usable(&one.alert) == Usable::Yes {
            let why = format!("{} was notified of it by '{key}'", one.person);
            reach.alert(connection, &one.person, &one.alert, &why).await?;
            reach.said.push(format!("{} is reminded ({})", one.person, one.alert));
            reminded = true;
        }
    }
    if !reminded {
        reach.notes = true;
        reminded = reach.begin(connection).await?;
    }
    Ok(if reminded { Outcome::Told } else { Outcome::Nobody })
}

/// What another alert could not tell, or an alert of the rota's own people: whoever is on call is told, but by no alert that has
/// failed at it. They hear the end if the rota tells it, or has told it meanwhile.
async fn instead(connection: &mut DbConnection, reach: &mut Reach<'_>) -> Result<Outcome, StoreError> {
    let delivery = reach.delivery;
    if !delivery.notification.new_state.is_problem() {
        reach.said.push("only who was notified of the problem is notified of its end".to_owned());
        return Ok(Outcome::Nobody);
    }
    if let Some(until) = reach.rota_held() {
        reach.said.push(format!("{} is muted", reach.asked.key));
        reach.held_until = Some(until);
        return Ok(Outcome::Nobody);
    }
    reach.failed = handed_on::failed(connection, delivery.flip_id).await?;
    let failed = handed_on::instead_of(connection, delivery).await?;
    let place = reach.place();
    // Of an alert that tells by itself: whoever knows of the problem does not know that others were not told. Where it reaches
    // nobody but people who know of it, nobody was left out.
    reach.again = match &failed {
        Some(failed) if !failed.was_handed_on => {
            let told = records::told(connection, place.0, place.1).await?;
            let knows = |person: &str| {
                told.iter().any(|one| one.person == person && one.hears() && !reach.failed.contains(&one.alert))
            };
            let mut reached =
                reach.asked.rota.people.iter().filter(|person| person.alerts.contains(&failed.key)).peekable();
            reached.peek().is_none() || !reached.all(|person| knows(&person.name))
        }
        _ => false,
    };
    let incident = delivery.incident_id.map(|incident| incident.0);
    let goes_on = records::going_on(connection, place).await? == Some(incident);
    let ended_by = if goes_on { None } else { records::end_of(connection, place, incident).await? };
    reach.notes = goes_on || ended_by.is_some();
    let is_told = reach.begin(connection).await?;
    if !is_told {
        return Ok(Outcome::Nobody);
    }
    if let Some(end) = ended_by {
        for (person, alert) in &reach.reached {
            records::end_held(connection, place, (person, alert), Some(end)).await?;
        }
    }
    if goes_on {
        if reach.owed.is_empty()
            && let Some(failed) = failed.filter(|failed| failed.was_handed_on)
        {
            go_on_without(connection, reach, &failed.key).await?;
        }
        schedule(connection, reach.asked, place.1).await?;
    }
    Ok(Outcome::Told)
}

/// An alert failed that was to tell the next ones, because nobody else acknowledged: whom it does not reach is passed over.
async fn go_on_without(connection: &mut DbConnection, reach: &mut Reach<'_>, alert: &str) -> Result<(), StoreError> {
    let place = reach.place();
    if records::is_acknowledged(connection, place.1).await? || handed_on::is_over(connection, reach.delivery).await? {
        return Ok(());
    }
    let told = records::told(connection, place.0, place.1).await?;
    let is_reached =
        |person: &str| told.iter().any(|one| one.person == person && one.hears() && !reach.failed.contains(&one.alert));
    let by_it = |one: &&records::ToldPerson| one.in_round && one.alert == alert && !reach.is_on_call(&one.person);
    let missed: Vec<&str> = told.iter().filter(by_it).map(|one| one.person.as_str()).collect();
    if missed.is_empty() || missed.iter().any(|person| is_reached(person)) {
        return Ok(());
    }
    let because = format!("{} could not be reached", missed.join(" and "));
    let mut already = in_round(connection, place).await?;
    reach.go_on(connection, &because, &mut already).await
}

/// Tells the next one of a problem that nobody has acknowledged in time, or of which nobody could be told.
pub(super) async fn next_step(
    connection: &mut DbConnection,
    asked: &Asked<'_>,
    known: &Known,
    monitor: MonitorId,
    told: &mut OnCallTold,
) -> Result<(), StoreError> {
    let place = (asked.key, monitor);
    let steps = records::due_steps(connection, asked.key, asked.now, Some(monitor)).await?;
    let steps = records::not_held(connection, known, asked.key, steps, asked.now).await?;
    let Some(step) = steps.into_iter().next() else { return Ok(()) };
    if !step.open {
        // The rota was switched off meanwhile, or does not tell the end.
        return records::over(connection, place).await;
    }
    if step.acknowledged {
        // It may become another problem, which nobody has acknowledged and the rota does not tell.
        return records::next_at(connection, place, later(asked)).await;
    }
    let heard = records::told(connection, place.0, place.1).await?.iter().any(|one| one.in_round && one.hears());
    let because = match asked.rota.escalate_after {
        _ if !heard => "nobody could be notified of it yet".to_owned(),
        Some(after) => format!("nobody acknowledged it within {}", lasted(after.as_secs())),
        // The configuration had one when it was told.
        None => return records::next_at(connection, place, None).await,
    };
    let Some(delivery) = read_one(connection, step.delivery, asked.now).await? else {
        return records::next_at(connection, place, None).await;
    };
    let mut reach = Reach::new(asked, known, &delivery);
    reach.notes = true;
    let mut already = in_round(connection, place).await?;
    reach.go_on(connection, &because, &mut already).await?;
    tracing::info!(alert = asked.key, %monitor, what = reach.said.join("; "), "the next ones of a rota");
    told.owed.append(&mut reach.owed);
    schedule(connection, asked, monitor).await
}

/// Who was asked since the last change.
async fn in_round(connection: &mut DbConnection, place: (&str, MonitorId)) -> Result<Vec<String>, StoreError> {
    let told = records::told(connection, place.0, place.1).await?;
    Ok(told.into_iter().filter(|one| one.in_round && one.ends_with.is_none()).map(|one| one.person).collect())
}

/// When the next one is told of what is told now.
fn later(asked: &Asked<'_>) -> Option<Timestamp> {
    asked.rota.escalate_after.and_then(|after| asked.now.saturating_add(after).ok())
}

/// Writes when the next one is told, if anybody is left.
async fn schedule(connection: &mut DbConnection, asked: &Asked<'_>, monitor: MonitorId) -> Result<(), StoreError> {
    let place = (asked.key, monitor);
    let already = in_round(connection, place).await?;
    let at = later(asked).filter(|_| asked.rota.next_step(&already).is_some());
    records::next_at(connection, place, at).await
}
