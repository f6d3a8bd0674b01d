//! Passwords: what may be one, and how one is kept and compared.
//!
//! Hashing is slow and takes 19 MiB each time, on purpose; so few are hashed at a time, few wait, and nobody's threads are
//! held up. Comparing takes as long where there is nothing to compare with.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use super::{common_passwords, secrets::random};

/// The fewest characters of a password.
pub const MIN_PASSWORD: usize = 12;
/// The most.
pub const MAX_PASSWORD: usize = 200;

/// So many are hashed at a time.
const AT_A_TIME: usize = 2;
/// So many more may wait.
const MAY_WAIT: usize = 24;

/// Too many wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

/// What came of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Whether it is the password.
    pub right: bool,
    /// Whether it is kept in another way than passwords are kept today.
    pub outdated: bool,
}

/// Hashes passwords.
pub struct Passwords {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords { places: Arc::new(Semaphore::new(AT_A_TIME)), waiting: AtomicUsize::new(0) }
    }
}

impl Passwords {
    /// Makes beforehand what nobody's password is compared with: made with the first stranger, it would take their answer
    /// twice as long.
    pub fn prepare() {
        std::thread::spawn(|| LazyLock::force(&NOBODYS));
    }

    /// How `password` is kept.
    pub async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.one(move || hash(&password)).await
    }

    /// Whether `password` is the one that is kept as `kept`; where none is, it takes as long and is not.
    pub async fn verify(&self, password: &str, kept: Option<&str>) -> Result<Verified, Busy> {
        let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
        self.one(move || match kept {
            Some(kept) => verify(&password, &kept),
            None => Verified { right: false, ..verify(&password, &NOBODYS) },
        })
        .await
    }

    async fn one<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let waiting = Waiting::begin(&self.waiting).ok_or(Busy)?;
                let place = self.places.clone().acquire_owned().await.map_err(|_| Busy)?;
                drop(waiting);
                place
            }
        };
        let worked = tokio::task::spawn_blocking(move || {
            // Kept until it is done, also if nobody waits for it any more.
            let _place = place;
            work()
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

/// Argon2id with 19 MiB, two passes, one lane.
fn today() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("these parameters are within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What a password is compared with where there is none.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash("nobody has this password"));

fn hash(password: &str) -> String {
    let hashed = today().hash_password_with_salt(password.as_bytes(), &random::<16>());
    hashed.expect("a password of a few hundred bytes and a salt of 16 can be hashed").to_string()
}

fn verify(password: &str, kept: &str) -> Verified {
    let Ok(parsed) = PasswordHash::new(kept) else {
        tracing::error!(
            "a password is kept in a form that cannot be read; `revere user reset` gives its person a new one"
        );
        return Verified { right: false, outdated: false };
    };
    let right = today().verify_password(password.as_bytes(), &parsed).is_ok();
    let same = Params::try_from(&parsed).is_ok_and(|params| {
        let today = today();
        let today = today.params();
        (params.m_cost(), params.t_cost(), params.p_cost()) == (today.m_cost(), today.t_cost(), today.p_cost())
    });
    Verified { right, outdated: !(same && parsed.algorithm.as_str() == "argon2id") }
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
    async fn a_password_is_kept_as_argon2id_and_an_older_form_is_known_as_one() {
        let passwords = Passwords::default();
        let kept = passwords.hash("correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        let verify = async |password: &'static str, kept: &str| passwords.verify(password, Some(kept)).await.unwrap();
        assert_eq!(verify("correct horse battery", &kept).await, Verified { right: true, outdated: false });
        assert_eq!(verify("correct horse batter", &kept).await, Verified { right: false, outdated: false });
        assert!(!passwords.verify("nobody has this password", None).await.unwrap().right);
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let weak = weak.hash_password_with_salt(b"correct horse battery", b"saltsaltsaltsalt").unwrap().to_string();
        assert_eq!(verify("correct horse battery", &weak).await, Verified { right: true, outdated: true });
        assert_eq!(verify("x", "plain text").await, Verified { right: false, outdated: false });
    }

    #[tokio::test]
    async fn few_are_hashed_at_a_time_few_wait_and_the_rest_is_told_so() {
        let passwords = Arc::new(Passwords::default());
        let held = passwords.places.clone().acquire_many_owned(AT_A_TIME as u32).await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..MAY_WAIT + 5 {
            let passwords = passwords.clone();
            all.spawn(async move { passwords.hash("x").await.map(drop) });
        }
        for _ in 0..5 {
            assert_eq!(all.join_next().await.unwrap().unwrap(), Err(Busy), "while nobody has a place");
        }
        drop(held);
        assert!(all.join_all().await.iter().all(Result::is_ok), "those who wait have their turn");
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
