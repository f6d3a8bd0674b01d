//! The list of monitors as people look at it: worst first, without scripts.
//!
//! A page is cut out of one order (critical `ALARM` and `ERROR`, both as warnings, `OK`, `INACTIVE`), rank by rank, so that the
//! first page of ten thousand monitors reads a hundred of them. Problems of one rank stand newest first: what just broke is
//! what whoever is on call looks for, and what has been broken for days is known. The rest is found by name. Who wants another
//! order gets it by any column ([`OverviewOrder`]), all states together.

use jiff::Timestamp;
use revere_model::{MonitorId, NumberFormat, ReturnValue, Severity, State, StateSet};

use super::counts::StateCounts;
use crate::store::{
    Store, StoreError,
    columns::{Columns, micros, tags_from},
    database::{DbRow, QueryBuilder, sql_pieces},
    name_order::name_order,
    name_search::contains,
};

/// Which monitors, and in which order: worst first, unless it says another.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OverviewFilter {
    /// Only monitors in one of these states; `None` is all.
    pub states: Option<StateSet>,
    /// Of those that are `INACTIVE`, only the paused ones, or only the others; `None` is both.
    pub paused: Option<bool>,
    /// Only monitors with a problem of this severity.
    pub severity: Option<Severity>,
    /// Only monitors with this tag.
    pub tag: Option<String>,
    /// Only monitors whose name or tags contain this, in either case.
    pub search: Option<String>,
    /// Another order than worst first.
    pub order: Option<OverviewOrder>,
    /// Only monitors after this place: the last of the page before.
    pub after: Option<OverviewPlace>,
    /// At most so many.
    pub limit: u32,
}

/// An order of the list. What has nothing in the column comes last either way; what is equal there stands by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverviewOrder {
    /// What is compared.
    pub by: OverviewColumn,
    /// Whether the most comes first.
    pub descending: bool,
}

/// A column that the list can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverviewColumn {
    /// The name, as people read it: `Batch 2` before `Batch 10`.
    Name,
    /// Since when it is in its state.
    Since,
    /// The last value; texts have none here.
    Value,
    /// When the last run began.
    LastRun,
    /// The next tick.
    NextRun,
}

impl OverviewColumn {
    /// What is compared, as a float: its numbers fit in one, and so do microseconds until the year 2255.
    fn sql(self) -> &'static str {
        match self {
            OverviewColumn::Name => "cast(0 as double precision)",
            OverviewColumn::Since => "cast(s.state_since as double precision)",
            OverviewColumn::Value => {
                "case when s.last_value <> 'null' and substr(s.last_value, 1, 1) <> '\"'
                     then cast(s.last_value as double precision) end"
            }
            OverviewColumn::LastRun => "cast(s.last_run_at as double precision)",
            OverviewColumn::NextRun => "cast(d.next_tick_at as double precision)",
        }
    }
}

/// A place in the order of the list.
#[derive(Clone, PartialEq, Debug)]
pub struct OverviewPlace {
    /// The state of the monitor that stood there.
    pub state: State,
    /// How severe its problem was; what does not say is critical.
    pub severity: Option<Severity>,
    /// Since when it is in its state.
    pub since: Timestamp,
    /// What was compared where another order was asked for: [`OverviewRow::key`].
    pub key: Option<f64>,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: MonitorId,
}

impl OverviewPlace {
    /// Which part of the order it is in.
    fn rank(&self) -> (State, Option<Severity>) {
        (self.state, self.state.is_problem().then(|| self.severity.unwrap_or(Severity::Critical)))
    }
}

/// A monitor in the list.
#[derive(Clone, PartialEq, Debug)]
pub struct OverviewRow {
    /// Its row.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it runs on its schedule.
    pub active: bool,
    /// The state it is in.
    pub state: State,
    /// How severe the problem is, while there is one.
    pub severity: Option<Severity>,
    /// Since when.
    pub state_since: Timestamp,
    /// Start of the last recorded run.
    pub last_run_at: Option<Timestamp>,
    /// Message of the last recorded run.
    pub last_message: Option<String>,
    /// Value of the last recorded run.
    pub last_value: Option<ReturnValue>,
    /// How its numbers are shown.
    pub numbers: NumberFormat,
    /// The next tick.
    pub next_run_at: Option<Timestamp>,
    /// Why it cannot be run, by a fault of ours or of its schedule.
    pub fault: Option<String>,
    /// The source that it waits for, if one that it needs is down.
    pub waits_for: Option<String>,
    /// What another order than worst first compares.
    pub key: Option<f64>,
}

/// The order of the list. Severity comes first, as it does for whoever is woken by night: a warning waits until morning, what
/// is critical does not, whether it is an alarm or nobody knows.
const WORST_FIRST: [(State, Option<Severity>); 6] = [
    (State::Alarm, Some(Severity::Critical)),
    (State::Error, Some(Severity::Critical)),
    (State::Alarm, Some(Severity::Warning)),
    (State::Error, Some(Severity::Warning)),
    (State::Ok, None),
    (State::Inactive, None),
];

const COLUMNS: &str =
    "m.id, m.name, m.tags, m.active, s.state, s.severity, s.state_since, s.last_run_at, s.last_message, \
    s.last_value, d.next_tick_at, d.fault, m.unit, m.decimals, \
    (select o.source from source_outages o
     where o.id = s.outage_id and s.waits <> 'no_longer' and o.ended_at is null) as waits_for";

/// What [`COLUMNS`] are of, beside `monitors m`.
const STATES_AND_DUES: &str = " join states s on s.monitor_id = m.id join dues d on d.monitor_id = m.id";

impl Store {
    /// Monitors, filtered, worst first or in the order that the filter names.
    pub async fn overview(&self, filter: &OverviewFilter) -> Result<Vec<OverviewRow>, StoreError> {
        if let Some(order) = filter.order {
            return self.overview_by(filter, order).await;
        }
        let stood = filter.after.as_ref().map(OverviewPlace::rank);
        let begin = stood.and_then(|stood| WORST_FIRST.iter().position(|rank| *rank == stood)).unwrap_or(0);
        let mut rows = Vec::new();
        for rank in WORST_FIRST.into_iter().skip(begin) {
            let (state, severity) = rank;
            let room = filter.limit.saturating_sub(rows.len() as u32);
            if room == 0 {
                break;
            }
            let of_severity = filter.severity.is_none() || filter.severity == severity;
            if of_severity && filter.states.is_none_or(|states| states.contains(state)) {
                let after = filter.after.as_ref().filter(|place| place.rank() == rank);
                rows.extend(self.overview_of(filter, rank, after, room).await?);
            }
        }
        Ok(rows)
    }

    async fn overview_of(
        &self,
        filter: &OverviewFilter,
        (state, severity): (State, Option<Severity>),
        after: Option<&OverviewPlace>,
        limit: u32,
    ) -> Result<Vec<OverviewRow>, StoreError> {
        let mut query = QueryBuilder::new("select ");
        query.push(COLUMNS);
        // Problems are few: found by state, then sorted. The rest are many: walked by name until the page is full.
        if state.is_problem() {
            query.push(format!(" from states s {} monitors m on m.id = s.monitor_id", sql_pieces::JOIN_IN_ORDER));
        } else {
            query.push(format!(" from monitors m {} states s on s.monitor_id = m.id", sql_pieces::JOIN_IN_ORDER));
        }
        query.push(format!(" {} dues d on d.monitor_id = s.monitor_id", sql_pieces::JOIN_IN_ORDER));
        query.push(" where m.deleted_at is null and s.state = ").push_bind(state.as_str());
        if let Some(severity) = severity {
            query.push(" and coalesce(s.severity, 'critical') = ").push_bind(severity.as_str());
        }
        if let Some(paused) = filter.paused.filter(|_| state == State::Inactive) {
            query.push(if paused { " and not m.active" } else { " and m.active" });
        }
        push_fitting(&mut query, filter);
        if let Some(place) = after {
            if state.is_problem() {
                query.push(" and (s.state_since < ").push_bind(micros(place.since));
                query.push(" or s.state_since = ").push_bind(micros(place.since));
            } else {
                // The first part by itself too, so that the walk begins there.
                query.push(" and (m.name_order >= ").push_bind(name_order(&place.name));
            }
            query.push(" and (m.name_order, m.id) > (").push_bind(name_order(&place.name));
            query.push(", ").push_bind(place.id.0).push("))");
        }
        let newest_first = if state.is_problem() { "s.state_since desc, " } else { "" };
        query.push(format!(" order by {newest_first}m.name_order, m.id limit ")).push_bind(i64::from(limit));
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(overview_row).collect()
    }

    async fn overview_by(&self, filter: &OverviewFilter, order: OverviewOrder) -> Result<Vec<OverviewRow>, StoreError> {
        let by_name = order.by == OverviewColumn::Name;
        let mut query = QueryBuilder::new("select * from (select ");
        query.push(COLUMNS).push(", m.name_order, ").push(order.by.sql());
        query.push(" as order_key from monitors m").push(STATES_AND_DUES).push(" where m.deleted_at is null");
        if let Some(states) = filter.states {
            query.push(" and s.state in (");
            let mut list = query.separated(",");
            for state in states.iter() {
                list.push_bind(state.as_str());
            }
            query.push(")");
        }
        if let Some(severity) = filter.severity {
            query.push(" and s.state in ('ALARM', 'ERROR') and coalesce(s.severity, 'critical') = ");
            query.push_bind(severity.as_str());
        }
        if let Some(paused) = filter.paused {
            let which = if paused { "not m.active" } else { "m.active" };
            query.push(format!(" and (s.state <> 'INACTIVE' or {which})"));
        }
        push_fitting(&mut query, filter);
        query.push(") fitting");
        let (down, name_down) = if order.descending { (" desc", if by_name { " desc" } else { "" }) } else { ("", "") };
        if let Some(place) = &filter.after {
            let behind = if name_down.is_empty() { ">" } else { "<" };
            query.push(" where ");
            match place.key {
                Some(key) => {
                    let beyond = if order.descending { "<" } else { ">" };
                    query.push(format!("(order_key is null or order_key {beyond} ")).push_bind(key);
                    query.push(" or order_key = ").push_bind(key);
                }
                None => {
                    query.push("(order_key is null");
                }
            }
            query.push(format!(" and (name_order, id) {behind} (")).push_bind(name_order(&place.name));
            query.push(", ").push_bind(place.id.0).push("))");
        }
        query
            .push(format!(" order by order_key is null, order_key{down}, name_order{name_down}, id{name_down} limit "));
        let rows = query.push_bind(i64::from(filter.limit)).build().fetch_all(self.readers()).await?;
        let row = |row: &DbRow| Ok(OverviewRow { key: row.real_or_none("order_key")?, ..overview_row(row)? });
        rows.iter().map(row).collect()
    }

    /// How many monitors with that tag and those words are in each state, and how many of the `INACTIVE` ones are paused; every
    /// state is in the answer.
    pub async fn count_fitting(&self, filter: &OverviewFilter) -> Result<(StateCounts, u64), StoreError> {
        let mut query = QueryBuilder::new(
            "select s.state, m.active, count(*) as number from monitors m join states s on s.monitor_id = m.id
             where m.deleted_at is null",
        );
        push_fitting(&mut query, filter);
        let rows = query.push(" group by s.state, m.active").build().fetch_all(self.readers()).await?;
        let mut counts: StateCounts = State::ALL.into_iter().map(|state| (state, 0)).collect();
        let mut paused = 0;
        for row in &rows {
            let (state, number) = (row.state("state")?, row.int("number")?.unsigned_abs());
            *counts.entry(state).or_default() += number;
            if state == State::Inactive && !row.flag("active")? {
                paused += number;
            }
        }
        Ok((counts, paused))
    }

    /// These monitors as the list shows them, by id; those that are gone are left out.
    pub async fn overview_rows(&self, ids: &[MonitorId]) -> Result<Vec<OverviewRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new("select ");
        query
            .push(COLUMNS)
            .push(" from monitors m")
            .push(STATES_AND_DUES)
            .push(" where m.deleted_at is null and m.id in (");
        let mut list = query.separated(",");
        for id in ids {
            list.push_bind(id.0);
        }
        query.push(") order by m.id");
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(overview_row).collect()
    }
}

/// Adds the conditions for the filter's tag and words.
fn push_fitting(query: &mut QueryBuilder, filter: &OverviewFilter) {
    if let Some(tag) = &filter.tag {
        query.push(" and exists (select 1 from tags t where t.monitor_id = m.id and t.tag = ").push_bind(tag).push(")");
    }
    if let Some(search) = &filter.search {
        let pattern = contains(search);
        query.push(" and (lower(m.name) like ").push_bind(pattern.clone()).push(" escape '\\' or ");
        if is_written_as_it_is(search) {
            // One text, without a second table: a planner that has to guess how often that is asked guesses badly.
            query.push("lower(m.tags) like ").push_bind(pattern).push(" escape '\\')");
        } else {
            query.push("exists (select 1 from tags t where t.monitor_id = m.id and lower(t.tag) like ");
            query.push_bind(pattern).push(" escape '\\'))");
        }
    }
}

/// Whether what the list of tags, as the text of JSON that it is, has this in it says that one of the tags has: JSON writes it as it is,
/// and none of it could stand between two tags without the quotes around them.
fn is_written_as_it_is(search: &str) -> bool {
    let is_escaped = |c: char| matches!(c, '"' | '\\') || c.is_control();
    let is_between = |c: char| matches!(c, '[' | ']' | ',' | ' ');
    !search.chars().any(is_escaped) && !search.chars().all(is_between)
}

fn overview_row(row: &DbRow) -> Result<OverviewRow, StoreError> {
    Ok(OverviewRow {
        id: MonitorId(row.int("id")?),
        name: row.text("name")?,
        tags: tags_from(row.int("id")?, &row.text("tags")?),
        active: row.flag("active")?,
        state: row.state("state")?,
        severity: row.severity("severity", Some(row.state("state")?))?,
        state_since: row.at("state_since")?,
        last_run_at: row.at_or_none("last_run_at")?,
        last_message: row.text_or_none("last_message")?,
        last_value: row.value_shown("last_value")?,
        numbers: NumberFormat {
            unit: row.text("unit")?,
            decimals: row.int_or_none("decimals")?.and_then(|decimals| u32::try_from(decimals).ok()),
        },
        next_run_at: row.at_or_none("next_tick_at")?,
        fault: row.text_or_none("fault")?,
        waits_for: row.text_or_none("waits_for")?,
        key: None,
    })
}
