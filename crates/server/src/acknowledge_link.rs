//! The link in a message by which somebody says, without a log-in, that they look after the problem.
//!
//! It names the delivery, and nobody can make one: it is signed with a key of this database. Whoever holds it may do that one
//! thing, for as long as the problem is as the message says. Fetching it does nothing.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use revere_model::{DeliveryId, FlipId};
use sha2::Sha256;

use crate::hexadecimal::hex;

/// 160 bits of the signature: nobody finds those by trying.
const SIGNATURE_BYTES: usize = 20;

/// So many digits of a signature are enough to find the others by trying, or nearly.
const TELLING_DIGITS: usize = 24;

/// A text without what such links end with, wherever one stands in it, and however its address is written.
pub fn without_links(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut shown, mut from) = (String::new(), 0);
    for (dot, _) in text.match_indices('.') {
        let after_number = dot.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_digit());
        let digits = bytes[dot + 1..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if after_number && digits >= TELLING_DIGITS {
            shown.push_str(&text[from..=dot]);
            shown.push_str("[redacted]");
            from = dot + 1 + digits;
        }
    }
    if from == 0 {
        return text.into();
    }
    shown.push_str(&text[from..]);
    shown.into()
}

/// Signs links, and reads them.
#[derive(Clone)]
pub struct LinkSigner(Hmac<Sha256>);

impl LinkSigner {
    /// One with this key.
    pub fn new(key: &str) -> LinkSigner {
        LinkSigner(Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length"))
    }

    /// What stands at the end of the address.
    pub fn token(&self, delivery: DeliveryId, flip: FlipId) -> String {
        let signature = self.over(delivery, flip).finalize().into_bytes();
        // Letters that are markup nowhere: a messenger that escapes them would break the link.
        format!("{delivery}.{}", hex(&signature[..SIGNATURE_BYTES]))
    }

    /// The delivery that a token says it is of. Whether it is, [`LinkSigner::fits`] says.
    pub fn delivery(token: &str) -> Option<DeliveryId> {
        let (id, _) = token.split_once('.')?;
        let digits = (1..=18).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        id.parse().ok().filter(|_| digits)
    }

    /// Whether a token is of this delivery, which told of this change of state.
    pub fn fits(&self, token: &str, delivery: DeliveryId, flip: FlipId) -> bool {
        let Some((_, signature)) = token.split_once('.') else { return false };
        let digits = signature.as_bytes();
        if digits.len() != 2 * SIGNATURE_BYTES || !signature.is_ascii() {
            return false;
        }
        let bytes = digits.chunks(2).filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        let signature: Vec<u8> = bytes.collect();
        signature.len() == SIGNATURE_BYTES && self.over(delivery, flip).verify_truncated_left(&signature).is_ok()
    }

    fn over(&self, delivery: DeliveryId, flip: FlipId) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(format!("acknowledge\n{delivery}\n{flip}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_own_delivery_under_its_own_key() {
        let signer = LinkSigner::new("a key");
        let token = signer.token(DeliveryId(7), FlipId(3));
        assert_eq!(LinkSigner::delivery(&token), Some(DeliveryId(7)));
        assert!(signer.fits(&token, DeliveryId(7), FlipId(3)));
        assert!(!signer.fits(&token, DeliveryId(8), FlipId(3)) && !signer.fits(&token, DeliveryId(7), FlipId(4)));
        assert!(!LinkSigner::new("another").fits(&token, DeliveryId(7), FlipId(3)));
        let other = format!("8.{}", token.split_once('.').unwrap().1);
        assert!(!signer.fits(&other, DeliveryId(8), FlipId(3)));
        for token in ["", "7", "7.", "7.xx", ".x", "-7.x", "+7.x", "7777777777777777777.x"] {
            assert!(!signer.fits(token, DeliveryId(7), FlipId(3)), "{token}");
        }
        assert_eq!(LinkSigner::delivery("+7.x"), None);
    }

    #[test]
    fn what_a_receiver_says_back_is_without_the_link() {
        let token = LinkSigner::new("a key").token(DeliveryId(7), FlipId(3));
        for before in ["https://revere.example/acknowledge/", "https%3A%2F%2Frevere.example%2Facknowledge%2F", ""] {
            let shown = without_links(&format!("no: \"{before}{token}\", twice {before}{token}.")).into_owned();
            assert_eq!(shown, format!("no: \"{before}7.[redacted]\", twice {before}7.[redacted]."));
        }
        let cut = without_links(&token[..40]).into_owned();
        assert_eq!(cut, "7.[redacted]");
        for other in ["", "a.b.", "HTTP 500 in 1.25 s", "π is 3.14159265358979", "v1.0abcdef", "ü.7"] {
            assert_eq!(without_links(other), other);
        }
    }
}
