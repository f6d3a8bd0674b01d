//! Connection strings in SQLAlchemy's form: `dialect+driver://user:password@host:port/database?query`.
//!
//! What is written there either has its effect or is refused by name; nothing is ignored in silence.

use std::path::{Path, PathBuf};

use percent::decode;
use sqlx::{
    ConnectOptions,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::{redact::Secrets, settings::unknown};

/// A database, before anyone connects to it.
pub(super) enum Place {
    Sqlite(SqlitePlace),
    MySql(Box<MySqlConnectOptions>),
    Postgres(Box<PgConnectOptions>),
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
        ("mysql" | "mariadb" | "postgresql", "pyodbc") => Ok(parts.foreign(text)),
        ("mysql" | "mariadb", _) => mysql(&parts, folder).map(|options| Place::MySql(Box::new(options))),
        ("postgresql" | "postgres", _) => postgres(&parts, folder).map(|options| Place::Postgres(Box::new(options))),
        _ => Ok(parts.foreign(text)),
    }
}

#[derive(Default)]
struct UrlParts {
    scheme: String,
    user: Option<String>,
    password: Option<String>,
    raw_password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    query: Vec<(String, String)>,
}

impl UrlParts {
    fn split(text: &str) -> Result<UrlParts, String> {
        let form = "expected dialect://user:password@host:port/database, such as postgresql://... or sqlite:////absolute/file.db";
        let (scheme, rest) = text.split_once("://").ok_or(form)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "+_-.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(known) {
            return Err(form.to_owned());
        }
        let mut parts = UrlParts { scheme: scheme.to_ascii_lowercase(), ..UrlParts::default() };
        let mut rest = rest;
        // A password may hold what separates the later parts, as long as the last @ is the separator. Files have no users.
        if !parts.scheme.starts_with("sqlite")
            && let Some(at) =
                rest.split_once('?').map_or(rest, |(front, _)| front).rfind('@').or_else(|| rest.rfind('@'))
        {
            let (user, password) = rest[..at].split_once(':').map_or((&rest[..at], None), |(u, p)| (u, Some(p)));
            parts.user = Some(decode(user)).filter(|user| !user.is_empty());
            parts.raw_password = password.map(str::to_owned).filter(|password| !password.is_empty());
            parts.password = password.map(decode);
            rest = &rest[at + 1..];
        }
        if let Some((front, query)) = rest.split_once('?') {
            parts.query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            rest = front;
        }
        let authority = match rest.split_once('/') {
            Some((authority, database)) => {
                parts.database = Some(database.to_owned()).filter(|name| !name.is_empty());
                authority
            }
            None => rest,
        };
        let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        parts.host = Some(host.to_owned()).filter(|host| !host.is_empty());
        if let Some(port) = port.filter(|port| !port.is_empty()) {
            parts.port = Some(port.parse().map_err(|_| format!("'{port}' is no port"))?);
        }
        Ok(parts)
    }

    fn foreign(&self, text: &str) -> Place {
        Place::Foreign { dialect: self.scheme.clone(), connection_string: text.to_owned() }
    }
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
    let flag = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on");
    let mut in_memory = name.is_empty() || name == ":memory:";
    for (key, value) in &parts.query {
        match (key.as_str(), value.as_str()) {
            ("mode", "ro") => place.read_only = true,
            ("mode", "memory") => in_memory = true,
            ("mode", "rw" | "rwc") => {}
            ("immutable", value) => place.immutable = flag(value),
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

fn mysql(parts: &UrlParts, folder: &Path) -> Result<MySqlConnectOptions, String> {
    const KNOWN: &[&str] =
        &["charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_mode", "ssl_verify_cert", "collation"];
    let mut options = MySqlConnectOptions::new()
        .host(parts.host.as_deref().unwrap_or("localhost"))
        .port(parts.port.unwrap_or(3306))
        .username(parts.user.as_deref().unwrap_or("root"))
        .charset("utf8mb4")
        // The session stays as the server makes it: its time zone, its meaning of `||`.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .statement_cache_capacity(1)
        .disable_statement_logging();
    if let Some(password) = &parts.password {
        options = options.password(password);
    }
    if let Some(database) = &parts.database {
        options = options.database(database);
    }
    let (mut mode, mut has_ca) = (None, false);
    for (key, value) in &parts.query {
        options = match key.as_str() {
            "unix_socket" => options.socket(value),
            "ssl_ca" => {
                has_ca = true;
                options.ssl_ca(folder.join(value))
            }
            "ssl_cert" => options.ssl_client_cert(folder.join(value)),
            "ssl_key" => options.ssl_client_key(folder.join(value)),
            "ssl_mode" | "ssl-mode" => {
                let known = value.replace('-', "_").parse::<MySqlSslMode>();
                mode = Some(known.map_err(|_| {
                    format!(
                        "'{value}' is no ssl_mode; known: disabled, preferred, required, verify_ca, verify_identity"
                    )
                })?);
                options
            }
            "ssl" | "ssl_disabled" => {
                let on = matches!(value.to_ascii_lowercase().as_str(), "true" | "1") == (key == "ssl");
                mode = Some(if on { MySqlSslMode::Required } else { MySqlSslMode::Disabled });
                options
            }
            "ssl_verify_cert" | "ssl_verify_identity" | "ssl_check_hostname" => {
                if matches!(value.to_ascii_lowercase().as_str(), "true" | "1") {
                    mode = Some(MySqlSslMode::VerifyIdentity);
                }
                options
            }
            "collation" if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => options.collation(value),
            // Whatever the character set of the tables, the server translates; and times are set by 'timeout'.
            "charset" | "use_unicode" | "connect_timeout" | "read_timeout" | "write_timeout" | "autocommit" => options,
            key => return Err(unknown_query(key, KNOWN)),
        };
    }
    Ok(match mode {
        Some(mode) => options.ssl_mode(mode),
        None if has_ca => options.ssl_mode(MySqlSslMode::VerifyCa),
        None => options,
    })
}

fn postgres(parts: &UrlParts, folder: &Path) -> Result<PgConnectOptions, String> {
    const KNOWN: &[&str] =
        &["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "options"];
    let user = parts.user.clone().unwrap_or_else(|| "postgres".to_owned());
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(parts.host.as_deref().unwrap_or("localhost"))
        .port(parts.port.unwrap_or(5432))
        .username(&user)
        .database(parts.database.as_deref().unwrap_or(&user))
        .application_name("revere")
        .statement_cache_capacity(20)
        .disable_statement_logging();
    if let Some(password) = &parts.password {
        options = options.password(password);
    }
    for (key, value) in &parts.query {
        options = match key.as_str() {
            "host" if value.contains(',') => return Err("several hosts are not supported; name one".to_owned()),
            "host" => match value.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
                Some((host, port)) if !host.contains(':') => options.host(host).port(port),
                _ => options.host(value),
            },
            "port" => options.port(value.parse().map_err(|_| format!("'{value}' is no port"))?),
            "sslmode" => options.ssl_mode(value.parse::<PgSslMode>().map_err(|_| {
                format!("'{value}' is no sslmode; known: disable, allow, prefer, require, verify-ca, verify-full")
            })?),
            "sslrootcert" => options.ssl_root_cert(folder.join(value)),
            "sslcert" => options.ssl_client_cert(folder.join(value)),
            "sslkey" => options.ssl_client_key(folder.join(value)),
            "application_name" => options.application_name(value),
            "options" => options.options(startup_options(value)?),
            // The encoding is always UTF-8, and times are set by 'timeout'.
            "client_encoding"
            | "connect_timeout"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count" => options,
            key => return Err(unknown_query(key, KNOWN)),
        };
    }
    Ok(options)
}

/// `-c name=value -c name=value`, as libpq's `options`.
fn startup_options(text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("'options' is understood as '-c name=value -c name=value', not as '{text}'");
    let mut found = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next().ok_or_else(wrong)?,
            Some(joined) => joined,
            None => word.strip_prefix("--").ok_or_else(wrong)?,
        };
        let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
        found.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

fn unknown_query(key: &str, known: &[&str]) -> String {
    format!("'?{key}=' is not supported: {}", unknown("option", key, known.iter().copied()))
}

mod percent {
    //! `%40` and kin. A plus sign is a plus sign.

    pub(super) fn decode(text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let coded = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
            match coded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    out.push(byte);
                    at += 3;
                }
                None => {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let Ok(Place::MySql(options)) = read("mysql://us%40er:p%2Fw@[::1]:3307/shop") else { panic!() };
        assert_eq!((options.get_host(), options.get_port(), options.get_username()), ("::1", 3307, "us@er"));
        assert_eq!(options.get_database(), Some("shop"));
        let Ok(Place::Postgres(options)) = read("postgresql://u:p@ss/w:rd@h/d") else { panic!() };
        assert_eq!((options.get_host(), options.get_database()), ("h", Some("d")));
        let Ok(Place::Postgres(options)) =
            read("postgresql://u@/d?host=db.example&options=-c%20search_path%3Dapp&application_name=x")
        else {
            panic!()
        };
        assert_eq!(
            (options.get_host(), options.get_options(), options.get_application_name()),
            ("db.example", Some("-c search_path=app"), Some("x"))
        );
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
