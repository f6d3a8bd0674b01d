//! Channels that tell with one HTTP request: they write it, and say what an answer means where its status does not.
//!
//! Signing in, time-outs, the key of the delivery, waiting as asked, reasons and redaction are seen to here, once for all.
//! Once the status is there, the receiver has taken the notification or not, whatever becomes of the body: to send again
//! because a reply is long or breaks off would tell people twice.
//!
//! Redirects are not followed: a POST that becomes a GET elsewhere tells nobody, and a redirected credential tells
//! somebody else.

mod refusal;
mod request_preview;
mod sending;

pub(super) use refusal::not_sent;
pub use sending::over_http;

use super::{
    Notification,
    answer::{Answer, Verdict},
};
use crate::outbound::{Method, OutboundError, Request, Url};

/// A channel that tells with one HTTP request.
pub trait HttpChannel: Send + Sync + 'static {
    /// The request: address, body, and headers of its own.
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError>;

    /// What the answer means. A channel whose receiver says no in a 200, or has reasons of its own, reads the body here.
    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_status()
    }

    /// Whether what is told may stand in the address, too.
    fn tells_in_address(&self) -> bool {
        false
    }

    /// What to ask for after this refusal, so that the same request may be taken if it is sent once more.
    fn remedy(&self, answer: &Answer) -> Option<Request> {
        let _ = answer;
        None
    }

    /// What the receiver calls the message that it took, or the thread that it stands in, where what follows of the same
    /// incident can be put there. That is asked for with this as its [`Sending::reply_to`](super::Sending), and once more
    /// without, if the receiver will not take it so: what it answers to may be gone.
    fn reference(&self, notification: &Notification, answer: &Answer) -> Option<String> {
        let _ = (notification, answer);
        None
    }

    /// Whether it shows the notification's chart, and in which way.
    fn charts(&self) -> ChartPlace {
        ChartPlace::Nowhere
    }

    /// What to ask for next, so that the chart follows the notification that was `taken`, after these `answers` of success;
    /// nothing once it is there. `Err` says why it will not be.
    fn next_of_chart(
        &self,
        notification: &Notification,
        taken: &Answer,
        answers: &[Answer],
    ) -> Result<Option<Request>, String> {
        let _ = (notification, taken, answers);
        Ok(None)
    }

    /// Whether it is the buttons of a message that this answer refuses: it is sent once more then, without them.
    fn refuses_buttons(&self, answer: &Answer) -> bool {
        let _ = answer;
        false
    }

    /// The same of its markup.
    fn refuses_markup(&self, answer: &Answer) -> bool {
        let _ = answer;
        false
    }

    /// Whether what it says is all its owner's, so that the default text shows nobody what was told.
    fn has_own_body(&self) -> bool {
        false
    }

    /// What to ask a receiver that says with `taken` only that it will look at the notification: what came of it.
    fn question(&self, taken: &Answer) -> Option<Request> {
        let _ = taken;
        None
    }

    /// What the answer to that says came of the notification; `None` while it says nothing. One of which nothing is known is
    /// taken.
    fn came_of(&self, notification: &Notification, answer: &Answer) -> Option<Verdict> {
        let _ = (notification, answer);
        None
    }

    /// What to ask for once the notification is taken. It is asked once, by itself, and changes nothing about that.
    fn follow_up(&self, notification: &Notification) -> Option<Request> {
        let _ = notification;
        None
    }
}

/// Where a channel shows a chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChartPlace {
    /// It cannot.
    Nowhere,
    /// In the request that tells the notification, or behind it.
    InRequest,
    /// Behind it.
    Behind,
}

/// `POST url` with the fields of a form.
pub fn form(url: Url, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request::new(Method::POST, url).body("application/x-www-form-urlencoded", body)
}
