//! The cookie that a browser's session is in, and the one of a log-in that is under way elsewhere.
//!
//! Where people come by HTTPS its name begins with `__Host-`, which browsers take only with `Secure`, for this host alone, so
//! no neighbouring name can set one. It is sent along when somebody follows a link of a mail (`Lax`); whatever changes
//! something asks for more than the cookie.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::operations::log_in::Begun;

fn name(secure: bool) -> &'static str {
    if secure { "__Host-revere_session" } else { "revere_session" }
}

fn name_of_log_in(secure: bool) -> &'static str {
    if secure { "__Host-revere_log_in" } else { "revere_log_in" }
}

/// The secret that a request shows, if it has the form of one. Of two cookies of that name neither is taken.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<String> {
    let secret = only(headers, name(secure))?;
    let good = secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    good.then(|| secret.to_owned())
}

/// What the browser keeps of a log-in that is under way.
pub(super) fn read_log_in(headers: &HeaderMap, secure: bool) -> Option<&str> {
    only(headers, name_of_log_in(secure))
}

/// The one cookie of a name.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Gives the browser its session.
pub(super) fn give(headers: &mut HeaderMap, begun: &Begun, seconds: i64, secure: bool) {
    set(headers, name(secure), begun.secret.reveal(), seconds, secure);
}

/// Gives the browser what it keeps of a log-in that is under way.
pub(super) fn give_log_in(headers: &mut HeaderMap, kept: &str, seconds: i64, secure: bool) {
    set(headers, name_of_log_in(secure), kept, seconds, secure);
}

/// Takes it from the browser.
pub(super) fn take_log_in(headers: &mut HeaderMap, secure: bool) {
    set(headers, name_of_log_in(secure), "", 0, secure);
}

/// Takes it from the browser.
pub(super) fn take(headers: &mut HeaderMap, secure: bool) {
    set(headers, name(secure), "", 0, secure);
    // What the browser kept to go back to is nobody's business any more.
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\""));
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, seconds: i64, secure: bool) {
    let flag = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{flag}", seconds.max(0));
    let cookie = HeaderValue::from_str(&cookie).expect("names, digits, dots and letters of base64 are visible ASCII");
    headers.append(header::SET_COOKIE, cookie);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cookie_of_the_right_name_and_form_is_read() {
        let secret = "a".repeat(43);
        let read = |cookies: &[String], secure| {
            let headers = cookies.iter().map(|cookie| (header::COOKIE, HeaderValue::from_str(cookie).unwrap()));
            super::read(&headers.collect(), secure)
        };
        assert_eq!(read(&[format!("x=y; revere_session={secret}")], false).as_deref(), Some(secret.as_str()));
        assert_eq!(read(&[format!("__Host-revere_session={secret}")], true).as_deref(), Some(secret.as_str()));
        assert_eq!(read(&[format!("revere_session={secret}")], true), None, "a neighbour could have set it");
        assert_eq!(read(&[format!("revere_session={secret}; revere_session={secret}")], false), None);
        assert_eq!(read(&["revere_session=short".to_owned()], false), None);
        assert_eq!(read(&[format!("revere_session={}\"", "a".repeat(42))], false), None);
    }
}
