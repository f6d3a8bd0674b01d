//! Acknowledging: saying that one looks after a problem. It stops reminders until the state changes, and nothing else.

use std::{collections::HashMap, sync::Arc};

use revere_model::{MonitorId, Operation, State, note_fault};

use super::{Context, Failure, Services, failure::of, monitors};
use crate::{
    acknowledge_link::LinkSigner,
    store::{Acknowledged, AcknowledgedBy, Acknowledgement, Delivery, StoreError},
};

/// Who looks after the present problem of a monitor, if somebody does.
pub async fn get(context: &Context, id: MonitorId) -> Result<Option<Acknowledgement>, Failure> {
    monitors::get(context, id).await?;
    Ok(of_these(context, &[id]).await?.remove(&id))
}

/// Who looks after the present problems of these monitors.
pub async fn of_these(context: &Context, ids: &[MonitorId]) -> Result<HashMap<MonitorId, Acknowledgement>, Failure> {
    context.may(Operation::SeeMonitors)?.store.acknowledgements(ids).await.map_err(Failure::Store)
}

/// Says that whoever asks looks after the present problem of a monitor. Answers who does: whoever said so first. The second is
/// whether that was before.
pub async fn acknowledge(context: &Context, id: MonitorId, note: &str) -> Result<(Acknowledgement, bool), Failure> {
    let monitor = monitors::get(context, id).await?;
    let services = context.may_with(Operation::Acknowledge, Some(id), &monitor.spec.tags)?;
    let note = checked(note)?;
    let asked = context.asked().because(note);
    let made =
        services.store.acknowledge(id, None, AcknowledgedBy::Request, &asked).await.map_err(of("monitor", id))?;
    match made {
        Acknowledged::Now(made) => {
            services.engine.changed(id);
            Ok((made, false))
        }
        Acknowledged::Before(made) => Ok((made, true)),
        Acknowledged::Over(state) => {
            let detail = format!("the monitor is {state}: only an ALARM or an ERROR can be acknowledged");
            Err(Failure::NotPossible(detail))
        }
    }
}

/// Takes back that somebody looks after the present problem of a monitor; answers who did, if anybody. What was held up by it goes on
/// from now.
pub async fn take_back(context: &Context, id: MonitorId, note: &str) -> Result<Option<Acknowledgement>, Failure> {
    let monitor = monitors::get(context, id).await?;
    let services = context.may_with(Operation::Acknowledge, Some(id), &monitor.spec.tags)?;
    let asked = context.asked().because(checked(note)?);
    let rotas = services.rotas.iter().filter_map(|(key, rota)| Some((key.clone(), rota.escalate_after?))).collect();
    let was = services.store.take_back_acknowledgement(id, rotas, &asked).await.map_err(of("monitor", id))?;
    services.engine.changed(id);
    Ok(was)
}

/// Who looks after the outage of a source that people were told of, if somebody does.
pub async fn get_of_source(context: &Context, source: &str) -> Result<Option<Acknowledgement>, Failure> {
    let services = context.may(Operation::SeeSources)?;
    let Some(told_as) = told_as(services, source).await? else { return Ok(None) };
    Ok(services.store.acknowledgements(&[told_as]).await.map_err(Failure::Store)?.remove(&told_as))
}

/// Says that whoever asks looks after the outage of a source. Answers who does: whoever said so first. The second is whether that
/// was before.
pub async fn acknowledge_source(
    context: &Context,
    source: &str,
    note: &str,
) -> Result<(Acknowledgement, bool), Failure> {
    let told_as = told_as(context.may(Operation::SeeSources)?, source).await?;
    let services = may_for_all(context)?;
    let asked = context.asked().because(checked(note)?);
    let nothing = || {
        let detail = format!("nobody was notified that the source {source:?} is down: there is nothing to acknowledge");
        Failure::NotPossible(detail)
    };
    let told_as = told_as.ok_or_else(nothing)?;
    let made = services.store.acknowledge(told_as, None, AcknowledgedBy::Request, &asked).await;
    match made.map_err(of("source", source))? {
        Acknowledged::Now(made) => {
            services.engine.wake();
            Ok((made, false))
        }
        Acknowledged::Before(made) => Ok((made, true)),
        Acknowledged::Over(_) => Err(nothing()),
    }
}

/// Takes back that somebody looks after the outage of a source; answers who did, if anybody.
pub async fn take_back_of_source(
    context: &Context,
    source: &str,
    note: &str,
) -> Result<Option<Acknowledgement>, Failure> {
    let told_as = told_as(context.may(Operation::SeeSources)?, source).await?;
    let services = may_for_all(context)?;
    let asked = context.asked().because(checked(note)?);
    let Some(told_as) = told_as else { return Ok(None) };
    let rotas = services.rotas.iter().filter_map(|(key, rota)| Some((key.clone(), rota.escalate_after?))).collect();
    let was = services.store.take_back_acknowledgement(told_as, rotas, &asked).await.map_err(of("source", source))?;
    services.engine.wake();
    Ok(was)
}

/// Under which number people were told of a source; `None` if they never were. A source has to be in the configuration.
async fn told_as(services: &Services, source: &str) -> Result<Option<MonitorId>, Failure> {
    if !services.runner.sources().contains_key(source) {
        return Err(Failure::NotFound { what: "source", key: format!("{source:?}") });
    }
    Ok(services.store.sources_told().await.map_err(Failure::Store)?.remove(source))
}

/// What the operation works with, for whoever may edit every monitor: any of them may wait for the source.
fn may_for_all(context: &Context) -> Result<&Arc<Services>, Failure> {
    context.may_with(Operation::Acknowledge, None, &[])
}

/// What the link of a message leads to.
#[derive(Clone, PartialEq, Debug)]
pub struct Linked {
    /// The message.
    pub delivery: Delivery,
    /// How the problem stands.
    pub stands: Stands,
}

/// How a problem stands that a message told of.
#[derive(Clone, PartialEq, Debug)]
pub enum Stands {
    /// It goes on, and nobody has said that they look after it.
    Open,
    /// They do.
    Acknowledged(Acknowledgement),
    /// It is over, or another one by now: this is the state.
    Over(State),
}

/// What the link of a message leads to. It does nothing.
pub async fn linked(context: &Context, token: &str) -> Result<Linked, Failure> {
    let services = context.may(Operation::AcknowledgeByLink)?;
    let store = &services.store;
    let unknown = || Failure::NotFound {
        what: "such link:",
        key: "it may be cut off, older than a month, or its message is not kept any more".to_owned(),
    };
    let id = LinkSigner::delivery(token).ok_or_else(unknown)?;
    let told = store.told_message(id).await.map_err(Failure::Store)?.ok_or_else(unknown)?;
    let keys = store.link_keys().await.map_err(Failure::Store)?;
    if !keys.iter().any(|key| LinkSigner::new(key).fits(token, id, told.flip)) {
        return Err(unknown());
    }
    let delivery = store.delivery(id).await.map_err(Failure::Store)?;
    let state = match store.state_told_of(told.monitor).await {
        Ok(state) => state,
        Err(StoreError::NotFound) => return Ok(Linked { delivery, stands: Stands::Over(State::Inactive) }),
        Err(error) => return Err(Failure::Store(error)),
    };
    let last = store.last_change(told.monitor).await.map_err(Failure::Store)?;
    if !state.is_problem() || last.is_none_or(|last| told.flip < last) {
        return Ok(Linked { delivery, stands: Stands::Over(state) });
    }
    let made = store.acknowledgements(&[told.monitor]).await.map_err(Failure::Store)?.remove(&told.monitor);
    Ok(Linked { delivery, stands: made.map_or(Stands::Open, Stands::Acknowledged) })
}

/// Says that whoever holds the link of a message looks after what it told of.
pub async fn acknowledge_by_link(context: &Context, token: &str, note: &str) -> Result<Linked, Failure> {
    let linked = linked(context, token).await?;
    if linked.stands != Stands::Open {
        return Ok(linked);
    }
    let services = context.may(Operation::AcknowledgeByLink)?;
    let asked = context.asked().because(checked(note)?);
    let Delivery { monitor_id, flip_id, alert_key, .. } = &linked.delivery;
    let by = AcknowledgedBy::Link { alert: alert_key.clone() };
    let made = services.store.acknowledge(*monitor_id, Some(*flip_id), by, &asked).await;
    let stands = match made.map_err(of("monitor", monitor_id))? {
        Acknowledged::Now(made) | Acknowledged::Before(made) => Stands::Acknowledged(made),
        Acknowledged::Over(state) => Stands::Over(state),
    };
    services.engine.changed(*monitor_id);
    Ok(Linked { stands, ..linked })
}

fn checked(note: &str) -> Result<&str, Failure> {
    let note = note.trim();
    match note_fault(note) {
        Some(message) => Err(Failure::refused("note", message)),
        None => Ok(note),
    }
}
