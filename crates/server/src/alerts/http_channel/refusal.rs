//! What a receiver did not take: why, and what of the message it was for, as far as that is known.

use super::super::{Notification, Retry, SendError, plain_text};
use crate::outbound::{OutboundError, OutboundKind, Reply, StatusCode, header};

/// What was not taken, and with which status that was said.
pub(super) struct Refused {
    pub(super) error: SendError,
    pub(super) status: Option<StatusCode>,
    /// What it was for, where that can be left out.
    pub(super) extra: Option<Extra>,
}

/// What a message can do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extra {
    Buttons,
    Markup,
}

impl Extra {
    /// The same notification without it; `None` where it went without already.
    pub(super) fn left_out_of(self, notification: &Notification) -> Option<Notification> {
        let mut plainer = notification.clone();
        let without = match self {
            Extra::Buttons => &mut plainer.sending.without_buttons,
            Extra::Markup => &mut plainer.sending.without_markup,
        };
        (!std::mem::replace(without, true)).then_some(plainer)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Extra::Buttons => "buttons",
            Extra::Markup => "markup",
        }
    }
}

impl Refused {
    /// Whether it may be the chart that was refused: not where nothing would be taken from this sender, or at this address.
    pub(super) fn may_be_for_the_chart(&self) -> bool {
        let of_no_use = |status: StatusCode| {
            status.is_redirection()
                || [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::GONE].contains(&status)
        };
        self.error.retry == Retry::Never && !self.status.is_some_and(of_no_use)
    }
}

impl From<SendError> for Refused {
    fn from(error: SendError) -> Refused {
        Refused { error, status: None, extra: None }
    }
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> SendError {
        refused.error
    }
}

/// No answer came.
pub(in crate::alerts) fn not_sent(error: OutboundError) -> SendError {
    let retry = if error.may_pass() { Retry::Later } else { Retry::Never };
    let unanswered = matches!(error.kind, OutboundKind::NotConnected | OutboundKind::TimedOut | OutboundKind::Broken);
    SendError { message: error.to_string(), retry, unanswered }
}

/// Where a redirection leads, for whoever mends the address.
pub(super) fn redirection(reply: &Reply) -> String {
    match reply.headers.get(header::LOCATION).filter(|_| reply.status.is_redirection()) {
        None => String::new(),
        Some(place) => {
            let place = Reply::header_text(place);
            format!("; it redirects to {}: configure that address", plain_text::one_line(&place))
        }
    }
}
