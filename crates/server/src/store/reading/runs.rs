//! Questions about recorded runs. Nothing here counts or skips rows: a monitor may have millions.

use revere_model::{MonitorId, Run, RunId, RunKind, State, StateSet};
use sqlx::{QueryBuilder, Sqlite, sqlite::SqliteRow};

use crate::store::{Store, StoreError, columns::Columns, reading::page_cut::fitting};

/// Which runs of a monitor, newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunFilter {
    /// Only runs that left the monitor in one of these states; `None` is all.
    pub states: Option<StateSet>,
    /// Only runs that changed the state.
    pub flips: bool,
    /// Only runs before this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Runs of a monitor, newest first.
    pub async fn runs(&self, monitor: MonitorId, filter: RunFilter) -> Result<Vec<Run>, StoreError> {
        let Some(mut query) = question("select *", monitor, filter) else { return Ok(Vec::new()) };
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(run).collect()
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
        let one_more = RunFilter { limit: filter.limit.saturating_add(1), ..filter };
        let Some(mut query) = question(SIZES, monitor, one_more) else { return Ok((Vec::new(), false)) };
        let sizes: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        let (ids, more) = fitting(&sizes, filter.limit, bytes);
        let rows = sqlx::query("select * from runs where id in (select value from json_each(?)) order by id desc")
            .bind(ids)
            .fetch_all(self.readers())
            .await?;
        Ok((rows.iter().map(run).collect::<Result<_, _>>()?, more))
    }

    /// One run.
    pub async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        let row = sqlx::query("select * from runs where id = ?").bind(id.0).fetch_one(self.readers()).await?;
        run(&row)
    }
}

/// `select` from the runs that a filter lets through, newest first; `None` if it lets none through.
fn question(select: &str, monitor: MonitorId, filter: RunFilter) -> Option<QueryBuilder<Sqlite>> {
    let states = filter.states.unwrap_or_else(|| State::ALL.into_iter().collect());
    // The index is ordered by id within each state, so the newest of all are among the newest of each.
    let mut query = QueryBuilder::<Sqlite>::new(select);
    query.push(" from runs where id in (select id from (");
    let mut first = true;
    for state in states.iter() {
        query.push(if first { "" } else { " union all " });
        first = false;
        query.push("select * from (select id from runs where monitor_id = ").push_bind(monitor.0);
        query.push(" and new_state = ").push_bind(state.as_str());
        if filter.flips {
            query.push(" and old_state <> new_state");
        }
        query.push(" and id < ").push_bind(filter.before.map_or(i64::MAX, |run| run.0));
        query.push(" order by id desc limit ").push_bind(filter.limit).push(")");
    }
    if first {
        return None;
    }
    query.push(") order by id desc limit ").push_bind(filter.limit).push(") order by id desc");
    Some(query)
}

/// A row of `runs`.
pub(in crate::store) fn run(row: &SqliteRow) -> Result<Run, StoreError> {
    Ok(Run {
        id: RunId(row.int("id")?),
        monitor_id: MonitorId(row.int("monitor_id")?),
        kind: kind_from(&row.text("kind")?)?,
        tick_at: row.at("tick_at")?,
        started_at: row.at("started_at")?,
        duration_ms: row.int("duration_us")? as f64 / 1000.0,
        outcome: row.state("outcome")?,
        old_state: row.state("old_state")?,
        new_state: row.state("new_state")?,
        message: row.text("message")?,
        return_value: row.value("return_value")?,
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
