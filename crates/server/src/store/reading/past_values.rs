//! The runs of a monitor's past, with whole values, for its own script. Few bytes of each run are read, from the index that
//! charts are drawn from; only of long texts, which that has cut, the rows.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue};

use crate::store::{
    SeriesPoint, Store, StoreError,
    columns::{Columns, micros, value_text},
    database::{
        self as db,
        sql_pieces::{self, POINT_VALUE},
    },
    reading::chart::{PIECE, Placed},
};

/// What there is more of than was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TooMuch {
    /// Runs.
    Runs,
    /// Text in their values.
    Text,
}

/// The most that the last escape of a text, and the quotes around it, may have been cut short by.
const CUT_CHARS: usize = 14;

impl Store {
    /// The runs that began from `since` until before `until`, oldest first, with their values; at most `most`, of which the
    /// texts have `most_text` bytes at most.
    pub async fn past_values(
        &self,
        monitor: MonitorId,
        since: Timestamp,
        until: Timestamp,
        most: usize,
        most_text: usize,
    ) -> Result<Result<Vec<SeriesPoint>, TooMuch>, StoreError> {
        let mut found: Vec<Placed> = Vec::new();
        let mut after = (micros(since), 0);
        loop {
            let piece = self.placed_points(monitor, after, until).await?;
            let more = piece.len() == PIECE;
            found.extend(piece);
            if found.len() > most {
                return Ok(Err(TooMuch::Runs));
            }
            match found.last() {
                Some((place, _)) if more => after = *place,
                _ => break,
            }
        }
        let may_be_cut = |point: &SeriesPoint| match &point.value {
            Some(value @ ReturnValue::Text(_)) => value_text(value).chars().count() + CUT_CHARS >= POINT_VALUE,
            _ => false,
        };
        let cut: Vec<i64> = found.iter().filter(|(_, point)| may_be_cut(point)).map(|((_, id), _)| *id).collect();
        let text = |point: &SeriesPoint| match &point.value {
            Some(ReturnValue::Text(text)) => text.len(),
            _ => 0,
        };
        let short: usize = found.iter().filter(|(_, point)| !may_be_cut(point)).map(|(_, point)| text(point)).sum();
        if cut.is_empty() {
            return Ok(if short > most_text { Err(TooMuch::Text) } else { Ok(points(found)) });
        }
        let ids = serde_json::to_string(&cut).expect("a list of numbers always has a JSON form");
        let of_them =
            format!("from runs where id {} and started_at >= $2 and started_at < $3", sql_pieces::among("$1"));
        let sql = format!("select cast(sum(octet_length(return_value)) as bigint) {of_them}");
        let long: Option<i64> = db::query_scalar(db::AssertSqlSafe(sql))
            .bind(&ids)
            .bind(micros(since))
            .bind(micros(until))
            .fetch_one(self.readers())
            .await?;
        if short.saturating_add(usize::try_from(long.unwrap_or(0)).unwrap_or(usize::MAX)) > most_text {
            return Ok(Err(TooMuch::Text));
        }
        let sql = format!("select id, return_value {of_them}");
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(ids)
            .bind(micros(since))
            .bind(micros(until))
            .fetch_all(self.readers())
            .await?;
        let mut whole = HashMap::with_capacity(rows.len());
        for row in rows {
            whole.insert(row.int("id")?, row.value("return_value")?);
        }
        // A run that went meanwhile is gone.
        found.retain_mut(|((_, id), point)| {
            if may_be_cut(point) {
                match whole.remove(id) {
                    Some(value) => point.value = value,
                    None => return false,
                }
            }
            true
        });
        Ok(Ok(points(found)))
    }
}

fn points(found: Vec<Placed>) -> Vec<SeriesPoint> {
    found.into_iter().map(|(_, point)| point).collect()
}
