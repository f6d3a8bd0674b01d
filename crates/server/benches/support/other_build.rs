//! The benchmark of another build, of any version, which measures in turns with this one: it goes on until it has said one more
//! rate, and is stopped while this one measures.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

/// It goes with its value.
pub(crate) struct OtherBuild {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl OtherBuild {
    /// `path` is its executable.
    pub(crate) fn start(path: &str, arguments: &[&str]) -> OtherBuild {
        let mut command = Command::new(path);
        command.args(arguments).env_remove("REVERE_BENCH_OTHER").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        OtherBuild { child, lines }
    }

    /// The next rate that it finds with this runner, in runs per second.
    pub(crate) fn rate(&mut self, runner: &str) -> f64 {
        self.signal("CONT");
        let begins = format!("{runner}: ");
        let rate = loop {
            let line = self.lines.next().expect("the other build ended before it had said all").unwrap();
            let rate = line.trim_start().strip_prefix(&begins).and_then(|said| said.split_once(" runs/s"));
            if let Some((rate, _)) = rate {
                break rate.trim().parse().unwrap();
            }
        };
        // What it does next is to make its next database, which is not measured.
        self.signal("STOP");
        rate
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the other build is gone");
    }
}

impl Drop for OtherBuild {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
