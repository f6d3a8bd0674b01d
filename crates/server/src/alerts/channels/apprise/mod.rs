//! `apprise`: more than a hundred other services, through an Apprise API server or the installed command.
//!
//! Facts: apprise-api 69b6187. An answer of 424 says that at least one of the services behind it was not told: rather tell the
//! others twice than nobody. Give each alert a tag of one service, and it is all or none.

mod installed;

use revere_model::State;

use super::super::{
    Built, ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, form, over_http},
    inert,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["apprise"],
    doc: "Sends through Apprise, which knows a hundred other services: an Apprise API server (`url`), or the command on this machine (`command`).",
    fields: &[
        Field::optional(
            "url",
            FieldKind::SecretUrl,
            "The address to notify, with the key of a configuration there: https://apprise.example.com/notify/KEY.",
        ),
        Field::optional(
            "command",
            FieldKind::Texts,
            "Instead: the program, and arguments of its own, as a list. No shell; a relative path counts from the configuration's folder.",
        ),
        Field::optional(
            "urls",
            FieldKind::SecretTexts,
            "With `command`: whom to notify, as Apprise writes it: ['tgram://TOKEN/CHAT', 'mailto://...'].",
        )
        .or_words("what the command's own configuration says"),
        Field::optional("tag", FieldKind::Text, "Only the services with this tag.").or_words("all of them"),
    ],
    groups: &[&http_target::LOGIN, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build,
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{"url": "{url}/notify/key-s3cret", "tag": "ops"}"#,
            taken: "",
            refusals: &[
                (204, "", Retry::Never),
                (424, r#"{"error": "One or more notifications could not be sent"}"#, Retry::Later),
            ],
        },
        ChannelSample {
            config: r#"{"command": ["true"], "urls": ["tgram://bot-s3cret/17"]}"#,
            taken: "",
            refusals: &[],
        },
    ],
};

/// What the services behind it take is theirs to cut.
const TEXT: ChatText =
    ChatText { max: 32_000, size: inert::characters, inert: inert::unmentioned, inert_link: inert::as_it_is };

fn build(setup: &BuildInput) -> Built {
    let (settings, given) = (setup.settings, &setup.entry.config);
    let fault = |field: &str, message: &str| Err(vec![setup.fault(field, message)]);
    match (settings.text("url"), given.get("command")) {
        (Some(_), Some(_)) => fault("command", "given beside 'url': give one of the two"),
        (Some(_), None) if given.get("urls").is_some() => {
            fault("urls", "belongs to 'command'; a server has whom to notify in its own configuration")
        }
        (Some(_), None) => {
            over_http(setup, Ok(Apprise { url: setup.url("url"), tag: settings.text("tag").map(str::to_owned) }))
        }
        (None, Some(_)) => installed::build(setup),
        // One that was given and is wrong has been named.
        (None, None) if given.get("url").is_some() => Err(Vec::new()),
        (None, None) => fault("url", "missing: give it, or 'command'"),
    }
}

/// The word of Apprise for what this is about.
fn kind_of(notification: &Notification) -> &'static str {
    match notification.new_state {
        State::Ok => "success",
        State::Alarm if notification.is_warning() => "warning",
        State::Alarm => "failure",
        State::Error => "warning",
        State::Inactive => "info",
    }
}

struct Apprise {
    url: Url,
    tag: Option<String>,
}

impl HttpChannel for Apprise {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let (title, body) = (notification.subject(), notification.chat_text(&TEXT));
        let mut fields = vec![("title", &*title), ("body", &body), ("type", kind_of(notification)), ("format", "text")];
        // Without one, only services that have no tag are told.
        fields.push(("tag", self.tag.as_deref().unwrap_or("all")));
        Ok(form(self.url.clone(), &fields))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            204 => answer.never("the server has no configuration under this key"),
            424 => answer.later("at least one of the services behind it was not notified; see its log"),
            _ => answer.by_status_unless_page(),
        }
    }
}
