//! One life of a program: its process, who waits for which answer, and what it said at last.

use std::{
    collections::HashMap,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    sync::{mpsc, oneshot},
};

use super::{super::python_json, Program, SourceFault, Value};
use crate::process_group::ProcessGroup;

/// Room for what stands around an answer, and for the description of its methods.
const FRAME_BYTES: usize = 1 << 20;
/// Where in a line that is too long the number of its question is looked for.
const FRONT_BYTES: usize = 200;
/// A buffer that grew beyond this for one answer is not kept for the next.
const KEPT_BYTES: usize = 1 << 20;
/// How much of its standard error is kept for messages.
const TAIL_BYTES: usize = 2000;
/// How long a program may take to end once it has closed its output.
const GRACE: Duration = Duration::from_millis(500);
/// Questions that wait to be written; a program that reads none of them is late, not a reason to fill the memory.
const UNWRITTEN: usize = 64;

pub(super) struct Running {
    questions: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

struct Shared {
    group: ProcessGroup,
    born: Instant,
    /// The longest it may answer nobody while it is asked something.
    patience: Duration,
    next_id: AtomicI64,
    /// Who waits for which answer; nobody, where the caller has left.
    waiting: Mutex<HashMap<i64, Option<oneshot::Sender<Answer>>>>,
    tail: Mutex<Tail>,
    /// The longest line it may write: the largest answer that anyone asked for, and its frame.
    most_bytes: AtomicUsize,
    /// It was ended because it answered nobody.
    hung: AtomicBool,
    ended: AtomicBool,
    /// Microseconds of its life at its last answer; -1 for none yet.
    last_answer: AtomicI64,
    how: Mutex<String>,
}

type Answer = Result<Value, Fault>;

/// The end of what it wrote, and whether something stood before it.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    cut: bool,
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
    /// Its answer is longer than this many bytes.
    TooLarge(usize),
    /// The time was over.
    Late,
}

impl Fault {
    pub(super) fn into_source_fault(self) -> SourceFault {
        match self {
            Fault::BadArguments(text) => SourceFault::BadArguments(text),
            Fault::Said(text) | Fault::NoSuchMethod(text) | Fault::Ended(text) => SourceFault::Failed(text),
            Fault::TooLarge(most) => SourceFault::TooLarge(most),
            Fault::Late => SourceFault::Failed("no answer in time".to_owned()),
        }
    }
}

impl Running {
    pub(super) fn start(program: &Program) -> std::io::Result<Running> {
        let (name, arguments) = program.argv.split_first().ok_or(std::io::ErrorKind::NotFound)?;
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(environment) = &program.environment {
            command.env_clear().envs(environment.iter().map(|(key, value)| (key, value)));
        }
        let (mut child, group) = ProcessGroup::spawn(&mut command)?;
        let shared = Arc::new(Shared {
            group,
            born: Instant::now(),
            patience: program.timeout,
            next_id: AtomicI64::new(1),
            waiting: Mutex::default(),
            tail: Mutex::default(),
            most_bytes: AtomicUsize::new(FRAME_BYTES),
            hung: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            last_answer: AtomicI64::new(-1),
            how: Mutex::default(),
        });
        let (questions, unwritten) = mpsc::channel(UNWRITTEN);
        if let Some(input) = child.stdin.take() {
            tokio::spawn(write(input, program.preamble.clone(), unwritten));
        }
        let errors = child.stderr.take().map(|errors| tokio::spawn(keep_tail(errors, shared.clone())));
        let output = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let reader = shared.clone();
        tokio::spawn(async move {
            let why = read(output, &reader).await;
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
        Ok(Running { questions, shared })
    }

    /// Asks, and waits for an answer of at most `most_bytes` until `deadline`, and for no longer than any may take.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        deadline: Instant,
        most_bytes: usize,
    ) -> Result<Value, Fault> {
        self.shared.most_bytes.fetch_max(most_bytes.saturating_add(FRAME_BYTES), Ordering::SeqCst);
        let id = self.shared.next_id.fetch_add(1, Ordering::SeqCst);
        let text = |text: &str| Value::Text(text.to_owned());
        let message = Value::Dict(vec![
            (text("jsonrpc"), text("2.0")),
            (text("id"), Value::Int(id)),
            (text("method"), text(method)),
            (text("params"), params),
        ]);
        let mut line = message.to_json().map_err(|error| Fault::BadArguments(error.to_string()))?;
        line.push(b'\n');
        let receiver = self.shared.expect(id);
        let question = Question { shared: &self.shared, id, asked: Instant::now() };
        let deadline = deadline.min(question.due());
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
        self.shared.ended.load(Ordering::SeqCst) || self.shared.hung.load(Ordering::SeqCst)
    }

    pub(super) fn has_answered(&self) -> bool {
        self.shared.last_answer.load(Ordering::SeqCst) >= 0
    }

    /// What it said last, for a message: `; it said: ...`, or nothing.
    pub(super) fn said(&self) -> String {
        self.shared.said()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.kill();
    }
}

/// A question, as long as its caller waits. However the waiting ends, an answer that is still owed is watched for: a
/// program that hangs would hang for the next caller too.
struct Question<'a> {
    shared: &'a Arc<Shared>,
    id: i64,
    asked: Instant,
}

impl Question<'_> {
    fn due(&self) -> Instant {
        self.asked + self.shared.patience
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if !self.shared.leave(self.id) {
            return;
        }
        let (shared, id, asked, due) = (self.shared.clone(), self.id, self.asked, self.due());
        if due <= Instant::now() {
            shared.judge(id, asked);
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                shared.judge(id, asked);
            });
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashMap<i64, Option<oneshot::Sender<Answer>>>> {
        self.waiting.lock().expect("no code panics while it holds this lock")
    }

    fn expect(&self, id: i64) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        // After its end nobody would answer: dropping the sender says so at once.
        if !self.ended.load(Ordering::SeqCst) {
            waiting.insert(id, Some(sender));
        }
        receiver
    }

    /// Whether an answer to `id` is still owed, for which nobody waits from now on.
    fn leave(&self, id: i64) -> bool {
        self.waiting().get_mut(&id).map(|sender| *sender = None).is_some()
    }

    /// The time of a question is over. A program that answered nobody since it was asked hangs, and is ended; one that
    /// did is slow with this one, which is forgotten.
    fn judge(&self, id: i64, asked: Instant) {
        let owed = self.waiting().remove(&id).is_some();
        let last_answer = self.last_answer.load(Ordering::SeqCst);
        if owed && last_answer <= asked.duration_since(self.born).as_micros() as i64 {
            self.hung.store(true, Ordering::SeqCst);
            self.kill();
        }
    }

    /// Ends it and everything it started.
    fn kill(&self) {
        if !self.ended.load(Ordering::SeqCst) {
            self.group.kill();
        }
    }

    fn end(&self, why: Option<String>, status: Option<ExitStatus>) {
        let status = status.map_or_else(|| "ended".to_owned(), |status| format!("ended ({status})"));
        let how = match self.hung.load(Ordering::SeqCst) {
            true => format!("answered nothing for {} s, and was ended", self.patience.as_secs_f64()),
            false => why.unwrap_or(status),
        };
        *self.how.lock().expect("no code panics while it holds this lock") =
            format!("the program {how}{}", self.said());
        let mut waiting = self.waiting();
        self.ended.store(true, Ordering::SeqCst);
        waiting.clear();
    }

    fn how(&self) -> String {
        self.how.lock().expect("no code panics while it holds this lock").clone()
    }

    fn said(&self) -> String {
        let tail = self.tail.lock().expect("no code panics while it holds this lock");
        let text = String::from_utf8_lossy(&tail.bytes);
        // Half a word may be half a secret, which nobody would know for one.
        let whole: &str =
            if tail.cut { text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest) } else { &text };
        match whole.trim() {
            "" => String::new(),
            text => format!("; it said: {text}"),
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut tail = self.tail.lock().expect("no code panics while it holds this lock");
        tail.bytes.extend_from_slice(bytes);
        let surplus = tail.bytes.len().saturating_sub(TAIL_BYTES);
        tail.bytes.drain(..surplus);
        tail.cut |= surplus > 0;
    }

    fn answer(&self, message: Value) -> bool {
        let Some(&Value::Int(id)) = message.get("id") else { return false };
        let Value::Dict(items) = message else { return false };
        let take = |name: &str| items.iter().position(|(key, _)| key.as_text() == Some(name));
        let answer = match (take("error").filter(|at| items[*at].1 != Value::Null), take("result")) {
            (Some(error), _) => Err(said_error(&items[error].1)),
            (None, Some(result)) => items.into_iter().nth(result).map(|(_, result)| result).ok_or(Fault::Late),
            (None, None) => Err(Fault::Said("its answer has neither 'result' nor 'error'".to_owned())),
        };
        self.give(id, answer);
        true
    }

    fn give(&self, id: i64, answer: Answer) {
        if let Some(sender) = self.waiting().remove(&id).flatten() {
            // An answer that nobody waits for any more is dropped.
            let _ = sender.send(answer);
        }
        self.last_answer.store(self.born.elapsed().as_micros() as i64, Ordering::SeqCst);
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
async fn read(output: impl AsyncRead + Unpin, shared: &Shared) -> Option<String> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        if line.capacity() > KEPT_BYTES {
            line = Vec::new();
        }
        line.clear();
        match read_line(&mut output, &mut line, &shared.most_bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(most) if line.len() > most => {
                // Others may wait for their answers, so only the one who asked for this hears of it.
                let Some(id) = number(&line[..FRONT_BYTES]) else {
                    return Some(format!("wrote a line longer than {most} bytes, and was stopped"));
                };
                shared.give(id, Err(Fault::TooLarge(most - FRAME_BYTES)));
                if !line.ends_with(b"\n") && skip_line(&mut output).await.is_err() {
                    return None;
                }
            }
            Ok(_) => {
                let answered = match message(line.trim_ascii()) {
                    Ok(message) => shared.answer(message),
                    // An answer that cannot be read is one all the same: who waits for it need not wait any longer.
                    Err(why) => number_anywhere(&line).is_some_and(|id| {
                        shared.give(id, Err(Fault::Said(format!("its answer is not JSON: {why}"))));
                        true
                    }),
                };
                if !answered {
                    // What is no answer of JSON-RPC is most likely the reason why none comes.
                    shared.keep(beginning(&line));
                }
            }
        }
    }
}

/// A line as a value: strict JSON, or what Python writes.
fn message(line: &[u8]) -> Result<Value, String> {
    Value::from_json(line).or_else(|error| {
        let strict = python_json::strict(line, |value| match value {
            value if value.is_nan() => r#"{"$float":"nan"}"#,
            value if value > 0.0 => r#"{"$float":"inf"}"#,
            _ => r#"{"$float":"-inf"}"#,
        });
        strict.and_then(|text| Value::from_json(text.as_bytes()).ok()).ok_or_else(|| error.to_string())
    })
}

/// Reads a line, and of one that is too long as much as shows it. Answers how long it may be, which may have grown while
/// it was waited for, or 0 at the end of the output.
async fn read_line(
    output: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    most_bytes: &AtomicUsize,
) -> std::io::Result<usize> {
    loop {
        let most = most_bytes.load(Ordering::SeqCst);
        let room = (most + 1).saturating_sub(line.len()) as u64;
        let read = (&mut *output).take(room).read_until(b'\n', line).await?;
        let most = most_bytes.load(Ordering::SeqCst);
        match read {
            0 if line.is_empty() => return Ok(0),
            0 => return Ok(most),
            _ if line.ends_with(b"\n") || line.len() > most => return Ok(most),
            _ => {}
        }
    }
}

/// As much of a line as is kept, up to the end of a word: half a word may be half a secret.
fn beginning(line: &[u8]) -> &[u8] {
    match line.get(..TAIL_BYTES) {
        Some(start) => &start[..start.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0)],
        None => line,
    }
}

/// The number of the question that a line answers, if it stands at the front of it.
fn number(front: &[u8]) -> Option<i64> {
    let front = String::from_utf8_lossy(front);
    let (_, after) = front.split_once("\"id\"")?;
    let after = after.trim_start().strip_prefix(':')?.trim_start();
    after[..after.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The number of the question that a line answers, at the front of it or at its end.
fn number_anywhere(line: &[u8]) -> Option<i64> {
    if line.trim_ascii().first() != Some(&b'{') {
        return None;
    }
    let front = line.get(..FRONT_BYTES).unwrap_or(line);
    let end = line.len().checked_sub(FRONT_BYTES).map_or(line, |start| &line[start..]);
    number(front).or_else(|| number(end))
}

async fn skip_line(output: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<()> {
    loop {
        let read = output.fill_buf().await?;
        let (length, end) = match read.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (read.len(), read.is_empty()),
        };
        output.consume(length);
        if end {
            return Ok(());
        }
    }
}
