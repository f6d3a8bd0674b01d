//! The chart of a monitor: its ranges, its data for the browser, and what it shows in words. Where no script runs, there
//! is a [still picture](super::chart_svg).

use std::str::FromStr;

use axum::Json;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use revere_model::{GapReason, MonitorId, calendar::instant_of_seconds};
use serde::Serialize;

use super::page_zone::ChosenZone;
use crate::{
    operations::{
        Context, Failure, Refusal, monitors, runs,
        series::{Series, series},
        week_before::week_before,
    },
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// The parameter that asks for the values of the week before.
pub(super) const LAST_WEEK: &str = "last_week";

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

    /// Where it begins; all that is kept begins with the first run.
    pub(super) async fn begin(self, context: &Context, id: MonitorId, now: Timestamp) -> Result<Timestamp, Failure> {
        if self == Range::All
            && let Some(first) = runs::oldest(context, id).await?
        {
            return Ok(first);
        }
        let before = SignedDuration::from_hours(self.hours());
        Ok(now.checked_sub(before).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// What a page shows where nobody says: the shortest that has all there is, a day at most; where the last day has next to
    /// nothing, the shortest that has more.
    pub(super) async fn of_what_is_kept(context: &Context, id: MonitorId, now: Timestamp) -> Result<Range, Failure> {
        let newest = runs::newest(context, id, 2).await?;
        let (Some(last), Some(oldest)) = (newest.last(), runs::oldest(context, id).await?) else {
            return Ok(Range::Hour);
        };
        let within = |at: Timestamp, range: &Range| now.duration_since(at) <= SignedDuration::from_hours(range.hours());
        if within(oldest, &Range::Hour) {
            return Ok(Range::Hour);
        }
        let longer = [Range::Day, Range::Week, Range::Month].into_iter().find(|range| within(last.started_at, range));
        Ok(longer.unwrap_or(Range::All))
    }

    /// How long it is; a day where nothing is kept.
    fn hours(self) -> i64 {
        match self {
            Range::Hour => 1,
            Range::Day | Range::All => 24,
            Range::Week => 7 * 24,
            Range::Month => 30 * 24,
        }
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
    words: String,
    unit: String,
    decimals: Option<u32>,
    times: Vec<f64>,
    values: Vec<Option<f64>>,
    week_before: Option<Vec<(f64, Option<f64>)>>,
    bands: Vec<(f64, f64, &'static str)>,
    texts: Vec<(f64, f64, Option<String>)>,
    flips: Vec<(f64, &'static str, &'static str, String)>,
    gaps: Vec<(f64, f64, i64, &'static str)>,
    thresholds: Vec<(f64, f64, f64)>,
}

/// `/monitor/{id}/chart?range=24h&points=1200`, or `from=` and `to=` in seconds since 1970; with `last_week` the values of
/// the week before, too.
pub(super) async fn data(
    context: Context,
    chosen: ChosenZone,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<ChartData>, Problem> {
    let range = params.parsed::<Range>("range", "1h, 24h, 7d, 30d or all").unwrap_or(Range::Day);
    let from = params.parsed::<f64>("from", "seconds since 1970");
    let to = params.parsed::<f64>("to", "seconds since 1970");
    let points = params.whole("points", 8..=MOST_POINTS).unwrap_or(1200) as usize;
    let last_week = params.flag(LAST_WEEK).unwrap_or(false);
    let (from, to) = params.finish((from, to))?;
    let now = context.now();
    let to = to.map_or(Some(now), instant_of_seconds).ok_or_else(|| Refusal::one("to", "that is no time"))?;
    let from = match from {
        Some(from) => instant_of_seconds(from).ok_or_else(|| Refusal::one("from", "that is no time"))?,
        None => range.begin(&context, id, now).await?,
    };
    if from >= to {
        return Err(Refusal::one("from", "lies behind `to`").into());
    }
    let zone = match last_week {
        true => Some(chosen.zone(&monitors::get(&context, id).await?.spec.timezone)),
        false => None,
    };
    Ok(Json(drawn(&context, id, (from, to), points, zone).await?.into()))
}

/// What is drawn from one instant to another; with a zone the week before by its clock, too.
pub(super) async fn drawn(
    context: &Context,
    id: MonitorId,
    (from, to): (Timestamp, Timestamp),
    points: usize,
    zone: Option<TimeZone>,
) -> Result<Series, Failure> {
    let mut found = series(context, id, from, to, points).await?;
    if let Some(zone) = zone {
        found.week_before = Some(week_before(context, id, (from, to), points, &zone).await?);
    }
    Ok(found)
}

/// A stretch of time that was zoomed into, as an address has it: both ends, in seconds since 1970.
pub(super) fn zoomed(from: Option<f64>, to: Option<f64>) -> Result<Option<(Timestamp, Timestamp)>, Refusal> {
    let end = |name: &str, given: Option<f64>| {
        let seconds = given.ok_or_else(|| Refusal::one(name, "is missing: a stretch of time has two ends"))?;
        instant_of_seconds(seconds).ok_or_else(|| Refusal::one(name, "that is no time"))
    };
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let (from, to) = (end("from", from)?, end("to", to)?);
    if from >= to {
        return Err(Refusal::one("from", "lies behind `to`"));
    }
    Ok(Some((from, to)))
}

impl From<Series> for ChartData {
    fn from(series: Series) -> Self {
        let seconds = |at: Timestamp| (at.as_millisecond() as f64) / 1e3;
        ChartData {
            from: seconds(series.from),
            to: seconds(series.to),
            runs: series.runs,
            words: series.in_words(),
            unit: series.numbers.unit.clone(),
            decimals: series.numbers.decimals,
            times: series.points.iter().map(|(at, _)| seconds(*at)).collect(),
            values: series.points.iter().map(|(_, value)| *value).collect(),
            week_before: series
                .week_before
                .as_ref()
                .map(|points| points.iter().map(|(at, value)| (seconds(*at), *value)).collect()),
            bands: series
                .bands
                .iter()
                .map(|band| (seconds(band.from), seconds(band.to), band.state.as_str()))
                .collect(),
            thresholds: series
                .thresholds
                .iter()
                .map(|band| (seconds(band.from), seconds(band.to), band.value))
                .collect(),
            texts: series.texts.into_iter().map(|band| (seconds(band.from), seconds(band.to), band.text)).collect(),
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
                .map(|gap| (seconds(gap.first_tick_at), seconds(gap.last_tick_at), gap.count, why(gap.reason)))
                .collect(),
        }
    }
}

/// What a chart shows, for those who do not see it.
pub(super) fn in_words(series: &Series) -> String {
    series.in_words()
}

/// Why a tick had no run of its own.
pub(super) fn why(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Missed => "missed",
        GapReason::Overlapped => "overlapped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back() {
        for range in Range::ALL {
            assert_eq!(range.key().parse(), Ok(range));
        }
        assert_eq!(Range::Week.hours(), 168);
    }
}
