//! A browser that asked to be told: it has the keys of its subscription, and opens what a push service was given for it. It is
//! strict: what RFC 8030, 8188, 8291 or 8292 forbid, it does not take.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    PublicKey, SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    elliptic_curve::sec1::ToSec1Point as _,
};
use revere::web_push::{Browser, BrowserKeys};
use revere_model::{Clock as _, SystemClock};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use serde_json::{Value, json};

use crate::alerts::stub::Asked;

/// A browser.
pub(crate) struct PushBrowser {
    pub(crate) endpoint: String,
    secret: SecretKey,
    auth: [u8; 16],
}

/// What it was told.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) payload: Value,
    /// So long the push service was to keep it.
    pub(crate) ttl: u32,
    pub(crate) urgency: String,
    pub(crate) topic: String,
    /// What the server said of itself.
    pub(crate) claims: Value,
    /// The key that it said it with.
    pub(crate) server_key: String,
}

impl PushBrowser {
    /// One whose push service takes messages at `endpoint`.
    pub(crate) fn at(endpoint: String) -> PushBrowser {
        let (mut secret, mut auth) = ([0; 32], [0; 16]);
        getrandom::fill(&mut secret).unwrap();
        getrandom::fill(&mut auth).unwrap();
        // Below the curve's order.
        secret[0] &= 0x7f;
        PushBrowser { endpoint, secret: SecretKey::from_slice(&secret).unwrap(), auth }
    }

    pub(crate) fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.point())
    }

    pub(crate) fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// The subscription as a program sends it.
    pub(crate) fn body(&self, name: &str) -> Value {
        json!({"name": name, "endpoint": self.endpoint, "p256dh": self.p256dh(), "auth": self.auth()})
    }

    /// The same as a channel is given it.
    pub(crate) fn browser(&self, id: i64) -> Browser {
        let keys = BrowserKeys::read(&self.p256dh(), &self.auth()).unwrap();
        Browser { id, name: format!("browser {id}"), endpoint: self.endpoint.clone(), keys }
    }

    /// What a request to its push service tells it, after checking all of that.
    pub(crate) fn open(&self, asked: &Asked) -> Opened {
        assert_eq!(asked.method, "POST");
        assert!(self.endpoint.ends_with(asked.uri.path()), "{} is another browser's", asked.uri);
        assert_eq!((asked.header("content-encoding"), asked.header("idempotency-key")), ("aes128gcm", ""));
        assert!(asked.raw.len() <= 4096, "{} bytes", asked.raw.len());
        let topic = asked.header("topic").to_owned();
        let is_base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!((1..=32).contains(&topic.len()) && topic.chars().all(is_base64url), "{topic}");
        let urgency = asked.header("urgency").to_owned();
        assert!(["very-low", "low", "normal", "high"].contains(&urgency.as_str()), "{urgency}");
        let (claims, server_key) = self.signed(asked.header("authorization"));
        let payload = serde_json::from_slice(&self.plain(&asked.raw)).unwrap();
        Opened { payload, ttl: asked.header("ttl").parse().unwrap(), urgency, topic, claims, server_key }
    }

    /// RFC 8292.
    fn signed(&self, authorization: &str) -> (Value, String) {
        let (token, key) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let parts: Vec<Value> = signed.split('.').map(|part| serde_json::from_slice(&bytes(part)).unwrap()).collect();
        let [header, claims] = &parts[..] else { panic!("{token}") };
        assert_eq!(*header, json!({"typ": "JWT", "alg": "ES256"}));
        let public = VerifyingKey::from_sec1_bytes(&bytes(key)).unwrap();
        public.verify(signed.as_bytes(), &Signature::from_slice(&bytes(signature)).unwrap()).unwrap();
        let endpoint = url::Url::parse(&self.endpoint).unwrap();
        assert_eq!(claims["aud"], endpoint.origin().ascii_serialization());
        let good_for = claims["exp"].as_i64().unwrap() - SystemClock.now().as_second();
        assert!((1..=24 * 3600).contains(&good_for), "{good_for}");
        (claims.clone(), key.to_owned())
    }

    /// RFC 8291 and RFC 8188.
    fn plain(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert_eq!((u32::from_be_bytes(size.try_into().unwrap()), rest[0]), (4096, 65));
        let (theirs, record) = rest[1..].split_at(65);
        let shared = self.secret.diffie_hellman(&PublicKey::from_sec1_bytes(theirs).unwrap());
        let info: [&[u8]; 3] = [b"WebPush: info\0", &self.point(), theirs];
        let secret = expanded::<32>(&self.auth, shared.raw_secret_bytes(), &info);
        let key = expanded::<16>(salt, &secret, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce = expanded::<12>(salt, &secret, &[b"Content-Encoding: nonce\0"]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut record = record.to_vec();
        let plain = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).unwrap();
        let end = plain.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(plain[end], 2, "the end of the last record");
        plain[..end].to_vec()
    }

    fn point(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_point(false).as_bytes().to_vec()
    }
}

fn expanded<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(info, Bytes(N)).unwrap().fill(&mut out).unwrap();
    out
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}
