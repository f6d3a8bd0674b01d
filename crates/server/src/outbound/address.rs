//! Where requests may go: allowed hosts, and the addresses that hand out a machine's own secrets.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{
    Options, OutboundKind,
    fault::{Failure, RefusedAddress},
};

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
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Refuses an address before anything is sent: the scheme, the host, and a literal address among the refused ones.
pub(super) fn check(url: &Url, options: &Options) -> Result<(), Failure> {
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
    if options.allow_link_local {
        return Ok(());
    }
    let literal = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match literal {
        Some(address) if gives_away_the_machine(address) => {
            refuse(RefusedAddress { host: host.to_owned(), address }.to_string())
        }
        _ => Ok(()),
    }
}

/// Link-local addresses, and the ones at which clouds tell a machine its own credentials.
pub(super) fn gives_away_the_machine(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // Outside the link-local range stand the services of Alibaba, Oracle and Azure.
            const ELSEWHERE: [Ipv4Addr; 3] =
                [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
            v4.is_link_local() || ELSEWHERE.contains(&v4)
        }
        IpAddr::V6(v6) => {
            const GCP: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
            // Amazon has a network for them: the machine's role at ::254, that of a pod at ::23.
            let amazon = v6.segments()[..7] == [0xfd00, 0xec2, 0, 0, 0, 0, 0];
            v6.is_unicast_link_local()
                || amazon
                || v6 == GCP
                || inner_v4(v6).is_some_and(|v4| gives_away_the_machine(v4.into()))
        }
    }
}

/// The IPv4 address that an IPv6 one leads to: mapped, compatible and translated, NAT64, 6to4.
fn inner_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => Some(from(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// Who turns names into addresses.
#[derive(Clone)]
pub(super) enum Names {
    System,
    /// Names of a test's own, and nothing else.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests bring names of their own"))]
    Fixed(Arc<BTreeMap<String, Vec<IpAddr>>>),
}

/// Resolves names as the machine does, and drops what may not be asked.
pub(super) struct GuardedResolver {
    pub(super) names: Names,
    pub(super) allow_link_local: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allow) = (self.names.clone(), self.allow_link_local);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = match names {
                Names::System => tokio::net::lookup_host((host, 0)).await?.collect(),
                Names::Fixed(map) => map.get(host).into_iter().flatten().map(|ip| SocketAddr::new(*ip, 0)).collect(),
            };
            let usable: Vec<SocketAddr> =
                found.iter().copied().filter(|address| allow || !gives_away_the_machine(address.ip())).collect();
            match (usable.is_empty(), found.first()) {
                (true, Some(refused)) => Err(RefusedAddress { host: host.to_owned(), address: refused.ip() }.into()),
                (true, None) => {
                    Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address").into())
                }
                _ => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
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
            let refused = check(&url, &Options::default()).unwrap_err();
            assert_eq!(refused.kind, OutboundKind::NotAllowed, "{host}");
            assert!(check(&url, &Options { allow_link_local: true, ..Options::default() }).is_ok(), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "[::1]", "[fd12::1]", "example.org"] {
            assert!(check(&Url::parse(&format!("http://{host}/")).unwrap(), &Options::default()).is_ok(), "{host}");
        }
    }
}
