//! `discord`: a channel of Discord, by the address of a webhook.
//!
//! Facts: discord-api-docs c98d64b (webhook, message). `wait=true` has the answer say whether the message was kept; `allowed_mentions`
//! is empty, since its default has `@everyone` of a message mean everyone.

use serde_json::json;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, over_http},
    inert,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["discord"],
    doc: "Posts to a channel of Discord.",
    fields: &[Field::required(
        "webhook_url",
        FieldKind::SecretUrl,
        "The address of a webhook: Edit Channel, Integrations, Webhooks.",
    )],
    groups: &[&http_target::CHANNEL_CONNECTION],
    build: |setup| {
        let mut url = setup.url("webhook_url");
        url.query_pairs_mut().append_pair("wait", "true");
        over_http(setup, Ok(Discord { url }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/api/webhooks/1/hook-s3cret"}"#,
        taken: r#"{"id": "1", "type": 0}"#,
        refusals: &[
            (404, r#"{"message": "Unknown Webhook", "code": 10015}"#, Retry::Never),
            (401, r#"{"message": "Invalid Webhook Token", "code": 50027}"#, Retry::Never),
            (200, "<html>not Discord</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 2000, size: inert::utf16_units, inert: inert::markdown, inert_link: inert::as_it_is };

/// `SUPPRESS_EMBEDS`: no preview of the page that the link leads to.
const NO_PREVIEW: u32 = 1 << 2;

struct Discord {
    url: Url,
}

impl HttpChannel for Discord {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let body = json!({
            "content": notification.chat_text(&TEXT),
            "allowed_mentions": {"parse": []},
            "flags": NO_PREVIEW,
        });
        Ok(Request::post_json(self.url.clone(), &body))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["id"].is_string())
    }
}
