//! `email`: a mail to each of a list of people, through any SMTP server.
//!
//! One transaction carries the mail to all recipients. One wrong address does not keep it from the others, and what a
//! server puts off for one recipient is tried again for that one only. Headers are built from parsed addresses and cleaned
//! lines, so nothing a monitor says becomes a header.

mod conversation;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use sha2::{Digest, Sha256};

use self::conversation::{Conversation, Fault, MailServer, Security, is_helo_name};
use super::super::{
    Built, Channel, ChannelKind, ChannelSample, Notification, PreviewPart, Receipt, Retry, SendError,
    charts::{self, CHART_ID, told_without},
    plain_text, within,
};
use crate::{
    building::BuildInput,
    chart::Picture,
    hexadecimal::hex,
    http_target,
    redact::Secrets,
    settings::{Field, FieldKind, Settings, shortened},
    tls::Trust,
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["email"],
    doc: "Sends a mail, plain and HTML, through an SMTP server.",
    fields: &[
        Field::required("host", FieldKind::Text, "The SMTP server."),
        Field::optional("port", FieldKind::Port, "Its port.")
            .or_words("587 with `'starttls'`, 465 with `'tls'`, 25 with `'none'`"),
        Field::optional(
            "security",
            FieldKind::Choice(&["starttls", "tls", "none"]),
            "'starttls': encrypted before anything is said; 'tls': encrypted from the start; 'none': not at all.",
        )
        .or_text("starttls"),
        Field::optional("username", FieldKind::Text, "Signs in with this name, where the server asks for one."),
        Field::optional("password", FieldKind::Secret, "And this password."),
        Field::optional("helo_name", FieldKind::Text, "The name to greet the server with.")
            .or_words("this machine's own, or its address where that is no full name"),
        Field::required("from", FieldKind::Text, "The sender, such as 'Revere <revere@example.com>'."),
        Field::required("to", FieldKind::Texts, "The recipients, as a list."),
        Field::optional("timeout", FieldKind::Seconds, "How long one mail may take.").or_number(30),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether to check the server's certificate.").or_flag(true),
        http_target::CA_FILE,
    ],
    groups: &[&crate::alerts::CROWDS, &crate::alerts::CHARTS],
    knows_repeats: false,
    build,
    warnings,
    samples: &[ChannelSample {
        config: r#"{
            "host": "127.0.0.1",
            "port": 1,
            "username": "revere",
            "password": "smtp-s3cret",
            "from": "revere@example.com",
            "to": ["ops@example.com"]
        }"#,
        taken: "",
        refusals: &[],
    }],
};

/// How much of what the server says is kept: room for a few recipients, each with its own reason.
const SAID_CHARS: usize = 2000;

/// So many notifications that some recipients have and others still miss are remembered.
const REMEMBERED: usize = 1000;

struct Email {
    server: MailServer,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
    secrets: Secrets,
    /// Who already has which notification, where others of its recipients were put off. Lost at a restart: then those
    /// people get it twice, under the same message id.
    reached: Mutex<VecDeque<(String, BTreeSet<String>)>>,
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { settings, context, .. } = *setup;
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: String| faults.push(setup.fault(field, message));
    let host = host(settings.required_text("host")).unwrap_or_else(|message| {
        fault("host", message);
        String::new()
    });
    let wanted = settings.required_text("security");
    let port = settings.port("port").unwrap_or(match wanted {
        "tls" => 465,
        "none" => 25,
        _ => 587,
    });
    let credentials = match (settings.text("username"), settings.text("password")) {
        (Some(user), Some(password)) => Some((user.to_owned(), password.to_owned())),
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
    let helo_name = settings.text("helo_name").map(str::to_owned);
    if helo_name.as_deref().is_some_and(|name| !is_helo_name(name)) {
        fault(
            "helo_name",
            "expected a host name such as revere.example.com, or an address such as [192.0.2.1]".to_owned(),
        );
    }
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
            faults.push(setup.fault(field, message));
            None
        }
    };
    let from = mailbox("from", settings.required_text("from"));
    let to: Vec<Mailbox> = settings.texts("to").iter().filter_map(|text| mailbox("to", text)).collect();
    if to.is_empty() && settings.texts("to").is_empty() {
        faults.push(setup.fault("to", "expected at least one address"));
    }
    let mut trust = Trust { verify: settings.flag("verify_ssl"), ..Trust::default() };
    match http_target::ca_file(setup) {
        Ok(certificates) => trust.extra = certificates,
        Err(fault) => {
            faults.push(fault);
        }
    }
    let Some(from) = from.filter(|_| faults.is_empty()) else { return Err(faults) };
    let handshake = || Arc::new(trust.client_config());
    let security = match wanted {
        "none" => Security::None,
        "tls" => Security::Tls(handshake()),
        _ => Security::StartTls(handshake()),
    };
    Ok(Arc::new(Email {
        server: MailServer { host, port, dialer: context.outbound.dialer(), security, credentials, helo_name },
        from,
        to,
        timeout: settings.required_seconds("timeout"),
        secrets: context.secrets.clone(),
        reached: Mutex::default(),
    }))
}

/// The name or address of the server alone: how it is reached, and at which port, are settings of their own.
fn host(given: &str) -> Result<String, String> {
    let given = given.trim();
    let bare = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(given);
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    let (name, port) = match given.split_once("://") {
        Some((_, rest)) => (rest.trim_end_matches('/'), ""),
        None => given.rsplit_once(':').unwrap_or((given, "")),
    };
    if name == given && !name.contains(|c: char| c.is_whitespace() || "/@:?#".contains(c)) {
        return Ok(name.to_owned());
    }
    Err(match port.parse::<u16>() {
        Ok(port) => format!("expected the server's name alone: '{}', and 'port': {port} beside it", shortened(name)),
        Err(_) => format!("expected the server's name alone, such as smtp.example.com, not '{}'", shortened(given)),
    })
}

/// What works, and should not be done: a password that anyone on the way can read.
fn warnings(settings: &Settings) -> Vec<(&'static str, String)> {
    let host = settings.required_text("host");
    let here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if settings.required_text("security") != "none" || settings.text("password").is_none() || here {
        return Vec::new();
    }
    let message = format!("'none' sends the password to {host} for anyone on the way to read; use 'starttls' or 'tls'");
    vec![("security", message)]
}

#[async_trait]
impl Channel for Email {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let timeout = timeout.min(self.timeout);
        let sent = within(timeout, self.deliver(notification, timeout)).await;
        sent.map_err(|error| SendError {
            message: format!("{}:{}: {}", self.server.host, self.server.port, self.said(&error.message)),
            ..error
        })
    }

    fn takes_chart(&self) -> bool {
        true
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let mut parts = vec![
            PreviewPart::new("Subject", notification.subject()),
            PreviewPart::new("text/plain", notification.mail_text()),
            PreviewPart::new("text/html", notification.mail_html()),
        ];
        parts.extend(notification.chart().map(charts::shown));
        Ok(parts)
    }
}

impl Email {
    /// Delivers it; where the server does not take it with its chart, without.
    async fn deliver(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let began = Instant::now();
        let refused = match self.deliver_once(notification).await {
            Err(error) if error.retry == Retry::Never && notification.chart().is_some() => error,
            delivered => return delivered,
        };
        if began.elapsed() > timeout / 2 {
            // The next attempt has no chart, and all the time there is: one that is cut short may have been taken.
            return Err(SendError { retry: Retry::Later, ..refused });
        }
        let taken = self.deliver_once(&notification.without_chart()).await?;
        Ok(told_without(taken, &refused))
    }

    async fn deliver_once(&self, notification: &Notification) -> Result<Receipt, SendError> {
        let message = self.message(notification)?;
        let reached = self.reached(&notification.key);
        let owed: Vec<&Mailbox> = self.to.iter().filter(|to| !reached.contains::<str>(to.email.as_ref())).collect();
        let mut conversation = self.server.connect().await?;
        let handed = self.hand_over(&mut conversation, &message, &owed).await;
        // The mail is taken or refused by now; how the goodbye goes changes nothing.
        conversation.quit().await;
        let handed = handed?;
        if let Some(reply) = &handed.reply
            && handed.put_off.is_empty()
        {
            self.forget(&notification.key);
            let refused = handed.refused.iter().map(|words| format!("; refused: {words}"));
            let said = format!("{reply}{}", refused.collect::<String>());
            return Ok(Receipt::saying(self.said(&said)));
        }
        // The others of a crowd may be told in other company the next time: to those who have it, that is a repeat.
        let unanswered = !handed.taken.is_empty() && !notification.sending.crowd.is_empty();
        self.remember(&notification.key, handed.taken);
        let words = [handed.put_off.as_slice(), &handed.refused].concat().join("; ");
        let error = if handed.put_off.is_empty() { SendError::never(words) } else { SendError::later(words) };
        Err(SendError { unanswered, ..error })
    }

    /// One transaction. An error is one about the mail as a whole; what was said of each recipient is in the answer.
    async fn hand_over(
        &self,
        conversation: &mut Conversation,
        message: &[u8],
        owed: &[&Mailbox],
    ) -> Result<Handed, SendError> {
        let mut parameters = "";
        if !message.is_ascii() {
            if !conversation.offers("SMTPUTF8") {
                return Err(SendError::never("an address has characters beyond ASCII, which this server cannot take"));
            }
            parameters = " SMTPUTF8";
        }
        let from = format!("MAIL FROM:<{}>{parameters}", self.from.email);
        conversation.command(&from).await.map_err(Fault::of_mail)?;
        let mut handed = Handed::default();
        for to in owed {
            match conversation.command(&format!("RCPT TO:<{}>", to.email)).await {
                Ok(_) => drop(handed.taken.insert(to.email.to_string())),
                Err(Fault::Refused { passing, said }) => {
                    let refusals = if passing { &mut handed.put_off } else { &mut handed.refused };
                    refusals.push(format!("{}: {said}", to.email));
                }
                Err(fault) => return Err(fault.of_mail()),
            }
        }
        if !handed.taken.is_empty() {
            conversation.command("DATA").await.map_err(Fault::of_mail)?;
            handed.reply = Some(conversation.mail(message).await.map_err(Fault::of_whole_mail)?);
        }
        Ok(handed)
    }

    fn message(&self, notification: &Notification) -> Result<Vec<u8>, SendError> {
        let domain = self.from.email.domain();
        let key = hex(&Sha256::digest(&notification.key)[..16]);
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
        let (plain, html) = (notification.mail_text(), notification.mail_html());
        let body = match notification.chart() {
            None => MultiPart::alternative_plain_html(plain, html),
            Some(chart) => {
                let kind = ContentType::parse(Picture::TYPE).expect("the type of a picture is one");
                let picture = Attachment::new_inline_with_name(CHART_ID.to_owned(), Picture::NAME.to_owned())
                    .body(chart.png.to_vec(), kind);
                let page = MultiPart::related().singlepart(SinglePart::html(html)).singlepart(picture);
                MultiPart::alternative().singlepart(SinglePart::plain(plain)).multipart(page)
            }
        };
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
