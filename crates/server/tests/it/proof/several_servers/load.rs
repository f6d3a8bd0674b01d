//! The monitors that run meanwhile: as many as one wants, due no more often together than a machine of two processors can do, with
//! three servers of a debug build on it.

/// Monitors that people change while they run: made, edited, paused, run by hand and deleted.
pub(super) const CHANGED: i64 = 6;

/// So many of the others are due every second, however many there are.
const EVERY_SECOND: i64 = 20;

/// All the others together are due no more often than this in a second, as far as a minute between two ticks allows.
const TICKS_A_SECOND: i64 = 40;

/// The seconds between two ticks that are chosen from, which a minute is a multiple of.
const PERIODS_S: [i64; 7] = [2, 5, 10, 15, 20, 30, 60];

/// How many seconds are between two ticks of a monitor that nobody changes, by its number among so many.
pub(super) fn period_s(number: i64, of: i64) -> i64 {
    if of <= TICKS_A_SECOND || number < EVERY_SECOND {
        return 1;
    }
    let most = TICKS_A_SECOND - EVERY_SECOND;
    let fits = |period: &i64| of - EVERY_SECOND <= most * period;
    PERIODS_S.into_iter().find(fits).unwrap_or(60)
}

#[test]
fn no_more_is_due_in_a_second_than_can_be_done_however_many_monitors_there_are() {
    for of in [1, 40, 41, 60, 61, 294, 500, 1000] {
        let due_in = |second: i64| {
            let due = (0..of).filter(|number| (second - number).rem_euclid(period_s(*number, of)) == 0);
            due.count()
        };
        let most = (0..60).map(due_in).max().unwrap();
        assert!(most <= TICKS_A_SECOND as usize, "{most} of {of} monitors are due in one second");
    }
}
