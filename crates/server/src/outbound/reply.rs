//! An HTTP answer, as it came within its limits.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    StatusCode, Url,
    header::{self, HeaderMap},
};

use super::http_date::{http_date, retry_after};
use crate::redact::Secrets;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status; an error status is an answer like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// From the start of `send` to the last byte.
    pub elapsed: Duration,
    /// The address that answered: the last one, where there were redirects.
    pub url: Url,
    /// The certificate it showed, in DER, over https.
    pub certificate: Option<Bytes>,
    pub(super) secrets: Secrets,
}

impl Reply {
    /// The body as text, in the character set it says it has, or UTF-8.
    pub async fn text(&self) -> String {
        let mut response = axum::http::Response::new(self.body.clone());
        if let Some(kind) = self.headers.get(header::CONTENT_TYPE) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        // Reading from memory cannot fail.
        reqwest::Response::from(response).text().await.unwrap_or_default()
    }

    /// The body as JSON, or what it is instead, in words.
    pub fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| match self.page_title() {
            Some(title) => format!(
                "a web page{} instead of JSON; is the address right, or does a login stand before it?",
                if title.is_empty() { String::new() } else { format!(" titled '{title}'") }
            ),
            None if self.body.is_empty() => "an empty answer instead of JSON".to_owned(),
            None => format!("no JSON ({error}): {}", self.excerpt()),
        })
    }

    /// `500 Internal Server Error: the beginning of the body`, for messages.
    pub fn summary(&self) -> String {
        let status = self.status_line();
        match self.page_title() {
            Some(title) if !title.is_empty() => format!("{status}: a web page titled '{title}'"),
            Some(_) => format!("{status}: a web page"),
            None if self.body.is_empty() => status,
            None => format!("{status}: {}", self.excerpt()),
        }
    }

    /// `200 OK: reason`, for a reason of the receiver's that was found in the body.
    pub fn status_with(&self, reason: &str) -> String {
        let reason: String = self.secrets.redact(reason).chars().take(300).collect();
        let words: Vec<&str> = reason.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        format!("{}: {}", self.status_line(), words.join(" "))
    }

    /// `404 Not Found`.
    pub fn status_line(&self) -> String {
        match self.status.canonical_reason() {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// The beginning of the body, in one line, without secrets.
    pub fn excerpt(&self) -> String {
        // Twice as much as is looked at for words, so that a secret at its end is known whole.
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(8192)]);
        let clean = self.secrets.redact(&text);
        let start = &clean[..clean.floor_char_boundary(4096)];
        let line = start.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let mut short = String::new();
        for word in line {
            if short.len() + word.len() > 200 {
                let room = 200usize.saturating_sub(short.len());
                short.extend(word.chars().take(if short.is_empty() { 200 } else { room.min(40) }));
                short.push_str("...");
                break;
            }
            short.push_str(word);
            short.push(' ');
        }
        short.trim_end().to_owned()
    }

    /// What came back, or the address, without the secrets in it.
    pub fn without_secrets(&self, text: &str) -> String {
        self.secrets.redact(text).into_owned()
    }

    /// When the other side says to come back (`Retry-After`), as a time from its own `Date`, or from `now`.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let value = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        retry_after(value(header::RETRY_AFTER)?, value(header::DATE).and_then(http_date).unwrap_or(now))
    }

    /// A header's value as text: UTF-8 where it is that, else Latin-1, of which HTTP once was.
    pub fn header_text(value: &header::HeaderValue) -> String {
        let bytes = value.as_bytes();
        std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
    }

    /// The title of the web page that came back, empty if it has none; `None` where it is no web page.
    fn page_title(&self) -> Option<String> {
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(16 << 10)]).into_owned();
        let lower = start.to_ascii_lowercase();
        let head = lower.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if !(head.starts_with("<!doctype html") || head.starts_with("<html") || head.starts_with("<head")) {
            return None;
        }
        let title = lower.find("<title").and_then(|open| {
            let from = open + lower[open..].find('>')? + 1;
            let to = from + lower[from..].find('<')?;
            Some(start[from..to].split_whitespace().collect::<Vec<_>>().join(" "))
        });
        Some(self.secrets.redact(&title.unwrap_or_default()).chars().take(80).collect())
    }
}
