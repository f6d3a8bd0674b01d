//! Seals a message so that one browser alone reads it: RFC 8291, in the one record of RFC 8188 (`aes128gcm`).
//!
//! The curve is p256's, which checks the provider's signatures already; hashing and AES are ring's, which TLS has.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToSec1Point};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

/// The most that a push service must take (RFC 8030, 7.2).
const BODY_BYTES: usize = 4096;
/// In front of the record: salt, size of the record, our public key with its length.
const HEADER_BYTES: usize = 16 + 4 + 1 + POINT_BYTES;
/// Behind it: the end of the last record, and AES-GCM's tag.
const END_BYTES: usize = 1 + 16;
/// A point of the curve, written out.
const POINT_BYTES: usize = 65;

/// The longest message, in bytes.
pub const MOST: usize = BODY_BYTES - HEADER_BYTES - END_BYTES;

/// What a browser gives to have messages sealed for it alone: `p256dh` and `auth` of its subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserKeys {
    point: PublicKey,
    auth: [u8; 16],
}

impl fmt::Debug for BrowserKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserKeys")
    }
}

impl BrowserKeys {
    /// Reads both as `PushSubscription.toJSON()` writes them. `Err` has the name of the one that is wrong, and why.
    pub fn read(p256dh: &str, auth: &str) -> Result<BrowserKeys, (&'static str, &'static str)> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let point = bytes(p256dh).filter(|bytes| bytes.len() == POINT_BYTES);
        let point = point.and_then(|bytes| PublicKey::from_sec1_bytes(&bytes).ok());
        let auth = bytes(auth).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        Ok(BrowserKeys {
            point: point.ok_or(("p256dh", "expected a point of the curve P-256 in base64url"))?,
            auth: auth.ok_or(("auth", "expected 16 bytes in base64url"))?,
        })
    }

    /// `p256dh`, as a browser writes it.
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.point.to_sec1_point(false).as_bytes())
    }

    /// `auth`, as a browser writes it.
    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }
}

/// `message`, sealed for the browser with these keys: the body of a request to its push service. At most [`MOST`] bytes can be.
pub fn seal(message: &[u8], keys: &BrowserKeys) -> Vec<u8> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("the kernel has random numbers");
    // One key a message: nobody reads it later with a key of ours.
    seal_with(message, keys, &new_secret(), salt)
}

/// A new secret key.
pub(super) fn new_secret() -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the kernel has random numbers");
        // One of about 2^32 is beyond the curve's order.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return key;
        }
    }
}

fn seal_with(message: &[u8], keys: &BrowserKeys, own: &SecretKey, salt: [u8; 16]) -> Vec<u8> {
    assert!(message.len() <= MOST, "whoever makes a message keeps to the limit");
    let own_point = own.public_key().to_sec1_point(false);
    let shared = own.diffie_hellman(&keys.point);
    // RFC 8291, 3.4.
    let their_point = keys.point.to_sec1_point(false);
    let info: [&[u8]; 3] = [b"WebPush: info\0", their_point.as_bytes(), own_point.as_bytes()];
    let mut secret = [0; 32];
    expand(&keys.auth, shared.raw_secret_bytes(), &info, &mut secret);
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    expand(&salt, &secret, &[b"Content-Encoding: aes128gcm\0"], &mut key);
    expand(&salt, &secret, &[b"Content-Encoding: nonce\0"], &mut nonce);
    let mut record = message.to_vec();
    // The end of the last record (RFC 8188, 2).
    record.push(2);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes"));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
        .expect("a record is short");
    let mut body = Vec::with_capacity(HEADER_BYTES + record.len());
    body.extend(salt);
    body.extend((BODY_BYTES as u32).to_be_bytes());
    body.push(POINT_BYTES as u8);
    body.extend(own_point.as_bytes());
    body.extend(record);
    body
}

/// HKDF with SHA-256 (RFC 5869).
fn expand(salt: &[u8], secret: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    extracted.expand(info, Bytes(out.len())).and_then(|bytes| bytes.fill(out)).expect("a hash is long enough");
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291, 5 and appendix A.
    #[test]
    fn the_example_of_the_rfc_is_sealed_as_it_says() {
        let keys = BrowserKeys::read(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        let own = SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).unwrap();
        let salt = <[u8; 16]>::try_from(bytes("DGv6ra1nlYgDCS1FRnbzlw")).unwrap();
        let sealed = seal_with(b"When I grow up, I want to be a watermelon", &keys, &own, salt);
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl\
             95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn the_longest_message_makes_the_longest_body() {
        let keys = BrowserKeys::read(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg==",
        )
        .unwrap();
        assert_eq!((MOST, seal(&[7; MOST], &keys).len()), (3993, 4096));
        assert_ne!(seal(b"a", &keys), seal(b"a", &keys), "each with a key and a salt of its own");
        assert_eq!(BrowserKeys::read(&keys.p256dh(), &keys.auth()), Ok(keys));
    }

    #[test]
    fn keys_that_are_none_are_named() {
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let off_the_curve = point.replace("BCVx", "BCVy");
        for (p256dh, auth, wrong) in [
            ("", "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"),
            (off_the_curve.as_str(), "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"),
            (point, "BTBZMqHH6r4", "auth"),
            (point, "no base64", "auth"),
        ] {
            assert_eq!(BrowserKeys::read(p256dh, auth).unwrap_err().0, wrong);
        }
    }
}
