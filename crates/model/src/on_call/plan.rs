//! Who is on call over a time: what a page shows, and where it finds that nobody is.

use jiff::{SignedDuration, Timestamp};

use super::{Changes, OnCall, Rota, Turns};

/// A time in which the same people are on call, for the same reasons. It is a gap where there are none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who.
    pub on_call: Vec<OnCall>,
}

impl Stretch {
    /// Whether nobody is on call.
    pub fn is_gap(&self) -> bool {
        self.on_call.is_empty()
    }

    fn people(&self) -> impl Iterator<Item = &str> {
        self.on_call.iter().map(|one| one.person.as_str())
    }
}

impl Rota {
    /// Who is on call from `from` until `until`, without a hole: one stretch begins where the one before ends.
    pub fn plan(&self, from: Timestamp, until: Timestamp, changes: &Changes) -> Vec<Stretch> {
        let mut edges = self.edges(from, until, changes);
        edges.insert(0, from);
        edges.push(until);
        let mut plan: Vec<Stretch> = Vec::new();
        for (starts_at, ends_at) in edges.iter().zip(edges.iter().skip(1)).filter(|(from, until)| from < until) {
            let on_call = self.on_call(*starts_at, changes);
            match plan.last_mut() {
                Some(last) if last.on_call == on_call => last.ends_at = *ends_at,
                _ => plan.push(Stretch { starts_at: *starts_at, ends_at: *ends_at, on_call }),
            }
        }
        plan
    }

    /// When nobody is on call from `from` until `until`.
    pub fn gaps(&self, from: Timestamp, until: Timestamp, changes: &Changes) -> Vec<Stretch> {
        self.plan(from, until, changes).into_iter().filter(Stretch::is_gap).collect()
    }

    /// The next stretch after `at` in which others are on call than at `at`, if it begins within `within`.
    pub fn next_hand_over(&self, at: Timestamp, within: SignedDuration, changes: &Changes) -> Option<Stretch> {
        let until = at.saturating_add(within).unwrap_or(Timestamp::MAX);
        let plan = self.plan(at, until, changes);
        let now = plan.first()?;
        plan.iter().find(|stretch| !stretch.people().eq(now.people())).cloned()
    }

    /// Every instant after `from` and before `until` at which somebody else may be on call, in order, each once.
    fn edges(&self, from: Timestamp, until: Timestamp, changes: &Changes) -> Vec<Timestamp> {
        let mut edges: Vec<Timestamp> = match &self.turns {
            Turns::Layers(layers) => layers.iter().flat_map(|layer| layer.edges(from, until)).collect(),
            Turns::Calendar(_) => changes.calendar.iter().flat_map(|shift| [shift.starts_at, shift.ends_at]).collect(),
        };
        edges.extend(changes.overrides.iter().flat_map(|change| [change.starts_at, change.ends_at]));
        edges.retain(|edge| *edge > from && *edge < until);
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}
