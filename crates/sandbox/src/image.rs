//! The pristine state every run begins in: the interpreter with our Python loaded and warm, before any script.

use std::{ops::Range, sync::Arc};

use jiff::Timestamp;
use revere_model::ManualClock;
use wasmtime::{Error, Val};

use crate::{
    Limits, OpenError, Value,
    guest::{Guest, Template},
    host::{Reach, RunState},
    prelude,
};

/// The granularity in which differences are kept; the size of a page where this runs, or a part of one.
pub(crate) const PAGE: usize = 4096;
/// An answer of the prelude that is still believed.
pub(crate) const MOST_ANSWER_BYTES: usize = 4 << 20;

/// Memory and globals of a pristine guest.
pub(crate) struct Image {
    pub(crate) memory: Vec<u8>,
    pub(crate) globals: Vec<Val>,
    /// Where it differs from what the artefact itself begins with.
    pub(crate) changed: Vec<Range<usize>>,
}

impl Image {
    /// Loads our Python into a new instance, warms it up and takes its state.
    pub(crate) async fn make(template: &Template) -> Result<Image, OpenError> {
        let mut guest = template.instantiate(still()).await.map_err(OpenError::engine)?;
        for (name, source) in prelude::MODULES {
            let loaded = guest.load(name, source).await.map_err(OpenError::engine)?;
            loaded.map_err(|traceback| OpenError::Prelude(format!("{name}: {traceback}")))?;
        }
        for request in prelude::warm_up().map_err(|error| OpenError::Prelude(error.to_string()))? {
            guest.begin(still());
            let answer = guest.run(&request, MOST_ANSWER_BYTES).await.map_err(OpenError::engine)?;
            let state = Value::from_json(&answer).ok().and_then(|v| v.get("state")?.as_text().map(str::to_owned));
            if state.as_deref() != Some("OK") {
                return Err(OpenError::Prelude(String::from_utf8_lossy(&answer).into_owned()));
            }
        }
        let run = &guest.store.data().run;
        if !run.output.is_empty() || run.random_bytes > 0 {
            return Err(OpenError::Prelude("the warm-up printed or drew randomness".to_owned()));
        }
        let memory = guest.memory().to_vec();
        let globals = guest.globals();
        drop(guest);
        let fresh = template.instantiate(still()).await.map_err(OpenError::engine)?;
        let changed = differences(fresh.memory(), &memory);
        Ok(Image { memory, globals, changed })
    }

    /// Brings a new instance of the template into the pristine state.
    pub(crate) async fn apply(&self, guest: &mut Guest) -> Result<(), Error> {
        guest.grow_to(self.memory.len()).await?;
        let memory = guest.memory_mut();
        for range in &self.changed {
            memory[range.clone()].copy_from_slice(&self.memory[range.clone()]);
        }
        guest.set_globals(&self.globals)
    }
}

/// A run that nobody asked for: no clock that moves, no randomness that differs, nobody to ask.
pub(crate) fn still() -> RunState {
    RunState::new(Limits::default(), Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)), 0, Reach::nobody())
}

/// The page ranges in which `now` differs from `before`, which may be shorter.
fn differences(before: &[u8], now: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (index, page) in now.chunks(PAGE).enumerate() {
        let start = index * PAGE;
        let end = start + page.len();
        let same = match before.get(start..end) {
            Some(earlier) => earlier == page,
            None => page.iter().all(|byte| *byte == 0),
        };
        match ranges.last_mut() {
            _ if same => {}
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges
}
