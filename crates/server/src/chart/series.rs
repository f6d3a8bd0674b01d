//! What a chart shows: a monitor's values over a stretch of time.

use jiff::Timestamp;
use revere_model::{Gap, NumberFormat, State};

use crate::store::RecordedFlip;

/// A threshold that would make the values so many times flatter is not drawn.
const PRESSED: f64 = 4.0;

/// Values in the order of time; `None` breaks the line.
pub type Points = Vec<(Timestamp, Option<f64>)>;

/// What a chart shows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// Where it begins and ends.
    pub from: Timestamp,
    /// The first instant behind it.
    pub to: Timestamp,
    /// Values in the order of time; `None` breaks the line where a run left no number.
    pub points: Points,
    /// Those of the week before, laid over them, where somebody wants to see them.
    pub week_before: Option<Points>,
    /// Stretches of one state. Where several states fall into one piece of time, the worst stands for it.
    pub bands: Vec<Band>,
    /// Stretches of one text value, oldest first.
    pub texts: Vec<TextBand>,
    /// Changes of state, oldest first.
    pub flips: Vec<RecordedFlip>,
    /// Ticks without a run, oldest first.
    pub gaps: Vec<Gap>,
    /// Stretches of one threshold, oldest first.
    pub thresholds: Vec<ThresholdBand>,
    /// How many runs there were.
    pub runs: u64,
    /// How its numbers are shown.
    pub numbers: NumberFormat,
}

impl Series {
    /// Whether no run left a number or a text.
    pub fn has_no_values(&self) -> bool {
        self.texts.is_empty() && self.drawn().next().is_none()
    }

    /// The numbers in it.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    /// All numbers that are drawn: those in it, and those of the week before.
    pub fn drawn(&self) -> impl Iterator<Item = f64> {
        self.values().chain(self.week_before.iter().flatten().filter_map(|(_, value)| *value))
    }

    /// The least and the most of what is drawn: the values, those of the week before, and thresholds that do not press
    /// them into a line.
    pub fn range(&self) -> Option<(f64, f64)> {
        let (least, most) = self
            .drawn()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
        if !least.is_finite() || !most.is_finite() {
            return None;
        }
        let near = |band: &ThresholdBand| {
            most == least || (most.max(band.value) - least.min(band.value)) / (most - least) <= PRESSED
        };
        let (mut low, mut high) = (least, most);
        for band in self.thresholds.iter().filter(|band| near(band)) {
            (low, high) = (low.min(band.value), high.max(band.value));
        }
        Some((low, high))
    }
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

/// A stretch of one threshold.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ThresholdBand {
    /// From the first run that left it
    pub from: Timestamp,
    /// until the first run that left another one, the last that left any, or the end.
    pub to: Timestamp,
    /// What the runs compared their values with.
    pub value: f64,
}

/// A stretch of one text value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextBand {
    /// From the first run that left it
    pub from: Timestamp,
    /// until the first run after it that left something else, or the end.
    pub to: Timestamp,
    /// The text, cut; `None` where it changed too often to be told apart.
    pub text: Option<String>,
}
