//! `google_chat`: a space of Google Chat, by the address of a webhook.
//!
//! Facts: developers.google.com/workspace/chat (spaces.messages.create, limits), August 2026. `requestId` has a repeat recognised;
//! all that is told of one problem stands in one thread.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    http_channel::{HttpChannel, over_http},
    inert, pasted_address,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["google_chat"],
    doc: "Posts to a space of Google Chat; all about one problem in one thread.",
    fields: &[Field::required(
        "webhook_url",
        FieldKind::SecretUrl,
        "The address of a webhook, with its key and token: Apps & integrations, Webhooks.",
    )],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| {
        let is_page = |url: &Url| pasted_address::is_on(url, &["chat.google.com", "mail.google.com"]);
        let instead = "the address of a webhook, https://chat.googleapis.com/v1/spaces/...";
        over_http(setup, pasted_address::webhook(setup, is_page, instead).map(|url| GoogleChat { url }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/v1/spaces/A/messages?key=key-s3cret&token=token-s3cret"}"#,
        taken: r#"{"name": "spaces/A/messages/B"}"#,
        refusals: &[
            (404, r#"{"error": {"code": 404, "status": "NOT_FOUND"}}"#, Retry::Never),
            (200, "<html>not Google</html>", Retry::Later),
        ],
    }],
};

/// The most that a message may have, in bytes, card included.
const MOST_BYTES: usize = 32_000;

struct GoogleChat {
    url: Url,
}

impl HttpChannel for GoogleChat {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
            .append_pair("requestId", &notification.key);
        let fitting = notification.cut_until(|cut| message(cut).to_string().len() <= MOST_BYTES);
        Ok(Request::post_json(url, &message(&fitting)))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["name"].is_string())
    }
}

/// One line of text, which telephones show, and a card with all of it. A text has no way to write a `*` as it is; a card is HTML.
fn message(notification: &Notification) -> Value {
    let mut widgets = vec![json!({"textParagraph": {"text": inert::html_lines(&notification.text())}})];
    let shown = |button: Button| json!({"text": button.label, "onClick": {"openLink": {"url": button.url}}});
    let buttons: Vec<Value> = notification.buttons().into_iter().map(shown).collect();
    if !buttons.is_empty() {
        widgets.push(json!({"buttonList": {"buttons": buttons}}));
    }
    json!({
        "text": inert::parted(&notification.subject()),
        "cardsV2": [{"cardId": "notification", "card": {"sections": [{"widgets": widgets}]}}],
        "thread": {"threadKey": notification.incident_key()},
    })
}
