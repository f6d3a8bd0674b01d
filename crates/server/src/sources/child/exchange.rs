//! What a process and its callers share: who waits for which answer, what it said at last, and how it ended.

use std::{
    collections::HashMap,
    process::ExitStatus,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{SourceFault, Value};
use crate::{output_tail::OutputTail, process_group::ProcessGroup};

/// Room for what stands around an answer, and for the description of its methods.
pub(super) const FRAME_BYTES: usize = 1 << 20;
/// How much of its standard error is kept for messages.
pub(super) const TAIL_BYTES: usize = 2000;

/// What a process and its callers share.
pub(super) struct Exchange {
    group: ProcessGroup,
    born: Instant,
    /// The longest it may answer nobody while it is asked something.
    pub(super) patience: Duration,
    next_id: AtomicI64,
    /// Who waits for which answer; nobody, where the caller has left.
    waiting: Mutex<HashMap<i64, Option<oneshot::Sender<Answer>>>>,
    tail: Mutex<OutputTail>,
    /// The longest line it may write: the largest answer that anyone asked for, and its frame.
    pub(super) most_bytes: AtomicUsize,
    /// It was ended because it answered nobody.
    hung: AtomicBool,
    ended: AtomicBool,
    /// Microseconds of its life at its last answer; -1 for none yet.
    last_answer: AtomicI64,
    how: Mutex<String>,
}

pub(super) type Answer = Result<Value, Fault>;

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

impl Exchange {
    /// Of a process that was just started.
    pub(super) fn new(group: ProcessGroup, patience: Duration) -> Exchange {
        Exchange {
            group,
            born: Instant::now(),
            patience,
            next_id: AtomicI64::new(1),
            waiting: Mutex::default(),
            tail: Mutex::new(OutputTail::of(TAIL_BYTES)),
            most_bytes: AtomicUsize::new(FRAME_BYTES),
            hung: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            last_answer: AtomicI64::new(-1),
            how: Mutex::default(),
        }
    }

    /// A number for the next question.
    pub(super) fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst) || self.hung.load(Ordering::SeqCst)
    }

    pub(super) fn has_answered(&self) -> bool {
        self.last_answer.load(Ordering::SeqCst) >= 0
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<i64, Option<oneshot::Sender<Answer>>>> {
        self.waiting.lock().expect("no code panics while it holds this lock")
    }

    pub(super) fn expect(&self, id: i64) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        // After its end nobody would answer: dropping the sender says so at once.
        if !self.ended.load(Ordering::SeqCst) {
            waiting.insert(id, Some(sender));
        }
        receiver
    }

    /// Whether an answer to `id` is still owed, for which nobody waits from now on.
    pub(super) fn leave(&self, id: i64) -> bool {
        self.waiting().get_mut(&id).map(|sender| *sender = None).is_some()
    }

    /// The time of a question is over. A program that answered nobody since it was asked hangs, and is ended; one that
    /// did is slow with this one, which is forgotten.
    pub(super) fn judge(&self, id: i64, asked: Instant) {
        let owed = self.waiting().remove(&id).is_some();
        let last_answer = self.last_answer.load(Ordering::SeqCst);
        if owed && last_answer <= asked.duration_since(self.born).as_micros() as i64 {
            self.hung.store(true, Ordering::SeqCst);
            self.kill();
        }
    }

    /// Ends it and everything it started.
    pub(super) fn kill(&self) {
        if !self.ended.load(Ordering::SeqCst) {
            self.group.kill();
        }
    }

    pub(super) fn end(&self, why: Option<String>, status: Option<ExitStatus>) {
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

    pub(super) fn how(&self) -> String {
        self.how.lock().expect("no code panics while it holds this lock").clone()
    }

    /// What it said last, for a message: `; it said: ...`, or nothing.
    pub(super) fn said(&self) -> String {
        let text = self.tail.lock().expect("no code panics while it holds this lock").text();
        match text.trim() {
            "" => String::new(),
            text => format!("; it said: {text}"),
        }
    }

    pub(super) fn keep(&self, bytes: &[u8]) {
        self.tail.lock().expect("no code panics while it holds this lock").keep(bytes);
    }

    pub(super) fn answer(&self, message: Value) -> bool {
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

    pub(super) fn give(&self, id: i64, answer: Answer) {
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
