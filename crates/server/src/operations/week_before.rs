//! The values of a monitor a week before, laid over those of a chart: at the same time by the clock, seven days earlier.
//! Where a clock change lies between, that is an hour more or less than seven times 24.

use jiff::{Span, Timestamp, tz::TimeZone};
use revere_model::MonitorId;

use super::{
    Context, Failure,
    series::{Points, series},
};

/// The values of the week before `from` until `to`, each at its place in that time, by the clock of `zone`.
pub async fn week_before(
    context: &Context,
    id: MonitorId,
    (from, to): (Timestamp, Timestamp),
    points: usize,
    zone: &TimeZone,
) -> Result<Points, Failure> {
    let (begin, end) = (moved(from, -1, zone), moved(to, -1, zone));
    if begin >= end {
        return Ok(Points::new());
    }
    Ok(laid_over(series(context, id, begin, end, points).await?.points, zone))
}

/// A week later. Where a clock goes back an hour comes twice, and the second of the two has no place a week later.
fn laid_over(points: Points, zone: &TimeZone) -> Points {
    let mut laid = Points::with_capacity(points.len());
    for (at, value) in points {
        let at = moved(at, 1, zone);
        if laid.last().is_none_or(|(last, _)| *last < at) {
            laid.push((at, value));
        }
    }
    laid
}

fn moved(at: Timestamp, weeks: i64, zone: &TimeZone) -> Timestamp {
    at.to_zoned(zone.clone()).checked_add(Span::new().weeks(weeks)).map_or(at, |moved| moved.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        revere_model::zone("Europe/Berlin").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_the_same_time_by_the_clock() {
        // Between them the clock goes forward, then back.
        for (now, before) in [
            ("2026-03-31T07:00:00Z", "2026-03-24T08:00:00Z"),
            ("2026-10-27T08:00:00Z", "2026-10-20T07:00:00Z"),
            ("2026-07-01T07:00:00Z", "2026-06-24T07:00:00Z"),
        ] {
            assert_eq!(moved(at(now), -1, &berlin()), at(before));
            assert_eq!(moved(at(before), 1, &berlin()), at(now));
        }
        assert_eq!(moved(Timestamp::MIN, -1, &berlin()), Timestamp::MIN);
    }

    #[test]
    fn the_line_never_runs_backwards() {
        // Each quarter of an hour of a night in which the clock goes back, and of the night before one in which it goes forward.
        for begin in ["2026-10-24T22:00:00Z", "2026-03-21T23:00:00Z"] {
            let begin = at(begin).as_second();
            let points: Points = (0..24)
                .map(|quarter| (Timestamp::from_second(begin + quarter * 900).unwrap(), Some(quarter as f64)))
                .collect();
            let laid = laid_over(points, &berlin());
            assert!(laid.windows(2).all(|pair| pair[0].0 < pair[1].0), "{laid:?}");
            assert!(laid.len() == 20, "an hour has no place: {laid:?}");
            assert_eq!(laid.last().unwrap().1, Some(23.0));
        }
    }
}
