//! What a channel would say of a notification: made as for sending, and sent to nobody.

use serde_json::Value;

use super::{Channel, Notification};
use crate::{
    notification::{Cut, Cuts},
    redact::{MARK, Secrets},
    secret_names::names_a_secret,
    wording::{OwnText, TemplateError, Templates, Wording},
};

/// A piece of what a channel sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreviewPart {
    /// Where it stands in what is sent: a header, a field of a form, the path of a text in JSON.
    pub name: String,
    /// What stands there, as it is sent.
    pub text: String,
    /// The texts of the alert that it is made of; none for what says the same whatever the alert's words are.
    pub made_of: Vec<OwnText>,
}

impl PreviewPart {
    /// A piece, of which nobody has asked yet what it is made of.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> PreviewPart {
        PreviewPart { name: name.into(), text: text.into(), made_of: Vec::new() }
    }
}

/// What a channel would say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessagePreview {
    /// Its pieces, in the order of what is sent, without secrets.
    pub parts: Vec<PreviewPart>,
    /// What had to be cut.
    pub cuts: Vec<Cut>,
    /// The templates that fail with this very notification, for which the default is told.
    pub failed: Vec<(OwnText, TemplateError)>,
}

/// Other words, by which it shows what is made of which.
const PROBE: &str = "These are other words.";

/// What `channel` would say of `notification` in the words of `templates`, without any of `secrets`. It takes as long as the
/// templates take, many times over.
pub fn preview(
    channel: &dyn Channel,
    notification: &Notification,
    templates: &Templates,
    secrets: &Secrets,
) -> Result<MessagePreview, String> {
    let worded = |templates: &Templates, cuts: Cuts| {
        let mut worded = notification.clone();
        worded.wording = Some(Wording::new(templates.clone()));
        worded.sending.cuts = cuts;
        worded
    };
    let said = worded(templates, Cuts::noted());
    let mut parts = channel.preview(&said).map_err(|error| secrets.redact(&error).into_owned())?;
    for one in OwnText::ALL {
        let mut probe = templates.clone();
        probe.set(one, Some(PROBE.to_owned()));
        // Words that cannot be sent have nothing made of them.
        let Ok(probed) = channel.preview(&worded(&probe, Cuts::default())) else { continue };
        for part in &mut parts {
            if probed.iter().find(|other| other.name == part.name).is_none_or(|other| other.text != part.text) {
                part.made_of.push(one);
            }
        }
    }
    for part in &mut parts {
        part.text = secrets.redact(&part.text).into_owned();
    }
    let failed = said.failing_words().into_iter().map(|(one, error)| {
        let what = secrets.redact(&error.what).into_owned();
        (one, TemplateError { what, ..error })
    });
    Ok(MessagePreview { parts, cuts: said.sending.cuts.all(), failed: failed.collect() })
}

/// Takes out of `parts` what is the same whatever is told and may let somebody in: what stands under a name of something secret,
/// the topic that whoever knows it can read, and the path and the values in an address.
pub fn hide_credentials(
    channel: &dyn Channel,
    notification: &Notification,
    templates: &Templates,
    parts: &mut [PreviewPart],
) {
    let mut other = notification.clone();
    (other.monitor.name, other.message, other.key) = (PROBE.to_owned(), PROBE.to_owned(), PROBE.to_owned());
    if let Some(incident) = &mut other.incident {
        incident.key = PROBE.to_owned();
    }
    other.wording = Some(Wording::new(templates.clone()));
    other.sending.cuts = Cuts::default();
    // Where nothing can be made of another one, everything may be the same.
    let others = channel.preview(&other).unwrap_or_default();
    for part in parts {
        let other = others.iter().find(|other| other.name == part.name).map(|other| &*other.text);
        if part.name.ends_with(" address") {
            part.text = without_fixed(&part.text, other.unwrap_or(&part.text));
            continue;
        }
        let name = part.name.rsplit('.').next().unwrap_or_default();
        if other.is_none_or(|other| other == part.text) && (names_a_secret(name) || name == "topic") {
            part.text = MARK.to_owned();
        }
    }
}

/// `address` without its path and without the values of its query, but for what is another in `other`.
fn without_fixed(address: &str, other: &str) -> String {
    let split = |address: &str| {
        let (place, query) = address.split_once('?').map_or((address, ""), |(place, query)| (place, query));
        let host = place.find("://").map_or(0, |at| at + 3);
        let path = place[host..].find('/').map_or(place.len(), |at| host + at);
        let login = place[host..path].rfind('@').map_or(host, |at| host + at + 1);
        (format!("{}{}", &place[..host], &place[login..path]), place[path..].to_owned(), query.to_owned())
    };
    let ((origin, path, query), (_, other_path, other_query)) = (split(address), split(other));
    let path = if path.len() > 1 && path == other_path { format!("/{MARK}") } else { path };
    let fixed: Vec<&str> = other_query.split('&').collect();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, _)) if fixed.contains(&pair) => format!("{name}={MARK}"),
        None if fixed.contains(&pair) => MARK.to_owned(),
        _ => pair.to_owned(),
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    format!("{origin}{path}{}{query}", if query.is_empty() { "" } else { "?" })
}

/// Each text, number and flag in `value`, by its path.
pub(super) fn of_json(value: &Value) -> Vec<PreviewPart> {
    let mut parts = Vec::new();
    leaves("", value, &mut parts);
    parts
}

fn leaves(path: &str, value: &Value, parts: &mut Vec<PreviewPart>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(&path, value, parts);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                leaves(&format!("{path}[{place}]"), value, parts);
            }
        }
        Value::Null => {}
        Value::String(text) => parts.push(PreviewPart::new(path, text)),
        other => parts.push(PreviewPart::new(path, other.to_string())),
    }
}

/// Each field of a form.
pub(super) fn of_form(form: &[u8]) -> Vec<PreviewPart> {
    let fields = url::form_urlencoded::parse(form);
    fields.map(|(name, text)| PreviewPart::new(name, text)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_shows_what_is_told_and_nothing_that_lets_somebody_in() {
        let shown = without_fixed(
            "https://user:geheim@sms.example.com/a/geheim?to=%2B1&pw=geheim&text=down&geheim",
            "https://user:geheim@sms.example.com/a/geheim?to=%2B1&pw=geheim&text=up&geheim",
        );
        assert_eq!(shown, "https://sms.example.com/[redacted]?to=[redacted]&pw=[redacted]&text=down&[redacted]");
        assert_eq!(without_fixed("http://h/say/down", "http://h/say/up"), "http://h/say/down");
        assert_eq!(without_fixed("http://h/?a=1", ""), "http://h/?a=1");
    }

    #[test]
    fn what_is_sent_is_taken_apart_by_the_places_where_it_stands() {
        let parts = of_json(&json!({"a": [{"b": "x\ny"}, 3], "c": null, "d": true}));
        let parts: Vec<(&str, &str)> = parts.iter().map(|part| (&*part.name, &*part.text)).collect();
        assert_eq!(parts, [("a[0].b", "x\ny"), ("a[1]", "3"), ("d", "true")]);
        assert_eq!(of_form(b"a=x%0Ay&b="), [PreviewPart::new("a", "x\ny"), PreviewPart::new("b", "")]);
    }
}
