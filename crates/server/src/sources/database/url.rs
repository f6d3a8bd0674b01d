//! Connection strings in SQLAlchemy's form: `dialect+driver://user:password@host:port/database?query`.
//!
//! What is written there either has its effect or is refused by name; nothing is ignored in silence.

use std::path::{Path, PathBuf};

use percent::decode;

use super::{
    server::Server,
    tls::{Tls, TlsMode},
};
use crate::{redact::Secrets, settings::unknown};

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
        ("mysql" | "mariadb" | "postgresql", "pyodbc") => Ok(parts.foreign(text)),
        ("mysql" | "mariadb", _) => mysql(&parts, folder).map(|server| Place::MySql(Box::new(server))),
        ("postgresql" | "postgres", _) => {
            postgres(&parts, folder, secrets).map(|server| Place::Postgres(Box::new(server)))
        }
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

impl UrlParts {
    /// The server these parts name, before the query has its say.
    fn server(&self, port: u16, user: &str, roots_option: &'static str) -> Server {
        Server {
            host: self.host.clone().unwrap_or_else(|| "localhost".to_owned()),
            port: self.port.unwrap_or(port),
            socket: None,
            user: self.user.clone().unwrap_or_else(|| user.to_owned()),
            password: self.password.clone(),
            database: self.database.clone(),
            tls: Tls::new(roots_option),
            parameters: Vec::new(),
            collation: None,
        }
    }
}

fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

fn mysql(parts: &UrlParts, folder: &Path) -> Result<Server, String> {
    const KNOWN: &[&str] =
        &["charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_mode", "ssl_verify_cert", "collation"];
    let mut server = parts.server(3306, "root", "ssl_ca");
    let tls = &mut server.tls;
    for (key, value) in &parts.query {
        match key.as_str() {
            "unix_socket" => server.socket = Some(folder.join(value)),
            "ssl_ca" => tls.roots = Some(folder.join(value)),
            "ssl_cert" => tls.certificate = Some(folder.join(value)),
            "ssl_key" => tls.key = Some(folder.join(value)),
            "ssl_mode" | "ssl-mode" => {
                tls.mode = match value.to_ascii_lowercase().replace('-', "_").as_str() {
                    "disabled" => TlsMode::Off,
                    "preferred" => TlsMode::Offered,
                    "required" => TlsMode::Required,
                    "verify_ca" => TlsMode::Authority,
                    "verify_identity" => TlsMode::Host,
                    _ => {
                        return Err(format!(
                            "'{value}' is no ssl_mode; known: disabled, preferred, required, verify_ca, verify_identity"
                        ));
                    }
                }
            }
            "ssl" | "ssl_disabled" => {
                tls.mode = if is_on(value) == (key == "ssl") { TlsMode::Required } else { TlsMode::Off }
            }
            "ssl_verify_cert" | "ssl_verify_identity" | "ssl_check_hostname" if is_on(value) => {
                tls.mode = TlsMode::Host
            }
            "ssl_verify_cert" | "ssl_verify_identity" | "ssl_check_hostname" => {}
            "collation" if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                server.collation = Some(value.clone());
            }
            // Whatever the character set of the tables, the server translates; and times are set by 'timeout'.
            "charset" | "use_unicode" | "connect_timeout" | "read_timeout" | "write_timeout" | "autocommit" => {}
            key => return Err(unknown_query(key, KNOWN)),
        }
    }
    sound(server)
}

fn postgres(parts: &UrlParts, folder: &Path, secrets: &Secrets) -> Result<Server, String> {
    const KNOWN: &[&str] =
        &["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "options"];
    let mut server = parts.server(5432, "postgres", "sslrootcert");
    server.password = server.password.or_else(|| {
        let password = std::env::var("PGPASSWORD").ok()?;
        secrets.learn(&password);
        Some(password)
    });
    let mut name = "revere".to_owned();
    for (key, value) in &parts.query {
        match key.as_str() {
            "host" if value.contains(',') => return Err("several hosts are not supported; name one".to_owned()),
            "host" => match value.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
                Some((host, port)) if !host.contains(':') => {
                    (server.host, server.port) = (host.to_owned(), port);
                }
                _ => server.host = value.clone(),
            },
            "port" => server.port = value.parse().map_err(|_| format!("'{value}' is no port"))?,
            "sslmode" => {
                server.tls.mode = match value.to_ascii_lowercase().as_str() {
                    "disable" | "allow" => TlsMode::Off,
                    "prefer" => TlsMode::Offered,
                    "require" => TlsMode::Required,
                    "verify-ca" => TlsMode::Authority,
                    "verify-full" => TlsMode::Host,
                    _ => {
                        return Err(format!(
                            "'{value}' is no sslmode; known: disable, allow, prefer, require, verify-ca, verify-full"
                        ));
                    }
                }
            }
            "sslrootcert" if value == "system" => server.tls.mode = TlsMode::Host,
            "sslrootcert" => server.tls.roots = Some(folder.join(value)),
            "sslcert" => server.tls.certificate = Some(folder.join(value)),
            "sslkey" => server.tls.key = Some(folder.join(value)),
            "application_name" => name = value.clone(),
            "options" => {
                let settings = startup_options(value)?;
                let written = settings.iter().map(|(name, value)| format!("-c {name}={}", value.replace('\\', "\\\\")));
                server.parameters.push(("options".to_owned(), written.collect::<Vec<_>>().join(" ")));
            }
            // The encoding is always UTF-8, and times are set by 'timeout'.
            "client_encoding"
            | "connect_timeout"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count" => {}
            key => return Err(unknown_query(key, KNOWN)),
        }
    }
    server.parameters.push(("application_name".to_owned(), name));
    // A host that begins with a slash is a folder with a socket in it.
    if server.host.starts_with('/') {
        server.socket = Some(Path::new(&server.host).join(format!(".s.PGSQL.{}", server.port)));
    }
    sound(server)
}

/// Zeros end a text in both protocols, so none can be in one.
fn sound(server: Server) -> Result<Server, String> {
    let texts = [Some(&server.user), server.password.as_ref(), server.database.as_ref()];
    let cut = texts.into_iter().flatten().any(|text| text.contains('\0'));
    match cut {
        true => Err("there is a NUL character in the user, the password or the database".to_owned()),
        false => Ok(server),
    }
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
        ] {
            let (Ok(Place::MySql(server)) | Ok(Place::Postgres(server))) = read(text) else { panic!("{text}") };
            assert_eq!(server.tls.mode, mode, "{text}");
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
