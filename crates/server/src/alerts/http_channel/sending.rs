//! How a notification is sent over HTTP: once, and where its receiver has something against its form, once more in another: by
//! itself, without its chart, its buttons or its markup. They cost nobody the words.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use revere_model::{Clock, SystemClock};

use super::super::{
    Built, Channel, Notification, PreviewPart, Receipt, Retry, SendError,
    answer::{Answer, Verdict},
    charts::{self, told_without},
    kind_of, own_words,
    pause::Pause,
};
use super::{
    ChartPlace, HttpChannel,
    refusal::{Extra, Refused, not_sent, redirection},
    request_preview::parts,
};
use crate::{
    building::BuildInput,
    http_target::HttpTarget,
    outbound::{Limits, Reply, Request},
    settings::ConfigFault,
};

/// So much of what a receiver says in return is read: more than is ever shown, and enough for one that repeats the whole
/// message beside the word that it was taken.
const REPLY_BYTES: usize = 256 << 10;

/// So long a chart that follows what was told is waited for: until it is there, that is not written down as told.
const CHART_PATIENCE: Duration = Duration::from_secs(5);

/// When a receiver that took something to look at is asked what came of it, each after the one before.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];

/// So long it is asked at most.
const LOOKS_PATIENCE: Duration = Duration::from_secs(4);

/// The longest reference that is kept, in bytes; no service has longer ones.
const REFERENCE_BYTES: usize = 1 << 10;

/// Makes a channel of what a kind has read, with the login and the connection that the settings describe. The faults of
/// both are reported together.
pub fn over_http<C: HttpChannel>(setup: &BuildInput, made: Result<C, Vec<ConfigFault>>) -> Built {
    match (made, HttpTarget::read(setup, None)) {
        (Ok(channel), Ok(target)) => {
            let knows_repeats = kind_of(setup.entry).is_some_and(|kind| kind.knows_repeats);
            Ok(Arc::new(OverHttp { target, channel, knows_repeats, pause: Pause::default() }))
        }
        (made, target) => Err(made.err().into_iter().chain(target.err()).flatten().collect()),
    }
}

struct OverHttp<C> {
    target: HttpTarget,
    channel: C,
    knows_repeats: bool,
    pause: Pause,
}

#[async_trait]
impl<C: HttpChannel> Channel for OverHttp<C> {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let mut taken = self.sent(notification, timeout).await?;
        if self.channel.has_own_body() {
            let kept = Notification { acknowledge_url: None, ..notification.clone() };
            let parts = self.preview(&kept).unwrap_or_default();
            let said: Vec<String> = parts.into_iter().map(|part| format!("{}: {}", part.name, part.text)).collect();
            taken.said = Some(own_words::as_logged(&said.join("\n")));
        }
        Ok(taken)
    }

    fn takes_chart(&self) -> bool {
        self.channel.charts() != ChartPlace::Nowhere
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let request = self.channel.request(notification).map_err(|error| error.to_string())?;
        let mut parts = parts(&request, self.channel.tells_in_address());
        if self.channel.charts() == ChartPlace::Behind {
            parts.extend(notification.chart().map(charts::shown));
        }
        Ok(parts)
    }
}

impl<C: HttpChannel> OverHttp<C> {
    /// Tells it, with its chart where that is shown in the same request.
    async fn sent(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let end = Instant::now() + timeout;
        if notification.chart().is_none() || self.channel.charts() != ChartPlace::InRequest {
            return Ok(self.send_or_by_itself(notification, end).await?);
        }
        let refused = match self.send_or_plainer(notification, end).await {
            Err(refused) if refused.may_be_for_the_chart() => refused.error,
            sent => return Ok(sent?),
        };
        if end.saturating_duration_since(Instant::now()) < timeout / 2 {
            // The next attempt has no chart, and all the time there is: one that is cut short may have been taken.
            return Err(SendError { retry: Retry::Later, ..refused });
        }
        // Whatever a receiver has against a picture costs nobody the words.
        let taken = self.send_or_by_itself(&notification.without_chart(), end).await?;
        Ok(told_without(taken, &refused))
    }

    /// Sends it; where the receiver does not take it as an answer, as a message of its own.
    async fn send_or_by_itself(&self, notification: &Notification, end: Instant) -> Result<Receipt, Refused> {
        let refused = match self.send_or_plainer(notification, end).await {
            Err(refused) if refused.error.retry == Retry::Never && notification.sending.reply_to.is_some() => {
                refused.error
            }
            sent => return sent,
        };
        let mut by_itself = notification.clone();
        by_itself.sending.reply_to = None;
        let receipt = self.send_or_plainer(&by_itself, end).await?;
        Ok(Receipt { reply: format!("{} (by itself; as an answer: {refused})", receipt.reply), ..receipt })
    }

    /// Sends it; where the receiver does not take its buttons or its markup, without what it refuses, and only that.
    async fn send_or_plainer(&self, notification: &Notification, end: Instant) -> Result<Receipt, Refused> {
        let mut refused = match self.send_once(notification, end).await {
            Err(refused) => refused,
            taken => return taken,
        };
        let (mut told, mut left_out) = (notification.clone(), String::new());
        while let Some(extra) = refused.extra
            && let Some(plainer) = extra.left_out_of(&told)
        {
            told = plainer;
            left_out = format!("{left_out} (without its {}: {})", extra.as_str(), refused.error);
            refused = match self.send_once(&told, end).await {
                Err(refused) => refused,
                Ok(receipt) => return Ok(Receipt { reply: receipt.reply + &left_out, ..receipt }),
            };
        }
        Err(refused)
    }

    /// A request in the way in which this receiver is asked: followed nowhere, and over a connection of its own where what is lost
    /// with a used one could not be sent once more.
    fn as_asked(&self, request: Request) -> Request {
        Request { redirects: 0, on_new_connection: !self.knows_repeats, ..request }
    }

    async fn send_once(&self, notification: &Notification, end: Instant) -> Result<Receipt, Refused> {
        let outbound = &self.target.outbound;
        let request = self.channel.request(notification).and_then(|request| self.target.sign(request));
        let mut key = notification.header_key();
        if notification.chart().is_some() && self.channel.charts() == ChartPlace::InRequest {
            // Without it, it is another request: whoever goes by the key would answer that as this one.
            key.push_str(".chart");
        }
        let request = request.and_then(|request| request.header("Idempotency-Key", &key));
        // The key tells such a receiver that it is the same one. Others would show it twice, and not say so.
        let request = Request { repeatable: self.knows_repeats, ..self.as_asked(request.map_err(not_sent)?) };
        let asked = outbound.shown(&request);
        self.pause.over(end).await;
        let limits = Limits::within(end.saturating_duration_since(Instant::now()), REPLY_BYTES);
        let (mut reply, mut verdict, mut answer) = self.ask(request.clone(), limits).await?;
        if verdict != Verdict::Taken
            && let Some(remedy) = self.channel.remedy(&answer)
        {
            let remedied = outbound.send_for_status(self.as_asked(remedy), limits).await.map_err(not_sent)?;
            match Answer::read(&remedied, SystemClock.now()).by_status() {
                Verdict::Taken => (reply, verdict, answer) = self.ask(request, limits).await?,
                Verdict::Refused { retry: Retry::Never, .. } => {}
                passing => (reply, verdict) = (remedied, passing),
            }
        }
        let mut came_of = String::new();
        if verdict == Verdict::Taken
            && let Some(question) = self.channel.question(&answer)
        {
            match self.looked_at(question, notification, limits, end).await {
                Some((said, Verdict::Taken)) => came_of = format!("; then: {}", said.summary()),
                Some((said, refused)) => (reply, verdict) = (said, refused),
                None => came_of = "; it does not say yet what came of it".to_owned(),
            }
        }
        match verdict {
            Verdict::Taken => {
                if let Some(follow_up) = self.channel.follow_up(notification) {
                    // By itself: were it waited for, one that hangs would have the notification sent once more.
                    let (outbound, follow_up) = (outbound.clone(), self.as_asked(follow_up));
                    tokio::spawn(async move {
                        if let Err(error) = outbound.send_for_status(follow_up, limits).await {
                            tracing::warn!(%error, "what should follow a notification failed");
                        }
                    });
                }
                let fits = |name: &String| name.len() <= REFERENCE_BYTES && !name.contains(char::is_control);
                let reference = self.channel.reference(notification, &answer).filter(fits);
                let without = self.send_chart(notification, &answer, limits, end).await.err();
                let without = without.map(|why| format!(" (without its chart: {why})")).unwrap_or_default();
                Ok(Receipt { reply: reply.summary() + &came_of + &without, reference, said: None })
            }
            Verdict::Refused { retry, reason } => {
                let said = reason.map_or_else(|| reply.summary(), |reason| reply.status_with(&reason));
                let message = format!("{said}{} ({asked})", redirection(&reply));
                let message = outbound.secrets().redact(&message).into_owned();
                let error = SendError { message, retry, unanswered: false };
                let extra = match &answer {
                    answer if self.channel.refuses_buttons(answer) => Some(Extra::Buttons),
                    answer if self.channel.refuses_markup(answer) => Some(Extra::Markup),
                    _ => None,
                };
                Err(Refused { error, status: Some(reply.status), extra })
            }
        }
    }

    /// Asks a receiver what came of a notification that it took to look at, until it says so; nothing where it does not in time.
    async fn looked_at(
        &self,
        question: Request,
        notification: &Notification,
        limits: Limits,
        end: Instant,
    ) -> Option<(Reply, Verdict)> {
        let question = Request { redirects: 0, ..question };
        let looks = async {
            for pause in LOOKS {
                tokio::time::sleep(pause).await;
                let reply = self.target.outbound.send_for_status(question.clone(), limits).await.ok()?;
                let answer = Answer::read(&reply, SystemClock.now());
                if let Some(verdict) = self.channel.came_of(notification, &answer) {
                    return Some((reply, verdict));
                }
            }
            None
        };
        // Well before the time of the whole is up: it is taken, unless the receiver says otherwise.
        let left = end.saturating_duration_since(Instant::now()).saturating_sub(Duration::from_secs(1));
        tokio::time::timeout(LOOKS_PATIENCE.min(left), looks).await.ok().flatten()
    }

    /// Has the chart follow what was `taken`. Whatever comes of it, that was told. `Err` says why the chart was not.
    async fn send_chart(
        &self,
        notification: &Notification,
        taken: &Answer,
        limits: Limits,
        end: Instant,
    ) -> Result<(), String> {
        if notification.chart().is_none() || self.channel.charts() == ChartPlace::Nowhere {
            return Ok(());
        }
        let outbound = &self.target.outbound;
        let steps = async {
            let mut answers = Vec::new();
            while let Some(request) = self.channel.next_of_chart(notification, taken, &answers)? {
                // Of the address nothing more is said: who knows it all may be let in.
                let host = request.url.host_str().unwrap_or_default().to_owned();
                let request = self.as_asked(request);
                let sent = outbound.send_for_status(request, limits).await;
                let reply = sent.map_err(|error| format!("{host}: {}", error.what))?;
                let answer = Answer::read(&reply, SystemClock.now());
                if answer.by_status() != Verdict::Taken {
                    return Err(format!("{host}: {}", reply.summary()));
                }
                answers.push(answer);
            }
            Ok(())
        };
        // Well before the time of the whole is up: what was taken has to be written down as that.
        let left = end.saturating_duration_since(Instant::now()).saturating_sub(Duration::from_secs(1));
        let sent = tokio::time::timeout(CHART_PATIENCE.min(left), steps).await;
        let sent = sent.unwrap_or_else(|_| Err("not taken in time".to_owned()));
        sent.map_err(|why| outbound.secrets().redact(&why).into_owned())
    }

    async fn ask(&self, request: Request, limits: Limits) -> Result<(Reply, Verdict, Answer), SendError> {
        let reply = self.target.outbound.send_for_status(request, limits).await.map_err(not_sent)?;
        self.pause.note(&reply.headers);
        let answer = Answer::read(&reply, SystemClock.now());
        Ok((reply, self.channel.judge(&answer), answer))
    }
}
