//! `rocket_chat`: a room of Rocket.Chat, by the address of an incoming integration.
//!
//! Facts: docs.rocket.chat, incoming webhooks, and what other programs send to them, August 2026. A 200 may say that nothing was
//! posted. How long a message may be is a setting there; 5,000 characters unless somebody changed it.

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
    names: &["rocket_chat"],
    doc: "Posts to a room of Rocket.Chat.",
    fields: &[Field::required("webhook_url", FieldKind::SecretUrl, "The address of an incoming integration.")],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, Ok(RocketChat { url: setup.url("webhook_url") })),
    warnings: |settings| {
        let instead = "the address of an incoming integration, https://.../hooks/...";
        pasted_address::page_warnings(settings, &["channel", "group", "direct", "home", "admin"], instead)
    },
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/hooks/1/hook-s3cret"}"#,
        taken: r#"{"success": true}"#,
        refusals: &[
            (200, r#"{"success": false, "error": "error-room-not-found"}"#, Retry::Never),
            (200, "<html>not Rocket.Chat</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 5000, size: inert::characters, inert: inert::code_block, inert_link: inert::as_it_is };

struct RocketChat {
    url: Url,
}

impl HttpChannel for RocketChat {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        Ok(Request::post_json(self.url.clone(), &json!({"text": notification.chat_text(&TEXT)})))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match (answer.json["success"].as_bool(), answer.json["error"].as_str()) {
            (Some(false), reason) => answer.refused(reason.unwrap_or("it says only that it did not work")),
            (success, _) => answer.by_word(success == Some(true)),
        }
    }
}
