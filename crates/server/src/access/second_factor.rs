//! Second factors: codes of six digits that an app shows, a new one every 30 seconds, and recovery codes for the day on
//! which the phone is lost.

use std::fmt::Write as _;

use jiff::Timestamp;
use qrcodegen::{QrCode, QrCodeEcc};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::random_secrets::{digest, random};

/// One step before and after the present one are taken: clocks of phones are a little off, and people type slowly.
const SKEW: u16 = 1;
const STEP_SECONDS: u64 = 30;

/// So many recovery codes there are.
const RECOVERY_CODES: usize = 10;

/// A new key, as apps take it.
pub fn new_key() -> String {
    Secret::from(random::<20>().to_vec()).to_base32()
}

/// The step whose code `code` is, around `now`.
pub fn step_of(key: &str, code: &str, now: Timestamp) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.as_second()).ok()?;
    totp(key, "x")?.check(&code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The address that an app reads, for the person called `name`.
pub fn address(key: &str, name: &str) -> Option<String> {
    totp(key, name)?.to_url().ok()
}

fn totp(key: &str, name: &str) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW)
        .with_step_duration(STEP_SECONDS)
        .with_secret(Secret::try_from_base32(key).ok()?)
        .with_account_name(name.replace(':', " "))
        .with_issuer(Some("Revere"))
        .build()
        .ok()
}

/// A text as a picture for a camera: the width of the whole, and the path of an SVG that draws its dark squares.
pub fn picture(text: &str) -> Option<(i32, String)> {
    /// Light squares around it, without which cameras do not find it.
    const QUIET: i32 = 4;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some((code.size() + 2 * QUIET, path))
}

/// New recovery codes, as they are shown once.
pub fn recovery_codes() -> Vec<String> {
    // No letter that is taken for a digit.
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let code = || {
        let letters: Vec<char> =
            random::<16>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is kept of a recovery code; dashes, spaces and capitals do not matter.
pub fn recovery_hash(code: &str) -> String {
    let plain: String = code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    digest(&format!("recovery code {plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_for_its_step_and_the_ones_beside_it() {
        // From RFC 6238, appendix B, its last six digits.
        let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            let step = second / 30;
            assert_eq!(step_of(key, code, at(second)), Some(step));
            assert_eq!(step_of(key, &format!(" {} {} ", &code[..3], &code[3..]), at(second)), Some(step));
            for (off, expected) in [(-30, true), (30, true), (-60, false), (60, false)] {
                assert_eq!(
                    step_of(key, code, at(second + off)).is_some(),
                    expected && second + off >= 0,
                    "{second} {off}"
                );
            }
        }
        for wrong in ["", "28708", "2870820", "28708a", "２８７０８２", "+87082"] {
            assert_eq!(step_of(key, wrong, at(59)), None, "{wrong:?}");
        }
        assert_eq!(step_of("not a key!", "287082", at(59)), None);
    }

    #[test]
    fn a_key_is_shown_as_apps_read_it() {
        let key = new_key();
        assert_eq!(key.len(), 32);
        assert_ne!(key, new_key());
        let address = address(&key, "alice ö:x").unwrap();
        assert!(address.starts_with("otpauth://totp/Revere:alice%20%C3%B6%20x?secret="), "{address}");
        let (width, path) = picture(&address).unwrap();
        assert!(width > 30 && path.starts_with("M4,4h1v1h-1z"), "{width}");
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), 10);
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        let code = &codes[0];
        assert_eq!(recovery_hash(code), recovery_hash(&format!(" {} ", code.to_uppercase().replace('-', " "))));
        assert_ne!(recovery_hash(code), recovery_hash(&codes[1]));
    }
}
