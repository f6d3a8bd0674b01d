//! `teams`: a channel or chat of Microsoft Teams, by the address of a Workflows flow ("When a Teams webhook request is received").
//!
//! Facts: msteams-docs, learn.microsoft.com/connectors/teams, August 2026. The answer says only that the card is queued; a flow
//! that fails later says nothing. What is larger than 28 KB fails there, so cards are kept below.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    http_channel::{HttpChannel, over_http},
    inert, plain_text,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["teams"],
    doc: "Posts a card to a channel or chat of Microsoft Teams, through a flow of Workflows.",
    fields: &[Field::required(
        "webhook_url",
        FieldKind::SecretUrl,
        "The address of the flow: Workflows, \"Post to a channel when a webhook request is received\".",
    )],
    groups: &[&http_target::CHANNEL_CONNECTION],
    build: |setup| over_http(setup, Ok(Teams { url: setup.url("webhook_url") })),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/workflows/1/triggers/manual/paths/invoke?sig=flow-s3cret"}"#,
        taken: "",
        refusals: &[(400, r#"{"error": {"code": "TriggerInputSchemaMismatch"}}"#, Retry::Never)],
    }],
};

/// Below the 28 KB of the service.
const MOST_BYTES: usize = 24_000;

struct Teams {
    url: Url,
}

impl HttpChannel for Teams {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| card(cut).to_string().len() <= MOST_BYTES);
        Ok(Request::post_json(self.url.clone(), &card(&fitting)))
    }
}

/// An Adaptive Card 1.4. A key without a value is left out: a null is refused.
fn card(notification: &Notification) -> Value {
    let value = notification.return_value.as_ref().map_or_else(|| "None".to_owned(), ToString::to_string);
    let fact = |title: &str, text: &str| json!({"title": title, "value": inert::markdown(&plain_text::lines(text)).replace('\n', "\n\n")});
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            {"type": "TextBlock", "weight": "Bolder", "wrap": true, "text": inert::markdown(&notification.subject())},
            {"type": "FactSet", "facts": [
                fact("Monitor", &plain_text::one_line(&notification.monitor.name)),
                fact("State", &format!("{} -> {}", notification.old_state, notification.new_state)),
                fact("Message", &notification.message),
                fact("Return value", &value),
            ]},
        ],
    });
    if let Some(url) = notification.url() {
        content["actions"] = json!([{"type": "Action.OpenUrl", "title": "Open the monitor", "url": url}]);
    }
    json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
    })
}
