//! Cookies on the way of one request: what one hop sets goes along to the next of the same origin, as with curl and
//! browsers. A login page that sets a cookie and redirects works by that. They end with the request.

use jiff::Timestamp;
use reqwest::{
    Url,
    header::{self, HeaderMap, HeaderValue},
};
use revere_model::{Clock, SystemClock};

use super::http_date::cookie_date;

/// The cookies that the hops so far have set.
#[derive(Default)]
pub(super) struct Cookies(Vec<Cookie>);

struct Cookie {
    origin: url::Origin,
    path: String,
    secure: bool,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Cookies {
    /// Remembers what `headers` of an answer from `url` set, and forgets what they end.
    pub(super) fn learn(&mut self, url: &Url, headers: &HeaderMap) {
        for header in headers.get_all(header::SET_COOKIE) {
            let Some((cookie, alive)) = Cookie::read(url, header.as_bytes(), SystemClock.now()) else { continue };
            self.0.retain(|known| {
                (&known.origin, &known.path, &known.name) != (&cookie.origin, &cookie.path, &cookie.name)
            });
            if alive {
                self.0.push(cookie);
            }
        }
    }

    /// What to send to `url`, beside the `own` that was to be sent anyway. A cookie of that name gives way to the new one.
    pub(super) fn header(&self, url: &Url, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        let fitting: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.fits(url)).collect();
        if fitting.is_empty() {
            return None;
        }
        let name = |pair: &[u8]| pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii().to_vec();
        let own = own.map_or(&b""[..], HeaderValue::as_bytes).split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let own = own.filter(|pair| !pair.is_empty() && !fitting.iter().any(|cookie| cookie.name == name(pair)));
        let new = fitting.iter().map(|cookie| [&cookie.name[..], b"=", &cookie.value].concat());
        let pairs: Vec<Vec<u8>> = own.map(<[u8]>::to_vec).chain(new).collect();
        let mut value = HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Cookie {
    /// A cookie, and whether it is to live at all: a server ends one by a time that is over.
    fn read(url: &Url, text: &[u8], now: Timestamp) -> Option<(Cookie, bool)> {
        let mut parts = text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let (name, value) = split(parts.next()?)?;
        if name.is_empty() {
            return None;
        }
        let folder = url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut cookie = Cookie {
            origin: url.origin(),
            path: if folder.is_empty() { "/".to_owned() } else { folder.to_owned() },
            secure: false,
            name: name.to_vec(),
            value: value.to_vec(),
        };
        let (mut max_age, mut expires) = (None, None);
        for part in parts {
            let (name, value) = split(part).unwrap_or((part, b""));
            let value = std::str::from_utf8(value).unwrap_or_default();
            match name.to_ascii_lowercase().as_slice() {
                b"path" if value.starts_with('/') => cookie.path = value.to_owned(),
                b"secure" => cookie.secure = true,
                b"max-age" => max_age = value.parse::<i64>().ok(),
                b"expires" => expires = cookie_date(value),
                _ => {}
            }
        }
        let alive = max_age.map_or_else(|| expires.is_none_or(|at| at > now), |seconds| seconds > 0);
        Some((cookie, alive))
    }

    fn fits(&self, url: &Url) -> bool {
        let below = url.path().strip_prefix(self.path.as_str());
        let inside = below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        self.origin == url.origin() && inside && (!self.secure || url.scheme() == "https")
    }
}

fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((pair[..at].trim_ascii(), pair[at + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent to `to` after `from` set `cookies`.
    fn sent(from: &str, cookies: &[&str], to: &str, own: Option<&'static str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        let mut jar = Cookies::default();
        jar.learn(&Url::parse(from).unwrap(), &headers);
        let own = own.map(HeaderValue::from_static);
        let value = jar.header(&Url::parse(to).unwrap(), own.as_ref())?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_to_its_origin_and_path_alone() {
        let set = |cookie: &str, to: &str| sent("https://h/app/login", &[cookie], to, None);
        assert_eq!(set("a=1; HttpOnly; SameSite=Lax", "https://h/app/home").as_deref(), Some("a=1"));
        assert_eq!(set("a=1", "https://h/application"), None);
        assert_eq!(set("a=1; Path=/", "https://h/x").as_deref(), Some("a=1"));
        assert_eq!(set("a=1; path=/x", "https://h/x/y").as_deref(), Some("a=1"));
        for elsewhere in ["https://other/app/home", "http://h/app/home", "https://h:8443/app/home"] {
            assert_eq!(set("a=1; Path=/", elsewhere), None, "{elsewhere}");
        }
        assert_eq!(sent("http://h/", &["a=1; Secure"], "http://h/x", None), None);
    }

    #[test]
    fn the_newest_of_a_name_counts_and_an_ended_one_does_not() {
        let set = |cookies: &[&str], own| sent("http://h/", cookies, "http://h/x", own);
        assert_eq!(set(&["a=1", "b=x=y", "a=2"], None).as_deref(), Some("b=x=y; a=2"));
        assert_eq!(set(&["a=1"], Some("a=0; mine=3")).as_deref(), Some("mine=3; a=1"));
        assert_eq!(set(&["a=1", "a=; Max-Age=0"], None), None);
        assert_eq!(set(&["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], None), None);
        // With dashes and all four digits of the year, as much software writes it, and without Max-Age.
        assert_eq!(set(&["a=1", "a=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Path=/"], None), None);
        assert_eq!(set(&["a=1; Expires=Fri, 31-Dec-9999 23:59:59 GMT"], None).as_deref(), Some("a=1"));
        assert_eq!(set(&["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], None).as_deref(), Some("a=1"));
        assert_eq!(set(&["", "=x", "novalue"], None), None);
    }
}
