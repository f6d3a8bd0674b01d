//! `zulip`: a channel (stream) of Zulip, as a bot. Each monitor is a topic of its own, unless one is configured.
//!
//! Facts: zulip.com/api, send a message, August 2026. The body says whether the message was taken.

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, form, over_http},
    inert, pasted_address, plain_text,
};
use crate::{
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["zulip"],
    doc: "Posts to a channel of Zulip, as a bot; each monitor is a topic.",
    fields: &[
        Field::required("site", FieldKind::Url, "Where your Zulip is, such as https://example.zulipchat.com."),
        Field::required("bot_email", FieldKind::Text, "The bot's address."),
        Field::required("api_key", FieldKind::Secret, "The bot's key."),
        Field::required("stream", FieldKind::Text, "The channel to write to."),
        Field::optional("topic", FieldKind::Text, "One topic for all.").or_words("the monitor's name"),
    ],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| {
        let text = |name| setup.settings.required_text(name).to_owned();
        let mut site = setup.url("site");
        pasted_address::cut_before(&mut site, &["login", "accounts", "api"]);
        over_http(
            setup,
            Ok(Zulip {
                url: below(site, &["api", "v1", "messages"]),
                bot: text("bot_email"),
                key: text("api_key"),
                stream: text("stream"),
                topic: setup.settings.text("topic").map(str::to_owned),
            }),
        )
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"site": "{url}", "bot_email": "b@example.com", "api_key": "zulip-s3cret", "stream": "ops"}"#,
        taken: r#"{"result": "success", "msg": "", "id": 7}"#,
        refusals: &[
            (
                400,
                r#"{"result": "error", "msg": "Channel 'ops' does not exist", "code": "STREAM_DOES_NOT_EXIST"}"#,
                Retry::Never,
            ),
            (401, r#"{"result": "error", "msg": "Invalid API key", "code": "INVALID_API_KEY"}"#, Retry::Never),
            (200, "<html>not Zulip</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 10_000, size: inert::characters, inert: inert::code_block, inert_link: inert::as_it_is };

/// The longest topic, in characters.
const TOPIC_CHARS: usize = 60;

struct Zulip {
    url: Url,
    bot: String,
    key: String,
    stream: String,
    topic: Option<String>,
}

impl HttpChannel for Zulip {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let topic = self.topic.as_deref().unwrap_or(&notification.monitor.name);
        let topic = plain_text::one_line(topic);
        let topic = plain_text::cut(&topic, TOPIC_CHARS);
        let content = notification.chat_text(&TEXT);
        let fields = [("type", "stream"), ("to", &self.stream), ("topic", &topic), ("content", &content)];
        Ok(form(self.url.clone(), &fields).basic_auth(&self.bot, &self.key))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match (answer.json["result"].as_str(), answer.json["msg"].as_str()) {
            (Some("error"), Some(reason)) => answer.refused(reason),
            (result, _) => answer.by_word(result == Some("success")),
        }
    }
}
