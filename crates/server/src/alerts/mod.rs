//! Alerts: how people are told. One file in `channels/` is one kind; [`KINDS`] registers it.
//!
//! A channel only sends, once, and says whether trying again can help. What is owed to whom, the wording
//! ([`Notification`]'s texts), when to try again ([`retry`]), HTTP and its answers ([`http_channel`]) and the record of it live
//! above the trait, once for all channels.

mod message;
pub mod retry;

mod aws;
mod buttons;
mod channels;
mod charts;
mod crowd;

pub mod answer;
mod fitting;
pub mod http_channel;
mod inert;
mod multipart;
mod own_words;
mod pasted_address;
mod pause;
mod preview;
mod printer;
mod process;
mod sms;
mod test_message;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
pub use channels::{KINDS, web_push::WebPush};
pub use charts::CHARTS;
pub use crowd::{CROWDS, crowd};
pub use own_words::{OWN_WORDS, TEMPLATE_NAMES};
pub use preview::{MessagePreview, PreviewPart, hide_credentials, preview};
use serde_json::Value;
pub use test_message::{TEST_LIMIT, reached, send_once, test_notification, test_on_call};

use crate::{
    building::{BuildContext, BuildInput, ConfiguredEntry},
    on_call,
    redact::Secrets,
    settings::{self, ConfigFault, Field, FieldGroup, FieldKind, Settings, unknown_name},
    wording::{OwnText, TemplateError, Templates},
};
pub use crate::{
    notification::{Cut, Incident, Missed, MonitorSummary, Notification, Sending},
    plain_text,
};

/// A way of telling someone.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Sends one notification, once, within `timeout`. Retrying is the caller's.
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError>;

    /// What [`Channel::send`] would say, piece by piece, and nothing of how it signs in. Sends nothing. `Err` says why it
    /// could not be sent.
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String>;

    /// Whether the receiver knows a notification that comes once more, by its key: then nobody reads it twice.
    fn knows_repeats(&self) -> bool {
        true
    }

    /// Whether it shows the chart that a notification may have.
    fn takes_chart(&self) -> bool {
        false
    }

    /// Where it tells browsers: that. It is given them with each notification, as [`Sending::browsers`].
    fn web_push(&self) -> Option<&WebPush> {
        None
    }

    /// For so long after a message, what comes meanwhile is gathered and told as one; zero tells each by itself.
    fn crowd_window(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the receiver said when it took the notification: kept in the delivery log, short.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receipt {
    /// The receiver's words, for instance `200 OK` or a message id.
    pub reply: String,
    /// What the receiver calls the message, or the thread that it stands in, if what follows of the same incident can be put
    /// there: that is given this, as [`Sending::reply_to`].
    pub reference: Option<String>,
    /// What was said, where that is not the default text: without the link that opens a door, and cut to what a log shows.
    pub said: Option<String>,
}

impl Receipt {
    /// The receiver said this, and has no place for what follows.
    pub fn saying(reply: impl Into<String>) -> Receipt {
        Receipt { reply: reply.into(), reference: None, said: None }
    }
}

/// The notification was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What happened, with the receiver's words, without secrets.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
    /// Whether it may have arrived all the same: no answer came.
    pub unanswered: bool,
}

/// Whether trying again can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The receiver will never take this: a wrong address, a wrong key.
    Never,
    /// It may work later.
    Later,
    /// The receiver said when.
    After(Duration),
}

impl SendError {
    /// The receiver will never take this.
    pub fn never(message: impl Into<String>) -> Self {
        SendError { message: message.into(), retry: Retry::Never, unanswered: false }
    }

    /// No answer came: it may have arrived, and it may work later.
    pub fn unanswered(message: impl Into<String>) -> Self {
        SendError { unanswered: true, ..SendError::later(message) }
    }

    /// It may work later.
    pub fn later(message: impl Into<String>) -> Self {
        SendError { message: message.into(), retry: Retry::Later, unanswered: false }
    }
}

/// A channel, or everything that is wrong with its settings.
pub type Built = Result<Arc<dyn Channel>, Vec<ConfigFault>>;

/// A kind of channel.
pub struct ChannelKind {
    /// Its names in the configuration; the first is the one to show.
    pub names: &'static [&'static str],
    /// What it is, for the documentation, in a sentence.
    pub doc: &'static str,
    /// What it alone needs.
    pub fields: &'static [Field],
    /// What it needs as some other kinds do; [`OWN_WORDS`] all have.
    pub groups: &'static [&'static FieldGroup],
    /// Makes one. Contacts nothing.
    pub build: fn(&BuildInput) -> Built,
    /// Whether its receiver knows a notification that comes once more, by its key.
    pub knows_repeats: bool,
    /// What works, and should not be done: a field, and why.
    pub warnings: fn(&Settings) -> Vec<(&'static str, String)>,
    /// Configurations that tests try it with.
    pub samples: &'static [ChannelSample],
}

impl ChannelKind {
    /// Everything it needs.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        let shared = self.groups.iter().copied().chain([&OWN_WORDS]);
        self.fields.iter().chain(shared.flat_map(|group| group.fields))
    }

    fn read(&self, entry: &ConfiguredEntry, secrets: &Secrets) -> (Settings, Vec<ConfigFault>) {
        Settings::read_what_fits(self.all_fields(), &entry.config, &format!("{}['config']", entry.place), secrets)
    }
}

/// A configuration of a kind, with what tests of all kinds need to know to try it.
pub struct ChannelSample {
    /// The config in JSON. `{url}` stands for the address of the test's receiver; every secret holds `s3cret`.
    pub config: &'static str,
    /// What a receiver over HTTP answers when it has taken a notification; empty where its status alone says so.
    pub taken: &'static str,
    /// Answers that mean something else than their status says: status, body, and whether to try again.
    pub refusals: &'static [(u16, &'static str, Retry)],
}

/// Makes the channel of every entry that is switched on, by its name, with every fault found on the way. The secrets of
/// the others are learned too: their values may stand in what people paste.
pub fn build_all(
    entries: &[ConfiguredEntry],
    context: &BuildContext,
) -> (BTreeMap<String, Arc<dyn Channel>>, Vec<ConfigFault>) {
    let mut channels = BTreeMap::new();
    let mut faults = on_call::faults(entries, &context.secrets);
    for entry in entries.iter().filter(|entry| !on_call::is_rota(entry)) {
        match build(entry, context) {
            Ok(channel) if entry.enabled => {
                channels.insert(entry.name.clone(), channel);
            }
            Err(found) if entry.enabled => faults.extend(found),
            // An entry that is switched off may be as unfinished as its author likes.
            _ => {}
        }
    }
    (channels, faults)
}

/// What the entries that are switched on ask for and should not.
pub fn warnings(entries: &[ConfiguredEntry]) -> Vec<ConfigFault> {
    let mut warnings = Vec::new();
    for entry in entries.iter().filter(|entry| entry.enabled) {
        // What cannot be read is a fault, and said as one.
        if let Some(kind) = kind_of(entry)
            && let (settings, faults) = kind.read(entry, &Secrets::default())
            && faults.is_empty()
        {
            let found = (kind.warnings)(&settings).into_iter();
            let place = |field| format!("{}['config']['{field}']", entry.place);
            warnings.extend(found.map(|(field, message)| ConfigFault::new(place(field), message)));
        }
    }
    warnings
}

/// Fields that say whom a channel tells, by the names that kinds give them; those in front say it best.
const RECIPIENTS: [&str; 7] = ["to", "topic_arn", "channel", "stream", "room_id", "chat_id", "command"];

/// Whom an alert tells, as far as its settings show it without a secret: addresses, a channel, or the server's name alone.
pub fn recipients(entry: &ConfiguredEntry) -> String {
    let Some(kind) = kind_of(entry) else { return String::new() };
    let is_shown = |name: &str| {
        kind.all_fields().any(|field| {
            field.name == name && matches!(field.kind, FieldKind::Text | FieldKind::Texts | FieldKind::Any)
        })
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            (!items.is_empty()).then(|| items.join(", "))
        }
        _ => None,
    };
    // Arguments of a program may hold anything.
    let program = |value: &Value| value.get(0).map_or_else(|| value.clone(), Value::clone);
    let named = RECIPIENTS.iter().filter(|name| is_shown(name)).find_map(|name| match *name {
        "command" => text(&program(entry.config.get(*name)?)),
        name => text(entry.config.get(name)?),
    });
    named
        .or_else(|| {
            let addresses =
                kind.all_fields().filter(|field| matches!(field.kind, FieldKind::Url | FieldKind::SecretUrl));
            let mut addresses = addresses.filter_map(|field| entry.config.get(field.name)?.as_str());
            addresses.find_map(|address| {
                let url = url::Url::parse(address).ok()?;
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                Some(format!("{}{port}", url.host_str()?))
            })
        })
        .unwrap_or_default()
}

/// The templates that an entry of the configuration has; `None` where its type takes none.
pub fn own_templates(entry: &ConfiguredEntry) -> Option<Templates> {
    kind_of(entry)?;
    let mut templates = Templates::default();
    for one in OwnText::ALL {
        templates.set(one, entry.config.get(one.as_str()).and_then(Value::as_str).map(str::to_owned));
    }
    Some(templates)
}

/// What is wrong with templates, as the configuration would be refused for it.
pub fn template_faults(templates: &Templates) -> Vec<(OwnText, TemplateError)> {
    own_words::faults(templates)
}

fn kind_of(entry: &ConfiguredEntry) -> Option<&'static ChannelKind> {
    KINDS.iter().find(|kind| kind.names.contains(&entry.kind.as_str()))
}

fn build(entry: &ConfiguredEntry, context: &BuildContext) -> Built {
    if let Some(kind) = kind_of(entry) {
        let (settings, faults) = kind.read(entry, &context.secrets);
        // What is wrong with one setting must not hide what is wrong with another.
        let setup = BuildInput { entry, settings: &settings, context };
        let built =
            settings.has_required(kind.all_fields()).then(|| match ((kind.build)(&setup), own_words::read(&setup)) {
                (Ok(channel), Ok(None)) => Ok(around(kind, &setup, channel)),
                (Ok(channel), Ok(Some(wording))) => Ok(around(kind, &setup, own_words::with(wording, channel))),
                (built, words) => Err(built.err().into_iter().chain(words.err()).flatten().collect()),
            });
        return settings::unless_faulty(faults, built);
    }
    // Dotted names below our own package are the seed's, never somebody's module.
    if entry.kind.contains('.') && !entry.kind.starts_with("revere.") {
        return channels::python::build(entry, context);
    }
    let known = KINDS.iter().flat_map(|kind| kind.names.iter().copied()).chain([on_call::KIND]);
    let message = match entry.kind.as_str() {
        "hipchat" | "revere.alerts.hipchat.HipChatAlert" => {
            "HipChat was shut down in 2019, and with it this type; 'webhook' reaches most of what came after".to_owned()
        }
        other => unknown_name("alert type", other, known),
    };
    Err(vec![ConfigFault::new(format!("{}['type']", entry.place), message)])
}

/// `channel`, with what its settings say of crowds and charts.
fn around(kind: &ChannelKind, setup: &BuildInput, channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
    let takes_chart = setup.settings.flag("chart") && channel.takes_chart();
    charts::around(takes_chart, crowd::around(kind, setup, channel))
}

/// Gives `attempt` no more than `timeout`.
async fn within(
    timeout: Duration,
    attempt: impl Future<Output = Result<Receipt, SendError>>,
) -> Result<Receipt, SendError> {
    match tokio::time::timeout(timeout, attempt).await {
        Ok(done) => done,
        Err(_) => Err(SendError::unanswered(format!("timed out after {} s", timeout.as_secs_f64()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whom_an_alert_tells_is_shown_without_its_secrets() {
        for (kind, config, shown) in [
            (
                "email",
                json!({"to": ["a@example.com", "b@example.com"], "password": "s3cret"}),
                "a@example.com, b@example.com",
            ),
            ("webhook", json!({"url": "https://hooks.example.com/s3cret"}), "hooks.example.com"),
            ("slack", json!({"webhook_url": "https://hooks.slack.com/services/s3cret"}), "hooks.slack.com"),
            ("log", json!({}), ""),
            ("unknown", json!({"to": "s3cret"}), ""),
        ] {
            let entry = ConfiguredEntry {
                name: "a".to_owned(),
                kind: kind.to_owned(),
                description: String::new(),
                enabled: true,
                remind: None,
                quiet_hours: None,
                on_call_only: None,
                config,
                place: String::new(),
            };
            assert_eq!(recipients(&entry), shown, "{kind}");
        }
    }
}
