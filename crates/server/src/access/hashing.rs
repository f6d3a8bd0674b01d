//! How a password is kept, and compared with what is kept: Argon2id, in memory that its owner has once and for all.
//!
//! Memory that is taken anew for each comparison stays with whichever thread had it last: a few log-ins would cost hundreds of
//! megabytes, for good. Comparing takes as long where there is nothing to compare with.

use std::sync::LazyLock;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};

use crate::random_secrets::random;

/// What came of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Whether it is the password.
    pub right: bool,
    /// Whether it is kept in another way than passwords are kept today.
    pub outdated: bool,
}

/// What Argon2 works in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

/// What a password is compared with where there is none.
static NOBODYS: LazyLock<String> = LazyLock::new(|| Memory::default().hash("nobody has this password"));

/// Makes that.
pub(super) fn prepare() {
    LazyLock::force(&NOBODYS);
}

/// Argon2id with 19 MiB, two passes, one lane.
fn today() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN));
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("these parameters are within bounds"))
}

impl Memory {
    /// Takes what is needed today.
    pub(super) fn take(&mut self) {
        self.of(&today());
    }

    fn of(&mut self, argon2: &Argon2<'_>) -> &mut [Block] {
        let needed = argon2.params().block_count();
        if self.0.len() < needed {
            self.0.resize(needed, Block::new());
        }
        &mut self.0
    }

    /// How a password is kept.
    pub(super) fn hash(&mut self, password: &str) -> String {
        let mut kept = || {
            let (today, salt) = (today(), Salt::new(&random::<16>()).ok()?);
            let hash = Some(self.output(&today, password, &salt)?);
            let params = ParamsString::try_from(today.params()).ok()?;
            let (algorithm, version) = (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
            Some(PasswordHash { algorithm, version, params, salt: Some(salt), hash }.to_string())
        };
        kept().expect("a password of a few hundred bytes and a salt of 16 can be hashed")
    }

    /// Whether `password` is the one that is kept as `kept`; where none is, it takes as long and is not.
    pub(super) fn verify(&mut self, password: &str, kept: Option<&str>) -> Verified {
        let Some(kept) = kept else {
            return Verified { right: false, ..self.verify(password, Some(&NOBODYS)) };
        };
        self.compare(password, kept).unwrap_or_else(|| {
            tracing::error!(
                "a password is kept in a form that cannot be read; `revere user reset` gives its person a new one"
            );
            Verified { right: false, outdated: false }
        })
    }

    /// `None` where what is kept cannot be read.
    fn compare(&mut self, password: &str, kept: &str) -> Option<Verified> {
        let parsed = PasswordHash::new(kept).ok()?;
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
        let version = parsed.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let as_kept = Argon2::new(algorithm, version, Params::try_from(&parsed).ok()?);
        let (salt, hash) = (parsed.salt.as_ref()?, parsed.hash.as_ref()?);
        let found = self.output(&as_kept, password, salt)?;
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let same = algorithm == Algorithm::Argon2id && costs(as_kept.params()) == costs(today().params());
        // Compared in constant time, as this type is.
        Some(Verified { right: found == *hash, outdated: !same })
    }

    fn output(&mut self, argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Option<Output> {
        let mut whole = [0; Output::MAX_LENGTH];
        let out = whole.get_mut(..argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, self.of(argon2)).ok()?;
        Output::new(out).ok()
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[test]
    fn a_password_is_kept_as_argon2id_and_an_older_form_is_known_as_one() {
        let mut memory = Memory::default();
        let kept = memory.hash("correct horse battery");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, memory.hash("correct horse battery"), "salted");
        assert!(today().verify_password(b"correct horse battery", kept.as_str()).is_ok(), "as the library does");
        let mut verify = |password: &str, kept: &str| memory.verify(password, Some(kept));
        assert_eq!(verify("correct horse battery", &kept), Verified { right: true, outdated: false });
        assert_eq!(verify("correct horse batter", &kept), Verified { right: false, outdated: false });
        assert_eq!(verify("x", "plain text"), Verified { right: false, outdated: false });
        for (memory_kib, passes) in [(8, 1), (32 * 1024, 1)] {
            let other =
                Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(memory_kib, passes, 1, None).unwrap());
            let other =
                other.hash_password_with_salt(b"correct horse battery", b"saltsaltsaltsalt").unwrap().to_string();
            assert_eq!(verify("correct horse battery", &other), Verified { right: true, outdated: true });
            assert_eq!(verify("correct horse batter", &other), Verified { right: false, outdated: true });
            assert!(verify("correct horse battery", &kept).right, "after it");
        }
        assert!(!memory.verify("nobody has this password", None).right);
    }
}
