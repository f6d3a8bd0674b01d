//! `apprise`: an Apprise API server, and through it more than a hundred other services.
//!
//! Facts: apprise-api 69b6187. An answer of 424 says that at least one of the services behind it was not told: rather tell the
//! others twice than nobody. Give each alert a tag of one service, and it is all or none.

use revere_model::State;

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{HttpChannel, form, over_http},
    inert,
};
use crate::{
    http_target,
    outbound::{OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["apprise"],
    doc: "Tells through an Apprise API server, which knows a hundred other services.",
    fields: &[
        Field::required(
            "url",
            FieldKind::SecretUrl,
            "The address to notify, with the key of a configuration there: https://apprise.example.com/notify/KEY.",
        ),
        Field::optional("tag", FieldKind::Text, "Only the services with this tag.").or_words("all of them"),
    ],
    groups: &[&http_target::LOGIN, &http_target::CHANNEL_CONNECTION],
    build: |setup| {
        let tag = setup.settings.text("tag").map(str::to_owned);
        over_http(setup, Ok(Apprise { url: setup.url("url"), tag }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"url": "{url}/notify/key-s3cret", "tag": "ops"}"#,
        taken: "",
        refusals: &[
            (204, "", Retry::Never),
            (424, r#"{"error": "One or more notifications could not be sent"}"#, Retry::Later),
        ],
    }],
};

/// What the services behind it take is theirs to cut.
const TEXT: ChatText =
    ChatText { max: 32_000, size: inert::characters, inert: inert::unmentioned, inert_link: inert::as_it_is };

struct Apprise {
    url: Url,
    tag: Option<String>,
}

impl HttpChannel for Apprise {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let kind = match notification.new_state {
            State::Ok => "success",
            State::Alarm if notification.is_warning() => "warning",
            State::Alarm => "failure",
            State::Error => "warning",
            State::Inactive => "info",
        };
        let (title, body) = (notification.subject(), notification.chat_text(&TEXT));
        let mut fields = vec![("title", &*title), ("body", &body), ("type", kind), ("format", "text")];
        // Without one, only services that have no tag are told.
        fields.push(("tag", self.tag.as_deref().unwrap_or("all")));
        Ok(form(self.url.clone(), &fields))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            204 => answer.never("the server has no configuration under this key"),
            424 => answer.later("at least one of the services behind it was not told; see its log"),
            _ => answer.by_status_unless_page(),
        }
    }
}
