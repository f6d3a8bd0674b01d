//! The schedule in words with its next ticks, on the page and as one types.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{clock_of, day_of, minute_of, offset_of};

use super::{super::layout, faults::Faults};
use crate::{
    operations::{Context, schedule},
    web::{Problem, params::Params},
};

/// The schedule in words.
pub(super) struct ReadBack {
    pub(super) words: String,
    pub(super) ticks: Vec<String>,
}

/// The part of the page that goes with the fields as one types: the schedule read back, or the fault of each field.
#[derive(Template)]
#[template(path = "pages/read_back.html")]
struct ReadBackPart {
    read_back: Option<ReadBack>,
    faults: Faults,
}

/// `/create/read-back?schedule=...&timezone=...`. What cannot be read is an answer, too: someone is still typing.
pub(in super::super) async fn read_back(context: Context, mut params: Params) -> Result<Response, Problem> {
    let text = (params.text("schedule").unwrap_or_default(), params.text("timezone").unwrap_or_default());
    let (schedule, timezone) = params.finish(text)?;
    let part = match schedule::preview(schedule.trim(), timezone.trim(), context.now()) {
        Ok(preview) => ReadBackPart { read_back: Some(preview.into()), faults: Faults::default() },
        Err(refusal) => ReadBackPart { read_back: None, faults: Faults(refusal.faults) },
    };
    layout::page(StatusCode::OK, None, &part)
}

impl ReadBack {
    pub(super) fn of(schedule: &str, timezone: &str, now: jiff::Timestamp) -> Option<ReadBack> {
        schedule::preview(schedule, timezone, now).ok().map(ReadBack::from)
    }
}

impl From<schedule::Preview> for ReadBack {
    fn from(preview: schedule::Preview) -> Self {
        ReadBack { words: preview.words, ticks: in_words(&preview.ticks) }
    }
}

/// Ticks as a person reads them, in their zone: all with seconds if one has some.
pub(in super::super) fn in_words(ticks: &[jiff::Zoned]) -> Vec<String> {
    let whole = ticks.iter().all(|tick| tick.second() == 0);
    let clock: fn(&jiff::Zoned) -> String = if whole { minute_of } else { clock_of };
    let words = |tick: &jiff::Zoned| format!("{}, {} {}", day_of(tick), clock(tick), offset_of(tick));
    ticks.iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_seconds_all_or_none() {
        let tick = |text: &str| text.parse::<jiff::Zoned>().unwrap();
        let [noon, half] = ["2026-07-01T12:00:00Z[UTC]", "2026-07-01T12:00:30Z[UTC]"].map(tick);
        assert_eq!(in_words(std::slice::from_ref(&noon)), ["Wed 1 Jul 2026, 12:00 UTC"]);
        assert_eq!(in_words(&[noon, half]), ["Wed 1 Jul 2026, 12:00:00 UTC", "Wed 1 Jul 2026, 12:00:30 UTC"]);
    }
}
