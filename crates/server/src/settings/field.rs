//! One thing that can be set: what it holds, what counts while it is left out, and what it is for.

use serde_json::Value;

use super::{is_harmless_header, learn, learn_variable, python_type};
use crate::redact::Secrets;

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key, as it is written in the configuration.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// What it is for, in one sentence for the documentation.
    pub doc: &'static str,
    /// What counts while it is left out.
    pub absent: Absent,
}

/// Fields that several kinds have in common, documented once.
#[derive(Debug)]
pub struct FieldGroup {
    /// The heading of its table in the documentation.
    pub heading: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// One line of text, not empty.
    Text,
    /// One of these words, in capitals or not; it is read as it stands here.
    Choice(&'static [&'static str]),
    /// Text that nobody may see again.
    Secret,
    /// An `http://` or `https://` address. A password inside it is a secret, and so is what looks like a key.
    Url,
    /// An `http://` or `https://` address that lets anybody in who knows it: all of it behind the server's name is secret.
    SecretUrl,
    /// True or false.
    Bool,
    /// A whole number, zero or more.
    Count,
    /// A port of TCP, from 1 to 65535.
    Port,
    /// A span of time in seconds, fractions allowed, more than zero.
    Seconds,
    /// A list of texts; one text alone counts as a list of one.
    Texts,
    /// The same, of texts that nobody may see again.
    SecretTexts,
    /// HTTP headers: a mapping of texts to texts. A value is a secret, but for the well-known headers that hold none.
    Headers,
    /// Environment variables: a mapping of texts to texts. A value is a secret if its name says so, and so is a password
    /// in an address.
    Environment,
    /// Anything the kind reads by itself.
    Any,
}

/// What counts while a field is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    /// Leaving it out is a fault.
    Fault,
    /// Nothing.
    Nothing,
    /// This switch.
    Flag(bool),
    /// This number, also of seconds.
    Number(u32),
    /// This text.
    Text(&'static str),
    /// What these words say; the kind sees to it.
    Words(&'static str),
}

impl Field {
    /// A field that must be there.
    pub const fn required(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Field { name, kind, doc, absent: Absent::Fault }
    }

    /// A field that may be left out.
    pub const fn optional(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Field { name, kind, doc, absent: Absent::Nothing }
    }

    /// The same, which is this switch while it is left out.
    pub const fn or_flag(self, flag: bool) -> Self {
        Field { absent: Absent::Flag(flag), ..self }
    }

    /// The same, which is this number while it is left out.
    pub const fn or_number(self, number: u32) -> Self {
        Field { absent: Absent::Number(number), ..self }
    }

    /// The same, which is this text while it is left out.
    pub const fn or_text(self, text: &'static str) -> Self {
        Field { absent: Absent::Text(text), ..self }
    }

    /// The same; the documentation says in these words what counts while it is left out.
    pub const fn or_words(self, words: &'static str) -> Self {
        Field { absent: Absent::Words(words), ..self }
    }

    /// Whether leaving it out is a fault.
    pub fn is_required(&self) -> bool {
        self.absent == Absent::Fault
    }
}

impl Absent {
    /// As if it stood in the configuration.
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Absent::Fault | Absent::Nothing | Absent::Words(_) => None,
            Absent::Flag(flag) => Some(flag.into()),
            Absent::Number(number) => Some(number.into()),
            Absent::Text(text) => Some(text.into()),
        }
    }

    /// For the documentation: `required`, `True`, `30`, `'POST'`.
    pub fn shown(self) -> String {
        match self {
            Absent::Fault => "required".to_owned(),
            Absent::Nothing => String::new(),
            Absent::Flag(true) => "`True`".to_owned(),
            Absent::Flag(false) => "`False`".to_owned(),
            Absent::Number(number) => number.to_string(),
            Absent::Text(text) => format!("`'{text}'`"),
            Absent::Words(words) => words.to_owned(),
        }
    }
}

impl FieldKind {
    /// In words, for messages and documentation.
    pub fn expected(self) -> String {
        match self {
            FieldKind::Text | FieldKind::Secret => "a text that is not empty",
            FieldKind::Choice(words) => return one_of(words),
            FieldKind::Url | FieldKind::SecretUrl => "an address beginning with http:// or https://",
            FieldKind::Bool => "True or False",
            FieldKind::Count => "a whole number, 0 or more",
            FieldKind::Port => "a port from 1 to 65535",
            FieldKind::Seconds => "a number of seconds above 0",
            FieldKind::Texts | FieldKind::SecretTexts => "a list of texts",
            FieldKind::Headers | FieldKind::Environment => "a dict of texts to texts",
            FieldKind::Any => "a value",
        }
        .to_owned()
    }

    /// Whether nobody may see what is in it again, or in parts of it.
    pub fn may_hold_secrets(self) -> bool {
        use FieldKind::{Environment, Headers, Secret, SecretTexts, SecretUrl, Url};
        matches!(self, Secret | SecretTexts | Headers | Environment | Url | SecretUrl)
    }

    pub(super) fn check(self, value: &Value, secrets: &Secrets) -> Result<Value, String> {
        let wrong = || format!("expected {}, not {}", self.expected(), self.python_repr(value));
        match self {
            FieldKind::Text => {
                value.as_str().filter(|text| !text.trim().is_empty()).map(|_| value.clone()).ok_or_else(wrong)
            }
            FieldKind::Choice(words) => {
                let given = value.as_str().ok_or_else(wrong)?;
                let known = words.iter().find(|word| word.eq_ignore_ascii_case(given.trim()));
                known.map(|word| Value::from(*word)).ok_or_else(|| {
                    match revere_model::nearest(given, words.iter().copied()) {
                        Some(near) => format!("{}; did you mean '{near}'?", wrong()),
                        None => wrong(),
                    }
                })
            }
            FieldKind::Secret => {
                let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
                secrets.learn(text);
                Ok(value.clone())
            }
            FieldKind::Url | FieldKind::SecretUrl => {
                let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
                match url::Url::parse(text) {
                    Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                        match self {
                            FieldKind::SecretUrl => secrets.learn_secret_url(&url),
                            _ => secrets.learn_url(&url),
                        }
                        Ok(value.clone())
                    }
                    other => Err(not_http(self, text, other.ok(), secrets)),
                }
            }
            FieldKind::Bool => value.as_bool().map(Value::Bool).ok_or_else(wrong),
            FieldKind::Count => value.as_u64().map(|_| value.clone()).ok_or_else(wrong),
            FieldKind::Port => {
                value.as_u64().filter(|port| (1..=65_535).contains(port)).map(|_| value.clone()).ok_or_else(wrong)
            }
            FieldKind::Seconds => {
                // Three years is far beyond any use and far below what a Duration or a timer can hold.
                value.as_f64().filter(|s| *s > 0.0 && *s <= 1e8).map(|_| value.clone()).ok_or_else(wrong)
            }
            FieldKind::Texts => match value {
                Value::String(_) => Ok(Value::Array(vec![value.clone()])),
                Value::Array(items) if items.iter().all(Value::is_string) => Ok(value.clone()),
                _ => Err(wrong()),
            },
            FieldKind::SecretTexts => {
                let texts = FieldKind::Texts.check(value, secrets).map_err(|_| wrong())?;
                for text in texts.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    secrets.learn(text);
                    // Addresses of programs have their keys anywhere.
                    text.split(['/', ':', '@', '?', '&', '=']).for_each(|part| secrets.learn_if_random(part));
                }
                Ok(texts)
            }
            FieldKind::Headers | FieldKind::Environment => {
                for (name, item) in value.as_object().ok_or_else(wrong)? {
                    let text = item.as_str().ok_or_else(wrong)?;
                    match self {
                        FieldKind::Headers if !is_harmless_header(name) => learn(text, secrets),
                        FieldKind::Environment => learn_variable(name, text, secrets),
                        _ => {}
                    }
                }
                Ok(value.clone())
            }
            FieldKind::Any => Ok(value.clone()),
        }
    }

    /// What was given, short; never the content of a secret.
    fn python_repr(self, value: &Value) -> String {
        match value {
            Value::String(text) if text.is_empty() => "an empty text".to_owned(),
            // Not even one of the wrong type: a PIN is written as a number by mistake.
            other if self.may_hold_secrets() => python_type(other).to_owned(),
            Value::String(text) => {
                let short: String = text.chars().take(40).collect();
                format!("'{short}'")
            }
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            other => python_type(other).to_owned(),
        }
    }
}

/// `'POST', 'PUT' or 'PATCH'`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        _ => quoted.concat(),
    }
}

/// What is wrong with an address that is none of HTTP. Of what was given only the host is shown: the rest may be secret.
fn not_http(kind: FieldKind, text: &str, url: Option<url::Url>, secrets: &Secrets) -> String {
    let expected = kind.expected();
    if let Some(url) = url.filter(url::Url::has_host) {
        secrets.learn_url(&url);
        return format!("expected {expected}, not with {}://", url.scheme());
    }
    // `localhost:9090` has the look of a scheme and its rest.
    match url::Url::parse(&format!("http://{}", text.trim_start_matches('/'))) {
        Ok(url)
            if !text.contains("://")
                && url
                    .host_str()
                    .is_some_and(|host| host.contains('.') || text.contains(':') || host == "localhost") =>
        {
            secrets.learn_url(&url);
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            let host = url.host_str().unwrap_or_default();
            format!("expected {expected}, and this has neither; write http://{host}{port} or https://{host}{port}")
        }
        _ => format!("expected {expected}, such as http://localhost:8080"),
    }
}
