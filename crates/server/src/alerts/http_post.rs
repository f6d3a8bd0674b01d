//! The door through which channels speak HTTP: one POST, judged by one table.
//!
//! The status alone decides. Once it is there, the receiver has taken the notification or not, whatever becomes of the
//! body: to send again because a reply is long or breaks off would tell people twice.
//!
//! Redirects are not followed: a POST that becomes a GET elsewhere tells nobody, and a redirected credential tells
//! somebody else.

use std::time::Duration;

use revere_model::{Clock, SystemClock};

use super::{Notification, Receipt, Retry, SendError, retry};
use crate::outbound::{Limits, Outbound, OutboundError, Reply, Request, header};

/// So much of what a receiver says in return is read: more than is ever shown.
const REPLY_BYTES: usize = 8 << 10;

/// Sends `request` once, with the notification's key for receivers that drop what they have seen.
pub(crate) async fn post(
    outbound: &Outbound,
    request: Request,
    notification: &Notification,
    timeout: Duration,
) -> Result<Receipt, SendError> {
    let asked = outbound.shown(&request);
    let mut request = request.header("Idempotency-Key", &notification.header_key()).map_err(not_sent)?;
    request.redirects = 0;
    // A delivery that ends unanswered is owed again anyway, and the key tells a receiver that it is the same one.
    request.repeatable = true;
    let reply = outbound.send_for_status(request, Limits::within(timeout, REPLY_BYTES)).await.map_err(not_sent)?;
    let Some(retry) = retry::judge_status(reply.status.as_u16(), reply.retry_after(SystemClock.now())) else {
        return Ok(Receipt { reply: reply.summary() });
    };
    let mut message = format!("{asked}: {}", reply.summary());
    if let Some(place) = reply.headers.get(header::LOCATION).filter(|_| reply.status.is_redirection()) {
        let place = Reply::header_text(place);
        message.push_str(&format!("; it redirects to {}: configure that address", super::plain_text::one_line(&place)));
    }
    Err(SendError { message: outbound.secrets().redact(&message).into_owned(), retry })
}

/// No answer came.
pub(crate) fn not_sent(error: OutboundError) -> SendError {
    let retry = if error.may_pass() { Retry::Later } else { Retry::Never };
    SendError { message: error.to_string(), retry }
}
