//! Says to a push service which server asks (RFC 8292): a token signed with a key pair, whose public half a browser was given
//! when it asked to be told. No other server's messages reach it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use serde_json::json;
use url::Url;

use super::seal::new_secret;

/// So long a token is good; a push service takes none that is good for more than a day.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(12);

/// The server's key pair.
#[derive(Clone)]
pub struct ServerKey(SecretKey);

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey")
    }
}

impl ServerKey {
    /// Another one than anybody has.
    pub fn new() -> ServerKey {
        ServerKey(new_secret())
    }

    /// Reads the private half: 32 bytes in base64url, as the tools for it print it.
    pub fn read(text: &str) -> Option<ServerKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().filter(|bytes| bytes.len() == 32)?;
        SecretKey::from_slice(&bytes).ok().map(ServerKey)
    }

    /// The private half, as it is kept.
    pub fn private(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_bytes())
    }

    /// The public half, as a browser is given it (`applicationServerKey`).
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().to_sec1_point(false).as_bytes())
    }

    /// What the header `Authorization` says to the push service at `endpoint`. `contact` is whom it may turn to, if anybody.
    pub fn authorization(&self, endpoint: &Url, contact: Option<&str>, now: Timestamp) -> String {
        let good_until = now.saturating_add(GOOD_FOR).unwrap_or(now).as_second();
        let mut claims = json!({"aud": endpoint.origin().ascii_serialization(), "exp": good_until});
        if let Some(contact) = contact {
            claims["sub"] = json!(contact);
        }
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({"typ": "JWT", "alg": "ES256"})), part(claims));
        let signature: Signature = SigningKey::from(&self.0).sign(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("vapid t={signed}.{signature}, k={}", self.public())
    }
}

impl Default for ServerKey {
    fn default() -> ServerKey {
        ServerKey::new()
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{VerifyingKey, signature::Verifier};

    use super::*;

    #[test]
    fn a_token_says_for_whom_until_when_and_is_signed() {
        let key = ServerKey::new();
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let endpoint = Url::parse("https://push.example.net:8443/s/secret?a=b").unwrap();
        let said = key.authorization(&endpoint, Some("mailto:ops@example.com"), now);
        let (token, public) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let expected =
            json!({"aud": "https://push.example.net:8443", "exp": 1_772_366_400, "sub": "mailto:ops@example.com"});
        assert_eq!(claims, expected);
        let public = VerifyingKey::from_sec1_bytes(&URL_SAFE_NO_PAD.decode(public).unwrap()).unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        public.verify(signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_key_reads_back_and_is_shown_nowhere() {
        let key = ServerKey::new();
        assert_eq!(ServerKey::read(&key.private()).unwrap().public(), key.public());
        assert_eq!((key.private().len(), key.public().len()), (43, 87));
        assert_eq!(format!("{key:?}"), "ServerKey");
        for wrong in
            ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA", "_____wAAAAD__________________________________"]
        {
            assert!(ServerKey::read(wrong).is_none(), "{wrong}");
        }
    }
}
