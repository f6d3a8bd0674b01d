//! One life of a program: its process, which is asked, and ended when nobody needs it any more.

use std::{
    process::Stdio,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
    sync::mpsc,
};

use super::{
    Program, Value,
    exchange::{Exchange, FRAME_BYTES, Fault},
    output_lines,
};
use crate::process_group::ProcessGroup;

/// How long a program may take to end once it has closed its output.
const GRACE: Duration = Duration::from_millis(500);
/// Questions that wait to be written; a program that reads none of them is late, not a reason to fill the memory.
const UNWRITTEN: usize = 64;

pub(super) struct Process {
    questions: mpsc::Sender<Vec<u8>>,
    exchange: Arc<Exchange>,
}

impl Process {
    pub(super) fn start(program: &Program) -> std::io::Result<Process> {
        let (name, arguments) = program.argv.split_first().ok_or(std::io::ErrorKind::NotFound)?;
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(environment) = &program.environment {
            command.env_clear().envs(environment.iter().map(|(key, value)| (key, value)));
        }
        let (mut child, group) = ProcessGroup::spawn(&mut command)?;
        let exchange = Arc::new(Exchange::new(group, program.timeout));
        let (questions, unwritten) = mpsc::channel(UNWRITTEN);
        if let Some(input) = child.stdin.take() {
            tokio::spawn(write(input, program.preamble.clone(), unwritten));
        }
        let errors = child.stderr.take().map(|errors| tokio::spawn(keep_tail(errors, exchange.clone())));
        let output = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let reader = exchange.clone();
        tokio::spawn(async move {
            let why = output_lines::read(output, &reader).await;
            // It may be about to end by itself, and then its exit status says more. Without its output it is of no use.
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            group.kill();
            let status = child.wait().await;
            // What it said last is the reason, more often than not; it may still be on its way.
            if let Some(errors) = errors {
                let _ = tokio::time::timeout(GRACE, errors).await;
            }
            reader.end(why, status.ok());
        });
        Ok(Process { questions, exchange })
    }

    /// Asks, and waits for an answer of at most `most_bytes` until `deadline`, and for no longer than any may take.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        deadline: Instant,
        most_bytes: usize,
    ) -> Result<Value, Fault> {
        self.exchange.most_bytes.fetch_max(most_bytes.saturating_add(FRAME_BYTES), Ordering::SeqCst);
        let id = self.exchange.next_id();
        let text = |text: &str| Value::Text(text.to_owned());
        let message = Value::Dict(vec![
            (text("jsonrpc"), text("2.0")),
            (text("id"), Value::Int(id)),
            (text("method"), text(method)),
            (text("params"), params),
        ]);
        let mut line = message.to_json().map_err(|error| Fault::BadArguments(error.to_string()))?;
        line.push(b'\n');
        let receiver = self.exchange.expect(id);
        let question = Question { exchange: &self.exchange, id, asked: Instant::now() };
        let deadline = deadline.min(question.due());
        let asked = async {
            // Who cannot be written to has ended, or is about to; the reader knows how.
            let _ = self.questions.send(line).await;
            receiver.await
        };
        match tokio::time::timeout_at(deadline.into(), asked).await {
            Err(_) => Err(Fault::Late),
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::Ended(self.exchange.how())),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.exchange.has_ended()
    }

    pub(super) fn has_answered(&self) -> bool {
        self.exchange.has_answered()
    }

    /// What it said last, for a message: `; it said: ...`, or nothing.
    pub(super) fn said(&self) -> String {
        self.exchange.said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.exchange.kill();
    }
}

/// A question, as long as its caller waits. However the waiting ends, an answer that is still owed is watched for: a
/// program that hangs would hang for the next caller too.
struct Question<'a> {
    exchange: &'a Arc<Exchange>,
    id: i64,
    asked: Instant,
}

impl Question<'_> {
    fn due(&self) -> Instant {
        self.asked + self.exchange.patience
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if !self.exchange.leave(self.id) {
            return;
        }
        let (exchange, id, asked, due) = (self.exchange.clone(), self.id, self.asked, self.due());
        if due <= Instant::now() {
            exchange.judge(id, asked);
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                exchange.judge(id, asked);
            });
        }
    }
}

async fn write(mut input: ChildStdin, preamble: Vec<u8>, mut lines: mpsc::Receiver<Vec<u8>>) {
    if input.write_all(&preamble).await.is_err() {
        return;
    }
    while let Some(line) = lines.recv().await {
        // A program that no longer reads is about to end; the reader says how.
        if input.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn keep_tail(mut errors: impl AsyncRead + Unpin, exchange: Arc<Exchange>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        exchange.keep(&buffer[..count]);
    }
}
