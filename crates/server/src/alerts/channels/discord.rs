//! `discord`: a channel of Discord, by the address of a webhook.
//!
//! Facts: discord-api-docs c98d64b (webhook, message). `wait=true` has the answer say whether the message was kept; `allowed_mentions`
//! is empty, since its default has `@everyone` of a message mean everyone. A chart is a file of the message, which shows it below
//! the text; in an embed it would be suppressed with the previews of links. A webhook may show buttons that are links
//! (`with_components`, components/using-message-components of November 2026).

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    fitting::ChatText,
    http_channel::{ChartPlace, HttpChannel, over_http},
    inert,
    multipart::Multipart,
    pasted_address, plain_text,
};
use crate::{
    building::BuildInput,
    chart::Picture,
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["discord"],
    doc: "Posts to a channel of Discord.",
    fields: &[Field::required(
        "webhook_url",
        FieldKind::SecretUrl,
        "The address of a webhook: Edit Channel, Integrations, Webhooks.",
    )],
    groups: &[&crate::alerts::CROWDS, &crate::alerts::CHARTS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, discord(setup)),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/api/webhooks/1/hook-s3cret"}"#,
        taken: r#"{"id": "1", "type": 0}"#,
        refusals: &[
            (404, r#"{"message": "Unknown Webhook", "code": 10015}"#, Retry::Never),
            (401, r#"{"message": "Invalid Webhook Token", "code": 50027}"#, Retry::Never),
            (200, "<html>not Discord</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 2000, size: inert::utf16_units, inert: inert::markdown, inert_link: inert::as_it_is };

/// The longest description of a file, in characters.
const DESCRIPTION: usize = 1000;

/// The longest address of a button, in characters.
const LONGEST_URL: usize = 512;

/// Components, by Discord's numbers.
const ROW: u32 = 1;
const BUTTON: u32 = 2;
const LINK: u32 = 5;

/// `SUPPRESS_EMBEDS`: no preview of the page that the link leads to.
const NO_PREVIEW: u32 = 1 << 2;

struct Discord {
    url: Url,
}

fn discord(setup: &BuildInput) -> Result<Discord, Vec<ConfigFault>> {
    let is_page = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        url.path().starts_with("/channels/") && (host == "discord.com" || host.ends_with(".discord.com"))
    };
    let instead = "the address of a webhook, https://discord.com/api/webhooks/...";
    let mut url = pasted_address::webhook(setup, is_page, instead)?;
    url.query_pairs_mut().append_pair("wait", "true");
    Ok(Discord { url })
}

fn content(notification: &Notification) -> String {
    let text = notification.chat_text(&TEXT);
    // Of an address with backslashes in it Discord makes no link, and this one is the server's own.
    match notification.acknowledge_link() {
        Some(link) => text.replace(&inert::markdown(&link), &link),
        None => text,
    }
}

fn body(notification: &Notification) -> Value {
    let mut body = json!({
        "content": content(notification),
        "allowed_mentions": {"parse": []},
        "flags": NO_PREVIEW,
    });
    let buttons = notification.problem_buttons(LONGEST_URL);
    if !buttons.is_empty() {
        let link = |one: &Button| json!({"type": BUTTON, "style": LINK, "label": one.label, "url": one.url});
        let row: Vec<Value> = buttons.iter().map(link).collect();
        body["components"] = json!([{"type": ROW, "components": row}]);
    }
    if let Some(chart) = notification.chart() {
        let words = plain_text::cut(&chart.words, DESCRIPTION);
        body["attachments"] = json!([{"id": 0, "filename": Picture::NAME, "description": words}]);
    }
    body
}

impl HttpChannel for Discord {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let (body, mut url) = (body(notification), self.url.clone());
        if body.get("components").is_some() {
            url.query_pairs_mut().append_pair("with_components", "true");
        }
        match notification.chart() {
            None => Ok(Request::post_json(url, &body)),
            Some(chart) => Multipart::default().json("payload_json", &body).picture("files[0]", chart).post(url),
        }
    }

    fn charts(&self) -> ChartPlace {
        ChartPlace::InRequest
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["id"].is_string())
    }

    fn refuses_buttons(&self, answer: &Answer) -> bool {
        answer.status == 400 && !answer.json["errors"]["components"].is_null()
    }
}
