//! Channels that tell with one HTTP request: they write it, and say what an answer means where its status does not.
//!
//! Signing in, time-outs, the key of the delivery, waiting as asked, reasons and redaction are seen to here, once for all.
//! Once the status is there, the receiver has taken the notification or not, whatever becomes of the body: to send again
//! because a reply is long or breaks off would tell people twice.
//!
//! Redirects are not followed: a POST that becomes a GET elsewhere tells nobody, and a redirected credential tells
//! somebody else.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::{Clock, SystemClock};

use super::{
    Built, Channel, Notification, Receipt, Retry, SendError,
    answer::{Answer, Verdict},
};
use crate::{
    building::BuildInput,
    http_target::HttpTarget,
    outbound::{Limits, Method, OutboundError, Reply, Request, Url, header},
    settings::ConfigFault,
};

/// So much of what a receiver says in return is read: more than is ever shown, and enough for one that repeats the whole
/// message beside the word that it was taken.
const REPLY_BYTES: usize = 256 << 10;

/// A channel that tells with one HTTP request.
pub trait HttpChannel: Send + Sync + 'static {
    /// The request: address, body, and headers of its own.
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError>;

    /// What the answer means. A channel whose receiver says no in a 200, or has reasons of its own, reads the body here.
    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_status()
    }

    /// What to ask for after this refusal, so that the same request may be taken if it is sent once more.
    fn remedy(&self, answer: &Answer) -> Option<Request> {
        let _ = answer;
        None
    }

    /// What to ask for once the notification is taken. It is asked once, by itself, and changes nothing about that.
    fn follow_up(&self, notification: &Notification) -> Option<Request> {
        let _ = notification;
        None
    }
}

/// `POST url` with the fields of a form.
pub fn form(url: Url, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request::new(Method::POST, url).body("application/x-www-form-urlencoded", body)
}

/// Makes a channel of what a kind has read, with the login and the connection that the settings describe. The faults of
/// both are reported together.
pub fn over_http<C: HttpChannel>(setup: &BuildInput, made: Result<C, Vec<ConfigFault>>) -> Built {
    match (made, HttpTarget::read(setup, None)) {
        (Ok(channel), Ok(target)) => Ok(Arc::new(OverHttp { target, channel })),
        (made, target) => Err(made.err().into_iter().chain(target.err()).flatten().collect()),
    }
}

struct OverHttp<C> {
    target: HttpTarget,
    channel: C,
}

#[async_trait]
impl<C: HttpChannel> Channel for OverHttp<C> {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let outbound = &self.target.outbound;
        let request = self.channel.request(notification).and_then(|request| self.target.sign(request));
        let request = request.and_then(|request| request.header("Idempotency-Key", &notification.header_key()));
        // A delivery that ends unanswered is owed again anyway, and the key tells a receiver that it is the same one.
        let request = Request { redirects: 0, repeatable: true, ..request.map_err(not_sent)? };
        let asked = outbound.shown(&request);
        let limits = Limits::within(timeout, REPLY_BYTES);
        let (mut reply, mut verdict, answer) = self.ask(request.clone(), limits).await?;
        if verdict != Verdict::Taken
            && let Some(remedy) = self.channel.remedy(&answer)
        {
            let remedied = outbound.send_for_status(remedy, limits).await.map_err(not_sent)?;
            match Answer::read(&remedied, SystemClock.now()).by_status() {
                Verdict::Taken => (reply, verdict, _) = self.ask(request, limits).await?,
                Verdict::Refused { retry: Retry::Never, .. } => {}
                passing => (reply, verdict) = (remedied, passing),
            }
        }
        match verdict {
            Verdict::Taken => {
                if let Some(follow_up) = self.channel.follow_up(notification) {
                    // By itself: were it waited for, one that hangs would have the notification sent once more.
                    let outbound = outbound.clone();
                    tokio::spawn(async move {
                        if let Err(error) = outbound.send_for_status(follow_up, limits).await {
                            tracing::warn!(%error, "what should follow a notification failed");
                        }
                    });
                }
                Ok(Receipt { reply: reply.summary() })
            }
            Verdict::Refused { retry, reason } => {
                let said = reason.map_or_else(|| reply.summary(), |reason| reply.status_with(&reason));
                let message = format!("{asked}: {said}{}", redirection(&reply));
                Err(SendError { message: outbound.secrets().redact(&message).into_owned(), retry })
            }
        }
    }
}

impl<C: HttpChannel> OverHttp<C> {
    async fn ask(&self, request: Request, limits: Limits) -> Result<(Reply, Verdict, Answer), SendError> {
        let reply = self.target.outbound.send_for_status(request, limits).await.map_err(not_sent)?;
        let answer = Answer::read(&reply, SystemClock.now());
        Ok((reply, self.channel.judge(&answer), answer))
    }
}

/// No answer came.
pub(super) fn not_sent(error: OutboundError) -> SendError {
    let retry = if error.may_pass() { Retry::Later } else { Retry::Never };
    SendError { message: error.to_string(), retry }
}

/// Where a redirection leads, for whoever mends the address.
fn redirection(reply: &Reply) -> String {
    match reply.headers.get(header::LOCATION).filter(|_| reply.status.is_redirection()) {
        None => String::new(),
        Some(place) => {
            let place = Reply::header_text(place);
            format!("; it redirects to {}: configure that address", super::plain_text::one_line(&place))
        }
    }
}
