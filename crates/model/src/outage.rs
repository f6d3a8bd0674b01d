//! Outages of sources: what the failure of a source does to the monitors that need it.
//!
//! A source is down from a call that did not reach it until the next one that does. What a monitor goes through because of that
//! is the source's and not its own: it waits. Its state does what its author chose, a problem that was there stays as it was, and
//! what its state does is held back as a mute holds it. Its first run after the outage decides: what is left then is
//! told as ever.

use std::{fmt, str::FromStr};

use crate::{MonitorSpec, Rules, Severity, State, StateInOutage, Status, Transition, after_run};
use jiff::Timestamp;

/// How a monitor stands to the outage that its runs met last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Waits {
    /// It waits, and whatever problem it has came with the outage: nobody is told of it.
    Held,
    /// The same, and it passes again: not often enough yet to end that problem.
    Recovering,
    /// It waits with the problem that it had before, or is told of by itself: nothing is held back.
    AsItWas,
    /// It waited, and failed by the source again after that was back: since then it is as any other.
    NoLonger,
}

impl Waits {
    /// All of them.
    pub const ALL: [Waits; 4] = [Waits::Held, Waits::Recovering, Waits::AsItWas, Waits::NoLonger];

    /// The one spelling used in columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Waits::Held => "held",
            Waits::Recovering => "recovering",
            Waits::AsItWas => "as_it_was",
            Waits::NoLonger => "no_longer",
        }
    }

    /// Whether what its state does is held back.
    pub const fn holds(self) -> bool {
        matches!(self, Waits::Held | Waits::Recovering)
    }

    /// Whether it waits.
    pub const fn is_waiting(self) -> bool {
        !matches!(self, Waits::NoLonger)
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text says nothing of how a monitor stands to an outage.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no way to stand to an outage")]
pub struct ParseWaitsError(pub String);

impl FromStr for Waits {
    type Err = ParseWaitsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Waits::ALL.into_iter().find(|waits| waits.as_str() == text).ok_or_else(|| ParseWaitsError(text.to_owned()))
    }
}

/// What the author of a monitor decided for the time of an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutageRules {
    /// Its state meanwhile.
    pub state: StateInOutage,
    /// Whether it is told by itself.
    pub told: bool,
}

impl From<&MonitorSpec> for OutageRules {
    fn from(spec: &MonitorSpec) -> Self {
        OutageRules { state: spec.state_in_outage, told: spec.told_in_outage }
    }
}

/// What a run shows of a source that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing: it did not fail, or not by a source.
    Nothing,
    /// It failed by a source, in an outage that the monitor waits for already.
    SameOutage,
    /// It failed by a source, in another outage, or one that begins with it. `unbroken` says that this one began before the one
    /// was over that the monitor waits for.
    Outage {
        /// Whether there was no moment in between at which neither source was down.
        unbroken: bool,
    },
}

/// What a run does to a monitor, as far as outages go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InOutage {
    /// What becomes of its state.
    pub transition: Transition,
    /// How it stands to the outage from now on; `None` where it has nothing to do with any.
    pub waits: Option<Waits>,
    /// Whether it waits for the outage that the run found, which begins with it if there is none.
    pub joins: bool,
    /// Whether what was held back of it is told now, although its state has not changed.
    pub lets_go: bool,
}

/// What a run does to a monitor that stood so to an outage, `before`.
///
/// Only a monitor that fails by a source afresh waits for it. One whose first run after an outage fails by the source again is as
/// any other: a source that answers some and refuses others holds back nothing for longer than that.
pub fn run_in_outage(
    status: &Status,
    before: Option<Waits>,
    found: Found,
    (outcome, severity): (State, Option<Severity>),
    at: Timestamp,
    rules: &Rules,
    outage: OutageRules,
) -> InOutage {
    let as_ever = after_run(status, outcome, severity, at, rules);
    let none = InOutage { transition: as_ever, waits: None, joins: false, lets_go: false };
    if !rules.active {
        return none;
    }
    let goes_on = as_ever.status.state.is_problem() && as_ever.flip.is_none();
    let afresh = matches!(before, None | Some(Waits::Recovering));
    let was_held = before.is_some_and(Waits::holds);
    match (found, before) {
        (Found::Nothing, Some(Waits::Held | Waits::Recovering)) if !outcome.is_problem() && goes_on => {
            InOutage { waits: Some(Waits::Recovering), ..none }
        }
        (Found::Nothing, _) if was_held => InOutage { lets_go: goes_on, ..none },
        (Found::Nothing, _) => none,
        (Found::SameOutage | Found::Outage { .. }, Some(Waits::NoLonger)) if !afresh => {
            InOutage { waits: Some(Waits::NoLonger), ..none }
        }
        (Found::Outage { unbroken: false }, Some(_)) if !afresh => {
            InOutage { waits: Some(Waits::NoLonger), lets_go: goes_on && was_held, ..none }
        }
        (Found::SameOutage | Found::Outage { .. }, _) => waiting(status, before, none, at, rules, outage),
    }
}

/// It waits, or goes on waiting.
fn waiting(
    status: &Status,
    before: Option<Waits>,
    as_ever: InOutage,
    at: Timestamp,
    rules: &Rules,
    outage: OutageRules,
) -> InOutage {
    let has_problem = status.state.is_problem();
    let unchanged = Transition { status: *status, flip: None };
    let transition = match outage.state {
        _ if has_problem => unchanged,
        StateInOutage::Error => as_ever.transition,
        StateInOutage::Keep => unchanged,
        StateInOutage::Ok => after_run(status, State::Ok, None, at, rules),
    };
    let was_held = before.is_some_and(Waits::holds);
    let waits = if outage.told || (has_problem && !was_held) { Waits::AsItWas } else { Waits::Held };
    let lets_go = was_held && waits != Waits::Held && has_problem;
    InOutage { transition, waits: Some(waits), joins: true, lets_go }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    /// A monitor on its way through runs: `o` passes, `a` alarms, `e` errs by itself, `s` errs by the source in the outage there
    /// is, `n` by one that began after the last was over, `u` by another source's that began before.
    fn goes(runs: &str, rules: Rules, outage: OutageRules) -> String {
        let mut status = Status::new(START);
        let mut waits = None;
        let mut said = String::new();
        for run in runs.chars() {
            let (found, outcome) = match run {
                'o' => (Found::Nothing, State::Ok),
                'a' => (Found::Nothing, State::Alarm),
                'e' => (Found::Nothing, State::Error),
                's' if waits.is_some() => (Found::SameOutage, State::Error),
                'u' => (Found::Outage { unbroken: true }, State::Error),
                _ => (Found::Outage { unbroken: false }, State::Error),
            };
            let is = run_in_outage(&status, waits, found, (outcome, None), START, &rules, outage);
            (status, waits) = (is.transition.status, is.waits);
            let state = status.state.as_str()[..1].to_lowercase();
            let waits = match waits {
                None => "",
                Some(Waits::Held) => "h",
                Some(Waits::Recovering) => "r",
                Some(Waits::AsItWas) => "w",
                Some(Waits::NoLonger) => "n",
            };
            said.push_str(&format!("{state}{waits}{} ", if is.lets_go { "!" } else { "" }));
        }
        said.trim_end().to_owned()
    }

    const RULES: Rules = Rules {
        active: true,
        alarm_after: 1,
        alarm_window: None,
        recover_after: 1,
        default_severity: Severity::Critical,
    };
    const USUAL: OutageRules = OutageRules { state: StateInOutage::Error, told: false };

    #[test]
    fn what_a_source_did_is_held_until_the_first_run_after_it() {
        assert_eq!(goes("osso", RULES, USUAL), "o eh eh o");
        assert_eq!(goes("osa", RULES, USUAL), "o eh a");
        assert_eq!(goes("ose", RULES, USUAL), "o eh e!", "it still errs, for a reason of its own");
        assert_eq!(goes("osnnn", RULES, USUAL), "o eh en! en en", "a source that refuses only this one is not down");
        assert_eq!(goes("osnonns", RULES, USUAL), "o eh en! o eh en! en");
        assert_eq!(goes("osu", RULES, USUAL), "o eh eh", "one source came back while another was down already");
    }

    #[test]
    fn a_problem_that_was_there_stays_as_it_is() {
        assert_eq!(goes("assa", RULES, USUAL), "a aw aw a");
        assert_eq!(goes("asso", RULES, USUAL), "a aw aw o");
        assert_eq!(goes("asne", RULES, USUAL), "a aw en e");
    }

    #[test]
    fn passing_runs_that_do_not_end_it_yet_keep_it_waiting() {
        let rules = Rules { recover_after: 2, ..RULES };
        assert_eq!(goes("osoo", rules, USUAL), "o eh er o");
        assert_eq!(goes("osonoo", rules, USUAL), "o eh er eh o o", "a run that found nothing out does not count");
        assert_eq!(goes("osoe", rules, USUAL), "o eh er e!");
    }

    #[test]
    fn the_state_meanwhile_is_the_authors_to_choose() {
        let keep = OutageRules { state: StateInOutage::Keep, ..USUAL };
        assert_eq!(goes("osso", RULES, keep), "o oh oh o");
        assert_eq!(goes("osn", RULES, keep), "o oh en");
        let ok = OutageRules { state: StateInOutage::Ok, ..USUAL };
        assert_eq!(goes("sa", RULES, ok), "oh a");
        assert_eq!(goes("as", RULES, ok), "a aw");
        let told = OutageRules { told: true, ..USUAL };
        assert_eq!(goes("oss", RULES, told), "o ew ew");
        let off = Rules { active: false, ..RULES };
        assert_eq!(goes("s", off, USUAL), "i");
    }
}
