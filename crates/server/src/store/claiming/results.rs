//! Records results of runs: the run, the state, the flip and what is owed for it, in one transaction.
//!
//! The result of a claimed tick counts only if the attempt is still in force: a tick that was handed back meanwhile, or
//! claimed again by another server, is not recorded twice.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use revere_model::{
    Flip, MonitorId, OutageId, OutageRules, ReturnValue, Rules, Run, RunId, RunKind, Severity, State, Status, Waits,
    run_in_outage,
};

use crate::store::{
    RecordedFlip, Store, StoreError,
    audit::{self, AuditEntry},
    claiming::new_runs::{self, NewRun},
    columns::{Columns, ids_text, micros, value_text, word},
    database::{self as db, DbConnection, run_ids, sql_pieces},
    many_rows::in_pieces,
    monitors::records,
    telling::{
        mutes::held,
        outages::{self, Met, Outages, SourcesMet},
        record_flips::{self, Cause, NewFlip},
    },
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
    /// How severe the run says the problem is; `None` where it does not say, or found none.
    pub severity: Option<Severity>,
    /// What people read.
    pub message: String,
    /// What the script left in `return_value`.
    pub return_value: Option<ReturnValue>,
    /// What the script left in `threshold`.
    pub threshold: Option<f64>,
    /// What it printed.
    pub output: String,
    /// Its traceback.
    pub traceback: Option<String>,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// Which script it was.
    pub script_version: String,
    /// What it showed of the sources that it asked.
    pub sources: SourcesMet,
    /// For a run at someone's word: the row of the audit that is written with it.
    pub entry: Option<Box<AuditEntry>>,
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
    pub async fn commit_run(&self, mut result: RunResult) -> Result<Committed, StoreError> {
        if let Some(entry) = &mut result.entry {
            self.0.audit.prepare(entry);
        }
        let entry = result.entry.clone();
        let committed = self.0.queue.record(result).await?;
        if let (Committed::Recorded { .. }, Some(entry)) = (&committed, entry) {
            self.say(&entry);
        }
        Ok(match committed {
            Committed::Recorded { flip: Some(_), .. } => self.0.counted.changed(committed),
            committed => committed,
        })
    }
}

/// A monitor while results are applied to it.
struct Subject {
    /// As it was read: what [`take`] compares.
    was: Status,
    version: i64,
    status: Status,
    rules: Rules,
    outage_rules: OutageRules,
    /// How it stands to an outage, as it was read and as it is.
    waited: Option<(OutageId, Waits)>,
    waits: Option<(OutageId, Waits)>,
    attempt: i64,
    claimed: bool,
    /// The last result that was applied, by its place in the list.
    last: Option<usize>,
    /// The attempt whose result was applied, if one was a claimed tick's.
    settles: Option<i64>,
}

/// A result that is to be recorded, and what it does to its monitor.
struct Applied {
    place: usize,
    old_state: State,
    new_state: State,
    /// How severe what the run found is.
    severity: Option<Severity>,
    flip: Option<Flip>,
    met: Met,
}

/// How often a monitor is looked at anew that another writer changed between being read and being written.
const ROUNDS: usize = 8;

/// Records `results`, in their order. What was read decides what becomes of a monitor; whether it still is so, the statement
/// that writes it compares ([`take`]), and it comes before anything else is written: a result whose claim was lost, here
/// or there, leaves nothing behind.
pub(in crate::store) async fn record(
    connection: &mut DbConnection,
    results: &[&RunResult],
) -> Result<Vec<Committed>, StoreError> {
    let mut answers: Vec<Option<Committed>> = vec![None; results.len()];
    for _ in 0..ROUNDS {
        let open: Vec<usize> = (0..results.len()).filter(|place| answers[*place].is_none()).collect();
        let ids = open.iter().map(|place| results[*place].monitor_id).collect::<HashSet<_>>();
        let mut subjects = subjects(connection, &ids_text(ids.into_iter())).await?;
        let waited_for = subjects.values().filter_map(|subject| subject.waited).map(|(outage, _)| outage);
        let mut outages = Outages::read(connection, waited_for, open.iter().map(|place| results[*place])).await?;
        let mut applied = Vec::with_capacity(open.len());
        for place in open {
            match apply(place, results[place], &mut subjects, &mut outages) {
                Ok(one) => applied.push(one),
                Err(refused) => answers[place] = Some(refused),
            }
        }
        let taken = take(connection, results, &subjects).await?;
        applied.retain(|one| taken.contains(&results[one.place].monitor_id));
        write_outages(connection, results, &applied, &subjects).await?;
        keep(connection, results, &applied, &mut answers).await?;
        if answers.iter().all(Option::is_some) {
            return Ok(answers.into_iter().flatten().collect());
        }
    }
    Err(StoreError::Busy { retry_after: Duration::from_secs(1) })
}

/// What a result does to its monitor as it was read; or why it is not recorded.
fn apply(
    place: usize,
    result: &RunResult,
    subjects: &mut HashMap<MonitorId, Subject>,
    outages: &mut Outages,
) -> Result<Applied, Committed> {
    let subject = subjects.get_mut(&result.monitor_id).ok_or(Committed::Gone)?;
    if let Some(attempt) = result.attempt {
        if attempt != subject.attempt || !subject.claimed {
            return Err(Committed::Superseded);
        }
        subject.claimed = false;
        subject.settles = Some(attempt);
    }
    let old_state = subject.status.state;
    let ends = outages.ended_by(result);
    let is = run_in_outage(
        &subject.status,
        subject.waits.map(|(_, waits)| waits),
        outages.found(subject.waits, result),
        (result.outcome, result.severity),
        result.finished_at,
        &subject.rules,
        subject.outage_rules,
    );
    let (waits, met) = outages.note(subject.waits, result, &is, ends);
    (subject.status, subject.waits) = (is.transition.status, waits);
    subject.last = Some(place);
    let severity = subject.rules.severity_of(result.outcome, result.severity);
    Ok(Applied { place, old_state, new_state: subject.status.state, severity, flip: is.transition.flip, met })
}

/// Writes what results that were taken did to outages of sources.
async fn write_outages(
    connection: &mut DbConnection,
    results: &[&RunResult],
    applied: &[Applied],
    subjects: &HashMap<MonitorId, Subject>,
) -> Result<(), StoreError> {
    let taken: HashSet<MonitorId> = applied.iter().map(|one| results[one.place].monitor_id).collect();
    let changed = subjects.iter().filter(|(id, subject)| taken.contains(id) && subject.waits != subject.waited);
    let mut waits: Vec<_> = changed.map(|(id, subject)| (*id, subject.waits)).collect();
    waits.sort_unstable_by_key(|(id, _)| *id);
    outages::write(connection, applied.iter().map(|one| &one.met), &waits).await
}

/// Writes the runs of results that were taken, their flips, and what is owed for those; answers each.
async fn keep(
    connection: &mut DbConnection,
    results: &[&RunResult],
    applied: &[Applied],
    answers: &mut [Option<Committed>],
) -> Result<(), StoreError> {
    if applied.is_empty() {
        return Ok(());
    }
    let ids = run_ids::reserve(connection, applied.len()).await?;
    let mut new_runs = Vec::with_capacity(applied.len());
    let mut flips: Vec<(usize, NewFlip<'_>)> = Vec::new();
    for (id, one) in ids.into_iter().zip(applied) {
        let result = results[one.place];
        let run = new_run(result, RunId(id), one);
        answers[one.place] = Some(Committed::Recorded { run: Box::new(kept(&run)), flip: None, owed: Vec::new() });
        if let Some(flip) = one.flip {
            let cause = Cause::Run(run.id, result.tick_at, result.started_at);
            let (monitor_id, at) = (result.monitor_id, result.finished_at);
            let return_value = result.return_value.as_ref();
            let (by_source, waits) = (one.met.by_source.as_deref(), one.met.holds);
            let message = &result.message;
            let new = NewFlip { monitor_id, at, flip, message, return_value, cause, by_source, waits };
            flips.push((one.place, new));
        }
        if let Some(entry) = &result.entry {
            let entry = AuditEntry::clone(entry).saying("run", id).saying("outcome", result.outcome.as_str());
            audit::insert(connection, &entry).await?;
        }
        new_runs.push(run);
    }
    new_runs::insert(connection, &new_runs).await?;
    for (place, flipped) in record_in_rounds(connection, flips).await? {
        if let Some(Committed::Recorded { flip, owed, .. }) = &mut answers[place] {
            *flip = Some(Box::new(flipped.flip));
            *owed = flipped.owed;
        }
    }
    for one in applied.iter().filter(|one| one.met.lets_go) {
        let result = results[one.place];
        let let_go = held::let_go_of_monitor(connection, result.monitor_id, result.finished_at).await?;
        if let Some(Committed::Recorded { owed, .. }) = &mut answers[one.place] {
            owed.extend(let_go);
        }
    }
    Ok(())
}

/// A monitor may have flipped twice among results that waited together; what is told then goes flip by flip.
async fn record_in_rounds(
    connection: &mut DbConnection,
    mut flips: Vec<(usize, NewFlip<'_>)>,
) -> Result<Vec<(usize, record_flips::Flipped)>, StoreError> {
    let mut recorded = Vec::with_capacity(flips.len());
    while !flips.is_empty() {
        let mut seen = HashSet::new();
        let (round, rest): (Vec<_>, Vec<_>) = flips.into_iter().partition(|(_, flip)| seen.insert(flip.monitor_id));
        flips = rest;
        let (places, round): (Vec<_>, Vec<_>) = round.into_iter().unzip();
        let now = round.iter().map(|flip| flip.at).max().expect("a round has at least one flip");
        recorded.extend(places.into_iter().zip(record_flips::record_flips(connection, &round, now).await?));
    }
    Ok(recorded)
}

/// Reads the monitors, and keeps their statuses for this transaction: what changes a monitor changes its status too, so whatever
/// of that was waited for here is seen by [`take`], a later statement.
async fn subjects(connection: &mut DbConnection, ids: &str) -> Result<HashMap<MonitorId, Subject>, StoreError> {
    let sql = format!(
        "select s.monitor_id, s.state, s.state_since, s.failing_streak, s.passing_streak, s.recent_failures, s.attempt,
             s.severity, s.outage_id, s.waits, s.claimed_by is not null as claimed, m.version, m.active, m.alarm_after,
             m.alarm_window, m.recover_after, m.default_severity, m.state_in_outage, m.told_in_outage
         from statuses s join monitors m on m.id = s.monitor_id
         where m.deleted_at is null and s.monitor_id in {} {}",
        sql_pieces::ids_of("$1"),
        sql_pieces::KEEPING_THE_STATUSES
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let rules = Rules {
                active: row.flag("active")?,
                alarm_after: row.number("alarm_after")?,
                alarm_window: row.int_or_none("alarm_window")?.map(|runs| u32::try_from(runs).unwrap_or(0)),
                recover_after: row.number("recover_after")?,
                default_severity: word(&row.text("default_severity")?)?,
            };
            let outage_rules =
                OutageRules { state: word(&row.text("state_in_outage")?)?, told: row.flag("told_in_outage")? };
            let waits = row.text_or_none("waits")?.map(|waits| word(&waits)).transpose()?;
            let waited = row.int_or_none("outage_id")?.map(OutageId).zip(waits);
            let status = records::status(row)?;
            let subject = Subject {
                was: status,
                version: row.int("version")?,
                status,
                rules,
                outage_rules,
                waited,
                waits: waited,
                attempt: row.int("attempt")?,
                claimed: row.flag("claimed")?,
                last: None,
                settles: None,
            };
            Ok((MonitorId(row.int("monitor_id")?), subject))
        })
        .collect()
}

/// Writes what results did to their monitors, where a monitor is still as it was read and the claim that a result settles
/// is still in force; answers which. A result that settles a claim also proves that no fault of ours stands in the way
/// any more.
async fn take(
    connection: &mut DbConnection,
    results: &[&RunResult],
    subjects: &HashMap<MonitorId, Subject>,
) -> Result<HashSet<MonitorId>, StoreError> {
    let mut touched: Vec<(MonitorId, &Subject, &RunResult)> =
        subjects.iter().filter_map(|(id, subject)| Some((*id, subject, results[subject.last?]))).collect();
    // Always in the same order, so that two writers never wait for each other.
    touched.sort_unstable_by_key(|(id, ..)| *id);
    let mut taken = HashSet::with_capacity(touched.len());
    for piece in in_pieces(connection, &touched) {
        let sql = format!(
            "with result (id, attempt, version, was, was_failing, was_passing, was_recent, state, since, failing, passing, \
                 recent, run_at, message, value, severity) as ({})
             update statuses set state = result.state, state_since = result.since, failing_streak = result.failing,
                 passing_streak = result.passing, recent_failures = result.recent, last_run_at = result.run_at, last_message = result.message,
                 last_value = result.value, severity = result.severity,
                 claimed_by = case when result.attempt is null then claimed_by end,
                 claimed_tick_at = case when result.attempt is null then claimed_tick_at end,
                 lease_until = case when result.attempt is null then lease_until end,
                 fault = case when result.attempt is null then fault end,
                 fault_count = case when result.attempt is null then fault_count else 0 end
             from result join monitors m on m.id = result.id
             where statuses.monitor_id = result.id
                 and (result.attempt is null
                     or (statuses.attempt = result.attempt and statuses.claimed_by is not null))
                 and statuses.state = result.was and statuses.failing_streak = result.was_failing
                 and statuses.passing_streak = result.was_passing and statuses.recent_failures = result.was_recent
                 and m.version = result.version and m.deleted_at is null
             returning statuses.monitor_id",
            sql_pieces::rows(piece.len(), &TYPES)
        );
        let mut query = db::query_scalar(db::AssertSqlSafe(sql));
        for (id, subject, result) in piece {
            query = query
                .bind(id.0)
                .bind(subject.settles)
                .bind(subject.version)
                .bind(subject.was.state.as_str())
                .bind(i64::from(subject.was.failing_streak))
                .bind(i64::from(subject.was.passing_streak))
                .bind(subject.was.recent_failures.cast_signed())
                .bind(subject.status.state.as_str())
                .bind(micros(subject.status.state_since))
                .bind(i64::from(subject.status.failing_streak))
                .bind(i64::from(subject.status.passing_streak))
                .bind(subject.status.recent_failures.cast_signed())
                .bind(micros(result.started_at))
                .bind(&result.message)
                .bind(result.return_value.as_ref().map(value_text))
                .bind(subject.status.severity.map(Severity::as_str));
        }
        let ids: Vec<i64> = query.fetch_all(&mut *connection).await?;
        taken.extend(ids.into_iter().map(MonitorId));
    }
    Ok(taken)
}

/// The types of a row of [`take`].
const TYPES: [&str; 16] = [
    "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "bigint",
    "bigint", "text", "text", "text",
];

fn new_run<'a>(result: &'a RunResult, id: RunId, applied: &Applied) -> NewRun<'a> {
    NewRun {
        id,
        monitor_id: result.monitor_id,
        kind: result.kind,
        tick_at: result.tick_at,
        started_at: result.started_at,
        duration_us: i64::try_from(result.duration.as_micros()).unwrap_or(i64::MAX),
        outcome: result.outcome,
        severity: applied.severity,
        old_state: applied.old_state,
        new_state: applied.new_state,
        message: &result.message,
        return_value: result.return_value.as_ref(),
        threshold: result.threshold,
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
        severity: run.severity,
        old_state: run.old_state,
        new_state: run.new_state,
        message: run.message.to_owned(),
        return_value: run.return_value.cloned(),
        threshold: run.threshold,
        output: run.output.to_owned(),
        traceback: run.traceback.map(str::to_owned),
        seed: run.seed,
        script_version: run.script_version.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_store::{moved_by_another, with_a_claim};

    #[tokio::test]
    async fn what_another_writer_moved_after_it_was_read_is_not_taken() {
        let (_folder, _store, mut connection, claimed) = with_a_claim().await;
        let result = RunResult {
            monitor_id: claimed.monitor_id,
            attempt: Some(claimed.attempt),
            kind: claimed.kind,
            tick_at: claimed.tick_at,
            started_at: claimed.tick_at,
            finished_at: claimed.tick_at,
            duration: Duration::ZERO,
            outcome: State::Alarm,
            severity: None,
            message: String::new(),
            return_value: None,
            threshold: None,
            output: String::new(),
            traceback: None,
            seed: 7,
            script_version: "0123".repeat(8),
            sources: SourcesMet::default(),
            entry: None,
        };
        let by_hand = RunResult { attempt: None, kind: RunKind::Manual, ..result.clone() };
        let moves = [
            ("update statuses set attempt = attempt + 1", &result),
            ("update statuses set claimed_by = null", &result),
            ("update statuses set state = 'ERROR'", &by_hand),
            ("update statuses set failing_streak = 7", &by_hand),
            ("update statuses set recent_failures = 6", &by_hand),
            ("update monitors set version = version + 1", &by_hand),
            ("update monitors set deleted_at = 1", &by_hand),
        ];
        for (sql, result) in moves {
            let mut read = subjects(&mut connection, &ids_text([result.monitor_id].into_iter())).await.unwrap();
            let mut outages = Outages::read(&mut connection, [].into_iter(), [].into_iter()).await.unwrap();
            apply(0, result, &mut read, &mut outages).unwrap();
            let results = [result];
            let taken = async |connection: &mut DbConnection| take(connection, &results, &read).await.unwrap().len();
            assert_eq!(moved_by_another(&mut connection, sql, taken).await, (0, 1), "{sql}");
        }
    }
}
