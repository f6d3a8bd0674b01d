//! What alerts told of a past that is taken over.
//!
//! Whether an alert owed anything for a flip is the model's decision, as it is for every flip; how it fared with what it
//! owed, the alert says. Deliveries are stored in the order in which they came to be owed, each as the engine would have
//! left it: in order per alert and monitor, and told through another alert where they were given up.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use revere_model::{
    AlertRules, FlipId, MonitorId, Severity, SeveritySet, State, StateSet, Subject, Switch, Told, Verdict,
    tell as decide,
};

use super::{Flip, StoreError};
use crate::{
    notification::{Incident, MonitorSummary, Notification},
    store::{
        DeliveryStatus, Settlement,
        columns::{ids_text, micros},
        database::{self as db, DbConnection},
        telling::{
            deliveries::instead,
            incidents::{Described, Heard},
            keys,
            told_monitors::summaries,
            told_records::{remember, unseen},
        },
    },
};

/// An alert that was there all along, as far as the past that is taken over goes.
#[derive(Clone)]
pub struct PastAlert {
    /// Its key.
    pub key: String,
    /// The states it told.
    pub states: StateSet,
    /// How it fared with a delivery that came to be owed at that time.
    pub fared: Arc<PastResult>,
}

impl PastAlert {
    fn rules(&self) -> AlertRules<'_> {
        AlertRules {
            key: &self.key,
            switch: Switch::On,
            states: self.states,
            severities: SeveritySet::ALL,
            tags: &[],
            on_call_only: false,
        }
    }
}

/// Says how an alert fared with what came to be owed at that time.
pub type PastResult = dyn Fn(&Notification, Timestamp) -> PastDelivery + Send + Sync;

/// How an alert fared with a delivery. Not asked for one that waits behind another which is still owed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastDelivery {
    /// How often sending was begun.
    pub attempts: u32,
    /// When what came of it was known; not before it came to be owed.
    pub at: Timestamp,
    /// What came of it. One that is tried again is still owed.
    pub settlement: Settlement,
}

/// A delivery before it is stored.
struct Owed {
    flip_id: FlipId,
    /// The alert, by its place in the list.
    alert: usize,
    notification: Notification,
    created_at: Timestamp,
    /// The one it is told instead of, by its place among all.
    instead_of: Option<usize>,
    /// `None`: it waits behind another one.
    fared: Option<PastDelivery>,
}

/// Stores what `alerts` told of `flips`, which are stored and in order.
pub(super) async fn tell(
    connection: &mut DbConnection,
    flips: &[Flip<'_>],
    alerts: &[PastAlert],
) -> Result<(), StoreError> {
    if alerts.is_empty() {
        return Ok(());
    }
    let instance = keys::instance(connection).await?;
    let names = summaries(connection, &ids_text(flips.iter().map(|flip| flip.monitor_id))).await?;
    let mut heard: HashMap<(usize, MonitorId), Heard> = HashMap::new();
    let mut described = Described::new(&instance);
    let mut waiting = HashSet::new();
    let mut all: Vec<Owed> = Vec::new();
    for flip in flips {
        let monitor = names.get(&flip.monitor_id).ok_or_else(|| StoreError::internal("a flip of no monitor"))?;
        let (old, new) = (flip.change.old_state, flip.change.new_state);
        let severity = critical(old).or(critical(new));
        let subject = Subject { tags: &monitor.tags, alerts: None, state: new, severity };
        for (place, alert) in alerts.iter().enumerate() {
            let heard = heard
                .entry((place, flip.monitor_id))
                .or_insert_with(|| Heard { told: unseen(old, critical(old)), incident: None });
            let before = *heard;
            let decision = decide(&before.told, &alert.rules(), &subject, None);
            *heard = before.then(decision.told, flip.incident);
            if decision.verdict == Verdict::Owed {
                let incident = described.get(connection, before.incident(flip.incident)).await?;
                let notification = notification(flip, monitor, before.told, &instance, &alert.key, incident);
                owe(&mut all, &mut waiting, alerts, place, flip, notification);
            }
        }
    }
    for ((place, monitor), heard) in heard {
        remember(connection, &alerts[place].key, monitor, heard).await?;
    }
    store(connection, &all, alerts).await
}

/// Elsewhere every problem was as bad as every other.
fn critical(state: State) -> Option<Severity> {
    state.is_problem().then_some(Severity::Critical)
}

fn notification(
    flip: &Flip<'_>,
    monitor: &MonitorSummary,
    before: Told,
    instance: &str,
    alert: &str,
    incident: Option<Incident>,
) -> Notification {
    let ran_at = flip.run_id.map(|_| flip.change.at);
    let key = keys::delivery(instance, flip.monitor_id, flip.id, flip.change.at, alert);
    Notification {
        old_state: before.last_heard(),
        old_severity: before.last_severity(),
        new_state: flip.change.new_state,
        severity: critical(flip.change.new_state),
        message: flip.change.message.to_owned(),
        return_value: flip.change.return_value.cloned(),
        tick_at: ran_at,
        started_at: ran_at,
        run_id: flip.run_id,
        incident,
        ..Notification::about(monitor.clone(), key)
    }
}

/// Adds what an alert owes for a flip, and what another one tells instead if it is given up.
fn owe(
    all: &mut Vec<Owed>,
    waiting: &mut HashSet<(usize, MonitorId)>,
    alerts: &[PastAlert],
    alert: usize,
    flip: &Flip<'_>,
    notification: Notification,
) {
    let mut add = |alert: usize, notification: Notification, at: Timestamp, instead_of: Option<usize>| {
        let queue = (alert, flip.monitor_id);
        let fared = (!waiting.contains(&queue)).then(|| (alerts[alert].fared)(&notification, at));
        if fared
            .as_ref()
            .is_some_and(|fared| matches!(fared.settlement, Settlement::Again(..) | Settlement::Unanswered(..)))
        {
            waiting.insert(queue);
        }
        let owed = Owed { flip_id: flip.id, alert, notification, created_at: at, instead_of, fared: fared.clone() };
        all.push(owed);
        (all.len() - 1, fared)
    };
    let (given_up, fared) = add(alert, notification.clone(), flip.change.at, None);
    let Some(PastDelivery { settlement: Settlement::Failed(error), at, .. }) = fared else { return };
    let Some(other) = (0..alerts.len()).find(|other| *other != alert) else { return };
    add(other, instead(&notification, &alerts[alert].key, &error), at, Some(given_up));
}

async fn store(connection: &mut DbConnection, all: &[Owed], alerts: &[PastAlert]) -> Result<(), StoreError> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|place| (all[*place].created_at, *place));
    let mut ids = vec![None; all.len()];
    for place in order {
        let owed = &all[place];
        let instead_of: Option<i64> = owed.instead_of.and_then(|given_up| ids[given_up]);
        ids[place] = Some(insert(connection, owed, &alerts[owed.alert].key, instead_of).await?);
    }
    Ok(())
}

async fn insert(
    connection: &mut DbConnection,
    owed: &Owed,
    alert_key: &str,
    instead_of: Option<i64>,
) -> Result<i64, StoreError> {
    let (status, next_attempt_at, error, reply) = match owed.fared.as_ref().map(|fared| &fared.settlement) {
        None => (DeliveryStatus::Owed, None, None, None),
        Some(Settlement::Again(at, error) | Settlement::Unanswered(at, error)) => {
            (DeliveryStatus::Owed, Some(micros(*at)), Some(error), None)
        }
        Some(Settlement::Failed(error)) => (DeliveryStatus::Failed, None, Some(error), None),
        Some(Settlement::Nobody(error)) => (DeliveryStatus::Cancelled, None, Some(error), None),
        Some(Settlement::Sent(reply)) => (DeliveryStatus::Sent, None, None, Some(reply)),
    };
    let settled_at = owed.fared.as_ref().filter(|_| status != DeliveryStatus::Owed).map(|fared| fared.at);
    let notification = serde_json::to_string(&owed.notification)
        .map_err(|error| StoreError::internal(format!("a notification has no JSON form: {error}")))?;
    Ok(db::query_scalar(
        "insert into deliveries (flip_id, alert_key, monitor_id, status, attempts, next_attempt_at, instead_of,
             last_error, reply, created_at, settled_at, key, notification, incident_id, refusals)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $5) returning id",
    )
    .bind(owed.flip_id.0)
    .bind(alert_key)
    .bind(owed.notification.monitor.id.0)
    .bind(status.as_str())
    .bind(owed.fared.as_ref().map_or(0, |fared| i64::from(fared.attempts)))
    .bind(next_attempt_at)
    .bind(instead_of)
    .bind(error)
    .bind(reply)
    .bind(micros(owed.created_at))
    .bind(settled_at.map(micros))
    .bind(&owed.notification.key)
    .bind(notification)
    .bind(owed.notification.incident.as_ref().map(|incident| incident.id.0))
    .fetch_one(connection)
    .await?)
}
