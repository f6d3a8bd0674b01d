//! Reads what a page's form sends: names and texts, nothing else.
//!
//! A form that does not hold the browser's token is not from a page of ours. A handler that takes a [`Form`] gets only
//! those that are; one whose form holds what somebody typed takes a [`TypedForm`] and is made to say what becomes of the
//! others, so that what was typed can be shown again. There is no other way to read a form, so none can forget to look.

use std::ops::Deref;

use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use futures_util::StreamExt as _;
use revere_model::{Act, Actor};

use super::form_token::FormToken;
use crate::web::{Problem, WebState};

/// A script of 256 KiB in the encoding of forms has at most three times as much, and there is more than the script.
const FORM_BYTES: usize = 1 << 20;

/// A form that came from a page of ours.
pub(super) struct Form(FormTexts);

/// A form in which somebody typed something that must not be lost.
pub(super) enum TypedForm {
    /// It came from a page of ours.
    Ours(Form),
    /// It did not, or the browser has lost its cookie: good for being shown again, and for nothing else.
    Lost(FormTexts),
}

/// What a form holds, in its order.
pub(super) struct FormTexts(Vec<(String, String)>);

impl FromRequest<WebState> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        match TypedForm::from_request(request, state).await? {
            TypedForm::Ours(form) => Ok(form),
            TypedForm::Lost(_) => {
                let detail = "the page this came from is out of date, or your browser keeps no cookies for this server; \
                              reload the page and do it again";
                Err(Problem::new(StatusCode::FORBIDDEN, detail))
            }
        }
    }
}

impl FromRequest<WebState> for TypedForm {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let token = FormToken::of(request.headers(), state.site.is_secure());
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail =
                "this address takes the forms of the pages; programs use the API, described at /api/v1/openapi.json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let actor = request.extensions().get::<Actor>().cloned();
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
        let form = TypedForm::read(&bytes, &token);
        if let (TypedForm::Lost(_), Some(actor)) = (&form, actor) {
            state.operations.asked_by(actor).refused(Act::FormRefused, |entry| entry);
        }
        Ok(form)
    }
}

impl TypedForm {
    fn read(bytes: &[u8], token: &FormToken) -> TypedForm {
        // Browsers send the ends of lines as CR LF whatever was typed.
        let texts = FormTexts(
            url::form_urlencoded::parse(bytes)
                .map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n")))
                .collect(),
        );
        let given = texts.0.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
        if token.fits(given) { TypedForm::Ours(Form(texts)) } else { TypedForm::Lost(texts) }
    }
}

impl Deref for Form {
    type Target = FormTexts;

    fn deref(&self) -> &FormTexts {
        &self.0
    }
}

impl FormTexts {
    /// The text of `name`; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every text of `name`.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.0.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    /// Whether `name` is there at all, as a box that is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
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
        let sent = format!("token={token}&script=a%0D%0Ab&pick=1&pick=2");
        let TypedForm::Ours(form) = TypedForm::read(sent.as_bytes(), &known) else { panic!("it is ours") };
        assert_eq!(form.text("script"), "a\nb");
        assert_eq!(form.all("pick").collect::<Vec<_>>(), ["1", "2"]);
        assert!(!form.has("active"));
        let foreign = TypedForm::read(b"token=ffffffffffffffffffffffffffffffff&name=x", &known);
        assert!(matches!(foreign, TypedForm::Lost(texts) if texts.text("name") == "x"));
    }
}
