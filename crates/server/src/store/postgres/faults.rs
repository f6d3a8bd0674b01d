//! What PostgreSQL's SQLSTATE codes say: what the caller can do, and in words what whoever runs it can do.

use std::io;

use sqlx::postgres::PgDatabaseError;

use super::{address::PostgresAddress, clear_text::AskedInTheClear, commits::NotTakenOver};
use crate::store::{OpenError, database::faults::DbFault};

/// What a code says.
pub(in crate::store) fn fault(code: &str) -> DbFault {
    match code {
        // Another transaction was in the way: serialization_failure, deadlock_detected, lock_not_available.
        "40001" | "40P01" | "55P03" => DbFault::Locked,
        // It took too long: query_canceled, and two sorts of time limit; or a prepared statement no longer fits the schema, or
        // is not known to whoever a pooler sent it to.
        "57014" | "25P03" | "25P04" | "0A000" | "26000" => DbFault::Passing,
        "53100" => DbFault::Full,
        "53200" => DbFault::Memory,
        // io_error, data_corrupted, index_corrupted.
        "58030" | "XX001" | "XX002" => DbFault::Disk,
        // read_only_sql_transaction: the old primary of a fail-over; too_many_connections; the database was dropped; the
        // outcome is unknown.
        "25006" | "53300" | "53000" | "3D000" | "40003" => DbFault::Away,
        // What was right when it was opened: a password was changed, a right was taken.
        "42501" => DbFault::Away,
        // Connection exceptions; operator intervention: the server stops, crashed, or starts.
        code if code.starts_with("08") || code.starts_with("57P") || code.starts_with("28") => DbFault::Away,
        _ => DbFault::Refused,
    }
}

/// Whether a prepared statement no longer fits the schema, or is not known to whoever a pooler sent it to: it must be
/// prepared anew.
pub(in crate::store) fn is_outdated(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "0A000" | "26000"))
}

/// What is wrong and what to do, in one sentence that goes on after the database's address or after "PostgreSQL"; and whether it
/// may pass without anybody changing the configuration.
fn sentence(error: &sqlx::Error) -> Option<(String, bool)> {
    if let Some(error) = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
        let message = error.message();
        let (words, passing) = match error.code() {
            "28P01" | "28000" => (
                format!(
                    "does not let this user in ({message}): look at user and password of DATABASE_URL, and at pg_hba.conf"
                ),
                false,
            ),
            "3D000" => (
                format!(
                    "has no database of that name ({message}): make it by `createdb --encoding=UTF8 NAME`, or correct DATABASE_URL"
                ),
                false,
            ),
            "42501" => (
                format!(
                    "does not give this user enough rights ({message}): as the owner say GRANT USAGE, CREATE ON SCHEMA public TO the user of DATABASE_URL, or make that user the owner of the database"
                ),
                false,
            ),
            "53300" => (
                format!(
                    "has no connection free ({message}): raise max_connections, or have other clients use fewer; each Revere needs 8"
                ),
                true,
            ),
            "57P03" => (format!("is not ready ({message}): it is starting or stopping, and is asked again"), true),
            "57P01" | "57P02" => {
                (format!("was stopped or restarted ({message}): it is asked again until it is back"), true)
            }
            "25006" => (may_only_be_read(&message), true),
            "53100" => (format!("has no room on its disk ({message}): make some; nothing is lost meanwhile"), true),
            code if code.starts_with("08") => {
                (format!("broke the connection off ({message}): it is asked again"), true)
            }
            _ => return None,
        };
        return Some((words, passing));
    }
    match error {
        // So the library passes on what TLS has against a certificate.
        sqlx::Error::Io(error) if error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>()) => {
            Some((without_tls(error), false))
        }
        sqlx::Error::Io(error) => Some((
            match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    format!("does not answer ({error}): is it started, and are host and port of DATABASE_URL right?")
                }
                io::ErrorKind::TimedOut => {
                    format!("does not answer in time ({error}): look at the network between, and at how busy it is")
                }
                _ => {
                    format!("cannot be reached ({error}): look at the network between, and at the host of DATABASE_URL")
                }
            },
            true,
        )),
        sqlx::Error::Tls(error) => Some((without_tls(error), false)),
        sqlx::Error::Configuration(error) if error.is::<AskedInTheClear>() => Some((
            format!(
                "was not sent the password ({error}): say sslmode=verify-full or require in DATABASE_URL, or have pg_hba.conf say \
                 scram-sha-256 in the place of password"
            ),
            false,
        )),
        sqlx::Error::Configuration(error) if error.is::<NotTakenOver>() => Some((may_only_be_read(error), true)),
        sqlx::Error::PoolTimedOut => Some((
            "has no answer for a reader in time: look at how busy it is, or raise max_connections".to_owned(),
            true,
        )),
        _ => None,
    }
}

fn may_only_be_read(message: &dyn std::fmt::Display) -> String {
    format!(
        "may only be read ({message}): it is a standby, or the old primary of a fail-over; let DATABASE_URL lead to the one that can be \
         written"
    )
}

/// The client library trusts no certificate that says of itself that it is an authority, not even one that is named.
fn calls_itself_an_authority(error: &dyn std::fmt::Display) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}

fn without_tls(error: &dyn std::fmt::Display) -> String {
    if calls_itself_an_authority(error) {
        return "cannot be spoken to over TLS: its certificate says of itself that it is an authority (CA:TRUE), which a server's must \
                not be here, also where sslrootcert names it. Make one without that (openssl req -x509 ... -addext \
                subjectAltName=DNS:HOST -addext basicConstraints=critical,CA:FALSE), or have an authority sign the server's, and \
                name that by sslrootcert"
            .to_owned();
    }
    format!(
        "cannot be spoken to over TLS ({error}): name its authority by sslrootcert=FILE in DATABASE_URL, or correct the host there or its certificate"
    )
}

/// An error in words, where there are better ones than its own. A network is between here and this engine alone.
pub(in crate::store) fn words(error: &sqlx::Error) -> Option<String> {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return None;
    }
    let said = sentence(error).map(|(words, _)| words).or_else(|| while_it_runs(error));
    said.map(|words| format!("PostgreSQL {words}"))
}

/// The same of what means something else at a start.
fn while_it_runs(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let message = error.message();
    Some(match error.code() {
        "40001" | "40P01" | "55P03" => format!(
            "has what is to be written held by somebody else ({message}): look in pg_stat_activity for a transaction that goes on for \
             long; it is asked again"
        ),
        "57014" | "25P03" | "25P04" => format!(
            "takes too long ({message}): look at how busy its machine is, and in pg_stat_activity at what else it does; it is asked \
             again"
        ),
        "53200" => {
            format!("has no memory left ({message}): give its machine more, or lower work_mem; it is asked again")
        }
        "58030" | "XX001" | "XX002" => format!(
            "cannot read or write its files ({message}): look at its log and at its disk before anything else; it is asked again"
        ),
        _ => return None,
    })
}

/// Why a database cannot be opened.
pub(super) fn cannot_open(address: &PostgresAddress, source: sqlx::Error) -> OpenError {
    let (fault, passing) = sentence(&source).unwrap_or_else(|| {
        let code = source.as_database_error().and_then(|error| error.code());
        match code.is_some_and(|code| matches!(fault(&code), DbFault::Locked | DbFault::Passing)) {
            true => (
                format!(
                    "is being changed by somebody else ({source}), as by a server that brings its schema up to date: it is asked again"
                ),
                true,
            ),
            false => (format!("cannot be used: {source}"), false),
        }
    });
    // Where the words say all of it, the library's own would only stand behind them.
    let source = Some(source).filter(|source| !calls_itself_an_authority(source));
    OpenError::Server { place: address.to_string(), fault, passing, source }
}
