//! Reads what a page's form sends: names and texts, nothing else.
//!
//! A form that does not hold the browser's token is not from a page of ours; the handler is told rather than the reader
//! being sent away, so that what was typed can be shown again.

use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use futures_util::StreamExt as _;

use super::form_token::FormToken;
use crate::web::{Problem, WebState};

/// A script of 256 KiB in the encoding of forms has at most three times as much, and there is more than the script.
const FORM_BYTES: usize = 1 << 20;

/// What a form holds, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    /// Whether it came from a page of ours, as the token shows.
    pub(super) ours: bool,
}

impl FromRequest<WebState> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let secure = state.site.base_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let token = FormToken::of(request.headers(), secure);
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail =
                "this address takes the forms of the pages; programs use the API, described at /api/v1/openapi.json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let mut bytes = Vec::new();
        let mut chunks = request.into_body().into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk =
                chunk.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the form broke off before its end"))?;
            if bytes.len() + chunk.len() > FORM_BYTES {
                let detail = format!("the form is larger than {FORM_BYTES} bytes; a script may have 256 KiB");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Form::read(&bytes, &token))
    }
}

impl Form {
    fn read(bytes: &[u8], token: &FormToken) -> Form {
        // Browsers send the ends of lines as CR LF whatever was typed.
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n")))
            .collect();
        let mut form = Form { fields, ours: false };
        form.ours = token.fits(form.fields.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str()));
        form
    }

    /// The text of `name`; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every text of `name`.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.fields.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    /// Whether `name` is there at all, as a box that is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// For forms with nothing typed in them.
    pub(super) fn must_be_ours(&self) -> Result<(), Problem> {
        if self.ours {
            return Ok(());
        }
        let detail = "the page this came from is out of date, or your browser keeps no cookies for this server; reload \
                      the page and do it again";
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_form_is_ours_if_its_token_is_the_browsers() {
        let token = "0123456789abcdef0123456789abcdef";
        let cookie = HeaderValue::from_str(&format!("revere_form={token}")).unwrap();
        let known = FormToken::of(&HeaderMap::from_iter([(header::COOKIE, cookie)]), false);
        let form = Form::read(format!("token={token}&script=a%0D%0Ab&pick=1&pick=2").as_bytes(), &known);
        assert!(form.ours);
        assert_eq!(form.text("script"), "a\nb");
        assert_eq!(form.all("pick").collect::<Vec<_>>(), ["1", "2"]);
        assert!(!form.has("active"));
        let foreign = Form::read(b"token=ffffffffffffffffffffffffffffffff", &known);
        assert!(!foreign.ours && foreign.must_be_ours().is_err());
    }
}
