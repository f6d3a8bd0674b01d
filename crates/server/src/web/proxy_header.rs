//! Who a proxy says it is (`PROXY_USER_HEADER`).
//!
//! The other end of the connection decides whether the header is read at all: a proxy of `TRUSTED_PROXIES` is believed, and
//! from anybody else the header is not there. What stands in `X-Forwarded-For` decides nothing here.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, StatusCode},
};

use super::error::Problem;
use crate::{access::LogInSettings, outbound::Network};

/// What a request brings in that header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing that counts.
    Nobody,
    /// Somebody, by a proxy that is believed.
    Somebody(String),
    /// Somebody, by whoever.
    ByAStranger,
    /// More than one: whoever came first may have written the others.
    Several,
}

/// Who a request says it is of.
pub(super) fn named(request: &Request, settings: &LogInSettings) -> Named {
    let Some(header) = &settings.proxy_user_header else { return Named::Nobody };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    read(request.headers(), header, peer, &settings.trusted_proxies)
}

fn read(headers: &HeaderMap, header: &str, peer: Option<IpAddr>, trusted: &[Network]) -> Named {
    let mut given = headers.get_all(header).iter();
    let Some(value) = given.next() else { return Named::Nobody };
    if !peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(peer))) {
        return Named::ByAStranger;
    }
    if given.next().is_some() {
        return Named::Several;
    }
    // A name that is no text is nobody's, and is refused as such.
    match String::from_utf8_lossy(value.as_bytes()).trim() {
        "" => Named::Nobody,
        name => Named::Somebody(name.to_owned()),
    }
}

/// For a header that came more than once.
pub(super) fn several(settings: &LogInSettings) -> Problem {
    let header = settings.proxy_user_header.as_deref().unwrap_or_default();
    let detail = format!(
        "the header {header} came more than once; the proxy has to replace what came from outside, and not to add to it"
    );
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_trusted_proxy_names_one_person_and_nobody_else_does() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        let somebody = |name: &str| Named::Somebody(name.to_owned());
        for (peer, values, expected) in [
            ("10.1.2.3", &[&b"alice"[..]][..], somebody("alice")),
            ("::ffff:10.1.2.3", &[b" alice "], somebody("alice")),
            ("10.1.2.3", &[b"alice, admin"], somebody("alice, admin")),
            ("10.1.2.3", &["Jürgen".as_bytes()], somebody("Jürgen")),
            ("10.1.2.3", &[b"al\xffice"], somebody("al\u{fffd}ice")),
            ("10.1.2.3", &[b""], Named::Nobody),
            ("10.1.2.3", &[], Named::Nobody),
            ("10.1.2.3", &[b"admin", b"alice"], Named::Several),
            ("10.1.2.3", &[b"alice", b"alice"], Named::Several),
            ("192.0.2.1", &[b"alice"], Named::ByAStranger),
            ("192.0.2.1", &[b"admin", b"alice"], Named::ByAStranger),
            ("192.0.2.1", &[], Named::Nobody),
        ] {
            let name = HeaderName::from_static("x-forwarded-user");
            let headers: HeaderMap =
                values.iter().map(|value| (name.clone(), HeaderValue::from_bytes(value).unwrap())).collect();
            let peer = peer.parse().ok();
            assert_eq!(read(&headers, "x-forwarded-user", peer, &trusted), expected, "{peer:?} {values:?}");
        }
        let headers = [(HeaderName::from_static("x-forwarded-user"), HeaderValue::from_static("alice"))];
        assert_eq!(read(&headers.into_iter().collect(), "x-forwarded-user", None, &trusted), Named::ByAStranger);
    }
}
