//! Deliveries as the log and the page of an alert show them.

use jiff::SignedDuration;
use revere_model::{DeliveryId, MonitorId, MuteId};

use super::super::{
    display::{Badge, ClockTime, Status, When, seen},
    page_request::PageClock,
    runs::day_in_zone,
};
use crate::store::{Delivery, DeliveryStatus};

/// What was settled sooner was settled at once.
const A_WHILE: SignedDuration = SignedDuration::from_secs(60);

/// A delivery as the page shows it.
pub(super) struct DeliveryView {
    pub(super) id: DeliveryId,
    pub(super) status: Status,
    /// When it came to be owed.
    pub(super) at: When,
    pub(super) clock: ClockTime,
    /// The day, where it is not that of the row above.
    pub(super) day: Option<String>,
    /// When it was settled, where that took a while.
    pub(super) settled: Option<When>,
    pub(super) next: Option<When>,
    /// It is owed, and its turn comes when what the same alert owes of the same monitor is settled.
    pub(super) waits: bool,
    /// The mute that holds it back.
    pub(super) held: Option<MuteId>,
    pub(super) alert: String,
    pub(super) monitor: MonitorId,
    pub(super) monitor_name: String,
    pub(super) old: Badge,
    pub(super) new: Badge,
    pub(super) attempts: u32,
    /// What was told: in a line, and whole.
    pub(super) message: String,
    pub(super) text: String,
    /// It was owed because another alert could not tell.
    pub(super) instead: bool,
    pub(super) answer: String,
}

/// Newest first, each day named above its first.
pub(super) fn log(deliveries: Vec<Delivery>, clock: &PageClock) -> Vec<DeliveryView> {
    let mut above = None;
    let mut rows: Vec<DeliveryView> =
        deliveries.into_iter().map(|delivery| DeliveryView::of(delivery, clock)).collect();
    for row in &mut rows {
        let day = row.clock.at.date();
        row.day = (above.replace(day) != Some(day)).then(|| day_in_zone(&row.clock.at));
    }
    rows
}

impl DeliveryView {
    pub(super) fn of(delivery: Delivery, clock: &PageClock) -> DeliveryView {
        let now = clock.now;
        let held = delivery.held_by.filter(|_| delivery.status == DeliveryStatus::Owed);
        DeliveryView {
            id: delivery.id,
            held,
            clock: ClockTime { at: delivery.created_at.to_zoned(clock.zone.clone()), now },
            day: None,
            message: seen(delivery.notification.message.lines().next().unwrap_or_default()),
            text: delivery.notification.said.clone().unwrap_or_else(|| delivery.notification.text()),
            status: Status(delivery.status),
            at: When { at: delivery.created_at, now },
            settled: delivery
                .settled_at
                .filter(|settled| settled.duration_since(delivery.created_at) > A_WHILE)
                .map(|at| When { at, now }),
            next: delivery
                .next_attempt_at
                .filter(|_| delivery.attempts > 0 && held.is_none())
                .map(|at| When { at, now }),
            waits: delivery.status == DeliveryStatus::Owed && delivery.next_attempt_at.is_none(),
            alert: delivery.alert_key,
            monitor: delivery.monitor_id,
            monitor_name: seen(&delivery.notification.monitor.name),
            old: Badge::State(delivery.notification.old_state),
            new: Badge::State(delivery.notification.new_state),
            attempts: delivery.attempts,
            instead: delivery.instead_of.is_some(),
            answer: delivery
                .last_error
                .filter(|_| delivery.status != DeliveryStatus::Sent)
                .or(delivery.reply)
                .unwrap_or_default(),
        }
    }
}
