//! The Python that benchmarks are measured against: the one of this machine whose processes start fastest, asked to
//! leave out what a short script does not need. A peer is chosen to be hard to beat.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// An interpreter, and the arguments with which it starts fastest: no environment (`-I`), no site packages (`-S`).
#[derive(Clone)]
pub(crate) struct Python {
    /// The executable itself, never a script of a version manager that looks for one (65 ms a start where it itself takes 10).
    pub(crate) path: String,
    /// From the start of a process that does nothing to its end.
    pub(crate) start: Duration,
}

impl Python {
    /// Starts everything this machine calls `python3`, and keeps the quickest.
    pub(crate) fn fastest() -> Python {
        let mut found: Vec<Python> = ["/usr/bin/python3", "python3"]
            .into_iter()
            .filter_map(executable)
            .map(|path| Python { start: start(&path), path })
            .collect();
        found.sort_by_key(|python| python.start);
        found.into_iter().next().expect("python3, the peer, is not on this machine")
    }

    /// A process of it that runs `script`.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["-I", "-S", "-c", script]).stdin(Stdio::null());
        command
    }

    /// For the heading of a table.
    pub(crate) fn words(&self) -> String {
        format!("{} -I -S -c ({:.1} ms for nothing)", self.path, self.start.as_secs_f64() * 1e3)
    }
}

fn executable(name: &str) -> Option<String> {
    let found = Command::new(name).args(["-c", "import sys; print(sys.executable, end='')"]).output().ok()?;
    String::from_utf8(found.stdout).ok().filter(|path| found.status.success() && !path.is_empty())
}

/// The median of nine.
fn start(path: &str) -> Duration {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let began = Instant::now();
            let ended = Command::new(path).args(["-I", "-S", "-c", "pass"]).stdin(Stdio::null()).status();
            assert!(ended.is_ok_and(|status| status.success()), "{path} does not start");
            began.elapsed()
        })
        .collect();
    times.sort();
    times[4]
}
