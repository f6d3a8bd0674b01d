//! What calls showed of each source: whether it answers, how fast, and what it said last when it did not.
//!
//! Kept in memory only: it is about now. Wrapped around a source from outside, so that no type of source has to do it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use revere_model::Clock;

use super::{
    Call, MethodDescription, Source, SourceFault, Value,
    names::{Names, NamesOf, NamesQuestion},
};

/// What calls and probes showed of one source since the server began.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SourceHealth {
    /// Calls and probes that are over.
    pub calls: u64,
    /// Those of them that the source failed. Wrong arguments and answers too large are not its failures.
    pub failures: u64,
    /// When it last answered.
    pub last_answer_at: Option<Timestamp>,
    /// How long that took.
    pub last_duration: Option<Duration>,
    /// When it last failed.
    pub last_failure_at: Option<Timestamp>,
    /// What was said then.
    pub last_error: Option<String>,
    /// Since when it has only failed; `None` is well, or never asked.
    pub failing_since: Option<Timestamp>,
}

/// Watches sources. Clones share what they saw.
#[derive(Clone)]
pub struct SourceWatch {
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<BTreeMap<String, SourceHealth>>>,
}

impl SourceWatch {
    /// Has seen nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> SourceWatch {
        SourceWatch { clock, seen: Arc::default() }
    }

    /// `source`, watched under `name`.
    pub fn around(&self, name: &str, source: Arc<dyn Source>) -> Arc<dyn Source> {
        Arc::new(Watched { name: name.to_owned(), source, watch: self.clone() })
    }

    /// What was seen of `name`.
    pub fn health(&self, name: &str) -> SourceHealth {
        self.seen().get(name).cloned().unwrap_or_default()
    }

    fn saw<T>(&self, name: &str, answer: &Result<T, SourceFault>, took: Duration) {
        let now = self.clock.now();
        let mut seen = self.seen();
        let health = match seen.get_mut(name) {
            Some(health) => health,
            None => seen.entry(name.to_owned()).or_default(),
        };
        match answer {
            // Nothing was asked.
            Err(SourceFault::BadArguments(_) | SourceFault::Ours(_)) => {}
            Ok(_) | Err(SourceFault::TooLarge(_)) => {
                health.calls += 1;
                health.last_answer_at = Some(now);
                health.last_duration = Some(took);
                health.failing_since = None;
            }
            Err(SourceFault::Failed(words) | SourceFault::Unavailable(words)) => {
                health.calls += 1;
                health.failures += 1;
                health.last_failure_at = Some(now);
                health.last_error = Some(words.clone());
                health.failing_since.get_or_insert(now);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, SourceHealth>> {
        self.seen.lock().expect("no code panics while it holds this lock")
    }
}

struct Watched {
    name: String,
    source: Arc<dyn Source>,
    watch: SourceWatch,
}

#[async_trait]
impl Source for Watched {
    fn methods(&self) -> Vec<MethodDescription> {
        self.source.methods()
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let looking = self.look(call.deadline);
        looking.saw(self.source.call(call).await)
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let looking = self.look(deadline);
        looking.saw(self.source.probe(deadline).await)
    }

    fn place(&self) -> Option<String> {
        self.source.place()
    }

    fn example_address(&self) -> Option<String> {
        self.source.example_address()
    }

    fn names_of(&self) -> Option<NamesOf> {
        self.source.names_of()
    }

    /// Shows nothing of how it does: what answers scripts need not answer this.
    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        self.source.names(question).await
    }
}

impl Watched {
    fn look(&self, deadline: Instant) -> Looking<'_> {
        Looking { watched: self, began: Instant::now(), deadline, over: false }
    }
}

/// One call or probe under way. A run whose time is over drops its call, and then the silence is what was seen; a call
/// that is dropped before shows nothing of its source.
struct Looking<'a> {
    watched: &'a Watched,
    began: Instant,
    deadline: Instant,
    over: bool,
}

impl Looking<'_> {
    fn saw<T>(mut self, answer: Result<T, SourceFault>) -> Result<T, SourceFault> {
        self.over = true;
        self.watched.watch.saw(&self.watched.name, &answer, self.began.elapsed());
        answer
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if self.over || Instant::now() < self.deadline {
            return;
        }
        let took = self.began.elapsed();
        let what = format!(
            "no answer within {:.1} s, when the time of the run was over; source '{}'",
            took.as_secs_f64(),
            self.watched.name
        );
        self.watched.watch.saw(&self.watched.name, &Err::<(), _>(SourceFault::Failed(what)), took);
    }
}

#[cfg(test)]
mod tests {
    use revere_model::ManualClock;

    use super::*;

    /// Answers nothing, ever.
    struct Silent;

    #[async_trait]
    impl Source for Silent {
        fn methods(&self) -> Vec<MethodDescription> {
            Vec::new()
        }

        async fn call(&self, _: Call) -> Result<Value, SourceFault> {
            std::future::pending().await
        }

        async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_call_that_its_run_gave_up_is_a_failure_once_its_time_was_over() {
        let watch = SourceWatch::new(Arc::new(ManualClock::at("2026-07-01T12:00:00Z".parse().unwrap())));
        let silent = watch.around("s", Arc::new(Silent));
        let call = |deadline| Call {
            method: "get".to_owned(),
            args: Vec::new(),
            kwargs: Vec::new(),
            deadline,
            answer_bytes: 0,
            now: Timestamp::UNIX_EPOCH,
        };
        let moment = Duration::from_millis(1);
        let later = Instant::now() + Duration::from_secs(3600);
        assert!(tokio::time::timeout(moment, silent.call(call(later))).await.is_err());
        assert_eq!(watch.health("s"), SourceHealth::default(), "a person who stops a run says nothing of the source");
        assert!(tokio::time::timeout(moment, silent.call(call(Instant::now()))).await.is_err());
        assert!(tokio::time::timeout(moment, silent.probe(Instant::now())).await.is_err());
        let seen = watch.health("s");
        assert_eq!((seen.calls, seen.failures), (2, 2));
        assert!(seen.last_error.unwrap().ends_with("when the time of the run was over; source 's'"));
    }

    #[test]
    fn a_source_is_failing_until_it_answers_again() {
        let clock = ManualClock::at("2026-07-01T12:00:00Z".parse().unwrap());
        let watch = SourceWatch::new(Arc::new(clock.clone()));
        let begin = clock.now();
        watch.saw("g", &Err::<(), _>(SourceFault::Failed("refused".to_owned())), Duration::from_secs(1));
        clock.advance(jiff::SignedDuration::from_secs(60));
        watch.saw("g", &Err::<(), _>(SourceFault::Failed("reset".to_owned())), Duration::from_secs(1));
        watch.saw("g", &Err::<(), _>(SourceFault::BadArguments("x".to_owned())), Duration::ZERO);
        let failing = watch.health("g");
        assert_eq!((failing.calls, failing.failures, failing.failing_since), (2, 2, Some(begin)));
        assert_eq!(failing.last_error.as_deref(), Some("reset"));
        watch.saw("g", &Ok(()), Duration::from_millis(5));
        let well = watch.health("g");
        assert_eq!((well.calls, well.failures, well.failing_since), (3, 2, None));
        assert_eq!(well.last_duration, Some(Duration::from_millis(5)));
        assert_eq!(watch.health("other"), SourceHealth::default());
    }
}
