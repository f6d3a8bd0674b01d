//! A program of the operator's that answers questions: JSON-RPC 2.0, one message a line, over its standard input and output.
//!
//! It is started at the first question and stays. When it dies it is started again, at once if it had ever answered and
//! after a growing pause if it had not. Monitors share it, so a caller whose own time is over only leaves: the program is
//! ended when it hangs, which is to say that it answered nobody for as long as it may take. It ends, with everything it
//! started, when this side does: its input closes, and its process group is killed. Values travel as the sandbox's
//! tagged JSON, so dates, decimals and bytes keep their type.

mod exchange;
mod output_lines;
mod process;

use std::{
    path::PathBuf,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use exchange::Fault;
use process::Process;
use tokio::sync::Mutex;

use super::{MethodDescription, SourceFault, Value};
use crate::descriptors;

/// What to start, and how.
#[derive(Clone)]
pub(super) struct Program {
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Where it starts.
    pub(super) folder: PathBuf,
    /// All of its environment; `None` for this process's own.
    pub(super) environment: Option<Vec<(String, String)>>,
    /// What it reads before the first message, if anything.
    pub(super) preamble: Vec<u8>,
    /// The parameters of `describe`: its configuration.
    pub(super) greeting: Value,
    /// The longest one answer may take.
    pub(super) timeout: Duration,
}

/// A program that may or may not be running.
pub(super) struct Child {
    kept: Arc<Kept>,
}

struct Kept {
    program: Program,
    state: Arc<Mutex<State>>,
    methods: RwLock<Option<Vec<MethodDescription>>>,
}

#[derive(Default)]
struct State {
    running: Option<Arc<Process>>,
    /// How often in a row it could not be started, and until when that is not tried again.
    failures: u32,
    rest_until: Option<Instant>,
    last_fault: String,
}

impl Child {
    pub(super) fn new(program: Program) -> Self {
        Child { kept: Arc::new(Kept { program, state: Arc::default(), methods: RwLock::default() }) }
    }

    /// The program that is started, without its arguments.
    pub(super) fn program_name(&self) -> Option<String> {
        self.kept.program.argv.first().cloned()
    }

    /// Its methods, or the one that stands for any until it has described itself.
    pub(super) fn methods(&self) -> Vec<MethodDescription> {
        let known = self.kept.methods.read().expect("no code panics while it holds this lock").clone();
        known.unwrap_or_else(|| {
            vec![MethodDescription {
                name: "*".to_owned(),
                signature: "(*args, **kwargs)".to_owned(),
                doc: "The plug-in has not described its methods yet; any name is passed on to it.".to_owned(),
            }]
        })
    }

    /// Asks one of its methods.
    pub(super) async fn call(&self, call: super::Call) -> Result<Value, SourceFault> {
        let text = |text: &str| Value::Text(text.to_owned());
        let kwargs = call.kwargs.into_iter().map(|(name, value)| (Value::Text(name), value)).collect();
        let params = Value::Dict(vec![
            (text("method"), Value::Text(call.method)),
            (text("args"), Value::List(call.args)),
            (text("kwargs"), Value::Dict(kwargs)),
        ]);
        self.ask("call", params, call.deadline, call.answer_bytes).await
    }

    /// Starts it if need be, and hears its methods.
    pub(super) async fn describe(&self, deadline: Instant) -> Result<(), SourceFault> {
        self.running(deadline).await.map(drop)
    }

    /// One request and its answer, which has at most `most_bytes` as the line it is.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        deadline: Instant,
        most_bytes: usize,
    ) -> Result<Value, SourceFault> {
        let running = self.running(deadline).await?;
        let asked = Instant::now();
        match running.ask(method, params, deadline, most_bytes).await {
            Err(Fault::Late) => Err(SourceFault::Failed(late(asked.elapsed(), &running.said()))),
            other => {
                let answer = other.map_err(Fault::into_source_fault)?;
                crate::answer_memory::count(super::size(&answer))?;
                Ok(answer)
            }
        }
    }

    async fn running(&self, deadline: Instant) -> Result<Arc<Process>, SourceFault> {
        let began = Instant::now();
        let starting =
            || SourceFault::Failed(format!("it is still starting after {:.1} s", began.elapsed().as_secs_f64()));
        let locked = tokio::time::timeout_at(deadline.into(), self.kept.state.clone().lock_owned()).await;
        let mut state = locked.map_err(|_| starting())?;
        if let Some(running) = state.running.take_if(|running| running.has_ended()) {
            // One that answered before it died is started again at once.
            if !running.has_answered() {
                state.rest(running.said());
            }
        }
        if let Some(running) = &state.running {
            return Ok(running.clone());
        }
        if let Some(until) = state.rest_until
            && let Some(left) = until.checked_duration_since(Instant::now())
        {
            let text = format!("{}; it is tried again in {:.1} s", state.last_fault, left.as_secs_f64());
            return Err(SourceFault::Failed(text));
        }
        // A task of its own: a caller with little time begins what the next one finds ready.
        let kept = self.kept.clone();
        let start = tokio::spawn(async move {
            let started = kept.start().await;
            match &started {
                Ok(running) => *state = State { running: Some(running.clone()), ..State::default() },
                // That says nothing of the program.
                Err(SourceFault::Ours(_)) => {}
                Err(fault) => state.rest(fault.to_string()),
            }
            started
        });
        match tokio::time::timeout_at(deadline.into(), start).await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => Err(SourceFault::Failed(format!("it could not be started: {error}"))),
            Err(_) => Err(starting()),
        }
    }
}

impl Kept {
    async fn start(&self) -> Result<Arc<Process>, SourceFault> {
        let began = Instant::now();
        let running = Process::start(&self.program).map_err(|error| match descriptors::shortage(&error) {
            Some(text) => SourceFault::Ours(text),
            None => SourceFault::Failed(format!(
                "'{}' cannot be started: {error}",
                self.program.argv.first().map_or("", String::as_str)
            )),
        })?;
        let running = Arc::new(running);
        let greeting = self.program.greeting.clone();
        let described = match running.ask("describe", greeting, began + self.program.timeout, 0).await {
            Ok(answer) => Some(methods(&answer).ok_or_else(|| {
                SourceFault::Failed(format!(
                    "its answer to 'describe' must be {{\"methods\": [{{\"name\": ..., \"signature\": \"(...)\", \"doc\": ...}}]}}, not {}",
                    answer.repr(200)
                ))
            })?),
            // It need not know the question.
            Err(Fault::NoSuchMethod(_)) => None,
            Err(Fault::Late) => return Err(SourceFault::Failed(late(began.elapsed(), &running.said()))),
            Err(other) => return Err(other.into_source_fault()),
        };
        *self.methods.write().expect("no code panics while it holds this lock") = described;
        Ok(running)
    }
}

impl State {
    /// Half a second, and twice that after each further failure, up to half a minute.
    fn rest(&mut self, fault: String) {
        let pause = Duration::from_millis(500 << self.failures.min(6)).min(Duration::from_secs(30));
        self.failures += 1;
        self.rest_until = Some(Instant::now() + pause);
        self.last_fault = fault;
    }
}

fn late(after: Duration, said: &str) -> String {
    format!("no answer within {:.1} s{said}", after.as_secs_f64())
}

fn methods(answer: &Value) -> Option<Vec<MethodDescription>> {
    let Some(Value::List(items)) = answer.get("methods") else { return None };
    let method = |item: &Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_text).map(str::to_owned);
        let name = text("name").filter(|name| !name.is_empty() && !name.starts_with('_'))?;
        Some(MethodDescription {
            name,
            signature: text("signature").unwrap_or_else(|| "(*args, **kwargs)".to_owned()),
            doc: text("doc").unwrap_or_default(),
        })
    };
    items.iter().map(method).collect()
}
