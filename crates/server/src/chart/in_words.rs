//! A chart in words, for those who do not see it.

use std::fmt::Write as _;

use revere_model::ReturnValue;

use super::Series;

impl Series {
    /// What it shows: `288 runs, values from 0.2 to 97, 3 changes of state`.
    pub fn in_words(&self) -> String {
        let counted = |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let mut words = counted(self.runs, "run", "runs");
        let number = |value| {
            let value = ReturnValue::Float(value);
            self.numbers.short(&value).unwrap_or_else(|| value.to_string())
        };
        let (least, most) =
            (self.values().fold(f64::INFINITY, f64::min), self.values().fold(f64::NEG_INFINITY, f64::max));
        if least.is_finite() && most.is_finite() {
            _ = match least == most {
                true => write!(words, ", always {}", number(least)),
                false => write!(words, ", values from {} to {}", number(least), number(most)),
            };
        }
        let before = self.week_before.as_ref().map(|points| {
            let numbers = || points.iter().filter_map(|(_, value)| *value);
            (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max))
        });
        _ = match before {
            None => Ok(()),
            Some((least, _)) if !least.is_finite() => write!(words, ", no values the week before"),
            Some((least, most)) if least == most => write!(words, ", the week before always {}", number(least)),
            Some((least, most)) => write!(words, ", the week before from {} to {}", number(least), number(most)),
        };
        if let Some(band) = self.thresholds.last() {
            _ = write!(words, ", threshold {}", number(band.value));
        }
        let mut texts: Vec<&str> = self.texts.iter().filter_map(|band| band.text.as_deref()).collect();
        texts.sort_unstable();
        texts.dedup();
        match texts.as_slice() {
            [] => {}
            [one] => _ = write!(words, ", always “{one}”"),
            several => _ = write!(words, ", {} different texts", several.len()),
        }
        let flips = self.flips.len() as u64;
        if flips > 0 {
            _ = write!(words, ", {}", counted(flips, "change of state", "changes of state"));
        }
        let ticks = self.gaps.iter().map(|gap| gap.count.unsigned_abs()).sum();
        if ticks > 0 {
            _ = write!(words, ", {}", counted(ticks, "tick without a run", "ticks without a run"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use revere_model::{Gap, GapReason, MonitorId};

    use super::*;
    use crate::chart::{TextBand, ThresholdBand};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_it_shows_is_said_in_words() {
        let gap = |count| Gap {
            monitor_id: MonitorId(1),
            reason: GapReason::Missed,
            first_tick_at: at(1),
            last_tick_at: at(2),
            count,
        };
        let text = |text: &str| TextBand { from: at(0), to: at(1), text: Some(text.to_owned()) };
        let numbers = Series {
            points: vec![(at(1), Some(0.25)), (at(2), None), (at(3), Some(97.0))],
            gaps: vec![gap(3), gap(1)],
            runs: 3,
            ..Series::default()
        };
        let threshold = ThresholdBand { from: at(1), to: at(9), value: 50.0 };
        let compared = Series { thresholds: vec![threshold], ..numbers.clone() };
        assert_eq!(compared.in_words(), "3 runs, values from 0.25 to 97, threshold 50, 4 ticks without a run");
        let beside = |points: &[(Timestamp, Option<f64>)]| {
            Series { week_before: Some(points.to_vec()), gaps: vec![], ..numbers.clone() }.in_words()
        };
        assert_eq!(
            beside(&[(at(1), Some(2.0)), (at(2), Some(4.0))]),
            "3 runs, values from 0.25 to 97, the week before from 2 to 4"
        );
        assert_eq!(beside(&[(at(1), None)]), "3 runs, values from 0.25 to 97, no values the week before");
        assert_eq!(numbers.in_words(), "3 runs, values from 0.25 to 97, 4 ticks without a run");
        let texts = Series { texts: vec![text("up"), text("down"), text("up")], runs: 1, ..Series::default() };
        assert_eq!(texts.in_words(), "1 run, 2 different texts");
        assert_eq!(Series { texts: vec![text("up")], runs: 9, ..Series::default() }.in_words(), "9 runs, always “up”");
        assert_eq!(Series::default().in_words(), "0 runs");
    }
}
