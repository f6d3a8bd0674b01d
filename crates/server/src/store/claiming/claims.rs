//! Who runs which tick: due ticks are claimed, a claim is settled by a result or handed back, and no tick is lost between.
//!
//! What is due is read and planned outside any transaction; the claim itself is one short statement that takes effect
//! only for rows that are still as they were read. Every tick that gets no run of its own is counted in a gap by the same
//! transaction that passes it over.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Gap, GapReason, MonitorId, MonitorSpec, RunKind};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::store::{
    Store, StoreError,
    claiming::due_ticks::Ticks,
    claiming::gaps,
    monitors,
    reading::previous::{LAST_STATE, PreviousRun},
    rows::{Columns, in_shapes, micros, placeholders},
    telling::tell::ids_text,
};

/// What a claim is asked with.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimRequest {
    /// The server that asks; another one has another name.
    pub node: String,
    /// The present.
    pub now: Timestamp,
    /// A tick before this instant comes late because nobody was there: it is a catch-up run.
    pub up_since: Timestamp,
    /// How long a run may take where the monitor does not say; with a margin it bounds the claim.
    pub run_limit: Duration,
    /// At most so many monitors are looked at.
    pub limit: u32,
    /// At most so many of them are claimed; the others stay due.
    pub places: usize,
}

/// A tick to be run now, with everything its run needs.
#[derive(Clone, PartialEq, Debug)]
pub struct Claimed {
    /// Whose tick.
    pub monitor_id: MonitorId,
    /// The fence: the result names it.
    pub attempt: i64,
    /// What to run.
    pub spec: MonitorSpec,
    /// The tick.
    pub tick_at: Timestamp,
    /// Why it runs now.
    pub kind: RunKind,
    /// What the last recorded run left; `None` if there was none.
    pub previous: Option<PreviousRun>,
    /// How often in a row this monitor's run failed for a fault of ours.
    pub fault_count: u32,
}

/// What a look at what is due came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Claims {
    /// The ticks to be run now.
    pub runs: Vec<Claimed>,
    /// Whether there may be more that are due: a limit was reached, or a row changed while it was looked at.
    pub more: bool,
    /// Ticks counted as missed on the way.
    pub missed: u64,
    /// Ticks counted as overlapped on the way.
    pub overlapped: u64,
}

/// How long a claim's write waits for a lock before what is due is looked at afresh.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a claim outlives its run's limit by, before others may take it back: time to write the result.
const MARGIN: Duration = Duration::from_secs(60);

impl Store {
    /// Claims ticks that are due, the longest due first. Ticks before the last of a monitor become a gap, and so do ticks
    /// that find their monitor's last run still going. A monitor whose row or schedule cannot be read is set aside with
    /// the reason in its `fault`; it stops no other.
    pub async fn claim_due(&self, request: &ClaimRequest) -> Result<Claims, StoreError> {
        // Scripts may be long, and often there is no place to run any: they are read only of what will be run.
        let sql = format!(
            "select m.version, m.schedule, m.timezone, m.timeout_s, {LAST_STATE} as last_state, s.*
             from statuses s join monitors m on m.id = s.monitor_id
             where s.due_at <= ? and m.deleted_at is null order by s.due_at, s.monitor_id limit ?"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(micros(request.now))
            .bind(request.limit)
            .fetch_all(self.engine_readers())
            .await?;
        if rows.is_empty() {
            return Ok(Claims::default());
        }
        let mut plans = Vec::with_capacity(rows.len());
        let mut places = request.places;
        for row in &rows {
            let plan = plan(row, request)?;
            let runs = matches!(plan.action, Action::Run(_));
            if runs && places == 0 {
                continue;
            }
            places -= usize::from(runs);
            plans.push(plan);
        }
        let mut specs = self.specs(&mut plans).await?;
        if plans.is_empty() {
            return Ok(Claims { more: true, ..Claims::default() });
        }
        self.join_gaps(&mut plans).await?;
        let node = request.node.clone();
        let all = plans.clone();
        let taken: HashSet<MonitorId> = self
            .0
            .queue
            .write(Some(PATIENCE), move |connection| Box::pin(async move { apply(connection, &all, &node).await }))
            .await?;
        let more = rows.len() as u32 >= request.limit || taken.len() < rows.len();
        let mut claims = Claims { more, ..Claims::default() };
        for plan in plans.into_iter().filter(|plan| taken.contains(&plan.monitor_id)) {
            claims.missed += plan.counted(GapReason::Missed).unsigned_abs();
            claims.overlapped += plan.counted(GapReason::Overlapped).unsigned_abs();
            if let Action::Run(due) = plan.action
                && let Some(spec) = specs.remove(&plan.monitor_id)
            {
                claims.runs.push(Claimed {
                    monitor_id: plan.monitor_id,
                    attempt: plan.attempt + 1,
                    spec,
                    tick_at: due.tick_at,
                    kind: due.kind,
                    previous: due.previous,
                    fault_count: due.fault_count,
                });
            }
        }
        Ok(claims)
    }

    /// What is to be run by `plans`, as it was when they were made: one that was edited since is looked at anew, one that
    /// cannot be read is set aside.
    async fn specs(&self, plans: &mut Vec<Plan>) -> Result<HashMap<MonitorId, MonitorSpec>, StoreError> {
        let runs = plans.iter().filter(|plan| matches!(plan.action, Action::Run(_)));
        let ids = ids_text(runs.map(|plan| plan.monitor_id));
        if ids == "[]" {
            return Ok(HashMap::new());
        }
        let rows =
            sqlx::query("select * from monitors where deleted_at is null and id in (select value from json_each(?))")
                .bind(ids)
                .fetch_all(self.engine_readers())
                .await?;
        let mut read = HashMap::with_capacity(rows.len());
        for row in &rows {
            read.insert(MonitorId(row.int("id")?), (row.int("version")?, monitors::spec(row).map_err(unreadable)));
        }
        let mut specs = HashMap::with_capacity(read.len());
        plans.retain_mut(|plan| {
            if !matches!(plan.action, Action::Run(_)) {
                return true;
            }
            match read.remove(&plan.monitor_id) {
                Some((version, spec)) if version == plan.version => {
                    match spec {
                        Ok(spec) => drop(specs.insert(plan.monitor_id, spec)),
                        Err(fault) => plan.set_aside(fault),
                    }
                    true
                }
                _ => false,
            }
        });
        Ok(specs)
    }

    /// Where ticks without a run follow those of a monitor's newest gap, that gap becomes longer.
    async fn join_gaps(&self, plans: &mut [Plan]) -> Result<(), StoreError> {
        let ids = ids_text(plans.iter().filter(|plan| !plan.gaps.is_empty()).map(|plan| plan.monitor_id));
        if ids == "[]" {
            return Ok(());
        }
        let newest = self.newest_gaps(&ids).await?;
        for plan in plans {
            if let (Some((id, before)), Some(gap)) = (newest.get(&plan.monitor_id), plan.gaps.first())
                && plan.follows(before, gap)
            {
                plan.extends = Some(*id);
            }
        }
        Ok(())
    }

    /// When something is due next; in the past if it is due already.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar("select min(due_at) from statuses where due_at is not null")
            .fetch_one(self.engine_readers())
            .await?;
        due.map(crate::store::rows::instant).transpose()
    }

    /// How many ticks are due at `now` and not claimed.
    pub async fn due_count(&self, now: Timestamp) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("select count(*) from statuses where due_at is not null and due_at <= ?")
            .bind(micros(now))
            .fetch_one(self.readers())
            .await?;
        Ok(count.unsigned_abs())
    }

    /// How many claims are in force.
    pub async fn claims_in_force(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("select count(*) from statuses where claimed_by is not null")
            .fetch_one(self.readers())
            .await?;
        Ok(count.unsigned_abs())
    }
}

/// What is to be done about one due monitor, and the row it was decided from.
#[derive(Clone)]
struct Plan {
    monitor_id: MonitorId,
    attempt: i64,
    due_at: i64,
    version: i64,
    claimed: bool,
    action: Action,
    /// Known once its schedule was read.
    ticks: Option<Arc<Ticks>>,
    /// In order; of two that touch one is made.
    gaps: Vec<Gap>,
    /// The stored gap that the first of them makes longer.
    extends: Option<i64>,
    next_tick_at: Option<Timestamp>,
    lease_until: Timestamp,
}

#[derive(Clone)]
enum Action {
    /// Run this tick.
    Run(Box<Due>),
    /// Nothing to run: its last run is still going.
    Pass,
    /// It cannot be run; the reason.
    SetAside(String),
}

/// A tick to be run.
#[derive(Clone)]
struct Due {
    tick_at: Timestamp,
    kind: RunKind,
    previous: Option<PreviousRun>,
    fault_count: u32,
}

fn plan(row: &SqliteRow, request: &ClaimRequest) -> Result<Plan, StoreError> {
    let mut plan = Plan {
        monitor_id: MonitorId(row.int("monitor_id")?),
        attempt: row.int("attempt")?,
        due_at: row.int("due_at")?,
        version: row.int("version")?,
        claimed: row.text_or_none("claimed_by")?.is_some(),
        action: Action::Pass,
        ticks: None,
        gaps: Vec::new(),
        extends: None,
        next_tick_at: None,
        lease_until: request.now,
    };
    if let Err(fault) = plan.decide(row, request) {
        plan.set_aside(fault);
    }
    Ok(plan)
}

fn unreadable(error: StoreError) -> String {
    match error {
        StoreError::Internal { message, source: Some(source) } => {
            format!("its record cannot be read: {message}: {source}")
        }
        StoreError::Internal { message, source: None } => format!("its record cannot be read: {message}"),
        other => format!("its record cannot be read: {other}"),
    }
}

impl Plan {
    fn decide(&mut self, row: &SqliteRow, request: &ClaimRequest) -> Result<(), String> {
        let text = |column| row.text(column).map_err(unreadable);
        let ticks = Arc::new(Ticks::read(&text("schedule")?, &text("timezone")?)?);
        self.ticks = Some(ticks.clone());
        let timeout_s: Option<f64> = row.try_get("timeout_s").map_err(|error| unreadable(error.into()))?;
        let owed = row.at_or_none("owed_tick_at").map_err(unreadable)?;
        let next = row.at_or_none("next_tick_at").map_err(unreadable)?;
        let due = next.and_then(|next| ticks.due(next, request.now));
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
            // Nothing is due after all, for instance because the clock was set back: look again at the next tick.
            (None, None) => return Ok(()),
        };
        let kind = if late || tick_at < request.up_since { RunKind::CatchUp } else { RunKind::Scheduled };
        let run_limit =
            timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok()).unwrap_or(request.run_limit);
        let lease = SignedDuration::try_from(run_limit + MARGIN).unwrap_or(SignedDuration::MAX);
        self.lease_until = request.now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let previous = match row.at_or_none("last_run_at").map_err(unreadable)? {
            None => None,
            Some(at) => Some(PreviousRun {
                state: row.state("last_state").map_err(unreadable)?,
                return_value: row.value("last_value").map_err(unreadable)?,
                message: row.text_or_none("last_message").map_err(unreadable)?.unwrap_or_default(),
                at,
            }),
        };
        let fault_count = u32::try_from(row.int("fault_count").map_err(unreadable)?).unwrap_or(u32::MAX);
        self.action = Action::Run(Box::new(Due { tick_at, kind, previous, fault_count }));
        Ok(())
    }

    fn set_aside(&mut self, fault: String) {
        tracing::error!(monitor = %self.monitor_id, %fault, "monitor set aside");
        self.action = Action::SetAside(fault);
        self.gaps.clear();
    }

    /// Whether no tick lies between two gaps of the same kind.
    fn follows(&self, before: &Gap, gap: &Gap) -> bool {
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

    fn counted(&self, reason: GapReason) -> i64 {
        self.gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.count).sum()
    }
}

/// Applies plans to the rows that are still as they were read; answers which.
async fn apply(
    connection: &mut SqliteConnection,
    plans: &[Plan],
    node: &str,
) -> Result<HashSet<MonitorId>, StoreError> {
    let mut taken = HashSet::new();
    for piece in in_shapes(plans) {
        let sql = format!(
            "with plan (id, attempt, due_at, version, claimed, runs, tick_at, lease_until, next_at, missed, overlapped,
                 fault) as (values {})
             update statuses set
                 attempt = statuses.attempt + plan.runs,
                 claimed_by = case when plan.runs then ? else claimed_by end,
                 claimed_tick_at = case when plan.runs then plan.tick_at else claimed_tick_at end,
                 lease_until = case when plan.runs then plan.lease_until else statuses.lease_until end,
                 owed_tick_at = case when plan.runs then null else owed_tick_at end,
                 next_tick_at = plan.next_at, due_at = plan.next_at,
                 missed_ticks = missed_ticks + plan.missed, overlapped_ticks = overlapped_ticks + plan.overlapped,
                 fault = coalesce(plan.fault, statuses.fault)
             from plan join monitors m on m.id = plan.id
             where statuses.monitor_id = plan.id and statuses.attempt = plan.attempt
                 and statuses.due_at = plan.due_at and (statuses.claimed_by is not null) = plan.claimed
                 and m.version = plan.version and m.deleted_at is null
             returning statuses.monitor_id",
            placeholders(piece.len(), 12)
        );
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
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
