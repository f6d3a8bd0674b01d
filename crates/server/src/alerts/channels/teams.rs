//! `teams`: a channel or chat of Microsoft Teams, by the address of a Workflows flow ("When a Teams webhook request is received").
//!
//! Facts: msteams-docs, learn.microsoft.com/connectors/teams, August 2026. The answer says only that the card is queued; a flow
//! that fails later says nothing. What is larger than 28 KB fails there, so cards are kept below.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    buttons::Button,
    http_channel::{HttpChannel, over_http},
    pasted_address,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["teams"],
    doc: "Posts a card to a channel or chat of Microsoft Teams, through a flow of Workflows.",
    fields: &[Field::required(
        "webhook_url",
        FieldKind::SecretUrl,
        "The address of the flow: Workflows, \"Send webhook alerts to a channel\".",
    )],
    groups: &[&crate::alerts::CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, teams(setup)),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"webhook_url": "{url}/workflows/1/triggers/manual/paths/invoke?sig=flow-s3cret"}"#,
        taken: "",
        refusals: &[
            (400, r#"{"error": {"code": "TriggerInputSchemaMismatch"}}"#, Retry::Never),
            (200, "<html>sign in</html>", Retry::Later),
        ],
    }],
};

/// Below the 28 KB of the service.
const MOST_BYTES: usize = 24_000;

struct Teams {
    url: Url,
}

fn teams(setup: &BuildInput) -> Result<Teams, Vec<ConfigFault>> {
    let is_page =
        |url: &Url| pasted_address::is_on(url, &["teams.microsoft.com", "teams.live.com", "teams.cloud.microsoft"]);
    let instead = "the address of a flow of Workflows, which it shows when it is made";
    let url = pasted_address::webhook(setup, is_page, instead)?;
    if url.host_str().is_some_and(|host| host.ends_with("webhook.office.com")) {
        let message = "is a connector of the kind that Microsoft has retired; make a flow of Workflows";
        return Err(vec![setup.fault("webhook_url", message)]);
    }
    Ok(Teams { url })
}

impl HttpChannel for Teams {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| card(cut).to_string().len() <= MOST_BYTES);
        Ok(Request::post_json(self.url.clone(), &card(&fitting)))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_status_unless_page()
    }
}

/// An Adaptive Card 1.4, in runs of text, which have no markup. A key without a value is left out: a null is refused.
fn card(notification: &Notification) -> Value {
    let run = |text: &str, bold: bool| {
        let mut run = json!({"type": "TextRun", "text": text});
        if bold {
            run["weight"] = json!("Bolder");
        }
        run
    };
    let mut body = vec![json!({"type": "RichTextBlock", "inlines": [run(&notification.subject(), true)]})];
    for line in notification.text().lines().skip(1).filter(|line| !line.trim().is_empty()) {
        body.push(json!({"type": "RichTextBlock", "spacing": "None", "inlines": [run(line, false)]}));
    }
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    });
    let action = |button: Button| json!({"type": "Action.OpenUrl", "title": button.label, "url": button.url});
    let actions: Vec<Value> = notification.buttons().into_iter().map(action).collect();
    if !actions.is_empty() {
        content["actions"] = json!(actions);
    }
    json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
    })
}
