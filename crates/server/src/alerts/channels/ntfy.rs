//! `ntfy`: a topic of ntfy, on ntfy.sh or a server of your own.
//!
//! Facts: ntfy 81a486a, docs/publish.md. Everything is in JSON, since headers take neither line breaks nor other alphabets. What is
//! longer than 4,096 bytes would become an attachment.

use revere_model::State;
use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    fitting::ChatText,
    http_channel::{HttpChannel, over_http},
    inert, pasted_address,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["ntfy"],
    doc: "Publishes to a topic of ntfy.",
    fields: &[
        Field::optional("url", FieldKind::Url, "Where your ntfy is.").or_text("https://ntfy.sh"),
        Field::required("topic", FieldKind::Text, "The topic; on ntfy.sh, whoever knows its name can read it."),
        Field::optional("token", FieldKind::Secret, "An access token, where the topic needs one."),
    ],
    groups: &[&http_target::LOGIN, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, ntfy(setup)),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"url": "{url}", "topic": "topic-s3cret", "token": "tk_s3cret"}"#,
        taken: r#"{"id": "7", "event": "message"}"#,
        refusals: &[
            (403, r#"{"code": 40301, "http": 403, "error": "forbidden"}"#, Retry::Never),
            (200, "<html>not ntfy</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText = ChatText { max: 4096, size: inert::bytes, inert: inert::as_it_is, inert_link: inert::as_it_is };

struct Ntfy {
    url: Url,
    topic: String,
    token: Option<String>,
}

fn ntfy(setup: &BuildInput) -> Result<Ntfy, Vec<ConfigFault>> {
    let (topic, token) = (setup.settings.required_text("topic"), setup.settings.text("token"));
    if topic.len() > 64 || !topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        let expected = "expected letters, digits, '_' and '-', at most 64";
        return Err(vec![setup.fault("topic", expected)]);
    }
    if token.is_some()
        && (setup.settings.text("auth_token").is_some() || setup.settings.text("auth_username").is_some())
    {
        return Err(vec![setup.fault("token", "given beside another way to sign in: give one of the two")]);
    }
    setup.context.secrets.learn_if_random(topic);
    // Copied from a browser it leads to the topic, where JSON would be told as it stands.
    let mut url = setup.url("url");
    pasted_address::cut_before(&mut url, &[topic]);
    Ok(Ntfy { url, topic: topic.to_owned(), token: token.map(str::to_owned) })
}

/// The largest request that a server reads, in bytes: escapes of JSON count here.
const MOST_BYTES: usize = 8000;

impl Ntfy {
    fn message(&self, notification: &Notification) -> Value {
        let (priority, tag) = match notification.new_state {
            State::Alarm | State::Error if notification.is_warning() => (3, "warning"),
            State::Alarm => (5, "rotating_light"),
            State::Error => (4, "warning"),
            State::Ok => (3, "white_check_mark"),
            State::Inactive => (2, "zzz"),
        };
        let mut body = json!({
            "topic": self.topic,
            "title": notification.subject(),
            "message": notification.chat_text(&TEXT),
            "priority": priority,
            "tags": [tag],
        });
        if let Some(url) = notification.url() {
            body["click"] = json!(url);
        }
        let action = |button: Button| json!({"action": "view", "label": button.label, "url": button.url});
        let actions: Vec<Value> = notification.buttons().into_iter().map(action).collect();
        if !actions.is_empty() {
            body["actions"] = json!(actions);
        }
        body
    }
}

impl HttpChannel for Ntfy {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| self.message(cut).to_string().len() <= MOST_BYTES);
        let request = Request::post_json(self.url.clone(), &self.message(&fitting));
        match &self.token {
            Some(token) => request.bearer(token),
            None => Ok(request),
        }
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["id"].is_string())
    }
}
