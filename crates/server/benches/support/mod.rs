//! What the benchmarks of the whole program share: the optimised binary in a folder of its own, the plainest client that
//! can ask it, and numbers about processes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The tree that is measured.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The machine, in one line.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().unwrap();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let memory: u64 = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    let optimised = if cfg!(debug_assertions) { "NOT optimised" } else { "optimised" };
    format!("{cores} cores, {:.0} GiB, {optimised}", memory as f64 / f64::from(1 << 20))
}

pub(crate) fn quick() -> bool {
    std::env::args().any(|arg| arg == "quick")
}

/// The value below which `part` of the sorted `values` lie.
pub(crate) fn at<T: Copy>(values: &[T], part: f64) -> T {
    values[((values.len() - 1) as f64 * part).round() as usize]
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits; a benchmark has nothing better to wait for than time.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark watches a process from outside, which tells nobody when it is ready"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until `done`, which is asked every few milliseconds.
pub(crate) fn wait(most: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < most, "waited {most:?} for {what}");
        pause(Duration::from_millis(5));
    }
}

/// A process that is ended with its value: asked first, then killed.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Process {
        Process(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// What it holds now.
    pub(crate) fn memory(&self) -> Memory {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).unwrap();
        let mib = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name)).expect("the kernel says it");
            line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
        };
        Memory { share: mib("Pss:"), resident: mib("Rss:") }
    }

    /// What it holds once that stays as it is.
    pub(crate) fn settled(&self) -> Memory {
        let mut last = self.memory();
        for _ in 0..20 {
            pause(Duration::from_secs(1));
            let now = self.memory();
            if (now.resident - last.resident).abs() < 0.5 {
                return now;
            }
            last = now;
        }
        last
    }
}

/// Memory in MiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// What the machine would have free without it: a page that is mapped often, here or elsewhere, counts once in all.
    pub(crate) share: f64,
    /// What `ps` shows: every mapping counts.
    pub(crate) resident: f64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} MiB resident ({:.0} MiB with shared pages shared out)", self.resident, self.share)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..1500 {
            if self.0.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            pause(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Server {
    /// Starts the binary in `folder`, and waits until it is healthy.
    pub(crate) fn start(folder: &Path) -> Server {
        let port = free_port();
        let log = std::fs::File::create(folder.join("server.log")).unwrap();
        let process = Process::spawn(command(folder, port).stderr(log));
        let server = Server { process, port };
        wait(Duration::from_secs(120), "the server, see server.log in its folder", || healthy(port, "/healthz"));
        server
    }
}

/// `revere run` in `folder`.
pub(crate) fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_revere"));
    command.args(["run", "--port", &port.to_string(), "--log-level", "warn"]).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::null());
    command
}

/// Whether a server answers 200.
pub(crate) fn healthy(port: u16, path: &str) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok_and(|stream| {
        let mut client = Client { stream: BufReader::new(stream) };
        client.ask("GET", path, "").is_ok_and(|answer| answer.status == 200)
    })
}

/// One connection that is kept, and asks as a browser does, for compressed answers.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As it came over the wire: it may be compressed.
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Asks for a compressed page, which must be there; answers how large it came.
    pub(crate) fn page(&mut self, path: &str) -> usize {
        let answer = self.ask("GET", path, "accept-encoding: gzip\r\n").unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.body.len()
    }

    pub(crate) fn text(&mut self, path: &str) -> String {
        String::from_utf8(self.ask("GET", path, "").unwrap().body).unwrap()
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str) -> std::io::Result<Answer> {
        self.exchange(&format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n"))
    }

    /// Sends a whole request and reads the answer.
    pub(crate) fn exchange(&mut self, request: &str) -> std::io::Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                Some(_) => {}
            }
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).unwrap();
                self.read(&mut body, size)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.read(&mut body, length)?;
        }
        Ok(Answer { status, body })
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn read(&mut self, body: &mut Vec<u8>, size: usize) -> std::io::Result<()> {
        let from = body.len();
        body.resize(from + size, 0);
        self.stream.read_exact(&mut body[from..])
    }
}

/// Makes a database with a past, unless it is there, with the folder of a server that uses it: SQLite in that folder, or that of
/// PostgreSQL with this address, which nothing is in yet. `what` are the arguments of `scripts/make-history`.
pub(crate) fn history(folder: &Path, url: Option<&str>, what: &[String]) {
    let what = what.join(" ");
    if has_history(folder, url, &what) {
        return;
    }
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let mut database = folder.join("revere.db").into_os_string();
    if let Some(url) = url {
        std::fs::write(folder.join("config.py"), format!("DATABASE_URL = '{url}'\n")).unwrap();
        database = url.into();
    }
    drop(Server::start(folder));
    let script = root().join("scripts/make-history");
    let status = Command::new(script).arg(database).args(what.split(' ')).status().unwrap();
    assert!(status.success());
    std::fs::write(folder.join("made"), made_of(url, &what)).unwrap();
}

/// Whether it was made before.
pub(crate) fn has_history(folder: &Path, url: Option<&str>, what: &str) -> bool {
    std::fs::read_to_string(folder.join("made")).is_ok_and(|made| made == made_of(url, what))
}

fn made_of(url: Option<&str>, what: &str) -> String {
    url.map_or_else(|| what.to_owned(), |url| format!("{what} in {url}"))
}
