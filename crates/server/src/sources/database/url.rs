//! Connection strings in SQLAlchemy's form: `dialect+driver://user:password@host:port/database?query`.
//!
//! What is written there either has its effect or is refused by name; nothing is ignored in silence.

use std::path::{Path, PathBuf};

use super::{
    server::{self, Server},
    url_parts::{UrlParts, is_on, unknown_query},
};
use crate::redact::Secrets;

/// A database, before anyone connects to it.
pub(super) enum Place {
    Sqlite(SqlitePlace),
    MySql(Box<Server>),
    Postgres(Box<Server>),
    /// One that only SQLAlchemy knows how to reach, by the whole connection string.
    Foreign {
        dialect: String,
        connection_string: String,
    },
}

/// A SQLite database.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct SqlitePlace {
    /// `None` for one in memory.
    pub(super) file: Option<PathBuf>,
    /// Asked for in the string, beyond what the source's `read_only` says.
    pub(super) read_only: bool,
    /// The file never changes: no locks, no journal.
    pub(super) immutable: bool,
    /// The longest wait for another's lock, in seconds.
    pub(super) busy_timeout: Option<f64>,
}

/// Reads a connection string. Its password becomes one of `secrets`; relative files count from `folder`.
pub(super) fn parse(text: &str, folder: &Path, secrets: &Secrets) -> Result<Place, String> {
    let parts = UrlParts::split(text)?;
    for secret in [parts.raw_password.clone(), parts.password.clone()].into_iter().flatten() {
        secrets.learn(&secret);
    }
    let (dialect, driver) = parts.scheme.split_once('+').map_or((parts.scheme.as_str(), ""), |(d, driver)| (d, driver));
    match (dialect, driver) {
        ("sqlite", "" | "pysqlite" | "aiosqlite") => sqlite(&parts, folder).map(Place::Sqlite),
        // The other way of writing ODBC strings, which only that driver understands.
        ("mysql" | "mariadb" | "postgresql", "pyodbc") => Ok(foreign(&parts, text)),
        ("mysql" | "mariadb", _) => server::mysql(&parts, folder).map(|server| Place::MySql(Box::new(server))),
        ("postgresql" | "postgres", _) => {
            server::postgres(&parts, folder, secrets).map(|server| Place::Postgres(Box::new(server)))
        }
        _ => Ok(foreign(&parts, text)),
    }
}

fn foreign(parts: &UrlParts, text: &str) -> Place {
    Place::Foreign { dialect: parts.scheme.clone(), connection_string: text.to_owned() }
}

fn sqlite(parts: &UrlParts, folder: &Path) -> Result<SqlitePlace, String> {
    if parts.host.is_some() || parts.port.is_some() {
        return Err("a sqlite file is written sqlite:///relative.db or sqlite:////absolute.db".to_owned());
    }
    let mut place = SqlitePlace::default();
    let mut name = parts.database.as_deref().unwrap_or_default();
    if let Some(rest) = name.strip_prefix("file:") {
        name = rest;
    }
    let mut in_memory = name.is_empty() || name == ":memory:";
    for (key, value) in &parts.query {
        match (key.as_str(), value.as_str()) {
            ("mode", "ro") => place.read_only = true,
            ("mode", "memory") => in_memory = true,
            ("mode", "rw" | "rwc") => {}
            ("immutable", value) => place.immutable = is_on(value),
            ("timeout", seconds) => {
                let seconds = seconds.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
                place.busy_timeout = Some(seconds.ok_or("'timeout' must be a number of seconds")?);
            }
            // About Python's own driver: threads, caches and the way paths are written.
            ("uri" | "check_same_thread" | "cache" | "cached_statements", _) => {}
            (key, _) => return Err(unknown_query(key, &["mode", "timeout", "uri", "immutable"])),
        }
    }
    place.file = (!in_memory).then(|| folder.join(name));
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::{super::tls::TlsMode, *};

    fn read(text: &str) -> Result<Place, String> {
        parse(text, Path::new("/etc/revere"), &Secrets::default())
    }

    #[test]
    fn every_form_of_the_seed_is_read() {
        for text in [
            "mysql://u:p@h/d",
            "mysql+pymysql://u:p@h:3307/d?charset=utf8mb4",
            "mariadb://u@h/d",
            "mariadb+mysqldb://h",
        ] {
            assert!(matches!(read(text), Ok(Place::MySql(_))), "{text}");
        }
        for text in [
            "postgresql://u:p@h/d",
            "postgresql+psycopg2://u:p@h/d?sslmode=require",
            "postgres://h/d",
            "postgresql:///d?host=/run/postgresql",
        ] {
            assert!(matches!(read(text), Ok(Place::Postgres(_))), "{text}");
        }
        for text in
            ["mssql+pyodbc://u:p@dsn", "oracle+cx_oracle://u:p@h", "snowflake://u:p@account/db", "mysql+pyodbc://dsn"]
        {
            assert!(matches!(read(text), Ok(Place::Foreign { .. })), "{text}");
        }
        for (text, file) in [
            ("sqlite:///data/app.db", Some("/etc/revere/data/app.db")),
            ("sqlite:////var/app.db", Some("/var/app.db")),
            ("sqlite+pysqlite:///a@b.db?timeout=3", Some("/etc/revere/a@b.db")),
            ("sqlite:///file:app.db?mode=ro&uri=true", Some("/etc/revere/app.db")),
            ("sqlite://", None),
            ("sqlite:///:memory:", None),
        ] {
            let Ok(Place::Sqlite(place)) = read(text) else { panic!("{text}") };
            assert_eq!(place.file.as_deref(), file.map(Path::new), "{text}");
        }
    }

    #[test]
    fn every_part_has_its_effect() {
        let Ok(Place::MySql(server)) = read("mysql://us%40er:p%2Fw@[::1]:3307/shop") else { panic!() };
        assert_eq!((server.host.as_str(), server.port, server.user.as_str()), ("::1", 3307, "us@er"));
        assert_eq!((server.password.as_deref(), server.database.as_deref()), (Some("p/w"), Some("shop")));
        assert_eq!(server.shown("mysql"), "mysql at [::1]:3307/shop");
        let Ok(Place::Postgres(server)) = read("postgresql://u:p@ss/w:rd@h/d") else { panic!() };
        assert_eq!((server.host.as_str(), server.database.as_deref()), ("h", Some("d")));
        let Ok(Place::Postgres(server)) =
            read("postgresql://u@/d?host=db.example&options=-c%20search_path%3Dapp&application_name=x")
        else {
            panic!()
        };
        assert_eq!(server.host, "db.example");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(server.parameters, [pair("options", "-c search_path=app"), pair("application_name", "x")]);
        let Ok(Place::Postgres(server)) = read("postgresql:///d?host=/run/postgresql&port=5433") else { panic!() };
        assert_eq!(server.socket.as_deref(), Some(Path::new("/run/postgresql/.s.PGSQL.5433")));
    }

    #[test]
    fn tls_is_as_strict_as_asked_for() {
        for (text, mode) in [
            ("mysql://h/d", TlsMode::Offered),
            ("mysql://h/d?ssl_mode=VERIFY-CA", TlsMode::Authority),
            ("mysql://h/d?ssl_ca=ca.pem&ssl_verify_cert=true", TlsMode::Host),
            ("mysql://h/d?ssl_disabled=true", TlsMode::Off),
            ("postgresql://h/d", TlsMode::Offered),
            ("postgresql://h/d?sslmode=verify-full", TlsMode::Host),
            ("postgresql://h/d?sslrootcert=system", TlsMode::Host),
            ("postgresql://h/d?sslmode=disable", TlsMode::Off),
            ("postgresql://h/d?sslmode=allow", TlsMode::WherePlainIsRefused),
            ("postgresql://h/d?sslmode=allow&sslrootcert=ca.pem", TlsMode::Authority),
            ("postgresql://h/d?sslmode=allow&sslmode=require", TlsMode::Required),
            ("mysql://h/d?ssl_verify_identity=true&ssl=true", TlsMode::Host),
            ("mysql://h/d?ssl=true&ssl_verify_identity=true", TlsMode::Host),
            ("mysql://h/d?ssl_mode=verify_identity&ssl_disabled=false", TlsMode::Host),
            ("mysql://h/d?ssl_mode=verify_ca&ssl_verify_cert=false", TlsMode::Authority),
            ("mysql://h/d?ssl_ca=ca.pem", TlsMode::Authority),
            ("mysql://h/d?ssl_ca=ca.pem&ssl_mode=preferred", TlsMode::Authority),
            ("mysql://h/d?ssl_ca=ca.pem&ssl_mode=disabled", TlsMode::Off),
            ("postgresql://h/d?sslrootcert=ca.pem", TlsMode::Authority),
            ("postgresql://h/d?sslmode=require&sslrootcert=ca.pem", TlsMode::Authority),
            ("postgresql://h/d?sslmode=verify-full&sslmode=require", TlsMode::Host),
            ("postgresql://h/d?sslrootcert=system&sslmode=verify-full", TlsMode::Host),
        ] {
            let (Ok(Place::MySql(server)) | Ok(Place::Postgres(server))) = read(text) else { panic!("{text}") };
            assert_eq!(server.tls.mode, mode, "{text}");
        }
    }

    #[test]
    fn options_of_tls_that_contradict_each_other_are_refused_by_name() {
        for (text, parts) in [
            (
                "mysql://h/d?ssl_mode=verify_identity&ssl_disabled=true",
                ["ssl_disabled=true", "ssl_mode=verify_identity"],
            ),
            ("mysql://h/d?ssl_disabled=true&ssl_verify_cert=1", ["ssl_disabled=true", "ssl_verify_cert=1"]),
            ("mysql://h/d?ssl=true&ssl_mode=disabled", ["ssl_mode=disabled", "ssl=true"]),
            ("postgresql://h/d?sslmode=disable&sslmode=require", ["sslmode=disable", "sslmode=require"]),
            ("postgresql://h/d?sslrootcert=system&sslmode=require", ["sslmode=require", "sslrootcert=system"]),
            ("postgresql://h/d?sslmode=verify-ca&sslrootcert=system", ["sslmode=verify-ca", "verify-full"]),
            ("postgresql://h/d?sslmode=disable&sslrootcert=system", ["sslmode=disable", "sslrootcert=system"]),
        ] {
            let Err(said) = read(text) else { panic!("{text}") };
            assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
        }
    }

    #[test]
    fn the_password_is_learned_as_written_and_as_meant() {
        let secrets = Secrets::default();
        parse("mysql://u:p%40ssword@h/d", Path::new("/"), &secrets).unwrap();
        assert_eq!(secrets.redact("p@ssword p%40ssword"), "[redacted] [redacted]");
    }

    #[test]
    fn what_has_no_effect_is_refused_by_name() {
        let refused = |text: &str| read(text).err().unwrap();
        assert_eq!(
            refused("mysql://h/d?charst=utf8"),
            "'?charst=' is not supported: unknown option 'charst'; did you mean 'charset'?"
        );
        assert!(refused("postgresql://h/d?target_session_attrs=any").contains("target_session_attrs"));
        assert!(refused("postgresql://h:port/d").contains("'port' is no port"));
        assert!(refused("sqlite://host/file").contains("sqlite:////absolute.db"));
        assert!(refused("just words").contains("expected dialect://"));
        assert!(refused("postgresql://h/d?sslmode=maybe").contains("verify-full"));
    }
}
