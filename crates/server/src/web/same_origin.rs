//! Keeps foreign web pages out: they may make a browser ask, but never in our name.
//!
//! A page on another site can make a browser send requests here, also to a server that only listens on this machine.
//! Three things stop it. A request that changes something and comes from another origin is refused: browsers say where
//! it comes from. Bodies must be JSON, which no plain form can send. And a foreign name that is made to point here (DNS
//! rebinding), so that a page there seems to be of this server, is not answered: never on loopback and where `BASE_URL` says
//! what the server is called, elsewhere not to a browser that wants to change something. Programs may use any name there;
//! no page can pass for one, since browsers always say where a change comes from.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, LazyLock},
};

use axum::http::{HeaderMap, Method, StatusCode, header};

use super::error::Problem;
use crate::tls::ServerCertificate;

/// Where this server is reached.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The configured public address (`BASE_URL`), if any.
    pub base_url: Option<url::Url>,
    /// Whether the server listens on loopback only.
    pub loopback_only: bool,
    /// What it shows, where it speaks TLS by itself.
    pub certificate: Option<Arc<ServerCertificate>>,
}

/// Refuses what a foreign page may have caused.
pub(super) fn check(site: &Site, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Health is asked for by machines under any name, and says nothing that matters.
    if path != "/healthz"
        && (site.loopback_only || site.base_url.is_some())
        && !site.answers_to(host)
        && !is_this_machine(host)
    {
        let shown: String = host.chars().take(100).collect();
        let detail = match &site.base_url {
            Some(own) => format!(
                "this server does not answer to the name {shown:?}, only to that of BASE_URL in config.py, which is {own}, to \
                 names without a dot and to IP addresses; a proxy before it has to pass on the name that people use, as nginx does by \
                 `proxy_set_header Host $host`"
            ),
            None => format!(
                "this server listens on loopback and does not answer to the name {shown:?}; use localhost or 127.0.0.1, or \
                 set BASE_URL in config.py to the address it is reached at"
            ),
        };
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
        None if text("sec-fetch-site").is_none() && text("origin").is_none() => Ok(()),
        None if site.is_configured(text("origin")) || site.answers_to(host) || is_this_machine(host) => Ok(()),
        None => {
            let shown: String = host.chars().take(100).collect();
            let detail = format!(
                "this changes something and was asked under the name {shown:?}, which this server does not know as its \
                 own; set BASE_URL in config.py to the address people use"
            );
            Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
        }
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
    /// Whether people reach it by HTTPS, as far as the configuration says.
    pub(super) fn is_secure(&self) -> bool {
        self.certificate.is_some() || self.base_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Whether people come by HTTPS that something before this server speaks, so that what reaches it itself is in the clear.
    pub(super) fn is_behind_https(&self) -> bool {
        self.certificate.is_none() && self.is_secure()
    }

    /// Whether what a browser sends goes over a network in the clear, as far as can be told: it is not loopback, and not HTTPS.
    pub(super) fn is_in_the_clear(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let name = without_port(host);
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        let here = name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost")
            || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        !self.is_secure() && !here
    }

    /// Whether `host` (a `Host` header, with or without port) is a name of ours. An address in digits always is, and so is a name
    /// without a dot, as of a container: nobody outside can make those point here.
    fn answers_to(&self, host: &str) -> bool {
        let name = without_port(host);
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        (!name.is_empty() && !name.contains('.'))
            || name.to_ascii_lowercase().ends_with(".localhost")
            || literal.parse::<IpAddr>().is_ok()
            || literal.parse::<Ipv6Addr>().is_ok()
            || self.base_url.as_ref().and_then(|url| url.host_str()).is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether `origin` is the configured address.
    fn is_configured(&self, origin: Option<&str>) -> bool {
        let origin = origin.and_then(|origin| url::Url::parse(origin).ok());
        let own = self.base_url.as_ref();
        origin.zip(own).is_some_and(|(origin, own)| own.origin() == origin.origin())
    }

    /// Whether `origin` is this server: the one asked, or the configured one.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        if self.is_configured(Some(origin)) {
            return true;
        }
        let Ok(origin) = url::Url::parse(origin) else { return false };
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

/// Whether `host` is this machine by its own name, alone or as its neighbours know it (`name.local`).
fn is_this_machine(host: &str) -> bool {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_ascii_lowercase()
    });
    is_machine(&NAME, &without_port(host).to_ascii_lowercase())
}

fn is_machine(machine: &str, name: &str) -> bool {
    let short = machine.split('.').next().unwrap_or_default();
    !short.is_empty() && (name == machine || name == short || name.strip_suffix(".local") == Some(short))
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
        let site = Site { base_url: Some("https://revere.example/".parse().unwrap()), ..Site::default() };
        let host = ("host", "127.0.0.1:5000");
        for (expected, given) in [
            (200, vec![host]),
            (200, vec![host, ("origin", "http://127.0.0.1:5000")]),
            (200, vec![host, ("origin", "https://revere.example")]),
            (200, vec![host, ("origin", "https://revere.example"), ("sec-fetch-site", "same-origin")]),
            (200, vec![("host", "revere.example"), ("origin", "https://revere.example")]),
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
    fn a_name_made_to_point_here_changes_nothing() {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
        for base_url in [None, Some("https://revere.example/".parse().unwrap())] {
            let site = Site { base_url, ..Site::default() };
            let own = ["localhost:5000", "127.0.0.1:5000", "10.1.2.3", "[fd00::1]:5000"];
            for (host, expected) in own.map(|host| (host, 200)).into_iter().chain([
                (machine.as_str(), 200),
                ("rebound.example:5000", 421),
                ("watch.example", 421),
                ("revere.example.evil.example", 421),
                ("revere.example", if site.base_url.is_some() { 200 } else { 421 }),
            ]) {
                // Such a page is of one origin with what it asks, as far as its browser can tell.
                let origin = format!("http://{host}");
                for says in [vec![("origin", origin.as_str())], vec![("sec-fetch-site", "same-origin")]] {
                    let given: Vec<_> = says.into_iter().chain([("host", host)]).collect();
                    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                        assert_eq!(status(&site, method, &given), expected, "{:?} {given:?}", site.base_url);
                    }
                }
            }
            let headers = [("host", "rebound.example"), ("origin", "http://rebound.example")];
            let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let problem = check(&site, &Method::POST, "/", &headers.into_iter().collect()).unwrap_err();
            assert!(problem.detail.contains("BASE_URL"), "{}", problem.detail);
        }
    }

    #[test]
    fn a_machine_is_known_by_its_name_and_not_by_what_begins_like_it() {
        for (machine, name, expected) in [
            ("box", "box", true),
            ("box", "box.local", true),
            ("box.lan", "box", true),
            ("box.lan", "box.lan", true),
            ("box.lan", "box.evil.example", false),
            ("box", "box.evil.example", false),
            ("box", "inbox", false),
            ("", "", false),
            ("", ".local", false),
        ] {
            assert_eq!(is_machine(machine, name), expected, "{machine} {name}");
        }
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_answered() {
        let site =
            Site { base_url: Some("http://watch.lan:8080/".parse().unwrap()), loopback_only: true, certificate: None };
        for host in ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "[::1]:5000", "[::1]", "watch.lan"]
        {
            assert_eq!(status(&site, Method::GET, &[("host", host)]), 200, "{host}");
        }
        for host in ["evil.example", "evil.example:5000", "localhost.evil.example", "", "127.0.0.1.evil.example"] {
            assert_eq!(status(&site, Method::GET, &[("host", host)]), 421, "{host}");
        }
    }

    #[test]
    fn with_a_base_url_its_name_and_addresses_are_answered_wherever_it_listens() {
        let named = Site { base_url: Some("https://watch.example/".parse().unwrap()), ..Site::default() };
        for method in [Method::GET, Method::POST] {
            for host in [
                "watch.example",
                "WATCH.example:443",
                "192.0.2.7:5000",
                "[fd00::1]",
                "localhost:5000",
                "container:5000",
            ] {
                assert_eq!(status(&named, method.clone(), &[("host", host)]), 200, "{host}");
            }
            for host in ["rebound.example", "watch.example.evil.example", ""] {
                assert_eq!(status(&named, method.clone(), &[("host", host)]), 421, "{host}");
            }
        }
        let headers: HeaderMap = [(header::HOST, "balancer.example".parse().unwrap())].into_iter().collect();
        assert!(check(&named, &Method::GET, "/healthz", &headers).is_ok(), "balancers ask by any name");
        let words = check(&named, &Method::GET, "/", &headers).unwrap_err().detail;
        assert!(words.contains("https://watch.example/") && words.contains("proxy_set_header Host"), "{words}");
        // Where nobody said what it is called, programs read under any name.
        assert_eq!(status(&Site::default(), Method::GET, &[("host", "anything.example")]), 200);
    }
}
