//! A monitor's values over a stretch of time, thinned to what a chart can show.
//!
//! However long the stretch, the answer is bounded, and a peak of one run in a month is still in it: time is cut into
//! equal pieces, and of each the first, the least, the most and the last value are kept, which is all that a line drawn
//! through one column of pixels can show.

use jiff::Timestamp;
use revere_model::{Gap, MonitorId, ReturnValue, State};

use super::{Failure, of};
use crate::{
    store::{Flip, SeriesPoint},
    web::WebState,
};

/// Changes of state and gaps in one answer: more marks than that would hide the line.
const MARKS: usize = 300;
/// Different texts in one answer.
const TEXTS: usize = 200;

/// What a chart shows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// Where it begins and ends.
    pub from: Timestamp,
    /// The first instant behind it.
    pub to: Timestamp,
    /// Values in the order of time; `None` breaks the line where a run left no number.
    pub points: Vec<(Timestamp, Option<f64>)>,
    /// Stretches of one state. Where several states fall into one piece of time, the worst stands for it.
    pub bands: Vec<Band>,
    /// Text values, each where it first stood.
    pub texts: Vec<(Timestamp, String)>,
    /// Changes of state, oldest first.
    pub flips: Vec<Flip>,
    /// Ticks without a run, oldest first.
    pub gaps: Vec<Gap>,
    /// How many runs there were.
    pub runs: u64,
}

/// A stretch of one state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Band {
    /// From the first run in it
    pub from: Timestamp,
    /// until the first run after it, or the end.
    pub to: Timestamp,
    /// The state.
    pub state: State,
}

/// The series of a monitor from `from` until before `to`, in at most about `points` points.
pub async fn series(
    state: &WebState,
    id: MonitorId,
    from: Timestamp,
    to: Timestamp,
    points: usize,
) -> Result<Series, Failure> {
    state.store.monitor(id).await.map_err(of("monitor", id))?;
    let mut thinner = Thinner::new(from, to, points);
    state.store.each_point(id, from, to, |point| thinner.take(point)).await.map_err(Failure::Store)?;
    let mut series = thinner.finish();
    let within = |at: Timestamp| at >= from && at < to;
    let flips = state.store.flips(id, None, MARKS as u32).await.map_err(Failure::Store)?;
    series.flips = flips.into_iter().filter(|flip| within(flip.at)).collect();
    series.flips.reverse();
    let gaps = state.store.gaps(id, None, MARKS as u32).await.map_err(Failure::Store)?;
    series.gaps =
        gaps.into_iter().map(|(_, gap)| gap).filter(|gap| gap.last_tick_at >= from && gap.first_tick_at < to).collect();
    series.gaps.reverse();
    Ok(series)
}

/// Takes runs in the order of time and keeps what matters.
struct Thinner {
    series: Series,
    /// How long each piece of time is, in microseconds.
    step: i64,
    piece: i64,
    kept: Kept,
    worst: Option<(Timestamp, State)>,
    text: Option<String>,
}

/// What is kept of a piece of time, with its places.
#[derive(Default)]
struct Kept {
    first: Option<(Timestamp, f64)>,
    least: Option<(Timestamp, f64)>,
    most: Option<(Timestamp, f64)>,
    last: Option<(Timestamp, f64)>,
    without: Option<Timestamp>,
}

impl Thinner {
    fn new(from: Timestamp, to: Timestamp, points: usize) -> Thinner {
        let pieces = (points / 4).max(1) as i64;
        let step = ((to.as_microsecond() - from.as_microsecond()) / pieces).max(1);
        Thinner {
            series: Series { from, to, ..Series::default() },
            step,
            piece: 0,
            kept: Kept::default(),
            worst: None,
            text: None,
        }
    }

    fn take(&mut self, point: SeriesPoint) {
        let piece = (point.at.as_microsecond() - self.series.from.as_microsecond()) / self.step;
        if piece != self.piece {
            self.close();
            self.piece = piece;
        }
        self.series.runs += 1;
        match &point.value {
            Some(ReturnValue::Text(text)) => {
                if self.text.as_ref() != Some(text) && self.series.texts.len() < TEXTS {
                    self.series.texts.push((point.at, text.chars().take(80).collect()));
                }
                self.text = Some(text.clone());
                self.kept.without = Some(point.at);
            }
            value => match value.as_ref().and_then(ReturnValue::as_number).filter(|number| number.is_finite()) {
                Some(number) => self.kept.take(point.at, number),
                None => self.kept.without = Some(point.at),
            },
        }
        self.worst = Some(match self.worst {
            Some((at, state)) if severity(state) >= severity(point.state) => (at, state),
            Some((at, _)) => (at, point.state),
            None => (point.at, point.state),
        });
    }

    /// Puts what was kept of the piece of time that is over into the series.
    fn close(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        let mut points: Vec<(Timestamp, f64)> =
            [kept.first, kept.least, kept.most, kept.last].into_iter().flatten().collect();
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by_key(|(at, _)| *at);
        if points.is_empty()
            && let Some(at) = kept.without
        {
            self.series.points.push((at, None));
        }
        self.series.points.extend(points.into_iter().map(|(at, value)| (at, Some(value))));
        let Some((at, state)) = self.worst.take() else { return };
        if let Some(band) = self.series.bands.last_mut() {
            band.to = at;
            if band.state == state {
                return;
            }
        }
        self.series.bands.push(Band { from: at, to: at, state });
    }

    fn finish(mut self) -> Series {
        self.close();
        if let Some(band) = self.series.bands.last_mut() {
            band.to = self.series.to;
        }
        self.series
    }
}

impl Kept {
    fn take(&mut self, at: Timestamp, number: f64) {
        let point = (at, number);
        self.first.get_or_insert(point);
        if self.least.is_none_or(|(_, least)| number < least) {
            self.least = Some(point);
        }
        if self.most.is_none_or(|(_, most)| number > most) {
            self.most = Some(point);
        }
        self.last = Some(point);
    }
}

fn severity(state: State) -> u8 {
    match state {
        State::Alarm => 3,
        State::Error => 2,
        State::Ok => 1,
        State::Inactive => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn thinned(runs: impl Iterator<Item = (i64, State, Option<ReturnValue>)>, to: i64, points: usize) -> Series {
        let mut thinner = Thinner::new(at(0), at(to), points);
        for (second, state, value) in runs {
            thinner.take(SeriesPoint { at: at(second), state, value });
        }
        thinner.finish()
    }

    #[test]
    fn a_peak_of_one_run_in_a_month_is_kept() {
        let minutes = 30 * 24 * 60;
        let runs = (0..minutes).map(|minute| {
            let value = if minute == 31_234 { 1e6 } else { (minute % 60) as f64 };
            (minute * 60, if minute == 31_234 { State::Alarm } else { State::Ok }, Some(ReturnValue::Float(value)))
        });
        let series = thinned(runs, minutes * 60, 1000);
        assert_eq!(series.runs, 43_200);
        assert!(series.points.len() <= 1004, "{}", series.points.len());
        assert!(series.points.iter().any(|(_, value)| *value == Some(1e6)));
        assert!(series.points.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(
            series.bands.iter().map(|band| band.state).collect::<Vec<_>>(),
            [State::Ok, State::Alarm, State::Ok]
        );
        assert_eq!(series.bands.last().unwrap().to, at(minutes * 60));
    }

    #[test]
    fn few_runs_are_all_there_and_a_run_without_a_number_breaks_the_line() {
        let text = |text: &str| Some(ReturnValue::Text(text.into()));
        let runs = [
            (0, State::Ok, Some(ReturnValue::Int(1))),
            (100, State::Error, None),
            (200, State::Ok, Some(ReturnValue::Float(f64::NAN))),
            (300, State::Ok, text("up")),
            (400, State::Ok, text("up")),
            (500, State::Ok, text("down")),
        ];
        let series = thinned(runs.into_iter(), 600, 400);
        assert_eq!(
            series.points.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [Some(1.0), None, None, None, None, None]
        );
        assert_eq!(series.texts, [(at(300), "up".to_owned()), (at(500), "down".to_owned())]);
        assert_eq!(series.bands.len(), 3);
    }

    #[test]
    fn nothing_run_is_nothing_drawn() {
        let series = thinned(std::iter::empty(), 10, 10);
        assert!(series.points.is_empty() && series.bands.is_empty());
    }
}
