//! Why a database gave no answer, and how that is said.

use std::io;

use crate::{
    descriptors,
    sources::{SourceFault, Value},
};

/// Why a server gave no answer.
#[derive(Debug)]
pub(super) enum Stopped {
    /// It says so itself, and the connection is in order.
    Refused(Refusal),
    /// It says so itself, and has ended the connection.
    Ended(Refusal),
    /// It says so itself, before it took any statement.
    NotLetIn(Refusal),
    /// The connection was never there, or broke.
    Lost(io::Error),
    /// No encryption, or not with the right one.
    Tls(String),
    /// The log-in needs something that is not there.
    LogIn(String),
    /// What came is not the protocol of this database.
    Protocol(String),
    /// Something else that is known here.
    Here(SourceFault),
}

/// What a server says of a statement that it does not execute.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Refusal {
    /// Five characters of the SQL standard.
    pub(super) code: String,
    /// MySQL's own number.
    pub(super) number: u16,
    pub(super) message: String,
    /// What else it says: hints, the place in the statement.
    pub(super) more: String,
}

impl Refusal {
    /// Whether a server that stops, or is not ready yet, says so to whoever is connected.
    fn is_of_a_stop(&self) -> bool {
        self.number == 1053 || matches!(self.code.as_str(), "57P01" | "57P02" | "57P03")
    }

    fn text(&self) -> String {
        let code = if self.code.is_empty() { String::new() } else { format!(" ({})", self.code) };
        format!("{}{code}{}", self.message, self.more)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Lost(error)
    }
}

impl From<SourceFault> for Stopped {
    fn from(fault: SourceFault) -> Self {
        Stopped::Here(fault)
    }
}

impl Stopped {
    /// The same, while the connection was made: nobody's statement is the reason.
    pub(super) fn before_any_statement(self) -> Stopped {
        match self {
            Stopped::Refused(refusal) | Stopped::Ended(refusal) => Stopped::NotLetIn(refusal),
            other => other,
        }
    }

    /// Whether the connection is gone, rather than the statement wrong: a new one may do better.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Stopped::Ended(_) | Stopped::NotLetIn(_) | Stopped::Lost(_) | Stopped::Protocol(_))
    }
}

impl From<Stopped> for SourceFault {
    fn from(stopped: Stopped) -> Self {
        // What the server says of a statement is about the statement, and so may be that it ends a connection; that it
        // stops, lets nobody in or is lost says that it is not there.
        SourceFault::Unavailable(match stopped {
            Stopped::Here(fault) => return fault,
            Stopped::Refused(refusal) if refusal.number != 1053 => return SourceFault::Failed(refusal.text()),
            Stopped::Ended(refusal) if !refusal.is_of_a_stop() => return SourceFault::Failed(refusal.text()),
            Stopped::Refused(refusal) | Stopped::Ended(refusal) | Stopped::NotLetIn(refusal) => refusal.text(),
            Stopped::Lost(error) => match descriptors::shortage(&error) {
                Some(words) => return SourceFault::Ours(words),
                None => lost(&error),
            },
            Stopped::Tls(what) => format!("TLS failed: {what}"),
            Stopped::LogIn(what) => format!("the log-in failed: {what}"),
            Stopped::Protocol(what) => {
                return SourceFault::Failed(format!(
                    "the other side does not speak this database's protocol as expected: {what}"
                ));
            }
        })
    }
}

/// What a broken connection is called.
pub(super) fn lost(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed by the other side".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection was reset by the other side".to_owned()
        }
        io::ErrorKind::NotFound => format!("not found: {error}"),
        _ => format!("no connection: {error}"),
    }
}

/// "column 3 ('place') has the type GEOMETRY, which ...".
pub(super) fn undecodable(index: usize, name: &str, kind: &str, why: &str) -> SourceFault {
    SourceFault::Failed(format!(
        "column {} ('{name}') has the type {kind}, {why}; cast it in the statement, for instance cast({name} as char) or {name}::text",
        index + 1
    ))
}

/// "SQLite takes no parameter such as 5 s".
pub(super) fn no_parameter(database: &str, value: &Value) -> SourceFault {
    SourceFault::BadArguments(format!(
        "{database} takes no parameter such as {}; pass it as a text or a number",
        value.repr(60)
    ))
}
