//! The axes of a chart: round numbers between the least and the most, and round times of the wall's clock.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

/// The values' axis: from one round number to another.
pub(super) struct Scale {
    /// Its lower end.
    pub(super) low: f64,
    /// Its upper end.
    pub(super) high: f64,
    /// What is named, from below.
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// The axis of values between these two.
    pub(super) fn over(least: f64, most: f64) -> Scale {
        let span = most - least;
        if least == most {
            return Scale { low: least, high: most, ticks: vec![least] };
        }
        let rough = span / 4.0;
        let power = 10.0_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough);
        let (first, last) = match round {
            Some(step) if step.is_normal() => ((least / step).floor(), (most / step).ceil()),
            _ => (f64::NAN, f64::NAN),
        };
        let ticks: Vec<f64> = match (round, last - first) {
            // So far from zero that steps between them are lost, or so far apart that no number is as large, the ends must do.
            (Some(step), steps) if (1.0..=8.0).contains(&steps) && first.abs() < 1e12 => {
                (0..=steps as u32).map(|index| (first + f64::from(index)) * step).collect()
            }
            _ => vec![least, most],
        };
        let (low, high) = (least.min(ticks[0]), most.max(ticks[ticks.len() - 1]));
        if high.is_finite() && low.is_finite() && high > low {
            Scale { low, high, ticks }
        } else {
            Scale { low: least, high: most, ticks: vec![least, most] }
        }
    }
}

/// Moments to name between two, at most about `most`, each with its words: the time, at midnight the day.
pub(super) fn times(from: Timestamp, to: Timestamp, zone: &TimeZone, most: i64) -> Vec<(Timestamp, String)> {
    const MINUTES: [i64; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880];
    let all = to.duration_since(from).as_secs() / 60;
    let step = MINUTES
        .into_iter()
        .find(|step| all / step <= most.max(1))
        .unwrap_or((all / most.max(1)).max(2880) / 1440 * 1440);
    let mut times: Vec<(Timestamp, String)> = Vec::new();
    // By the clock on the wall, so that they stay round where it is put back.
    let Ok(mut day) = from.to_zoned(zone.clone()).start_of_day() else { return times };
    let days = (step / 1440).max(1);
    while day.timestamp() < to && times.len() < 100 {
        for minutes in (0..1440).step_by(usize::try_from(step).unwrap_or(1440)) {
            let wall = day.datetime().checked_add(minutes.minutes());
            let Some(at) = wall.ok().and_then(|wall| wall.to_zoned(zone.clone()).ok()) else { continue };
            let later = times.last().is_none_or(|(last, _)| *last < at.timestamp());
            if later && (from..to).contains(&at.timestamp()) {
                times.push((at.timestamp(), words(&at)));
            }
        }
        match day.checked_add(days.days()) {
            Ok(next) if next > day => day = next,
            _ => break,
        }
    }
    times
}

fn words(at: &Zoned) -> String {
    if at.hour() == 0 && at.minute() == 0 { revere_model::date_of(at) } else { revere_model::minute_of(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_named_in_round_numbers() {
        let ticks = |least, most| Scale::over(least, most).ticks;
        assert_eq!(ticks(0.0, 97.0), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(3.0, 18.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(ticks(-1.0, 1.0), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ticks(7.0, 7.0), [7.0]);
        for (least, most) in
            [(f64::MIN, f64::MAX), (1e300, 1.1e300), (1e15, 1e15 + 1.0), (0.0, 5e-324), (-5e-324, 1e-310)]
        {
            let Scale { low, high, ticks } = Scale::over(least, most);
            assert!(
                low <= least && high >= most && low < high && high.is_finite() && low.is_finite(),
                "{least} {most}"
            );
            assert!((2..=9).contains(&ticks.len()), "{ticks:?}");
        }
    }

    fn named(from: &str, to: &str, zone: &str) -> Vec<String> {
        let zone = revere_model::zone(zone).unwrap();
        let times = times(from.parse().unwrap(), to.parse().unwrap(), &zone, 6);
        times.into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn times_are_round_by_the_clock_on_the_wall() {
        let day = named("2026-03-01T09:40:00Z", "2026-03-02T09:40:00Z", "Europe/Berlin");
        assert_eq!(day, ["12:00", "18:00", "2 Mar", "06:00"]);
        assert_eq!(
            named("2026-03-01T09:40:00Z", "2026-03-01T10:40:00Z", "Asia/Kathmandu"),
            ["15:30", "15:40", "15:50", "16:00", "16:10", "16:20"]
        );
        assert_eq!(
            named("2026-02-26T09:40:00Z", "2026-03-03T09:40:00Z", "UTC"),
            ["27 Feb", "28 Feb", "1 Mar", "2 Mar", "3 Mar"]
        );
        // An hour is left out, and one comes twice.
        let spring = named("2026-03-29T00:10:00Z", "2026-03-29T04:10:00Z", "Europe/Berlin");
        assert_eq!(spring, ["03:00", "04:00", "05:00", "06:00"]);
        let autumn = named("2026-10-24T23:10:00Z", "2026-10-25T03:10:00Z", "Europe/Berlin");
        assert_eq!(autumn, ["02:00", "03:00", "04:00"]);
        assert!(named("2026-03-01T09:40:00Z", "2026-03-01T09:40:00Z", "UTC").is_empty());
        assert!(named("1990-01-01T00:00:00Z", "2090-01-01T00:00:00Z", "UTC").len() < 100);
    }
}
