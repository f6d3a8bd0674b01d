//! The seam between the engine and what runs scripts, so that tests can put their own runner there.

use futures_util::future::BoxFuture;
use revere_sandbox::{Outcome, Previous};

use crate::{
    runner::{Runner, Script},
    store::PreviousRun,
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

/// As a script sees it.
impl From<PreviousRun> for Previous {
    fn from(run: PreviousRun) -> Previous {
        let PreviousRun { state, return_value, message, at } = run;
        Previous { state, return_value, message, at }
    }
}
