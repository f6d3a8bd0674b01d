//! When a monitor runs, on its page.

use askama::Template;
use jiff::{Timestamp, Zoned};
use revere_model::Monitor;

use super::super::{monitor_form, page_zone::ChosenZone};
use crate::operations::schedule;

/// When it runs; sent again as its ticks come.
pub(in super::super) struct Schedule {
    pub(super) words: String,
    pub(super) schedule: String,
    pub(super) timezone: String,
    pub(super) active: bool,
    pub(super) ticks: Vec<String>,
    pub(super) missed: i64,
    pub(super) overlapped: i64,
}

#[derive(Template)]
#[template(path = "pages/monitor_when.html")]
pub(in super::super) struct WhenPart {
    pub(in super::super) when: Schedule,
}

impl Schedule {
    /// As it stands.
    pub(in super::super) fn of(monitor: &Monitor, chosen: &ChosenZone, now: Timestamp) -> Schedule {
        let spec = &monitor.spec;
        let preview = schedule::preview(&spec.schedule, &spec.timezone, now).ok();
        let zone = chosen.zone(&spec.timezone);
        let ticks = preview.iter().flat_map(|preview| &preview.ticks);
        let ticks: Vec<Zoned> = ticks.map(|tick| tick.with_time_zone(zone.clone())).collect();
        Schedule {
            words: preview.as_ref().map_or_else(|| "cannot be read".to_owned(), |preview| sentence(&preview.words)),
            schedule: spec.schedule.clone(),
            timezone: spec.timezone.clone(),
            active: spec.active,
            ticks: monitor_form::in_words(&ticks),
            missed: monitor.missed_ticks,
            overlapped: monitor.overlapped_ticks,
        }
    }
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
