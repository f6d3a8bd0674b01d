//! Which alerts are for which monitors and problems.

use super::Silence;
use crate::{Severity, SeveritySet, State, StateSet};

/// Stands for the tags of a monitor of which they cannot be read.
pub const UNREADABLE_TAGS: &str = "\u{fffd}";

/// Whether an alert is switched on, and by whom it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// It tells.
    On,
    /// People switched it off.
    Off,
    /// The configuration has it switched off.
    OffInConfig,
}

/// An alert, as far as that bears on who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlertRules<'a> {
    /// Its name.
    pub key: &'a str,
    /// Whether it is switched on.
    pub switch: Switch,
    /// The states it tells.
    pub states: StateSet,
    /// The severities of problems it is for.
    pub severities: SeveritySet,
    /// It is for monitors that have one of these tags; for all, where there are none.
    pub tags: &'a [String],
    /// It reaches somebody of a rota, which says when: by itself it tells only of monitors that name it.
    pub on_call_only: bool,
}

/// A monitor at the moment of the question, as far as that bears on who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject<'a> {
    /// Its tags.
    pub tags: &'a [String],
    /// The alerts that tell of it; `None` is all.
    pub alerts: Option<&'a [String]>,
    /// The state it is in.
    pub state: State,
    /// How bad the problem is, or was that ends with this state; `None` where it is about none.
    pub severity: Option<Severity>,
}

impl Subject<'_> {
    /// How bad the problem is, while there is one.
    pub(super) fn problem(&self) -> Option<Severity> {
        self.severity.filter(|_| self.state.is_problem())
    }
}

impl AlertRules<'_> {
    /// Whether the alert is for monitors with these tags. As where tags are given, upper and lower case are the same.
    /// Where nobody knows a monitor's tags, it is.
    pub fn is_for_tags(&self, tags: &[String]) -> bool {
        if tags.iter().any(|tag| tag == UNREADABLE_TAGS) {
            return true;
        }
        let has = |tag: &String| tags.iter().any(|one| one.to_lowercase() == tag.to_lowercase());
        self.tags.is_empty() || self.tags.iter().any(has)
    }

    /// Why this is nothing for the alert; `None` if it is.
    pub fn elsewhere(&self, subject: &Subject<'_>) -> Option<Silence> {
        if self.on_call_only && subject.alerts.is_none() {
            return Some(Silence::OnCallOnly);
        }
        if subject.alerts.is_some_and(|chosen| !chosen.iter().any(|key| key == self.key)) {
            return Some(Silence::NotChosen);
        }
        if !self.is_for_tags(subject.tags) {
            return Some(Silence::OtherTags);
        }
        let fits = subject.severity.is_none_or(|severity| self.severities.contains(severity));
        (!fits).then_some(Silence::OtherSeverity)
    }
}
