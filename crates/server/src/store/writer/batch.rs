//! What is done in one transaction: results of runs together, by few statements of many rows, and any other work in a
//! savepoint of its own, so that a refused piece does not take its neighbours along.

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use futures_util::{FutureExt, future::BoxFuture};
use revere_model::MonitorId;

use super::queue::{Answer, Operation, Work};
use crate::{
    error_words,
    store::{
        StoreError,
        claiming::results::{self, Committed, RunResult},
        columns::ids_text,
        database::{self as db, DbConnection, Engine, sql_pieces},
        postgres::commits::Transaction,
    },
};

/// What was done in the open transaction, to be answered after its commit.
#[derive(Default)]
pub(super) struct Done {
    results: Vec<(Answer<Committed>, Result<Committed, StoreError>)>,
    others: Vec<(Box<dyn Operation>, Result<(), StoreError>)>,
    /// Not begun, because the transaction had to be ended.
    unwritten: Vec<Work>,
    /// What the open transaction is known by, if it is not the one that this was begun in.
    pub(super) anew: Option<Option<Transaction>>,
}

impl Done {
    /// How many pieces of work were done.
    pub(super) fn len(&self) -> usize {
        self.results.len() + self.others.len()
    }

    /// Answers everyone: with what came of their work, or with the fault that took all of it back.
    pub(super) fn answer(self, fault: Option<StoreError>) {
        let fault = &fault;
        for (answer, result) in self.results {
            let _ = answer.send(fault.clone().map_or(result, Err));
        }
        for (operation, outcome) in self.others {
            operation.answer(fault.clone().map_or(outcome, Err));
        }
        for work in self.unwritten {
            let error = fault.clone().unwrap_or_else(|| StoreError::internal("work was left over"));
            match work {
                Work::Result(_, answer) => drop(answer.send(Err(error))),
                Work::Other(operation) => operation.answer(Err(error)),
            }
        }
    }
}

/// Does `work` in the open transaction. An error that passes says that nothing of it was kept.
pub(super) async fn write(connection: &mut DbConnection, work: Vec<Work>) -> (Done, Result<(), StoreError>) {
    let (results, others): (Vec<Work>, Vec<Work>) = work.into_iter().partition(|work| matches!(work, Work::Result(..)));
    let alone = results.len() + others.len() == 1;
    let mut done = Done::default();
    if let Err(error) = keep_in_order(connection, kept_by_several(&results, &others)).await {
        done.unwritten.extend(results.into_iter().chain(others));
        return (done, Err(error));
    }
    let written = match write_results(connection, results, others.is_empty(), &mut done).await {
        Ok(()) => write_others(connection, others, alone, &mut done).await,
        Err(error) => {
            done.unwritten.extend(others);
            Err(error)
        }
    };
    (done, written)
}

/// The monitors whose rows are kept by several of these pieces of work; none where there is no more than one piece that keeps any.
fn kept_by_several(results: &[Work], others: &[Work]) -> BTreeSet<MonitorId> {
    let mut ids = BTreeSet::new();
    let mut pieces = usize::from(!results.is_empty());
    for work in others {
        if let Work::Other(operation) = work {
            ids.extend(operation.monitors());
            pieces += usize::from(!operation.monitors().is_empty());
        }
    }
    if ids.is_empty() || pieces < 2 {
        return BTreeSet::new();
    }
    for work in results {
        if let Work::Result(result, _) = work {
            ids.insert(result.monitor_id);
        }
    }
    ids
}

/// Keeps the rows of these monitors in `states` and `dues` in the order of their ids. Each piece of work keeps its own in that
/// order, but two servers with the same monitors in other pieces would wait for each other until the database ends one of them.
/// Where nobody else writes, there is no need.
async fn keep_in_order(connection: &mut DbConnection, ids: BTreeSet<MonitorId>) -> Result<(), StoreError> {
    if ids.is_empty() || !matches!(connection.engine(), Engine::Postgres(_)) {
        return Ok(());
    }
    let sql = format!(
        "select s.monitor_id from states s join dues d on d.monitor_id = s.monitor_id where s.monitor_id {} {}",
        sql_pieces::among("$1"),
        sql_pieces::KEEPING_THE_STATES
    );
    let _: Vec<i64> =
        db::query_scalar(db::AssertSqlSafe(sql)).bind(ids_text(ids.into_iter())).fetch_all(connection).await?;
    Ok(())
}

/// Writes results of runs together; `alone`, if nothing else is in the transaction. Should one be refused, each is written by
/// itself, to refuse only that one.
async fn write_results(
    connection: &mut DbConnection,
    work: Vec<Work>,
    alone: bool,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut asked = Vec::with_capacity(work.len());
    for item in work {
        if let Work::Result(result, answer) = item {
            asked.push((result, answer));
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let all: Vec<&RunResult> = asked.iter().map(|(result, _)| &**result).collect();
    let recorded = match alone {
        true => record_alone(connection, &all, done).await,
        false => record_in_savepoint(connection, &all).await,
    };
    let mut answers = match recorded {
        Ok(committed) => Ok(committed.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) if error.is_passing() => Err(error),
        Err(_) => {
            let mut answers = Vec::with_capacity(all.len());
            let mut fault = None;
            for one in &all {
                match record_in_savepoint(connection, std::slice::from_ref(one)).await {
                    Ok(mut committed) => {
                        answers.push(committed.pop().ok_or_else(|| StoreError::internal("a result without an answer")));
                    }
                    Err(error) if error.is_passing() => {
                        fault = Some(error);
                        break;
                    }
                    Err(error) => answers.push(Err(error)),
                }
            }
            fault.map_or(Ok(answers), Err)
        }
    };
    match &mut answers {
        Ok(answers) => {
            done.results.extend(asked.into_iter().map(|(_, answer)| answer).zip(answers.drain(..)));
            Ok(())
        }
        Err(error) => {
            done.unwritten.extend(asked.into_iter().map(|(result, answer)| Work::Result(result, answer)));
            Err(error.clone())
        }
    }
}

async fn write_others(
    connection: &mut DbConnection,
    work: Vec<Work>,
    alone: bool,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut work = work.into_iter();
    while let Some(item) = work.next() {
        let Work::Other(mut operation) = item else { continue };
        let outcome = write_other(connection, &mut *operation, alone, done).await;
        let fault = outcome.as_ref().err().filter(|error| error.is_passing()).cloned();
        done.others.push((operation, outcome));
        if let Some(fault) = fault {
            done.unwritten.extend(work);
            return Err(fault);
        }
    }
    Ok(())
}

async fn write_other(
    connection: &mut DbConnection,
    operation: &mut dyn Operation,
    alone: bool,
    done: &mut Done,
) -> Result<(), StoreError> {
    if !alone {
        begin_piece(connection).await?;
        let outcome = run_caught(operation.run(connection)).await;
        return end_piece(connection, outcome).await;
    }
    // As with results.
    let outcome = run_caught(operation.run(connection)).await;
    begin_anew_if_refused(connection, &outcome, done).await?;
    outcome
}

/// Nothing else is in the transaction: a savepoint would only cost. If it is refused, the whole is taken back.
async fn record_alone(
    connection: &mut DbConnection,
    all: &[&RunResult],
    done: &mut Done,
) -> Result<Vec<Committed>, StoreError> {
    let outcome = run_caught(Box::pin(results::record(connection, all))).await;
    begin_anew_if_refused(connection, &outcome, done).await?;
    outcome
}

async fn begin_anew_if_refused<T>(
    connection: &mut DbConnection,
    outcome: &Result<T, StoreError>,
    done: &mut Done,
) -> Result<(), StoreError> {
    if outcome.as_ref().is_err_and(|error| !error.is_passing()) {
        db::query("rollback").execute(&mut *connection).await?;
        done.anew = Some(connection.begin().await?);
    }
    Ok(())
}

async fn record_in_savepoint(connection: &mut DbConnection, all: &[&RunResult]) -> Result<Vec<Committed>, StoreError> {
    begin_piece(connection).await?;
    let outcome = run_caught(Box::pin(results::record(connection, all))).await;
    end_piece(connection, outcome).await
}

async fn begin_piece(connection: &mut DbConnection) -> Result<(), StoreError> {
    db::query("savepoint piece").execute(connection).await?;
    Ok(())
}

/// Keeps or takes back what was done since [`begin_piece`]. After a passing fault the whole transaction is lost anyway.
async fn end_piece<T>(connection: &mut DbConnection, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
    match &outcome {
        Err(error) if error.is_passing() => return outcome,
        Err(_) => {
            db::query("rollback to piece").execute(&mut *connection).await?;
        }
        Ok(_) => {}
    }
    db::query("release piece").execute(connection).await?;
    outcome
}

/// A panic in one piece of work is that piece's fault; the writer lives.
async fn run_caught<T>(work: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let words = error_words::of_panic(&*panic);
        tracing::error!(%words, "a write panicked");
        Err(StoreError::internal(format!("a write panicked: {words}")))
    })
}
