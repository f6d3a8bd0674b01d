//! Who runs which tick: due ticks are claimed, a claim is settled by a result or handed back, and no tick is lost between.
//!
//! What is due is read and planned outside any transaction; the claim itself is one short statement that takes effect
//! only for rows that are still as they were read. Every tick that gets no run of its own is counted in a gap by the same
//! transaction that passes it over.

use std::{collections::HashSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Gap, GapReason, MonitorId, MonitorSpec, ReturnValue, RunKind, State};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError, gaps, monitors,
    rows::{Columns, in_shapes, micros, placeholders},
    tick::Ticks,
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

/// What the last recorded run left.
#[derive(Clone, PartialEq, Debug)]
pub struct PreviousRun {
    /// The monitor's state after it.
    pub state: State,
    /// Its value.
    pub return_value: Option<ReturnValue>,
    /// Its message.
    pub message: String,
    /// When it began.
    pub at: Timestamp,
}

/// A claim given back without a result.
#[derive(Clone, PartialEq, Debug)]
pub struct HandedBack {
    /// Whose tick.
    pub monitor_id: MonitorId,
    /// The claim.
    pub attempt: i64,
    /// Our fault, in words, if it was one; `None` when the server stops.
    pub fault: Option<String>,
    /// When the tick may be tried again.
    pub retry_at: Timestamp,
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
        let rows = sqlx::query(
            "select m.*, s.* from statuses s join monitors m on m.id = s.monitor_id
             where s.due_at <= ? and m.deleted_at is null order by s.due_at, s.monitor_id limit ?",
        )
        .bind(micros(request.now))
        .bind(request.limit)
        .fetch_all(self.lookouts())
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
        if plans.is_empty() {
            return Ok(Claims { more: true, ..Claims::default() });
        }
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
            if let Action::Run(claimed) = plan.action {
                claims.runs.push(*claimed);
            }
        }
        Ok(claims)
    }

    /// When something is due next; in the past if it is due already.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar("select min(due_at) from statuses where due_at is not null")
            .fetch_one(self.lookouts())
            .await?;
        due.map(super::rows::instant).transpose()
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

    /// Gives claims back without a result. The ticks stay owed and are run as catch-up; of a monitor that was switched
    /// off meanwhile they are counted as missed. Waits for a locked or full disk as long as it takes.
    pub async fn hand_back(&self, claims: Vec<HandedBack>) -> Result<(), StoreError> {
        self.write_patiently(move |connection| {
            Box::pin(async move {
                for claim in &claims {
                    let row: Option<(i64,)> = sqlx::query_as(
                        "select claimed_tick_at from statuses
                         where monitor_id = ? and attempt = ? and claimed_by is not null",
                    )
                    .bind(claim.monitor_id.0)
                    .bind(claim.attempt)
                    .fetch_optional(&mut *connection)
                    .await?;
                    let Some((tick,)) = row else { continue };
                    release(connection, claim.monitor_id, tick, micros(claim.retry_at), claim.fault.as_deref()).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Gives back everything that `node` has claimed and not settled, runs and deliveries, because it stops. Answers how
    /// much.
    pub async fn release_node(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let rows: Vec<(i64, i64)> =
                    sqlx::query_as("select monitor_id, claimed_tick_at from statuses where claimed_by = ?")
                        .bind(&node)
                        .fetch_all(&mut *connection)
                        .await?;
                for (monitor, tick) in &rows {
                    release(connection, MonitorId(*monitor), *tick, *tick, None).await?;
                }
                let deliveries = sqlx::query(
                    "update deliveries set claimed_by = null, next_attempt_at = min(next_attempt_at, ?)
                     where status = 'owed' and claimed_by = ?",
                )
                .bind(micros(now))
                .bind(&node)
                .execute(connection)
                .await?;
                Ok(rows.len() as u64 + deliveries.rows_affected())
            })
        })
        .await
    }

    /// Takes back the claims of servers that are gone: at start of all others, later only of those whose time is over.
    /// Their ticks are due at once. Answers how many.
    pub async fn take_back(&self, node: &str, now: Timestamp, only_expired: bool) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let rows: Vec<(i64, i64)> = sqlx::query_as(
                    "select monitor_id, claimed_tick_at from statuses
                     where claimed_by is not null and claimed_by <> ? and lease_until < ?",
                )
                .bind(node)
                .bind(if only_expired { micros(now) } else { i64::MAX })
                .fetch_all(&mut *connection)
                .await?;
                for (monitor, tick) in &rows {
                    release(connection, MonitorId(*monitor), *tick, *tick, None).await?;
                }
                Ok(rows.len() as u64)
            })
        })
        .await
    }
}

/// Lets go of a claim: the tick is owed, or missed if the monitor is off.
async fn release(
    connection: &mut SqliteConnection,
    monitor: MonitorId,
    tick: i64,
    retry_at: i64,
    fault: Option<&str>,
) -> Result<(), StoreError> {
    let active: Option<bool> = sqlx::query_scalar("select active from monitors where id = ? and deleted_at is null")
        .bind(monitor.0)
        .fetch_optional(&mut *connection)
        .await?;
    let (owed, missed) = match active {
        Some(true) => (Some(tick), 0),
        Some(false) => (None, 1),
        None => (None, 0),
    };
    sqlx::query(
        "update statuses set claimed_by = null, claimed_tick_at = null, lease_until = null, owed_tick_at = ?2,
             due_at = case when ?2 is null then due_at else min(?3, coalesce(next_tick_at, ?3)) end,
             fault = coalesce(?4, fault), fault_count = fault_count + (?4 is not null),
             missed_ticks = missed_ticks + ?5
         where monitor_id = ?1",
    )
    .bind(monitor.0)
    .bind(owed)
    .bind(retry_at)
    .bind(fault)
    .bind(missed)
    .execute(&mut *connection)
    .await?;
    if missed > 0 {
        let tick = super::rows::instant(tick)?;
        gaps::insert(connection, &[&one_missed(monitor, tick)]).await?;
    }
    Ok(())
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
    gaps: Vec<Gap>,
    next_tick_at: Option<Timestamp>,
    lease_until: Timestamp,
}

#[derive(Clone)]
enum Action {
    /// Run this tick.
    Run(Box<Claimed>),
    /// Nothing to run: its last run is still going.
    Pass,
    /// It cannot be run; the reason.
    SetAside(String),
}

fn plan(row: &SqliteRow, request: &ClaimRequest) -> Result<Plan, StoreError> {
    let monitor_id = MonitorId(row.int("monitor_id")?);
    let mut plan = Plan {
        monitor_id,
        attempt: row.int("attempt")?,
        due_at: row.int("due_at")?,
        version: row.int("version")?,
        claimed: row.text_or_none("claimed_by")?.is_some(),
        action: Action::Pass,
        gaps: Vec::new(),
        next_tick_at: None,
        lease_until: request.now,
    };
    if let Err(fault) = plan.decide(row, request) {
        tracing::error!(monitor = %monitor_id, %fault, "monitor set aside");
        plan.action = Action::SetAside(fault);
        plan.gaps.clear();
    }
    Ok(plan)
}

impl Plan {
    fn decide(&mut self, row: &SqliteRow, request: &ClaimRequest) -> Result<(), String> {
        let unreadable = |error: StoreError| match error {
            StoreError::Internal { message, source: Some(source) } => {
                format!("its record cannot be read: {message}: {source}")
            }
            StoreError::Internal { message, source: None } => format!("its record cannot be read: {message}"),
            other => format!("its record cannot be read: {other}"),
        };
        let spec = monitors::spec(row).map_err(unreadable)?;
        let ticks = Ticks::read(&spec.schedule, &spec.timezone)?;
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
                self.gaps.extend(owed.map(|owed| one_missed(self.monitor_id, owed)));
                self.gaps.extend(due.all_but_last(self.monitor_id, GapReason::Missed));
                (due.last, owed.is_some() || due.count > 1)
            }
            (None, Some(owed)) => (owed, true),
            // Nothing is due after all, for instance because the clock was set back: look again at the next tick.
            (None, None) => return Ok(()),
        };
        let kind = if late || tick_at < request.up_since { RunKind::CatchUp } else { RunKind::Scheduled };
        let run_limit =
            spec.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok()).unwrap_or(request.run_limit);
        let lease = SignedDuration::try_from(run_limit + MARGIN).unwrap_or(SignedDuration::MAX);
        self.lease_until = request.now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let previous = match row.at_or_none("last_run_at").map_err(unreadable)? {
            None => None,
            Some(at) => Some(PreviousRun {
                state: row.state("state").map_err(unreadable)?,
                return_value: row.value("last_value").map_err(unreadable)?,
                message: row.text_or_none("last_message").map_err(unreadable)?.unwrap_or_default(),
                at,
            }),
        };
        let fault_count = row.int("fault_count").map_err(unreadable)?;
        self.action = Action::Run(Box::new(Claimed {
            monitor_id: self.monitor_id,
            attempt: self.attempt + 1,
            spec,
            tick_at,
            kind,
            previous,
            fault_count: u32::try_from(fault_count).unwrap_or(u32::MAX),
        }));
        Ok(())
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
                Action::Run(claimed) => (true, Some(micros(claimed.tick_at)), None),
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
    let gaps: Vec<&Gap> =
        plans.iter().filter(|plan| taken.contains(&plan.monitor_id)).flat_map(|plan| &plan.gaps).collect();
    gaps::insert(connection, &gaps).await?;
    Ok(taken)
}

fn one_missed(monitor_id: MonitorId, tick: Timestamp) -> Gap {
    Gap { monitor_id, reason: GapReason::Missed, first_tick_at: tick, last_tick_at: tick, count: 1 }
}
