//! `/server`: the servers that share a database, what each does and holds, and how the database is.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp};
use revere_model::{NumberFormat, ReturnValue};

use super::{
    display::{Span, When, short_value, took},
    layout::{Layout, Place},
    page_request::PageRequest,
};
use crate::{
    operations::{
        health::Health,
        server::{self, ServerState},
    },
    store::{DatabaseFacts, KeptFor},
    web::{Problem, params::Params},
};

/// A transaction that goes on for longer keeps dead rows where claims have to walk past them.
const LONG: SignedDuration = SignedDuration::from_mins(5);

#[derive(Template)]
#[template(path = "pages/server.html")]
struct ServerPage {
    layout: Layout,
    servers: Vec<ServerRow>,
    /// Whether others may have the database as well.
    shared: bool,
    /// The versions that run beside each other, where there are several.
    versions: Option<String>,
    parts: Vec<Part>,
    database: Vec<Fact>,
    /// What is to be seen to about it.
    warning: Option<String>,
    history: Vec<(String, String)>,
    deleted_days: u32,
}

struct ServerRow {
    host: String,
    name: String,
    address: String,
    version: String,
    is_this: bool,
    is_silent: bool,
    running: Span,
    seen: When,
    runs_a_minute: u64,
    runs: u64,
    deliveries: u64,
}

/// Something about the database, short, and whole where that is longer.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fact {
    label: &'static str,
    words: String,
    whole: String,
}

/// A part of this server, and what is wrong with it.
struct Part {
    name: &'static str,
    fault: Option<String>,
    /// What to say where nothing is.
    well: &'static str,
}

/// The page.
pub(super) async fn show(request: PageRequest, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    let now = request.now();
    let report = server::look(&request.context).await?;
    let page = ServerPage {
        layout: request.layout("Servers", Place::Nowhere).await?,
        shared: report.database.oldest_transaction.is_some(),
        versions: versions(&report.servers),
        servers: report.servers.into_iter().map(|state| ServerRow::of(state, now)).collect(),
        parts: parts(report.health),
        warning: warning(&report.database),
        database: facts(&report.database),
        history: report.history.into_iter().map(kept).collect(),
        deleted_days: report.deleted_days,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

impl ServerRow {
    fn of(state: ServerState, now: Timestamp) -> ServerRow {
        let (node, holding) = (state.node, state.holding);
        ServerRow {
            host: node.host,
            name: node.name,
            address: node.address,
            version: node.version,
            is_this: state.is_this,
            is_silent: state.is_silent,
            running: Span::Since(node.started_at, now),
            seen: When { at: node.seen_at, now },
            runs_a_minute: node.runs_a_minute,
            runs: holding.runs,
            deliveries: holding.deliveries,
        }
    }
}

fn versions(servers: &[ServerState]) -> Option<String> {
    let running = servers.iter().filter(|state| !state.is_silent);
    let mut all: Vec<&str> = running.map(|state| state.node.version.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    (all.len() > 1).then(|| all.join(" and "))
}

fn parts(health: Health) -> Vec<Part> {
    let part = |name, state: Result<(), String>, well| Part { name, fault: state.err(), well };
    let mut parts = vec![
        part("Schedule", health.scheduler, "on time"),
        part("Database", health.store, "writable"),
        part("Scripts", health.sandbox, "can be run"),
    ];
    if let Some(heartbeat) = health.heartbeat {
        parts.push(part("Heartbeat", heartbeat, "sent"));
    }
    parts
}

fn facts(database: &DatabaseFacts) -> Vec<Fact> {
    let plain = |label, words| Fact { label, words, whole: String::new() };
    let mut facts = vec![
        plain("Engine", format!("{} {}", database.engine, database.version)),
        plain("Schema", database.schema.to_string()),
        counted("Size", database.bytes, "bytes"),
    ];
    if let Some(age) = database.oldest_transaction {
        facts.push(plain("Longest transaction", took(age.as_secs_f64() * 1e3)));
    }
    if let Some(dead) = database.dead_rows {
        facts.push(counted("Dead rows of dues", dead, ""));
    }
    facts
}

/// A number as every page writes one.
fn counted(label: &'static str, number: u64, unit: &str) -> Fact {
    let numbers = NumberFormat { unit: unit.to_owned(), decimals: None };
    let value = ReturnValue::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let words = short_value(&value, &numbers);
    let whole = numbers.whole(&value).filter(|whole| *whole != words).unwrap_or_default();
    Fact { label, words, whole }
}

fn warning(database: &DatabaseFacts) -> Option<String> {
    let age = database.oldest_transaction.filter(|age| *age > LONG)?;
    Some(format!(
        "A transaction in this database goes on for {} min. While it does, dead rows stay and every claim walks past them: look for \
         it in pg_stat_activity (a forgotten psql, a long export), and end it.",
        age.as_mins()
    ))
}

fn kept(kept: KeptFor) -> (String, String) {
    let monitors = if kept.monitors == 1 { "1 monitor".to_owned() } else { format!("{} monitors", kept.monitors) };
    let time = match kept.days {
        None => "For ever".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
    };
    (time, monitors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_database() {
        let size = |bytes| {
            let fact = counted("Size", bytes, "bytes");
            (fact.words.replace(['\u{a0}', '\u{202f}'], " "), fact.whole.replace(['\u{a0}', '\u{202f}'], " "))
        };
        assert_eq!(size(0), ("0 bytes".to_owned(), String::new()));
        assert_eq!(size(32_490_000), ("32.49 MB".to_owned(), "32 490 000 bytes".to_owned()));
        assert_eq!(size(12_000_000_000), ("12 GB".to_owned(), "12 000 000 000 bytes".to_owned()));
        let facts = |minutes| DatabaseFacts {
            engine: "PostgreSQL",
            version: "15.20".to_owned(),
            schema: 23,
            bytes: 1,
            oldest_transaction: Some(SignedDuration::from_mins(minutes)),
            dead_rows: None,
        };
        assert_eq!(warning(&facts(5)), None);
        assert!(warning(&facts(7)).unwrap().contains("goes on for 7 min"));
        let said = |days, monitors| {
            let (time, monitors) = kept(KeptFor { days, monitors });
            format!("{time}: {monitors}")
        };
        assert_eq!(said(None, 1), "For ever: 1 monitor");
        assert_eq!(said(Some(1), 2), "1 day: 2 monitors");
        assert_eq!(said(Some(90), 3), "90 days: 3 monitors");
    }
}
