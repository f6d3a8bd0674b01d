//! A PostgreSQL of a test's own, to be stopped and started: on a socket in its folder, so that no port is taken but where a
//! test is about the network.

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

use super::eventually;

/// It runs until it is dropped.
pub(crate) struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    /// Whom it runs as: it refuses to be root.
    user: Option<(u32, u32)>,
    process: Option<Child>,
    settings: Vec<String>,
    /// What its socket is called by, and where it listens on the network if it does.
    port: u16,
}

impl PostgresServer {
    /// A new one, with settings of the test's own.
    pub(crate) async fn start(settings: &[&str]) -> PostgresServer {
        let mut server = PostgresServer::made(settings, 5432);
        server.start_again().await;
        server
    }

    /// One that listens on the network too, at a port that is free, by TLS where it is given a certificate and its key; whoever
    /// does not come from this machine's own addresses shows a password as it is.
    pub(crate) async fn listening(pair: Option<(&str, &str)>) -> PostgresServer {
        let mut server = PostgresServer::made(&["listen_addresses=*"], 5432);
        if let Some(pair) = pair {
            let (certificate, key) = server.writes(pair);
            server.settings.push("ssl=on".to_owned());
            server.settings.push(format!("ssl_cert_file={}", certificate.display()));
            server.settings.push(format!("ssl_key_file={}", key.display()));
        }
        let rules = server.data().join("pg_hba.conf");
        let was = std::fs::read_to_string(&rules).unwrap();
        std::fs::write(&rules, format!("{was}\nhost all all all password\n")).unwrap();
        // Somebody else may take a port that was found to be free.
        loop {
            server.port = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
            if server.starts().await {
                return server;
            }
        }
    }

    /// Writes down a certificate and its key, which nobody else may read; answers where.
    fn writes(&self, (certificate_pem, key_pem): (&str, &str)) -> (PathBuf, PathBuf) {
        let (certificate, key) = (self.folder.path().join("cert.pem"), self.folder.path().join("key.pem"));
        std::fs::write(&certificate, certificate_pem).unwrap();
        std::fs::write(&key, key_pem).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = self.user {
            std::os::unix::fs::chown(&key, Some(user), Some(group)).unwrap();
        }
        (certificate, key)
    }

    /// Whoever comes anew is shown this certificate, as soon as it has read it.
    pub(crate) async fn shows(&self, pair: (&str, &str)) {
        self.writes(pair);
        sqlx::raw_sql("select pg_reload_conf()").execute(&mut self.connect().await).await.unwrap();
    }

    /// A standby that follows it, and can be read.
    pub(crate) async fn standby(&self) -> PostgresServer {
        let mut server = PostgresServer::without_data(&[], 5432);
        let copied = server
            .command("pg_basebackup")
            .args(["-U", "revere", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-h"])
            .arg(self.folder())
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        server.start_again().await;
        server
    }

    fn without_data(settings: &[&str], port: u16) -> PostgresServer {
        let folder = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().is_root().then(|| (id("-u"), id("-g")));
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        PostgresServer { folder, programs: programs(), user, process: None, settings, port }
    }

    fn made(settings: &[&str], port: u16) -> PostgresServer {
        let server = PostgresServer::without_data(settings, port);
        // What `initdb` makes is the same each time: it is made once, by scripts/services, and copied.
        let made = match std::env::var_os("REVERE_TEST_POSTGRES_NEW") {
            Some(new) => Command::new("cp").arg("-a").arg(new).arg(server.data()).output(),
            None => server
                .command("initdb")
                .args(["-U", "revere", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync", "-D"])
                .arg(server.data())
                .output(),
        };
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server
    }

    /// Where it is, for Revere.
    pub(crate) fn url(&self) -> String {
        address(self.port, &self.folder)
    }

    /// Where it listens on the network.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whom it runs as, where it is not who runs the test.
    pub(crate) fn user(&self) -> Option<(u32, u32)> {
        self.user
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }

    /// Ends it as a crash does.
    pub(crate) fn crash(&mut self) {
        self.end("QUIT");
    }

    /// Starts it again after it was stopped, and waits until it answers.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.starts().await, "PostgreSQL ended as it was started");
    }

    /// Starts it and waits until it answers; false where it ends instead.
    async fn starts(&mut self) -> bool {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=100",
        ]);
        command.arg("-c").arg(format!("port={}", self.port));
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.path().display()));
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let process = self.process.insert(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let options: PgConnectOptions = address(self.port, &self.folder).parse().unwrap();
        let answers = eventually("PostgreSQL answers", async || match process.try_wait().unwrap() {
            Some(_) => Ok(false),
            None => options.connect().await.map(|_| true).map_err(|error| error.to_string()),
        })
        .await;
        if !answers {
            // Its number may be another one's by now.
            self.process = None;
        }
        answers
    }

    /// How to connect to it.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.url().parse().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env_remove("PGHOST").env_remove("PGPORT");
        if let Some((user, group)) = self.user {
            command.gid(group).uid(user);
        }
        command
    }

    fn end(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else { return };
        let pid = process.id().to_string();
        let _ = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        let _ = process.wait();
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.end("QUIT");
    }
}

/// Where one with its socket in this folder is.
fn address(port: u16, folder: &TempDir) -> String {
    format!("postgresql://revere@localhost:{port}/postgres?host={}", folder.path().display())
}

/// A number of the user that Debian's package made.
fn id(which: &str) -> u32 {
    let answer = Command::new("id").args([which, "postgres"]).output().unwrap();
    String::from_utf8(answer.stdout).unwrap().trim().parse().expect("there is a user postgres: install postgresql")
}

/// Where Debian has them, newest first, or wherever `initdb` is found.
fn programs() -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()))
        .filter(|folder: &PathBuf| folder.join("initdb").exists())
        .collect();
    folders.sort_by_key(|folder| !folder.starts_with(Path::new("/usr/lib/postgresql")));
    folders.into_iter().next().expect("initdb is not here: install the Debian package postgresql")
}
