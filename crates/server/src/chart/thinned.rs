//! A monitor's values over a stretch of time, thinned to what a chart can show.
//!
//! However long the stretch, the answer is bounded, and a peak of one run in a month is still in it: time is cut into
//! equal pieces, and of each the first, the least, the most and the last value are kept, which is all that a line drawn
//! through one column of pixels can show.

use jiff::Timestamp;
use revere_model::{MonitorId, NumberFormat, ReturnValue, State};

use super::{
    bands::{cut, off, threshold_bands},
    series::{Band, Series, TextBand},
};
use crate::store::{RecordedFlip, SeriesPoint, Store, StoreError};

/// Changes of state and gaps in one answer: more marks than that would hide the line.
const MARKS: u32 = 300;
/// Stretches of text in one answer.
const TEXTS: usize = 200;
/// So many characters of a text are shown.
const TEXT_CHARS: usize = 80;

/// The series of a monitor within a stretch of time, its end not included, in at most about `points` points.
pub async fn series(
    store: &Store,
    id: MonitorId,
    (from, to): (Timestamp, Timestamp),
    points: usize,
    numbers: NumberFormat,
) -> Result<Series, StoreError> {
    let flips = store.flips_between(id, from, to, MARKS).await?;
    // A problem that became more or less severe is in the story, and no other colour here.
    let flips: Vec<RecordedFlip> = flips.into_iter().filter(|flip| flip.old_state != flip.new_state).collect();
    let mut thinner = Thinner::new(from, to, points, flips);
    store.each_point(id, from, to, |point| thinner.take(point)).await?;
    let last_run = thinner.last;
    let mut series = thinner.finish();
    let (steps, last) = store.thresholds(id, from, to).await?;
    let end = if last == last_run { Some(to) } else { last };
    series.thresholds = end.map(|end| threshold_bands(&steps, from, end, points)).unwrap_or_default();
    series.gaps = store.gaps_between(id, from, to, MARKS).await?;
    series.numbers = numbers;
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
    /// When the monitor was switched off, oldest first: no run says so.
    off: Vec<Band>,
    texts: Texts,
    /// When the last run began.
    last: Option<Timestamp>,
}

/// Stretches of text, few enough to draw: where they come too thick, short ones become one without a text.
#[derive(Default)]
struct Texts {
    bands: Vec<TextBand>,
    /// The text that stands, whole, and since when.
    standing: Option<(Timestamp, String)>,
    /// Stretches of fewer microseconds are short.
    short: i64,
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
    fn new(from: Timestamp, to: Timestamp, points: usize, flips: Vec<RecordedFlip>) -> Thinner {
        let pieces = (points / 4).max(1) as i64;
        let step = ((to.as_microsecond() - from.as_microsecond()) / pieces).max(1);
        Thinner {
            off: off(&flips, to),
            series: Series { from, to, flips, ..Series::default() },
            step,
            piece: 0,
            kept: Kept::default(),
            worst: None,
            texts: Texts::default(),
            last: None,
        }
    }

    fn take(&mut self, point: SeriesPoint) {
        let piece = (point.at.as_microsecond() - self.series.from.as_microsecond()) / self.step;
        if piece != self.piece {
            self.close();
            self.piece = piece;
        }
        self.series.runs += 1;
        self.last = Some(point.at);
        // The flip that ends a time off is found when its run ends; the run's own state begins with the run.
        let begun = self.off.partition_point(|off| off.from < point.at);
        if point.state != State::Inactive
            && let Some(off) = self.off[..begun].last_mut()
        {
            off.to = off.to.min(point.at);
        }
        match &point.value {
            Some(ReturnValue::Text(text)) => {
                self.texts.begin(point.at, text);
                self.kept.without = Some(point.at);
            }
            value => {
                self.texts.end(point.at);
                match value.as_ref().and_then(ReturnValue::as_number).filter(|number| number.is_finite()) {
                    Some(number) => self.kept.take(point.at, number),
                    None => self.kept.without = Some(point.at),
                }
            }
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
        self.series.bands = cut(std::mem::take(&mut self.series.bands), &self.off);
        self.texts.end(self.series.to);
        self.series.texts = self.texts.bands;
        self.series
    }
}

impl Texts {
    /// A run left a text.
    fn begin(&mut self, at: Timestamp, text: &str) {
        if self.standing.as_ref().is_some_and(|(_, standing)| standing == text) {
            return;
        }
        self.end(at);
        self.standing = Some((at, text.to_owned()));
    }

    /// A run left something else than the text that stood.
    fn end(&mut self, at: Timestamp) {
        let Some((from, text)) = self.standing.take() else { return };
        self.put(TextBand { from, to: at, text: Some(text.chars().take(TEXT_CHARS).collect()) });
        while self.bands.len() > TEXTS {
            let whole = at.as_microsecond() - self.bands[0].from.as_microsecond();
            self.short = (self.short * 2).max(whole / TEXTS as i64).max(1);
            for band in std::mem::take(&mut self.bands) {
                self.put(band);
            }
        }
    }

    fn put(&mut self, band: TextBand) {
        let between = |from: Timestamp, to: Timestamp| to.as_microsecond() - from.as_microsecond();
        match self.bands.last_mut() {
            Some(last)
                if between(band.from, band.to) < self.short
                    && between(last.from, band.to) < self.short.saturating_mul(2) =>
            {
                last.to = band.to;
                last.text = None;
            }
            _ => self.bands.push(band),
        }
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
    use revere_model::FlipId;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn thinned(runs: impl Iterator<Item = (i64, State, Option<ReturnValue>)>, to: i64, points: usize) -> Series {
        flipped(runs, vec![], to, points)
    }

    fn flipped(
        runs: impl Iterator<Item = (i64, State, Option<ReturnValue>)>,
        flips: Vec<RecordedFlip>,
        to: i64,
        points: usize,
    ) -> Series {
        let mut thinner = Thinner::new(at(0), at(to), points, flips);
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
        let band = |from, to, text: &str| TextBand { from: at(from), to: at(to), text: Some(text.to_owned()) };
        assert_eq!(series.texts, [band(300, 500, "up"), band(500, 600, "down")]);
        assert_eq!(series.bands.len(), 3);
    }

    #[test]
    fn a_text_ends_where_a_run_leaves_none() {
        let text = |text: &str| Some(ReturnValue::Text(text.into()));
        let runs = [
            (0, State::Ok, text("up")),
            (10, State::Ok, text("up")),
            (20, State::Error, None),
            (30, State::Ok, text("up")),
        ];
        let series = thinned(runs.into_iter(), 40, 400);
        let stretches: Vec<(i64, i64)> =
            series.texts.iter().map(|band| (band.from.as_second(), band.to.as_second())).collect();
        assert_eq!(stretches, [(0, 20), (30, 40)]);
    }

    #[test]
    fn texts_that_change_all_the_time_are_few_and_one_that_lasts_is_still_told() {
        let minutes = 30 * 24 * 60;
        let runs = (0..minutes).map(|minute| {
            let calm = (10_000..20_000).contains(&minute);
            let text = if calm { "calm".to_owned() } else { format!("run {minute}") };
            (minute * 60, State::Ok, Some(ReturnValue::Text(text)))
        });
        let series = thinned(runs, minutes * 60, 1000);
        assert!((3..=TEXTS).contains(&series.texts.len()), "{}", series.texts.len());
        let calm = series.texts.iter().find(|band| band.text.as_deref() == Some("calm")).unwrap();
        assert_eq!((calm.from, calm.to), (at(10_000 * 60), at(20_000 * 60)));
        assert_eq!((series.texts[0].from, series.texts[0].text.as_ref()), (at(0), None));
        assert_eq!(series.texts.last().unwrap().to, at(minutes * 60));
        assert!(series.texts.windows(2).all(|pair| pair[0].to == pair[1].from), "one after the other");
    }

    fn flip(second: i64, old_state: State, new_state: State) -> RecordedFlip {
        RecordedFlip {
            id: FlipId(second),
            monitor_id: MonitorId(1),
            at: at(second),
            old_state,
            old_severity: None,
            new_state,
            severity: None,
            message: String::new(),
            return_value: None,
            run_id: None,
        }
    }

    fn bands(series: &Series) -> Vec<(i64, i64, State)> {
        series.bands.iter().map(|band| (band.from.as_second(), band.to.as_second(), band.state)).collect()
    }

    #[test]
    fn a_monitor_that_is_switched_off_is_inactive_from_then_on() {
        let runs = [(0, State::Ok, None), (100, State::Ok, None)];
        let flips = vec![flip(150, State::Ok, State::Inactive)];
        for points in [4, 400] {
            let series = flipped(runs.clone().into_iter(), flips.clone(), 600, points);
            assert_eq!(bands(&series), [(0, 150, State::Ok), (150, 600, State::Inactive)]);
            assert_eq!(series.flips, flips);
        }
        let series = flipped(std::iter::empty(), flips, 600, 400);
        assert_eq!(bands(&series), [(150, 600, State::Inactive)]);
    }

    #[test]
    fn a_time_off_ends_where_the_next_run_begins() {
        // The run at 200 is one by hand, which leaves the monitor off.
        let runs =
            [(0, State::Ok, None), (200, State::Inactive, None), (300, State::Ok, None), (500, State::Alarm, None)];
        // The runs take five seconds, and what they change is found when they end.
        let flips = vec![
            flip(150, State::Ok, State::Inactive),
            flip(305, State::Inactive, State::Ok),
            flip(400, State::Ok, State::Inactive),
            flip(505, State::Inactive, State::Alarm),
        ];
        let expected = [
            (0, 150, State::Ok),
            (150, 300, State::Inactive),
            (300, 400, State::Ok),
            (400, 500, State::Inactive),
            (500, 600, State::Alarm),
        ];
        assert_eq!(bands(&flipped(runs.into_iter(), flips, 600, 400)), expected);
    }

    #[test]
    fn nothing_run_is_nothing_drawn() {
        let series = thinned(std::iter::empty(), 10, 10);
        assert!(series.points.is_empty() && series.bands.is_empty());
    }
}
