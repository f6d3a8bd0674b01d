//! `incident_io`: an HTTP alert source of incident.io.
//!
//! Facts: api-docs.incident.io, alert events v2, August 2026. A problem fires and its end resolves it, by the key of the problem.
//! What is too large is answered as if it came too often, so its size is looked at here.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    http_channel::{HttpChannel, over_http},
    inert,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["incident_io"],
    doc: "Fires an alert in incident.io, and resolves it when the problem is over.",
    fields: &[
        Field::required(
            "url",
            FieldKind::Url,
            "The address of the alert source, https://api.incident.io/v2/alert_events/http/...",
        ),
        Field::required("token", FieldKind::Secret, "Its token."),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| {
        let token = setup.settings.required_text("token").to_owned();
        over_http(setup, Ok(IncidentIo { url: setup.url("url"), token }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"url": "{url}/v2/alert_events/http/source", "token": "token-s3cret"}"#,
        taken: r#"{"status": "success", "message": "Event accepted for processing"}"#,
        refusals: &[
            (401, r#"{"type": "authentication_error", "status": 401}"#, Retry::Never),
            (200, "<html>sign in</html>", Retry::Later),
        ],
    }],
};

/// Below the 512 KB of the service.
const MOST_BYTES: usize = 500_000;

struct IncidentIo {
    url: Url,
    token: String,
}

impl HttpChannel for IncidentIo {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| event(cut).to_string().len() <= MOST_BYTES);
        Request::post_json(self.url.clone(), &event(&fitting)).bearer(&self.token)
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json.is_object())
    }
}

fn event(notification: &Notification) -> Value {
    let is_resolved = notification.is_over() && !notification.test;
    let mut event = json!({
        "title": notification.subject(),
        "description": inert::markdown(&notification.text()),
        "status": if is_resolved { "resolved" } else { "firing" },
        "deduplication_key": notification.incident_key(),
        "metadata": notification.json(),
    });
    if let Some(url) = notification.url() {
        event["source_url"] = json!(url);
    }
    event
}
