//! On call: who is told of a problem at an instant, who is next, and where nobody is.
//!
//! A [`Rota`] has people and says whose turn it is: by layers, of which the later ones lie above the earlier ones, or by a
//! calendar that somebody keeps elsewhere. An [`Override`] puts somebody in another one's place for a time. Everything is asked
//! at an instant, and what the clocks of a place do is [`Layer`]'s affair alone.

mod hours;
mod ical;
mod layer;
mod plan;
mod shifts;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub use hours::{Hours, Weekdays, read_time_of_day, time_of_day};
pub use ical::{Calendar, Occurrence};
pub use layer::Layer;
pub use plan::Stretch;

use crate::OverrideId;

/// Who is told, and when.
#[derive(Clone, PartialEq, Debug)]
pub struct Rota {
    /// Everybody who can be told, in the order they were written.
    pub people: Vec<Person>,
    /// What says whose turn it is.
    pub turns: Turns,
    /// How long it waits for an acknowledgement before the next person is told; `None` is for ever.
    pub escalate_after: Option<SignedDuration>,
    /// Who is told then, one after the other.
    pub escalation: Vec<String>,
}

/// Somebody who can be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// What the others call them.
    pub name: String,
    /// The alerts that reach them, by name; all of them are used.
    pub alerts: Vec<String>,
}

/// What says whose turn it is.
#[derive(Clone, PartialEq, Debug)]
pub enum Turns {
    /// Layers; where a later one has somebody, the earlier ones do not matter.
    Layers(Vec<Layer>),
    /// A calendar, whose events are in [`Changes`].
    Calendar(CalendarTurns),
}

/// How a calendar is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarTurns {
    /// Where times stand that name no zone, and whole days begin.
    pub zone: TimeZone,
    /// What people are called there, beside their names in the rota.
    pub names: Vec<(String, String)>,
}

/// Somebody takes another one's place, or everybody's, for a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// Its row.
    pub id: OverrideId,
    /// Who is on call then.
    pub person: String,
    /// Only where this one would be; `None` is whoever would be.
    pub instead_of: Option<String>,
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
}

/// An event of a calendar that puts somebody on call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CalendarShift {
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who, by the name in the rota.
    pub person: String,
}

/// What changes from time to time beside the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// In the order in which they were made: a later one counts before an earlier one.
    pub overrides: Vec<Override>,
    /// The events of the rota's calendar, where it has one.
    pub calendar: Vec<CalendarShift>,
}

/// Somebody who is on call, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnCall {
    /// Who.
    pub person: String,
    /// Why.
    pub because: Because,
}

/// Why somebody is on call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Because {
    /// It is their turn in this layer.
    Layer(String),
    /// The calendar says so.
    Calendar,
    /// Somebody put them there.
    Override(OverrideId),
}

/// Who is notified next of a problem that nobody has acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextStep {
    /// The next one of the escalation list.
    Person(String),
    /// All who have not been told yet.
    Everybody(Vec<String>),
}

impl Rota {
    /// One of its people.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name == name)
    }

    /// Who is on call at `at`: one person, nobody where no layer has anybody, and more than one only where a calendar says so.
    pub fn on_call(&self, at: Timestamp, changes: &Changes) -> Vec<OnCall> {
        let mut found = match &self.turns {
            Turns::Layers(layers) => {
                let whose = |layer: &Layer| {
                    let person = layer.on_call(at)?.to_owned();
                    Some(OnCall { person, because: Because::Layer(layer.name.clone()) })
                };
                layers.iter().rev().find_map(whose).into_iter().collect()
            }
            Turns::Calendar(_) => {
                let mut found: Vec<OnCall> = Vec::new();
                for shift in changes.calendar.iter().filter(|shift| shift.starts_at <= at && at < shift.ends_at) {
                    if !found.iter().any(|one| one.person == shift.person) {
                        found.push(OnCall { person: shift.person.clone(), because: Because::Calendar });
                    }
                }
                found
            }
        };
        let in_force = |one: &&Override| one.starts_at <= at && at < one.ends_at && self.person(&one.person).is_some();
        for change in changes.overrides.iter().filter(in_force) {
            let instead = OnCall { person: change.person.clone(), because: Because::Override(change.id) };
            match &change.instead_of {
                None => found = vec![instead],
                Some(was) if found.iter().any(|one| one.person == *was) => {
                    found.retain(|one| one.person != *was && one.person != instead.person);
                    found.push(instead);
                }
                Some(_) => {}
            }
        }
        found
    }

    /// Who is notified next, if these have been notified of a problem already; `None` where there is nobody left.
    pub fn next_step(&self, told: &[String]) -> Option<NextStep> {
        let is_new = |name: &&String| !told.contains(name);
        if let Some(next) = self.escalation.iter().find(is_new) {
            return Some(NextStep::Person(next.clone()));
        }
        let rest: Vec<String> = self.people.iter().map(|person| &person.name).filter(is_new).cloned().collect();
        (!rest.is_empty()).then_some(NextStep::Everybody(rest))
    }
}
