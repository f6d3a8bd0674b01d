//! What the demo's alerts told in the weeks before it began: `terminal` reached everyone; `on-call` did until three days
//! ago, and has reached nobody since.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use revere_model::StateSet;

use crate::{
    alerts::retry,
    store::{PastAlert, PastDelivery, PastResult, Settlement},
};

/// How long before the demo `on-call` went down: just before the database of the warehouse, which is told in vain.
const DOWN_FOR: SignedDuration = SignedDuration::from_hours(3 * 24 + 1);
/// Between two attempts at what is not taken, after the first few: half of the longest wait, as jitter has it.
const APART_S: i64 = 150;

/// The alerts of the demo's configuration, as they were up to `now`. What is still owed is tried again at `begin`.
pub(super) fn alerts(now: Timestamp, begin: Timestamp) -> Vec<PastAlert> {
    let told =
        |key: &str, fared: Arc<PastResult>| PastAlert { key: key.to_owned(), states: StateSet::DEFAULT_TOLD, fared };
    vec![
        told("terminal", Arc::new(|_, at| terminal(at))),
        told("on-call", Arc::new(move |_, at| on_call(at, now, begin))),
    ]
}

fn terminal(at: Timestamp) -> PastDelivery {
    let said = SignedDuration::from_millis(3);
    PastDelivery { attempts: 1, at: after(at, said), settlement: Settlement::Sent("logged".to_owned()) }
}

fn on_call(at: Timestamp, now: Timestamp, begin: Timestamp) -> PastDelivery {
    let give_up_after = SignedDuration::try_from(retry::GIVE_UP_AFTER).expect("a day fits");
    let (gone, given_up_at) = (now.duration_since(at), after(at, give_up_after));
    if gone > DOWN_FOR {
        let took = SignedDuration::from_millis(180);
        let settlement = Settlement::Sent("202 Accepted: paged".to_owned());
        return PastDelivery { attempts: 1, at: after(at, took), settlement };
    }
    let attempts = |tried: SignedDuration| 6 + u32::try_from(tried.as_secs() / APART_S).unwrap_or_default();
    if given_up_at <= now {
        let error = "503 Service Unavailable: no healthy upstream (POST http://127.0.0.1:9/on-call)".to_owned();
        PastDelivery { attempts: attempts(give_up_after), at: given_up_at, settlement: Settlement::Failed(error) }
    } else {
        let error = "connection refused: nothing listens there (POST http://127.0.0.1:9/on-call)".to_owned();
        PastDelivery { attempts: attempts(gone), at: now, settlement: Settlement::Again(begin, error) }
    }
}

fn after(at: Timestamp, later: SignedDuration) -> Timestamp {
    at.checked_add(later).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_call_reached_people_then_gave_up_then_still_tries() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let told = |hours: i64| on_call(after(now, SignedDuration::from_hours(-hours)), now, now);
        assert!(matches!(told(200).settlement, Settlement::Sent(_)));
        let given_up = told(72);
        assert!(matches!(given_up.settlement, Settlement::Failed(_)) && given_up.attempts > 100, "{given_up:?}");
        assert_eq!(given_up.at, after(now, SignedDuration::from_hours(-48)));
        assert!(matches!(told(3).settlement, Settlement::Again(..)));
        assert!(told(23).attempts > told(3).attempts);
    }
}
