//! What Revere promises as a whole, shown on the real program from outside.

mod crowd;
mod database;
mod example;
mod killed;
mod trouble;

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap};
use serde_json::Value;

/// The real program, running. Killed when dropped.
struct Program {
    child: Child,
    base: String,
    started: Instant,
}

impl Program {
    /// Starts `revere run` in `folder` on a free port, and waits until it says where.
    fn start(folder: &Path) -> Program {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_revere"))
            .args(["run", "--port", "0"])
            .current_dir(folder)
            .env("REVERE_CACHE_DIR", cache_dir())
            .env_remove("REVERE_CONFIG_FILE")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let base = loop {
            let Some(Ok(line)) = lines.next() else { panic!("it did not start: {said:#?}") };
            let address = line
                .find("http://127.0.0.1:")
                .map(|at| line[at..].trim_end().split('/').take(3).collect::<Vec<_>>().join("/"));
            said.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        // Whatever it says from now on must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Program { child, base, started }
    }

    /// As a power cut does.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As an operator does; answers how long it took.
    fn terminate(mut self) -> Duration {
        let told = Instant::now();
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        told.elapsed()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where compiled code is shared by all tests of this machine.
fn cache_dir() -> PathBuf {
    std::env::var_os("REVERE_CACHE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"), PathBuf::from)
}

/// A receiver of notifications that remembers what it was told.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Receiver {
    /// Listens on a free port; answers the address.
    async fn start() -> (Receiver, String) {
        let receiver = Receiver::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> &'static str {
            receiver.0.lock().unwrap().push((headers, body));
            "thanks"
        }
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    fn bodies(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    fn json(&self) -> Vec<Value> {
        self.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
fn client() -> reqwest::Client {
    // Another test of the same process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// Asks until `what` answers something, or gives up after `limit`.
async fn eventually<T>(limit: Duration, name: &str, mut what: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = what().await {
            return found;
        }
        assert!(began.elapsed() < limit, "{name}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn get(client: &reqwest::Client, url: &str) -> Option<Value> {
    client.get(url).send().await.ok()?.json().await.ok()
}
