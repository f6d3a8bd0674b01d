//! What comes unencrypted past the proxy that speaks HTTPS.
//!
//! Where `BASE_URL` says that people come by HTTPS and Revere does not speak it itself, a proxy does, and asks from this
//! machine or from an address of `TRUSTED_PROXIES`. Whatever comes from elsewhere has its passwords, sessions and tokens in
//! the clear: it is answered with what to do, and nothing it shows is looked at.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::StatusCode,
};

use super::{WebState, error::Problem};
use crate::access::LogInSettings;

/// Refuses what came past the proxy, where anybody has to log in. Health and what pages are made of hold nothing.
pub(super) fn check(state: &WebState, request: &Request, path: &str) -> Result<(), Problem> {
    let settings = state.operations.log_in_settings();
    let icon =
        matches!(path, "/icon.svg" | "/favicon.ico" | "/apple-touch-icon.png" | "/icon-192.png" | "/icon-512.png");
    let harmless = icon || matches!(path, "/healthz" | "/static/{file}" | "/manifest.webmanifest");
    if harmless || !settings.is_required() || !state.site.is_behind_https() {
        return Ok(());
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    if peer.is_some_and(|peer| is_by_proxy(peer, settings)) {
        return Ok(());
    }
    let base = state.site.base_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let from = peer.map(|peer| peer.to_string()).unwrap_or_default();
    let detail = format!(
        "this came unencrypted, from {from}, and people are to come by HTTPS: use {base}. If that is the address of the proxy \
         that speaks HTTPS, name it in config.py: TRUSTED_PROXIES = ['{from}']. A password or token that was sent like this \
         was to be read on the way: exchange it"
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// Whether that end of a connection is this machine, or a proxy that the configuration names.
fn is_by_proxy(peer: IpAddr, settings: &LogInSettings) -> bool {
    peer.is_loopback() || settings.trusted_proxies.iter().any(|network| network.contains(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_on_this_machine_or_named() {
        let settings = LogInSettings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::7".parse().unwrap()],
            ..LogInSettings::default()
        };
        for (peer, expected) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("10.1.2.3", true),
            ("fd00::7", true),
            ("fd00::8", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(is_by_proxy(peer.parse().unwrap(), &settings), expected, "{peer}");
        }
    }
}
