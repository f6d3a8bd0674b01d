//! A database server as a connection string describes it.

use std::path::PathBuf;

use super::tls::Tls;

/// Where a server is, and how to log in. Holds a password, so it is never shown.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
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
