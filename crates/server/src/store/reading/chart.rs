//! What charts are drawn from: a monitor's runs within a stretch of time, in order, as little of each as possible.
//!
//! All of it stands in one index (`runs_series` in SQLite, `runs_points` in PostgreSQL), and the database hands over many runs as
//! one text: a row for each would cost more than finding it.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, State};

use crate::store::{
    Store, StoreError,
    columns::{instant, micros, value_from, word},
    database::{
        self as db,
        sql_pieces::{self, POINT_VALUE},
    },
};

/// Runs that are handed over at once.
pub(super) const PIECE: usize = 4096;

/// A point with its place in the order of time: when it began, then its id.
pub(super) type Placed = ((i64, i64), SeriesPoint);

/// One point of a chart.
#[derive(Clone, PartialEq, Debug)]
pub struct SeriesPoint {
    /// When the run began.
    pub at: Timestamp,
    /// The state it left.
    pub state: State,
    /// The value it left; of a long text its beginning.
    pub value: Option<ReturnValue>,
}

impl Store {
    /// Hands every run that began from `from` until before `to` to `take`, oldest first.
    pub async fn each_point(
        &self,
        monitor: MonitorId,
        from: Timestamp,
        to: Timestamp,
        mut take: impl FnMut(SeriesPoint) + Send,
    ) -> Result<(), StoreError> {
        let mut after = (micros(from), 0);
        loop {
            let points = self.placed_points(monitor, after, to).await?;
            let Some((place, _)) = points.last() else { return Ok(()) };
            after = *place;
            let more = points.len() == PIECE;
            points.into_iter().for_each(|(_, point)| take(point));
            if !more {
                return Ok(());
            }
        }
    }

    /// The first runs after a place in the order of time, at most [`PIECE`], that began before `to`.
    pub(super) async fn placed_points(
        &self,
        monitor: MonitorId,
        after: (i64, i64),
        to: Timestamp,
    ) -> Result<Vec<Placed>, StoreError> {
        let sql = sql_pieces::points(
            "where monitor_id = $1 and started_at >= $2 and (started_at, id) > ($2, $3) and started_at < $4",
            "order by started_at, id limit $5",
        );
        let text: Option<String> = db::query_scalar(db::AssertSqlSafe(sql))
            .bind(monitor.0)
            .bind(after.0)
            .bind(after.1)
            .bind(micros(to))
            .bind(PIECE as i64)
            .fetch_one(self.readers())
            .await?;
        points(text.as_deref().unwrap_or_default())
    }

    /// The last values of a monitor, oldest first, at most `limit`.
    pub async fn series(&self, monitor: MonitorId, limit: u32) -> Result<Vec<SeriesPoint>, StoreError> {
        let sql = sql_pieces::points("where monitor_id = $1", "order by started_at desc, id desc limit $2");
        let text: Option<String> = db::query_scalar(db::AssertSqlSafe(sql))
            .bind(monitor.0)
            .bind(i64::from(limit))
            .fetch_one(self.readers())
            .await?;
        Ok(points(text.as_deref().unwrap_or_default())?.into_iter().map(|(_, point)| point).collect())
    }

    /// The last values of each of these monitors, oldest first, at most `limit` of each. Those without runs are left out.
    pub async fn series_of(
        &self,
        monitors: &[MonitorId],
        limit: u32,
    ) -> Result<HashMap<MonitorId, Vec<SeriesPoint>>, StoreError> {
        let sql = format!(
            "select wanted.value, ({}) from {} wanted",
            sql_pieces::points("where monitor_id = wanted.value", "order by started_at desc, id desc limit $2"),
            sql_pieces::ids_of("$1")
        );
        let ids = serde_json::to_string(&monitors.iter().map(|id| id.0).collect::<Vec<_>>())
            .expect("numbers have a JSON form");
        let rows: Vec<(i64, Option<String>)> =
            db::query_as(db::AssertSqlSafe(sql)).bind(ids).bind(i64::from(limit)).fetch_all(self.readers()).await?;
        let mut series = HashMap::with_capacity(rows.len());
        for (id, text) in rows {
            if let Some(text) = text {
                series.insert(MonitorId(id), points(&text)?.into_iter().map(|(_, point)| point).collect());
            }
        }
        Ok(series)
    }

    /// Each threshold with the first of the runs from `from` until before `to` that left it, oldest first; and when the last of
    /// all that left one began.
    pub async fn thresholds(
        &self,
        monitor: MonitorId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Vec<(Timestamp, f64)>, Option<Timestamp>), StoreError> {
        const STRETCH: &str =
            "from runs where monitor_id = $1 and started_at >= $2 and started_at < $3 and threshold is not null";
        let sql = format!("select max(started_at) {STRETCH}");
        let last: Option<i64> = db::query_scalar(db::AssertSqlSafe(sql))
            .bind(monitor.0)
            .bind(micros(from))
            .bind(micros(to))
            .fetch_one(self.readers())
            .await?;
        let Some(last) = last else { return Ok((Vec::new(), None)) };
        let sql = format!(
            "select started_at, threshold from
                 (select started_at, threshold, lag(threshold) over (order by started_at) as before {STRETCH}) of_runs
             where before is null or before <> threshold order by started_at"
        );
        let rows: Vec<(i64, f64)> = db::query_as(db::AssertSqlSafe(sql))
            .bind(monitor.0)
            .bind(micros(from))
            .bind(micros(to))
            .fetch_all(self.readers())
            .await?;
        let steps = rows.into_iter().map(|(at, threshold)| Ok((instant(at)?, threshold)));
        Ok((steps.collect::<Result<_, StoreError>>()?, Some(instant(last)?)))
    }

    /// When the oldest run that is still kept began.
    pub async fn oldest_run(&self, monitor: MonitorId) -> Result<Option<Timestamp>, StoreError> {
        let oldest: Option<i64> = db::query_scalar("select min(started_at) from runs where monitor_id = $1")
            .bind(monitor.0)
            .fetch_one(self.readers())
            .await?;
        oldest.map(instant).transpose()
    }
}

/// Reads lines, and puts them in the order of time, each with its place in it. The database gives no word on the order
/// in which it strings them together.
fn points(text: &str) -> Result<Vec<Placed>, StoreError> {
    let unreadable = |line: &str| StoreError::internal(format!("a run as text: {line:?}"));
    let mut points = Vec::with_capacity(text.len() / 32);
    for line in text.lines() {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().ok_or_else(|| unreadable(line));
        let id: i64 = part()?.parse().map_err(|_| unreadable(line))?;
        let at: i64 = part()?.parse().map_err(|_| unreadable(line))?;
        let state = word::<State>(part()?)?;
        let point = SeriesPoint { at: instant(at)?, state, value: value(part()?)? };
        points.push(((at, id), point));
    }
    points.sort_by_key(|(place, _)| *place);
    Ok(points)
}

/// A value from its JSON text, which may have been cut.
fn value(text: &str) -> Result<Option<ReturnValue>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    // Most are numbers, and there are many.
    if let Ok(whole) = text.parse() {
        return Ok(Some(ReturnValue::Int(whole)));
    }
    if !text.starts_with('"')
        && let Ok(number) = text.parse()
    {
        return Ok(Some(ReturnValue::Float(number)));
    }
    let cut = text.starts_with('"') && text.chars().count() >= POINT_VALUE;
    match value_from(Some(text.to_owned())) {
        Err(_) if cut => Ok(Some(ReturnValue::Text(beginning(text)))),
        value => value,
    }
}

/// The text whose JSON was cut somewhere, as far as it is there: an escape in the middle goes.
fn beginning(json: &str) -> String {
    let whole = |end: usize| serde_json::from_str(&format!("{}\"", json.get(..end)?)).ok();
    // The longest escape is that of a character beyond the first 65,536.
    (json.len().saturating_sub(12)..=json.len()).rev().find_map(whole).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ReturnValue> {
        value(text).unwrap()
    }

    #[test]
    fn values_read_back() {
        assert_eq!(read(""), None);
        assert_eq!(read("1"), Some(ReturnValue::Int(1)));
        assert_eq!(read("1.0"), Some(ReturnValue::Float(1.0)));
        assert_eq!(read("\"1\""), Some(ReturnValue::Text("1".into())));
        assert_eq!(read("null"), None);
        assert!(value("nonsense").is_err());
    }

    #[test]
    fn a_text_cut_anywhere_reads_as_its_beginning() {
        let text = "a\"\u{1f9e8}\n\\é".repeat(60);
        let json = serde_json::to_string(&text).unwrap();
        for kept in POINT_VALUE..POINT_VALUE + 40 {
            let cut: String = json.chars().take(kept).collect();
            let Some(ReturnValue::Text(read)) = read(&cut) else { panic!("{cut}") };
            assert!(text.starts_with(&read) && read.chars().count() > POINT_VALUE / 2, "{read}");
        }
    }
}
