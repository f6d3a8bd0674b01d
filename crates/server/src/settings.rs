//! What a source, a channel or the program itself needs to be told, as data.
//!
//! Each kind lists its [`Field`]s once; reading, validation, documentation and (later) forms and schemas come from that
//! list. Reading reports every fault at once, each with the place, the fault and what was expected.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::Value;

use crate::{redact::Secrets, secret_names::names_a_secret};

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key, as it is written in the configuration.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// What it is for, in one sentence for the documentation.
    pub doc: &'static str,
    /// Whether leaving it out is a fault.
    pub required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// One line of text, not empty.
    Text,
    /// Text that nobody may see again.
    Secret,
    /// An `http://` or `https://` address. A password inside it is a secret, and so is what looks like a key.
    Url,
    /// True or false.
    Bool,
    /// A whole number, zero or more.
    Count,
    /// A span of time in seconds, fractions allowed, more than zero.
    Seconds,
    /// A list of texts; one text alone counts as a list of one.
    Texts,
    /// HTTP headers: a mapping of texts to texts. A value is a secret, but for the well-known headers that hold none.
    Headers,
    /// Environment variables: a mapping of texts to texts. A value is a secret if its name says so, and so is a password
    /// in an address.
    Environment,
    /// Anything the kind reads by itself.
    Any,
}

impl Field {
    /// A field that must be there.
    pub const fn required(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Field { name, kind, doc, required: true }
    }

    /// A field that may be left out.
    pub const fn optional(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Field { name, kind, doc, required: false }
    }
}

/// One thing wrong with the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// Where, as a path in Python's notation: `REVERE_SOURCES['graphite']['config']['url']`.
    pub place: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl ConfigFault {
    /// A fault at `place`.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigFault { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", shortened_place(&self.place), self.message)
    }
}

/// A place whose keys are no longer than anybody wants to read.
fn shortened_place(place: &str) -> String {
    let key = |part: &str| match part.strip_suffix('\'') {
        Some(key) => format!("{}'", shortened(key)),
        None => shortened(part).into_owned(),
    };
    place.split_inclusive('\'').map(key).collect()
}

/// Settings that fit their fields: the getters cannot fail for want of a check.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<&'static str, Value>);

impl Settings {
    /// Reads `config` (a JSON object, or null for none) by `fields`. Secrets in it are taught to `secrets`, whether or
    /// not there are faults. A `None` value counts as left out.
    pub fn read(
        fields: &[Field],
        config: &Value,
        place: &str,
        secrets: &Secrets,
    ) -> Result<Settings, Vec<ConfigFault>> {
        let (settings, faults) = Settings::read_what_fits(fields, config, place, secrets);
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// As [`Settings::read`], and what fits is there even if something else does not. Before a required field of it is
    /// asked for, [`Settings::has_required`] must say that it is there.
    pub fn read_what_fits(
        fields: &[Field],
        config: &Value,
        place: &str,
        secrets: &Secrets,
    ) -> (Settings, Vec<ConfigFault>) {
        let empty = serde_json::Map::new();
        let given = match config {
            Value::Null => &empty,
            Value::Object(map) => map,
            other => {
                let message = format!("expected a dict, not {}", python_type(other));
                return (Settings::default(), vec![ConfigFault::new(place, message)]);
            }
        };
        let mut faults = Vec::new();
        let mut read = BTreeMap::new();
        for (name, value) in given {
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let names = fields.iter().map(|field| field.name);
                faults.push(ConfigFault::new(
                    format!("{place}[{name:?}]").replace('"', "'"),
                    unknown("key", name, names),
                ));
                continue;
            };
            if value.is_null() {
                continue;
            }
            match field.kind.check(value, secrets) {
                Ok(value) => {
                    read.insert(field.name, value);
                }
                Err(message) => faults.push(ConfigFault::new(format!("{place}['{name}']"), message)),
            }
        }
        for field in fields {
            let missing = given.get(field.name).is_none_or(Value::is_null);
            if field.required && missing {
                faults.push(ConfigFault::new(
                    format!("{place}['{}']", field.name),
                    format!("missing; expected {}: {}", field.kind.expected(), field.doc),
                ));
            }
        }
        (Settings(read), faults)
    }

    /// Whether every required one of `fields` is there.
    pub fn has_required(&self, fields: &[Field]) -> bool {
        fields.iter().all(|field| !field.required || self.0.contains_key(field.name))
    }

    /// A text, secret or URL, if it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A required text, secret or URL.
    pub fn required_text(&self, name: &str) -> &str {
        self.text(name).expect("a required field was checked when the settings were read")
    }

    /// A switch, or its default.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A whole number, if it was given.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// A span of time, if it was given.
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        self.0.get(name).and_then(Value::as_f64).map(Duration::from_secs_f64)
    }

    /// A list of texts; empty if it was not given.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A mapping of texts; empty if it was not given.
    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        match self.0.get(name) {
            Some(Value::Object(map)) => {
                map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What was given, as it is, for kinds that read something of their own.
    pub fn any(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl FieldKind {
    /// In words, for messages and documentation.
    pub fn expected(self) -> &'static str {
        match self {
            FieldKind::Text | FieldKind::Secret => "a text that is not empty",
            FieldKind::Url => "an address beginning with http:// or https://",
            FieldKind::Bool => "True or False",
            FieldKind::Count => "a whole number, 0 or more",
            FieldKind::Seconds => "a number of seconds above 0",
            FieldKind::Texts => "a list of texts",
            FieldKind::Headers | FieldKind::Environment => "a dict of texts to texts",
            FieldKind::Any => "a value",
        }
    }

    fn may_hold_secrets(self) -> bool {
        matches!(self, FieldKind::Secret | FieldKind::Headers | FieldKind::Environment | FieldKind::Url)
    }

    fn check(self, value: &Value, secrets: &Secrets) -> Result<Value, String> {
        let wrong = || format!("expected {}, not {}", self.expected(), python_repr(self, value));
        match self {
            FieldKind::Text => {
                value.as_str().filter(|text| !text.trim().is_empty()).map(|_| value.clone()).ok_or_else(wrong)
            }
            FieldKind::Secret => {
                let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
                secrets.learn(text);
                Ok(value.clone())
            }
            FieldKind::Url => {
                let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(wrong)?;
                match url::Url::parse(text) {
                    Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                        secrets.learn_url(&url);
                        Ok(value.clone())
                    }
                    other => Err(not_http(self, text, other.ok(), secrets)),
                }
            }
            FieldKind::Bool => value.as_bool().map(Value::Bool).ok_or_else(wrong),
            FieldKind::Count => value.as_u64().map(|_| value.clone()).ok_or_else(wrong),
            FieldKind::Seconds => {
                // Three years is far beyond any use and far below what a Duration or a timer can hold.
                value.as_f64().filter(|s| *s > 0.0 && *s <= 1e8).map(|_| value.clone()).ok_or_else(wrong)
            }
            FieldKind::Texts => match value {
                Value::String(_) => Ok(Value::Array(vec![value.clone()])),
                Value::Array(items) if items.iter().all(Value::is_string) => Ok(value.clone()),
                _ => Err(wrong()),
            },
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

/// Learns what stands in a mapping. Its values are not said to be secrets one by one, and a short one (`true`, `5000`) is
/// more likely an ordinary word, which would be taken out of whatever holds it.
fn learn(text: &str, secrets: &Secrets) {
    if text.chars().count() >= 6 {
        secrets.learn(text);
    }
}

/// Whether a header of this name never holds a credential, and its value is an ordinary word (`application/json`).
fn is_harmless_header(name: &str) -> bool {
    const HARMLESS: [&str; 14] = [
        "accept",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "date",
        "expect",
        "host",
        "pragma",
        "prefer",
        "range",
        "user-agent",
    ];
    let name = name.trim().to_ascii_lowercase();
    HARMLESS.contains(&name.as_str()) || name.starts_with("accept-")
}

/// Learns an environment variable whose name says that it is secret, and the password in one that is an address.
pub fn learn_variable(name: &str, text: &str, secrets: &Secrets) {
    if names_a_secret(name) {
        return learn(text, secrets);
    }
    let url = url::Url::parse(text).ok();
    if let Some(password) = url.as_ref().and_then(url::Url::password) {
        learn(password, secrets);
        // Read as a form's, `%2d` is what it stands for; a plus would be a space there.
        let form = format!("password={}", password.replace('+', "%2B").replace('&', "%26"));
        for (_, decoded) in url::form_urlencoded::parse(form.as_bytes()) {
            learn(&decoded, secrets);
        }
    }
}

/// What was built, unless there are faults: those found before, and those of building it, which was not tried where
/// something required was missing.
pub fn unless_faulty<T>(
    mut faults: Vec<ConfigFault>,
    built: Option<Result<T, Vec<ConfigFault>>>,
) -> Result<T, Vec<ConfigFault>> {
    match built {
        Some(Ok(built)) if faults.is_empty() => return Ok(built),
        Some(Err(found)) => faults.extend(found),
        _ => {}
    }
    Err(faults)
}

/// "unknown key 'usr'; did you mean 'url'? Known: ..."
pub fn unknown<'a>(what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = revere_model::nearest(given, known.iter().copied());
    let given = shortened(given);
    match near {
        Some(near) => format!("unknown {what} '{given}'; did you mean '{near}'?"),
        None if known.is_empty() => format!("unknown {what} '{given}'; none is known here"),
        None => format!("unknown {what} '{given}'; known: {}", known.join(", ")),
    }
}

/// A text that somebody wrote, for a message: a million characters of it tell no more than the first.
pub fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    const SHOWN: usize = 100;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// What Python would call a configured value: `a dict`, `an int`.
pub fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "a bool",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an int",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dict",
    }
}

/// What was given, short; never the content of a secret.
fn python_repr(kind: FieldKind, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        // Not even one of the wrong type: a PIN is written as a number by mistake.
        other if kind.may_hold_secrets() => python_type(other).to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!("'{short}'")
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        other => python_type(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("url", FieldKind::Url, "Where the server is."),
        Field::optional("auth_password", FieldKind::Secret, "Its password."),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether to check its certificate."),
        Field::optional("timeout", FieldKind::Seconds, "How long to wait."),
    ];

    #[test]
    fn every_fault_is_reported_at_once_with_its_place() {
        let config = json!({"urll": "x", "verify_ssl": "yes", "timeout": -1, "auth_password": 12345});
        let faults = Settings::read(FIELDS, &config, "REVERE_SOURCES['g']['config']", &Secrets::default()).unwrap_err();
        let text: Vec<String> = faults.iter().map(ConfigFault::to_string).collect();
        assert_eq!(
            text,
            [
                "REVERE_SOURCES['g']['config']['urll']: unknown key 'urll'; did you mean 'url'?",
                "REVERE_SOURCES['g']['config']['verify_ssl']: expected True or False, not 'yes'",
                "REVERE_SOURCES['g']['config']['timeout']: expected a number of seconds above 0, not -1",
                "REVERE_SOURCES['g']['config']['auth_password']: expected a text that is not empty, not an int",
                "REVERE_SOURCES['g']['config']['url']: missing; expected an address beginning with http:// or https://: Where the server is.",
            ]
        );
    }

    #[test]
    fn a_word_of_any_length_costs_and_says_little() {
        let long = "x".repeat(1 << 20);
        let message = unknown("key", &long, ["url", "timeout"].into_iter());
        assert_eq!(message, format!("unknown key '{}…'; known: url, timeout", "x".repeat(100)));
        let config = json!({ long.as_str(): 1 });
        let faults = Settings::read(FIELDS, &config, "x", &Secrets::default()).unwrap_err();
        assert!(faults.iter().all(|fault| fault.to_string().len() < 500), "{}", faults[0]);
    }

    #[test]
    fn secrets_are_learned_while_reading() {
        let secrets = Secrets::default();
        let config = json!({"url": "https://u:s3cret-in-url@host/", "auth_password": "other-secret", "timeout": 2.5});
        let settings = Settings::read(FIELDS, &config, "x", &secrets).unwrap();
        assert_eq!(settings.seconds("timeout"), Some(Duration::from_millis(2500)));
        assert!(settings.flag("verify_ssl", true));
        assert_eq!(secrets.redact("s3cret-in-url other-secret"), "[redacted] [redacted]");
    }

    #[test]
    fn ordinary_words_of_headers_and_variables_are_no_secrets() {
        const FIELDS: &[Field] = &[
            Field::optional("headers", FieldKind::Headers, "Headers."),
            Field::optional("environment", FieldKind::Environment, "Variables."),
        ];
        let secrets = Secrets::default();
        let config = json!({
            "headers": {
                "Accept": "application/json", "accept-language": "en-GB, en", "Content-Type": "text/plain",
                "User-Agent": "watcher/1", "Host": "metrics.lan", "Cache-Control": "no-cache", "X-Scope": "prod",
                "Authorization": "Bearer s3cret-1", "X-Api": "s3cret-2", "Cookie": "session=s3cret-3",
            },
            "environment": {
                "LANG": "en_GB.UTF-8", "SHOP": "central", "LOG_LEVEL": "warning", "AUTHOR": "Ann Other",
                "HOME_URL": "https://shop.example/", "TOKEN_TTL": "3600", "USE_KEY": "true",
                "API_TOKEN": "s3cret-4", "dbPassword": "s3cret-5", "AWS_SECRET_KEY_ID": "s3cret-6", "API_KEYS": "s3cret-7",
                "DATABASE_URL": "postgres://shop:s3cret%2d8@db.lan/shop", "SHOP_DSN": "host=db s3cret-9",
            },
        });
        Settings::read(FIELDS, &config, "x", &secrets).unwrap();
        for ordinary in [
            "application/json en-GB, en text/plain watcher/1 metrics.lan no-cache prod",
            "en_GB.UTF-8 central warning Ann Other https://shop.example/ 3600 true postgres://shop@db.lan/shop",
        ] {
            assert_eq!(secrets.redact(ordinary), ordinary);
        }
        for number in 1..=9 {
            let said =
                format!("Bearer s3cret-{number}, session=s3cret-{number}, host=db s3cret-{number}, s3cret-{number}");
            assert_ne!(secrets.redact(&said), said, "{number}");
        }
        assert_eq!(secrets.redact("s3cret%2d8 s3cret-8"), "[redacted] [redacted]");
    }
}
