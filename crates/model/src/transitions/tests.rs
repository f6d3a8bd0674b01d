use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;
const ON: Rules =
    Rules { active: true, alarm_after: 1, alarm_window: None, recover_after: 1, default_severity: Severity::Critical };

/// The states a monitor goes through, a letter each: `i` at first, then one per outcome (`o`, `a`, `e`).
fn states(outcomes: &str, alarm_after: u32, recover_after: u32) -> String {
    states_by(outcomes, Rules { alarm_after, recover_after, ..ON })
}

/// The same, where `alarm_after` of the last `window` runs count.
fn windowed(outcomes: &str, alarm_after: u32, window: u32, recover_after: u32) -> String {
    states_by(outcomes, Rules { alarm_after, alarm_window: Some(window), recover_after, ..ON })
}

fn states_by(outcomes: &str, rules: Rules) -> String {
    let mut status = Status::new(START);
    let mut states = letter(status.state).to_string();
    for outcome in outcomes.chars() {
        let outcome = State::ALL.into_iter().find(|state| letter(*state) == outcome).unwrap();
        status = after_run(&status, outcome, None, START, &rules).status;
        states.push(letter(status.state));
    }
    states
}

fn letter(state: State) -> char {
    state.as_str().to_lowercase().chars().next().unwrap()
}

#[test]
fn one_run_is_enough_unless_someone_asked_for_more() {
    assert_eq!(states("oaeoa", 1, 1), "ioaeoa");
    assert_eq!(states("a", 1, 1), "ia");
}

#[test]
fn failing_runs_are_counted_together() {
    assert_eq!(states("aea", 3, 1), "iiia");
    assert_eq!(states("oaeoaee", 3, 1), "iooooooe");
    // In a problem the other kind counts at once, unless a passing run broke the streak.
    assert_eq!(states("aaae", 3, 1), "iiiae");
    assert_eq!(states("aaaoeea", 3, 2), "iiiaaaaa");
    assert_eq!(states("aaaoeee", 3, 2), "iiiaaaae");
}

#[test]
fn failing_runs_are_counted_among_the_last_ones() {
    // Three of the last five, however they are spread; a sixth run pushes the first one out.
    assert_eq!(windowed("oaoaoa", 3, 5, 1), "ioooooa");
    assert_eq!(windowed("aooaoaa", 3, 5, 1), "iioooooa");
    assert_eq!(windowed("aoooaoooa", 3, 5, 1), "iioooooooo");
    // Only a failing run makes a problem, and both kinds count together.
    assert_eq!(windowed("oaoeoe", 3, 5, 1), "ioooooe");
    // A streak is as good as ever.
    assert_eq!(windowed("oaaa", 3, 5, 1), "ioooa");
    // What made a problem does not count toward the next one.
    assert_eq!(windowed("aaaoaoaoa", 3, 5, 1), "iiiaoooooa");
    // In a problem they go on being counted: the other kind counts as soon as there are enough of them.
    assert_eq!(windowed("aaaoe", 3, 5, 2), "iiiaae");
}

#[test]
fn what_is_there_already_of_a_change_is_said() {
    let rules = Rules { alarm_after: 3, alarm_window: Some(5), recover_after: 2, ..ON };
    let mut status = Status::new(START);
    let words = "oaoaoaoo".chars().map(|letter| {
        let outcome = if letter == 'a' { State::Alarm } else { State::Ok };
        status = after_run(&status, outcome, None, START, &rules).status;
        status.pending(&rules).map(|pending| pending.to_string()).unwrap_or_default()
    });
    let [one, two] = [1, 2].map(|failed| format!("{failed} of the last 5 runs failed, alarm at 3"));
    let passing = "1 passing run, OK at 2 in a row";
    assert_eq!(words.collect::<Vec<_>>(), ["", &one, &one, &two, &two, "", passing, ""]);
    let rules = Rules { alarm_window: None, ..rules };
    let mut status = Status::new(START);
    for expected in ["1 failing run, alarm at 3 in a row", "2 failing runs in a row, alarm at 3"] {
        status = after_run(&status, State::Error, None, START, &rules).status;
        assert_eq!(status.pending(&rules).unwrap().to_string(), expected);
    }
    assert_eq!(status.pending(&Rules { active: false, ..rules }), None);
}

#[test]
fn a_changed_window_counts_the_runs_that_are_there() {
    let in_a_row = Rules { alarm_after: 3, ..ON };
    let fail = |status: &Status, rules| after_run(status, State::Alarm, None, START, &rules).status;
    let pass = |status: &Status, rules| after_run(status, State::Ok, None, START, &rules).status;
    let before = pass(&fail(&pass(&fail(&Status::new(START), in_a_row), in_a_row), in_a_row), in_a_row);
    let window = |runs| Rules { alarm_window: Some(runs), ..in_a_row };
    assert_eq!(fail(&before, in_a_row).state, State::Ok);
    assert_eq!(fail(&before, window(4)).state, State::Ok);
    assert_eq!(fail(&before, window(5)).state, State::Alarm);
    // A change by itself flips nothing, and neither does a passing run.
    assert_eq!(pass(&before, Rules { alarm_after: 1, ..window(5) }).state, State::Ok);
}

#[test]
fn passing_runs_end_a_problem_when_there_are_enough() {
    assert_eq!(states("aooaooo", 1, 3), "iaaaaaao");
    assert_eq!(states("o", 5, 5), "io");
}

#[test]
fn switched_off_is_inactive_until_the_first_run_after_switching_on() {
    let rules = Rules { alarm_after: 2, ..ON };
    let failing = after_run(&Status::new(START), State::Alarm, None, START, &rules).status;
    let off = deactivate(&after_run(&failing, State::Alarm, None, START, &rules).status, START);
    let flip = off.flip.unwrap();
    assert_eq!((flip.old, flip.new, flip.severity), (State::Alarm, State::Inactive, None));
    assert_eq!(flip.about(), Some(Severity::Critical));
    assert_eq!(deactivate(&off.status, START), off.status.unchanged());

    // A run by hand, or one that was still going.
    let by_hand = after_run(&off.status, State::Ok, None, START, &Rules { active: false, ..rules });
    assert_eq!(by_hand, off.status.unchanged());

    // Old failures are not counted.
    let on = activate(&off.status).status;
    assert_eq!(on.state, State::Inactive);
    assert_eq!(after_run(&on, State::Alarm, None, START, &rules).flip, None);
    assert_eq!(after_run(&on, State::Ok, None, START, &rules).status.state, State::Ok);
}

#[test]
fn a_problem_that_becomes_worse_or_better_flips_and_is_as_old_as_it_was() {
    let [warning, critical] = [Severity::Warning, Severity::Critical].map(Some);
    let later = START + SignedDuration::from_secs(9);
    let mild = after_run(&Status::new(START), State::Alarm, warning, START, &ON).status;
    assert_eq!((mild.state, mild.severity), (State::Alarm, warning));
    assert_eq!(after_run(&mild, State::Alarm, warning, later, &ON).flip, None);
    let worse = after_run(&mild, State::Alarm, None, later, &ON);
    let flip = Flip { old: State::Alarm, old_severity: warning, new: State::Alarm, severity: critical };
    assert_eq!((worse.flip, worse.status.state_since), (Some(flip), START));
    let ended = after_run(&worse.status, State::Ok, None, later, &ON);
    assert_eq!((ended.status.severity, ended.flip.unwrap().about()), (None, critical));
    // What the author says of all its problems: a broken check of little weight is no emergency.
    let light = Rules { default_severity: Severity::Warning, ..ON };
    assert_eq!(after_run(&Status::new(START), State::Error, None, START, &light).status.severity, warning);
    assert_eq!(after_run(&Status::new(START), State::Alarm, critical, START, &light).status.severity, critical);
}

#[derive(Clone, Debug)]
enum Event {
    Run(State, Option<Severity>),
    Deactivate,
    Activate,
    Rules(u32, Option<u32>, u32),
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop::sample::select(vec![State::Ok, State::Alarm, State::Error]);
    let severity = prop::sample::select(Severity::ALL.to_vec());
    prop_oneof![
        12 => (outcome, prop::option::of(severity)).prop_map(|(outcome, severity)| Event::Run(outcome, severity)),
        1 => Just(Event::Deactivate),
        1 => Just(Event::Activate),
        1 => (0_u32..4, prop::option::of(0_u32..7), 0_u32..4)
            .prop_map(|(alarm_after, window, recover_after)| Event::Rules(alarm_after, window, recover_after)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_of_the_state_machine(events in prop::collection::vec(event(), 0..60)) {
        let mut rules = ON;
        let mut status = Status::new(START);
        let mut at = START;
        let (mut starts, mut ends) = (0, 0);
        // The outcomes since the monitor was last switched on, and since its last problem ended.
        let mut outcomes: Vec<State> = Vec::new();
        let mut counted: Vec<State> = Vec::new();
        for event in events {
            at += SignedDuration::from_secs(1);
            let before = status;
            let transition = match event {
                Event::Run(outcome, severity) => {
                    if rules.active {
                        outcomes.push(outcome);
                        counted.push(outcome);
                    }
                    after_run(&status, outcome, severity, at, &rules)
                }
                Event::Deactivate => {
                    rules.active = false;
                    outcomes.clear();
                    counted.clear();
                    deactivate(&status, at)
                }
                Event::Activate => {
                    rules.active = true;
                    activate(&status)
                }
                Event::Rules(alarm_after, alarm_window, recover_after) => {
                    rules = Rules { alarm_after, alarm_window, recover_after, ..rules };
                    status.unchanged()
                }
            };
            status = transition.status;

            // A flip is a change, says so truly, and is when the state began.
            let whole = |status: Status| (status.state, status.severity);
            prop_assert_eq!(transition.flip.is_some(), whole(status) != whole(before));
            prop_assert_eq!(status.severity.is_some(), status.state.is_problem());
            if let Some(flip) = transition.flip {
                prop_assert_eq!((flip.old, flip.old_severity), whole(before));
                prop_assert_eq!((flip.new, flip.severity), whole(status));
                starts += i32::from(flip.new.is_problem() && !flip.old.is_problem());
                ends += i32::from(flip.old.is_problem() && !flip.new.is_problem());
            }
            prop_assert_eq!(status.state_since, if status.state == before.state { before.state_since } else { at });

            // Problems start and end in turn.
            prop_assert_eq!(starts - ends, i32::from(status.state.is_problem()));

            // Streaks are what they say.
            let streak = |problem| outcomes.iter().rev().take_while(|state| state.is_problem() == problem).count();
            prop_assert_eq!(status.failing_streak as usize, streak(true));
            prop_assert_eq!(status.passing_streak as usize, streak(false));

            // Of the runs since the last problem ended it is known which failed, and of no more than that.
            let failed_of = |last: u32| {
                counted.iter().rev().take(last as usize).filter(|state| state.is_problem()).count() as u32
            };
            let failed = rules.alarm_window.map_or(0, failed_of);
            let known = (0..64).filter(|bit| status.recent_failures >> bit & 1 == 1).max().map_or(0, |bit| bit + 1);
            if before.state.is_problem() && !status.state.is_problem() {
                counted.clear();
                prop_assert_eq!(known, 0);
            }
            prop_assert!(known <= counted.len().min(MAX_ALARM_WINDOW as usize));

            // Switched off is INACTIVE; enough runs of a kind always show.
            if !rules.active {
                prop_assert_eq!(status.state, State::Inactive);
            }
            if let (Event::Run(outcome, _), true) = (event, rules.active) {
                let (streak, needed) = match outcome {
                    State::Ok => (status.passing_streak, rules.recover_after),
                    _ => (status.failing_streak.max(failed), rules.alarm_after),
                };
                if streak >= needed {
                    prop_assert_eq!(status.state, outcome);
                } else if before.state.is_problem() || outcome.is_problem() {
                    prop_assert_eq!(status.state, before.state);
                }
            }
        }
    }

    #[test]
    fn a_window_of_as_many_runs_as_must_fail_is_in_a_row(outcomes in "[oae]{1,90}", after in 1_u32..61, recover in 1_u32..4) {
        prop_assert_eq!(windowed(&outcomes, after, after, recover), states(&outcomes, after, recover));
    }

    #[test]
    fn a_run_before_the_window_bears_on_nothing(
        old in "[oae]{0,70}", recent in "[oae]{1,60}", after in 1_u32..8, more in 0_u32..8,
    ) {
        // The same last runs, whatever came before them: where neither ended a problem, the next failing run does the same.
        let rules = Rules { alarm_after: after, alarm_window: Some(after + more), recover_after: 1000, ..ON };
        let through = |outcomes: &str| {
            outcomes.chars().fold(Status { state: State::Ok, ..Status::new(START) }, |status, letter| Status {
                state: State::Ok,
                severity: None,
                ..status.counted(letter != 'o')
            })
        };
        let window = recent.len().min((after + more) as usize);
        let (long, short) = (through(&(old + &recent)), through(&recent[recent.len() - window..]));
        if window == (after + more) as usize {
            let next = |status: Status| after_run(&status, State::Alarm, None, START, &rules).flip;
            prop_assert_eq!(next(long), next(short));
        }
    }

    #[test]
    fn with_one_of_each_the_state_is_the_last_outcome(outcomes in "[oae]{1,30}") {
        prop_assert_eq!(states(&outcomes, 1, 1), format!("i{outcomes}"));
    }
}
