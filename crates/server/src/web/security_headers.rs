//! What every answer says to browsers for safety's sake: the content security policy, and headers that keep others out.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What sets no policy of its own may load, run and be framed by nothing.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The content security policy of a page. From nothing: scripts, styles and icons of this server alone, and nothing written
/// into the page itself but a style that has the `nonce`.
pub(super) fn page_policy(nonce: Option<&str>) -> HeaderValue {
    let own_style = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'{own_style}; img-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).expect("a policy and hexadecimal digits are visible ASCII")
}

/// Adds them to an answer; `is_secure` is whether browsers come by HTTPS. A page has set its own policy.
pub(super) fn add(headers: &mut HeaderMap, is_secure: bool) {
    let fixed = |value| HeaderValue::from_static(value);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::REFERRER_POLICY, fixed("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin"));
    // For a year, whoever came by HTTPS comes by nothing else. Browsers take no notice of it over plain HTTP. Names below
    // this one may be others' business.
    if is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000"));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(fixed(NOTHING));
}
