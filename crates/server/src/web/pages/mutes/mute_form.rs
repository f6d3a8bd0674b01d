//! The form of a mute: what was typed, and what it asks for.

use jiff::tz::TimeZone;
use revere_model::{MonitorId, MuteDraft, Severity, read_duration, zone};

use super::super::{form::FormTexts, page_zone::of_clock};
use crate::operations::{FieldFault, mutes::MuteInput};

/// What was typed.
#[derive(Default)]
pub(super) struct MuteForm {
    pub(super) monitors: Vec<(MonitorId, String)>,
    pub(super) tag: String,
    pub(super) alert: String,
    pub(super) severity: String,
    /// Whether it is meant to mute everything.
    pub(super) everything: bool,
    pub(super) lasts: String,
    pub(super) until: String,
    pub(super) schedule: String,
    pub(super) timezone: String,
    pub(super) reason: String,
}

/// A mute of these monitors, from now on, for as long as a button says.
pub(in super::super) fn of_monitors(monitors: Vec<MonitorId>, form: &FormTexts) -> MuteInput {
    let mut faults = Vec::new();
    let duration_s = match read_duration(form.text("for")) {
        Ok(duration) => Some(duration.as_secs()),
        Err(message) => {
            faults.push(FieldFault::new("duration_s", message));
            None
        }
    };
    let draft = MuteDraft { monitors, duration_s, reason: form.text("reason").to_owned(), ..MuteDraft::default() };
    MuteInput { draft, faults }
}

/// What was typed in a form.
pub(super) fn read(form: &FormTexts) -> MuteForm {
    let text = |name: &str| form.text(name).trim().to_owned();
    MuteForm {
        monitors: form.all("monitor").filter_map(|id| Some((id.parse().ok()?, String::new()))).collect(),
        tag: text("tag"),
        alert: form.text("alert").to_owned(),
        severity: text("severity"),
        everything: form.has("everything"),
        lasts: text("for"),
        until: text("until"),
        schedule: text("schedule"),
        timezone: text("timezone"),
        reason: text("reason"),
    }
}

/// The mute that is asked for, with what is wrong with it.
pub(super) fn input(typed: &MuteForm) -> MuteInput {
    let mut faults = Vec::new();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    // A form that is sent as it came would silence all there is.
    let chosen = [&typed.tag, &typed.alert, &typed.severity].iter().any(|text| !text.is_empty());
    if typed.monitors.is_empty() && !chosen && !typed.everything {
        let message = "nothing is chosen above, so this would mute everything; tick it if that is meant";
        faults.push(FieldFault::new("everything", message));
    }
    if typed.everything && (chosen || !typed.monitors.is_empty()) {
        let message = "this is ticked, and something is chosen above: untick it, or choose nothing";
        faults.push(FieldFault::new("everything", message));
    }
    // Whether or not anything is reckoned by it: who typed it means something.
    let in_zone = match zone(if typed.timezone.is_empty() { "UTC" } else { &typed.timezone }) {
        Ok(zone) => Some(zone),
        Err(fault) => {
            faults.push(FieldFault::new("timezone", fault.to_string()));
            None
        }
    };
    let duration_s = given(&typed.lasts).and_then(|text| match read_duration(&text) {
        Ok(duration) => Some(duration.as_secs()),
        Err(message) => {
            faults.push(FieldFault::new("duration_s", message));
            None
        }
    });
    let ends_at = given(&typed.until).and_then(|text| match of_clock(&text, &in_zone.unwrap_or(TimeZone::UTC)) {
        Ok(at) => Some(at),
        Err(message) => {
            faults.push(FieldFault::new("ends_at", message));
            None
        }
    });
    let severity = given(&typed.severity).and_then(|text| {
        text.parse::<Severity>().map_err(|error| faults.push(FieldFault::new("severity", error.to_string()))).ok()
    });
    let schedule = given(&typed.schedule);
    let draft = MuteDraft {
        monitors: typed.monitors.iter().map(|(id, _)| *id).collect(),
        tag: given(&typed.tag),
        alert: given(&typed.alert),
        severity,
        starts_at: None,
        ends_at,
        duration_s,
        timezone: given(&typed.timezone).filter(|_| schedule.is_some()),
        schedule,
        reason: typed.reason.clone(),
    };
    MuteInput { draft, faults }
}
