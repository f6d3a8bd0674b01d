//! A program run once, from its start to its end, for the channels that hand notifications to programs.
//!
//! It runs in a process group of its own, and the whole group ends when its time is over or nobody waits any more. Of
//! what it writes only the end is kept. No shell is involved.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    task::JoinHandle,
};

use super::plain_text;
use crate::{output_tail::OutputTail, process_group::ProcessGroup, redact::Secrets};

/// How much of what it wrote is kept, of each stream.
const TAIL_BYTES: usize = 8192;

/// How long to wait for the last words after the program ended: something it left behind may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How it went.
pub(super) struct Ended {
    /// How it ended; `None` that its time was over and it was killed.
    pub(super) status: Option<ExitStatus>,
    /// The end of what it wrote to standard output.
    pub(super) stdout: String,
    /// The end of what it wrote to standard error.
    pub(super) stderr: String,
}

impl Ended {
    /// In words: `exit status 3`, `ended by signal 9`, `killed after 30 s`.
    pub(super) fn words(&self, timeout: Duration) -> String {
        use std::os::unix::process::ExitStatusExt;
        let Some(status) = self.status else { return format!("killed after {} s", timeout.as_secs_f64()) };
        match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => status.to_string(),
        }
    }
}

/// How much of what it wrote goes into a receipt or an error, in characters.
const SAID_CHARS: usize = 1000;

impl Ended {
    /// How it ended, and the last that it wrote, on one line and without secrets.
    pub(super) fn said(&self, timeout: Duration, secrets: &Secrets) -> String {
        let output = plain_text::one_line(&format!("{}\n{}", self.stdout, self.stderr));
        let output = secrets.redact(&output);
        match output.chars().count().checked_sub(SAID_CHARS) {
            _ if output.is_empty() => self.words(timeout),
            // The last words are those that tell why.
            Some(cut @ 1..) => {
                format!("{}: ...{}", self.words(timeout), output.chars().skip(cut).collect::<String>())
            }
            _ => format!("{}: {output}", self.words(timeout)),
        }
    }
}

/// Runs `command` with `input` on its standard input, for at most `timeout`. An error says that it could not be started.
pub(super) async fn run(mut command: Command, input: String, timeout: Duration) -> io::Result<Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (child, group) = ProcessGroup::spawn(&mut command)?;
    let mut program = Program { child, group };
    let stdout = program.child.stdout.take().map(Tail::of);
    let stderr = program.child.stderr.take().map(Tail::of);
    let stdin = program.child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // A program that does not care for the details closes its end; that is its right.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let both = async { tokio::join!(feed, program.child.wait()).1 };
    let status = match tokio::time::timeout(timeout, both).await {
        Ok(status) => Some(status?),
        Err(_) => {
            program.kill();
            None
        }
    };
    let (stdout, stderr) = tokio::join!(Tail::text(stdout), Tail::text(stderr));
    Ok(Ended { status, stdout, stderr })
}

/// A program and whatever it started. Dropping it while it runs ends them all.
struct Program {
    child: Child,
    group: ProcessGroup,
}

impl Program {
    fn kill(&self) {
        // Once it has been waited for, its number may be somebody else's; then `id` is `None`.
        if self.child.id().is_some() {
            self.group.kill();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of what comes out of a pipe.
struct Tail {
    task: JoinHandle<()>,
    kept: Arc<Mutex<OutputTail>>,
}

impl Tail {
    fn of(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(OutputTail::of(TAIL_BYTES)));
        Tail { task: tokio::spawn(keep(pipe, Arc::clone(&kept))), kept }
    }

    async fn text(tail: Option<Tail>) -> String {
        let Some(mut tail) = tail else { return String::new() };
        if tokio::time::timeout(LAST_WORDS, &mut tail.task).await.is_err() {
            tail.task.abort();
        }
        tail.kept.lock().expect("no code panics while it holds this lock").text()
    }
}

async fn keep(mut pipe: impl AsyncRead + Unpin, kept: Arc<Mutex<OutputTail>>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        kept.lock().expect("no code panics while it holds this lock").keep(&buffer[..read]);
    }
}
