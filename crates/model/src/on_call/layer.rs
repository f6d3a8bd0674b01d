//! One layer of a rota: people who take turns.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Hours;
use crate::calendar::instant;

/// People who take turns, each as long as the others, on the clock of a place.
#[derive(Clone, PartialEq, Debug)]
pub struct Layer {
    /// What people call it.
    pub name: String,
    /// Whose turn it is, one after the other; who stands there twice has two turns.
    pub people: Vec<String>,
    /// When the first turn begins, on the clock of `zone`; before that it is nobody's.
    pub first: DateTime,
    /// How many days a turn has: 1 for a day, 7 for a week.
    pub days: u16,
    /// The place.
    pub zone: TimeZone,
    /// Only in these hours; `None` is always.
    pub hours: Option<Hours>,
}

impl Layer {
    /// Whose turn it is at `at`, in its hours.
    pub fn on_call(&self, at: Timestamp) -> Option<&str> {
        if self.hours.as_ref().is_some_and(|hours| hours.around(at, &self.zone).is_none()) {
            return None;
        }
        self.person_of(self.turn(at)?)
    }

    /// Whose turn that is, by its number.
    pub fn person_of(&self, turn: i64) -> Option<&str> {
        let people = i64::try_from(self.people.len()).ok().filter(|number| *number > 0)?;
        self.people.get(usize::try_from(turn.rem_euclid(people)).ok()?).map(String::as_str)
    }

    /// The number of the turn at `at`, the first being 0; `None` before that.
    pub fn turn(&self, at: Timestamp) -> Option<i64> {
        let local = self.zone.to_datetime(at);
        // Near to it by the calendar; what the clocks did is seen by looking at the very instants.
        let days = local.date().duration_since(self.first.date()).as_hours() / 24;
        let mut turn = days.div_euclid(i64::from(self.days.max(1)));
        while self.begins(turn).is_some_and(|begins| begins > at) {
            turn -= 1;
        }
        while self.begins(turn + 1).is_some_and(|begins| begins <= at) {
            turn += 1;
        }
        (turn >= 0).then_some(turn)
    }

    /// When a turn begins: always at the same time on the clock of the place. A time that the clock skips is as much later as
    /// it skips; of one that comes twice it is the first.
    pub fn begins(&self, turn: i64) -> Option<Timestamp> {
        let days = turn.checked_mul(i64::from(self.days.max(1)))?;
        let civil = self.first.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        Some(instant(civil, &self.zone))
    }

    /// Every instant after `from` and before `until` at which it may be another one's.
    pub(super) fn edges(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let mut edges = Vec::new();
        let mut turn = self.turn(from).map_or(0, |turn| turn + 1);
        while let Some(begins) = self.begins(turn).filter(|begins| *begins < until) {
            edges.extend((begins > from).then_some(begins));
            turn += 1;
        }
        if let Some(hours) = &self.hours {
            edges.extend(hours.edges(from, until, &self.zone));
        }
        edges
    }
}

/// The same layer as if it had begun whole rounds later: the same people on the same days.
#[cfg(test)]
pub(super) fn shifted(layer: &Layer, rounds: i64) -> Layer {
    let days = i64::from(layer.days) * i64::try_from(layer.people.len()).unwrap_or(1) * rounds;
    Layer { first: layer.first.checked_add(jiff::Span::new().days(days)).unwrap_or(layer.first), ..layer.clone() }
}
