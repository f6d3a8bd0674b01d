//! Makes messages of what was claimed, sends each once, and writes down what came of it.
//!
//! A message is one delivery, or several of one alert, each of another monitor. With a problem that could not be told while it was
//! there goes the rest of its episode. Whatever goes together, each delivery has a row of its own, and its own end.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    acknowledge_link::{LinkSigner, without_links},
    alerts::{Channel, Missed, Notification, Receipt, Retry, SendError, crowd, retry, send_once},
    chart,
    engine::{Event, Shared, driver::Wake},
    metrics::DeliveryResult,
    store::{BeingSent, Delivery, DeliveryStatus, Settlement, StoreError},
    web_push::Round,
};

/// The most changes of one episode that are told together.
const EPISODE: u32 = 20;

/// What was tried in vain for so long comes late: what has happened since is told with it.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// Why what was claimed was not sent.
pub(super) const TOO_LATE: &str = "the database answered too late for it to be sent then";

/// What sending needs.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) shared: Arc<Shared>,
    pub(super) channel: Arc<dyn Channel>,
    pub(super) wake: Wake,
    /// For so long after a message the next one gathers what there is to tell; zero where each is told by itself.
    pub(super) window: SignedDuration,
    /// So many are told each by itself next: the receiver refused them as one message, perhaps for the sake of one.
    pub(super) apart: Arc<AtomicUsize>,
}

/// What a message came to.
enum CameOf {
    /// What the receiver said, or why nothing was taken.
    Sending(Result<Receipt, SendError>),
    /// There was nobody to tell it to, for this reason.
    Nobody(String),
}

/// A delivery that is sent, and the rest of its episode where that is told with it.
struct Piece {
    first: Delivery,
    rest: Vec<Delivery>,
}

impl Sender {
    /// Tells these, as one message, and writes down what came of it. They are in hand until then.
    pub(super) async fn send(self, deliveries: Vec<Delivery>, being_sent: BeingSent, place: OwnedSemaphorePermit) {
        self.send_and_settle(deliveries).await;
        drop((being_sent, place));
        self.wake.wake();
    }

    async fn send_and_settle(&self, deliveries: Vec<Delivery>) {
        let mut pieces = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            pieces.push(self.piece(delivery).await);
        }
        let mut notification = self.message(&pieces).await;
        let alert = pieces[0].first.alert_key.clone();
        let round = self.shared.add_browsers(&alert, &*self.channel, &mut notification).await;
        if round.is_ok() && !self.are_still_ours(&pieces).await {
            return self.leave(pieces).await;
        }
        let came = match round {
            Ok(round) => {
                let sent = tokio::select! {
                    biased;
                    // What is cut off stays owed, and is sent again by the next start.
                    () = self.shared.cut.cancelled() => return,
                    sent = send_once(&*self.channel, &notification, self.shared.settings.send_limit) => sent,
                };
                self.came(round, sent).await
            }
            Err(error) => {
                CameOf::Sending(Err(SendError::later(format!("which browsers to notify is not known: {error}"))))
            }
        };
        self.settle(pieces, came).await;
    }

    /// Whether the claims hold for as long as sending may take. Where the database was slow to say what there is to be told, they are
    /// renewed; what another server may have by now is not sent, since it would come twice.
    async fn are_still_ours(&self, pieces: &[Piece]) -> bool {
        let shared = &self.shared;
        // Nobody else claims from one server alone.
        if !shared.store.is_shared() {
            return true;
        }
        let claimed: Vec<&Delivery> = pieces.iter().map(|piece| &piece.first).collect();
        let kept = async {
            // A machine that slept does not know how late it is until it has asked.
            let slept = shared.store.ask_a_doubtful_clock().await?;
            let now = shared.clock.now();
            let limit = SignedDuration::try_from(shared.settings.send_limit).unwrap_or(SignedDuration::MAX);
            let ends = now.saturating_add(limit).unwrap_or(Timestamp::MAX);
            if !slept && claimed.iter().all(|one| one.next_attempt_at.is_some_and(|until| ends <= until)) {
                return Ok(true);
            }
            shared.store.keep_claims(&claimed, &shared.node, now, shared.lease()).await
        };
        kept.await.unwrap_or_else(|error: StoreError| {
            let alert = &claimed[0].alert_key;
            tracing::warn!(alert, %error, "not sent now: whether another server has it is not known");
            false
        })
    }

    /// Leaves what was not sent to whoever is next. What another server has claimed meanwhile stays as that has it.
    async fn leave(&self, pieces: Vec<Piece>) {
        let now = self.shared.clock.now();
        let settlement = Settlement::Again(now, TOO_LATE.to_owned());
        let back = pieces.into_iter().map(|piece| (piece.first, settlement.clone())).collect();
        if let Err(error) = self.shared.store.settle_deliveries(back, now).await {
            tracing::error!(%error, "what was not sent could not be handed back; it is due when its claim is over");
        }
    }

    /// What a message came to, where it went to browsers with what became of it for each.
    async fn came(&self, round: Option<Arc<Round>>, sent: Result<Receipt, SendError>) -> CameOf {
        let Some(round) = round else { return CameOf::Sending(sent) };
        match (self.shared.note_browsers(&round, false, self.shared.clock.now()).await, sent) {
            (Err(error), _) => CameOf::Sending(Err(error)),
            (Ok(true), Err(error)) => CameOf::Nobody(error.message),
            (Ok(_), sent) => CameOf::Sending(sent),
        }
    }

    /// A delivery, with the rest of its episode if that has gone on before anybody could be told.
    async fn piece(&self, mut first: Delivery) -> Piece {
        first.reference = self.shared.store.reference_for(&first).await.unwrap_or_else(|error| {
            // Rather told by itself than not told.
            tracing::warn!(delivery = %first.id, %error, "sent without looking for what was sent of the problem before");
            None
        });
        let told = &first.notification;
        let begins = told.new_state.is_problem() && !told.old_state.is_problem();
        let late = first.last_error.is_some() && self.shared.clock.now().duration_since(first.created_at) >= LATE;
        let together = first.held_by.is_some() || (begins && (late || !self.window.is_zero()));
        if !together || first.instead_of.is_some() {
            return Piece { first, rest: Vec::new() };
        }
        let rest = self.shared.store.rest_of_episode(&first, EPISODE).await.unwrap_or_else(|error| {
            tracing::warn!(delivery = %first.id, %error, "what happened since is sent by itself");
            Vec::new()
        });
        Piece { first, rest }
    }

    /// What these come to as one message.
    async fn message(&self, pieces: &[Piece]) -> Notification {
        let address = &self.shared.settings.address;
        // One that goes in other company the next time has another key.
        let knows_repeats = self.channel.knows_repeats() && self.window.is_zero();
        let mut all = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut notification = piece.notification();
            notification.sending.reply_to = piece.first.reference.clone();
            notification.sending.may_be_repeat = piece.first.may_be_repeat() && !knows_repeats;
            if !address.is_empty() {
                let page = notification.monitor.url.as_str();
                let page =
                    if page.is_empty() { format!("/monitor/{}", piece.first.monitor_id) } else { page.to_owned() };
                notification.monitor.url = format!("{address}{page}");
            }
            // Of several monitors nobody looks after all at once.
            if pieces.len() == 1 && self.shared.settings.acknowledge_links && notification.new_state.is_problem() {
                notification.acknowledge_url = self.acknowledge_url(piece.last()).await;
            }
            all.push(notification);
        }
        if all.len() == 1 {
            let told = all.remove(0);
            return self.with_chart(told, &pieces[0].first).await;
        }
        crowd(all, &if address.is_empty() { String::new() } else { format!("{address}/") })
    }

    /// With its chart, where the channel shows one. What was not taken once is told in words alone: whatever a receiver, or what
    /// stands in between, has against a picture, it costs nobody more than that attempt.
    async fn with_chart(&self, told: Notification, delivery: &Delivery) -> Notification {
        if !self.channel.takes_chart() || delivery.attempts > 1 {
            return told;
        }
        match chart::of_message(&self.shared.store, &told, self.shared.clock.now()).await {
            Some(chart) => told.with_chart(chart),
            None => told,
        }
    }

    /// Where somebody says that they look after what `told` tells of.
    async fn acknowledge_url(&self, told: &Delivery) -> Option<String> {
        match self.shared.store.link_key().await {
            Ok(key) => {
                let token = LinkSigner::new(&key).token(told.id, told.flip_id);
                Some(format!("{}/acknowledge/{token}", self.shared.settings.address))
            }
            Err(error) => {
                // Rather told without a link than not told.
                tracing::warn!(delivery = %told.id, %error, "sent without a link to acknowledge it by");
                None
            }
        }
    }

    /// Writes down what came of a message.
    async fn settle(&self, pieces: Vec<Piece>, came: CameOf) {
        let shared = &self.shared;
        let now = shared.clock.now();
        let refused = matches!(&came, CameOf::Sending(Err(SendError { retry: Retry::Never, .. })));
        let refused_together = pieces.len() > 1 && refused;
        let messages = pieces.len();
        let settlements = match came {
            CameOf::Sending(Ok(receipt)) => self.all_sent(pieces, &receipt),
            CameOf::Sending(Err(error)) => self.not_sent(pieces, &error, now),
            CameOf::Nobody(reason) => nobody(pieces, &self.shown(&reason)),
        };
        for (delivery, settlement) in &settlements {
            note(shared, delivery, settlement);
        }
        match shared.store.settle_deliveries(settlements, now).await {
            Ok(settled) => {
                if refused_together {
                    self.apart.store(messages, Ordering::Relaxed);
                }
                if settled.iter().any(|(_, status)| *status == DeliveryStatus::Failed) {
                    // Another alert may have to tell it instead.
                    shared.wake_deliveries();
                }
                for (Delivery { id, alert_key, monitor_id, .. }, status) in settled {
                    shared.note_delivery(id);
                    shared.tell(Event::Delivery { id, alert_key, monitor_id, status });
                }
            }
            Err(error) => {
                tracing::error!(%error, "what came of a message could not be recorded; it will be sent again");
            }
        }
    }

    /// What a receiver said, as it is kept: it may say back what it was sent, also the link that is good for whoever has it.
    fn shown(&self, said: &str) -> String {
        without_links(&self.shared.secrets.redact(said)).into_owned()
    }

    fn all_sent(&self, pieces: Vec<Piece>, receipt: &Receipt) -> Vec<(Delivery, Settlement)> {
        // What was told before of some of these stays where they belong, if they were not put there.
        let messages = pieces.len();
        let apart = pieces.windows(2).any(|pair| pair[0].first.reference != pair[1].first.reference);
        let told: Vec<Delivery> = pieces.into_iter().flat_map(|piece| piece.told(&receipt.reference, apart)).collect();
        let mut told = told;
        if messages == 1 {
            let said = receipt.said.as_ref().map(|said| self.shown(said));
            told.iter_mut().for_each(|delivery| delivery.notification.said.clone_from(&said));
        }
        let mut reply = self.shown(&receipt.reply);
        match told.len() {
            0 | 1 => {}
            2 => reply.push_str(" (one message with 1 other)"),
            all => reply.push_str(&format!(" (one message with {} others)", all - 1)),
        }
        told.into_iter().map(|delivery| (delivery, Settlement::Sent(reply.clone()))).collect()
    }

    /// What goes on after a message that was not taken. What was together is tried again together, so that a receiver that is
    /// away is asked once; what it refuses as one message is told each by itself.
    fn not_sent(&self, pieces: Vec<Piece>, error: &SendError, now: Timestamp) -> Vec<(Delivery, Settlement)> {
        let message = self.shown(&error.message);
        let firsts = pieces.iter().map(|piece| &piece.first);
        if pieces.len() > 1 && error.retry == Retry::Never {
            let reason = format!("{message} (refused as one message of {}; next by itself)", pieces.len());
            return firsts.cloned().map(|first| (first, Settlement::Again(now, reason.clone()))).collect();
        }
        let random = self.shared.jitter();
        // Of what may have arrived nothing is told by itself any more, behind what went with it: it is given up with the last of it.
        let whole = |piece: &Piece| error.retry != Retry::Never && (error.unanswered || piece.first.may_be_repeat());
        // Counted from when it came to be owed: what waited behind others is tried at least once.
        let next = |piece: &Piece| {
            let owed = if whole(piece) { piece.last() } else { &piece.first };
            retry::next_attempt(piece.first.attempts, owed.created_at, now, error.retry, random)
        };
        let together = pieces.iter().filter_map(next).max();
        let settle = |piece: Piece| {
            let settlement = match next(&piece).and(together) {
                Some(at) if error.unanswered => Settlement::Unanswered(at, message.clone()),
                Some(at) => Settlement::Again(at, message.clone()),
                None => Settlement::Failed(message.clone()),
            };
            let rest =
                if whole(&piece) && matches!(settlement, Settlement::Failed(_)) { piece.rest } else { Vec::new() };
            std::iter::once(piece.first).chain(rest).map(move |delivery| (delivery, settlement.clone()))
        };
        pieces.into_iter().flat_map(settle).collect()
    }
}

/// There was nobody to tell it to. Whoever is to hear it by this alert alone, as somebody on call, hears it by another one.
fn nobody(pieces: Vec<Piece>, reason: &str) -> Vec<(Delivery, Settlement)> {
    let settlement =
        |delivery: &Delivery| match delivery.notification.on_call.is_some() || delivery.instead_of.is_some() {
            true => Settlement::Failed(reason.to_owned()),
            false => Settlement::Nobody(reason.to_owned()),
        };
    pieces.into_iter().map(|piece| (settlement(&piece.first), piece.first)).map(|(is, first)| (first, is)).collect()
}

impl Piece {
    /// All of it, with where what follows belongs: the place of the message, unless that was put `apart` from what was told
    /// before.
    fn told(self, place: &Option<String>, apart: bool) -> impl Iterator<Item = Delivery> {
        let before = self.first.reference.clone().filter(|_| apart);
        let reference = before.or_else(|| place.clone());
        let all = std::iter::once(self.first).chain(self.rest);
        all.map(move |delivery| Delivery { reference: reference.clone(), ..delivery })
    }

    /// The last that happened of it.
    fn last(&self) -> &Delivery {
        self.rest.last().unwrap_or(&self.first)
    }

    /// The last change of it, with what came before. What was to remind of it meanwhile is told with it.
    fn notification(&self) -> Notification {
        let all = std::iter::once(&self.first).chain(&self.rest);
        let changes: Vec<&Delivery> = all.filter(|one| one.notification.reminder.is_none()).collect();
        let Some(last) = changes.last() else { return self.first.notification.clone() };
        let mut notification = last.notification.clone();
        let began = |delivery: &Delivery| delivery.notification.tick_at.unwrap_or(delivery.created_at);
        let missed = changes.windows(2).map(|pair| Missed {
            state: pair[0].notification.new_state,
            severity: pair[0].notification.severity(),
            from: began(pair[0]),
            until: began(pair[1]),
        });
        notification.sending.missed = missed.collect();
        notification
    }
}

/// Counts what becomes of a delivery, and says it in the log where it was not taken.
fn note(shared: &Shared, delivery: &Delivery, settlement: &Settlement) {
    let (alert, monitor, attempts) = (&delivery.alert_key, delivery.monitor_id, delivery.attempts);
    let result = match settlement {
        Settlement::Sent(_) => DeliveryResult::Delivered,
        Settlement::Again(_, reason) | Settlement::Unanswered(_, reason) => {
            tracing::warn!(alert, %monitor, attempts, reason, "a delivery was not taken; trying again");
            DeliveryResult::Retried
        }
        Settlement::Nobody(reason) => {
            tracing::debug!(alert, %monitor, reason, "there was nobody to notify");
            return;
        }
        Settlement::Failed(reason) => {
            tracing::error!(alert, %monitor, attempts, reason, "a delivery is given up");
            DeliveryResult::Failed
        }
    };
    shared.metrics.observe_delivery(alert, result);
}
