//! `gotify`: an application of a Gotify server.
//!
//! Facts: gotify d543a8a. A message is plain text unless it says otherwise.

use revere_model::State;
use serde_json::json;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, over_http},
    inert, pasted_address,
};
use crate::{
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["gotify"],
    doc: "Pushes through a Gotify server.",
    fields: &[
        Field::required("url", FieldKind::Url, "Where your Gotify is."),
        Field::required("app_token", FieldKind::Secret, "The token of an application there."),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| {
        let token = setup.settings.required_text("app_token").to_owned();
        let mut url = setup.url("url");
        pasted_address::cut_before(&mut url, &["message"]);
        over_http(setup, Ok(Gotify { url: below(url, &["message"]), token }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"url": "{url}", "app_token": "app-s3cret"}"#,
        taken: r#"{"id": 7, "appid": 1}"#,
        refusals: &[
            (
                401,
                r#"{"error": "Unauthorized", "errorDescription": "you need to provide a valid token"}"#,
                Retry::Never,
            ),
            (200, "<html>not Gotify</html>", Retry::Later),
        ],
    }],
};

/// No limit is known but that of the server before it; nobody reads more on a telephone.
const TEXT: ChatText =
    ChatText { max: 16_000, size: inert::characters, inert: inert::as_it_is, inert_link: inert::as_it_is };

struct Gotify {
    url: Url,
    token: String,
}

impl HttpChannel for Gotify {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let priority = match notification.new_state {
            State::Alarm | State::Error if notification.is_warning() => 5,
            State::Alarm => 8,
            State::Error => 6,
            State::Ok | State::Inactive => 4,
        };
        let mut body = json!({
            "title": notification.subject(),
            "message": notification.chat_text(&TEXT),
            "priority": priority,
        });
        if let Some(url) = notification.url() {
            body["extras"] = json!({"client::notification": {"click": {"url": url}}});
        }
        Request::post_json(self.url.clone(), &body).header("X-Gotify-Key", &self.token)
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.json["errorDescription"].as_str() {
            Some(reason) => answer.refused(reason),
            None => answer.by_word(answer.json["id"].is_number()),
        }
    }
}
