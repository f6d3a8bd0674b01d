//! Takes secrets out of whatever a person or a log will see.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{Arc, RwLock},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use url::Url;

use crate::secret_names::names_a_secret;

/// Shown where a secret stood.
pub const MARK: &str = "[redacted]";

/// Too short to be told from ordinary text: replacing every `ab` would make a log unreadable without hiding anything.
const SHORTEST: usize = 4;

/// In base64, shorter pieces are found in texts that have nothing to do with them.
const SHORTEST_IN_BASE64: usize = 8;

/// What is only called a key must be longer than an ordinary word such as `true`, and what only looks like one longer than
/// the names that machines give to things.
const SHORTEST_NAMED: usize = 6;
const SHORTEST_KEY: usize = 16;
/// A part of a secret address that has letters and digits is no word from here on.
const SHORTEST_MIXED: usize = 8;

/// The secrets of this process: those of the configuration, learned while it is read. Clones share one list.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// Remembers `secret` from now on, in every form it is likely to be said back in: as it is, escaped as in a log, in
    /// Python or in JSON, as part of an address, of HTML, or of a base64 text.
    pub fn learn(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut known = self.0.write().expect("no code panics while it holds this lock");
        for form in forms(secret) {
            if form.len() >= SHORTEST && !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first, so that a secret that contains another disappears whole.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// Remembers what in an address is a credential: its password, what its query calls a key, and the parts of path and
    /// query that look like one.
    pub fn learn_url(&self, url: &Url) {
        if let Some(password) = url.password() {
            self.learn_encoded(password);
        }
        let written = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let named = written.clone().filter(|(name, value)| names_a_secret(name) && value.len() >= SHORTEST_NAMED);
        named.for_each(|(_, value)| self.learn_encoded(value));
        let parts = url.path_segments().into_iter().flatten().chain(written.map(|(_, value)| value));
        parts.chain([url.username()]).filter(|part| is_key(part)).for_each(|part| self.learn_encoded(part));
    }

    /// Remembers an address that lets anybody in who knows it: all of it behind the server's name, and each part of that which
    /// is no ordinary word or date.
    pub fn learn_secret_url(&self, url: &Url) {
        self.learn_url(url);
        let behind = &url[url::Position::BeforePath..];
        if behind.trim_end_matches('/').len() >= SHORTEST_NAMED {
            self.learn(behind.trim_end_matches('/'));
        }
        let values = url.query().unwrap_or_default().split('&').filter_map(|pair| Some(pair.split_once('=')?.1));
        url.path_segments().into_iter().flatten().chain(values).for_each(|part| self.learn_if_random(part));
    }

    /// Remembers `part` if it looks made by chance, and not like a word or a date that stands in other texts too.
    pub fn learn_if_random(&self, part: &str) {
        let has = |kind: fn(&char) -> bool| part.chars().any(|c| kind(&c));
        let mixed = has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
        if part.len() >= SHORTEST_KEY || (part.len() >= SHORTEST_MIXED && mixed) {
            self.learn_encoded(part);
        }
    }

    /// Remembers what in a setting of a plug-in is a secret: nobody says which are, so their names decide. Under such a
    /// name every text counts, in lists and dicts too; elsewhere the credentials of addresses do.
    pub fn learn_setting(&self, name: &str, value: &serde_json::Value) {
        use serde_json::Value as Json;
        match value {
            Json::String(text) if names_a_secret(name) => self.learn(text),
            Json::String(text) => {
                if let Some(url) = Url::parse(text).ok().filter(Url::has_host) {
                    self.learn_url(&url);
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.learn_setting(name, item)),
            Json::Object(items) => {
                for (inner, item) in items {
                    // What is called a secret stays one, whatever its parts are called.
                    self.learn_setting(if names_a_secret(name) { name } else { inner }, item);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// As it is written in an address, and as it is meant.
    fn learn_encoded(&self, part: &str) {
        self.learn(part);
        let form = format!("x={}", part.replace('+', "%2B"));
        url::form_urlencoded::parse(form.as_bytes()).for_each(|(_, plain)| self.learn(&plain));
    }

    /// `text` without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().expect("no code panics while it holds this lock");
        let mut clean = Cow::Borrowed(text);
        for secret in known.iter() {
            if clean.contains(secret.as_str()) {
                clean = Cow::Owned(clean.replace(secret.as_str(), MARK));
            }
        }
        clean
    }
}

/// Whether a part of an address looks like a key: long, one word, and with a digit in it.
fn is_key(part: &str) -> bool {
    part.len() >= SHORTEST_KEY
        && part.contains(|c: char| c.is_ascii_digit())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~%=:".contains(c))
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    // Addresses: by the rules of forms, of RFC 3986, of Python's quote() and of browsers.
    let form_encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut in_addresses = vec![form_encoded.replace('+', "%20"), form_encoded];
    for left_alone in ["-._~", "-._~/", "-_.!~*'()", "-._~!$&'()*+,;=:@/?"] {
        in_addresses.push(percent_encoded(secret, left_alone));
    }
    forms.extend(in_addresses.iter().map(|form| with_lower_case_escapes(form)));
    forms.extend(in_addresses);
    // Quoted: Rust's logs, JSON with and without \u, Python's repr().
    let debug = format!("{secret:?}");
    forms.extend([debug[1..debug.len() - 1].to_owned(), secret.escape_default().to_string()]);
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    forms.extend([json_in_ascii(&json), json.replace('/', "\\/"), json]);
    forms.extend([secret.replace('\\', "\\\\"), secret.replace('\\', "\\\\").replace('\'', "\\'")]);
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.extend([
        html.replace('"', "&quot;").replace('\'', "&#39;"),
        html.replace('"', "&#34;").replace('\'', "&#x27;"),
        html,
    ]);
    // Base64, wherever in the encoded text it stands (a user's name and a colon may be before it).
    for before in 0..3 {
        forms.extend(in_base64(secret, before));
    }
    forms
}

fn percent_encoded(text: &str, left_alone: &str) -> String {
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || left_alone.as_bytes().contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `%2F` as `%2f`.
fn with_lower_case_escapes(encoded: &str) -> String {
    let mut digits = 0;
    let lower = |c: char| {
        let is_digit = digits > 0;
        digits = if c == '%' { 2 } else { i32::max(digits - 1, 0) };
        if is_digit { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

fn json_in_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The characters of a base64 text that tell of `secret` alone, with `before` other bytes before it in its group of
/// three, and any after it.
fn in_base64(secret: &str, before: usize) -> impl Iterator<Item = String> {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
        .into_iter()
        .map(move |text| text[first..last].to_owned())
        .filter(|piece| piece.len() >= SHORTEST_IN_BASE64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_disappears_plain_and_url_encoded() {
        let secrets = Secrets::default();
        secrets.learn("p@ss word/1");
        assert_eq!(secrets.redact("login p@ss word/1 failed"), "login [redacted] failed");
        assert_eq!(secrets.redact("http://u:p%40ss%20word%2F1@host/"), "http://u:[redacted]@host/");
        assert_eq!(secrets.redact("http://u:p%40ss%20word%2f1@host/"), "http://u:[redacted]@host/");
        assert_eq!(secrets.redact("?password=p%40ss+word%2F1"), "?password=[redacted]");
        assert_eq!(secrets.redact("/p%40ss%20word/1/"), "/[redacted]/");
        assert_eq!(secrets.redact("nothing here"), "nothing here");
    }

    #[test]
    fn a_secret_disappears_however_it_is_quoted() {
        let secret = "a\"b'c\\d\tü<&>/é😀";
        let secrets = Secrets::default();
        secrets.learn(secret);
        for said in [
            format!("{secret:?}"),
            serde_json::Value::from(secret).to_string(),
            "\"a\\\"b'c\\\\d\\t\\u00fc<&>/\\u00e9\\ud83d\\ude00\"".to_owned(),
            "\"a\\\"b'c\\\\d\\tü<&>\\/é😀\"".to_owned(),
            "\"a&quot;b&#39;c\\d\tü&lt;&amp;&gt;/é😀\"".to_owned(),
        ] {
            assert_eq!(secrets.redact(&said), "\"[redacted]\"", "{said}");
        }
    }

    #[test]
    fn a_secret_disappears_from_base64_wherever_it_stands_there() {
        let secrets = Secrets::default();
        secrets.learn("hunter2-and-more");
        for user in ["u", "us", "use", "user"] {
            for after in ["", "x", "xy", "xyz"] {
                let said = STANDARD_NO_PAD.encode(format!("{user}:hunter2-and-more{after}"));
                let clean = secrets.redact(&said);
                assert!(clean.contains(MARK), "{said}");
                // What is left over is less than three of its bytes at either end.
                assert!(clean.len() <= MARK.len() + 4 + said.len() - 4 * 16 / 3, "{said}: {clean}");
            }
        }
        // Four bytes are six letters, which stand in any long text sooner or later.
        secrets.learn("1234");
        assert_eq!(secrets.redact("MTIzNA"), "MTIzNA");
    }

    #[test]
    fn keys_inside_an_address_are_learned_and_words_are_not() {
        for (url, shown) in [
            (
                "https://hooks.example.com/services/T024BE7LD/xoxb12345678901234567890/monitoring-notifications?k=0123456789abcdef",
                "https://hooks.example.com/services/T024BE7LD/[redacted]/monitoring-notifications?k=[redacted]",
            ),
            (
                "https://user:s3cret%2Fword@h.example/v1?token=s3cret&key=true&page=12",
                "https://user:[redacted]@h.example/v1?token=[redacted]&key=true&page=12",
            ),
            ("https://ghp0123456789abcdef@h.example/", "https://[redacted]@h.example/"),
        ] {
            let secrets = Secrets::default();
            secrets.learn_url(&Url::parse(url).unwrap());
            assert_eq!(secrets.redact(url), shown);
            assert_eq!(
                secrets.redact("s3cret/word and true words"),
                if url.contains("user:") { "[redacted] and true words" } else { "s3cret/word and true words" }
            );
        }
    }

    #[test]
    fn the_settings_of_a_plug_in_are_learned_by_name_in_lists_and_dicts_too() {
        let secrets = Secrets::default();
        let config = serde_json::json!({
            "name": "ordinary-name",
            "tokens": ["first-t0ken", "second-t0ken"],
            "apiKeys": {"read": "read-k3y", "more": [{"write": "write-k3y"}]},
            "servers": [{"host": "h.example", "password": "inner-p4ss"}, {"url": "amqp://u:queue-p4ss@h.example/"}],
            "port": 5432,
        });
        secrets.learn_setting("", &config);
        let said = "ordinary-name first-t0ken second-t0ken read-k3y write-k3y h.example inner-p4ss queue-p4ss";
        let clean = secrets.redact(said).replace(MARK, "*");
        assert_eq!(clean, "ordinary-name * * * * h.example * *");
    }

    #[test]
    fn the_longer_of_two_nested_secrets_goes_whole() {
        let secrets = Secrets::default();
        secrets.learn("hunter2");
        secrets.learn("hunter2-and-more");
        assert_eq!(secrets.redact("x hunter2-and-more y"), "x [redacted] y");
    }

    proptest::proptest! {
        #[test]
        fn no_form_of_any_secret_survives(secret in "\\PC{4,20}") {
            let secrets = Secrets::default();
            secrets.learn(&secret);
            for form in forms(&secret) {
                if form.len() >= SHORTEST {
                    proptest::prop_assert!(!secrets.redact(&form).contains(&form));
                }
            }
        }
    }

    #[test]
    fn a_secret_address_is_hidden_and_ordinary_words_are_not() {
        let secrets = Secrets::default();
        for address in [
            "https://chat.googleapis.com/v1/spaces/AAAAxyz/messages?key=AIzaSyD-0123456789&token=qwertyuiopasdfgh",
            "https://prod-1.westeurope.logic.azure.com/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?api-version=2016-06-01&sig=hJk3_9",
            "https://hooks.slack.com/services/T024BE7LD/B024BE7LE/abcdEFGHijklMNOP12345678/",
            "https://apprise.example.com/notify/apprise",
        ] {
            let url = Url::parse(address).unwrap();
            secrets.learn_secret_url(&url);
            assert!(!secrets.redact(address).contains(&url[url::Position::BeforePath..]), "{address}");
        }
        let ordinary = "12 messages queued, apprise since 2016-06-01; invoke the services manually, notify workflows";
        assert_eq!(secrets.redact(ordinary), ordinary);
        for part in ["AIzaSyD-0123456789", "qwertyuiopasdfgh", "0a1b2c3d4e5f", "abcdEFGHijklMNOP12345678"] {
            assert_eq!(secrets.redact(part), MARK, "{part}");
        }
    }
}
