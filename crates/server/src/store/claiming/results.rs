//! Records results of runs: the run, the state, the flip and what is owed for it, in one transaction.
//!
//! The result of a claimed tick counts only if the attempt is still in force: a tick that was handed back meanwhile, or
//! claimed again by another server, is not recorded twice.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use revere_model::{Flip, MonitorId, Run, RunId, Severity, State, run_in_outage};

pub use super::run_result::{Committed, RunResult};
use super::{
    new_runs::{self, NewRun},
    subjects::{Subject, subjects, take},
};
use crate::store::{
    Store, StoreError,
    audit::{self, AuditEntry},
    columns::{ids_text, micros},
    database::{DbConnection, run_ids},
    telling::{
        mutes::held,
        outages::{self, Met, Outages},
        record_flips::{self, Cause, NewFlip},
    },
};

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
    use revere_model::RunKind;

    use super::*;
    use crate::store::{
        telling::outages::SourcesMet,
        test_store::{moved_by_another, with_a_claim},
    };

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
            ("update dues set attempt = attempt + 1", &result),
            ("update dues set claimed_by = null", &result),
            ("update states set state = 'ERROR'", &by_hand),
            ("update states set failing_streak = 7", &by_hand),
            ("update states set recent_failures = 6", &by_hand),
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
