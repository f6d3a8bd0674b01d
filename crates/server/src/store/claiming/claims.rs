//! Who runs which tick: due ticks are claimed, a claim is settled by a result or handed back, and no tick is lost between.
//!
//! Of one server, what is due is read and planned outside any transaction; of several, in the transaction that claims it. The
//! claim itself is one short statement that takes effect only for rows that are still as they were read. Every tick that gets
//! no run of its own is counted in a gap by the same transaction that passes it over.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use revere_model::{GapReason, MonitorId, MonitorSpec, RunKind};
use tokio::time::Instant;

use super::{
    claim_request::ClaimRequest,
    low_water::BEGINNING,
    plans::{Action, Plan, apply, plan, unreadable},
};
use crate::store::{
    Store, StoreError,
    columns::{Columns, ids_text, instant, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
    monitors::field_columns,
    reading::previous_run::{LAST_STATE, PreviousRun},
    ticks::gaps::newest_gaps,
};

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

/// How many rows more than there are places for runs are kept at once: of some only the ticks are counted.
const WITHOUT_A_PLACE: usize = 16;

/// When something is due first, from there on.
const FIRST_DUE: &str = "select min(due_at) from dues where due_at is not null and due_at >= $1";

/// What is due, from there on, and kept by nobody else. Many are due at the same instant: the limit is reached in the index,
/// before any of them is looked up. Nothing that was deleted is due.
const DUE: &str = "select m.version, m.schedule, m.timezone, m.timeout_s, d.*
     from (select * from dues where due_at <= $1 and due_at >= $3 order by due_at, monitor_id limit $2 {passing over kept}) d
         join monitors m on m.id = d.monitor_id
     where m.deleted_at is null order by d.due_at, d.monitor_id";

/// How long a claim's write waits for a lock before what is due is looked at afresh.
const PATIENCE: Duration = Duration::from_secs(1);

impl Store {
    /// Claims ticks that are due, the longest due first. Ticks before the last of a monitor become a gap, and so do ticks
    /// that find their monitor's last run still going. A monitor whose row or schedule cannot be read is set aside with
    /// the reason in its `fault`; it stops no other.
    ///
    /// Where several servers share the database, what is due is kept for this one before it is looked at, and what another
    /// one keeps is passed over: no two plan the same tick.
    pub async fn claim_due(&self, request: &ClaimRequest) -> Result<Claims, StoreError> {
        if let Some(queue) = &self.0.claims {
            // Looking takes no locks; most of the time nothing is due.
            if self.next_due(request.now).await?.is_none_or(|due| due > request.now) {
                // Another server may have claimed what was. That this one cannot is over when its writer can write again.
                return queue.trouble().map_or_else(|| Ok(Claims::default()), Err);
            }
            if self.ask_a_doubtful_clock().await? {
                // What is due is to be reckoned anew.
                return Ok(Claims { more: true, ..Claims::default() });
            }
            let (request, margin, asked) = (request.clone(), self.0.claim_margin, Instant::now());
            let from = self.due_from(request.now);
            let claims = queue.write(Some(PATIENCE), move |connection| {
                Box::pin(async move {
                    let planned = planned(connection, &request, from, margin, Some(asked)).await?;
                    let taken = apply(connection, &planned.plans, &request.node).await?;
                    Ok(planned.claims(&taken))
                })
            });
            return claims.await;
        }
        let mut connection = self.engine_readers().acquire().await?;
        let planned = planned(&mut connection, request, BEGINNING, self.0.claim_margin, None).await?;
        drop(connection);
        if planned.plans.is_empty() {
            return Ok(planned.claims(&HashSet::new()));
        }
        let (node, all) = (request.node.clone(), planned.plans.clone());
        let taken = self
            .0
            .queue
            .write(Some(PATIENCE), move |connection| Box::pin(async move { apply(connection, &all, &node).await }));
        Ok(planned.claims(&taken.await?))
    }

    /// When something is due next; in the past if it is due already. Where several servers share the database, what an edit made
    /// due more than half a minute before `now` is found within five seconds.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let from = self.due_from(now);
        let due: Option<i64> = db::query_scalar(FIRST_DUE).bind(from).fetch_one(self.engine_readers()).await?;
        let due = due.map(instant).transpose()?;
        self.looked_at_due(from, due, now);
        Ok(due)
    }

    /// From which due time on it is enough to look for what is due.
    pub(in crate::store) fn due_from(&self, now: Timestamp) -> i64 {
        if self.0.shared { self.0.low_water.mark(now) } else { BEGINNING }
    }

    /// What is due first, from there on.
    pub(in crate::store) fn looked_at_due(&self, from: i64, first: Option<Timestamp>, now: Timestamp) {
        if from == BEGINNING && self.0.shared {
            self.0.low_water.found(first, now);
        }
    }

    /// How many ticks are due at `now` and not claimed.
    pub async fn due_count(&self, now: Timestamp) -> Result<u64, StoreError> {
        let count: i64 = db::query_scalar("select count(*) from dues where due_at is not null and due_at <= $1")
            .bind(micros(now))
            .fetch_one(self.readers())
            .await?;
        Ok(count.unsigned_abs())
    }
}

/// What is to be done about what is due, as it was read.
struct Planned {
    plans: Vec<Plan>,
    specs: HashMap<MonitorId, MonitorSpec>,
    /// How many rows were due.
    due: usize,
    /// Whether there may be more rows.
    more: bool,
}

impl Planned {
    /// What came of it, once these were taken.
    fn claims(self, taken: &HashSet<MonitorId>) -> Claims {
        let Planned { plans, mut specs, due, more } = self;
        let mut claims = Claims { more: more || taken.len() < due, ..Claims::default() };
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
        claims
    }
}

/// Plans what is due since `from`. Where claims have an end that others go by, the rows are kept for this transaction, and the
/// present is reckoned when they are there: `asked` is when it was the request's.
async fn planned(
    connection: &mut DbConnection,
    request: &ClaimRequest,
    from: i64,
    margin: Duration,
    asked: Option<Instant>,
) -> Result<Planned, StoreError> {
    // Scripts and what runs left may be long, and often there is no place to run any: they are read only of what will be run.
    // A row that is kept for a server is written to say so.
    let limit = match asked {
        None => request.limit,
        Some(_) => request.limit.min(u32::try_from(request.places + WITHOUT_A_PLACE).unwrap_or(u32::MAX)),
    };
    let rows =
        db::query(DUE).bind(micros(request.now)).bind(i64::from(limit)).bind(from).fetch_all(&mut *connection).await?;
    let waited = asked.and_then(|asked| SignedDuration::try_from(asked.elapsed()).ok()).unwrap_or_default();
    let request = &ClaimRequest {
        now: request.now.saturating_add(waited).unwrap_or(request.now),
        ..ClaimRequest::clone(request)
    };
    let mut plans = Vec::with_capacity(rows.len());
    let mut places = request.places;
    for row in &rows {
        let plan = plan(row, request, margin)?;
        let runs = matches!(plan.action, Action::Run(_));
        if runs && places == 0 {
            continue;
        }
        places -= usize::from(runs);
        plans.push(plan);
    }
    let specs = specs(connection, &mut plans).await?;
    join_gaps(connection, &mut plans).await?;
    Ok(Planned { plans, specs, due: rows.len(), more: rows.len() as u32 >= limit })
}

/// What is to be run by `plans`, as it was when they were made: one that was edited since is looked at anew, one that
/// cannot be read is set aside. What the last run left is read here, when the rows are kept: a run that was being recorded until
/// then is the last one.
async fn specs(
    connection: &mut DbConnection,
    plans: &mut Vec<Plan>,
) -> Result<HashMap<MonitorId, MonitorSpec>, StoreError> {
    let runs = plans.iter().filter(|plan| matches!(plan.action, Action::Run(_)));
    let ids = ids_text(runs.map(|plan| plan.monitor_id));
    if ids == "[]" {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select m.*, s.monitor_id as state_of, s.last_run_at, s.last_message, s.last_value, {LAST_STATE} as last_state
         from monitors m left join states s on s.monitor_id = m.id where m.deleted_at is null and m.id {}",
        sql_pieces::among("$1")
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    let mut read = HashMap::with_capacity(rows.len());
    for row in &rows {
        let what = match row.int_or_none("state_of")? {
            Some(_) => field_columns::read(row).and_then(|spec| Ok((spec, last_run(row)?))).map_err(unreadable),
            // Who tidies up makes it anew.
            None => Err("its state is not in the database".to_owned()),
        };
        read.insert(MonitorId(row.int("id")?), (row.int("version")?, what));
    }
    let mut specs = HashMap::with_capacity(read.len());
    plans.retain_mut(|plan| {
        let Action::Run(due) = &mut plan.action else { return true };
        match read.remove(&plan.monitor_id) {
            Some((version, what)) if version == plan.version => {
                match what {
                    Ok((spec, previous)) => {
                        due.previous = previous;
                        specs.insert(plan.monitor_id, spec);
                    }
                    Err(fault) => plan.set_aside(fault),
                }
                true
            }
            _ => false,
        }
    });
    Ok(specs)
}

/// What the last recorded run left, of a row of [`specs`].
fn last_run(row: &DbRow) -> Result<Option<PreviousRun>, StoreError> {
    let Some(at) = row.at_or_none("last_run_at")? else { return Ok(None) };
    Ok(Some(PreviousRun {
        state: row.state("last_state")?,
        return_value: row.value("last_value")?,
        message: row.text_or_none("last_message")?.unwrap_or_default(),
        at,
    }))
}

/// Where ticks without a run follow those of a monitor's newest gap, that gap becomes longer.
async fn join_gaps(connection: &mut DbConnection, plans: &mut [Plan]) -> Result<(), StoreError> {
    let ids = ids_text(plans.iter().filter(|plan| !plan.gaps.is_empty()).map(|plan| plan.monitor_id));
    if ids == "[]" {
        return Ok(());
    }
    let newest = newest_gaps(connection, &ids).await?;
    for plan in plans {
        if let (Some((id, before)), Some(gap)) = (newest.get(&plan.monitor_id), plan.gaps.first())
            && plan.follows(before, gap)
        {
            plan.extends = Some(*id);
        }
    }
    Ok(())
}
