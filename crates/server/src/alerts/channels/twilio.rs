//! `twilio`: a text message or a call, by Twilio.
//!
//! Facts: twilio.com/docs (Messages, Calls, TwiML), August 2026. The answer says only that it is queued, or that it has failed at
//! once. What becomes of it later, after half a minute or so, is not asked for: nobody can tell Twilio that a message comes once
//! more, and until that was known it would not be written down as sent. A text message is one part: the short text, in the
//! alphabet of telephones where that is possible.

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    http_channel::{HttpChannel, form, over_http},
    inert,
};
use crate::{
    building::BuildInput,
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["twilio"],
    doc: "Sends a text message, or calls and reads it out, by Twilio.",
    fields: &[
        Field::required("account_sid", FieldKind::Text, "The account, AC..."),
        Field::required("auth_token", FieldKind::Secret, "Its token."),
        Field::required("from", FieldKind::Text, "The number that sends, +15551234567, or a messaging service, MG..."),
        Field::required("to", FieldKind::Text, "The number to notify, +15557654321."),
        Field::optional("by", FieldKind::Choice(&["sms", "call"]), "How to notify it.").or_text("sms"),
        Field::optional("language", FieldKind::Text, "How a call is spoken, such as de-DE.")
            .or_words("Twilio's own choice"),
        http_target::api_url("https://api.twilio.com"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, twilio(setup)),
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{"account_sid": "AC1", "auth_token": "token-s3cret", "from": "+15550001111", "to": "+15550002222",
                "api_url": "{url}"}"#,
            taken: r#"{"sid": "SM1", "status": "queued"}"#,
            refusals: &[
                (400, r#"{"code": 21211, "message": "The 'To' number is not valid", "status": 400}"#, Retry::Never),
                (200, "<html>not Twilio</html>", Retry::Later),
                (201, r#"{"sid": "SM1", "status": "failed", "error_code": null}"#, Retry::Never),
                (201, r#"{"sid": "SM1", "status": "undelivered", "error_code": 30007}"#, Retry::Never),
                (
                    201,
                    r#"{"sid": "SM1", "status": "queued", "error_code": 30007,
                    "error_message": "Carrier violation"}"#,
                    Retry::Never,
                ),
            ],
        },
        ChannelSample {
            config: r#"{"account_sid": "AC1", "auth_token": "token-s3cret", "from": "+15550001111", "to": "+15550002222",
                "by": "call", "api_url": "{url}"}"#,
            taken: r#"{"sid": "CA1", "status": "queued"}"#,
            refusals: &[(201, r#"{"sid": "CA1", "status": "failed"}"#, Retry::Never)],
        },
    ],
};

/// What a message or a call may have come to at once that reached nobody.
const FAILED: [&str; 3] = ["failed", "undelivered", "canceled"];

struct Twilio {
    url: Url,
    account: String,
    token: String,
    from: String,
    to: String,
    calls: bool,
    language: Option<String>,
}

fn twilio(setup: &BuildInput) -> Result<Twilio, Vec<ConfigFault>> {
    let text = |name| setup.settings.required_text(name).to_owned();
    let (account, from, to) = (text("account_sid"), text("from"), text("to"));
    let calls = text("by") == "call";
    let mut faults = Vec::new();
    let number = |number: &str| {
        number.strip_prefix('+').is_some_and(|digits| digits.len() >= 7 && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    if !account.starts_with("AC") || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
        faults.push(setup.fault("account_sid", "expected the account's id, which begins with AC"));
    }
    if !number(&to) {
        faults.push(setup.fault("to", "expected a number with its country, such as +15557654321"));
    }
    if calls && !number(&from) {
        faults.push(setup.fault("from", "expected a number with its country; nothing else can call"));
    }
    let language = setup.settings.text("language").map(str::to_owned);
    if language.as_ref().is_some_and(|tag| !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
        faults.push(setup.fault("language", "expected a language such as de-DE"));
    }
    let path = ["2010-04-01", "Accounts", &account, if calls { "Calls.json" } else { "Messages.json" }];
    let url = below(setup.url("api_url"), &path);
    if faults.is_empty() {
        Ok(Twilio { url, account, token: text("auth_token"), from, to, calls, language })
    } else {
        Err(faults)
    }
}

impl HttpChannel for Twilio {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let short = notification.short();
        let sender = if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let said = if self.calls {
            let language = self.language.as_ref().map(|tag| format!(" language=\"{tag}\"")).unwrap_or_default();
            let words = inert::html(&short);
            ("Twiml", format!("<Response><Say loop=\"2\"{language}>{words}</Say></Response>"))
        } else {
            ("Body", short)
        };
        let fields = [("To", &*self.to), (sender, &*self.from), (said.0, &*said.1)];
        Ok(form(self.url.clone(), &fields).basic_auth(&self.account, &self.token))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        let (json, status) = (&answer.json, answer.json["status"].as_str().unwrap_or_default());
        match json["message"].as_str() {
            Some(reason) if answer.status >= 300 => answer.refused(reason),
            _ if FAILED.contains(&status) || !json["error_code"].is_null() => {
                let code = json["error_code"].as_i64().map(|code| format!(", error {code}")).unwrap_or_default();
                let reason = json["error_message"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
                answer.refused(&format!("{status}{code}{reason}"))
            }
            _ => answer.by_word(json["sid"].is_string()),
        }
    }
}
