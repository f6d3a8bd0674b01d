//! Hostile scripts: each costs its own run and nothing else, and says what it did.

mod catalogue;
mod mixed;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use revere_model::State;
use revere_sandbox::{LimitKind, Outcome, Sandbox};

use self::catalogue::{Gives, Hostile, limits};
use crate::support::{block_on, fresh_sandbox, request, run_in, sandbox, value};

/// How much later than its limit a run may end, on a machine that has nothing else to do.
const SLACK: Duration = Duration::from_millis(250);

/// How late this machine is by itself: what a little computing takes longer than it computes, at worst, while others
/// have the processors.
struct Crowded {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Crowded {
    fn watch() -> Crowded {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !seen.load(Ordering::Relaxed) {
                let (began, computed) = (Instant::now(), computing());
                while computing() - computed < Duration::from_millis(5) {
                    std::hint::spin_loop();
                }
                worst = worst.max(began.elapsed().saturating_sub(computing() - computed));
                std::thread::park_timeout(Duration::from_millis(25));
            }
            worst
        });
        Crowded { over, thread }
    }

    fn worst(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().expect("it only looks")
    }
}

/// What this thread has computed.
fn computing() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs all at once beside a monitor that must stay right, and compares each with what it must give.
#[track_caller]
fn all_give_what_they_must(sandbox: &Sandbox, scripts: Vec<Hostile>) {
    // What is opened once, such as the threads' own descriptors, is not a run's.
    run_in(sandbox, request(""));
    let files = open_files();
    let crowded = Crowded::watch();
    let outcomes: Vec<(Hostile, Outcome)> = block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for hostile in scripts {
            let sandbox = sandbox.clone();
            running.spawn(async move {
                let mut request = request(&hostile.script);
                request.limits = limits();
                let outcome = sandbox.run(request).await.expect("our own side works");
                (hostile, outcome)
            });
        }
        let mut outcomes = Vec::new();
        loop {
            let honest = sandbox.run(request("return_value = sum(range(101))"));
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(ended) => outcomes.push(ended.expect("no panic")),
                    None => break outcomes,
                },
                honest = honest => assert_eq!(value(&honest.expect("our own side works")), "5050"),
            }
        }
    });
    // Several threads of a run's may have to wait, one after the other.
    let slack = SLACK + 4 * crowded.worst();
    for (hostile, outcome) in &outcomes {
        eprintln!("{:<40} {:>8.1?} {:?}", hostile.name, outcome.duration, brief(outcome));
    }
    for (hostile, outcome) in &outcomes {
        check(hostile, outcome, slack);
    }
    assert_eq!(value(&run_in(sandbox, request("return_value = 1"))), "1");
    assert_eq!(open_files(), files, "a run left a file or a socket open");
}

fn brief(outcome: &Outcome) -> (State, Option<&str>, Option<LimitKind>, &str) {
    let error = outcome.error.as_ref();
    let message = &outcome.message[..outcome.message.floor_char_boundary(120)];
    (outcome.state, error.map(|e| e.kind.as_str()), error.and_then(|e| e.limit), message)
}

#[track_caller]
pub(super) fn check(hostile: &Hostile, outcome: &Outcome, slack: Duration) {
    let name = hostile.name;
    assert!(
        hostile.gives.iter().any(|gives| fits(*gives, outcome)),
        "{name}: wanted {:?}, got {:#?}",
        hostile.gives,
        brief(outcome)
    );
    let limits = limits();
    assert!(
        outcome.duration <= limits.wall_time + slack,
        "{name} took {:?}, with {slack:?} to spare",
        outcome.duration
    );
    assert!(outcome.memory_bytes <= limits.memory_bytes, "{name} had {} bytes", outcome.memory_bytes);
    assert!(outcome.message.len() <= limits.message_bytes, "{name}: {} bytes of message", outcome.message.len());
    assert!(outcome.output.len() <= limits.output_bytes, "{name}: {} bytes of output", outcome.output.len());
    assert!(outcome.source_calls.len() <= limits.source_calls as usize, "{name}: {} calls", outcome.source_calls.len());
    for text in [&outcome.message, &outcome.output] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{name}: {text:?}");
        assert!(!text.contains('\u{202e}'), "{name}: {text:?}");
    }
    if let Some(error) = &outcome.error {
        let python = error.limit.is_none() && error.kind != "Crash" && !error.message.contains("return_value must be");
        assert!(!python || error.line.is_some() || error.kind == "SyntaxError", "{name} names no line: {error:?}");
    }
}

fn fits(gives: Gives, outcome: &Outcome) -> bool {
    let error = outcome.error.as_ref();
    let limit = error.and_then(|error| error.limit);
    let is = |kind: &str| limit.is_none() && error.is_some_and(|error| error.kind == kind);
    let value = outcome.return_value.as_ref().map(ToString::to_string);
    match gives {
        Gives::Value(start) => outcome.state == State::Ok && value.is_some_and(|value| value.starts_with(start)),
        Gives::Nothing => outcome.state == State::Ok && value.is_none(),
        Gives::Alarm(part) => outcome.state == State::Alarm && outcome.message.contains(part),
        Gives::Raises(kind, part) => outcome.state == State::Error && is(kind) && outcome.message.contains(part),
        Gives::Limit(kind) => outcome.state == State::Error && limit == Some(kind),
        Gives::Crash(part) => outcome.state == State::Error && is("Crash") && outcome.message.contains(part),
    }
}

/// Descriptors of this process. Those of the cache and the page scan stay open all the time.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("a list of open files").count()
}

macro_rules! hostile {
    ($($group:ident)*) => {$(
        #[test]
        fn $group() {
            all_give_what_they_must(sandbox(), catalogue::$group());
        }
    )*};
}

hostile!(processor memory stack surface output values forgery source_text);

#[test]
fn all_of_them_on_new_instances() {
    for group in catalogue::groups() {
        all_give_what_they_must(fresh_sandbox(), group);
    }
}

#[test]
fn nothing_is_asked_after_the_result() {
    let late = catalogue::forgery().into_iter().find(|hostile| hostile.name == "80 asks after its result").expect("it");
    let outcome = run_in(sandbox(), request(&late.script));
    assert_eq!(value(&outcome), "1");
    assert_eq!(outcome.source_calls, []);
}

#[test]
fn a_giant_value_is_cut_with_a_mark() {
    for script in ["return_value = 'x' * 20_000_000", "return_value = 1 << 100_000"] {
        let text = value(&run_in(sandbox(), request(script)));
        assert!(text.ends_with("… [cut]") && text.len() <= limits().value_bytes, "{} bytes", text.len());
    }
}

#[test]
fn a_syntax_error_names_line_and_column() {
    let outcome = run_in(sandbox(), request("x = 1\nif x\n    pass"));
    let error = outcome.error.expect("an error");
    assert_eq!((error.kind.as_str(), error.line), ("SyntaxError", Some(2)));
    assert!(error.column.is_some(), "{error:?}");
}
