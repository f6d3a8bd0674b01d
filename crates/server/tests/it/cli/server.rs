//! A server started from the command line, with its log at hand.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
    process::{Pid, PidfdFlags, pidfd_open},
};
use serde_json::Value;

use crate::support::{PATIENCE, client, eventually};

/// A running `revere`. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
    /// Where it listens, without a slash at its end.
    pub(crate) address: String,
    client: reqwest::Client,
}

/// What a process has written so far.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    text: String,
    /// Whether there will be no more.
    whole: bool,
}

impl Lines {
    fn of(stream: impl std::io::Read + Send + 'static) -> Lines {
        let lines = Lines::default();
        let shared = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut written = shared.0.0.lock().unwrap();
                written.text.push_str(&line);
                written.text.push('\n');
                shared.0.1.notify_all();
            }
            shared.0.0.lock().unwrap().whole = true;
            shared.0.1.notify_all();
        });
        lines
    }

    /// Everything, once the process has ended.
    pub(crate) fn whole(&self) -> String {
        let written = self.0.0.lock().unwrap();
        let (written, waited) = self.0.1.wait_timeout_while(written, PATIENCE, |written| !written.whole).unwrap();
        assert!(!waited.timed_out(), "still written to: {}", written.text);
        written.text.clone()
    }

    pub(crate) fn so_far(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }

    /// Waits for a line that holds `part`, and answers it.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) -> String {
        self.wait_for_all(&[part])
    }

    /// Waits for a line that holds all of `parts`, and answers it.
    #[track_caller]
    pub(crate) fn wait_for_all(&self, parts: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        let mut written = self.0.0.lock().unwrap();
        loop {
            if let Some(line) = written.text.lines().find(|line| parts.iter().all(|part| line.contains(part))) {
                return line.to_owned();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !written.whole, "no {parts:?} in:\n{}", written.text);
            written = self.0.1.wait_timeout(written, left).unwrap().0;
        }
    }
}

impl Server {
    /// Starts `command` and waits until it says where it listens, on either stream.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, says: impl FnOnce(&Server) -> String) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        let mut server = Server { child, stdout, stderr, address: String::new(), client: client() };
        let line = says(&server);
        let from = line.find("http").expect("an address");
        let address = line[from..].split(|c: char| c.is_whitespace() || c == '"').next().unwrap();
        server.address = address.trim_end_matches('/').to_owned();
        server
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.address)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.client.post(format!("{}{path}", self.address)).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    /// Answers the status.
    pub(crate) async fn delete(&self, path: &str) -> u16 {
        self.client.delete(format!("{}{path}", self.address)).send().await.unwrap().status().as_u16()
    }

    /// Asks again and again until `wanted` finds what it wants.
    pub(crate) async fn wait_for<T>(&self, path: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let look = async || {
            let answer = self.json(path).await;
            wanted(&answer).ok_or_else(|| format!("{answer:#}"))
        };
        eventually(path, look).await
    }

    /// A request that is being answered, and will be for as long as the test keeps this.
    pub(crate) fn half_a_request(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        let head = "POST /api/v1/monitors HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    content-length: 100\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(std::str::from_utf8(&answer), Ok("HTTP/1.1 100"), "it waits for the body");
        stream
    }

    /// Where the kernel keeps what it knows of the process.
    pub(crate) fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// From now on it may have so many files open, and again more later, up to `hard`.
    pub(crate) fn may_open(&self, most: u64, hard: u64) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed());
        let limit = rustix::process::Rlimit { current: Some(most), maximum: Some(hard) };
        rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; answers the exit code.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> i32 {
        // The kernel says when: whoever looks again and again takes a processor from what is waited for.
        if self.child.try_wait().unwrap().is_none() {
            let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
            let patience = Timespec::try_from(PATIENCE).unwrap();
            let ended = retry_on_intr(|| poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience))).unwrap();
            assert_eq!(ended, 1, "still running:\n{}", self.stderr.so_far());
        }
        self.child.wait().unwrap().code().expect("it was not ended by a signal")
    }

    /// Stops it as a service manager does, and checks that it ends well.
    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        assert_eq!(self.exit_code(), 0, "{}", self.stderr.whole());
        self.stderr.whole()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
