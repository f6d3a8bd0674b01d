//! Keeps foreign web pages out: they may make a browser ask, but never in our name.
//!
//! A page on another site can make a browser send requests here, also to a server that only listens on this machine.
//! Three things stop it. A request that changes something and comes from another origin is refused: browsers say where
//! it comes from. Bodies must be JSON, which no plain form can send. And a server on loopback answers only to names of
//! this machine or its configured address, so a foreign name that is made to point here (DNS rebinding) reads nothing.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Method, StatusCode, header};

use super::error::Problem;

/// Where this server is reached.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The configured public address (`BASE_URL`), if any.
    pub base_url: Option<url::Url>,
    /// Whether the server listens on loopback only.
    pub loopback_only: bool,
}

/// Refuses what a foreign page may have caused.
pub(super) fn check(site: &Site, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Health is asked for by machines under any name, and says nothing that matters.
    if site.loopback_only && path != "/healthz" && !site.answers_to(host) {
        let shown: String = host.chars().take(100).collect();
        let detail = format!(
            "this server listens on loopback and does not answer to the name {shown:?}; use localhost or 127.0.0.1, or \
             set BASE_URL in config.py to the address it is reached at"
        );
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let foreign = match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin" | "none"), _) => None,
        (Some(relation), origin) => Some(origin.unwrap_or(relation)),
        (None, Some(origin)) if site.is_own(origin, host) => None,
        (None, Some(origin)) => Some(origin),
        // No browser: programs do not say where they come from.
        (None, None) => None,
    };
    match foreign {
        None => Ok(()),
        Some(origin) => {
            let shown: String = origin.chars().take(100).collect();
            let detail = format!(
                "this changes something and comes from a page of another site ({shown:?}); only this server's own pages \
                 and programs may. Behind a proxy, set BASE_URL in config.py to the address people use"
            );
            Err(Problem::new(StatusCode::FORBIDDEN, detail))
        }
    }
}

impl Site {
    /// Whether `host` (a `Host` header, with or without port) is a name of ours. An address in digits always is: it
    /// cannot be made to point elsewhere.
    fn answers_to(&self, host: &str) -> bool {
        let name = without_port(host);
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost")
            || literal.parse::<IpAddr>().is_ok()
            || literal.parse::<Ipv6Addr>().is_ok()
            || self.base_url.as_ref().and_then(|url| url.host_str()).is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether `origin` is this server: the one asked, or the configured one.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        let Ok(origin) = url::Url::parse(origin) else { return false };
        if self.base_url.as_ref().is_some_and(|own| own.origin() == origin.origin()) {
            return true;
        }
        let Some(name) = origin.host_str() else { return false };
        let authority = match origin.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        // A proxy that ends TLS may add or drop the default port.
        let bare = |authority: &str| authority.trim_end_matches(":80").trim_end_matches(":443").to_ascii_lowercase();
        bare(&authority) == bare(host)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(site: &Site, method: Method, given: &[(&'static str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(*name, value.parse().unwrap());
        }
        check(site, &method, "/api/v1/monitors", &headers).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_foreign_page_changes_nothing() {
        let site = Site { base_url: Some("https://revere.example/".parse().unwrap()), loopback_only: false };
        let host = ("host", "127.0.0.1:5000");
        for (expected, given) in [
            (200, vec![host]),
            (200, vec![host, ("origin", "http://127.0.0.1:5000")]),
            (200, vec![host, ("origin", "https://revere.example")]),
            (200, vec![host, ("origin", "https://revere.example"), ("sec-fetch-site", "same-origin")]),
            (200, vec![("host", "watch.example"), ("origin", "https://watch.example")]),
            (403, vec![host, ("origin", "http://127.0.0.1:5001")]),
            (403, vec![host, ("origin", "http://evil.example")]),
            (403, vec![host, ("origin", "null")]),
            (403, vec![host, ("origin", "http://127.0.0.1:5000"), ("sec-fetch-site", "cross-site")]),
            (403, vec![host, ("sec-fetch-site", "same-site")]),
        ] {
            assert_eq!(status(&site, Method::POST, &given), expected, "{given:?}");
            assert_eq!(status(&site, Method::GET, &given), 200, "reading is harmless: no page can see the answer");
        }
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_answered() {
        let site = Site { base_url: Some("http://watch.lan:8080/".parse().unwrap()), loopback_only: true };
        for host in ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "[::1]:5000", "[::1]", "watch.lan"]
        {
            assert_eq!(status(&site, Method::GET, &[("host", host)]), 200, "{host}");
        }
        for host in ["evil.example", "evil.example:5000", "localhost.evil.example", "", "127.0.0.1.evil.example"] {
            assert_eq!(status(&site, Method::GET, &[("host", host)]), 421, "{host}");
        }
        let open = Site { loopback_only: false, ..site };
        assert_eq!(status(&open, Method::GET, &[("host", "anything.example")]), 200);
    }
}
