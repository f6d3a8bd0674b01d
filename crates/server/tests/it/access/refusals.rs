//! What a server in this process writes down of what it refuses, and what it says in its log.

use std::{
    cell::Cell,
    io,
    sync::{Arc, Mutex},
};

use revere::store::AuditFilter;
use revere_model::Act;
use tracing_subscriber::fmt::MakeWriter;

use crate::{api::server::Server, support::eventually};

/// The refusals of log-ins in the audit, one after the other.
#[derive(Default)]
pub(super) struct Refusals(Cell<i64>);

impl Refusals {
    /// Why the next one was refused. It is written behind the answer.
    pub(super) async fn why(&self, server: &Server) -> String {
        let filter = AuditFilter { acts: vec![Act::LogInRefused], limit: 100, ..AuditFilter::default() };
        let next = async || {
            let (rows, _) = server.store.audit(&filter, 1 << 20).await.unwrap();
            let next = rows.into_iter().rev().find(|row| row.id > self.0.get());
            next.ok_or_else(|| "no refusal was written down".to_owned())
        };
        let row = eventually("a refusal is in the audit", next).await;
        self.0.set(row.id);
        row.details["why"].as_str().unwrap().to_owned()
    }
}

/// Collects what is logged on this thread, which is all of it in a test with one thread.
pub(crate) struct Log {
    lines: Lines,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn begin() -> Log {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
        Log { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}
