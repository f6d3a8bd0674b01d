//! `pagerduty`: a service of PagerDuty, by its Events API v2.
//!
//! Facts: PagerDuty/developer-docs 9422439. A problem opens an incident and its end resolves it, by the key of the problem. A
//! resolve with another key, or without an open incident, is dropped without a word.

use revere_model::State;
use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    http_channel::{HttpChannel, over_http},
    plain_text,
};
use crate::{
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["pagerduty"],
    doc: "Opens an incident in PagerDuty, and resolves it when the problem is over.",
    fields: &[
        Field::required("routing_key", FieldKind::Secret, "The integration key of the service (Events API v2)."),
        http_target::api_url("https://events.pagerduty.com"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| {
        let url = below(setup.url("api_url"), &["v2", "enqueue"]);
        over_http(setup, Ok(PagerDuty { url, routing_key: setup.settings.required_text("routing_key").to_owned() }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"routing_key": "routing-s3cret", "api_url": "{url}"}"#,
        taken: r#"{"status": "success", "message": "Event processed"}"#,
        refusals: &[
            (400, r#"{"status": "invalid event", "errors": ["'routing_key' is invalid"]}"#, Retry::Never),
            (200, "<html>sign in</html>", Retry::Later),
        ],
    }],
};

/// The longest summary and source, in characters, and the largest event, in bytes, below the 512 KB of the service.
const SUMMARY_CHARS: usize = 1024;
const MOST_BYTES: usize = 500_000;

struct PagerDuty {
    url: Url,
    routing_key: String,
}

impl PagerDuty {
    fn event(&self, notification: &Notification) -> Value {
        let (action, severity) = match notification.new_state {
            _ if notification.test => ("trigger", "info"),
            _ if notification.is_over() => ("resolve", "info"),
            _ if notification.is_warning() => ("trigger", "warning"),
            State::Alarm => ("trigger", "critical"),
            _ => ("trigger", "error"),
        };
        let summary = format!("{}: {}", notification.subject(), plain_text::one_line(&notification.message));
        let source = plain_text::one_line(&notification.monitor.name);
        let mut event = json!({
            "routing_key": self.routing_key,
            "event_action": action,
            "dedup_key": notification.incident_key(),
            "client": "Revere",
            "payload": {
                "summary": plain_text::cut(&summary, SUMMARY_CHARS),
                "source": plain_text::cut(&source, SUMMARY_CHARS),
                "severity": severity,
                "custom_details": notification.json(),
            },
        });
        if let Some(at) = notification.tick_at {
            event["payload"]["timestamp"] = json!(at);
        }
        if let Some(url) = notification.url() {
            event["client_url"] = json!(url);
            let link = |button: Button| json!({"href": button.url, "text": button.label});
            event["links"] = notification.buttons().into_iter().map(link).collect();
        }
        event
    }
}

impl HttpChannel for PagerDuty {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| self.event(cut).to_string().len() <= MOST_BYTES);
        Ok(Request::post_json(self.url.clone(), &self.event(&fitting)))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["status"] == "success")
    }
}
