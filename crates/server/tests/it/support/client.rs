//! Browsers and programs that speak to a server under test.

use super::PATIENCE;

/// A client of the tests' own.
#[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
pub(crate) fn client() -> reqwest::Client {
    // Another test of the same process may have been first.
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// One that goes nowhere by itself, for a browser whose every step the test takes.
#[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
pub(crate) fn client_without_redirects() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
