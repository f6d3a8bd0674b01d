//! An HTTP request: what is asked, what goes along, and whether it may be sent again.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use super::{OutboundError, OutboundKind, content_coding};
use crate::secret_names::names_a_secret;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address. A user and password in it become a header before it is sent.
    pub url: Url,
    /// The headers. Beyond a few harmless ones they go only to the origin of `url`, not where it redirects.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// How many redirects to follow; with 0 a redirect is an answer like any other.
    pub redirects: u8,
    /// Whether it may be sent once more where a connection that had been used before died without an answer: what changes
    /// nothing, or nothing more the second time, by its method (RFC 9110) or because it has an `Idempotency-Key`.
    pub repeatable: bool,
    /// Whether it has a connection of its own: one that was used before may be closed at the very moment at which this leaves,
    /// and of what is not repeatable nobody would know then whether it was taken.
    pub on_new_connection: bool,
}

impl Request {
    /// Asks `url` with `method`, following up to ten redirects for `GET` and `HEAD`, and none for what changes things.
    pub fn new(method: Method, url: Url) -> Self {
        let redirects = if method == Method::GET || method == Method::HEAD { 10 } else { 0 };
        let repeatable = method.is_idempotent();
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            redirects,
            repeatable,
            on_new_connection: false,
        }
    }

    /// `GET url`.
    pub fn get(url: Url) -> Self {
        Request::new(Method::GET, url)
    }

    /// `POST url` with a JSON body.
    pub fn post_json(url: Url, body: &serde_json::Value) -> Self {
        Request::new(Method::POST, url).body("application/json", body.to_string())
    }

    /// Adds a body and its type.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Sets a header. A name or value that HTTP cannot carry is a [`OutboundKind::BadRequest`] that shows the name only.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OutboundError> {
        let wrong = |what: &str| OutboundError {
            kind: OutboundKind::BadRequest,
            asked: self.shown(),
            what: format!("header {name:?}: {what}"),
        };
        let key = HeaderName::try_from(name).map_err(|_| wrong("no header can have this name"))?;
        let mut value = HeaderValue::from_str(value)
            .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
            .map_err(|_| wrong("the value has a line break or another character that no header can hold"))?;
        value.set_sensitive(!is_harmless(&key));
        self.repeatable |= key == "idempotency-key";
        self.headers.insert(key, value);
        Ok(self)
    }

    /// Signs in with user and password.
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            .expect("base64 is always a valid header value");
        value.set_sensitive(true);
        self.headers.insert(header::AUTHORIZATION, value);
        self
    }

    /// Signs in with a token.
    pub fn bearer(self, token: &str) -> Result<Self, OutboundError> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// `GET https://example.org/path`, as messages show it.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, shown_url(&self.url))
    }

    pub(super) fn take_url_credentials(&mut self) {
        if self.url.username().is_empty() && self.url.password().is_none() {
            return;
        }
        let plain = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (user, password) = (plain(self.url.username()), plain(self.url.password().unwrap_or_default()));
        // Both refuse only URLs without a host, and those have no credentials.
        let _ = self.url.set_username("");
        let _ = self.url.set_password(None);
        if !self.headers.contains_key(header::AUTHORIZATION) {
            *self = std::mem::replace(self, Request::get(self.url.clone())).basic_auth(&user, &password);
        }
    }

    pub(super) fn to_reqwest(&self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        // A part of a compressed body cannot be read.
        if !headers.contains_key(header::RANGE) {
            headers.entry(header::ACCEPT_ENCODING).or_insert(content_coding::ACCEPTED);
        }
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.clone().into());
        }
        request
    }
}

/// `url` for people: no user, no password, no query value that looks like a key. Secrets that only the configuration knows
/// are the caller's to take out, and that before anything is cut.
pub fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if url.query_pairs().any(|(name, _)| names_a_secret(&name)) {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if names_a_secret(&name) { "redacted".to_owned() } else { value.into_owned() };
                (name.into_owned(), value)
            })
            .collect();
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    String::from(shown)
}

/// Headers that say nothing about who asks.
pub(super) fn is_harmless(name: &HeaderName) -> bool {
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::USER_AGENT, header::RANGE].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_gives_nothing_away() {
        let shown = |text: &str| shown_url(&Url::parse(text).unwrap());
        assert_eq!(
            shown("https://u:pw@h/p?q=1&api_key=abc&access_token=d#f"),
            "https://h/p?q=1&api_key=redacted&access_token=redacted"
        );
        assert_eq!(shown("http://h/render?target=a%26b"), "http://h/render?target=a%26b");
    }

    #[test]
    fn a_header_with_a_line_break_is_refused_without_showing_it() {
        let error = Request::get(Url::parse("http://h/").unwrap()).header("X-Key", "sec\nret").unwrap_err();
        assert_eq!(error.kind, OutboundKind::BadRequest);
        assert!(error.to_string().contains("X-Key") && !error.to_string().contains("sec"), "{error}");
    }
}
