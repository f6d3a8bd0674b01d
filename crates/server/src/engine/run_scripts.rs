//! The seam between the engine and what runs scripts, so that tests can put their own runner there; and what of the store
//! runs may see.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use revere_model::MonitorId;
use revere_sandbox::{Outcome, Previous};

use crate::{
    runner::{MOST_RUNS, MOST_TEXT_BYTES, PastFault, PastRun, PastRuns, Runner, Script},
    store::{PreviousRun, SeriesPoint, Store, TooMuch},
};

/// The run could not be made: our fault, which says nothing about what the script watches.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RunFault {
    /// What happened.
    pub message: String,
}

/// Runs scripts.
pub trait RunScripts: Send + Sync {
    /// Runs one. Dropping the future ends the run.
    fn run(&self, script: Script) -> BoxFuture<'static, Result<Outcome, RunFault>>;
}

impl RunScripts for Runner {
    fn run(&self, script: Script) -> BoxFuture<'static, Result<Outcome, RunFault>> {
        let runner = self.clone();
        Box::pin(
            async move { Runner::run(&runner, script).await.map_err(|error| RunFault { message: error.to_string() }) },
        )
    }
}

impl PastRuns for Store {
    fn past_runs(
        &self,
        monitor: MonitorId,
        since: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'static, Result<Vec<PastRun>, PastFault>> {
        let store = self.clone();
        let reading = async move {
            let points = store.past_values(monitor, since, until, MOST_RUNS, MOST_TEXT_BYTES).await;
            let points = points.map_err(|error| PastFault::Ours(error.to_string()))?.map_err(|cut| match cut {
                TooMuch::Runs => PastFault::TooMany,
                TooMuch::Text => PastFault::TooLarge,
            })?;
            let run = |SeriesPoint { at, state, value }| PastRun { at, state, return_value: value };
            Ok(points.into_iter().map(run).collect())
        };
        Box::pin(reading)
    }
}

/// As a script sees it.
impl From<PreviousRun> for Previous {
    fn from(run: PreviousRun) -> Previous {
        let PreviousRun { state, return_value, message, at } = run;
        Previous { state, return_value, message, at }
    }
}
