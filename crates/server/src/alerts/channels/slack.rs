//! `slack`: a channel of Slack, by the address of an incoming webhook or by a bot's token.
//!
//! Facts: docs.slack.dev, incoming webhooks and `chat.postMessage`, as of August 2026. A webhook says no by its status, and
//! other programs that take what Slack takes say yes in words of their own; the API says in the body of a 200 whether it took
//! the message. Slack knows no way to recognise a repeat.
//!
//! A bot is told what Slack calls its message, and what follows of a problem is put into the thread of it. Where that message
//! was deleted, Slack puts what should answer it into the channel, or refuses it; of the thread that it made the answer tells
//! (slack-go/slack#1571).
//!
//! A chart follows as a file in the thread of its message: Slack gives it a place (`files.getUploadURLExternal`), it is put there, and
//! shared (`files.completeUploadExternal`). That takes the right `files:write`, which a bot that only writes does not have. The
//! place is given the file alone, and never the token.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    fitting::ChatText,
    http_channel::{ChartPlace, HttpChannel, form, over_http},
    inert, pasted_address, plain_text,
};
use crate::{
    building::BuildInput,
    chart::Picture,
    http_target::{self, below},
    outbound::{Method, OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["slack"],
    doc: "Posts to a channel of Slack: by an incoming webhook (`webhook_url`), or as a bot (`bot_token`, `channel`).",
    fields: &[
        Field::optional("webhook_url", FieldKind::SecretUrl, "The address of an incoming webhook."),
        Field::optional(
            "bot_token",
            FieldKind::Secret,
            "Instead: the token of an app with `chat:write`, for charts also `files:write`: `xoxb-...`.",
        ),
        Field::optional(
            "channel",
            FieldKind::Text,
            "The channel that the bot writes to: its id, #name, or its address in a browser.",
        ),
        Field::optional(
            "reply_broadcast",
            FieldKind::Bool,
            "Whether the bot shows in the channel, too, what it puts into a thread.",
        )
        .or_flag(true),
        Field::optional(
            "buttons",
            FieldKind::Bool,
            "Whether what the bot says of a problem has buttons. For an app whose interactivity is switched on in Slack.",
        )
        .or_flag(false),
        http_target::api_url("https://slack.com/api"),
    ],
    groups: &[&crate::alerts::CROWDS, &crate::alerts::CHARTS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
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

/// The longest address of a button, in characters.
const LONGEST_URL: usize = 3000;

/// The longest description of a picture, in characters.
const ALT: usize = 1000;

/// The errors of the API that pass.
const PASSING: [&str; 6] =
    ["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"];

struct Slack {
    url: Url,
    /// Without it, the address is a webhook's.
    bot: Option<Bot>,
}

struct Bot {
    token: String,
    api: Url,
    channel: String,
    /// Whether what stands in a thread shows in the channel, too.
    broadcast: bool,
    buttons: bool,
}

impl Bot {
    /// The next request by which a chart comes into the thread of the message that was `taken`.
    fn next_of_chart(&self, chart: &Picture, taken: &Answer, answers: &[Answer]) -> Result<Option<Request>, String> {
        // Where the file is put says so by its status alone.
        if let (Some(answer), true) = (answers.last(), answers.len() != 2) {
            said_ok(answer)?;
        }
        let given = |name: &str| answers[0].json[name].as_str().ok_or_else(|| format!("Slack gave no {name}"));
        let request = match answers.len() {
            0 => {
                let (length, alt) = (chart.png.len().to_string(), plain_text::cut(&chart.words, ALT));
                let fields = [("filename", Picture::NAME), ("length", &length), ("alt_txt", &alt)];
                form(below(self.api.clone(), &["files.getUploadURLExternal"]), &fields).bearer(&self.token)
            }
            1 => {
                let url = given("upload_url")?;
                let url = Url::parse(url).map_err(|error| format!("Slack gave an upload_url that is none: {error}"))?;
                Ok(Request::new(Method::POST, url).body(Picture::TYPE, chart.png.clone()))
            }
            2 => {
                let message = &taken.json;
                let thread = message["message"]["thread_ts"].as_str().or(message["ts"].as_str());
                let body = json!({
                    "files": [{"id": given("file_id")?, "title": Picture::NAME}],
                    "channel_id": message["channel"].as_str().ok_or("Slack did not say which channel it is")?,
                    "thread_ts": thread.ok_or("Slack did not say what its message is called")?,
                });
                Request::post_json(below(self.api.clone(), &["files.completeUploadExternal"]), &body)
                    .bearer(&self.token)
            }
            _ => return Ok(None),
        };
        request.map(Some).map_err(|error| error.to_string())
    }

    /// The thread, and the channel that it is in, of a message to this channel.
    fn thread<'a>(&self, reference: &'a str) -> Option<(&'a str, &'a str)> {
        let (thread, place) = reference.split_once(' ')?;
        let (id, channel) = place.split_once(' ')?;
        (channel == self.channel).then_some((thread, id))
    }
}

/// What the API says of one step with a file.
fn said_ok(answer: &Answer) -> Result<(), String> {
    match (answer.json["ok"].as_bool(), answer.json["error"].as_str()) {
        (Some(true), _) => Ok(()),
        (_, Some("missing_scope")) => {
            Err("missing_scope: give the app the scope files:write and install it again, or set chart to False"
                .to_owned())
        }
        (_, Some(error)) => Err(format!("Slack says {error}")),
        _ => Err(format!("the answer does not say whether it was taken: {}", answer.text)),
    }
}

fn slack(setup: &BuildInput) -> Result<Slack, Vec<ConfigFault>> {
    let settings = setup.settings;
    let fault = |field: &str, message: &str| Err(vec![setup.fault(field, message)]);
    match (settings.text("webhook_url"), settings.text("bot_token"), settings.text("channel")) {
        (Some(_), Some(_), _) => fault("bot_token", "given beside 'webhook_url': give one of the two"),
        (Some(_), None, Some(_)) => fault("channel", "belongs to 'bot_token'; a webhook has a channel of its own"),
        (Some(_), None, None) if setup.entry.config.get("chart").is_some() => {
            fault("chart", "belongs to 'bot_token'; a webhook takes no files")
        }
        (Some(_), None, None) if setup.entry.config.get("reply_broadcast").is_some() => {
            fault("reply_broadcast", "belongs to 'bot_token'; what a webhook sends makes no threads")
        }
        (Some(_), None, None) if setup.entry.config.get("buttons").is_some() => {
            fault("buttons", "belongs to 'bot_token'; Slack warns whoever presses one that a webhook shows")
        }
        (Some(_), None, None) => {
            let instead = "the address of an incoming webhook, https://hooks.slack.com/services/...";
            Ok(Slack { url: pasted_address::webhook(setup, is_page, instead)?, bot: None })
        }
        (None, Some(_), None) => fault("channel", "missing beside 'bot_token'"),
        (None, Some(token), Some(channel)) => Ok(Slack {
            url: below(setup.url("api_url"), &["chat.postMessage"]),
            bot: Some(Bot {
                token: token.to_owned(),
                api: setup.url("api_url"),
                channel: channel_of(channel),
                broadcast: settings.flag("reply_broadcast"),
                buttons: settings.flag("buttons"),
            }),
        }),
        // One that was given and is wrong has been named.
        (None, None, _) if ["webhook_url", "bot_token"].iter().any(|key| setup.entry.config.get(key).is_some()) => {
            Err(Vec::new())
        }
        (None, None, _) => fault("webhook_url", "missing: give it, or 'bot_token' and 'channel'"),
    }
}

/// Whether people read Slack there. Hooks have a host of their own, and so have programs that take what Slack takes.
fn is_page(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "slack.com" || host.ends_with(".slack.com") && !host.starts_with("hooks.")
}

/// The id of the channel whose address was copied from a browser, `https://TEAM.slack.com/archives/ID` or
/// `https://app.slack.com/client/TEAM/ID`; anything else as it is.
fn channel_of(text: &str) -> String {
    let url = Url::parse(text).ok().filter(is_page);
    let id = url.as_ref().and_then(|url| {
        let mut parts = url.path_segments()?;
        match parts.next()? {
            "archives" => parts.next(),
            "client" => parts.nth(1),
            _ => None,
        }
    });
    id.filter(|id| !id.is_empty()).unwrap_or(text).to_owned()
}

/// A button that opens a page. Slack asks the app's own address, too, whoever presses it; where it has none, a warning shows.
fn button(number: u32, one: &Button) -> Value {
    let text = json!({"type": "plain_text", "text": one.label, "emoji": false});
    json!({"type": "button", "text": text, "url": one.url, "action_id": format!("open_{number}")})
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
            Some(bot) => {
                body["channel"] = json!(bot.channel);
                let buttons = notification.problem_buttons(LONGEST_URL);
                if bot.buttons
                    && !buttons.is_empty()
                    && let Some(blocks) = body["blocks"].as_array_mut()
                {
                    let row: Vec<Value> = (1..).zip(&buttons).map(|(number, one)| button(number, one)).collect();
                    blocks.push(json!({"type": "actions", "elements": row}));
                }
                let belongs_to = notification.sending.reply_to.as_deref();
                if let Some((thread, id)) = belongs_to.and_then(|reference| bot.thread(reference)) {
                    body["channel"] = json!(id);
                    body["thread_ts"] = json!(thread);
                    body["reply_broadcast"] = json!(bot.broadcast);
                }
                Request::post_json(self.url.clone(), &body).bearer(&bot.token)
            }
        }
    }

    fn charts(&self) -> ChartPlace {
        if self.bot.is_some() { ChartPlace::Behind } else { ChartPlace::Nowhere }
    }

    fn next_of_chart(
        &self,
        notification: &Notification,
        taken: &Answer,
        answers: &[Answer],
    ) -> Result<Option<Request>, String> {
        match (&self.bot, notification.chart()) {
            (Some(bot), Some(chart)) => bot.next_of_chart(chart, taken, answers),
            _ => Ok(None),
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

    fn refuses_buttons(&self, answer: &Answer) -> bool {
        self.bot.as_ref().is_some_and(|bot| bot.buttons) && answer.json["error"] == "invalid_blocks"
    }

    fn reference(&self, _: &Notification, answer: &Answer) -> Option<String> {
        let bot = self.bot.as_ref()?;
        let thread = answer.json["message"]["thread_ts"].as_str().or(answer.json["ts"].as_str())?;
        Some(format!("{thread} {} {}", answer.json["channel"].as_str()?, bot.channel))
    }
}
