//! Where requests may go: allowed hosts, and addresses that are written out.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

use super::{Options, OutboundKind, address_rules::AddressRules, fault::Failure};

/// A host that may be asked: `example.org`, `*.example.org` (any name below it), each with `:port` or for any port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern {
    /// Whether names below `host` are meant instead of `host` itself.
    below: bool,
    host: String,
    port: Option<u16>,
}

impl std::str::FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected a host name such as example.org, *.example.org or example.org:8080, not '{text}'");
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains(['/', '*', '@', '?', '#']) || rest.is_empty() {
            return Err(wrong());
        }
        // The URL parser knows every way of writing a host; a pattern is normalised as the requests will be.
        let bracketed = if rest.parse::<Ipv6Addr>().is_ok() { format!("[{rest}]") } else { rest.to_owned() };
        // A scheme without a default port keeps `:80` and `:443` visible.
        let url = Url::parse(&format!("ws://{bracketed}")).map_err(|_| wrong())?;
        let port = match bracketed.rsplit_once(':') {
            Some((_, port)) if !bracketed.ends_with(']') => Some(port.parse().map_err(|_| wrong())?),
            _ => None,
        };
        Ok(HostPattern { below, host: url.host_str().ok_or_else(wrong)?.to_owned(), port })
    }
}

impl HostPattern {
    /// Whether `url` asks such a host.
    pub fn matches(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        let named = match self.below {
            false => host == self.host,
            true => host.strip_suffix(&self.host).is_some_and(|front| front.len() > 1 && front.ends_with('.')),
        };
        named && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }

    /// An address that it matches. Which scheme a port speaks it does not say; those of HTTPS mostly end in 443.
    pub fn example_address(&self) -> String {
        let scheme = match self.port {
            Some(port) if port % 1000 != 443 => "http",
            _ => "https",
        };
        let below = if self.below { "www." } else { "" };
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}://{below}{}{port}/", self.host)
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Refuses an address before anything is sent: the scheme, the host, and a literal address among the refused ones.
pub(super) fn check(url: &Url, options: &Options, rules: &AddressRules) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure { kind: OutboundKind::NotAllowed, what });
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse(format!("only http:// and https:// addresses can be asked, not {}:", url.scheme()));
    }
    let host = url.host_str().unwrap_or_default();
    if let Some(allowed) = &options.allowed_hosts
        && !allowed.iter().any(|pattern| pattern.matches(url))
    {
        let known: Vec<String> = allowed.iter().map(HostPattern::to_string).collect();
        return refuse(format!("host '{host}' is not among the allowed hosts: {}", known.join(", ")));
    }
    let literal = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let Some(address) = literal else { return Ok(()) };
    rules.judge(host, address, Some(options.allow_link_local)).or_else(|refused| refuse(refused.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, url: &str) -> bool {
        pattern.parse::<HostPattern>().unwrap().matches(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_pattern_means_one_host_or_the_names_below_it() {
        assert!(allows("example.org", "https://example.org/x"));
        assert!(allows("Example.ORG", "https://example.org./x"));
        assert!(!allows("example.org", "https://www.example.org/"));
        assert!(allows("*.example.org", "http://a.b.example.org/"));
        assert!(!allows("*.example.org", "http://example.org/"));
        assert!(!allows("*.example.org", "http://badexample.org/"));
        assert!(!allows("*.example.org", "http://.example.org/"));
        assert!(allows("example.org:8080", "http://example.org:8080/"));
        assert!(!allows("example.org:8080", "http://example.org/"));
        assert!(allows("example.org:443", "https://example.org/"));
        assert!(allows("::1", "http://[::1]:99/"));
        assert!("http://example.org".parse::<HostPattern>().is_err());
        assert!("exa*mple.org".parse::<HostPattern>().is_err());
    }

    #[test]
    fn a_pattern_matches_the_address_that_it_makes_up() {
        for (pattern, address) in [
            ("example.org", "https://example.org/"),
            ("*.example.org", "https://www.example.org/"),
            ("example.org:443", "https://example.org:443/"),
            ("example.org:8443", "https://example.org:8443/"),
            ("example.org:80", "http://example.org:80/"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("::1", "https://[::1]/"),
        ] {
            assert_eq!(pattern.parse::<HostPattern>().unwrap().example_address(), address);
            assert!(allows(pattern, address), "{pattern}");
        }
    }

    #[test]
    fn every_way_of_writing_a_metadata_address_is_known() {
        for host in [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "169.254.1",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[::ffff:0:a9fe:a9fe]",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]",
            "[fd20:ce::254]",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
        ] {
            let url = Url::parse(&format!("http://{host}/latest/meta-data/")).unwrap();
            let refused = check(&url, &Options::default(), &AddressRules::default()).unwrap_err();
            assert_eq!(refused.kind, OutboundKind::NotAllowed, "{host}");
            assert!(
                check(&url, &Options { allow_link_local: true, ..Options::default() }, &AddressRules::default())
                    .is_ok(),
                "{host}"
            );
        }
        for host in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "[::1]", "[fd12::1]", "example.org"] {
            let url = Url::parse(&format!("http://{host}/")).unwrap();
            assert!(check(&url, &Options::default(), &AddressRules::default()).is_ok(), "{host}");
        }
    }
}
