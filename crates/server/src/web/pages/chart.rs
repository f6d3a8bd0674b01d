//! The chart of a monitor: its data for the browser, and a still picture for where no script runs.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use askama::filters::HtmlSafe;
use axum::{Json, extract::State as Extract};
use jiff::{SignedDuration, Timestamp};
use revere_model::{GapReason, MonitorId};
use serde::Serialize;

pub(super) use crate::web::operations::series::series;
use crate::web::{
    Problem, Refusal, WebState,
    operations::{Failure, series::Series},
    params::{Key, Params},
};

/// Points of the still picture.
pub(super) const STILL_POINTS: usize = 400;
/// The most points that a browser is given.
const MOST_POINTS: i64 = 4000;

/// How far back a chart looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Range {
    Hour,
    Day,
    Week,
    Month,
    All,
}

impl Range {
    pub(super) const ALL: [Range; 5] = [Range::Hour, Range::Day, Range::Week, Range::Month, Range::All];

    pub(super) fn key(self) -> &'static str {
        match self {
            Range::Hour => "1h",
            Range::Day => "24h",
            Range::Week => "7d",
            Range::Month => "30d",
            Range::All => "all",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Range::Hour => "1 h",
            Range::Day => "24 h",
            Range::Week => "7 d",
            Range::Month => "30 d",
            Range::All => "all",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Range::Hour => "the last hour",
            Range::Day => "the last 24 hours",
            Range::Week => "the last 7 days",
            Range::Month => "the last 30 days",
            Range::All => "all that is kept",
        }
    }

    /// Where it begins; everything begins in 1970.
    pub(super) fn from(self, now: Timestamp) -> Timestamp {
        let hours = match self {
            Range::Hour => 1,
            Range::Day => 24,
            Range::Week => 7 * 24,
            Range::Month => 30 * 24,
            Range::All => return Timestamp::UNIX_EPOCH,
        };
        now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl FromStr for Range {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Range::ALL.into_iter().find(|range| range.key() == text).ok_or(())
    }
}

/// The data as the browser's chart reads it: times in seconds since 1970.
#[derive(Serialize)]
pub(super) struct ChartData {
    from: f64,
    to: f64,
    runs: u64,
    times: Vec<f64>,
    values: Vec<Option<f64>>,
    bands: Vec<(f64, f64, &'static str)>,
    texts: Vec<(f64, String)>,
    flips: Vec<(f64, &'static str, &'static str, String)>,
    gaps: Vec<(f64, f64, i64, &'static str)>,
}

/// `/monitor/{id}/chart?range=24h&points=1200`, or `from=` and `to=` in seconds since 1970.
pub(super) async fn data(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<ChartData>, Problem> {
    let range = params.parsed::<Range>("range", "1h, 24h, 7d, 30d or all").unwrap_or(Range::Day);
    let from = params.parsed::<f64>("from", "seconds since 1970");
    let to = params.parsed::<f64>("to", "seconds since 1970");
    let points = params.whole("points", 8..=MOST_POINTS).unwrap_or(1200) as usize;
    let (from, to) = params.finish((from, to))?;
    let now = state.clock.now();
    let to = to.map_or(Some(now), instant).ok_or_else(|| Refusal::one("to", "that is no time"))?;
    let from = match from {
        Some(from) => instant(from).ok_or_else(|| Refusal::one("from", "that is no time"))?,
        None if range == Range::All => {
            state.store.oldest_run(id).await.map_err(Failure::Store)?.unwrap_or_else(|| Range::Day.from(now))
        }
        None => range.from(now),
    };
    if from >= to {
        return Err(Refusal::one("from", "lies behind `to`").into());
    }
    Ok(Json(series(&state, id, from, to, points).await?.into()))
}

fn instant(seconds: f64) -> Option<Timestamp> {
    // Beyond that a microsecond does not fit; it is the year 9999 anyway.
    let fits = seconds.is_finite() && seconds.abs() < 2.5e11;
    fits.then(|| Timestamp::from_microsecond((seconds * 1e6) as i64).ok()).flatten()
}

impl From<Series> for ChartData {
    fn from(series: Series) -> Self {
        let seconds = |at: Timestamp| (at.as_millisecond() as f64) / 1e3;
        ChartData {
            from: seconds(series.from),
            to: seconds(series.to),
            runs: series.runs,
            times: series.points.iter().map(|(at, _)| seconds(*at)).collect(),
            values: series.points.iter().map(|(_, value)| *value).collect(),
            bands: series
                .bands
                .iter()
                .map(|band| (seconds(band.from), seconds(band.to), band.state.as_str()))
                .collect(),
            texts: series.texts.into_iter().map(|(at, text)| (seconds(at), text)).collect(),
            flips: series
                .flips
                .into_iter()
                .map(|flip| {
                    let message = flip.message.chars().take(300).collect();
                    (seconds(flip.at), flip.old_state.as_str(), flip.new_state.as_str(), message)
                })
                .collect(),
            gaps: series
                .gaps
                .iter()
                .map(|gap| {
                    let why = match gap.reason {
                        GapReason::Missed => "missed",
                        GapReason::Overlapped => "overlapped",
                    };
                    (seconds(gap.first_tick_at), seconds(gap.last_tick_at), gap.count, why)
                })
                .collect(),
        }
    }
}

/// The chart as a picture that does not move.
#[derive(Clone, Debug)]
pub(super) struct Still(pub(super) Series);

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;
const STRIP: f64 = 8.0;

impl Display for Still {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let series = &self.0;
        if series.runs == 0 {
            return f.write_str(r#"<p class="nothing">No run in this time.</p>"#);
        }
        // All that is kept begins with the first run, not in 1970.
        let begin = series.bands.first().map_or(series.from, |band| band.from.max(series.from));
        let begin = if series.from == Timestamp::UNIX_EPOCH { begin } else { series.from };
        let length = (series.to.as_millisecond() - begin.as_millisecond()).max(1) as f64;
        let x = |at: Timestamp| WIDTH * (at.as_millisecond() - begin.as_millisecond()) as f64 / length;
        let numbers = || series.points.iter().filter_map(|(_, value)| *value);
        let least = numbers().fold(f64::INFINITY, f64::min);
        let most = numbers().fold(f64::NEG_INFINITY, f64::max);
        let y = |value: f64| {
            let part = if most > least { (value - least) / (most - least) } else { 0.5 };
            2.0 + (HEIGHT - STRIP - 8.0) * (1.0 - part)
        };
        write!(
            f,
            r#"<svg class="still spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">"#
        )?;
        for stretch in series.points.split(|(_, value)| value.is_none()) {
            if stretch.len() > 1 {
                f.write_str(r#"<polyline points=""#)?;
                for (at, value) in stretch {
                    write!(f, "{:.1},{:.1} ", x(*at), y(value.unwrap_or_default()))?;
                }
                f.write_str(r#""/>"#)?;
            }
        }
        for band in &series.bands {
            write!(
                f,
                r#"<rect class="is-{}" x="{:.1}" y="{}" width="{:.1}" height="{STRIP}"/>"#,
                super::parts::class(band.state),
                x(band.from),
                HEIGHT - STRIP,
                (x(band.to) - x(band.from)).max(1.0)
            )?;
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Still {}

#[cfg(test)]
mod tests {
    use revere_model::State;

    use super::*;
    use crate::web::operations::series::Band;

    #[test]
    fn ranges_read_back_and_look_back() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for range in Range::ALL {
            assert_eq!(range.key().parse(), Ok(range));
            assert!(range.from(now) < now);
        }
        assert_eq!(Range::Week.from(now).to_string(), "2026-06-24T12:00:00Z");
        assert_eq!(instant(f64::NAN), None);
        assert_eq!(instant(1e300), None);
    }

    #[test]
    fn the_still_has_a_line_and_a_strip() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let series = Series {
            from: at(0),
            to: at(100),
            points: vec![(at(10), Some(1.0)), (at(20), Some(3.0)), (at(30), None), (at(40), Some(3.0))],
            bands: vec![Band { from: at(10), to: at(100), state: State::Ok }],
            runs: 4,
            ..Series::default()
        };
        let drawn = Still(series).to_string();
        assert_eq!(drawn.matches("<polyline").count(), 1);
        assert!(drawn.contains("is-ok") && !drawn.contains("NaN") && !drawn.contains("style="), "{drawn}");
        assert!(Still(Series::default()).to_string().contains("No run"));
    }
}
