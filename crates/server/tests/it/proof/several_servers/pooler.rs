//! PgBouncer before a test's own database, in session mode.

use std::{
    fmt::Write as _,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use tempfile::TempDir;

use crate::support::{PostgresServer, eventually};

/// It runs until it is dropped.
pub(super) struct Pooler {
    folder: TempDir,
    process: Child,
}

impl Pooler {
    pub(super) async fn before(server: &PostgresServer) -> Pooler {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut settings = format!("[databases]\npostgres = host={} user=revere\n", server.folder().display());
        write!(
            settings,
            "[pgbouncer]\npool_mode = session\nauth_type = any\nlisten_addr =\nunix_socket_dir = {path}\n\
             default_pool_size = 50\nmax_client_conn = 200\nserver_login_retry = 1\nlogfile = {path}/log\n"
        )
        .unwrap();
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        if let Some((user, group)) = server.user() {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
            command.gid(group).uid(user);
        }
        let process = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Pooler { process: process.spawn().unwrap(), folder };
        let options = pooler.url().parse::<PgConnectOptions>().unwrap().extra_float_digits(None);
        eventually("PgBouncer answers", async || options.connect().await.map(drop).map_err(|error| error.to_string()))
            .await;
        pooler
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join(".s.PGSQL.6432")
    }

    fn url(&self) -> String {
        format!("postgresql://revere@localhost:6432/postgres?host={}", self.folder.path().display())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
