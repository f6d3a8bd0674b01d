//! Sources against the real services, and against servers that misbehave as no proper one does.

mod columns;
mod command;
mod database_impostors;
mod database_log_ins;
mod database_tls;
mod docs;
mod every_kind;
mod examples;
mod faults;
mod graphite;
mod http;
mod http2;
mod mysql;
mod names;
mod outages;
mod plugin;
mod postgres;
mod postgres_sessions;
mod postgres_types;
mod prometheus;
mod samples;
mod scripts;
pub(crate) mod server;
mod services;
mod sqlalchemy;
mod sqlite;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use revere::{
    building::{self, BuildContext},
    outbound::Outbound,
    redact::Secrets,
    sources::{self, Call, Source, SourceFault, Value},
};
use serde_json::json;

use crate::support::{PATIENCE, eventually};

/// One configured source, named `src`.
struct Asked {
    source: Arc<dyn Source>,
    deadline: Duration,
    answer_bytes: usize,
    now: jiff::Timestamp,
}

fn source(kind: &str, config: serde_json::Value) -> Asked {
    source_in(kind, config, Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// A source whose relative paths count from `folder`.
fn source_in(kind: &str, config: serde_json::Value, folder: &Path) -> Asked {
    let entry = json!({"src": {"type": kind, "description": "under test", "config": config}});
    let (entries, faults) = building::read_entries("REVERE_SOURCES", &entry);
    assert_eq!(faults, []);
    let secrets = Secrets::default();
    let outbound = Outbound::new(secrets.clone());
    let context = BuildContext { folder: folder.to_owned(), secrets, outbound };
    let (mut built, faults): (BTreeMap<_, _>, _) = sources::build_all(&entries, &context);
    assert_eq!(faults, []);
    let now = "2026-07-01T12:00:00Z".parse().unwrap();
    Asked { source: built.remove("src").unwrap(), deadline: PATIENCE, answer_bytes: 32 << 20, now }
}

impl Asked {
    async fn call<const N: usize>(&self, method: &str, args: [Value; N]) -> Result<Value, SourceFault> {
        self.call_with(method, args, []).await
    }

    async fn call_with<const N: usize, const M: usize>(
        &self,
        method: &str,
        args: [Value; N],
        kwargs: [(&str, Value); M],
    ) -> Result<Value, SourceFault> {
        let call = Call {
            method: method.to_owned(),
            args: args.into(),
            kwargs: kwargs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            deadline: Instant::now() + self.deadline,
            answer_bytes: self.answer_bytes,
            now: self.now,
        };
        self.source.call(call).await
    }

    /// The answer as Python would write it.
    async fn shown<const N: usize>(&self, method: &str, args: [Value; N]) -> String {
        self.call(method, args).await.unwrap().repr(10_000)
    }

    /// What the fault says.
    async fn fails<const N: usize>(&self, method: &str, args: [Value; N]) -> String {
        said(self.call(method, args).await)
    }

    /// What is wrong with the arguments.
    async fn refuses<const N: usize>(&self, method: &str, args: [Value; N]) -> String {
        match self.call(method, args).await {
            Err(SourceFault::BadArguments(text)) => text,
            other => panic!("expected a ValueError, not {other:?}"),
        }
    }

    /// A table of a test's own, with rows, where it may write; its name.
    async fn new_table(&self, definition: &str, rows: &str) -> String {
        let name = services::unique("t");
        self.rows(&format!("create table {name} ({definition})")).await;
        if !rows.is_empty() {
            self.rows(&format!("insert into {name} values {rows}")).await;
        }
        name
    }

    /// The rows of a statement, as Python would write them.
    async fn rows(&self, sql: &str) -> String {
        self.shown("execute", [text(sql)]).await
    }
}

/// What the fault says that came of a call.
fn said(answer: Result<Value, SourceFault>) -> String {
    match answer {
        Err(SourceFault::Failed(text) | SourceFault::Unavailable(text)) => text,
        other => panic!("expected a SourceError, not {other:?}"),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::List(items.into())
}

fn dict<const N: usize>(items: [(&str, Value); N]) -> Value {
    Value::Dict(items.into_iter().map(|(name, value)| (text(name), value)).collect())
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}
