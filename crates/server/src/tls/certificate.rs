//! What a certificate says of itself. Reads just that much of X.509, and believes nothing it reads.
//!
//! Times are civil ones in UTC: the end of a certificate that is meant to have none, 9999-12-31 23:59:59, is beyond what
//! an instant can be here, and within every calendar.

use jiff::civil::DateTime;

/// The end of validity of a certificate in DER, in UTC, or `None` where the bytes are no such certificate.
pub fn not_after(der: &[u8]) -> Option<DateTime> {
    Some(validity(der)?.1)
}

/// From when and until when it is valid, in UTC.
pub(crate) fn validity(der: &[u8]) -> Option<(DateTime, DateTime)> {
    let (SEQUENCE, validity, _) = element(from_validity(der)?)? else { return None };
    let (begin_tag, begin, after_begin) = element(validity)?;
    let (end_tag, end, _) = element(after_begin)?;
    let read = |tag, text| time(tag, std::str::from_utf8(text).ok()?);
    Some((read(begin_tag, begin)?, read(end_tag, end)?))
}

/// The common name of its subject; of several, the last.
pub(super) fn common_name(der: &[u8]) -> Option<String> {
    let (_, _, after_validity) = element(from_validity(der)?)?;
    let (SEQUENCE, mut subject, _) = element(after_validity)? else { return None };
    let mut found = None;
    while let Some((SET, mut set, rest)) = element(subject) {
        subject = rest;
        while let Some((SEQUENCE, pair, rest)) = element(set) {
            set = rest;
            let (OBJECT_IDENTIFIER, COMMON_NAME, after) = element(pair)? else { continue };
            if let (UTF8_STRING | PRINTABLE_STRING | IA5_STRING, text, _) = element(after)? {
                found = std::str::from_utf8(text).ok().map(str::to_owned);
            }
        }
    }
    found
}

/// What follows the issuer in a certificate: validity, subject and more.
fn from_validity(der: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, certificate, _) = element(der)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    // An explicit version may stand before the serial number; then follow the algorithm, the issuer, the validity.
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    for _ in ["serial number", "algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    Some(rest)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The first element of `der`: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Four bytes of length are beyond any certificate.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

fn time(tag: u8, text: &str) -> Option<DateTime> {
    let digits = text.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest): (i16, &str) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            // RFC 5280: two digits mean 1950 to 2049.
            let short: i16 = digits[..2].parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let two = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, 0).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn certificate(until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
        params.distinguished_name.push(rcgen::DnType::CommonName, "shop.example.com");
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_notations_of_time() {
        for (until, shown) in [
            ((2031, 5, 6), "2031-05-06T00:00:00"),
            ((1999, 12, 31), "1999-12-31T00:00:00"),
            ((2077, 1, 2), "2077-01-02T00:00:00"),
            // What RFC 5280 has for "never".
            ((9999, 12, 31), "9999-12-31T00:00:00"),
        ] {
            assert_eq!(not_after(&certificate(until)).unwrap().to_string(), shown);
        }
        assert_eq!(time(GENERALIZED_TIME, "99991231235959Z").unwrap().to_string(), "9999-12-31T23:59:59");
    }

    #[test]
    fn the_common_name_is_found() {
        assert_eq!(common_name(&certificate((2031, 5, 6))).unwrap(), "shop.example.com");
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_no_certificate_and_no_panic(cut in 0usize..600, at in 0usize..600, byte: u8) {
            let mut der = certificate((2031, 5, 6));
            let length = der.len();
            der[at % length] = byte;
            der.truncate(cut);
            let _ = (not_after(&der), common_name(&der));
        }
    }
}
