//! Mutes: what alerts hold back for a time. Monitors go on running meanwhile.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, Mute, MuteDraft, MuteId, MuteScope, Operation, nearest};

use super::{Context, Failure, FieldFault, Refusal, Services, failure::of};
use crate::store::{HeldBack, MuteFilter, MuteRecord};

/// The most that are not over; nobody has more in mind.
const MOST: u32 = 1000;

/// Monitors that the store is asked about at once.
const ASKED_AT_ONCE: usize = 10_000;

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct MuteInput {
    /// As it was asked for.
    pub draft: MuteDraft,
    /// What reading the input already found wrong.
    pub faults: Vec<FieldFault>,
}

/// Mutes, newest first, filtered.
pub async fn list(context: &Context, filter: &MuteFilter) -> Result<Vec<MuteRecord>, Failure> {
    context.may(Operation::SeeAlerts)?.store.mutes(filter, context.now()).await.map_err(Failure::Store)
}

/// The mutes that are not over, newest first.
pub async fn not_over(context: &Context) -> Result<Vec<MuteRecord>, Failure> {
    list(context, &MuteFilter { over: Some(false), before: None, limit: MOST }).await
}

/// The mutes that are in force now, in short.
pub async fn in_force(context: &Context) -> Result<Vec<Mute>, Failure> {
    let now = context.now();
    let found = context.may(Operation::SeeAlerts)?.store.mutes_not_over(now).await.map_err(Failure::Store)?;
    Ok(found.into_iter().filter(|mute| mute.period.until(now).is_some()).collect())
}

/// The mutes that are in force now and bear on this monitor, whatever the alert, newest first.
pub async fn of_monitor(context: &Context, id: MonitorId, tags: &[String]) -> Result<Vec<MuteRecord>, Failure> {
    let concerns = |mute: &Mute| mute.scope.names(id, tags) != Some(false);
    let ids: Vec<MuteId> = in_force(context).await?.iter().filter(|mute| concerns(mute)).map(|mute| mute.id).collect();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids.into_iter().rev() {
        found.push(get(context, id).await?);
    }
    Ok(found)
}

/// One mute.
pub async fn get(context: &Context, id: MuteId) -> Result<MuteRecord, Failure> {
    context.may(Operation::SeeAlerts)?.store.mute(id).await.map_err(of("mute", id))
}

/// What a mute held back, newest first.
pub async fn held_back(
    context: &Context,
    id: MuteId,
    before: Option<FlipId>,
    limit: u32,
) -> Result<Vec<HeldBack>, Failure> {
    get(context, id).await?;
    context.may(Operation::SeeAlerts)?.store.held_back(id, before, limit).await.map_err(Failure::Store)
}

/// Mutes something. Whoever edits some monitors alone may mute those, by name or by such a tag.
pub async fn add(context: &Context, input: MuteInput) -> Result<MuteRecord, Failure> {
    let MuteInput { mut draft, mut faults } = input;
    draft.reason = draft.reason.trim().to_owned();
    check_names(context, &mut draft, &mut faults).await?;
    let judged = draft.judged(context.now()).map_err(|found| {
        // What could not be read is not missing.
        let told: Vec<String> = faults.iter().map(|fault| fault.root().to_owned()).collect();
        let found = found.into_iter().filter(|fault| !told.iter().any(|field| field == fault.field));
        faults.extend(found.map(|fault| FieldFault::new(fault.field, fault.message)));
    });
    let (scope, period) = match judged {
        Ok(judged) => Refusal::unless_clean(faults, judged)?,
        Err(()) => return Err(Failure::Refused(Refusal { faults })),
    };
    let services = allowed(context, &scope).await?;
    if not_over(context).await?.len() >= MOST as usize {
        let detail = format!("there are {MOST} mutes that are not over; end some, or name a tag instead of monitors");
        return Err(Failure::NotPossible(detail));
    }
    let asked = context.asked().because(&draft.reason);
    let added = services.store.add_mute(&scope, &period, &asked).await.map_err(Failure::Store)?;
    services.engine.wake();
    Ok(added)
}

/// Ends a mute before its time. What it held back and is not over is told.
pub async fn end(context: &Context, id: MuteId) -> Result<MuteRecord, Failure> {
    let was = get(context, id).await?;
    let services = allowed(context, &was.mute.scope).await?;
    let ended = services.store.end_mute(id, &context.asked()).await.map_err(of("mute", id))?;
    services.engine.wake();
    Ok(ended)
}

/// Whether whoever asks may end each of these mutes: for a page that offers it. However many they are, the monitors
/// that they name are asked for at once.
pub async fn might_end(context: &Context, scopes: &[&MuteScope]) -> Result<Vec<bool>, Failure> {
    // Whoever may do it to what has no tags may do it to all: no monitor is looked at for that.
    if context.might_with(Operation::Mute, &[]).is_ok() {
        return Ok(vec![true; scopes.len()]);
    }
    let tags = tags_of(context, scopes).await?;
    let might = |scope: &&MuteScope| {
        parts(scope, &tags).iter().all(|(_, tags)| context.might_with(Operation::Mute, tags).is_ok())
    };
    Ok(scopes.iter().map(might).collect())
}

/// What a mute is added or ended with, by whoever may do that to each part of it.
async fn allowed<'a>(context: &'a Context, scope: &MuteScope) -> Result<&'a Arc<Services>, Failure> {
    let mut parts = parts(scope, &tags_of(context, &[scope]).await?);
    let (id, tags) = parts.pop().unwrap_or_default();
    for (id, tags) in parts {
        context.may_with(Operation::Mute, id, &tags)?;
    }
    context.may_with(Operation::Mute, id, &tags)
}

/// The parts of a mute, each with the tags that decide about it: those of each monitor that is named and there, the tag that is
/// named, or none for what is about everybody's monitors.
fn parts(scope: &MuteScope, tags: &HashMap<MonitorId, Vec<String>>) -> Vec<(Option<MonitorId>, Vec<String>)> {
    let named = scope.monitors.iter().filter_map(|id| Some((Some(*id), tags.get(id)?.clone())));
    let mut parts: Vec<_> = named.collect();
    if parts.is_empty() {
        parts.push((None, scope.tag.iter().cloned().collect()));
    }
    parts
}

/// The tags of the monitors that these name, as far as they are there.
async fn tags_of(context: &Context, scopes: &[&MuteScope]) -> Result<HashMap<MonitorId, Vec<String>>, Failure> {
    let store = &context.may(Operation::SeeMonitors)?.store;
    let mut ids: Vec<MonitorId> = scopes.iter().flat_map(|scope| scope.monitors.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut tags = HashMap::with_capacity(ids.len());
    for some in ids.chunks(ASKED_AT_ONCE) {
        let rows = store.overview_rows(some).await.map_err(Failure::Store)?;
        tags.extend(rows.into_iter().map(|row| (row.id, row.tags)));
    }
    Ok(tags)
}

/// What is named has to be there, so that a slip of the pen silences nobody and is not taken for a mute.
async fn check_names(context: &Context, draft: &mut MuteDraft, faults: &mut Vec<FieldFault>) -> Result<(), Failure> {
    let store = &context.may(Operation::SeeMonitors)?.store;
    let named = &draft.monitors[..draft.monitors.len().min(revere_model::MAX_MUTED_MONITORS)];
    let rows = store.overview_rows(named).await.map_err(Failure::Store)?;
    let there: HashSet<MonitorId> = rows.into_iter().map(|row| row.id).collect();
    for (place, id) in named.iter().enumerate().filter(|(_, id)| !there.contains(id)) {
        faults.push(FieldFault::new(format!("monitor_ids[{place}]"), format!("there is no monitor {id}")));
    }
    if let Some(tag) = &mut draft.tag {
        let tags = store.tags(u32::MAX >> 1).await.map_err(Failure::Store)?;
        match tags.iter().find(|(known, _)| known.to_lowercase() == tag.trim().to_lowercase()) {
            Some((known, _)) => tag.clone_from(known),
            None => {
                let near = nearest(tag, tags.iter().map(|(known, _)| known.as_str()));
                let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                let shown: String = tag.chars().take(100).collect();
                faults.push(FieldFault::new("tag", format!("no monitor has the tag {shown:?}{near}")));
            }
        }
    }
    if let Some(alert) = &draft.alert {
        let alerts = store.alerts().await.map_err(Failure::Store)?;
        if !alerts.iter().any(|row| row.key == *alert) {
            let near = nearest(alert, alerts.iter().map(|row| row.key.as_str()));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            let shown: String = alert.chars().take(100).collect();
            faults.push(FieldFault::new("alert", format!("there is no alert {shown:?}{near}")));
        }
    }
    Ok(())
}

/// Until when a mute of everything is in force.
pub fn all_muted_until(mutes: &[Mute], now: Timestamp) -> Option<Timestamp> {
    mutes.iter().filter(|mute| mute.scope.is_everything()).filter_map(|mute| mute.period.until(now)).max()
}

/// Until when a mute that names this monitor, and no alert, is in force.
pub fn muted_until(mutes: &[Mute], monitor: MonitorId, tags: &[String], now: Timestamp) -> Option<Timestamp> {
    let names = |mute: &&Mute| mute.scope.alert.is_none() && mute.scope.names(monitor, tags) == Some(true);
    mutes.iter().filter(names).filter_map(|mute| mute.period.until(now)).max()
}
