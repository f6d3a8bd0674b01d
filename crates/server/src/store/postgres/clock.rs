//! The time by the database's clock: the one that all servers share. What is due, how long a claim holds and when something
//! happened is told by it, whatever the clock of a server's own machine says.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Clock, SystemClock};
use tokio::time::Instant;

use crate::store::{
    DatabasePlace, Store, StoreError,
    columns::instant,
    database::{self as db},
};

/// The database's clock, as far as it can be known from here: asked now and then, and carried on in between by a clock that
/// nobody sets.
#[derive(Clone)]
pub struct DatabaseClock {
    asked: Arc<Mutex<Asked>>,
}

/// What it showed at an instant of this machine.
#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    /// What this machine's own clock showed then.
    machine: Timestamp,
    showed: Timestamp,
    /// How far from that it may have been: when exactly it was read, on the way there and back, is not known.
    within: SignedDuration,
}

/// An answer that took so long says too little of the time.
const TOO_LONG: SignedDuration = SignedDuration::from_secs(2);

/// So much may the clocks of this machine differ in what time has passed.
const DOUBTFUL: SignedDuration = SignedDuration::from_secs(1);

/// A difference that is no more than what the way there and back may make.
const NOISE: SignedDuration = SignedDuration::from_millis(5);

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        self.asked().now()
    }
}

impl Asked {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.showed.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Whether more or less time has passed than the clock that nobody sets knows of: this machine was suspended, or
    /// its own clock was set. Which of the two is not to be told from here.
    fn is_doubtful(&self) -> bool {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        let by_the_machine = SystemClock.now().duration_since(self.machine);
        by_the_machine.saturating_sub(passed).abs() > DOUBTFUL
    }
}

impl DatabaseClock {
    /// Takes over what the database shows, where it contradicts what was thought or is known better. A difference to what was
    /// thought is told, where it is one.
    fn follow(&self, asked: Asked) {
        let (difference, known) = (asked.now().duration_since(self.now()), *self.asked());
        let contradicts = difference.abs() > asked.within.max(NOISE);
        if contradicts || asked.within < known.within || known.is_doubtful() {
            *self.asked() = asked;
        }
        if difference.abs() > TOO_LONG {
            let seconds = difference.as_secs_f64();
            tracing::warn!(seconds, "the clock of the database is not what it was thought to be; it is followed");
        }
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().expect("no code panics while it holds this lock")
    }
}

/// What the clock shows; `None` where the answer took too long to say.
async fn ask(store: &Store) -> Result<Option<Asked>, StoreError> {
    let began = Instant::now();
    let micros: i64 = db::query_scalar("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)")
        .fetch_one(store.engine_readers())
        .await?;
    let ended = Instant::now();
    let took = SignedDuration::try_from(ended - began).unwrap_or(SignedDuration::MAX);
    // It was read somewhere on the way.
    let showed = instant(micros)?.saturating_add(took / 2).unwrap_or(Timestamp::MAX);
    let asked = Asked { at: ended, machine: SystemClock.now(), showed, within: took / 2 };
    Ok((took < TOO_LONG).then_some(asked))
}

impl Store {
    /// The clock that all servers of this database share; `None` where there is one server, whose own clock it is.
    pub async fn clock(&self) -> Result<Option<DatabaseClock>, StoreError> {
        if matches!(self.place(), DatabasePlace::File(_)) {
            return Ok(None);
        }
        loop {
            if let Some(asked) = ask(self).await? {
                let clock = DatabaseClock { asked: Arc::new(Mutex::new(asked)) };
                return Ok(Some(self.0.database_clock.get_or_init(|| clock).clone()));
            }
        }
    }

    /// Asks the database's clock anew if this machine may have been suspended, and tells whether it may have been: what was
    /// reckoned by the clock before is to be reckoned again.
    pub async fn ask_a_doubtful_clock(&self) -> Result<bool, StoreError> {
        let is_doubtful = self.0.database_clock.get().is_some_and(|clock| clock.asked().is_doubtful());
        if is_doubtful {
            self.ask_the_clock().await?;
        }
        Ok(is_doubtful)
    }

    /// Asks the database's clock anew, where somebody goes by it.
    pub async fn ask_the_clock(&self) -> Result<(), StoreError> {
        if let Some(clock) = self.0.database_clock.get()
            && let Some(asked) = ask(self).await?
        {
            clock.follow(asked);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_slept_is_in_doubt_until_it_has_asked() {
        let now = SystemClock.now();
        let asked = |slept: i64| Asked {
            at: Instant::now(),
            machine: now.saturating_sub(SignedDuration::from_secs(slept)).unwrap(),
            showed: now,
            within: SignedDuration::ZERO,
        };
        assert!(!asked(0).is_doubtful());
        let clock = DatabaseClock { asked: Arc::new(Mutex::new(asked(3600))) };
        assert!(clock.asked().is_doubtful());
        clock.follow(asked(0));
        assert!(!clock.asked().is_doubtful());
    }

    #[test]
    fn an_answer_that_took_long_moves_no_clock_that_it_may_agree_with() {
        let now = SystemClock.now();
        let asked = |ahead: i64, within: i64| Asked {
            at: Instant::now(),
            machine: now,
            showed: now.saturating_add(SignedDuration::from_millis(ahead)).unwrap(),
            within: SignedDuration::from_millis(within),
        };
        let clock = DatabaseClock { asked: Arc::new(Mutex::new(asked(0, 1))) };
        let is_at = |ahead: i64| (clock.asked().showed.duration_since(now).as_millis() as i64 - ahead).abs() == 0;
        clock.follow(asked(800, 900));
        assert!(is_at(0), "it may be the same");
        clock.follow(asked(800, 100));
        assert!(is_at(800), "it is another one");
        clock.follow(asked(810, 20));
        assert!(is_at(810), "it is better known");
    }
}
