//! Tokens that were good a short while ago, for the one question that is answered while the database is not: how the server is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use revere_model::Who;

/// For so long a token counts as it was.
const KNOWN_FOR: SignedDuration = SignedDuration::from_mins(15);

/// So many are known at most: those of the few programs that look after a server.
const MOST: usize = 64;

/// Whose tokens they were, by the hash of each.
#[derive(Default)]
pub struct KnownTokens(Mutex<HashMap<String, (Who, Timestamp)>>);

impl KnownTokens {
    /// Remembers whose a token is, or forgets it where it is good no longer.
    pub fn note(&self, hash: String, who: Option<&Who>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, at)| now.duration_since(*at) < KNOWN_FOR);
        match who {
            Some(who) if known.len() < MOST || known.contains_key(&hash) => {
                known.insert(hash, (who.clone(), now));
            }
            Some(_) => {}
            None => {
                known.remove(&hash);
            }
        }
    }

    /// Whose it was lately.
    pub fn find(&self, hash: &str, now: Timestamp) -> Option<Who> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(_, at)| now.duration_since(*at) < KNOWN_FOR).map(|(who, _)| who.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_for_a_while_and_forgotten_where_it_is_good_no_longer() {
        let (known, now) = (KnownTokens::default(), Timestamp::UNIX_EPOCH);
        known.note("a".into(), Some(&Who::Everybody), now);
        assert_eq!(known.find("a", now + SignedDuration::from_mins(14)), Some(Who::Everybody));
        assert_eq!(known.find("a", now + SignedDuration::from_mins(16)), None);
        known.note("a".into(), None, now);
        assert_eq!(known.find("a", now), None);
    }
}
