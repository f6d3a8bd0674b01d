//! `telegram`: a chat of Telegram, as a bot.
//!
//! Facts: core.telegram.org/bots/api, telegram-bot-api 01a3679. The body says whether the message was taken. A group that becomes a
//! supergroup gets another id, which the refusal says: the message goes there at once. What stands below a picture is shorter than a
//! message: a chart has the text with it where that fits, and else answers it, without a sound. A button needs an address that
//! Telegram believes to be of the internet: where it does not, the message goes without.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{ChartPlace, HttpChannel, over_http},
    inert,
    multipart::Multipart,
};
use crate::{
    building::BuildInput,
    chart::Picture,
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["telegram"],
    doc: "Writes to a chat of Telegram, as a bot.",
    fields: &[
        Field::required("bot_token", FieldKind::Secret, "The bot's token, as @BotFather gave it."),
        Field::required("chat_id", FieldKind::Any, "The number of the chat, or a public channel's @name or link."),
        Field::optional("message_thread_id", FieldKind::Count, "The topic inside the chat."),
        http_target::api_url("https://api.telegram.org"),
    ],
    groups: &[&crate::alerts::CROWDS, &crate::alerts::CHARTS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
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

/// Where Telegram could not read that.
const PLAIN: ChatText =
    ChatText { max: 4096, size: inert::utf16_units, inert: inert::unmentioned, inert_link: inert::as_it_is };

/// The longest text below a picture, in UTF-16 units.
const CAPTION: usize = 1024;

/// The longest address of a button, in bytes.
const LONGEST_URL: usize = 2048;

struct Telegram {
    url: Url,
    photo_url: Url,
    thread: Option<u64>,
    /// Where the chat is now.
    chat: Mutex<Value>,
}

/// Before the name of a public channel. What is no name there is an invitation, or leads into a private chat.
const LINK: &str = "https://t.me/";

fn is_name(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn telegram(setup: &BuildInput) -> Result<Telegram, Vec<ConfigFault>> {
    let settings = setup.settings;
    let chat = match settings.any("chat_id") {
        Some(Value::Number(number)) if number.is_i64() => json!(number),
        Some(Value::String(text)) if text.starts_with('@') && text.len() > 1 => json!(text),
        // Of a public channel, as its link has it.
        Some(Value::String(text)) if text.starts_with(LINK) && is_name(&text[LINK.len()..]) => {
            json!(format!("@{}", &text[LINK.len()..]))
        }
        Some(Value::String(text)) if text.parse::<i64>().is_ok() => json!(text.parse::<i64>().unwrap_or_default()),
        _ => return Err(vec![setup.fault("chat_id", "expected the number of a chat, such as -1001234, or '@name'")]),
    };
    let token = settings.required_text("bot_token");
    let method = |name: &str| below(setup.url("api_url"), &[&format!("bot{token}"), name]);
    let (url, photo_url) = (method("sendMessage"), method("sendPhoto"));
    Ok(Telegram { url, photo_url, thread: settings.count("message_thread_id"), chat: Mutex::new(chat) })
}

impl Telegram {
    fn chat(&self) -> Value {
        self.chat.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Telegram {
    /// A picture, with these fields beside it: texts as they are, everything else in JSON.
    fn photo(&self, fields: &Value, chart: &Picture) -> Result<Request, OutboundError> {
        let mut form = Multipart::default();
        for (name, value) in fields.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form = form.text(name, &text);
        }
        form.picture("photo", chart).post(self.photo_url.clone())
    }
}

/// Whether what was asked was refused for one of these.
fn refused_for(answer: &Answer, reasons: &[&str]) -> bool {
    let why = answer.json["description"].as_str().unwrap_or_default();
    answer.json["error_code"] == 400 && reasons.iter().any(|reason| why.contains(reason))
}

impl HttpChannel for Telegram {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let chat = self.chat();
        let plain = notification.sending.without_markup;
        let text = notification.chat_text(if plain { &PLAIN } else { &TEXT });
        let chart = notification.chart().filter(|_| inert::utf16_units(&text) <= CAPTION);
        let mut body = match chart {
            None => json!({"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": true}}),
            Some(_) => json!({"chat_id": chat, "caption": text}),
        };
        if !plain {
            body["parse_mode"] = json!("HTML");
        }
        let buttons = notification.problem_buttons(LONGEST_URL);
        if !buttons.is_empty() {
            let row: Vec<Value> = buttons.iter().map(|one| json!({"text": one.label, "url": one.url})).collect();
            body["reply_markup"] = json!({"inline_keyboard": [row]});
        }
        if let Some(thread) = self.thread {
            body["message_thread_id"] = json!(thread);
        }
        let here = format!(" {chat}");
        let belongs_to = notification.sending.reply_to.as_deref().and_then(|reference| reference.strip_suffix(&here));
        if let Some(message) = belongs_to.and_then(|message| message.parse::<i64>().ok()) {
            body["reply_parameters"] = json!({"message_id": message, "allow_sending_without_reply": true});
        }
        match chart {
            None => Ok(Request::post_json(self.url.clone(), &body)),
            Some(chart) => self.photo(&body, chart),
        }
    }

    fn charts(&self) -> ChartPlace {
        ChartPlace::InRequest
    }

    /// A text that is too long to stand below the chart is answered with it.
    fn next_of_chart(
        &self,
        notification: &Notification,
        taken: &Answer,
        answers: &[Answer],
    ) -> Result<Option<Request>, String> {
        if let Some(answer) = answers.first() {
            return match self.judge(answer) {
                Verdict::Taken => Ok(None),
                Verdict::Refused { .. } => Err(format!("sendPhoto: {}", answer.text)),
            };
        }
        let (Some(chart), true) = (notification.chart(), taken.json["result"]["photo"].is_null()) else {
            return Ok(None);
        };
        let mut body = json!({"chat_id": self.chat(), "disable_notification": true});
        if let Some(thread) = self.thread {
            body["message_thread_id"] = json!(thread);
        }
        if let Some(message) = taken.json["result"]["message_id"].as_i64() {
            body["reply_parameters"] = json!({"message_id": message, "allow_sending_without_reply": true});
        }
        self.photo(&body, chart).map(Some).map_err(|error| error.to_string())
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

    fn refuses_buttons(&self, answer: &Answer) -> bool {
        refused_for(answer, &["BUTTON_URL_INVALID", "keyboard button URL"])
    }

    fn refuses_markup(&self, answer: &Answer) -> bool {
        refused_for(answer, &["can't parse entities"])
    }

    /// The message that it answers, if that is there still, else the message. In a topic, one that answers nothing answers
    /// the topic.
    fn reference(&self, notification: &Notification, answer: &Answer) -> Option<String> {
        let message = &answer.json["result"];
        let answers = message["reply_to_message"]["message_id"].as_i64();
        let answers = answers.filter(|id| Some(*id) != message["message_thread_id"].as_i64());
        let first = answers.filter(|_| notification.sending.reply_to.is_some()).or(message["message_id"].as_i64())?;
        Some(format!("{first} {}", self.chat()))
    }
}
