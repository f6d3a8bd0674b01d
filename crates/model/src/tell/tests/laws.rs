//! Laws of the told rule, over random histories.

use proptest::prelude::*;

use super::*;

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn states() -> impl Strategy<Value = StateSet> {
    prop::collection::vec(state(), 0..5).prop_map(|states| states.into_iter().collect())
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}

fn severities() -> impl Strategy<Value = SeveritySet> {
    prop::collection::vec(severity(), 0..3).prop_map(|severities| severities.into_iter().collect())
}

/// Histories; settings change only if asked for, and who tells only if asked for.
fn history(settings: bool, routing: bool) -> impl Strategy<Value = Vec<Event>> {
    let (weight, elsewhere) = (u32::from(settings), u32::from(routing));
    let event = prop_oneof![
        8 => state().prop_map(Event::Flip),
        elsewhere * 4 => (prop::sample::select(vec![Alarm, Error]), severity()).prop_map(|(state, how)| Event::Problem(state, how)),
        elsewhere => any::<bool>().prop_map(Event::Choose),
        elsewhere => any::<bool>().prop_map(Event::Tag),
        elsewhere => severities().prop_map(Event::Severities),
        3 => any::<bool>().prop_map(Event::Mute),
        weight => any::<bool>().prop_map(Event::Enable),
        weight => states().prop_map(Event::Tells),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(tells in states(), events in history(true, true)) {
        let mut world = World::new(tells);
        for event in events {
            let before = (world.current, world.severity);
            let opened = world.told.open.is_some();
            let was_enabled = world.enabled;
            if let Some(state) = world.happens(event) {
                // Nothing is sent that the alert does not tell, while it is off or muted, or by changing its settings. Nothing
                // begins that is for others.
                prop_assert!(world.tells.contains(state) && world.enabled && !world.muted);
                prop_assert!(matches!(event, Event::Flip(_) | Event::Problem(..) | Event::Mute(false) | Event::Enable(true)));
                prop_assert!(world.is_here() || (opened && !state.is_problem()));
                prop_assert!(opened || event != Event::Enable(true) || was_enabled, "no storm");
                if !matches!(event, Event::Mute(_) | Event::Enable(_)) {
                    prop_assert_ne!((state, world.severity), before, "no flip, no news");
                }
            }
            // Asking again changes nothing and sends nothing, unless who tells it was changed after the last flip.
            if !matches!(event, Event::Choose(_) | Event::Tag(_) | Event::Severities(_) | Event::Tells(_)) {
                let again = world.ask();
                prop_assert!(matches!(again.verdict, Verdict::Silent(_)));
                prop_assert_eq!(again.told, world.told);
            }
            prop_assert_ne!(world.told.open, Some(Fine));
            prop_assert_eq!(world.told.open_severity.is_some(), world.told.has_open_problem());
        }
    }

    #[test]
    fn whoever_was_told_of_a_problem_is_told_its_end_whatever_is_chosen_meanwhile(
        inactive in any::<bool>(), events in history(false, true),
    ) {
        let tells = if inactive { DEFAULT.with(Inactive) } else { DEFAULT };
        let mut world = World::new(tells);
        // What people heard last, and how severe they take it to be.
        let mut heard: Option<(State, Option<Severity>)> = None;
        for event in &events {
            let before = (world.current, world.severity);
            if let Some(state) = world.happens(*event) {
                let severity = world.severity.filter(|_| state.is_problem());
                if let Some((last, how)) = heard {
                    prop_assert!(last != state || severity > how, "nothing is told twice in a row but what is worse");
                }
                if state == Fine {
                    prop_assert!(heard.is_some_and(|(last, _)| last != Fine), "no end without what it ends");
                }
                heard = Some((state, severity));
            }
            if world.muted {
                continue;
            }
            // Nobody is left with a problem that is over, and where it is for them they know of it, as bad as it is.
            match world.current {
                Fine => prop_assert!(matches!(heard, None | Some((Fine, _)))),
                Inactive if !inactive => {}
                Inactive => prop_assert!(!heard.is_some_and(|(last, _)| last.is_problem())),
                _ if before == (world.current, world.severity) => {}
                problem if world.is_here() => {
                    prop_assert!(heard.is_some_and(|(last, how)| last == problem && how >= world.severity));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_problem_told_gets_exactly_one_end(inactive in any::<bool>(), events in history(false, false)) {
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
    fn switched_off_keeps_what_is_open_and_passes_over_all_else(
        before in history(true, true), meanwhile in prop::collection::vec(state(), 0..6),
    ) {
        let mut world = World::new(DEFAULT);
        for event in before {
            world.happens(event);
        }
        world.happens(Event::Enable(false));
        world.happens(Event::Mute(false));
        world.happens(Event::Tells(DEFAULT));
        let open = world.told.open;
        for state in meanwhile.into_iter().chain([Fine]) {
            prop_assert_eq!(world.happens(Event::Flip(state)), None);
        }
        prop_assert_eq!(world.told.open, open);
        if open.is_none() {
            prop_assert_eq!(world.told, Told::from_now(Fine, None));
        }
        prop_assert_eq!(world.happens(Event::Enable(true)), open.map(|_| Fine));
        prop_assert_eq!(world.told.open, None);
    }
}
