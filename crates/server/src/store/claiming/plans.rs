//! What is to be done about each due monitor: decided from its row as it was read, and applied only where it still is so.
//!
//! Every tick that gets no run of its own is counted in a gap by the same transaction that passes it over.

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Gap, GapReason, MonitorId, RunKind};

use super::claim_request::ClaimRequest;
use crate::store::{
    StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
    many_rows::in_pieces,
    reading::previous_run::PreviousRun,
    ticks::{due_ticks::Ticks, gaps},
};

/// What is to be done about one due monitor, and the row it was decided from.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) monitor_id: MonitorId,
    pub(super) attempt: i64,
    pub(super) due_at: i64,
    pub(super) version: i64,
    pub(super) claimed: bool,
    pub(super) action: Action,
    /// Whether a tick that was owed is run by this, or counted.
    pub(super) settles_owed: bool,
    /// Known once its schedule was read.
    pub(super) ticks: Option<Arc<Ticks>>,
    /// In order; of two that touch one is made.
    pub(super) gaps: Vec<Gap>,
    /// The stored gap that the first of them makes longer.
    pub(super) extends: Option<i64>,
    pub(super) next_tick_at: Option<Timestamp>,
    pub(super) lease_until: Timestamp,
}

#[derive(Clone)]
pub(super) enum Action {
    /// Run this tick.
    Run(Box<Due>),
    /// Nothing to run: its last run is still going.
    Pass,
    /// It cannot be run; the reason.
    SetAside(String),
}

/// A tick to be run.
#[derive(Clone)]
pub(super) struct Due {
    pub(super) tick_at: Timestamp,
    /// Whether it is one of the schedule's.
    pub(super) is_tick: bool,
    pub(super) kind: RunKind,
    /// Known once its monitor was read.
    pub(super) previous: Option<PreviousRun>,
    pub(super) fault_count: u32,
}

/// Plans what is to be done about a row. A claim outlives its run's limit by `margin`, before others may take it back.
pub(super) fn plan(row: &DbRow, request: &ClaimRequest, margin: Duration) -> Result<Plan, StoreError> {
    let mut plan = Plan {
        monitor_id: MonitorId(row.int("monitor_id")?),
        attempt: row.int("attempt")?,
        due_at: row.int("due_at")?,
        version: row.int("version")?,
        claimed: row.text_or_none("claimed_by")?.is_some(),
        action: Action::Pass,
        settles_owed: false,
        ticks: None,
        gaps: Vec::new(),
        extends: None,
        next_tick_at: None,
        lease_until: request.now,
    };
    if let Err(fault) = plan.decide(row, request, margin) {
        plan.set_aside(fault);
    }
    Ok(plan)
}

pub(super) fn unreadable(error: StoreError) -> String {
    match error {
        StoreError::Internal { message, source: Some(source) } => {
            format!("its record cannot be read: {message}: {source}")
        }
        StoreError::Internal { message, source: None } => format!("its record cannot be read: {message}"),
        other => format!("its record cannot be read: {other}"),
    }
}

impl Plan {
    fn decide(&mut self, row: &DbRow, request: &ClaimRequest, margin: Duration) -> Result<(), String> {
        let text = |column| row.text(column).map_err(unreadable);
        let ticks = Arc::new(Ticks::read(&text("schedule")?, &text("timezone")?)?);
        self.ticks = Some(ticks.clone());
        let timeout_s: Option<f64> = row.real_or_none("timeout_s").map_err(unreadable)?;
        let fault_count = u32::try_from(row.int("fault_count").map_err(unreadable)?).unwrap_or(u32::MAX);
        let owed = row.at_or_none("owed_tick_at").map_err(unreadable)?;
        let next = row.at_or_none("next_tick_at").map_err(unreadable)?;
        let due = next.and_then(|next| ticks.due(next, request.now));
        // One run more, because the source is back that it waited for.
        let more = row.at_or_none("catch_up_at").map_err(unreadable)?.filter(|at| *at <= request.now);
        self.next_tick_at = if due.is_some() { ticks.after(request.now) } else { next };
        if self.claimed {
            self.gaps.extend(due.map(|due| due.all(self.monitor_id, GapReason::Overlapped)));
            return Ok(());
        }
        let (tick_at, late) = match (due, owed) {
            (Some(due), owed) => {
                let lost = owed.map(|owed| one_missed(self.monitor_id, owed));
                for gap in lost.into_iter().chain(due.all_but_last(self.monitor_id, GapReason::Missed)) {
                    self.add(gap);
                }
                (due.last, owed.is_some() || due.count > 1)
            }
            (None, Some(owed)) => (owed, true),
            (None, None) => match more {
                Some(at) => (at, true),
                // Nothing is due after all, for instance because the clock was set back: look again at the next tick.
                None => return Ok(()),
            },
        };
        let kind = if late || tick_at < request.up_since { RunKind::CatchUp } else { RunKind::Scheduled };
        let run_limit =
            timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok()).unwrap_or(request.run_limit);
        let lease = SignedDuration::try_from(run_limit.saturating_add(margin)).unwrap_or(SignedDuration::MAX);
        self.lease_until = request.now.checked_add(lease).unwrap_or(Timestamp::MAX);
        self.settles_owed = true;
        let is_tick = due.is_some() || owed.is_some();
        self.action = Action::Run(Box::new(Due { tick_at, is_tick, kind, previous: None, fault_count }));
        Ok(())
    }

    pub(super) fn set_aside(&mut self, fault: String) {
        tracing::error!(monitor = %self.monitor_id, %fault, "monitor set aside");
        match std::mem::replace(&mut self.action, Action::SetAside(fault)) {
            // What was to be run has no run.
            Action::Run(due) if due.is_tick => self.add(one_missed(self.monitor_id, due.tick_at)),
            Action::Run(_) => {}
            Action::Pass | Action::SetAside(_) => self.gaps.clear(),
        }
    }

    /// Whether no tick lies between two gaps of the same kind.
    pub(super) fn follows(&self, before: &Gap, gap: &Gap) -> bool {
        let next = self.ticks.as_ref().and_then(|ticks| ticks.after(before.last_tick_at));
        before.reason == gap.reason && next == Some(gap.first_tick_at)
    }

    fn add(&mut self, gap: Gap) {
        match self.gaps.last() {
            Some(last) if self.follows(last, &gap) => {
                let last = self.gaps.last_mut().expect("it was just looked at");
                (last.last_tick_at, last.count) = (gap.last_tick_at, last.count + gap.count);
            }
            _ => self.gaps.push(gap),
        }
    }

    pub(super) fn counted(&self, reason: GapReason) -> i64 {
        self.gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.count).sum()
    }
}

/// The types of a row of [`apply`].
const TYPES: [&str; 13] = [
    "bigint", "bigint", "bigint", "bigint", "boolean", "boolean", "boolean", "bigint", "bigint", "bigint", "bigint",
    "bigint", "text",
];

/// Applies plans to the rows that are still as they were read; answers which.
pub(super) async fn apply(
    connection: &mut DbConnection,
    plans: &[Plan],
    node: &str,
) -> Result<HashSet<MonitorId>, StoreError> {
    let mut taken = HashSet::new();
    for piece in in_pieces(connection, plans) {
        let sql = format!(
            "with plan (id, attempt, due_at, version, claimed, runs, settles_owed, tick_at, lease_until, next_at, missed,
                 overlapped, fault) as ({})
             update dues set
                 attempt = dues.attempt + case when plan.runs then 1 else 0 end,
                 claimed_by = case when plan.runs then {} else claimed_by end,
                 claimed_tick_at = case when plan.runs then plan.tick_at else claimed_tick_at end,
                 lease_until = case when plan.runs then plan.lease_until else dues.lease_until end,
                 owed_tick_at = case when plan.settles_owed then null else owed_tick_at end,
                 next_tick_at = plan.next_at, due_at = plan.next_at, catch_up_at = null,
                 missed_ticks = missed_ticks + plan.missed, overlapped_ticks = overlapped_ticks + plan.overlapped,
                 fault = coalesce(plan.fault, dues.fault)
             from plan join monitors m on m.id = plan.id
             where dues.monitor_id = plan.id and dues.attempt = plan.attempt
                 and dues.due_at = plan.due_at and (dues.claimed_by is not null) = plan.claimed
                 and m.version = plan.version and m.deleted_at is null
             returning dues.monitor_id",
            sql_pieces::rows(piece.len(), &TYPES),
            sql_pieces::NEXT
        );
        let mut query = db::query_scalar(db::AssertSqlSafe(sql));
        for plan in piece {
            let (runs, tick_at, fault) = match &plan.action {
                Action::Run(due) => (true, Some(micros(due.tick_at)), None),
                Action::Pass => (false, None, None),
                Action::SetAside(fault) => (false, None, Some(fault.as_str())),
            };
            query = query
                .bind(plan.monitor_id.0)
                .bind(plan.attempt)
                .bind(plan.due_at)
                .bind(plan.version)
                .bind(plan.claimed)
                .bind(runs)
                .bind(plan.settles_owed)
                .bind(tick_at)
                .bind(micros(plan.lease_until))
                .bind(plan.next_tick_at.map(micros))
                .bind(plan.counted(GapReason::Missed))
                .bind(plan.counted(GapReason::Overlapped))
                .bind(fault);
        }
        let ids: Vec<i64> = query.bind(node).fetch_all(&mut *connection).await?;
        taken.extend(ids.into_iter().map(MonitorId));
    }
    let mut new = Vec::new();
    for plan in plans.iter().filter(|plan| taken.contains(&plan.monitor_id)) {
        let mut gaps = plan.gaps.iter();
        if let Some(id) = plan.extends
            && let Some(first) = gaps.next()
            && !gaps::extend(connection, id, first).await?
        {
            new.push(first);
        }
        new.extend(gaps);
    }
    gaps::insert(connection, &new).await?;
    Ok(taken)
}

fn one_missed(monitor_id: MonitorId, tick: Timestamp) -> Gap {
    Gap { monitor_id, reason: GapReason::Missed, first_tick_at: tick, last_tick_at: tick, count: 1 }
}
