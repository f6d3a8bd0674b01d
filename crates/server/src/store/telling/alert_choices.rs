//! What people choose about an alert.

use revere_model::{Severity, SeveritySet, State, StateSet};

/// What people can choose about an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlertSettings {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The states it tells.
    pub states: StateSet,
}

/// What someone changes about an alert; `None` leaves it as it is by then.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlertChange {
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// The states it tells.
    pub states: Option<StateSet>,
    /// The severities of problems it is for.
    pub severities: Option<SeveritySet>,
    /// It is for monitors with one of these tags; for all, where there are none.
    pub tags: Option<Vec<String>>,
    /// What they had before their eyes, if that is known: then only what differs from it is changed, box by box and tag by tag,
    /// and what somebody else changed meanwhile stays.
    pub seen: Option<AlertSeen>,
}

/// What somebody sees of an alert who is about to change it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertSeen {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The states it tells.
    pub states: StateSet,
    /// The severities of problems it is for.
    pub severities: SeveritySet,
    /// The tags it is for.
    pub tags: Vec<String>,
}

impl AlertChange {
    /// What it comes to for an alert that `is` so by now.
    pub(super) fn of(self, is: &AlertSeen) -> AlertChange {
        let Some(seen) = self.seen else { return self };
        // A box that was ticked or cleared is so; any other is as it is by now.
        let one = |wanted: bool, seen: bool, is: bool| if wanted == seen { is } else { wanted };
        let states = self.states.map(|wanted| {
            let ticked =
                |state: &State| one(wanted.contains(*state), seen.states.contains(*state), is.states.contains(*state));
            State::ALL.into_iter().filter(ticked).collect()
        });
        let severities = self.severities.map(|wanted| {
            let ticked = |severity: &Severity| {
                one(wanted.contains(*severity), seen.severities.contains(*severity), is.severities.contains(*severity))
            };
            Severity::ALL.into_iter().filter(ticked).collect()
        });
        let tags = self.tags.map(|wanted| {
            let has = |tags: &[String], tag: &String| tags.iter().any(|one| one.to_lowercase() == tag.to_lowercase());
            let stays = |tag: &&String| has(&wanted, tag) || !has(&seen.tags, tag);
            let mut tags: Vec<String> = is.tags.iter().filter(stays).cloned().collect();
            let added: Vec<&String> = wanted.iter().filter(|tag| !has(&seen.tags, tag) && !has(&tags, tag)).collect();
            tags.extend(added.into_iter().cloned());
            tags
        });
        let enabled = self.enabled.map(|wanted| one(wanted, seen.enabled, is.enabled));
        AlertChange { enabled, states, severities, tags, seen: None }
    }
}

impl From<AlertSettings> for AlertChange {
    fn from(settings: AlertSettings) -> AlertChange {
        AlertChange { enabled: Some(settings.enabled), states: Some(settings.states), ..AlertChange::default() }
    }
}
