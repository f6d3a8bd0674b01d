//! `campfire`: a room of Campfire, the classic hosted one or today's self-hosted one.
//!
//! The classic API takes JSON with a token as user name. The self-hosted one takes a bot's key inside the address and the
//! message as the bare body, which it reads as rich text: there, `<` and `&` are escaped, so that no message of a
//! monitor becomes markup or mentions anyone.
//!
//! Neither is known to limit how long a message may be, so nothing is cut: a message and a value are 8 KiB at most.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification,
    http_channel::{HttpChannel, over_http},
    pasted_address,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{Method, OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["campfire", "revere.alerts.campfire.CampfireAlert"],
    doc: "Speaks in a Campfire room: classic (`subdomain`, `api_token`, `room_id`) or self-hosted (`url`, `room_id`, `bot_key`).",
    fields: &[
        Field::optional("subdomain", FieldKind::Text, "Classic: the part before .campfirenow.com."),
        Field::optional("api_token", FieldKind::Secret, "Classic: the API token of the user who speaks."),
        Field::required("room_id", FieldKind::Any, "The number of the room, as its address shows it."),
        Field::optional(
            "url",
            FieldKind::Url,
            "Self-hosted: where Campfire is; the address of a room will do. Classic: instead of `subdomain`.",
        ),
        Field::optional("bot_key", FieldKind::Secret, "Self-hosted: the key of the bot that speaks."),
    ],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, campfire(setup)),
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{"url": "{url}", "room_id": 42, "bot_key": "9-bot-s3cret"}"#,
            taken: "",
            refusals: &[],
        },
        ChannelSample {
            config: r#"{"url": "{url}", "room_id": "42", "api_token": "user-s3cret"}"#,
            taken: "",
            refusals: &[],
        },
    ],
};

struct Campfire {
    url: Url,
    /// The classic API's token; without it, the key is in the address.
    api_token: Option<String>,
}

fn campfire(setup: &BuildInput) -> Result<Campfire, Vec<ConfigFault>> {
    let settings = setup.settings;
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: &str| faults.push(setup.fault(field, message));
    let room = match settings.any("room_id") {
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            text.clone()
        }
        _ => {
            fault("room_id", "expected the number of a room, such as 42");
            String::new()
        }
    };
    let (token, bot_key) = (settings.text("api_token"), settings.text("bot_key"));
    let (subdomain, url) = (settings.text("subdomain"), settings.text("url"));
    match (token, bot_key) {
        (Some(_), Some(_)) => fault("bot_key", "given beside 'api_token': give one of the two"),
        (None, None) => fault("bot_key", "missing: the self-hosted Campfire needs it (the classic one, 'api_token')"),
        (None, Some(_)) if subdomain.is_some() => {
            fault("subdomain", "belongs to the classic 'api_token', not to 'bot_key'")
        }
        (None, Some(_)) if url.is_none() => fault("url", "missing: where your Campfire is"),
        (Some(_), None) if subdomain.is_none() && url.is_none() => {
            fault("subdomain", "missing: the part before .campfirenow.com")
        }
        _ => {}
    }
    if subdomain.is_some_and(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
        fault("subdomain", "expected only the part before .campfirenow.com");
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let base =
        url.map(str::to_owned).unwrap_or_else(|| format!("https://{}.campfirenow.com", subdomain.unwrap_or_default()));
    let mut base = Url::parse(&base).expect("a Url field, or a checked name in a fixed frame");
    if let Some(other) = cut_to_server(&mut base).filter(|other| *other != room) {
        return Err(vec![setup.fault("room_id", format!("is {room}, and the address leads into room {other}"))]);
    }
    let url = match bot_key {
        Some(key) => http_target::below(base, &["rooms", &room, key, "messages"]),
        None => http_target::below(base, &["room", &room, "speak.json"]),
    };
    Ok(Campfire { url, api_token: token.map(str::to_owned) })
}

/// An address copied from a browser leads into a room, or to the log-in: the server is what stands before that. Answers the
/// room, where there is one.
fn cut_to_server(url: &mut Url) -> Option<String> {
    let room = pasted_address::cut_before(url, &["room", "rooms"]);
    pasted_address::cut_before(url, &["session", "account", "users"]);
    room
}

impl HttpChannel for Campfire {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let mut text = notification.text();
        if let Some(list) = notification.url().filter(|_| !notification.sending.crowd.is_empty()) {
            text = format!("{text}\n{list}");
        }
        Ok(match &self.api_token {
            Some(token) => {
                // A text of several lines is what classic Campfire calls a paste: set as written, nothing in it expanded.
                let body = json!({"message": {"type": "PasteMessage", "body": text}});
                // Any password does; the token is the user.
                Request::post_json(self.url.clone(), &body).basic_auth(token, "X")
            }
            None => Request::new(Method::POST, self.url.clone()).body("text/plain; charset=utf-8", rich_text(&text)),
        })
    }
}

/// `text` as the rich text that shows just that. `>` is left alone: without a `<` before it, it is only a character.
fn rich_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rich_text_shows_what_was_written() {
        assert_eq!(
            rich_text("a < b & c -> d\n<action-text-attachment>"),
            "a &lt; b &amp; c -> d<br>\n&lt;action-text-attachment>"
        );
    }
}
