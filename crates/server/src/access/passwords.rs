//! Passwords: what may be one, and whose turn it is to have one hashed or compared.
//!
//! That is slow and takes 19 MiB, on purpose. So one is hashed at a time, in memory that is had once and for all; few wait, and
//! nobody's threads are held up. Whoever guesses waits among strangers, of whom one at a time waits with those who are known:
//! however many guess, the owner of an account has their turn.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Mutex, Semaphore};

use super::{
    common_passwords,
    hashing::{self, Memory, Verified},
};

/// The fewest characters of a password.
pub const MIN_PASSWORD: usize = 12;
/// The most.
pub const MAX_PASSWORD: usize = 200;

/// So many may wait of those who are known, and so many strangers.
const MAY_WAIT: usize = 24;

/// Too many wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

/// In which queue somebody waits, so that strangers hold up nobody who is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// Whoever comes from where the person they say they are never came from: anybody.
    Strangers,
    /// Who came from there before, who is in, or who was given a link.
    Known,
}

/// Hashes and compares passwords.
pub struct Passwords {
    memory: Arc<Mutex<Memory>>,
    /// The one stranger who may wait for it beside those who are known.
    stranger: Arc<Semaphore>,
    strangers_waiting: AtomicUsize,
    known_waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords {
            memory: Arc::default(),
            stranger: Arc::new(Semaphore::new(1)),
            strangers_waiting: AtomicUsize::new(0),
            known_waiting: AtomicUsize::new(0),
        }
    }
}

impl Passwords {
    /// Makes beforehand what the first comparison would wait for: so the first stranger's answer takes as long as any, and
    /// memory does not grow with them.
    pub fn prepare(&self) {
        let memory = self.memory.clone();
        std::thread::spawn(move || {
            hashing::prepare();
            memory.blocking_lock().take();
        });
    }

    /// How `password`, which somebody known has chosen, is kept.
    pub async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.one(Queue::Known, move |memory| memory.hash(&password)).await
    }

    /// Whether `password` is the one that is kept as `kept`; where none is, it takes as long and is not.
    pub async fn verify(&self, password: &str, kept: Option<&str>, queue: Queue) -> Result<Verified, Busy> {
        let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
        self.one(queue, move |memory| memory.verify(&password, kept.as_deref())).await
    }

    async fn one<T: Send + 'static>(
        &self,
        queue: Queue,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let count = match queue {
            Queue::Strangers => &self.strangers_waiting,
            Queue::Known => &self.known_waiting,
        };
        let waiting = Waiting::begin(count).ok_or(Busy)?;
        let turn = match queue {
            Queue::Strangers => Some(self.stranger.clone().acquire_owned().await.map_err(|_| Busy)?),
            Queue::Known => None,
        };
        let mut memory = self.memory.clone().lock_owned().await;
        drop(waiting);
        let worked = tokio::task::spawn_blocking(move || {
            // Kept until it is done, also if nobody waits for it any more.
            let _turn = turn;
            work(&mut memory)
        });
        worked.await.map_err(|_| Busy)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn begin(count: &AtomicUsize) -> Option<Waiting<'_>> {
        if count.fetch_add(1, Ordering::AcqRel) < MAY_WAIT {
            return Some(Waiting(count));
        }
        count.fetch_sub(1, Ordering::AcqRel);
        None
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is wrong with a password that somebody chose; it completes "the password ...".
pub fn password_fault(password: &str, name: &str) -> Option<String> {
    let length = password.chars().count();
    if length < MIN_PASSWORD {
        return Some(format!("has {length} characters: {MIN_PASSWORD} at least; four words in a row do well"));
    }
    if length > MAX_PASSWORD {
        return Some(format!("has {length} characters: {MAX_PASSWORD} at most"));
    }
    let small = password.to_lowercase();
    let different: std::collections::BTreeSet<char> = small.chars().collect();
    if different.len() < 5 {
        return Some("is made of fewer than five different characters: choose another".to_owned());
    }
    let rest = |word: &str| small.replace(&word.to_lowercase(), "").chars().count();
    for (word, what) in [(name, "your name"), ("revere", "the name of this program")] {
        if word.chars().count() > 2 && rest(word) != length && rest(word) < MIN_PASSWORD / 2 {
            return Some(format!("is little more than {what}: choose another"));
        }
    }
    common_passwords::is_common(&small).then(|| "is one of the first that are guessed: choose another".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_is_compared_at_a_time_few_wait_the_rest_is_told_so_and_who_is_known_comes_second() {
        let passwords = Arc::new(Passwords::default());
        let held = passwords.memory.clone().lock_owned().await;
        let mut strangers = tokio::task::JoinSet::new();
        for _ in 0..MAY_WAIT + 5 {
            let passwords = passwords.clone();
            strangers.spawn(async move { passwords.verify("x", None, Queue::Strangers).await.map(drop) });
        }
        for _ in 0..5 {
            assert_eq!(strangers.join_next().await.unwrap().unwrap(), Err(Busy), "while nobody has a turn");
        }
        let known = passwords.clone();
        let known = tokio::spawn(async move { known.hash("correct horse battery").await });
        while passwords.known_waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        drop(held);
        let kept = known.await.unwrap().unwrap();
        assert!(passwords.strangers_waiting.load(Ordering::Acquire) >= MAY_WAIT - 3, "the others still wait");
        assert!(passwords.verify("correct horse battery", Some(&kept), Queue::Known).await.unwrap().right);
        assert!(strangers.join_all().await.iter().all(Result::is_ok), "those who wait have their turn");
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        for (password, part) in [
            ("short", "has 5 characters"),
            ("aaaaaaaaaaaaaaaa", "different characters"),
            ("Alice1234Alice", "your name"),
            ("revere-x12-revere", "the name of this program"),
            ("123456789012", "guessed"),
            ("qwertyuiop123", "guessed"),
            ("Password12345", "guessed"),
        ] {
            let fault = password_fault(password, "alice").unwrap_or_default();
            assert!(fault.contains(part), "{password}: {fault}");
        }
        for password in ["correct horse battery", "ünïcödé wörks töö", "alice likes mountains", &"long ".repeat(40)]
        {
            assert_eq!(password_fault(password, "alice"), None, "{password}");
        }
        assert!(password_fault(&"long words ".repeat(40), "alice").is_some());
    }
}
