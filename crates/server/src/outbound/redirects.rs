//! Redirects: where an answer leads, and what of a request goes along to there.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderValue},
};

use super::request::{Request, is_harmless};

impl Request {
    /// Turns into the request that follows a redirect with `status` to `target`.
    pub(super) fn redirect(&mut self, target: Url, status: StatusCode) {
        let keeps_method = match status {
            StatusCode::SEE_OTHER => self.method == Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method != Method::POST,
            _ => true,
        };
        if !keeps_method {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(header::CONTENT_TYPE);
            self.repeatable = true;
        }
        if target.origin() != self.url.origin() {
            let kept = self.headers.drain().filter_map(|(name, value)| Some((name?, value)));
            self.headers = kept.filter(|(name, _)| is_harmless(name)).collect();
            // The key that made a repetition harmless stays behind.
            self.repeatable = self.method.is_idempotent();
        }
        self.url = target;
        // Credentials that a redirect brings along were not configured by anyone here.
        let _ = self.url.set_username("");
        let _ = self.url.set_password(None);
    }
}

/// Where `response` redirects to, if it does.
pub(super) fn redirect_target(asked: &Url, response: &reqwest::Response) -> Option<Url> {
    match response.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => asked.join(&location(response.headers().get(header::LOCATION)?)).ok(),
        _ => None,
    }
}

/// The address in a `Location`. Bytes that are not UTF-8 are escaped as they are: the server knows what it meant.
fn location(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().fold(String::new(), |text, byte| match byte {
            0..=0x7f => text + char::from(*byte).encode_utf8(&mut [0; 4]),
            _ => text + &format!("%{byte:02X}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stays_behind_allows_no_repetition() {
        let ask = |to: &str| {
            let mut request = Request::new(Method::POST, "https://a.example/".parse().unwrap());
            request = request.header("Idempotency-Key", "k").unwrap();
            assert!(request.repeatable);
            request.redirect(to.parse().unwrap(), StatusCode::PERMANENT_REDIRECT);
            request.repeatable
        };
        assert!(ask("https://a.example/other"));
        assert!(!ask("https://b.example/"));
    }

    #[test]
    fn a_redirect_elsewhere_takes_no_credentials_along() {
        let mut request = Request::post_json(Url::parse("https://a/x").unwrap(), &serde_json::json!({}))
            .basic_auth("u", "p")
            .header("X-Api-Key", "k")
            .unwrap();
        request.redirect(Url::parse("https://a/y").unwrap(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!((request.headers.len(), request.method.as_str()), (3, "POST"));
        request.redirect(Url::parse("http://a/y").unwrap(), StatusCode::FOUND);
        assert_eq!((request.headers.len(), request.method.as_str()), (0, "GET"));
    }
}
