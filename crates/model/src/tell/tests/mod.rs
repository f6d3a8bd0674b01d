//! The told rule, story by story.

mod laws;

use super::*;
use crate::{SeveritySet, StateSet};
use Severity::{Critical, Warning};
use State::{Alarm, Error, Inactive, Ok as Fine};

/// What happens in a monitor's and an alert's life.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Event {
    Flip(State),
    Problem(State, Severity),
    Mute(bool),
    Enable(bool),
    Tells(StateSet),
    /// Whether the monitor chose this alert.
    Choose(bool),
    /// Whether the monitor has the tag that the alert is for.
    Tag(bool),
    Severities(SeveritySet),
}

/// An alert, a monitor, and the mail that was sent.
#[derive(Clone)]
struct World {
    told: Told,
    tells: StateSet,
    enabled: bool,
    muted: bool,
    chosen: bool,
    tagged: bool,
    severities: SeveritySet,
    /// Whether the alert reaches somebody of a rota.
    on_call_only: bool,
    current: State,
    /// How severe the problem is, or was that ended last.
    severity: Option<Severity>,
    sent: Vec<State>,
}

impl World {
    fn new(tells: StateSet) -> World {
        World {
            told: Told::default(),
            tells,
            enabled: true,
            muted: false,
            chosen: true,
            tagged: true,
            severities: SeveritySet::ALL,
            on_call_only: false,
            current: Inactive,
            severity: None,
            sent: Vec::new(),
        }
    }

    /// Asks the rule, as the store would.
    fn ask(&self) -> Decision {
        let (tags, key) = (["Ours".to_owned()], ["pager".to_owned()]);
        let (none, others) = ([], ["others".to_owned()]);
        let alert = AlertRules {
            key: "pager",
            switch: if self.enabled { Switch::On } else { Switch::Off },
            states: self.tells,
            severities: self.severities,
            tags: &["ours".to_owned()],
            on_call_only: self.on_call_only,
        };
        let subject = Subject {
            tags: if self.tagged { &tags } else { &none },
            alerts: Some(if self.chosen { &key } else { &others }),
            state: self.current,
            severity: self.severity,
        };
        tell(&self.told, &alert, &subject, self.muted.then_some(Silence::Muted))
    }

    fn flip(&mut self, state: State, severity: Severity) {
        if state.is_problem() {
            self.severity = Some(severity);
        } else if !self.current.is_problem() && state != self.current {
            self.severity = None;
        }
        self.current = state;
    }

    /// Lets it happen and asks the rule, as the store would. Answers what was sent because of it.
    fn happens(&mut self, event: Event) -> Option<State> {
        match event {
            Event::Flip(state) => self.flip(state, Critical),
            Event::Problem(state, severity) => self.flip(state, severity),
            Event::Mute(muted) => self.muted = muted,
            Event::Enable(enabled) => self.enabled = enabled,
            Event::Tells(tells) => self.tells = tells,
            Event::Choose(chosen) => self.chosen = chosen,
            Event::Tag(tagged) => self.tagged = tagged,
            Event::Severities(severities) => self.severities = severities,
        }
        // A change of settings is no reason to ask, but for the switch and the mute.
        if matches!(event, Event::Choose(_) | Event::Tag(_) | Event::Severities(_) | Event::Tells(_)) {
            return None;
        }
        let decision = self.ask();
        self.told = decision.told;
        (decision.verdict == Verdict::Owed).then(|| {
            self.sent.push(self.current);
            self.current
        })
    }

    /// Whether this is for the alert.
    fn is_here(&self) -> bool {
        self.chosen && self.tagged && self.severity.is_none_or(|severity| self.severities.contains(severity))
    }
}

fn sent(tells: StateSet, events: &[Event]) -> Vec<State> {
    let mut world = World::new(tells);
    events.iter().for_each(|event| {
        world.happens(*event);
    });
    world.sent
}

fn flips(states: &[State]) -> Vec<Event> {
    states.iter().copied().map(Event::Flip).collect()
}

const DEFAULT: StateSet = StateSet::DEFAULT_TOLD;
const NONE: [State; 0] = [];

#[test]
fn a_first_success_is_not_told_and_a_first_failure_is() {
    assert_eq!(sent(DEFAULT, &flips(&[Fine])), NONE);
    assert_eq!(sent(DEFAULT, &flips(&[Alarm])), [Alarm]);
    assert_eq!(sent(DEFAULT, &flips(&[Fine, Inactive, Fine, Error, Fine])), [Error, Fine]);
}

#[test]
fn an_end_is_told_even_if_the_monitor_was_switched_off_in_between() {
    assert_eq!(sent(DEFAULT, &flips(&[Alarm, Inactive, Fine])), [Alarm, Fine]);
    // Still broken after switching on: that is known. Broken in another way: that is news.
    assert_eq!(sent(DEFAULT, &flips(&[Alarm, Inactive, Alarm, Fine])), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &flips(&[Alarm, Inactive, Error, Fine])), [Alarm, Error, Fine]);
}

#[test]
fn where_inactive_is_told_it_is_an_end_and_wants_one() {
    let all = DEFAULT.with(Inactive);
    assert_eq!(sent(all, &flips(&[Fine, Inactive, Fine])), [Inactive, Fine]);
    assert_eq!(sent(all, &flips(&[Alarm, Inactive, Alarm])), [Alarm, Inactive, Alarm]);
    assert_eq!(sent(all, &[Event::Enable(true)]), NONE);
}

#[test]
fn a_mute_hides_what_began_and_ended_in_it_and_shows_what_outlives_it() {
    let [begin, end] = [Event::Mute(true), Event::Mute(false)];
    let [ok, alarm, error] = [Fine, Alarm, Error].map(Event::Flip);
    assert_eq!(sent(DEFAULT, &[ok, begin, alarm, ok, end]), NONE);
    assert_eq!(sent(DEFAULT, &[ok, begin, alarm, end, ok]), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[alarm, begin, ok, end]), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[alarm, begin, ok, error, end]), [Alarm, Error]);
    assert_eq!(sent(DEFAULT, &[alarm, begin, ok, alarm, end, ok]), [Alarm, Fine]);
    // A new monitor under a mute.
    assert_eq!(sent(DEFAULT, &[begin, alarm, ok, end]), NONE);
}

#[test]
fn an_alert_that_is_on_again_tells_what_became_of_what_it_told() {
    let [off, on] = [Event::Enable(false), Event::Enable(true)];
    let [ok, alarm, error] = [Fine, Alarm, Error].map(Event::Flip);
    assert_eq!(sent(DEFAULT, &[alarm, off, ok, on]), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[alarm, off, on, ok]), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[alarm, off, ok, error, on]), [Alarm, Error]);
    assert_eq!(sent(DEFAULT, &[alarm, off, ok, alarm, on, ok]), [Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[alarm, ok, off, alarm, ok, on]), [Alarm, Fine]);
}

#[test]
fn switching_an_alert_on_makes_no_storm() {
    let [off, on] = [Event::Enable(false), Event::Enable(true)];
    let [ok, alarm] = [Fine, Alarm].map(Event::Flip);
    assert_eq!(sent(DEFAULT, &[ok, off, alarm, on]), NONE);
    assert_eq!(sent(DEFAULT, &[ok, off, alarm, on, ok, alarm]), [Alarm]);
    // Off counts for more than muted: nothing waits for the mute's end.
    assert_eq!(sent(DEFAULT, &[ok, off, Event::Mute(true), alarm, on, Event::Mute(false)]), NONE);
}

#[test]
fn an_alert_tells_only_its_states() {
    let alarms = StateSet::EMPTY.with(Alarm);
    assert_eq!(sent(alarms, &flips(&[Alarm, Fine, Alarm, Error, Fine, Error, Alarm])), [Alarm, Alarm, Alarm]);
    assert_eq!(sent(alarms, &flips(&[Alarm, Error, Alarm])), [Alarm]);
    let recoveries = StateSet::EMPTY.with(Fine);
    assert_eq!(sent(recoveries, &flips(&[Fine, Alarm, Fine, Inactive, Fine, Error, Fine])), [Fine, Fine]);
    assert_eq!(sent(StateSet::EMPTY, &flips(&[Fine, Alarm, Error, Inactive])), NONE);
    let errors = StateSet::EMPTY.with(Error).with(Fine);
    assert_eq!(sent(errors, &flips(&[Error, Alarm, Error, Fine, Alarm, Fine])), [Error, Fine, Fine]);
}

#[test]
fn choosing_other_states_tells_nothing_by_itself() {
    let alarm = Event::Flip(Alarm);
    assert_eq!(sent(StateSet::EMPTY, &[alarm, Event::Tells(DEFAULT)]), NONE);
    assert_eq!(sent(DEFAULT, &[alarm, Event::Tells(StateSet::EMPTY.with(Fine)), Event::Flip(Fine)]), [Alarm, Fine]);
}

#[test]
fn an_alert_that_is_new_to_a_monitor_in_trouble_follows_from_there() {
    let mut world = World {
        told: Told::from_now(Alarm, Some(Critical)),
        current: Alarm,
        severity: Some(Critical),
        ..World::new(DEFAULT)
    };
    for state in [Alarm, Fine, Error, Fine] {
        world.happens(Event::Flip(state));
    }
    assert_eq!(world.sent, [Error, Fine]);
}

#[test]
fn people_are_told_from_what_they_heard_last() {
    let mut world = World::new(DEFAULT);
    assert_eq!(world.told.last_heard(), Inactive);
    world.happens(Event::Flip(Alarm));
    world.happens(Event::Flip(Inactive));
    assert_eq!(world.told.last_heard(), Alarm);
    assert!(world.told.has_open_problem());
    world.happens(Event::Flip(Fine));
    assert_eq!(world.told.last_heard(), Fine);
}

#[test]
fn the_end_goes_where_the_problem_was_told_whatever_was_chosen_meanwhile() {
    let [ok, alarm, error] = [Fine, Alarm, Error].map(Event::Flip);
    for away in [Event::Choose(false), Event::Tag(false), Event::Severities(SeveritySet::EMPTY)] {
        assert_eq!(sent(DEFAULT, &[alarm, away, ok]), [Alarm, Fine], "{away:?}");
        assert_eq!(sent(DEFAULT, &[alarm, away, error, alarm, ok, alarm, ok]), [Alarm, Fine], "{away:?}");
        assert_eq!(sent(DEFAULT, &[alarm, away, Event::Flip(Inactive), ok]), [Alarm, Fine], "{away:?}");
        assert_eq!(sent(DEFAULT, &[ok, away, alarm, ok, error, ok]), NONE, "{away:?}");
    }
    // It is for the alert only when the problem is there: nothing by itself, and no end without a beginning.
    assert_eq!(sent(DEFAULT, &[Event::Choose(false), alarm, Event::Choose(true), ok, alarm]), [Alarm]);
    assert_eq!(sent(DEFAULT, &[Event::Choose(false), alarm, Event::Choose(true), error, ok]), [Error, Fine]);
}

#[test]
fn an_alert_for_critical_problems_hears_of_no_warning_nor_of_its_end() {
    let only = Event::Severities(SeveritySet::EMPTY.with(Critical));
    let [warning, critical] = [Warning, Critical].map(|severity| Event::Problem(Alarm, severity));
    let ok = Event::Flip(Fine);
    assert_eq!(sent(DEFAULT, &[only, ok, warning, ok]), NONE);
    assert_eq!(sent(DEFAULT, &[only, ok, critical, ok]), [Alarm, Fine]);
    // It becomes worse, and then better before it is over.
    assert_eq!(sent(DEFAULT, &[only, ok, warning, critical, warning, ok]), [Alarm, Fine]);
    let ends = StateSet::EMPTY.with(Fine);
    assert_eq!(sent(ends, &[only, ok, warning, ok, critical, ok]), [Fine]);
}

#[test]
fn what_becomes_worse_is_told_once_more_and_what_becomes_better_is_not() {
    let [warning, critical] = [Warning, Critical].map(|severity| Event::Problem(Alarm, severity));
    let ok = Event::Flip(Fine);
    assert_eq!(sent(DEFAULT, &[warning, critical, warning, critical, ok]), [Alarm, Alarm, Fine]);
    assert_eq!(sent(DEFAULT, &[critical, warning, ok, warning]), [Alarm, Fine, Alarm]);
    let mut world = World::new(DEFAULT);
    world.happens(critical);
    world.happens(warning);
    assert_eq!(world.told.last_severity(), Some(Critical), "people heard no better");
    assert_eq!(world.ask().verdict, Verdict::Silent(Silence::ToldBefore));
}

#[test]
fn every_silence_has_its_reason() {
    let reason = |tells: StateSet, events: &[Event]| {
        let (last, before) = events.split_last().unwrap();
        let mut world = World::new(tells);
        before.iter().for_each(|event| {
            world.happens(*event);
        });
        let mut asked = world.clone();
        match *last {
            Event::Flip(state) => asked.flip(state, Critical),
            Event::Problem(state, severity) => asked.flip(state, severity),
            _ => panic!("a history ends with a flip"),
        }
        match asked.ask().verdict {
            Verdict::Owed => "told",
            Verdict::Silent(why) => why.as_str(),
        }
    };
    let [ok, alarm, warning] = [Event::Flip(Fine), Event::Flip(Alarm), Event::Problem(Alarm, Warning)];
    assert_eq!(reason(DEFAULT, &[ok, alarm]), "told");
    assert_eq!(reason(DEFAULT, &[Event::Enable(false), alarm]), "switched_off");
    assert_eq!(reason(DEFAULT, &[Event::Choose(false), alarm]), "not_chosen");
    assert_eq!(reason(DEFAULT, &[Event::Tag(false), alarm]), "other_tags");
    assert_eq!(reason(DEFAULT, &[Event::Severities(SeveritySet::EMPTY.with(Critical)), warning]), "other_severity");
    assert_eq!(reason(StateSet::EMPTY.with(Fine), &[alarm]), "not_this_state");
    assert_eq!(reason(DEFAULT, &[alarm, Event::Flip(Inactive), alarm]), "told_before");
    assert_eq!(reason(DEFAULT, &[alarm, warning]), "less_severe");
    assert_eq!(reason(DEFAULT, &[Event::Choose(false), alarm, Event::Choose(true), alarm]), "passed_over");
    assert_eq!(reason(DEFAULT, &[ok, Event::Mute(true), alarm]), "muted");
    assert_eq!(reason(DEFAULT, &[ok, Event::Mute(true), alarm, ok]), "nothing_to_end");
    assert_eq!(reason(DEFAULT, &[Event::Choose(false), alarm, Event::Choose(true), ok]), "nothing_to_end");
    for silence in Silence::ALL {
        assert_eq!(silence.as_str().parse(), Ok(*silence));
    }
}

#[test]
fn an_alert_that_reaches_somebody_of_a_rota_tells_by_itself_only_of_monitors_that_name_it() {
    let mut world = World { on_call_only: true, ..World::new(DEFAULT) };
    assert_eq!(world.happens(Event::Flip(Alarm)), Some(Alarm), "the monitor names it");
    let alert = AlertRules {
        key: "pager",
        switch: Switch::On,
        states: DEFAULT,
        severities: SeveritySet::ALL,
        tags: &[],
        on_call_only: true,
    };
    let subject = Subject { tags: &[], alerts: None, state: Alarm, severity: Some(Critical) };
    let decided = tell(&Told::default(), &alert, &subject, None);
    assert_eq!(decided.verdict, Verdict::Silent(Silence::OnCallOnly));
    assert_eq!(tell(&decided.told, &alert, &Subject { state: Fine, ..subject }, None).told.open, None);
}
