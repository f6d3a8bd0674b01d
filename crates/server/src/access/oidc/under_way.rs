//! Log-ins that were begun and have not come back.
//!
//! The browser keeps what was begun in a cookie; the server keeps nothing. State, nonce and the verifier of PKCE are made
//! of that cookie with `SECRET_KEY`: nobody else can make a state that fits a cookie, and who has the cookie alone knows
//! neither nonce nor verifier.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::Refused;
use crate::random_secrets::Secret;

/// How long a log-in may be under way.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// No address of ours that somebody wants to is longer.
const LONGEST_ADDRESS: usize = 1000;

/// A log-in that was begun.
pub(super) struct UnderWay {
    provider: String,
    seed: String,
    begun_at: Timestamp,
    again: bool,
    /// Where its person wanted to.
    pub(super) to: String,
}

/// What is made of a log-in under way.
pub(super) struct Derived {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

impl UnderWay {
    /// One that begins now.
    pub(super) fn begin(provider: &str, to: &str, again: bool, now: Timestamp) -> UnderWay {
        let to = if to.len() > LONGEST_ADDRESS { "/" } else { to }.to_owned();
        UnderWay { provider: provider.to_owned(), seed: Secret::new().reveal().to_owned(), begun_at: now, again, to }
    }

    /// The one that a browser kept.
    pub(super) fn read(provider: &str, cookie: Option<&str>, now: Timestamp) -> Result<UnderWay, Refused> {
        let cookie = cookie.ok_or_else(|| Refused::stale("no log-in was begun in this browser"))?;
        let found =
            parse(cookie).ok_or_else(|| Refused::stale("what the browser kept of the log-in cannot be read"))?;
        if found.provider != provider {
            let begun_at: String = found.provider.chars().take(20).collect();
            return Err(Refused::stale(format!(
                "the log-in was begun at {begun_at:?} and came back from {provider:?}"
            )));
        }
        let age = now.duration_since(found.begun_at);
        if age >= GOOD_FOR || age < SignedDuration::from_mins(-1) {
            return Err(Refused::stale(format!(
                "the log-in was begun {} seconds ago, and 600 are the most",
                age.as_secs()
            )));
        }
        Ok(found)
    }

    /// As the browser keeps it.
    pub(super) fn cookie(&self) -> String {
        let to = BASE64_URL_SAFE_NO_PAD.encode(&self.to);
        let Self { provider, seed, begun_at, again, .. } = self;
        format!("{provider}.{seed}.{}.{}.{to}", begun_at.as_second(), u8::from(*again))
    }

    pub(super) fn derive(&self, key: &str) -> Derived {
        let made = |what| BASE64_URL_SAFE_NO_PAD.encode(self.mac(key, what).finalize().into_bytes());
        Derived { state: made("state"), nonce: made("nonce"), verifier: made("verifier") }
    }

    /// Whether a state is the one of this log-in.
    pub(super) fn check_state(&self, key: &str, state: &str) -> Result<(), Refused> {
        let given = BASE64_URL_SAFE_NO_PAD.decode(state).unwrap_or_default();
        self.mac(key, "state")
            .verify_slice(&given)
            .map_err(|_| Refused::stale("the state is not that of the log-in which this browser began"))
    }

    /// When the provider was asked to ask its person anew, if it was.
    pub(super) fn asked_anew_at(&self) -> Option<Timestamp> {
        self.again.then_some(self.begun_at)
    }

    fn mac(&self, key: &str, what: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(format!("revere log-in {what} {}", self.cookie()).as_bytes());
        mac
    }
}

fn parse(cookie: &str) -> Option<UnderWay> {
    let mut parts = cookie.split('.');
    let [provider, seed, begun_at, again, to] =
        [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let to = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(to).ok()?).ok()?;
    let found = UnderWay {
        provider: provider.to_owned(),
        seed: seed.to_owned(),
        begun_at: Timestamp::from_second(begun_at.parse().ok()?).ok()?,
        again: again == "1",
        to,
    };
    (parts.next().is_none() && found.cookie() == cookie).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "a key that nobody else has";

    #[test]
    fn a_state_fits_the_cookie_it_was_made_of_and_no_other() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let begun = UnderWay::begin("oidc", "/alerts?x=1", true, now);
        let cookie = begun.cookie();
        let read = |cookie: &str, at| UnderWay::read("oidc", Some(cookie), at);
        let back = read(&cookie, now + SignedDuration::from_secs(599)).unwrap();
        assert_eq!((back.to.as_str(), back.asked_anew_at()), ("/alerts?x=1", Some(now)));
        let made = begun.derive(KEY);
        assert_eq!(back.derive(KEY).verifier, made.verifier);
        assert_eq!(made.verifier.len(), 43);
        assert!(made.state != made.nonce && made.nonce != made.verifier);
        back.check_state(KEY, &made.state).unwrap();
        assert!(back.check_state("another key", &made.state).is_err());
        assert!(back.check_state(KEY, "").is_err());
        let other = UnderWay::begin("oidc", "/", false, now);
        assert!(other.check_state(KEY, &made.state).is_err());
        // Whoever changes what the cookie says has a state that does not fit it any more.
        let changed = read(&cookie.replace(".1.", ".0."), now).unwrap();
        assert!(changed.check_state(KEY, &made.state).is_err());
    }

    #[test]
    fn what_is_old_damaged_or_of_another_provider_is_refused_with_why() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let cookie = UnderWay::begin("oidc", "/", false, now).cookie();
        for (provider, cookie, later, part) in [
            ("oidc", None, 0, "no log-in was begun"),
            ("oidc", Some(""), 0, "cannot be read"),
            ("oidc", Some("oidc.a.b.c.d"), 0, "cannot be read"),
            ("oidc", Some("oidc.a.1.0.L3.x"), 0, "cannot be read"),
            ("google", Some(cookie.as_str()), 0, "begun at \"oidc\" and came back from \"google\""),
            ("oidc", Some(&cookie), 600, "600 seconds ago"),
            ("oidc", Some(&cookie), -61, "-61 seconds ago"),
        ] {
            let at = now + SignedDuration::from_secs(later);
            let refused = UnderWay::read(provider, cookie, at).err().unwrap();
            assert!(refused.reason.contains(part), "{refused}");
        }
    }
}
