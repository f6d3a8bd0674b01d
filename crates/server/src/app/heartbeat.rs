//! The heartbeat: an address that is called each minute while all is well, for whoever watches the watcher. It raises the alarm
//! when no call comes: when this server, its machine or its network is gone, when the server says of itself that it does
//! not do its work, and when another one of the same database is gone without a word.

use std::{sync::Arc, time::Duration};

use revere_model::{Actor, Clock};
use tokio_util::sync::CancellationToken;

use crate::{
    heartbeat_status::HeartbeatStatus,
    metrics::{HeartbeatResult, Metrics},
    operations::{
        Operations,
        health::{self, Health},
    },
    outbound::{Limits, Outbound, Request, Url},
};

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// So much of an answer is read.
const REPLY_BYTES: usize = 16 << 10;

/// What it is made of.
pub(super) struct Heartbeat {
    pub(super) url: Url,
    pub(super) outbound: Outbound,
    pub(super) operations: Operations,
    pub(super) status: Arc<HeartbeatStatus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
}

impl Heartbeat {
    /// Calls now, and then each minute until `stopping`.
    pub(super) async fn beat(self, stopping: CancellationToken) {
        loop {
            let began = tokio::time::Instant::now();
            if stopping.run_until_cancelled(self.once()).await.is_none() {
                return;
            }
            if stopping.run_until_cancelled(tokio::time::sleep_until(began + EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn once(&self) {
        let (result, fault) = match self.faults().await {
            Some(faults) => (HeartbeatResult::Withheld, Some(format!("not all is well: {faults}"))),
            None => match self.call().await {
                Ok(()) => (HeartbeatResult::Sent, None),
                Err(fault) => (HeartbeatResult::Failed, Some(fault)),
            },
        };
        self.metrics.heartbeat(result);
        match fault {
            None => {
                if self.status.look(self.clock.now()).is_err() {
                    tracing::info!("the heartbeat is heard again");
                }
                self.status.arrived(self.clock.now());
            }
            // Once for each trouble; /healthz says it meanwhile.
            Some(fault) => {
                let fault = self.outbound.secrets().redact(&fault).into_owned();
                if self.status.failed(fault.clone()) {
                    tracing::warn!(fault, "the heartbeat is not heard");
                }
            }
        }
    }

    /// What is wrong with this server, or with another one of the same database: where several call one address, each
    /// calls for all of them, and none hides that another one is gone.
    async fn faults(&self) -> Option<String> {
        let context = self.operations.asked_by(Actor::server());
        let looked = health::look(&context).await;
        let Health { scheduler, store, sandbox, .. } = match looked {
            Ok(health) => health,
            Err(failure) => return Some(failure.to_string()),
        };
        let mut faults: Vec<String> = [scheduler, store, sandbox].into_iter().filter_map(Result::err).collect();
        match health::missing_servers(&context).await {
            Ok(missing) => faults.extend(
                missing.iter().map(|node| format!("the server on {} said nothing since {}", node.host, node.seen_at)),
            ),
            Err(failure) => faults.push(failure.to_string()),
        }
        if faults.is_empty() { None } else { Some(faults.join("; ")) }
    }

    async fn call(&self) -> Result<(), String> {
        let request = Request::get(self.url.clone());
        let sent = self.outbound.send_for_status(request, Limits::within(PATIENCE, REPLY_BYTES)).await;
        let reply = sent.map_err(|error| error.to_string())?;
        if reply.status.is_success() { Ok(()) } else { Err(reply.status_line()) }
    }
}
