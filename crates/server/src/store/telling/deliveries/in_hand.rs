//! The deliveries that this server is sending. It claims none of them once more, however late it gets and whatever its clock shows:
//! what comes of an attempt of its own it will know. Other servers go by the time of the claim alone, since they cannot know
//! whether this one is still there.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use revere_model::DeliveryId;

use super::Delivery;
use crate::store::Store;

/// What this server is sending.
#[derive(Clone, Default)]
pub(in crate::store) struct InHand(Arc<Mutex<HashSet<DeliveryId>>>);

/// Deliveries that are being sent, as long as this is kept.
pub struct BeingSent {
    in_hand: InHand,
    ids: Vec<DeliveryId>,
}

impl Store {
    /// Says that this server is sending these, which it has claimed, until what it answers is dropped: after what came of them was
    /// recorded.
    pub fn sending(&self, claimed: &[Delivery]) -> BeingSent {
        let in_hand = self.0.in_hand.clone();
        let ids: Vec<DeliveryId> = claimed.iter().map(|delivery| delivery.id).collect();
        in_hand.all().extend(ids.iter().copied());
        BeingSent { in_hand, ids }
    }
}

impl InHand {
    /// All of them, as a list that a statement takes.
    pub(super) fn ids_text(&self) -> String {
        let ids: Vec<i64> = self.all().iter().map(|id| id.0).collect();
        serde_json::to_string(&ids).expect("a list of numbers always has a JSON form")
    }

    fn all(&self) -> MutexGuard<'_, HashSet<DeliveryId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BeingSent {
    fn drop(&mut self) {
        let mut all = self.in_hand.all();
        for id in &self.ids {
            all.remove(id);
        }
    }
}
