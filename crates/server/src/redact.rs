//! Takes secrets out of whatever a person or a log will see.

use std::{
    borrow::Cow,
    sync::{Arc, RwLock},
};

/// Shown where a secret stood.
pub const MARK: &str = "[redacted]";

/// Too short to be told from ordinary text: replacing every `ab` would make a log unreadable without hiding anything.
const SHORTEST: usize = 4;

/// The secrets of this process: those of the configuration, learned while it is read. Clones share one list.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// Remembers `secret`, and its URL-encoded form, from now on.
    pub fn learn(&self, secret: &str) {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut known = self.0.write().expect("no code panics while it holds this lock");
        for form in [secret.to_owned(), encoded.replace('+', "%20"), encoded] {
            if form.len() >= SHORTEST && !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first, so that a secret that contains another disappears whole.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
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

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
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
        assert_eq!(secrets.redact("nothing here"), "nothing here");
    }

    #[test]
    fn the_longer_of_two_nested_secrets_goes_whole() {
        let secrets = Secrets::default();
        secrets.learn("hunter2");
        secrets.learn("hunter2-and-more");
        assert_eq!(secrets.redact("x hunter2-and-more y"), "x [redacted] y");
    }
}
