//! `mattermost`: a channel of Mattermost, by the address of an incoming webhook.
//!
//! Facts: mattermost-developer-documentation a259f36. A longer text would be split into several posts, so it is cut.

use serde_json::json;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, over_http},
    inert, pasted_address,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["mattermost"],
    doc: "Posts to a channel of Mattermost.",
    fields: &[
        Field::required("webhook_url", FieldKind::SecretUrl, "The address of an incoming webhook."),
        Field::optional("channel", FieldKind::Text, "Another channel than the webhook's own, where it may."),
    ],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| {
        let channel = setup.settings.text("channel").map(str::to_owned);
        over_http(setup, Ok(Mattermost { url: setup.url("webhook_url"), channel }))
    },
    warnings: |settings| {
        let instead = "the address of an incoming webhook, https://.../hooks/...";
        pasted_address::page_warnings(settings, &["channels", "messages", "integrations"], instead)
    },
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/hooks/hook-s3cret"}"#,
        taken: "",
        refusals: &[
            (400, r#"{"id": "web.incoming_webhook.invalid", "message": "Invalid webhook"}"#, Retry::Never),
            (200, "<html>not Mattermost</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 16_383, size: inert::characters, inert: inert::code_block, inert_link: inert::as_it_is };

struct Mattermost {
    url: Url,
    channel: Option<String>,
}

impl HttpChannel for Mattermost {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let mut body = json!({"text": notification.chat_text(&TEXT)});
        if let Some(channel) = &self.channel {
            body["channel"] = json!(channel);
        }
        Ok(Request::post_json(self.url.clone(), &body))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.json["message"].as_str() {
            Some(reason) => answer.refused(reason),
            None => answer.by_status_unless_page(),
        }
    }
}
