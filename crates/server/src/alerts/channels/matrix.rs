//! `matrix`: a room of a Matrix homeserver, as a user with an access token.
//!
//! Facts: matrix-spec d0ba2aa, client-server API. The key of the delivery is the transaction's id, by which the
//! server recognises a repeat. In an encrypted room the message is readable by the server. What follows of a problem answers its
//! message and is no thread: what stands in a thread does not show in the room. A chart is kept on the server and follows as a
//! message of its own, by a key of its own.

use serde_json::{Value, json};

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    fitting::ChatText,
    http_channel::{ChartPlace, HttpChannel, over_http},
    inert, pasted_address,
};
use crate::{
    building::BuildInput,
    chart::Picture,
    http_target::{self, below},
    outbound::{Method, OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["matrix"],
    doc: "Writes to a room of Matrix; joins it when it was invited.",
    fields: &[
        Field::required("homeserver", FieldKind::Url, "The homeserver, such as https://matrix.example.org."),
        Field::required("access_token", FieldKind::Secret, "The token of the user who writes."),
        Field::required(
            "room_id",
            FieldKind::Text,
            "The room: !id:server, as its settings show it under Advanced, or a link to it.",
        ),
    ],
    groups: &[&crate::alerts::CROWDS, &crate::alerts::CHARTS, &http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| over_http(setup, matrix(setup)),
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"homeserver": "{url}", "access_token": "syt_s3cret", "room_id": "!abc:example.org"}"#,
        taken: r#"{"event_id": "$1"}"#,
        refusals: &[
            (403, r#"{"errcode": "M_FORBIDDEN", "error": "User not in room"}"#, Retry::Never),
            (401, r#"{"errcode": "M_UNKNOWN_TOKEN", "error": "Invalid access token passed."}"#, Retry::Never),
            (200, "<html>not Matrix</html>", Retry::Later),
        ],
    }],
};

/// The largest content, in bytes of JSON, below the 65,536 of an event.
const MOST_BYTES: usize = 55_000;

const PLAIN: ChatText =
    ChatText { max: 16_000, size: inert::bytes, inert: inert::as_it_is, inert_link: inert::as_it_is };
const FORMATTED: ChatText = ChatText { max: 32_000, size: inert::bytes, inert: inert::html_lines, inert_link: link };

struct Matrix {
    rooms: Url,
    join: Url,
    upload: Url,
    room: String,
    token: String,
}

fn matrix(setup: &BuildInput) -> Result<Matrix, Vec<ConfigFault>> {
    let mut homeserver = setup.url("homeserver");
    if pasted_address::is_on(&homeserver, &["app.element.io", "matrix.to"]) {
        let message = "leads to the pages that people read; expected the homeserver, https://matrix.example.org";
        return Err(vec![setup.fault("homeserver", message)]);
    }
    pasted_address::cut_before(&mut homeserver, &["_matrix"]);
    let room = room_of(setup.settings.required_text("room_id"));
    if !room.starts_with('!') {
        let words = if room.starts_with('#') { "; this is an alias" } else { "" };
        return Err(vec![setup.fault("room_id", format!("expected the id of a room, !abc:example.org{words}"))]);
    }
    let at = |parts: &[&str]| below(below(homeserver.clone(), &["_matrix", "client", "v3"]), parts);
    let mut upload = below(homeserver.clone(), &["_matrix", "media", "v3", "upload"]);
    upload.query_pairs_mut().append_pair("filename", Picture::NAME);
    Ok(Matrix {
        upload,
        rooms: at(&["rooms", room, "send", "m.room.message"]),
        join: at(&["join", room]),
        room: room.to_owned(),
        token: setup.settings.required_text("access_token").to_owned(),
    })
}

/// The room whose link was copied, `https://matrix.to/#/!abc:example.org?via=...` or of a client in the browser; anything else as
/// it is.
fn room_of(text: &str) -> &str {
    match text.split_once("#/") {
        Some((front, place)) if front.starts_with("https://") => {
            let place = place.strip_prefix("room/").unwrap_or(place);
            place.split(['?', '/']).next().unwrap_or(place)
        }
        _ => text,
    }
}

/// What stands below the text: the address, to be clicked.
fn link(url: &str) -> String {
    let url = inert::html(url);
    format!("<br><a href=\"{url}\">{url}</a>")
}

impl Matrix {
    /// The event that this answers, if it is in this room.
    fn answers<'a>(&self, notification: &'a Notification) -> Option<&'a str> {
        let (event, room) = notification.sending.reply_to.as_deref()?.split_once(' ')?;
        (room == self.room).then_some(event)
    }

    fn content(&self, notification: &Notification) -> Value {
        let mut content = content(notification);
        if let Some(event) = self.answers(notification) {
            content["m.relates_to"] = json!({"m.in_reply_to": {"event_id": event}});
        }
        content
    }
}

fn content(notification: &Notification) -> Value {
    json!({
        // No telephone rings for a notice, unless somebody wants it.
        "msgtype": if notification.is_over() { "m.notice" } else { "m.text" },
        "body": notification.chat_text(&PLAIN),
        "format": "org.matrix.custom.html",
        "formatted_body": notification.chat_text(&FORMATTED),
        "m.mentions": {},
    })
}

/// A picture that the server keeps at `place`.
fn picture(chart: &Picture, place: &str) -> Value {
    let (width, height) = (Picture::WIDTH, Picture::HEIGHT);
    json!({
        "msgtype": "m.image",
        "body": chart.words,
        "filename": Picture::NAME,
        "url": place,
        "info": {"mimetype": Picture::TYPE, "size": chart.png.len(), "w": width, "h": height},
        "m.mentions": {},
    })
}

impl HttpChannel for Matrix {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let fitting = notification.cut_until(|cut| self.content(cut).to_string().len() <= MOST_BYTES);
        let url = below(self.rooms.clone(), &[&notification.key]);
        Request::new(Method::PUT, url).body("application/json", self.content(&fitting).to_string()).bearer(&self.token)
    }

    fn charts(&self) -> ChartPlace {
        ChartPlace::Behind
    }

    fn next_of_chart(
        &self,
        notification: &Notification,
        _: &Answer,
        answers: &[Answer],
    ) -> Result<Option<Request>, String> {
        let (Some(chart), 0..=1) = (notification.chart(), answers.len()) else { return Ok(None) };
        let request = match answers.first() {
            None => Request::new(Method::POST, self.upload.clone()).body(Picture::TYPE, chart.png.clone()),
            Some(kept) => {
                let place = kept.json["content_uri"].as_str().ok_or("the server does not say where it keeps it")?;
                let url = below(self.rooms.clone(), &[&format!("{}.chart", notification.key)]);
                let content = picture(chart, place);
                Request::new(Method::PUT, url).body("application/json", content.to_string())
            }
        };
        request.bearer(&self.token).map(Some).map_err(|error| error.to_string())
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match (answer.json["event_id"].is_string(), answer.json["error"].as_str()) {
            (false, Some(reason)) if answer.status == 403 => {
                answer.never(&format!("{reason}; is the user in the room, or invited, and may it write there?"))
            }
            (false, Some(reason)) if answer.status >= 400 => answer.refused(reason),
            (event, _) => answer.by_word(event),
        }
    }

    /// One that is not in the room joins it: it may have been invited.
    fn remedy(&self, answer: &Answer) -> Option<Request> {
        let refused = answer.status == 403 && answer.json["errcode"] == "M_FORBIDDEN";
        refused.then(|| Request::post_json(self.join.clone(), &json!({})).bearer(&self.token).ok())?
    }

    fn reference(&self, notification: &Notification, answer: &Answer) -> Option<String> {
        let first = self.answers(notification).or(answer.json["event_id"].as_str())?;
        Some(format!("{first} {}", self.room))
    }
}
