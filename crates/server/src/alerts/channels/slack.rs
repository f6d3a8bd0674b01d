//! `slack`: a channel of Slack, by the address of an incoming webhook or by a bot's token.
//!
//! Facts: docs.slack.dev, incoming webhooks and `chat.postMessage`, as of August 2026. A webhook says no by its status, and other programs
//! that take what Slack takes say yes in words of their own; the API says in the body of a 200 whether it took the message. Slack knows no way to recognise a repeat.

use serde_json::json;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, over_http},
    inert,
};
use crate::{
    building::BuildInput,
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["slack"],
    doc: "Posts to a channel of Slack: by an incoming webhook (`webhook_url`), or as a bot (`bot_token`, `channel`).",
    fields: &[
        Field::optional("webhook_url", FieldKind::SecretUrl, "The address of an incoming webhook."),
        Field::optional("bot_token", FieldKind::Secret, "Instead: the token of an app with `chat:write`, `xoxb-...`."),
        Field::optional("channel", FieldKind::Text, "The channel that the bot writes to: its id, or #name."),
        http_target::api_url("https://slack.com/api"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    build: |setup| over_http(setup, slack(setup)),
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{"webhook_url": "{url}/services/T0/B0/hook-s3cret"}"#,
            taken: "",
            refusals: &[(403, "invalid_token", Retry::Never), (200, "<html>sign in</html>", Retry::Later)],
        },
        ChannelSample {
            config: r##"{"bot_token": "xoxb-s3cret", "channel": "#ops", "api_url": "{url}"}"##,
            taken: r#"{"ok": true, "channel": "C1", "ts": "1.2"}"#,
            refusals: &[
                (200, r#"{"ok": false, "error": "not_in_channel"}"#, Retry::Never),
                (200, r#"{"ok": false, "error": "invalid_auth"}"#, Retry::Never),
                (200, r#"{"ok": false, "error": "internal_error"}"#, Retry::Later),
                (200, r#"{"ok": false, "error": "ratelimited"}"#, Retry::Later),
            ],
        },
    ],
};

/// A block holds no more characters.
const TEXT: ChatText =
    ChatText { max: 3000, size: inert::characters, inert: inert::entities, inert_link: inert::entities };

/// The errors of the API that pass.
const PASSING: [&str; 6] =
    ["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"];

struct Slack {
    url: Url,
    /// A bot's token and channel; without them, the address is a webhook's.
    bot: Option<(String, String)>,
}

fn slack(setup: &BuildInput) -> Result<Slack, Vec<ConfigFault>> {
    let settings = setup.settings;
    let fault = |field: &str, message: &str| Err(vec![setup.fault(field, message)]);
    match (settings.text("webhook_url"), settings.text("bot_token"), settings.text("channel")) {
        (Some(_), Some(_), _) => fault("bot_token", "given beside 'webhook_url': give one of the two"),
        (Some(_), None, Some(_)) => fault("channel", "belongs to 'bot_token'; a webhook has a channel of its own"),
        (Some(_), None, None) => Ok(Slack { url: setup.url("webhook_url"), bot: None }),
        (None, Some(_), None) => fault("channel", "missing beside 'bot_token'"),
        (None, Some(token), Some(channel)) => Ok(Slack {
            url: below(setup.url("api_url"), &["chat.postMessage"]),
            bot: Some((token.to_owned(), channel.to_owned())),
        }),
        // One that was given and is wrong has been named.
        (None, None, _) if ["webhook_url", "bot_token"].iter().any(|key| setup.entry.config.get(key).is_some()) => {
            Err(Vec::new())
        }
        (None, None, _) => fault("webhook_url", "missing: give it, or 'bot_token' and 'channel'"),
    }
}

impl HttpChannel for Slack {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let text = notification.chat_text(&TEXT);
        let mut body = json!({
            "text": inert::entities(&notification.subject()),
            "blocks": [{"type": "section", "text": {"type": "plain_text", "text": text, "emoji": false}}],
            "unfurl_links": false,
            "unfurl_media": false,
        });
        match &self.bot {
            None => Ok(Request::post_json(self.url.clone(), &body)),
            Some((token, channel)) => {
                body["channel"] = json!(channel);
                Request::post_json(self.url.clone(), &body).bearer(token)
            }
        }
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        if self.bot.is_none() {
            return answer.by_status_unless_page();
        }
        match (answer.json["ok"].as_bool(), answer.json["error"].as_str()) {
            (Some(false), Some(error)) if PASSING.contains(&error) => answer.later(error),
            (Some(false), Some("not_in_channel")) => {
                answer.never("not_in_channel: invite the bot to the channel, by /invite")
            }
            (Some(false), Some(error)) => answer.refused(error),
            (ok, _) => answer.by_word(ok == Some(true)),
        }
    }
}
