//! Questions about recorded runs. Nothing here counts or skips rows: a monitor may have millions.

use jiff::Timestamp;
use revere_model::{MonitorId, Run, RunId, RunKind, Severity, State, StateSet};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbRow, QueryBuilder, sql_pieces},
    page_cut::fitting,
};

/// Which runs of a monitor, newest first: by when they began. Ids only tell apart those that began at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunFilter {
    /// Only runs that left the monitor in one of these states; `None` is all.
    pub states: Option<StateSet>,
    /// Only runs that found a problem of this severity.
    pub severity: Option<Severity>,
    /// Only runs that changed the state.
    pub flips: bool,
    /// Only runs that began at this time or later.
    pub from: Option<Timestamp>,
    /// Only runs that began before this time.
    pub until: Option<Timestamp>,
    /// Only runs before this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Runs of a monitor, newest first.
    pub async fn runs(&self, monitor: MonitorId, filter: RunFilter) -> Result<Vec<Run>, StoreError> {
        Ok(self.runs_page(monitor, filter, usize::MAX).await?.0)
    }

    /// A page of runs of a monitor, newest first, and whether there are more. It ends before its texts have more than
    /// `bytes` bytes, with one run at least; what does not fit is not read either.
    pub async fn runs_page(
        &self,
        monitor: MonitorId,
        filter: RunFilter,
        bytes: usize,
    ) -> Result<(Vec<Run>, bool), StoreError> {
        // How long a text is stands at the beginning of its row; the text itself stays where it is.
        const SIZES: &str = "select id, octet_length(message) + octet_length(output)
            + coalesce(octet_length(traceback), 0) + coalesce(octet_length(return_value), 0)";
        let before = match filter.before {
            Some(run) => match self.began(run).await? {
                Some(at) => Some((at, run.0)),
                None => return Ok((Vec::new(), false)),
            },
            None => None,
        };
        let Some(mut query) = places(monitor, filter, before) else { return Ok((Vec::new(), false)) };
        let places: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        let (Some((newest, _)), Some((oldest, _))) = (places.first(), places.last()) else {
            return Ok((Vec::new(), false));
        };
        // Between which times they began says to the database where they are.
        let of_them = format!(
            "from runs where id {} and started_at >= $2 and started_at <= $3{NEWEST_FIRST}",
            sql_pieces::among("$1")
        );
        let ids: Vec<i64> = places.iter().map(|(_, id)| *id).collect();
        let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
        let sizes: Vec<(i64, i64)> = db::query_as(db::AssertSqlSafe(format!("{SIZES} {of_them}")))
            .bind(ids)
            .bind(*oldest)
            .bind(*newest)
            .fetch_all(self.readers())
            .await?;
        let (ids, more) = fitting(&sizes, filter.limit, bytes);
        let rows = db::query(db::AssertSqlSafe(format!("select * {of_them}")))
            .bind(ids)
            .bind(*oldest)
            .bind(*newest)
            .fetch_all(self.readers())
            .await?;
        Ok((rows.iter().map(run).collect::<Result<_, _>>()?, more))
    }

    /// The run of its monitor that came after this one.
    pub async fn run_after(&self, run: &Run) -> Result<Option<RunId>, StoreError> {
        let mut query = QueryBuilder::new("select id from (");
        for (index, state) in State::ALL.iter().enumerate() {
            query.push(if index == 0 { "" } else { " union all " });
            query
                .push("select * from (select id, started_at from runs where monitor_id = ")
                .push_bind(run.monitor_id.0);
            query.push(" and new_state = ").push_bind(state.as_str()).push(" and started_at >= ");
            query.push_bind(micros(run.started_at)).push(" and (started_at, id) > (").push_bind(micros(run.started_at));
            query.push(", ").push_bind(run.id.0).push(") order by started_at, id limit 1) of_state");
        }
        query.push(") later order by started_at, id limit 1");
        let id: Option<i64> = query.build_query_scalar().fetch_optional(self.readers()).await?;
        Ok(id.map(RunId))
    }

    /// When a run began.
    async fn began(&self, run: RunId) -> Result<Option<i64>, StoreError> {
        let began = db::query_scalar("select started_at from runs where id = $1").bind(run.0);
        Ok(began.fetch_optional(self.readers()).await?)
    }

    /// One run.
    pub async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        let row = db::query("select * from runs where id = $1").bind(id.0).fetch_one(self.readers()).await?;
        run(&row)
    }
}

const NEWEST_FIRST: &str = " order by started_at desc, id desc";

/// When the runs began that a filter lets through, newest first, with their ids, and one more than it asks for; `None` if it lets
/// none through. `before` is where the page before ended.
fn places(monitor: MonitorId, filter: RunFilter, before: Option<(i64, i64)>) -> Option<QueryBuilder> {
    let states = filter.states.unwrap_or_else(|| State::ALL.into_iter().collect());
    // The index is ordered by time within each state, so the newest of all are among the newest of each.
    let limit = i64::from(filter.limit.saturating_add(1));
    let mut query = QueryBuilder::new("select started_at, id from (");
    let mut first = true;
    for state in states.iter() {
        query.push(if first { "" } else { " union all " });
        first = false;
        query.push("select * from (select id, started_at from runs where monitor_id = ").push_bind(monitor.0);
        query.push(" and new_state = ").push_bind(state.as_str());
        match filter.severity {
            // Written out, so that the index of them is used.
            Some(Severity::Warning) => query.push(" and severity = 'warning'"),
            Some(Severity::Critical) => {
                query.push(" and outcome in ('ALARM', 'ERROR') and severity is distinct from 'warning'")
            }
            None => &mut query,
        };
        if filter.flips {
            query.push(" and old_state <> new_state");
        }
        if let Some(from) = filter.from {
            query.push(" and started_at >= ").push_bind(micros(from));
        }
        if let Some(until) = filter.until {
            query.push(" and started_at < ").push_bind(micros(until));
        }
        if let Some((at, id)) = before {
            query.push(" and started_at <= ").push_bind(at);
            query.push(" and (started_at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
        }
        query.push(NEWEST_FIRST).push(" limit ").push_bind(limit).push(") of_state");
    }
    if first {
        return None;
    }
    query.push(") newest").push(NEWEST_FIRST).push(" limit ").push_bind(limit);
    Some(query)
}

/// A row of `runs`.
pub(in crate::store) fn run(row: &DbRow) -> Result<Run, StoreError> {
    Ok(Run {
        id: RunId(row.int("id")?),
        monitor_id: MonitorId(row.int("monitor_id")?),
        kind: kind_from(&row.text("kind")?)?,
        tick_at: row.at("tick_at")?,
        started_at: row.at("started_at")?,
        duration_ms: row.int("duration_us")? as f64 / 1000.0,
        outcome: row.state("outcome")?,
        severity: row.severity("severity", Some(row.state("outcome")?))?,
        old_state: row.state("old_state")?,
        new_state: row.state("new_state")?,
        message: row.text("message")?,
        return_value: row.value_shown("return_value")?,
        threshold: row.real_or_none("threshold")?,
        output: row.text("output")?,
        traceback: row.text_or_none("traceback")?,
        seed: row.int_or_none("seed")?.map(i64::cast_unsigned),
        script_version: row.text_or_none("script_version")?,
    })
}

/// The spelling of a kind, the same as in JSON.
pub(in crate::store) fn kind_text(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Scheduled => "scheduled",
        RunKind::CatchUp => "catch_up",
        RunKind::Manual => "manual",
        RunKind::Imported => "imported",
    }
}

fn kind_from(text: &str) -> Result<RunKind, StoreError> {
    match text {
        "scheduled" => Ok(RunKind::Scheduled),
        "catch_up" => Ok(RunKind::CatchUp),
        "manual" => Ok(RunKind::Manual),
        "imported" => Ok(RunKind::Imported),
        other => Err(StoreError::internal(format!("a stored kind of run: {other}"))),
    }
}
