//! The one time zone that a page's times stand in: the monitor's own, where nobody chose another one.
//!
//! Whoever looks chooses once, for all pages: it is kept in a cookie. Where a page is of no monitor, the server's zone takes
//! the place of the monitor's.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::Response,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use revere_model::{calendar, typed_time};

use super::{form::Form, own_address, see};
use crate::{
    operations::Refusal,
    web::{Problem, WebState},
};

/// What is sent for the monitor's own zone.
pub(super) const OWN: &str = "own";

/// Where people come by HTTPS, with the prefix that keeps neighbouring names from setting it.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-revere_zone" } else { "revere_zone" }
}

/// The zone that somebody chose, by its usual name; `None` is each monitor's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ChosenZone(pub(super) Option<String>);

impl ChosenZone {
    pub(super) fn of(headers: &HeaderMap, secure: bool) -> ChosenZone {
        let name = cookie_name(secure);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        let text = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
        ChosenZone(text.and_then(|text| revere_model::zone_name(text).ok()))
    }

    /// The name of the zone of a page whose own is `own`.
    pub(super) fn name<'a>(&'a self, own: &'a str) -> &'a str {
        self.0.as_deref().unwrap_or(own)
    }

    /// The zone of a page whose own is `own`.
    pub(super) fn zone(&self, own: &str) -> TimeZone {
        revere_model::zone(self.name(own)).unwrap_or(TimeZone::UTC)
    }
}

/// What a browser's field for date and time holds, as a clock of `zone` shows it.
pub(super) fn of_clock(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let at = text.parse::<civil::DateTime>().map(|at| calendar::instant(at, zone));
    at.map_err(|_| "expected a date and a time such as 2026-07-01 18:00".to_owned())
}

/// A time that an address or a form has: as a clock of `zone` shows it, or an instant.
pub(super) fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let at = calendar::instant_of_text(text).map_or_else(|| of_clock(text, zone), Ok);
    at.map_err(|_| format!("{text:?} is no time such as 2026-07-01 12:00"))
}

/// An instant as the form has it, by a clock of `zone`; what was typed stays as it is.
pub(super) fn typed(text: Option<&str>, zone: &TimeZone) -> String {
    let text = text.unwrap_or_default();
    calendar::instant_of_text(text).map_or_else(|| text.to_owned(), |at| typed_time(&at.to_zoned(zone.clone())))
}

impl FromRequestParts<WebState> for ChosenZone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Infallible> {
        Ok(ChosenZone::of(&parts.headers, state.site.is_secure()))
    }
}

/// `/zone`: keeps what somebody chose and shows the page again.
pub(super) async fn choose(State(state): State<WebState>, form: Form) -> Result<Response, Problem> {
    let name = cookie_name(state.site.is_secure());
    let secure = if state.site.is_secure() { "; Secure" } else { "" };
    let cookie = match form.text("zone") {
        OWN => format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}"),
        typed => {
            let zone = revere_model::zone_name(typed).map_err(|fault| Refusal::one("zone", fault.to_string()))?;
            format!("{name}={zone}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000{secure}")
        }
    };
    let mut response = see(own_address(form.text("back")));
    let cookie = HeaderValue::from_str(&cookie).expect("names of zones are visible ASCII");
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who chooses another zone goes on seeing the same stretch of time.
    #[test]
    fn an_instant_is_shown_by_the_clock_of_any_zone() {
        let [berlin, new_york] = ["Europe/Berlin", "America/New_York"].map(|name| revere_model::zone(name).unwrap());
        let noon = instant("2026-07-01 12:00", &berlin).unwrap();
        assert_eq!(instant(&noon.to_string(), &new_york), Ok(noon));
        assert_eq!(typed(Some(&noon.to_string()), &new_york), "2026-07-01 06:00:00");
        assert_eq!(
            (typed(Some("2026-07-01T12:00"), &new_york), typed(None, &berlin)),
            ("2026-07-01T12:00".into(), String::new())
        );
        assert!(instant("yesterday", &berlin).unwrap_err().contains("yesterday"));
        for never in ["9999-12-31T23:59:59Z", "9999-12-31 23:59"] {
            assert_eq!(instant(never, &berlin), Ok(Timestamp::MAX), "what people and programs write for never");
        }
    }

    #[test]
    fn a_field_is_read_as_a_clock_shows_it() {
        let berlin = revere_model::zone("Europe/Berlin").unwrap();
        assert_eq!(of_clock("2026-07-01T18:00", &berlin), Ok("2026-07-01T16:00:00Z".parse().unwrap()));
        assert_eq!(of_clock("2026-07-01T18:00:30", &TimeZone::UTC), Ok("2026-07-01T18:00:30Z".parse().unwrap()));
        assert_eq!(of_clock("9999-12-31T23:59", &TimeZone::UTC), Ok(Timestamp::MAX), "what people write for never");
        assert!(of_clock("tomorrow", &TimeZone::UTC).unwrap_err().contains("2026-07-01 18:00"));
    }

    #[test]
    fn a_cookie_names_a_zone_or_nothing() {
        let read = |cookie: &str, secure| {
            let cookie = HeaderValue::from_str(cookie).unwrap();
            ChosenZone::of(&HeaderMap::from_iter([(header::COOKIE, cookie)]), secure).0
        };
        let of = |cookie: &str| read(cookie, false);
        assert_eq!(of("a=b; revere_zone=america/new_york"), Some("America/New_York".to_owned()));
        assert_eq!(of("revere_zone=Mars/Base"), None);
        assert_eq!(of("other=UTC"), None);
        assert_eq!(read("__Host-revere_zone=UTC", true), Some("UTC".to_owned()));
        assert_eq!(read("revere_zone=UTC", true), None, "a neighbour could have set it");
        let nobody = ChosenZone::default();
        assert_eq!((nobody.name("Europe/Berlin"), nobody.zone("no zone")), ("Europe/Berlin", TimeZone::UTC));
    }
}
