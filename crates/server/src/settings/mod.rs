//! What a source, a channel or the program itself needs to be told, as data.
//!
//! Each kind lists its [`Field`]s once; reading, validation, documentation and (later) forms and schemas come from that
//! list. Reading reports every fault at once, each with the place, the fault and what was expected.

mod did_you_mean;
mod field;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

pub use did_you_mean::{unknown_name, unknown_name_after};
pub use field::{Absent, Field, FieldGroup, FieldKind};
use serde_json::Value;

use crate::{redact::Secrets, secret_names::names_a_secret};

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

const CHECKED: &str = "a required field was checked when the settings were read, and a default was put in";

/// Settings that fit their fields: the getters cannot fail for want of a check. And the names of those that do not.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<&'static str, Value>, BTreeSet<&'static str>);

impl Settings {
    /// Reads `config` (a JSON object, or null for none) by `fields`. Secrets in it are taught to `secrets`, whether or
    /// not there are faults. A `None` value counts as left out.
    pub fn read<'f>(
        fields: impl IntoIterator<Item = &'f Field>,
        config: &Value,
        place: &str,
        secrets: &Secrets,
    ) -> Result<Settings, Vec<ConfigFault>> {
        let (settings, faults) = Settings::read_what_fits(fields, config, place, secrets);
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// As [`Settings::read`], and what fits is there even if something else does not. Before a required field of it is
    /// asked for, [`Settings::has_required`] must say that it is there.
    pub fn read_what_fits<'f>(
        fields: impl IntoIterator<Item = &'f Field>,
        config: &Value,
        place: &str,
        secrets: &Secrets,
    ) -> (Settings, Vec<ConfigFault>) {
        let fields: Vec<&Field> = fields.into_iter().collect();
        let default = |field: &&Field| Some((field.name, field.absent.value()?));
        // Also where something else was given that does not fit: whoever goes on finds what it counts on.
        let mut read: BTreeMap<_, _> = fields.iter().filter_map(default).collect();
        let empty = serde_json::Map::new();
        let given = match config {
            Value::Null => &empty,
            Value::Object(map) => map,
            other => {
                let message = format!("expected a dict, not {}", python_type(other));
                return (Settings(read, BTreeSet::new()), vec![ConfigFault::new(place, message)]);
            }
        };
        let (mut faults, mut misfits) = (Vec::new(), BTreeSet::new());
        for (name, value) in given {
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let names = fields.iter().map(|field| field.name);
                faults.push(ConfigFault::new(
                    format!("{place}[{name:?}]").replace('"', "'"),
                    unknown_name("key", name, names),
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
                Err(message) => {
                    misfits.insert(field.name);
                    faults.push(ConfigFault::new(format!("{place}['{name}']"), message));
                }
            }
        }
        for field in fields {
            let missing = given.get(field.name).is_none_or(Value::is_null);
            if field.is_required() && missing {
                faults.push(ConfigFault::new(
                    format!("{place}['{}']", field.name),
                    format!("missing; expected {}: {}", field.kind.expected(), field.doc),
                ));
            }
        }
        (Settings(read, misfits), faults)
    }

    /// Whether every required one of `fields` is there.
    pub fn has_required<'f>(&self, fields: impl IntoIterator<Item = &'f Field>) -> bool {
        fields.into_iter().all(|field| !field.is_required() || self.0.contains_key(field.name))
    }

    /// Whether something was given that does not fit: nobody has to be told that it is missing, too.
    pub fn is_misfit(&self, name: &str) -> bool {
        self.1.contains(name)
    }

    /// A text, choice, secret or URL, if it was given or has a default.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text, choice, secret or URL that is required or has a default.
    pub fn required_text(&self, name: &str) -> &str {
        self.text(name).expect(CHECKED)
    }

    /// A switch; off if it was not given and has no default.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A whole number, if it was given or has a default.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// A whole number that is required or has a default.
    pub fn required_count(&self, name: &str) -> u64 {
        self.count(name).expect(CHECKED)
    }

    /// A port, if it was given or has a default.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.count(name).and_then(|port| port.try_into().ok())
    }

    /// A span of time, if it was given or has a default.
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        self.0.get(name).and_then(Value::as_f64).map(Duration::from_secs_f64)
    }

    /// A span of time that is required or has a default.
    pub fn required_seconds(&self, name: &str) -> Duration {
        self.seconds(name).expect(CHECKED)
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
    for parameter in url.as_ref().and_then(url::Url::query).into_iter().flat_map(|query| query.split('&')) {
        let (name, written) = parameter.split_once('=').unwrap_or((parameter, ""));
        if names_a_secret(name) {
            learn(written, secrets);
            for (_, decoded) in url::form_urlencoded::parse(parameter.as_bytes()) {
                learn(&decoded, secrets);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("url", FieldKind::Url, "Where the server is."),
        Field::optional("auth_password", FieldKind::Secret, "Its password."),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether to check its certificate.").or_flag(true),
        Field::optional("timeout", FieldKind::Seconds, "How long to wait."),
        Field::optional("method", FieldKind::Choice(&["POST", "PUT", "PATCH"]), "How to ask.").or_text("POST"),
        Field::optional("port", FieldKind::Port, "Where to knock."),
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
        let message = unknown_name("key", &long, ["url", "timeout"].into_iter());
        assert_eq!(message, format!("unknown key '{}…'; known: url, timeout", "x".repeat(100)));
        let config = json!({ long.as_str(): 1 });
        let faults = Settings::read(FIELDS, &config, "x", &Secrets::default()).unwrap_err();
        assert!(faults.iter().all(|fault| fault.to_string().len() < 500), "{}", faults[0]);
    }

    #[test]
    fn a_choice_is_one_of_its_words_and_a_port_is_one() {
        let read = |config| Settings::read(FIELDS, &config, "x", &Secrets::default());
        let url = "http://host/";
        let settings = read(json!({"url": url, "method": " put ", "port": 65535})).unwrap();
        assert_eq!((settings.required_text("method"), settings.port("port")), ("PUT", Some(65535)));
        let settings = read(json!({"url": url, "method": null})).unwrap();
        assert_eq!((settings.required_text("method"), settings.port("port")), ("POST", None));
        for (field, wrong, said) in [
            ("method", json!("PSOT"), "expected 'POST', 'PUT' or 'PATCH', not 'PSOT'; did you mean 'POST'?"),
            ("method", json!("DELETE"), "expected 'POST', 'PUT' or 'PATCH', not 'DELETE'"),
            ("method", json!(["PUT"]), "expected 'POST', 'PUT' or 'PATCH', not a list"),
            ("port", json!(0), "expected a port from 1 to 65535, not 0"),
            ("port", json!(65536), "expected a port from 1 to 65535, not 65536"),
            ("port", json!("25"), "expected a port from 1 to 65535, not '25'"),
        ] {
            let faults = read(json!({"url": url, field: wrong})).unwrap_err();
            assert_eq!(faults, [ConfigFault::new(format!("x['{field}']"), said)]);
        }
    }

    #[test]
    fn secrets_are_learned_while_reading() {
        let secrets = Secrets::default();
        let config = json!({"url": "https://u:s3cret-in-url@host/", "auth_password": "other-secret", "timeout": 2.5});
        let settings = Settings::read(FIELDS, &config, "x", &secrets).unwrap();
        assert_eq!(settings.seconds("timeout"), Some(Duration::from_millis(2500)));
        assert!(settings.flag("verify_ssl"));
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
