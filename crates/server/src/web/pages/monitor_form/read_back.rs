//! The schedule in words with its next ticks, on the page and as one types.

use askama::Template;
use axum::{extract::State as Extract, http::StatusCode, response::Response};

use super::{
    super::{
        form_token::FormToken,
        shell::{self, Place, Shell},
    },
    faults::Faults,
};
use crate::web::{Problem, WebState, operations::schedule, params::Params};

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
pub(in super::super) async fn read_back(
    Extract(state): Extract<WebState>,
    token: FormToken,
    mut params: Params,
) -> Result<Response, Problem> {
    let text = (params.text("schedule").unwrap_or_default(), params.text("timezone").unwrap_or_default());
    let (schedule, timezone) = params.finish(text)?;
    let part = match schedule::preview(schedule.trim(), timezone.trim(), state.clock.now()) {
        Ok(preview) => ReadBackPart { read_back: Some(preview.into()), faults: Faults::default() },
        Err(refusal) => ReadBackPart { read_back: None, faults: Faults(refusal.faults) },
    };
    shell::page(StatusCode::OK, &Shell::new("", Place::Nowhere, 0, &token), &part)
}

impl ReadBack {
    pub(super) fn of(schedule: &str, timezone: &str, now: jiff::Timestamp) -> Option<ReadBack> {
        schedule::preview(schedule, timezone, now).ok().map(ReadBack::from)
    }
}

impl From<schedule::Preview> for ReadBack {
    fn from(preview: schedule::Preview) -> Self {
        ReadBack { words: preview.words, ticks: preview.ticks.iter().map(tick_words).collect() }
    }
}

/// A tick as a person reads it, in its zone.
pub(in super::super) fn tick_words(tick: &jiff::Zoned) -> String {
    let form = if tick.second() == 0 { "%a %-d %b %Y, %H:%M %Z" } else { "%a %-d %b %Y, %H:%M:%S %Z" };
    tick.strftime(form).to_string()
}
