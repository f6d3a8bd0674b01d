//! Records results of runs: the run, the state, the flip and what is owed for it, in one transaction.
//!
//! The result of a claimed tick counts only if the attempt is still in force: a tick that was handed back meanwhile, or
//! claimed again by another server, is not recorded twice.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, Rules, Run, RunId, RunKind, State, Status, after_run};
use sqlx::{Row as _, SqliteConnection};

use crate::store::{
    RecordedFlip, Store, StoreError,
    claiming::new_runs::{self, NewRun},
    columns::{Columns, ids_text, micros, value_text},
    many_rows::{in_shapes, placeholders},
    monitors::records,
    telling::tell::{self, Cause, NewFlip},
};

/// What a run did, to be recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResult {
    /// Whose run.
    pub monitor_id: MonitorId,
    /// The claim it was run under; `None` for a manual run, which needs none.
    pub attempt: Option<i64>,
    /// Why it happened.
    pub kind: RunKind,
    /// Its tick; for a manual run, when it was asked for.
    pub tick_at: Timestamp,
    /// When the script began: what its clock showed first.
    pub started_at: Timestamp,
    /// When its result was known: the moment a flip is dated with.
    pub finished_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// `OK`, `ALARM` or `ERROR`.
    pub outcome: State,
    /// What people read.
    pub message: String,
    /// What the script left in `return_value`.
    pub return_value: Option<ReturnValue>,
    /// What it printed.
    pub output: String,
    /// Its traceback.
    pub traceback: Option<String>,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// Which script it was.
    pub script_version: String,
}

/// What became of a result.
#[derive(Clone, PartialEq, Debug)]
pub enum Committed {
    /// It is recorded, durably.
    Recorded {
        /// As it is kept.
        run: Box<Run>,
        /// The change of state, if it made one.
        flip: Option<Box<RecordedFlip>>,
        /// The alerts that owe a delivery for it.
        owed: Vec<String>,
    },
    /// Its claim is no longer in force: the tick was handed back or claimed anew, and is accounted for there.
    Superseded,
    /// The monitor was deleted meanwhile.
    Gone,
}

impl Store {
    /// Records the result of a run; waits for a locked or full disk as long as it takes. Results that wait together
    /// share one transaction.
    pub async fn commit_run(&self, result: RunResult) -> Result<Committed, StoreError> {
        let committed = self.0.queue.record(result).await?;
        Ok(match committed {
            Committed::Recorded { flip: Some(_), .. } => self.0.counted.changed(committed),
            committed => committed,
        })
    }
}

/// A monitor while results are applied to it.
struct Subject {
    status: Status,
    rules: Rules,
    attempt: i64,
    claimed: bool,
    /// The last result that was applied, by its place in the list.
    last: Option<usize>,
    /// Whether a result was the claimed tick's.
    settles_claim: bool,
}

/// Records `results`, in their order.
pub(in crate::store) async fn record(
    connection: &mut SqliteConnection,
    results: &[&RunResult],
) -> Result<Vec<Committed>, StoreError> {
    let ids = ids_text(results.iter().map(|result| result.monitor_id).collect::<HashSet<_>>().into_iter());
    let mut subjects = subjects(connection, &ids).await?;
    let mut next_id = new_runs::next_id(connection).await?;
    let mut new_runs = Vec::with_capacity(results.len());
    let mut flips: Vec<(usize, NewFlip<'_>)> = Vec::new();
    let mut answers: Vec<Committed> = Vec::with_capacity(results.len());
    for (place, result) in results.iter().enumerate() {
        let Some(subject) = subjects.get_mut(&result.monitor_id) else {
            answers.push(Committed::Gone);
            continue;
        };
        if let Some(attempt) = result.attempt {
            if attempt != subject.attempt || !subject.claimed {
                answers.push(Committed::Superseded);
                continue;
            }
            subject.claimed = false;
            subject.settles_claim = true;
        }
        let old_state = subject.status.state;
        let transition = after_run(&subject.status, result.outcome, result.finished_at, &subject.rules);
        subject.status = transition.status;
        subject.last = Some(place);
        let run = new_run(result, RunId(next_id), old_state, subject.status.state);
        next_id += 1;
        answers.push(Committed::Recorded { run: Box::new(kept(&run)), flip: None, owed: Vec::new() });
        if let Some(flip) = transition.flip {
            let cause = Cause::Run(run.id, result.tick_at, result.started_at);
            let (monitor_id, at) = (result.monitor_id, result.finished_at);
            let return_value = result.return_value.as_ref();
            flips.push((place, NewFlip { monitor_id, at, flip, message: &result.message, return_value, cause }));
        }
        new_runs.push(run);
    }
    new_runs::insert(connection, &new_runs).await?;
    update(connection, results, &subjects).await?;
    for (place, flipped) in record_in_rounds(connection, flips).await? {
        if let Committed::Recorded { flip, owed, .. } = &mut answers[place] {
            *flip = Some(Box::new(flipped.flip));
            *owed = flipped.owed;
        }
    }
    Ok(answers)
}

/// A monitor may have flipped twice among results that waited together; what is told then goes flip by flip.
async fn record_in_rounds(
    connection: &mut SqliteConnection,
    mut flips: Vec<(usize, NewFlip<'_>)>,
) -> Result<Vec<(usize, tell::Flipped)>, StoreError> {
    let mut recorded = Vec::with_capacity(flips.len());
    while !flips.is_empty() {
        let mut seen = HashSet::new();
        let (round, rest): (Vec<_>, Vec<_>) = flips.into_iter().partition(|(_, flip)| seen.insert(flip.monitor_id));
        flips = rest;
        let (places, round): (Vec<_>, Vec<_>) = round.into_iter().unzip();
        let now = round.iter().map(|flip| flip.at).max().expect("a round has at least one flip");
        recorded.extend(places.into_iter().zip(tell::record_flips(connection, &round, now).await?));
    }
    Ok(recorded)
}

async fn subjects(connection: &mut SqliteConnection, ids: &str) -> Result<HashMap<MonitorId, Subject>, StoreError> {
    let rows = sqlx::query(
        "select s.monitor_id, s.state, s.state_since, s.failing_streak, s.passing_streak, s.attempt,
             s.claimed_by is not null as claimed, m.active, m.alarm_after, m.recover_after
         from statuses s join monitors m on m.id = s.monitor_id
         where m.deleted_at is null and s.monitor_id in (select value from json_each(?))",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let rules = Rules {
                active: row.try_get("active")?,
                alarm_after: row.try_get("alarm_after")?,
                recover_after: row.try_get("recover_after")?,
            };
            let subject = Subject {
                status: records::status(row)?,
                rules,
                attempt: row.int("attempt")?,
                claimed: row.int("claimed")? != 0,
                last: None,
                settles_claim: false,
            };
            Ok((MonitorId(row.int("monitor_id")?), subject))
        })
        .collect()
}

async fn update(
    connection: &mut SqliteConnection,
    results: &[&RunResult],
    subjects: &HashMap<MonitorId, Subject>,
) -> Result<(), StoreError> {
    let mut touched: Vec<(MonitorId, &Subject, &RunResult)> =
        subjects.iter().filter_map(|(id, subject)| Some((*id, subject, results[subject.last?]))).collect();
    touched.sort_unstable_by_key(|(id, ..)| *id);
    for piece in in_shapes(&touched) {
        // A result that settles a claim also proves that no fault of ours stands in the way any more.
        let sql = format!(
            "with new (id, state, since, failing, passing, run_at, message, value, settles) as (values {})
             update statuses set state = new.state, state_since = new.since, failing_streak = new.failing,
                 passing_streak = new.passing, last_run_at = new.run_at, last_message = new.message,
                 last_value = new.value,
                 claimed_by = case when new.settles then null else claimed_by end,
                 claimed_tick_at = case when new.settles then null else claimed_tick_at end,
                 lease_until = case when new.settles then null else lease_until end,
                 fault = case when new.settles then null else fault end,
                 fault_count = case when new.settles then 0 else fault_count end
             from new where statuses.monitor_id = new.id",
            placeholders(piece.len(), 9)
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for (id, subject, result) in piece {
            query = query
                .bind(id.0)
                .bind(subject.status.state.as_str())
                .bind(micros(subject.status.state_since))
                .bind(subject.status.failing_streak)
                .bind(subject.status.passing_streak)
                .bind(micros(result.started_at))
                .bind(&result.message)
                .bind(result.return_value.as_ref().map(value_text))
                .bind(subject.settles_claim);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn new_run<'a>(result: &'a RunResult, id: RunId, old_state: State, new_state: State) -> NewRun<'a> {
    NewRun {
        id,
        monitor_id: result.monitor_id,
        kind: result.kind,
        tick_at: result.tick_at,
        started_at: result.started_at,
        duration_us: i64::try_from(result.duration.as_micros()).unwrap_or(i64::MAX),
        outcome: result.outcome,
        old_state,
        new_state,
        message: &result.message,
        return_value: result.return_value.as_ref(),
        output: &result.output,
        traceback: result.traceback.as_deref(),
        seed: Some(result.seed),
        script_version: Some(&result.script_version),
    }
}

/// The run as a later reading will show it.
fn kept(run: &NewRun<'_>) -> Run {
    let whole_micros = |at: Timestamp| Timestamp::from_microsecond(micros(at)).unwrap_or(at);
    Run {
        id: run.id,
        monitor_id: run.monitor_id,
        kind: run.kind,
        tick_at: whole_micros(run.tick_at),
        started_at: whole_micros(run.started_at),
        duration_ms: run.duration_us as f64 / 1000.0,
        outcome: run.outcome,
        old_state: run.old_state,
        new_state: run.new_state,
        message: run.message.to_owned(),
        return_value: run.return_value.cloned(),
        output: run.output.to_owned(),
        traceback: run.traceback.map(str::to_owned),
        seed: run.seed,
        script_version: run.script_version.map(str::to_owned),
    }
}
