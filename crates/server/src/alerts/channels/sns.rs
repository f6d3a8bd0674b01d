//! `sns`: a topic of Amazon's Simple Notification Service, through the official SDK.
//!
//! Every subscriber gets the form that fits it: the full text, a mail, or one short message. Without keys, those of the
//! machine's role (or of its environment) are used. The SDK's own retries are off: ours know when to end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_credential_types::Credentials;
use aws_sdk_sns::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::publish::PublishError,
    types::MessageAttributeValue,
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::super::{
    Built, Channel, ChannelKind, Notification, Receipt, Retry, SendError, config_fault, plain_text, retry, within,
};
use crate::{
    entry::Entry,
    outbound::{Url, shown_url},
    redact::Secrets,
    settings::{Field, FieldKind, Settings},
    surroundings::Surroundings,
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
        Field::optional("region", FieldKind::Text, "The region to ask (the topic's own)."),
        Field::optional("timeout", FieldKind::Seconds, "How long to wait for the answer (30)."),
        Field::optional(
            "endpoint_url",
            FieldKind::Url,
            "Another address for the service: an emulator, a private endpoint.",
        ),
    ],
    build,
};

/// SNS wants fewer than a hundred characters in a subject, and mail gateways behind it only ASCII.
const SUBJECT_CHARS: usize = 99;

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

struct Sns {
    topic_arn: String,
    region: String,
    keys: Option<Credentials>,
    endpoint_url: Option<String>,
    timeout: Duration,
    secrets: Secrets,
    /// Made at the first notification, since finding the machine's role means asking around.
    client: OnceCell<Client>,
}

fn build(entry: &Entry, settings: &Settings, surroundings: &Surroundings) -> Built {
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: &str| faults.push(config_fault(entry, field, message));
    let topic_arn = settings.required_text("topic_arn").to_owned();
    let own_region = match topic_arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "sns", region, account, name]
            if ![partition, region, account, name].contains(&"") && !topic_arn.contains(char::is_whitespace) =>
        {
            region.to_owned()
        }
        _ => {
            fault("topic_arn", "expected a topic such as arn:aws:sns:eu-west-1:123456789012:alerts");
            String::new()
        }
    };
    let keys = match (settings.text("access_key_id"), settings.text("secret_key")) {
        (Some(id), Some(secret)) => Some(Credentials::new(id, secret, None, None, "configuration")),
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
    Ok(Arc::new(Sns {
        topic_arn,
        region: settings.text("region").map_or(own_region, str::to_owned),
        keys,
        endpoint_url: settings.text("endpoint_url").map(str::to_owned),
        timeout: settings.seconds("timeout").unwrap_or(Duration::from_secs(30)),
        secrets: surroundings.secrets.clone(),
        client: OnceCell::new(),
    }))
}

#[async_trait]
impl Channel for Sns {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let sent = within(timeout.min(self.timeout), self.publish(notification)).await;
        sent.map_err(|error| {
            let said = format!("{}: {}", self.place(), error.message);
            SendError { message: plain_text::cut(&self.secrets.redact(&said), SAID_CHARS).into_owned(), ..error }
        })
    }
}

impl Sns {
    /// Who is asked, for messages.
    fn place(&self) -> String {
        match self.endpoint_url.as_deref().and_then(|url| Url::parse(url).ok()) {
            Some(url) => format!("SNS in {} at {}", self.region, shown_url(&url)),
            None => format!("SNS in {}", self.region),
        }
    }

    async fn publish(&self, notification: &Notification) -> Result<Receipt, SendError> {
        let client = self.client.get_or_init(|| self.connect()).await;
        let mut publish = client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(notification.ascii_subject_within(SUBJECT_CHARS))
            .message_structure("json")
            .message(forms(notification));
        // Subscribers filter by these.
        for (name, value) in [
            ("monitor_id", notification.monitor.id.to_string()),
            ("old_state", notification.old_state.to_string()),
            ("new_state", notification.new_state.to_string()),
            // What a receiver tells a repeated attempt by.
            ("key", notification.header_key()),
        ] {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            publish = publish.message_attributes(name, value.expect("the type is set, and nothing else is required"));
        }
        if self.topic_arn.ends_with(".fifo") {
            publish = publish
                .message_group_id(format!("monitor-{}", notification.monitor.id))
                .message_deduplication_id(deduplication_id(&notification.key));
        }
        match publish.send().await {
            Ok(answer) => Ok(Receipt { reply: format!("message {}", answer.message_id().unwrap_or("without an id")) }),
            Err(error) => Err(judge(&error)),
        }
    }

    async fn connect(&self) -> Client {
        let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.region.clone()))
            .retry_config(RetryConfig::disabled());
        if let Some(keys) = &self.keys {
            loader = loader.credentials_provider(keys.clone());
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Client::new(&loader.load().await)
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
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn judge(error: &SdkError<PublishError>) -> SendError {
    let response = error.raw_response();
    let body = response.and_then(|response| response.body().bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    // Proxies and emulators wrap errors in ways the SDK does not know; the two words that matter are found all the same.
    let code = error.code().or_else(|| element(&body, "Code")).unwrap_or_default();
    let message = error.message().or_else(|| element(&body, "Message"));
    let status = response.map(|response| response.status().as_u16());
    let asked = response.and_then(|response| response.headers().get("retry-after")?.trim().parse().ok());
    let retry = match status {
        _ if PASSING.contains(&code) => Retry::Later,
        // A 2xx that could not be understood: it may have been taken, but nobody said so.
        Some(status) => retry::judge_status(status, asked.map(Duration::from_secs)).unwrap_or(Retry::Later),
        None if matches!(error, SdkError::ConstructionFailure(_)) => Retry::Never,
        None => Retry::Later,
    };
    let status = status.map_or_else(String::new, |status| format!("{status} "));
    let words = match (code, message) {
        ("", None) if body.is_empty() => causes(error),
        ("", None) => body.into_owned(),
        (code, message) => format!("{code}: {}", message.unwrap_or("no further words")),
    };
    SendError { message: plain_text::one_line(&format!("{status}{words}")), retry }
}

/// The text of the first XML element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// An error's causes in one text. The SDK keeps what happened at the far end of the chain.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
