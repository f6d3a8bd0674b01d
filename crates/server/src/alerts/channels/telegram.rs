//! `telegram`: a chat of Telegram, as a bot.
//!
//! Facts: core.telegram.org/bots/api, telegram-bot-api 01a3679. The body says whether the message was taken. A group that becomes a
//! supergroup gets another id, which the refusal says: the message goes there at once.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

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
    names: &["telegram"],
    doc: "Writes to a chat of Telegram, as a bot.",
    fields: &[
        Field::required("bot_token", FieldKind::Secret, "The bot's token, as @BotFather gave it."),
        Field::required("chat_id", FieldKind::Any, "The number of the chat, or a public channel's @name."),
        Field::optional("message_thread_id", FieldKind::Count, "The topic inside the chat."),
        http_target::api_url("https://api.telegram.org"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    build: |setup| over_http(setup, telegram(setup)),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"bot_token": "1:bot-s3cret", "chat_id": -42, "api_url": "{url}"}"#,
        taken: r#"{"ok": true, "result": {"message_id": 7}}"#,
        refusals: &[
            (403, r#"{"ok": false, "error_code": 403, "description": "Forbidden: bot was kicked"}"#, Retry::Never),
            (400, r#"{"ok": false, "error_code": 400, "description": "Bad Request: chat not found"}"#, Retry::Never),
            (200, r#"{"ok": false, "error_code": 500, "description": "Internal Server Error"}"#, Retry::Later),
            (200, "<html>not Telegram</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 4096, size: inert::utf16_units, inert: inert::unmentioned_entities, inert_link: inert::entities };

struct Telegram {
    url: Url,
    thread: Option<u64>,
    /// Where the chat is now.
    chat: Mutex<Value>,
}

fn telegram(setup: &BuildInput) -> Result<Telegram, Vec<ConfigFault>> {
    let settings = setup.settings;
    let chat = match settings.any("chat_id") {
        Some(Value::Number(number)) if number.is_i64() => json!(number),
        Some(Value::String(text)) if text.starts_with('@') && text.len() > 1 => json!(text),
        Some(Value::String(text)) if text.parse::<i64>().is_ok() => json!(text.parse::<i64>().unwrap_or_default()),
        _ => return Err(vec![setup.fault("chat_id", "expected the number of a chat, such as -1001234, or '@name'")]),
    };
    let token = settings.required_text("bot_token");
    let url = below(setup.url("api_url"), &[&format!("bot{token}"), "sendMessage"]);
    Ok(Telegram { url, thread: settings.count("message_thread_id"), chat: Mutex::new(chat) })
}

impl HttpChannel for Telegram {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let mut body = json!({
            "chat_id": *self.chat.lock().unwrap_or_else(PoisonError::into_inner),
            "text": notification.chat_text(&TEXT),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
        });
        if let Some(thread) = self.thread {
            body["message_thread_id"] = json!(thread);
        }
        Ok(Request::post_json(self.url.clone(), &body))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        let (json, reason) = (&answer.json, answer.json["description"].as_str().unwrap_or_default());
        if let Some(moved) = json["parameters"]["migrate_to_chat_id"].as_i64() {
            *self.chat.lock().unwrap_or_else(PoisonError::into_inner) = json!(moved);
            return answer.later(&format!("the group has another id now: set chat_id to {moved}"));
        }
        match (json["ok"].as_bool(), json["error_code"].as_u64()) {
            (Some(true), _) => answer.by_status(),
            (Some(false), _) if answer.status >= 300 => answer.refused(reason),
            (Some(false), Some(400..=499)) => answer.never(reason),
            (Some(false), _) => answer.later(reason),
            (None, _) => answer.unclear(),
        }
    }
}
