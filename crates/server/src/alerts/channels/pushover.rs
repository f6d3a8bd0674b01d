//! `pushover`: a user or group of Pushover.
//!
//! Facts: pushover.net/api, August 2026. The body says whether the message was taken. A refusal repeated gets an address banned, so
//! that only what the service calls passing is tried again; a used-up month is over when `X-Limit-App-Reset` says.

use std::time::Duration;

use revere_model::State;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, form, over_http},
    inert, plain_text,
};
use crate::{
    http_target::{self, below},
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

/// After a fault of its own it asks not to be asked any sooner.
const NOT_BEFORE: Duration = Duration::from_secs(5);

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["pushover"],
    doc: "Pushes to the telephones of a user or group of Pushover.",
    fields: &[
        Field::required("api_token", FieldKind::Secret, "The token of your application there."),
        Field::required("user_key", FieldKind::Secret, "The key of the user or group."),
        Field::optional("device", FieldKind::Text, "Only this device.").or_words("all of them"),
        Field::optional("sound", FieldKind::Text, "The sound of an alarm.").or_words("the user's own"),
        Field::optional(
            "emergency",
            FieldKind::Bool,
            "Whether an alarm repeats each minute until somebody acknowledges it, for an hour at most.",
        )
        .or_flag(false),
        http_target::api_url("https://api.pushover.net"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| {
        let settings = setup.settings;
        let text = |name| settings.text(name).map(str::to_owned);
        over_http(
            setup,
            Ok(Pushover {
                url: below(setup.url("api_url"), &["1", "messages.json"]),
                receipts: below(setup.url("api_url"), &["1", "receipts"]),
                token: settings.required_text("api_token").to_owned(),
                user: settings.required_text("user_key").to_owned(),
                device: text("device"),
                sound: text("sound"),
                emergency: settings.flag("emergency"),
            }),
        )
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"api_token": "token-s3cret", "user_key": "user-s3cret", "api_url": "{url}"}"#,
        taken: r#"{"status": 1, "request": "r"}"#,
        refusals: &[
            (400, r#"{"user": "invalid", "errors": ["user identifier is invalid"], "status": 0}"#, Retry::Never),
            (200, "<html>not Pushover</html>", Retry::Later),
        ],
    }],
};

const TEXT: ChatText =
    ChatText { max: 1024, size: inert::characters, inert: inert::as_it_is, inert_link: inert::as_it_is };

/// The longest title and address, in characters.
const TITLE_CHARS: usize = 250;
const URL_CHARS: usize = 512;

/// How often an emergency repeats, and for how long, in seconds.
const REPEATS: [(&str, &str); 2] = [("retry", "60"), ("expire", "3600")];

struct Pushover {
    url: Url,
    receipts: Url,
    token: String,
    user: String,
    device: Option<String>,
    sound: Option<String>,
    emergency: bool,
}

impl HttpChannel for Pushover {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let alarm = notification.new_state == State::Alarm && !notification.test && !notification.is_warning();
        let (title, message) = (notification.subject(), notification.chat_text(&TEXT));
        let title = plain_text::cut(&title, TITLE_CHARS);
        let link = notification.url().filter(|url| url.chars().count() <= URL_CHARS);
        let mut fields = vec![("token", &*self.token), ("user", &self.user), ("title", &title), ("message", &message)];
        match (alarm, self.emergency) {
            (true, true) => {
                fields.extend([("priority", "2"), ("tags", notification.incident_key())].into_iter().chain(REPEATS));
            }
            (true, false) => fields.push(("priority", "1")),
            (false, _) => {}
        }
        fields.extend(self.device.as_deref().map(|device| ("device", device)));
        fields.extend(self.sound.as_deref().filter(|_| alarm).map(|sound| ("sound", sound)));
        fields.extend(link.as_deref().map(|url| ("url", url)));
        Ok(form(self.url.clone(), &fields))
    }

    /// An emergency rings until it is acknowledged; its end ends that too.
    fn follow_up(&self, notification: &Notification) -> Option<Request> {
        let rings = self.emergency && notification.is_over() && !notification.test;
        let tag = format!("{}.json", notification.incident_key());
        rings.then(|| form(below(self.receipts.clone(), &["cancel_by_tag", &tag]), &[("token", &self.token)]))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        let said = answer.json["errors"]
            .as_array()
            .map(|errors| errors.iter().filter_map(|error| error.as_str()).collect::<Vec<_>>().join("; "));
        let verdict = match said {
            Some(reason) => answer.refused(&reason),
            None => answer.by_word(answer.json["status"] == 1),
        };
        match verdict {
            Verdict::Refused { retry: Retry::Later, reason } if answer.status >= 500 => {
                Verdict::Refused { retry: Retry::After(NOT_BEFORE), reason }
            }
            as_said => as_said,
        }
    }
}
