//! Addresses of calendars as people have them: as programs hand them out, or copied from the bar of a browser.

use std::borrow::Cow;

use crate::outbound::Url;

/// The address to ask at. Programs hand calendars out under `webcal://`, by which browsers open another program with them.
pub(super) fn by_https(text: &str) -> Cow<'_, str> {
    match text.split_once("://") {
        Some((scheme, rest)) if ["webcal", "webcals"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            format!("https://{rest}").into()
        }
        _ => text.into(),
    }
}

/// What is expected instead of the address of a page, if it is one.
pub(super) fn instead_of_page(url: &Url) -> Option<&'static str> {
    let host = url.host_str().unwrap_or_default();
    match host {
        "calendar.google.com" if !url.path().starts_with("/calendar/ical/") => {
            Some("the secret address in iCal format, https://calendar.google.com/calendar/ical/.../basic.ics")
        }
        _ if host.starts_with("outlook.") && url.path().ends_with(".html") => {
            Some("the address of the same calendar that ends in .ics")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_page_is_known_for_one() {
        let expected = |text: &str| instead_of_page(&Url::parse(text).unwrap());
        for page in [
            "https://calendar.google.com/calendar/embed?src=ops%40example.com",
            "https://calendar.google.com/calendar/u/0/r?cid=b3Bz",
            "https://outlook.office365.com/owa/calendar/1@example.com/2/calendar.html",
        ] {
            assert!(expected(page).is_some(), "{page}");
        }
        for calendar in [
            "https://calendar.google.com/calendar/ical/ops%40example.com/private-1/basic.ics",
            "https://outlook.office365.com/owa/calendar/1@example.com/2/calendar.ics",
            "https://example.com/calendar.html",
        ] {
            assert_eq!(expected(calendar), None, "{calendar}");
        }
    }
}
