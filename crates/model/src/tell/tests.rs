//! The told rule, story by story, and its laws over random histories.

use proptest::prelude::*;

use super::*;
use State::{Alarm, Error, Inactive, Ok as Fine};

/// What happens in a monitor's and an alert's life.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Event {
    Flip(State),
    Mute(bool),
    Enable(bool),
    Tells(StateSet),
}

/// An alert, a monitor, and the mail that was sent.
struct World {
    told: Told,
    tells: StateSet,
    enabled: bool,
    muted: bool,
    current: State,
    sent: Vec<State>,
}

impl World {
    fn new(tells: StateSet) -> World {
        World { told: Told::default(), tells, enabled: true, muted: false, current: Inactive, sent: Vec::new() }
    }

    /// Lets it happen and asks the rule, as the store would. Answers what was sent because of it.
    fn happens(&mut self, event: Event) -> Option<State> {
        match event {
            Event::Flip(state) => self.current = state,
            Event::Mute(muted) => self.muted = muted,
            Event::Enable(enabled) => self.enabled = enabled,
            Event::Tells(tells) => self.tells = tells,
        }
        match tell(&self.told, self.tells, self.enabled, self.muted, self.current) {
            Tell::Nothing | Tell::Held => None,
            Tell::Silently(told) => {
                self.told = told;
                None
            }
            Tell::Owe(told) => {
                self.told = told;
                self.sent.push(self.current);
                Some(self.current)
            }
        }
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
fn switching_an_alert_on_makes_no_storm() {
    let [off, on] = [Event::Enable(false), Event::Enable(true)];
    let [ok, alarm] = [Fine, Alarm].map(Event::Flip);
    assert_eq!(sent(DEFAULT, &[ok, off, alarm, on]), NONE);
    assert_eq!(sent(DEFAULT, &[ok, off, alarm, on, ok, alarm]), [Alarm]);
    assert_eq!(sent(DEFAULT, &[alarm, off, on, ok]), [Alarm]);
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
    let mut world = World { told: Told::from_now(Alarm), current: Alarm, ..World::new(DEFAULT) };
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

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn states() -> impl Strategy<Value = StateSet> {
    prop::collection::vec(state(), 0..5).prop_map(|states| states.into_iter().collect())
}

/// Histories; settings change only if asked for.
fn history(settings: bool) -> impl Strategy<Value = Vec<Event>> {
    let weight = u32::from(settings);
    let event = prop_oneof![
        8 => state().prop_map(Event::Flip),
        3 => any::<bool>().prop_map(Event::Mute),
        weight => any::<bool>().prop_map(Event::Enable),
        weight => states().prop_map(Event::Tells),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(tells in states(), events in history(true)) {
        let mut world = World::new(tells);
        for event in events {
            let before = world.current;
            if let Some(state) = world.happens(event) {
                // Nothing is sent that the alert does not tell, while it is off or muted, or by changing its settings.
                prop_assert!(world.tells.contains(state) && world.enabled && !world.muted);
                prop_assert!(matches!(event, Event::Flip(_) | Event::Mute(false)));
                if let Event::Flip(_) = event {
                    prop_assert_ne!(state, before, "no flip, no news");
                }
            }
            // Asking again changes nothing and sends nothing.
            let again = tell(&world.told, world.tells, world.enabled, world.muted, world.current);
            prop_assert!(matches!(again, Tell::Nothing | Tell::Held));
            prop_assert_eq!(again == Tell::Held, world.enabled && world.muted && world.told.state != Some(world.current));
            prop_assert_ne!(world.told.open, Some(Fine));
        }
    }

    #[test]
    fn every_problem_told_gets_exactly_one_end(inactive in any::<bool>(), events in history(false)) {
        let tells = if inactive { DEFAULT.with(Inactive) } else { DEFAULT };
        let mut world = World::new(tells);
        let mut last_sent = None;
        for event in &events {
            if let Some(state) = world.happens(*event) {
                // Nothing is told twice in a row, and no end without what it ends.
                prop_assert_ne!(last_sent, Some(state));
                if state == Fine {
                    prop_assert!(last_sent.is_some());
                }
                last_sent = Some(state);
            }
            // What people heard last is true, whenever no mute is on: they are in the dark about INACTIVE only if the
            // alert does not tell it, and about OK only if they heard of nothing else.
            if !world.muted {
                match world.current {
                    Fine => prop_assert!(matches!(last_sent, None | Some(Fine))),
                    Inactive => prop_assert!(!inactive || matches!(last_sent, None | Some(Inactive)) || world.told.state.is_none()),
                    problem => prop_assert_eq!(last_sent, Some(problem)),
                }
            }
        }
    }

    #[test]
    fn a_mute_tells_once_at_its_end_what_is_left_of_it(before in prop::collection::vec(state(), 0..6), inside in prop::collection::vec(state(), 0..6)) {
        let mut world = World::new(DEFAULT);
        for state in &before {
            world.happens(Event::Flip(*state));
        }
        let at_start = world.current;
        let sent_before = world.sent.len();
        world.happens(Event::Mute(true));
        for state in &inside {
            prop_assert_eq!(world.happens(Event::Flip(*state)), None);
        }
        world.happens(Event::Mute(false));
        prop_assert!(world.sent.len() <= sent_before + 1);
        if world.current == at_start {
            prop_assert_eq!(world.sent.len(), sent_before, "what began and ended inside is never told");
        } else if world.current.is_problem() && world.told.open != Some(at_start) {
            prop_assert_eq!(world.sent.last(), Some(&world.current));
        }
    }

    #[test]
    fn switched_off_is_the_same_as_never_having_told(events in history(true)) {
        let mut world = World::new(DEFAULT);
        for event in events {
            world.happens(event);
        }
        world.happens(Event::Enable(false));
        world.happens(Event::Mute(false));
        prop_assert_eq!(world.told, Told::from_now(world.current));
        prop_assert_eq!(world.happens(Event::Enable(true)), None);
    }
}
