//! Whether a request goes through a proxy: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case, as
//! curl and Python read them. Where both cases of one are set, the lower one counts, and an empty one counts as not set.
//!
//! `NO_PROXY` is a list with commas or spaces. `*` is every host; `example.com`, `.example.com` and `*.example.com` are
//! that host and all below it; `10.0.0.0/8` is every address of that network, as it is written in a URL; `host:8080` is
//! that port alone.

use reqwest::Url;

use super::network::Network;

/// What the environment says of proxies.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Vec<Exception>,
}

/// A part of `NO_PROXY`.
#[derive(Clone, PartialEq, Debug)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, PartialEq, Debug)]
enum Hosts {
    All,
    /// This name and those below it.
    Below(String),
    Within(Network),
}

impl Proxies {
    /// As `variable` says, which answers the environment variable of a name.
    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
            given(&name.to_ascii_lowercase()).or_else(|| given(name))
        };
        let proxy = |name| either(name).as_deref().and_then(address);
        let all = proxy("ALL_PROXY");
        let exceptions = either("NO_PROXY").unwrap_or_default();
        Proxies {
            http: proxy("HTTP_PROXY").or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY").or(all),
            exceptions: exceptions.split([',', ' ']).filter_map(Exception::read).collect(),
        }
    }

    /// The proxy to ask for `url`, if any.
    pub(super) fn for_url(&self, url: &Url) -> Option<Url> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.clone().filter(|_| !self.exceptions.iter().any(|exception| exception.matches(url)))
    }
}

/// The address of a proxy; without a scheme it is `http://`. A proxy of another kind (SOCKS) is none.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl Exception {
    fn read(part: &str) -> Option<Exception> {
        let part = part.trim();
        let whole = |hosts| Some(Exception { hosts, port: None });
        if part.is_empty() {
            return None;
        }
        if let Ok(network) = part.parse() {
            return whole(Hosts::Within(network));
        }
        let (host, port) = match part.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (part, None),
        };
        if host == "*" {
            return Some(Exception { hosts: Hosts::All, port });
        }
        if let Ok(network) = host.parse() {
            return Some(Exception { hosts: Hosts::Within(network), port });
        }
        let name = host.strip_prefix('*').unwrap_or(host).trim_matches('.').to_ascii_lowercase();
        (!name.is_empty()).then_some(Exception { hosts: Hosts::Below(name), port })
    }

    fn matches(&self, url: &Url) -> bool {
        if self.port.is_some_and(|port| url.port_or_known_default() != Some(port)) {
            return false;
        }
        match (&self.hosts, url.host()) {
            (Hosts::All, _) => true,
            (Hosts::Within(network), Some(url::Host::Ipv4(address))) => network.contains(address.into()),
            (Hosts::Within(network), Some(url::Host::Ipv6(address))) => network.contains(address.into()),
            (Hosts::Below(name), Some(url::Host::Domain(host))) => {
                let host = host.trim_end_matches('.');
                host.strip_suffix(name.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxied(no_proxy: &str, url: &str) -> bool {
        let all =
            proxies(&[("HTTP_PROXY", "http://proxy:3128"), ("HTTPS_PROXY", "proxy:3128"), ("NO_PROXY", no_proxy)]);
        all.for_url(&Url::parse(url).unwrap()).is_some()
    }

    #[test]
    fn a_star_is_every_host_and_every_address() {
        for url in ["http://example.com/", "https://a.b.example.com:8443/", "http://10.0.0.1/", "http://[::1]/"] {
            assert!(!proxied("*", url), "{url}");
            assert!(!proxied("localhost, *", url), "{url}");
            assert!(proxied("", url), "{url}");
        }
    }

    #[test]
    fn names_dots_ports_and_networks() {
        for (no_proxy, url, expected) in [
            ("example.com", "http://example.com/", false),
            ("example.com", "http://www.Example.com./", false),
            ("Example.COM.", "http://example.com/", false),
            (".example.com", "http://example.com/", false),
            (".example.com", "http://a.example.com/", false),
            ("*.example.com", "http://a.example.com/", false),
            ("example.com", "http://notexample.com/", true),
            ("example.com", "http://example.com.evil.example/", true),
            ("example.com:8080", "http://example.com:8080/", false),
            ("example.com:8080", "http://example.com/", true),
            ("example.com:443", "https://example.com/", false),
            ("*:8080", "http://anything:8080/", false),
            ("localhost,127.0.0.1", "http://127.0.0.1:9090/", false),
            ("127.0.0.1:9090", "http://127.0.0.1:9090/", false),
            ("127.0.0.1:9090", "http://127.0.0.1/", true),
            ("10.0.0.0/8 192.168.0.0/16", "http://192.168.7.9/", false),
            ("10.0.0.0/8,192.168.0.0/16", "http://11.0.0.1/", true),
            ("0.0.0.0/0", "http://8.8.8.8/", false),
            ("0.0.0.0/0", "http://[::1]/", true),
            ("::1", "http://[::1]:8080/", false),
            ("[::1]", "http://[::1]/", false),
            ("[::1]:8080", "http://[::1]:8080/", false),
            ("[::1]:8080", "http://[::1]/", true),
            ("fd00::/8", "http://[fd12::1]/", false),
            ("10.0.0.0/33", "http://10.0.0.1/", true),
            (" , ,", "http://example.com/", true),
        ] {
            assert_eq!(proxied(no_proxy, url), expected, "NO_PROXY={no_proxy:?} {url}");
        }
    }

    #[test]
    fn either_case_is_read_and_the_lower_one_first() {
        let asked = |variables: &[(&str, &str)], url: &str| {
            proxies(variables).for_url(&Url::parse(url).unwrap()).map(|url| url.host_str().unwrap().to_owned())
        };
        let two = [("http_proxy", "http://lower:1"), ("HTTP_PROXY", "http://upper:1")];
        assert_eq!(asked(&two, "http://h/").as_deref(), Some("lower"));
        assert_eq!(asked(&two, "https://h/"), None);
        assert_eq!(asked(&[("all_proxy", "any:1"), ("HTTPS_PROXY", "")], "https://h/").as_deref(), Some("any"));
        assert_eq!(asked(&[("http_proxy", "p:1"), ("no_proxy", "h")], "http://h/"), None);
        assert_eq!(asked(&[("http_proxy", "p:1"), ("no_proxy", ""), ("NO_PROXY", "h")], "http://h/"), None);
        assert_eq!(asked(&[("http_proxy", "socks5://p:1")], "http://h/"), None);
    }
}
