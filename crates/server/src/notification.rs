//! What an alert tells, as it is kept with each delivery and handed to a channel. Its wording is in `alerts`.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, NumberFormat, ReturnValue, RunId, Severity, State};
use serde::{Deserialize, Serialize};

use crate::wording::Wording;

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
    /// Where somebody says, without a log-in, that they look after the problem. It opens a door: it is made when this is sent,
    /// and not kept with a delivery.
    #[serde(skip)]
    pub acknowledge_url: Option<String>,
    /// The words of the alert that tells it, where they are its own. They are the configuration's and not kept with a delivery.
    #[serde(skip)]
    pub wording: Option<Wording>,
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
