//! Mutes as rows, and the changes of state that one held back.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{MonitorId, MuteId, MuteScope, Recurrence, Severity, lasted};

use super::super::display::{Badge, When};
use crate::{
    operations::{Context, Failure, mutes, overview},
    store::{Author, HeldBack, MuteRecord},
};

/// Monitors that a row names.
const NAMED: usize = 4;

/// A mute as a row shows it.
pub(in super::super) struct MuteRow {
    pub(in super::super) id: MuteId,
    pub(in super::super) monitors: Vec<(MonitorId, String)>,
    /// Monitors beyond those that are named.
    pub(in super::super) more: usize,
    pub(in super::super) tag: Option<String>,
    pub(in super::super) alert: Option<String>,
    pub(in super::super) severity: Option<Severity>,
    pub(in super::super) everything: bool,
    /// In force until then.
    pub(in super::super) until: Option<When>,
    /// Not in force, and begins then.
    pub(in super::super) begins: Option<When>,
    pub(in super::super) ended: Option<(When, String)>,
    pub(in super::super) ends: Option<When>,
    /// When it recurs, in words.
    pub(in super::super) recurs: Option<String>,
    pub(in super::super) reason: String,
    pub(in super::super) owner: String,
    pub(in super::super) made: When,
    pub(in super::super) held: u64,
    pub(in super::super) last_held: Option<When>,
    pub(in super::super) unused: Option<When>,
    pub(in super::super) may_end: bool,
}

/// A change of state that a mute held back.
pub(super) struct HeldRow {
    pub(super) at: When,
    pub(super) monitor: MonitorId,
    pub(super) name: String,
    pub(super) old: Badge,
    pub(super) new: Badge,
    pub(super) message: String,
    pub(super) alerts: String,
}

/// These monitors with their names, as far as they are there.
pub(super) async fn named(context: &Context, ids: &[MonitorId]) -> Result<Vec<(MonitorId, String)>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(overview::rows(context, ids).await?.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The rows of these, in their order. However many they are, the monitors that they name are asked for at once.
pub(super) async fn rows(context: &Context, records: Vec<MuteRecord>, now: Timestamp) -> Result<Vec<MuteRow>, Failure> {
    let first = |record: &MuteRecord| {
        let mut first = record.mute.scope.monitors.clone();
        first.truncate(NAMED);
        first
    };
    let mut ids: Vec<MonitorId> = records.iter().flat_map(first).collect();
    ids.sort_unstable();
    ids.dedup();
    let names: HashMap<MonitorId, String> = named(context, &ids).await?.into_iter().collect();
    let scopes: Vec<&MuteScope> = records.iter().map(|record| &record.mute.scope).collect();
    let may_end = mutes::might_end(context, &scopes).await?;
    let row = |(record, may_end): (MuteRecord, bool)| {
        let monitors = first(&record).into_iter().filter_map(|id| Some((id, names.get(&id)?.clone()))).collect();
        let may_end = may_end && !record.is_over(now);
        MuteRow::of(record, monitors, may_end, now)
    };
    Ok(records.into_iter().zip(may_end).map(row).collect())
}

impl MuteRow {
    fn of(record: MuteRecord, monitors: Vec<(MonitorId, String)>, may_end: bool, now: Timestamp) -> MuteRow {
        let when = |at| When { at, now };
        let period = &record.mute.period;
        let over = record.is_over(now);
        let until = record.until(now).map(when);
        let unused = record.unused_since(now).map(when);
        MuteRow {
            id: record.mute.id,
            more: record.mute.scope.monitors.len() - record.mute.scope.monitors.len().min(NAMED),
            monitors,
            everything: record.mute.scope.is_everything(),
            until,
            begins: period.next_start(now).filter(|_| !over).map(when),
            ends: period.ends_at.map(when),
            recurs: period.recurs.as_ref().map(in_words),
            ended: record.ended.as_ref().map(|(at, by)| (when(*at), called(by))),
            tag: record.mute.scope.tag,
            alert: record.mute.scope.alert,
            severity: record.mute.scope.severity,
            reason: record.reason,
            owner: called(&record.owner),
            made: when(record.created_at),
            held: record.held_back,
            last_held: record.last_held_at.map(when),
            unused,
            may_end,
        }
    }
}

/// `At 22:00 every day (Europe/Berlin), for 8 h`
fn in_words(recurs: &Recurrence) -> String {
    let words = recurs.schedule.in_words();
    let mut chars = words.chars();
    let words: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    format!("{words} ({}), for {}", recurs.timezone(), lasted(recurs.duration.as_secs()))
}

/// Who asked, in a word.
pub(in super::super) fn called(author: &Author) -> String {
    match (&author.name, author.kind.as_str()) {
        (Some(name), _) => name.clone(),
        (None, kind) => without_a_name(kind),
    }
}

/// What somebody is called who has no name, by what kind of actor they are.
pub(in super::super) fn without_a_name(kind: &str) -> String {
    match kind {
        "everybody" => "somebody (nobody logs in here)".to_owned(),
        "command_line" => "the command line".to_owned(),
        "server" => "the server".to_owned(),
        kind => kind.replace('_', " "),
    }
}

impl HeldRow {
    pub(super) fn of(held: HeldBack, now: Timestamp) -> HeldRow {
        HeldRow {
            at: When { at: held.flip.at, now },
            monitor: held.flip.monitor_id,
            name: held.monitor_name,
            old: Badge::State(held.flip.old_state),
            new: Badge::State(held.flip.new_state),
            message: held.flip.message.chars().take(400).collect(),
            alerts: held.alerts.join(", "),
        }
    }
}
