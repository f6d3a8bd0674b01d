//! Shows that a form was filled in on a page of ours: the page holds a token, the browser's cookie the same one.
//!
//! A page of another site can make a browser send a form here, but can neither read the cookie nor set it. No session
//! and no state on the server: a form survives a restart. Beside it stands the guard, which looks at where a request
//! comes from.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

/// Where people come by HTTPS, with the prefix that keeps neighbouring names from setting it.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-revere_form" } else { "revere_form" }
}

/// The browser's token; a new one if it had none.
#[derive(Clone, Debug)]
pub(super) struct FormToken {
    text: String,
    fresh: bool,
    secure: bool,
}

impl FormToken {
    pub(super) fn of(headers: &HeaderMap, secure: bool) -> FormToken {
        let known = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().strip_prefix(name(secure))?.strip_prefix('='))
            .find(|text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match known {
            Some(text) => FormToken { text: text.to_owned(), fresh: false, secure },
            None => FormToken { text: uuid::Uuid::new_v4().simple().to_string(), fresh: true, secure },
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a form that holds `given` came from a page of ours.
    pub(super) fn fits(&self, given: Option<&str>) -> bool {
        !self.fresh && given == Some(self.text.as_str())
    }

    /// Gives the browser its token, if it had none.
    pub(super) fn keep(&self, response: &mut Response) {
        if self.fresh {
            let secure = if self.secure { "; Secure" } else { "" };
            let name = name(self.secure);
            let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}", self.text);
            let cookie = HeaderValue::from_str(&cookie).expect("a name and hexadecimal digits are visible ASCII");
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    #[test]
    fn a_form_fits_only_the_browser_it_was_made_for() {
        let token = FormToken::of(&HeaderMap::new(), false);
        assert!(!token.fits(Some(token.text())), "the browser never had it");
        let again = FormToken::of(&with_cookie(&format!("a=b; revere_form={}", token.text())), false);
        assert!(again.fits(Some(token.text())));
        assert!(!again.fits(Some("0".repeat(32).as_str())));
        assert!(!again.fits(None));
    }

    #[test]
    fn a_cookie_of_another_shape_is_replaced() {
        let odd = FormToken::of(&with_cookie("revere_form=\"><b>"), true);
        assert!(odd.fresh);
        let mut response = Response::default();
        odd.keep(&mut response);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.ends_with("; Secure") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
}
