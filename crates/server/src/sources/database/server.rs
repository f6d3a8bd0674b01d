//! A database server as a connection string describes it.

use std::path::{Path, PathBuf};

use super::{
    tls::{Tls, TlsMode, TlsWish},
    url_parts::{UrlParts, is_on, unknown_query},
};
use crate::{outbound::Dialer, redact::Secrets};

/// Where a server is, and how to log in. Holds a password, so it is never shown.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    /// Connects there.
    pub(super) dialer: Dialer,
    /// A Unix socket, in the place of host and port.
    pub(super) socket: Option<PathBuf>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) tls: Tls,
    /// What else the session begins with: PostgreSQL's start-up parameters.
    pub(super) parameters: Vec<(String, String)>,
    /// MySQL's collation of the connection.
    pub(super) collation: Option<String>,
}

impl Server {
    /// Where it is, without user and password.
    pub(super) fn shown(&self, kind: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{kind} at {host}:{}/{}", self.port, self.database.as_deref().unwrap_or_default())
    }
}

impl UrlParts {
    /// The server these parts name, before the query has its say.
    fn server(&self, port: u16, user: &str, roots_option: &'static str) -> Server {
        Server {
            host: self.host.clone().unwrap_or_else(|| "localhost".to_owned()),
            port: self.port.unwrap_or(port),
            dialer: Dialer::default(),
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

/// MySQL or MariaDB. Files count from `folder`.
pub(super) fn mysql(parts: &UrlParts, folder: &Path) -> Result<Server, String> {
    const KNOWN: &[&str] =
        &["charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_mode", "ssl_verify_cert", "collation"];
    let mut server = parts.server(3306, "root", "ssl_ca");
    let (tls, mut wish) = (&mut server.tls, TlsWish::default());
    for (key, value) in &parts.query {
        match key.as_str() {
            "unix_socket" => server.socket = Some(folder.join(value)),
            "ssl_ca" => tls.roots = Some(folder.join(value)),
            "ssl_cert" => tls.certificate = Some(folder.join(value)),
            "ssl_key" => tls.key = Some(folder.join(value)),
            "ssl_mode" | "ssl-mode" => {
                let mode = match value.to_ascii_lowercase().replace('-', "_").as_str() {
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
                };
                wish.note(key, value, mode);
            }
            "ssl" | "ssl_disabled" => {
                let mode = if is_on(value) == (key == "ssl") { TlsMode::Required } else { TlsMode::Off };
                wish.note(key, value, mode);
            }
            "ssl_verify_cert" | "ssl_verify_identity" | "ssl_check_hostname" if is_on(value) => {
                wish.note(key, value, TlsMode::Host);
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
    tls.mode = wish.mode(tls.roots.is_some())?;
    sound(server)
}

/// PostgreSQL. Files count from `folder`; a password of the environment becomes one of `secrets`.
pub(super) fn postgres(parts: &UrlParts, folder: &Path, secrets: &Secrets) -> Result<Server, String> {
    const KNOWN: &[&str] =
        &["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "options"];
    let mut server = parts.server(5432, "postgres", "sslrootcert");
    server.password = server.password.or_else(|| {
        let password = std::env::var("PGPASSWORD").ok()?;
        secrets.learn(&password);
        Some(password)
    });
    let mut name = "revere".to_owned();
    let (mut wish, mut system, mut weak) = (TlsWish::default(), false, None);
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
                let mode = match value.to_ascii_lowercase().as_str() {
                    "disable" => TlsMode::Off,
                    "allow" => TlsMode::WherePlainIsRefused,
                    "prefer" => TlsMode::Offered,
                    "require" => TlsMode::Required,
                    "verify-ca" => TlsMode::Authority,
                    "verify-full" => TlsMode::Host,
                    _ => {
                        return Err(format!(
                            "'{value}' is no sslmode; known: disable, allow, prefer, require, verify-ca, verify-full"
                        ));
                    }
                };
                if mode != TlsMode::Host {
                    weak = Some(value);
                }
                wish.note(key, value, mode);
            }
            "sslrootcert" if value == "system" => {
                system = true;
                wish.note(key, value, TlsMode::Host);
            }
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
    if let (true, Some(weak)) = (system, weak) {
        return Err(format!("'sslmode={weak}' is too weak for 'sslrootcert=system', which takes verify-full alone"));
    }
    server.tls.mode = wish.mode(server.tls.roots.is_some())?;
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
