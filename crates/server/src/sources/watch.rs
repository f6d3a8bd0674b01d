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

use super::{Call, MethodDescription, Source, SourceFault, Value};

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
pub struct Watch {
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<BTreeMap<String, SourceHealth>>>,
}

impl Watch {
    /// Has seen nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Watch {
        Watch { clock, seen: Arc::default() }
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
            Err(SourceFault::Failed(words)) => {
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
    watch: Watch,
}

#[async_trait]
impl Source for Watched {
    fn methods(&self) -> Vec<MethodDescription> {
        self.source.methods()
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let began = Instant::now();
        let answer = self.source.call(call).await;
        self.watch.saw(&self.name, &answer, began.elapsed());
        answer
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let began = Instant::now();
        let answer = self.source.probe(deadline).await;
        self.watch.saw(&self.name, &answer, began.elapsed());
        answer
    }
}

#[cfg(test)]
mod tests {
    use revere_model::ManualClock;

    use super::*;

    #[test]
    fn a_source_is_failing_until_it_answers_again() {
        let clock = ManualClock::at("2026-07-01T12:00:00Z".parse().unwrap());
        let watch = Watch::new(Arc::new(clock.clone()));
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
