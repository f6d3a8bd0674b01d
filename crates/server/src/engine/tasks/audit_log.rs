//! Writes the audit elsewhere, too: each row at least once, after its commit, in the order of their ids.
//!
//! A row is noted as unwritten in the transaction that makes it, by whichever process that is, and the note is taken away
//! after it was written. A server that is killed between the two writes it again.

use std::{io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};

use crate::{
    audit_log::AuditLog,
    engine::{
        Shared,
        driver::{Failed, Next, Task},
    },
};

/// Rows of one piece.
const PIECE: u32 = 500;

/// How long a place that cannot be written to is left alone.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(5);

/// How long whoever reads the other end of a pipe may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The task.
pub(in crate::engine) struct WriteAuditLog {
    shared: Arc<Shared>,
    log: AuditLog,
    going_on: Mutex<Option<Writing>>,
}

/// A piece that is being written.
struct Writing {
    /// Its rows.
    ids: Vec<i64>,
    done: JoinHandle<io::Result<()>>,
}

impl WriteAuditLog {
    pub(in crate::engine) fn new(shared: Arc<Shared>, log: AuditLog) -> WriteAuditLog {
        WriteAuditLog { shared, log, going_on: Mutex::new(None) }
    }

    async fn piece(&self) -> Result<Next, Failed> {
        let store = &self.shared.store;
        let failed = |error: &dyn std::error::Error| Failed::new("cannot write the audit's log", error, AFTER_FAULT);
        let mut going_on = self.going_on.lock().await;
        if going_on.is_none() {
            let rows = store.unlogged(PIECE).await.map_err(|error| failed(&error))?;
            if rows.is_empty() {
                return Ok(Next::Idle);
            }
            let mut lines = String::new();
            for row in &rows {
                lines.push_str(&serde_json::to_string(row).map_err(|error| failed(&error))?);
                lines.push('\n');
            }
            let ids = rows.iter().map(|row| row.id).collect();
            // A pipe that nobody reads must not hold up a thread that others need.
            let log = self.log.clone();
            *going_on = Some(Writing { ids, done: tokio::task::spawn_blocking(move || log.write(&lines)) });
        }
        let Some(Writing { ids, done }) = going_on.as_mut() else { return Ok(Next::Now) };
        let written = timeout(PATIENCE, done).await.map_err(|_| Failed {
            words: format!("cannot write the audit's log: {} does not take it", self.log.words()),
            pause: AFTER_FAULT,
        })?;
        let ids = std::mem::take(ids);
        *going_on = None;
        written.map_err(|error| failed(&error))?.map_err(|error| Failed {
            words: format!("cannot write the audit's log to {}: {error}", self.log.words()),
            pause: AFTER_FAULT,
        })?;
        store.logged(&ids).await.map_err(|error| failed(&error))?;
        Ok(if ids.len() == PIECE as usize { Next::Now } else { Next::Idle })
    }
}

impl Task for WriteAuditLog {
    fn name(&self) -> String {
        "audit_log".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(self.piece())
    }
}
