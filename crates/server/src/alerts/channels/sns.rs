//! `sns`: a topic of Amazon's Simple Notification Service.
//!
//! Every subscriber gets the form that fits it: the full text, a mail, or one short message. Without keys, those of the
//! machine's role (or of its environment) are used. The request is a form, as in Amazon's documentation of `Publish`
//! (API version 2010-03-31); its answers are XML.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::{Clock, SystemClock};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::{
    Built, Channel, ChannelKind, ChannelSample, Notification, PreviewPart, Receipt, Retry, SendError,
    answer::{Answer, Verdict},
    aws::{AwsSigner, Keys},
    http_channel::not_sent,
    plain_text, preview, within,
};
use crate::{
    building::BuildInput,
    hexadecimal::hex,
    http_target::{self, HttpTarget},
    outbound::{Limits, Method, Outbound, Reply, Request, Url, shown_url},
    settings::{Field, FieldKind, Settings, shortened},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["sns", "revere.alerts.sns.SNSAlert"],
    doc: "Publishes to a topic of Amazon SNS, with a short form for SMS.",
    fields: &[
        Field::required("topic_arn", FieldKind::Text, "The topic, such as arn:aws:sns:eu-west-1:123456789012:alerts."),
        Field::optional(
            "access_key_id",
            FieldKind::Text,
            "The key to sign with; left out where the machine has a role.",
        ),
        Field::optional("secret_key", FieldKind::Secret, "Its secret half."),
        Field::optional("region", FieldKind::Text, "The region to ask.").or_words("the topic's own"),
        Field::optional(
            "endpoint_url",
            FieldKind::Url,
            "Another address for the service: an emulator, a private endpoint.",
        ),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build,
    warnings,
    samples: &[ChannelSample {
        config: r#"{
            "topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts",
            "access_key_id": "AKIAEXAMPLE",
            "secret_key": "aws-s3cret-half",
            "endpoint_url": "{url}"
        }"#,
        taken: "<PublishResponse><PublishResult><MessageId>94f20ce6</MessageId></PublishResult></PublishResponse>",
        refusals: &[
            (400, "<Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>", Retry::Later),
            (200, "<html>sign in</html>", Retry::Later),
        ],
    }],
};

const EXPECTED_TOPIC: &str = "expected a topic such as arn:aws:sns:eu-west-1:123456789012:alerts";

/// SNS wants fewer than a hundred characters in a subject, and mail gateways behind it only ASCII.
const SUBJECT_CHARS: usize = 99;

/// The largest message that the service takes, in bytes, with its attributes.
const MESSAGE_BYTES: usize = 262_144;

/// How much of what the service says is kept.
const SAID_CHARS: usize = 500;

/// Errors that SNS reports with a 4xx status although they pass: throttling, and credentials of a role being renewed.
const PASSING: [&str; 9] = [
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "KMSThrottling",
    "KMSThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// So much of an answer is read: more than is ever shown.
const REPLY_BYTES: usize = 16 << 10;

struct Sns {
    topic_arn: String,
    region: String,
    /// The service's address.
    address: Url,
    /// Whether the address is configured, and belongs in messages.
    own_address: bool,
    timeout: Duration,
    outbound: Outbound,
    signer: AwsSigner,
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { settings, context, .. } = *setup;
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: &str| faults.push(setup.fault(field, message));
    let topic_arn = settings.required_text("topic_arn").to_owned();
    let region = match (settings.text("region"), topic_region(&topic_arn)) {
        (Some(region), _) | (None, Some(region)) => region.to_owned(),
        (None, None) => {
            fault("topic_arn", EXPECTED_TOPIC);
            String::new()
        }
    };
    let keys = match (settings.text("access_key_id"), settings.text("secret_key")) {
        (Some(id), Some(secret)) => Some(Keys { id: id.to_owned(), secret: secret.to_owned() }),
        (None, None) => None,
        (Some(_), None) => {
            fault("secret_key", "missing beside 'access_key_id'");
            None
        }
        (None, Some(_)) => {
            fault("access_key_id", "missing beside 'secret_key'");
            None
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let own_address = settings.text("endpoint_url");
    let address = own_address.map_or_else(|| service_address(&topic_arn, &region), str::to_owned);
    let Ok(address) = Url::parse(&address) else {
        return Err(vec![setup.fault("region", "expected a region such as eu-west-1")]);
    };
    Ok(Arc::new(Sns {
        signer: AwsSigner::new("sns", &region, keys.as_ref(), &context.outbound),
        own_address: own_address.is_some(),
        topic_arn,
        region,
        address,
        timeout: settings.required_seconds("timeout"),
        outbound: HttpTarget::read(setup, None)?.outbound,
    }))
}

/// The region of a topic; `None` for what is no topic.
fn topic_region(topic_arn: &str) -> Option<&str> {
    match topic_arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "sns", region, account, name]
            if ![partition, region, account, name].contains(&"") && !topic_arn.contains(char::is_whitespace) =>
        {
            Some(region)
        }
        _ => None,
    }
}

/// A configuration whose topic is still to be filled in, as the example of the original program has it, starts.
fn warnings(settings: &Settings) -> Vec<(&'static str, String)> {
    match settings.text("topic_arn") {
        Some(topic) if topic_region(topic).is_none() => vec![(
            "topic_arn",
            format!("{EXPECTED_TOPIC}, not '{}'; until it is one, this alert notifies nobody", shortened(topic)),
        )],
        _ => Vec::new(),
    }
}

/// Where the service is, by the partition of the topic (Amazon's "Service endpoints and quotas").
fn service_address(topic_arn: &str, region: &str) -> String {
    let domain = match topic_arn.split(':').nth(1) {
        Some("aws-cn") => "amazonaws.com.cn",
        Some("aws-iso") => "c2s.ic.gov",
        Some("aws-iso-b") => "sc2s.sgov.gov",
        Some("aws-eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("https://sns.{region}.{domain}/")
}

#[async_trait]
impl Channel for Sns {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let timeout = timeout.min(self.timeout);
        let sent = within(timeout, self.publish(notification, timeout)).await;
        sent.map_err(|error| {
            let said = format!("{}: {}", self.place(), error.message);
            let said = self.outbound.secrets().redact(&said).into_owned();
            SendError { message: plain_text::cut(&said, SAID_CHARS).into_owned(), ..error }
        })
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let form = preview::of_form(self.form(notification).as_bytes()).into_iter();
        // One text for each kind of subscriber, in a text of JSON.
        let parts = form.flat_map(|part| match serde_json::from_str(&part.text) {
            Ok(forms) if part.name == "Message" => preview::of_json(&forms),
            _ => vec![part],
        });
        Ok(parts.collect())
    }
}

impl Sns {
    /// Who is asked, for messages.
    fn place(&self) -> String {
        match self.own_address {
            true => format!("SNS in {} at {}", self.region, shown_url(&self.address)),
            false => format!("SNS in {}", self.region),
        }
    }

    async fn publish(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        if topic_region(&self.topic_arn).is_none() {
            let message = format!("'topic_arn': {EXPECTED_TOPIC}, not '{}'", shortened(&self.topic_arn));
            return Err(SendError::later(message));
        }
        let form = self.form(notification);
        let mut request = Request::new(Method::POST, self.address.clone())
            .body("application/x-www-form-urlencoded; charset=utf-8", form);
        request.redirects = 0;
        // Its subscribers would be told twice.
        request.on_new_connection = true;
        let request = self.signer.sign(request).await?;
        let reply = self.outbound.send_for_status(request, Limits::within(timeout, REPLY_BYTES)).await;
        judge(&reply.map_err(|error| SendError { message: error.what.clone(), ..not_sent(error) })?)
    }

    /// `Publish`, as a form.
    fn form(&self, notification: &Notification) -> String {
        let subject = notification.ascii_subject_within(SUBJECT_CHARS);
        // Subscribers filter by these.
        let mut attributes = vec![
            ("monitor_id", notification.monitor.id.to_string()),
            ("old_state", notification.old_state.to_string()),
            ("new_state", notification.new_state.to_string()),
            // What a receiver tells a repeated attempt by.
            ("key", notification.header_key()),
        ];
        attributes.extend(notification.severity().map(|severity| ("severity", severity.to_string())));
        let beside: usize = attributes.iter().map(|(name, value)| name.len() + value.len() + "String".len()).sum();
        let room = MESSAGE_BYTES.saturating_sub(beside + subject.len());
        let short = notification.cut_until(|short| forms(short).len() <= room);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "Publish")
            .append_pair("Version", "2010-03-31")
            .append_pair("TopicArn", &self.topic_arn)
            .append_pair("Subject", &subject)
            .append_pair("MessageStructure", "json")
            .append_pair("Message", &forms(&short));
        for (place, (name, value)) in (1..).zip(attributes) {
            let entry = format!("MessageAttributes.entry.{place}");
            form.append_pair(&format!("{entry}.Name"), name)
                .append_pair(&format!("{entry}.Value.DataType"), "String")
                .append_pair(&format!("{entry}.Value.StringValue"), &value);
        }
        if self.topic_arn.ends_with(".fifo") {
            form.append_pair("MessageGroupId", &format!("monitor-{}", notification.monitor.id))
                .append_pair("MessageDeduplicationId", &deduplication_id(&notification.key));
        }
        form.finish()
    }
}

/// One text for each kind of subscriber; `default` is for all the others.
fn forms(notification: &Notification) -> String {
    json!({
        "default": notification.text(),
        "email": notification.mail_text(),
        "sms": notification.short(),
    })
    .to_string()
}

/// A key may hold more, and other characters, than the service takes.
fn deduplication_id(key: &str) -> String {
    hex(&Sha256::digest(key))
}

/// Whether it was taken, and if not, in whose words.
fn judge(reply: &Reply) -> Result<Receipt, SendError> {
    let body = String::from_utf8_lossy(&reply.body);
    if reply.status.is_success()
        && let Some(id) = element(&body, "MessageId")
    {
        return Ok(Receipt::saying(format!("message {id}")));
    }
    let code = element(&body, "Code").unwrap_or_default();
    let retry = match Answer::read(reply, SystemClock.now()).by_status() {
        _ if PASSING.contains(&code.as_str()) => Retry::Later,
        Verdict::Refused { retry, .. } => retry,
        // A 2xx that could not be understood: it may have been taken, but nobody said so.
        Verdict::Taken => Retry::Later,
    };
    let words = match (code.as_str(), element(&body, "Message")) {
        ("", None) => body.trim().to_owned(),
        (code, message) => format!("{code}: {}", message.as_deref().unwrap_or("no further words")),
    };
    let message = plain_text::one_line(&format!("{} {words}", reply.status.as_u16()));
    Err(SendError { message, retry, unanswered: false })
}

/// The text of the first XML element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character)))
}
