//! What a receiver answered over HTTP, as a channel judges it: the status, the body, and how long it asks us to wait.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Retry, retry};
use crate::outbound::Reply;

/// One answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body as JSON; null where it is none, or broke off.
    pub json: Value,
    /// The beginning of its body in one line, without secrets.
    pub text: String,
    /// All of its body that came, as it is: to look into, and not to show.
    pub body: String,
    /// How long the receiver asks us to wait.
    wait: Option<Duration>,
}

/// What an answer means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The receiver has the notification.
    Taken,
    /// It has not.
    Refused {
        /// Whether trying again can help.
        retry: Retry,
        /// The receiver's reason, where it is not what the body begins with.
        reason: Option<String>,
    },
}

impl Answer {
    /// Reads `reply`, which came at `now`.
    pub(super) fn read(reply: &Reply, now: Timestamp) -> Answer {
        let json = serde_json::from_slice(&reply.body).unwrap_or_default();
        let wait = asked_wait(reply, &json, now);
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        Answer { status: reply.status.as_u16(), wait, text: reply.excerpt(), body, json }
    }

    /// The status alone decides, by [`retry::judge_status`].
    pub fn by_status(&self) -> Verdict {
        match retry::judge_status(self.status, self.wait) {
            None => Verdict::Taken,
            Some(retry) => Verdict::Refused { retry, reason: None },
        }
    }

    /// Taken, if the status is one of success and `word` of the body says so too.
    pub fn by_word(&self, word: bool) -> Verdict {
        if word { self.by_status() } else { self.unclear() }
    }

    /// The receiver says that it did not take it, and why. Whether to try again is what its status says; never, if that is one of
    /// success.
    pub fn refused(&self, reason: &str) -> Verdict {
        match self.by_status() {
            Verdict::Refused { retry, .. } => Verdict::Refused { retry, reason: Some(reason.to_owned()) },
            Verdict::Taken => self.never(reason),
        }
    }

    /// The status decides, unless what came is a web page, as those answer who stand between us and the service.
    pub fn by_status_unless_page(&self) -> Verdict {
        self.by_word(!self.body.trim_start().starts_with('<'))
    }

    /// The receiver will never take this, and says why.
    pub fn never(&self, reason: &str) -> Verdict {
        Verdict::Refused { retry: Retry::Never, reason: Some(reason.to_owned()) }
    }

    /// The receiver may take it later, when it says so itself, and says why.
    pub fn later(&self, reason: &str) -> Verdict {
        let retry = self.wait.map_or(Retry::Later, Retry::After);
        Verdict::Refused { retry, reason: Some(reason.to_owned()) }
    }

    /// The body lacks the word that decides. An error status still says enough; a success may have been one, but nobody
    /// said so, and to tell twice is better than not at all.
    pub fn unclear(&self) -> Verdict {
        match self.by_status() {
            Verdict::Taken => self.later(&format!("the answer does not say whether it was taken: {}", self.text)),
            refused => refused,
        }
    }
}

/// How long the receiver asks us to wait: what the first of these forms says that is there.
///
/// | where | unit | for instance |
/// |---|---|---|
/// | header `Retry-After` | seconds, or a date | most |
/// | JSON `retry_after` | seconds, fractions too | Discord |
/// | JSON `parameters.retry_after` | seconds | Telegram |
/// | JSON `retry_after_ms` | milliseconds | Matrix |
/// | JSON `retry-after` | seconds, fractions too | Zulip |
/// | header `X-RateLimit-Period-In-Sec` | seconds | Opsgenie |
/// | header `X-Limit-App-Reset` | the moment, in seconds since 1970, with a 429 | Pushover |
/// | header `X-RateLimit-Reset` | the moment, in seconds since 1970, fractions too, with a 429 | Zulip, Discord |
fn asked_wait(reply: &Reply, json: &Value, now: Timestamp) -> Option<Duration> {
    let span = |json: &Value, unit_s: f64| {
        let seconds = json.as_f64().filter(|seconds| *seconds >= 0.0)? * unit_s;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    };
    let header = |name: &str| reply.headers.get(name)?.to_str().ok().map(str::trim);
    let reset = |name: &str| {
        let at: f64 = header(name).filter(|_| reply.status.as_u16() == 429)?.parse().ok()?;
        let whole = Duration::try_from_secs_f64(at).ok()?.as_secs();
        // Some say in how many seconds; that is no moment of our days, and no wait.
        u64::try_from(i64::try_from(whole).ok()?.saturating_sub(now.as_second())).ok()
    };
    let period = || header("x-ratelimit-period-in-sec")?.parse().ok();
    reply
        .retry_after(now)
        .or_else(|| span(&json["retry_after"], 1.0))
        .or_else(|| span(&json["parameters"]["retry_after"], 1.0))
        .or_else(|| span(&json["retry_after_ms"], 0.001))
        .or_else(|| span(&json["retry-after"], 1.0))
        .or_else(|| {
            let moment = || reset("x-limit-app-reset").or_else(|| reset("x-ratelimit-reset"));
            period().or_else(moment).map(Duration::from_secs)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, json: Value) -> Answer {
        Answer { status, text: json.to_string(), body: json.to_string(), json, wait: Some(Duration::from_secs(7)) }
    }

    #[test]
    fn an_answer_that_lacks_the_word_is_tried_again_if_its_status_lets_it() {
        let refused = |retry, reason: &str| Verdict::Refused { retry, reason: Some(reason.to_owned()) };
        let wait = Retry::After(Duration::from_secs(7));
        assert_eq!(answer(200, json!({})).unclear(), refused(wait, "the answer does not say whether it was taken: {}"));
        assert_eq!(answer(404, json!({})).unclear(), answer(404, json!({})).by_status());
        assert_eq!(answer(200, json!({})).later("busy"), refused(wait, "busy"));
        assert_eq!(answer(200, json!({})).never("no such room"), refused(Retry::Never, "no such room"));
    }
}
