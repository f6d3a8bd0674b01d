//! One life of a program: its process, who waits for which answer, and what it said at last.

use std::{
    collections::HashMap,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    sync::{mpsc, oneshot},
};

use super::{Program, SourceFault, Value};

/// The longest line it may write. An answer is bounded by the run's limit besides.
const LINE_BYTES: usize = 96 << 20;
/// How much of its standard error is kept for messages.
const TAIL_BYTES: usize = 2000;
/// How long a program may take to end once it has closed its output.
const GRACE: Duration = Duration::from_millis(500);
/// Questions that wait to be written; a program that reads none of them is late, not a reason to fill the memory.
const UNWRITTEN: usize = 64;

pub(super) struct Running {
    group: Option<rustix::process::Pid>,
    questions: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
    born: Instant,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    tail: Mutex<Vec<u8>>,
    ended: AtomicBool,
    /// Microseconds of its life at its last answer; -1 for none yet.
    last_answer: AtomicI64,
    how: Mutex<String>,
}

#[derive(Default)]
struct Waiting {
    next: i64,
    by_id: HashMap<i64, oneshot::Sender<Result<Value, Fault>>>,
}

/// Why a question has no answer.
pub(super) enum Fault {
    /// It answered with an error.
    Said(String),
    /// It knows no such method.
    NoSuchMethod(String),
    /// The arguments do not fit.
    BadArguments(String),
    /// It ended before it answered.
    Ended(String),
    /// The time was over.
    Late,
}

impl Fault {
    pub(super) fn into_source_fault(self) -> SourceFault {
        match self {
            Fault::BadArguments(text) => SourceFault::BadArguments(text),
            Fault::Said(text) | Fault::NoSuchMethod(text) | Fault::Ended(text) => SourceFault::Failed(text),
            Fault::Late => SourceFault::Failed("no answer in time".to_owned()),
        }
    }
}

impl Running {
    pub(super) fn start(program: &Program) -> std::io::Result<Running> {
        let (name, arguments) = program.argv.split_first().ok_or(std::io::ErrorKind::NotFound)?;
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(environment) = &program.environment {
            command.env_clear().envs(environment.iter().map(|(key, value)| (key, value)));
        }
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32));
        let shared = Arc::new(Shared { last_answer: AtomicI64::new(-1), ..Shared::default() });
        let (questions, unwritten) = mpsc::channel(UNWRITTEN);
        let born = Instant::now();
        if let Some(input) = child.stdin.take() {
            tokio::spawn(write(input, program.preamble.clone(), unwritten));
        }
        let errors = child.stderr.take().map(|errors| tokio::spawn(keep_tail(errors, shared.clone())));
        let output = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let reader = shared.clone();
        tokio::spawn(async move {
            let why = read(output, &reader, born).await;
            // It may be about to end by itself, and then its exit status says more. Without its output it is of no use.
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let status = child.wait().await;
            // What it said last is the reason, more often than not; it may still be on its way.
            if let Some(errors) = errors {
                let _ = tokio::time::timeout(GRACE, errors).await;
            }
            reader.end(why, status.ok());
        });
        Ok(Running { group, questions, shared, born })
    }

    /// Asks, and waits for the answer until `deadline`.
    pub(super) async fn ask(&self, method: &str, params: Value, deadline: Instant) -> Result<Value, Fault> {
        let (sender, receiver) = oneshot::channel();
        let id = self.shared.expect(sender);
        let _forget = Forget(&self.shared, id);
        let text = |text: &str| Value::Text(text.to_owned());
        let message = Value::Dict(vec![
            (text("jsonrpc"), text("2.0")),
            (text("id"), Value::Int(id)),
            (text("method"), text(method)),
            (text("params"), params),
        ]);
        let mut line = message.to_json().map_err(|error| Fault::BadArguments(error.to_string()))?;
        line.push(b'\n');
        let asked = async {
            // Who cannot be written to has ended, or is about to; the reader knows how.
            let _ = self.questions.send(line).await;
            receiver.await
        };
        match tokio::time::timeout_at(deadline.into(), asked).await {
            Err(_) => Err(Fault::Late),
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::Ended(self.shared.how())),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst)
    }

    pub(super) fn has_answered(&self) -> bool {
        self.shared.last_answer.load(Ordering::SeqCst) >= 0
    }

    pub(super) fn answered_since(&self, when: Instant) -> bool {
        self.shared.last_answer.load(Ordering::SeqCst) > when.duration_since(self.born).as_micros() as i64
    }

    /// What it said last, for a message: `; it said: ...`, or nothing.
    pub(super) fn said(&self) -> String {
        self.shared.said()
    }

    /// Ends it and everything it started.
    pub(super) fn kill(&self) {
        if let Some(group) = self.group
            && !self.has_ended()
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Nobody waits for this answer any more, however the waiting ended.
struct Forget<'a>(&'a Shared, i64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().expect("no code panics while it holds this lock").by_id.remove(&self.1);
    }
}

impl Shared {
    fn expect(&self, sender: oneshot::Sender<Result<Value, Fault>>) -> i64 {
        let mut waiting = self.waiting.lock().expect("no code panics while it holds this lock");
        waiting.next += 1;
        let id = waiting.next;
        // After its end nobody would answer: dropping the sender says so at once.
        if !self.ended.load(Ordering::SeqCst) {
            waiting.by_id.insert(id, sender);
        }
        id
    }

    fn end(&self, why: Option<String>, status: Option<ExitStatus>) {
        let status = status.map_or_else(|| "ended".to_owned(), |status| format!("ended ({status})"));
        let how = why.unwrap_or(status);
        *self.how.lock().expect("no code panics while it holds this lock") =
            format!("the program {how}{}", self.said());
        let mut waiting = self.waiting.lock().expect("no code panics while it holds this lock");
        self.ended.store(true, Ordering::SeqCst);
        waiting.by_id.clear();
    }

    fn how(&self) -> String {
        self.how.lock().expect("no code panics while it holds this lock").clone()
    }

    fn said(&self) -> String {
        let tail = self.tail.lock().expect("no code panics while it holds this lock");
        let text = String::from_utf8_lossy(&tail);
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!("; it said: {text}") }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut tail = self.tail.lock().expect("no code panics while it holds this lock");
        tail.extend_from_slice(bytes);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }

    fn answer(&self, message: &Value) -> bool {
        let Some(Value::Int(id)) = message.get("id") else { return false };
        let sender = self.waiting.lock().expect("no code panics while it holds this lock").by_id.remove(id);
        let answer = match (message.get("error"), message.get("result")) {
            (Some(error), _) if *error != Value::Null => Err(said_error(error)),
            (_, Some(result)) => Ok(result.clone()),
            _ => Err(Fault::Said("its answer has neither 'result' nor 'error'".to_owned())),
        };
        if let Some(sender) = sender {
            // An answer that nobody waits for any more is dropped.
            let _ = sender.send(answer);
        }
        true
    }
}

fn said_error(error: &Value) -> Fault {
    let text = error.get("message").and_then(Value::as_text).map_or_else(|| error.repr(400), str::to_owned);
    match error.get("code") {
        Some(Value::Int(-32601)) => Fault::NoSuchMethod(text),
        Some(Value::Int(-32602)) => Fault::BadArguments(text),
        _ => Fault::Said(text),
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

async fn keep_tail(mut errors: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        shared.keep(&buffer[..count]);
    }
}

/// Hands out answers until the output ends; says why, where it is this side that stops reading.
async fn read(output: impl AsyncRead + Unpin, shared: &Shared, born: Instant) -> Option<String> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) | Err(_) => return None,
            Ok(count) if count > LINE_BYTES => {
                return Some(format!("wrote a line longer than {LINE_BYTES} bytes, and was stopped"));
            }
            Ok(_) => {}
        }
        let answered = Value::from_json(line.trim_ascii()).is_ok_and(|message| shared.answer(&message));
        match answered {
            true => shared.last_answer.store(born.elapsed().as_micros() as i64, Ordering::SeqCst),
            // What is no answer of JSON-RPC is most likely the reason why none comes.
            false => shared.keep(&line[..line.len().min(TAIL_BYTES)]),
        }
    }
}
