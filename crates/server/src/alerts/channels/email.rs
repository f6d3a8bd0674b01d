//! `email`: a mail to each of a list of people, through any SMTP server.
//!
//! One transaction carries the mail to all recipients. One wrong address does not keep it from the others, and what a
//! server puts off for one recipient is tried again for that one only. Headers are built from parsed addresses and cleaned
//! lines, so nothing a monitor says becomes a header.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use sha2::{Digest, Sha256};

use super::super::{Built, Channel, ChannelKind, Notification, Receipt, SendError, config_fault, plain_text, within};
use crate::{
    entry::Entry,
    redact::Secrets,
    settings::{ConfigFault, Field, FieldKind, Settings, shortened, unknown},
    surroundings::Surroundings,
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["email"],
    doc: "Sends a mail, plain and HTML, through an SMTP server.",
    fields: &[
        Field::required("host", FieldKind::Text, "The SMTP server."),
        Field::optional("port", FieldKind::Count, "Its port (587 with 'starttls', 465 with 'tls', 25 with 'none')."),
        Field::optional(
            "security",
            FieldKind::Text,
            "'starttls': encrypted before anything is said; 'tls': encrypted from the start; 'none' ('starttls').",
        ),
        Field::optional("username", FieldKind::Text, "Signs in with this name, where the server asks for one."),
        Field::optional("password", FieldKind::Secret, "And this password."),
        Field::required("from", FieldKind::Text, "The sender, such as 'Revere <revere@example.com>'."),
        Field::required("to", FieldKind::Texts, "The recipients, as a list."),
        Field::optional("timeout", FieldKind::Seconds, "How long one mail may take (30)."),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether to check the server's certificate (True)."),
        Field::optional(
            "ca_file",
            FieldKind::Text,
            "Certificate authorities to trust beside the machine's own, as PEM.",
        ),
    ],
    build,
};

const SECURITIES: [&str; 3] = ["starttls", "tls", "none"];

/// How much of what the server says is kept: room for a few recipients, each with its own reason.
const SAID_CHARS: usize = 2000;

/// So many notifications that some recipients have and others still miss are remembered.
const REMEMBERED: usize = 1000;

struct Email {
    host: String,
    port: u16,
    security: Security,
    /// The user, for messages, with the same and the password.
    credentials: Option<(String, Credentials)>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
    secrets: Secrets,
    /// Who already has which notification, where others of its recipients were put off. Lost at a restart: then those
    /// people get it twice, under the same message id.
    reached: Mutex<VecDeque<(String, BTreeSet<String>)>>,
}

enum Security {
    StartTls(TlsParameters),
    Tls(TlsParameters),
    None,
}

fn build(entry: &Entry, settings: &Settings, surroundings: &Surroundings) -> Built {
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: String| faults.push(config_fault(entry, field, message));
    let host = settings.required_text("host").to_owned();
    if host.contains(['/', ' ']) || (host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err()) {
        let message = "expected the name of a host alone, such as 'smtp.example.com': the port has a key of its own";
        fault("host", format!("{message}, not '{}'", shortened(&host)));
    }
    let wanted = settings.text("security").unwrap_or("starttls");
    if !SECURITIES.contains(&wanted) {
        fault("security", unknown("security", wanted, SECURITIES.into_iter()));
    }
    let port = match (settings.count("port").map(u16::try_from), wanted) {
        (Some(Ok(port @ 1..)), _) => port,
        (Some(_), _) => {
            fault("port", "expected a port from 1 to 65535".to_owned());
            0
        }
        (None, "tls") => 465,
        (None, "none") => 25,
        (None, _) => 587,
    };
    let credentials = match (settings.text("username"), settings.text("password")) {
        (Some(user), Some(password)) => Some((user.to_owned(), Credentials::new(user.to_owned(), password.to_owned()))),
        (None, None) => None,
        (Some(_), None) => {
            fault("password", "missing beside 'username'".to_owned());
            None
        }
        (None, Some(_)) => {
            fault("username", "missing beside 'password'".to_owned());
            None
        }
    };
    let mut mailbox = |field: &str, text: &str| match text.parse::<Mailbox>() {
        Ok(mailbox) => Some(mailbox),
        Err(_) => {
            let several = if text.contains(',') {
                "; several are written as a list, ['a@example.com', 'b@example.com']"
            } else {
                ""
            };
            let text = shortened(text);
            let message = format!(
                "expected an address such as 'ops@example.com' or 'Ops <ops@example.com>', not '{text}'{several}"
            );
            faults.push(config_fault(entry, field, message));
            None
        }
    };
    let from = mailbox("from", settings.required_text("from"));
    let to: Vec<Mailbox> = settings.texts("to").iter().filter_map(|text| mailbox("to", text)).collect();
    if to.is_empty() && settings.texts("to").is_empty() {
        faults.push(config_fault(entry, "to", "expected at least one address"));
    }
    let security = match wanted {
        "none" => Ok(Security::None),
        "tls" => tls(&host, settings, surroundings).map(Security::Tls),
        _ => tls(&host, settings, surroundings).map(Security::StartTls),
    };
    match (from, security) {
        (Some(from), Ok(security)) if faults.is_empty() => Ok(Arc::new(Email {
            host,
            port,
            security,
            credentials,
            from,
            to,
            timeout: settings.seconds("timeout").unwrap_or(Duration::from_secs(30)),
            secrets: surroundings.secrets.clone(),
            reached: Mutex::default(),
        })),
        (_, security) => {
            faults.extend(security.err().map(|message| config_fault(entry, "ca_file", message)));
            Err(faults)
        }
    }
}

/// What works, and should not be done: a password that anyone on the way can read.
pub(crate) fn warnings(entry: &Entry) -> Vec<ConfigFault> {
    let text = |key: &str| entry.config.get(key).and_then(serde_json::Value::as_str);
    let host = text("host").unwrap_or_default();
    let here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if text("security") != Some("none") || text("password").is_none() || here {
        return Vec::new();
    }
    let message = format!("'none' sends the password to {host} for anyone on the way to read; use 'starttls' or 'tls'");
    vec![config_fault(entry, "security", message)]
}

fn tls(host: &str, settings: &Settings, surroundings: &Surroundings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = settings.text("ca_file") {
        let pem =
            std::fs::read(surroundings.folder.join(file)).map_err(|error| format!("cannot read '{file}': {error}"))?;
        let wrong = |error: Error| format!("'{file}' holds no PEM certificates: {}", chain(&error));
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(wrong)?);
    }
    let check = settings.flag("verify_ssl", true);
    builder = builder.dangerous_accept_invalid_certs(!check).dangerous_accept_invalid_hostnames(!check);
    builder.build().map_err(|error| chain(&error))
}

#[async_trait]
impl Channel for Email {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let sent = within(timeout.min(self.timeout), self.deliver(notification)).await;
        sent.map_err(|error| SendError {
            message: format!("{}:{}: {}", self.host, self.port, self.said(&error.message)),
            ..error
        })
    }
}

impl Email {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, SendError> {
        let message = self.message(notification)?;
        let reached = self.reached(&notification.key);
        let owed: Vec<&Mailbox> = self.to.iter().filter(|to| !reached.contains::<str>(to.email.as_ref())).collect();
        let mut connection = self.connect().await?;
        let handed = self.hand_over(&mut connection, &message, &owed).await;
        // The mail is taken or refused by now; how the goodbye goes changes nothing.
        connection.abort().await;
        let handed = handed?;
        if let Some(reply) = &handed.reply
            && handed.put_off.is_empty()
        {
            self.forget(&notification.key);
            let refused = handed.refused.iter().map(|words| format!("; refused: {words}"));
            let said = format!("{reply}{}", refused.collect::<String>());
            return Ok(Receipt { reply: self.said(&said) });
        }
        self.remember(&notification.key, handed.taken);
        let words = [handed.put_off.as_slice(), &handed.refused].concat().join("; ");
        Err(if handed.put_off.is_empty() { SendError::never(words) } else { SendError::later(words) })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let hello = ClientId::default();
        let server = (self.host.as_str(), self.port);
        let at_once = match &self.security {
            Security::Tls(tls) => Some(tls.clone()),
            _ => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &hello, at_once, None).await.map_err(at("connecting"))?;
        if let Security::StartTls(tls) = &self.security {
            connection.starttls(tls.clone(), &hello).await.map_err(at("STARTTLS"))?;
        }
        if let Some((user, credentials)) = &self.credentials {
            let signing_in = at(&format!("signing in as '{user}'"));
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await.map_err(signing_in)?;
        }
        Ok(connection)
    }

    /// One transaction. An error is one about the mail as a whole; what was said of each recipient is in the answer.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &[u8],
        owed: &[&Mailbox],
    ) -> Result<Handed, SendError> {
        let mut parameters = Vec::new();
        if !message.is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendError::never("an address has characters beyond ASCII, which this server cannot take"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        connection.command(Mail::new(Some(self.from.email.clone()), parameters)).await.map_err(failed)?;
        let mut handed = Handed::default();
        for to in owed {
            match connection.command(Rcpt::new(to.email.clone(), Vec::new())).await {
                Ok(_) => drop(handed.taken.insert(to.email.to_string())),
                Err(error) if error.is_permanent() => handed.refused.push(format!("{}: {}", to.email, chain(&error))),
                Err(error) if error.is_transient() => handed.put_off.push(format!("{}: {}", to.email, chain(&error))),
                Err(error) => return Err(failed(error)),
            }
        }
        if !handed.taken.is_empty() {
            connection.command(Data).await.map_err(failed)?;
            let reply = connection.message(message).await.map_err(failed)?;
            handed.reply = Some(words(&reply));
        }
        Ok(handed)
    }

    fn message(&self, notification: &Notification) -> Result<Vec<u8>, SendError> {
        let domain = self.from.email.domain();
        let key: String = Sha256::digest(&notification.key).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // A mail that no one wrote: all mails of one monitor answer it, so that readers show them as one thread.
        let thread = format!("<revere.monitor.{}@{domain}>", notification.monitor.id);
        let mut builder = Message::builder()
            .from(self.from.clone())
            .message_id(Some(format!("<revere.{key}@{domain}>")))
            .in_reply_to(thread.clone())
            .references(thread)
            .subject(notification.subject());
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        for (name, value) in [
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("X-Revere-State", notification.new_state.to_string()),
            ("X-Revere-Key", notification.header_key()),
        ] {
            let name = HeaderName::new_from_ascii(name.to_owned()).expect("the names above are header names");
            builder = builder.raw_header(HeaderValue::new(name, value));
        }
        let body = MultiPart::alternative_plain_html(notification.mail_text(), notification.mail_html());
        // Only an address that no envelope takes fails here, and those were parsed.
        let message =
            builder.multipart(body).map_err(|error| SendError::never(format!("cannot write the mail: {error}")))?;
        Ok(message.formatted())
    }

    /// The server's words as they are kept.
    fn said(&self, words: &str) -> String {
        plain_text::cut(&self.secrets.redact(words), SAID_CHARS).into_owned()
    }

    fn reached(&self, key: &str) -> BTreeSet<String> {
        let reached = self.reached.lock().expect("no code panics while it holds this lock");
        reached.iter().find(|(known, _)| known == key).map(|(_, who)| who.clone()).unwrap_or_default()
    }

    fn remember(&self, key: &str, who: BTreeSet<String>) {
        let all = &self.reached(key) | &who;
        self.forget(key);
        let mut reached = self.reached.lock().expect("no code panics while it holds this lock");
        reached.push_back((key.to_owned(), all));
        if reached.len() > REMEMBERED {
            reached.pop_front();
        }
    }

    fn forget(&self, key: &str) {
        self.reached.lock().expect("no code panics while it holds this lock").retain(|(known, _)| known != key);
    }
}

/// What became of one transaction.
#[derive(Default)]
struct Handed {
    /// What the server said when it took the mail, if it took it for anyone.
    reply: Option<String>,
    /// For whom.
    taken: BTreeSet<String>,
    /// Addresses it will never take, with its words.
    refused: Vec<String>,
    /// Addresses it asked to try again, with its words.
    put_off: Vec<String>,
}

/// 4xx and whatever the network does may pass; 5xx, and what we ourselves cannot do with this server, will not.
fn failed(error: Error) -> SendError {
    let message = chain(&error);
    if error.is_permanent() || error.is_client() { SendError::never(message) } else { SendError::later(message) }
}

/// The same, with the step that it was: before there is a mail, nothing else would say what was tried.
fn at(step: &str) -> impl FnOnce(Error) -> SendError + use<> {
    let step = step.to_owned();
    move |error| {
        let failed = failed(error);
        SendError { message: format!("{step}: {}", failed.message), ..failed }
    }
}

/// An error with its causes, on one line; of a refusal, the server's own words.
fn chain(error: &Error) -> String {
    let source = std::error::Error::source(error);
    if let (Some(code), Some(said)) = (error.status(), source) {
        return plain_text::one_line(&format!("{code} {said}"));
    }
    let mut text = error.to_string();
    let mut cause = source;
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(&format!(": {more}"));
        }
        cause = error.source();
    }
    plain_text::one_line(&text)
}

fn words(reply: &Response) -> String {
    let text = reply.message().collect::<Vec<_>>().join(" ");
    plain_text::one_line(&format!("{} {text}", reply.code()))
}
