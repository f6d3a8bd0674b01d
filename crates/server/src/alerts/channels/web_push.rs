//! `web_push`: browsers whose people asked for it on the page of the alerts.
//!
//! Facts: RFC 8030 (`TTL`, `Urgency`, `Topic`; 201 is taken, 404 or 410 is over), RFC 8291 and RFC 8292, which `web_push` has.
//! Each browser is asked by itself and at the same time as the others; what becomes of each is noted in the round, and is the
//! engine's affair.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use revere_model::{Clock as _, State, SystemClock};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::{
    CROWDS, Channel, ChannelKind, ChannelSample, Notification, PreviewPart, Receipt, Retry, SendError,
    answer::{Answer, Verdict},
    message::Words,
    plain_text, preview,
};
use crate::{
    http_target::{self, HttpTarget},
    outbound::{HostPattern, Limits, Method, Outbound, Request, Url},
    redact::MARK,
    settings::{Field, FieldKind},
    web_push::{Became, Browser, MOST, Message, Round, ServerKey, seal},
    wording::OwnText,
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["web_push"],
    doc: "Notifies browsers whose people asked for it on the page of the alerts, also while they are closed.",
    fields: &[
        Field::optional(
            "contact",
            FieldKind::Text,
            "Whom a push service may turn to: a `mailto:` or `https:` address.",
        )
        .or_words("`BASE_URL`, if that begins with `https:`"),
        Field::optional(
            "private_key",
            FieldKind::Secret,
            "The private key by which the server says who it is: 32 bytes in base64url.",
        )
        .or_words("one that is made once and kept in the database"),
        Field::optional(
            "services",
            FieldKind::Texts,
            "The push services that may be asked: host names, `*.` in front for all below one, `:port` behind for one port.",
        )
        .or_words("those of Chrome, Edge, Firefox and Safari"),
    ],
    groups: &[&CROWDS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| {
        let settings = setup.settings;
        let mut faults = Vec::new();
        let contact = settings.text("contact").map(str::to_owned);
        if contact.as_ref().is_some_and(|contact| !contact.starts_with("mailto:") && !contact.starts_with("https://")) {
            faults.push(setup.fault("contact", "expected an address that begins with mailto: or https://"));
        }
        let key = settings.text("private_key").map(ServerKey::read);
        if matches!(key, Some(None)) {
            let message = "expected a private key of the curve P-256: 32 bytes in base64url";
            faults.push(setup.fault("private_key", message));
        }
        let given = settings.texts("services");
        let named = if given.is_empty() { SERVICES.map(str::to_owned).to_vec() } else { given };
        let mut services: Vec<HostPattern> = Vec::new();
        for name in &named {
            match name.parse() {
                Ok(pattern) => services.push(pattern),
                Err(message) => faults.push(setup.fault("services", message)),
            }
        }
        match HttpTarget::read(setup, Some(services.clone())) {
            Ok(target) if faults.is_empty() => Ok(std::sync::Arc::new(WebPush {
                alert: setup.entry.name.clone(),
                contact,
                key: key.flatten(),
                services,
                outbound: target.outbound,
            })),
            target => Err(faults.into_iter().chain(target.err().unwrap_or_default()).collect()),
        }
    },
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample { config: "{}", taken: "", refusals: &[] },
        ChannelSample {
            config: r#"{"private_key": "s3cretAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "contact": "mailto:ops@example.com"}"#,
            taken: "",
            refusals: &[],
        },
    ],
};

/// The push services of the browsers there are (November 2026).
const SERVICES: [&str; 5] = [
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "web.push.apple.com",
    "*.push.apple.com",
];

/// Browsers that are asked at the same time.
const AT_ONCE: usize = 32;

/// So long a push service keeps what a sleeping browser is to be told: a problem that can wait is of no use so late.
const KEEP_S: u32 = 24 * 3600;
const KEEP_WARNING_S: u32 = 12 * 3600;
const KEEP_TEST_S: u32 = 300;

/// The longest text, in characters.
const TEXT_CHARS: usize = 600;

/// So much of an answer is read.
const REPLY_BYTES: usize = 16 << 10;

/// An alert that tells browsers.
pub struct WebPush {
    /// Its key.
    alert: String,
    contact: Option<String>,
    /// Its own key pair, in the place of the database's.
    key: Option<ServerKey>,
    services: Vec<HostPattern>,
    outbound: Outbound,
}

impl WebPush {
    /// The key by which browsers know the server: the alert's own, or `ours`.
    pub fn public_key(&self, ours: &ServerKey) -> String {
        self.key.as_ref().unwrap_or(ours).public()
    }

    /// Whether there may be a push service at this address, and why not.
    pub fn checked(&self, endpoint: &str) -> Result<Url, String> {
        let url = Url::parse(endpoint).map_err(|_| "expected the address of a push service".to_owned())?;
        let is_here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err("expected an https:// address of a push service".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("expected an address without a user".to_owned());
        }
        if !self.services.iter().any(|service| service.matches(&url)) {
            let host: String = url.host_str().unwrap_or_default().chars().take(100).collect();
            return Err(format!(
                "{host} is none of the push services that may be asked; 'services' of the alert names them"
            ));
        }
        Ok(url)
    }

    /// Tells one browser, once, within `limit`.
    pub async fn push(&self, browser: &Browser, message: &Message, round: &Round, limit: Duration) -> Became {
        // What failed may be said with all of an address; only the server's name is for anybody to see.
        let host =
            Url::parse(&browser.endpoint).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let (request, signed) = match self.request(browser, message, round, SystemClock.now()) {
            Ok(made) => made,
            Err(why) => return Became::Refused(why),
        };
        let reply = match self.outbound.send_for_status(request, Limits::within(limit, REPLY_BYTES)).await {
            Ok(reply) => reply,
            Err(error) => {
                let said = format!("{} ({host})", self.without(&error.what, browser, &signed));
                return if error.may_pass() { Became::Later(None, said) } else { Became::Refused(said) };
            }
        };
        let said = self.without(&format!("{} ({host})", reply.summary()), browser, &signed);
        match Answer::read(&reply, SystemClock.now()).by_status() {
            Verdict::Taken => Became::Taken,
            _ if matches!(reply.status.as_u16(), 404 | 410) => Became::Gone(said),
            Verdict::Refused { retry: Retry::Never, .. } => Became::Refused(said),
            Verdict::Refused { retry: Retry::Later, .. } => Became::Later(None, said),
            Verdict::Refused { retry: Retry::After(wait), .. } => Became::Later(Some(wait), said),
        }
    }

    /// What is asked, with what it is signed by.
    fn request(
        &self,
        browser: &Browser,
        message: &Message,
        round: &Round,
        now: Timestamp,
    ) -> Result<(Request, String), String> {
        let url = self.checked(&browser.endpoint)?;
        let contact = self.contact.as_deref().or(Some(&*round.contact)).filter(|contact| !contact.is_empty());
        let signed = self.key.as_ref().unwrap_or(&round.key).authorization(&url, contact, now);
        let body = seal(message.payload.as_bytes(), &browser.keys);
        let request = Request::new(Method::POST, url).body("application/octet-stream", body);
        let headers = [
            ("Content-Encoding", "aes128gcm"),
            ("TTL", &message.keep_s.to_string()),
            ("Urgency", if message.urgent { "high" } else { "normal" }),
            ("Topic", &message.topic),
            ("Authorization", &signed),
        ];
        let request = headers.into_iter().try_fold(request, |request, (name, value)| request.header(name, value));
        // The same topic and tag: sent once more where a kept connection died, it is shown once.
        let request = Request { redirects: 0, repeatable: true, ..request.map_err(|error| error.what)? };
        Ok((request, signed))
    }

    /// `text` without the address of a browser, which lets anybody send to it, and without what the server `signed`.
    fn without(&self, text: &str, browser: &Browser, signed: &str) -> String {
        let secret = Url::parse(&browser.endpoint).ok().map(|url| url[url::Position::BeforePath..].to_owned());
        let secret = secret.filter(|secret| secret.len() > 1).unwrap_or_else(|| browser.endpoint.clone());
        let last = secret.rsplit('/').next().filter(|last| last.len() > 8).unwrap_or(&secret).to_owned();
        let token = signed.split([' ', '=', ',']).find(|part| part.len() > 50).unwrap_or(signed);
        let text = [secret.as_str(), &last, token].iter().fold(text.to_owned(), |text, one| text.replace(one, MARK));
        plain_text::one_line(&self.outbound.secrets().redact(&text))
    }
}

#[async_trait]
impl Channel for WebPush {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let Some(round) = notification.sending.browsers.get(&self.alert) else {
            return Err(SendError::never("which browsers to notify is not known"));
        };
        let (end, message) = (Instant::now() + timeout, message(notification));
        round.tells(&message);
        if round.browsers.is_empty() {
            return Err(SendError::never(NOBODY));
        }
        stream::iter(&round.browsers)
            .for_each_concurrent(AT_ONCE, |browser| {
                let message = &message;
                async move {
                    let left = end.saturating_duration_since(Instant::now());
                    round.note(browser.id, self.push(browser, message, round, left).await);
                }
            })
            .await;
        summed_up(round)
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let payload = serde_json::from_str(&message(notification).payload).map_err(|error| error.to_string())?;
        Ok(preview::of_json(&payload))
    }

    fn web_push(&self) -> Option<&WebPush> {
        Some(self)
    }
}

/// Why nobody is told.
const NOBODY: &str = "no browser has asked to be notified: the page of the alerts has the button";

/// What became of a message to all of them, as one: taken where one browser took it. What the others did not take is theirs.
fn summed_up(round: &Round) -> Result<Receipt, SendError> {
    let came = round.came().of_each;
    let name = |id: i64| round.browsers.iter().find(|browser| browser.id == id).map_or("", |browser| &*browser.name);
    let taken = came.iter().filter(|(_, became)| *became == Became::Taken).count();
    let missed: Vec<String> = came
        .iter()
        .filter_map(|(id, became)| match became {
            Became::Taken => None,
            Became::Gone(said) => Some(format!("{}: asked for no more, {said}", name(*id))),
            Became::Refused(said) | Became::Later(_, said) => Some(format!("{}: {said}", name(*id))),
        })
        .collect();
    let missed = plain_text::cut(&missed.join("; "), 400).into_owned();
    if taken > 0 {
        let all = came.len();
        let words = match (taken, all) {
            (1, 1) => "1 browser".to_owned(),
            _ if taken == all => format!("{all} browsers"),
            _ => format!("{taken} of {all} browsers"),
        };
        return Ok(Receipt::saying(if missed.is_empty() { words } else { format!("{words} ({missed})") }));
    }
    let waits = came.iter().filter_map(|(_, became)| match became {
        Became::Later(wait, _) => Some(*wait),
        _ => None,
    });
    let waits: Vec<Option<Duration>> = waits.collect();
    let retry = match waits.iter().min().copied() {
        None => Retry::Never,
        Some(None) => Retry::Later,
        Some(Some(wait)) => Retry::After(wait),
    };
    Err(SendError { message: missed, retry, unanswered: false })
}

/// What browsers are told. Title, tag and link stay whole; the text gives way.
fn message(notification: &Notification) -> Message {
    let key = tag(notification);
    let topic: String = URL_SAFE_NO_PAD.encode(&Sha256::digest(key.as_bytes())[..24]);
    let problem = notification.new_state.is_problem();
    let urgent = problem && !notification.is_warning();
    let keep_s = match (notification.test, notification.is_warning()) {
        (true, _) => KEEP_TEST_S,
        (false, true) => KEEP_WARNING_S,
        (false, false) => KEEP_S,
    };
    let link = link(notification);
    let at = notification.tick_at.or(notification.started_at).map_or(0, |at| at.as_millisecond());
    let payload = |title: &str, text: &str| {
        json!({
            "title": title,
            "text": text,
            "state": notification.new_state.as_str(),
            "url": link,
            "at": at,
            "urgent": urgent && notification.new_state == State::Alarm && !notification.test,
            "tag": key,
            "key": notification.key,
        })
        .to_string()
    };
    let (title, text) = (title(notification), text(notification));
    let cut_to = |chars: usize| payload(&title, &plain_text::cut(&text, chars));
    // Nobody reads more in a notification.
    let mut chars = text.chars().count().min(TEXT_CHARS);
    while chars > 0 && cut_to(chars).len() > MOST {
        chars /= 2;
    }
    notification.sending.cuts.note("message", &text, &plain_text::cut(&text, chars));
    let mut payload_fits = cut_to(chars);
    if payload_fits.len() > MOST {
        // A server's own address of thousands of characters: rather told without a link than not told.
        payload_fits = json!({"title": title, "text": "", "url": "/", "at": at, "tag": key, "key": key}).to_string();
    }
    Message { payload: payload_fits, keep_s, urgent, topic }
}

/// The state and the monitor, or the alert's own subject. That it is Revere the browser says.
fn title(notification: &Notification) -> String {
    let subject = notification.subject();
    let parts = subject.strip_prefix("[Revere ").and_then(|rest| rest.split_once("] "));
    match parts.filter(|_| !notification.has_own(OwnText::Subject)) {
        None => subject,
        Some(("Alarm", words)) => words.to_owned(),
        Some((heading, words)) => format!("{heading}: {words}"),
    }
}

/// What happened, or the alert's own short text: all that the title does not say.
fn text(notification: &Notification) -> String {
    if notification.has_own(OwnText::Short) {
        return notification.short();
    }
    if !notification.sending.crowd.is_empty() {
        // Behind its heading and the line that is the title.
        return notification.text().lines().skip(2).collect::<Vec<_>>().join("\n");
    }
    let words = Words::of(notification, plain_text::lines);
    let mut text = words.message.trim_end().to_owned();
    if let Some(value) = words.return_value {
        text.push_str(&format!("\nReturn value: {value}"));
    }
    if let Some(lasted) = notification.lasted() {
        text.push_str(&format!("\nLasted: {lasted}"));
    }
    if let Some(missed) = notification.missed_words() {
        text.push_str(&format!("\nWas: {missed}"));
    }
    if let Some(description) = notification.description() {
        text.push_str(&format!("\n{}", plain_text::lines(description)));
    }
    text
}

/// What shows in the place of what: all of one problem, from its beginning to its end.
fn tag(notification: &Notification) -> &str {
    notification.incident.as_ref().map_or(&notification.key, |incident| &incident.key)
}

/// Where a click leads: the run, at the address of the server if that is known, else at the one the browser asked.
fn link(notification: &Notification) -> String {
    let known = notification.link();
    if !known.is_empty() {
        return known;
    }
    match (notification.monitor.id.0, notification.run_id) {
        (0, _) => "/".to_owned(),
        (monitor, None) => format!("/monitor/{monitor}"),
        (monitor, Some(run)) => format!("/monitor/{monitor}/run/{run}"),
    }
}
