//! What an alert tells, as it is kept with each delivery and handed to a channel. Its wording is in `alerts`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, NumberFormat, ReturnValue, RunId, Severity, State};
use serde::{Deserialize, Serialize};

use crate::{web_push::Round, wording::Wording};

/// What an alert tells. Kept with the delivery, so that a late one says what was true then; what is added here needs a
/// default, since older versions stored none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// Whose state changed.
    pub monitor: MonitorSummary,
    /// Before.
    pub old_state: State,
    /// How severe that was, if it was a problem.
    #[serde(default)]
    pub old_severity: Option<Severity>,
    /// After.
    pub new_state: State,
    /// How severe that is, if it is a problem.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// The run's message.
    pub message: String,
    /// The run's value.
    #[serde(default)]
    pub return_value: Option<ReturnValue>,
    /// The tick that found it; `None` where a person caused the change.
    #[serde(default)]
    pub tick_at: Option<Timestamp>,
    /// When that run began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// That run; `None` where a person caused the change, or the run is no longer kept.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// The same for every attempt at the same thing: receivers drop what they have seen.
    pub key: String,
    /// The episode of not being `OK` that this belongs to; `None` where it is about none.
    #[serde(default)]
    pub incident: Option<Incident>,
    /// Whether this is only a test of the alert.
    #[serde(default)]
    pub test: bool,
    /// Which reminder this is, from 1, of a problem that goes on; `None` where something changed.
    #[serde(default)]
    pub reminder: Option<u32>,
    /// Why it is told to whoever hears it, where a rota decided that: who is on call, or that nobody acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call: Option<String>,
    /// Where somebody says, without a log-in, that they look after the problem. It opens a door: it is made when this is sent,
    /// and not kept with a delivery.
    #[serde(skip)]
    pub acknowledge_url: Option<String>,
    /// The words of the alert that tells it, where they are its own. They are the configuration's and not kept with a delivery.
    #[serde(skip)]
    pub wording: Option<Wording>,
    /// What was said where the alert has words of its own, once it was sent; cut to what a log shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// What sending it now adds to it. Nothing of that is kept with a delivery.
    #[serde(skip)]
    pub sending: Sending,
}

/// What the moment of sending adds to a notification.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sending {
    /// What the monitor went through before, which could not be told while it was so, oldest first.
    pub missed: Vec<Missed>,
    /// Whether an earlier attempt may have arrived.
    pub may_be_repeat: bool,
    /// All that is told in one message, the worst first; empty where that is this alone.
    pub crowd: Vec<Notification>,
    /// So many more are told with these, and not named for want of room.
    pub unnamed: usize,
    /// What the receiver calls the message or thread that this belongs to: of the same incident, and told by the same alert.
    pub reply_to: Option<String>,
    /// The monitor's chart, for those who show it.
    pub chart: Option<Arc<Picture>>,
    /// The browsers that each alert tells, by its key, for those that tell browsers.
    pub browsers: BTreeMap<String, Arc<Round>>,
    /// Whether its receiver refused it for its buttons.
    pub without_buttons: bool,
    /// Whether its receiver could not read its markup.
    pub without_markup: bool,
    /// Where what had to be cut is noted, if anybody asks.
    pub cuts: Cuts,
}

/// Notes what of a notification had to be cut to fit where it is told. Nobody asks where it is sent; a preview says so.
#[derive(Clone, Debug, Default)]
pub struct Cuts(Option<Arc<Mutex<Vec<Cut>>>>);

/// Something that was cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// What: `message`, `return_value`, `name` or `description` of the run and its monitor, or all of `text`, `subject`
    /// or `short`.
    pub what: &'static str,
    /// So many characters of it are told.
    pub kept: usize,
    /// Of so many.
    pub of: usize,
}

impl PartialEq for Cuts {
    fn eq(&self, _: &Cuts) -> bool {
        // What was noted of it makes it no other notification.
        true
    }
}

impl Cuts {
    /// Notes them from now on.
    pub fn noted() -> Cuts {
        Cuts(Some(Arc::default()))
    }

    /// Notes that this is told of `whole`, if it is less. What is cut anew counts as it was last.
    pub fn note(&self, what: &'static str, whole: &str, told: &str) {
        let Some(cuts) = &self.0 else { return };
        if whole == told {
            return;
        }
        let cut = Cut { what, kept: told.chars().count(), of: whole.chars().count() };
        let mut cuts = cuts.lock().expect("no code panics while it holds this lock");
        cuts.retain(|earlier| earlier.what != what);
        cuts.push(cut);
    }

    /// Forgets those that were noted.
    pub fn forget(&self) {
        if let Some(cuts) = &self.0 {
            cuts.lock().expect("no code panics while it holds this lock").clear();
        }
    }

    /// Those that were noted.
    pub fn all(&self) -> Vec<Cut> {
        let cuts = self.0.as_ref().map(|cuts| cuts.lock().expect("no code panics while it holds this lock").clone());
        cuts.unwrap_or_default()
    }
}

/// A problem that nobody could be told of while it was there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missed {
    /// The state.
    pub state: State,
    /// How severe it was.
    pub severity: Option<Severity>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// The monitor, as a receiver sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MonitorSummary {
    /// Its id.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// Its page, absolute where the server knows its own address.
    #[serde(default)]
    pub url: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it watches and what to do.
    #[serde(default)]
    pub description: String,
    /// Its time zone, in which times are told; empty is UTC.
    #[serde(default)]
    pub timezone: String,
    /// What its numbers count; empty for nothing.
    #[serde(default)]
    pub unit: String,
    /// Decimals that they are shown with; null for as many as there are.
    #[serde(default)]
    pub decimals: Option<u32>,
}

impl MonitorSummary {
    /// One of which no more is known than its name.
    pub fn named(id: MonitorId, name: String) -> MonitorSummary {
        MonitorSummary {
            id,
            name,
            url: String::new(),
            tags: Vec::new(),
            description: String::new(),
            timezone: String::new(),
            unit: String::new(),
            decimals: None,
        }
    }

    /// How its numbers are shown.
    pub fn number_format(&self) -> NumberFormat {
        NumberFormat { unit: self.unit.clone(), decimals: self.decimals }
    }
}

impl Notification {
    /// One about a monitor, of which nothing else is known yet. Whoever makes one says what it knows and takes the rest from here.
    pub fn about(monitor: MonitorSummary, key: String) -> Notification {
        Notification {
            monitor,
            old_state: State::Inactive,
            old_severity: None,
            new_state: State::Inactive,
            severity: None,
            message: String::new(),
            return_value: None,
            tick_at: None,
            started_at: None,
            run_id: None,
            key,
            incident: None,
            test: false,
            reminder: None,
            on_call: None,
            acknowledge_url: None,
            wording: None,
            said: None,
            sending: Sending::default(),
        }
    }

    /// How severe the problem is; `None` if it is about none.
    pub fn severity(&self) -> Option<Severity> {
        self.new_state.is_problem().then(|| self.severity.unwrap_or_default())
    }

    /// Whether it is about a problem that can wait.
    pub fn is_warning(&self) -> bool {
        self.severity() == Some(Severity::Warning)
    }

    /// Whether what was opened is over: the monitor is well again, or nobody watches it any more.
    pub fn is_over(&self) -> bool {
        matches!(self.new_state, State::Ok | State::Inactive)
    }

    /// How long the episode had lasted at the moment this is about, if it is about its end, or reminds of it.
    pub fn lasted(&self) -> Option<String> {
        let (incident, at) = (self.incident.as_ref()?, self.tick_at.or(self.started_at)?);
        (self.is_over() || self.reminder.is_some())
            .then(|| revere_model::lasted(at.duration_since(incident.opened_at).as_secs()))
    }
}

/// One episode of a monitor's not being `OK`, from the change of state that opened it to the one that ended it. All that an
/// alert tells of it carries the same one, so that a receiver can find again what it opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// The change of state that opened it.
    pub id: FlipId,
    /// When that was.
    pub opened_at: Timestamp,
    /// Names it among those of all servers.
    pub key: String,
}

/// A picture in a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// The file.
    pub png: Bytes,
    /// What it shows, for those who do not see it: one line, without control characters.
    pub words: String,
}

impl Picture {
    /// In pixels.
    pub const WIDTH: u32 = 720;
    /// In pixels.
    pub const HEIGHT: u32 = 300;
    /// What the file is called.
    pub const NAME: &'static str = "chart.png";
    /// What it is.
    pub const TYPE: &'static str = "image/png";
}
