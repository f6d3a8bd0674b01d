//! Text that fits into one short message.
//!
//! A message of the GSM alphabet holds 160 characters (some count double); one single character outside it and the whole
//! message holds 70. So look-alikes and ornaments are spelled in the alphabet, and only words of another script (which
//! could not be read otherwise) choose the smaller size.

use super::plain_text::{cut_by, joins_previous, one_line, simpler};

/// Septets in one message of the GSM alphabet.
const GSM_ROOM: usize = 160;

/// UTF-16 units in one message of any other alphabet.
const UCS2_ROOM: usize = 70;

/// `text` as one message: one line, in the GSM alphabet where it can be. Whole, and cut with three dots where it is too long.
pub(super) fn one_message(text: &str) -> (String, String) {
    let mut spelled = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match simpler(c) {
            _ if septets(c).is_some() => spelled.push(c),
            Some(other) => spelled.push_str(other),
            None if c.is_alphanumeric() => spelled.push(c),
            // What joins a foreign letter stays with it; a row of ornaments becomes one question mark.
            None if joins_previous(c) && spelled.ends_with(|c: char| septets(c).is_none()) => spelled.push(c),
            None if joins_previous(c) || spelled.ends_with('?') => {}
            None => spelled.push('?'),
        }
    }
    let plain = spelled.chars().all(|c| septets(c).is_some());
    let short = match plain {
        true => cut_by(&spelled, GSM_ROOM, "...", |c| septets(c).unwrap_or(1)),
        false => cut_by(&spelled, UCS2_ROOM, "...", char::len_utf16),
    };
    let short = short.into_owned();
    (spelled, short)
}

/// How many septets `c` takes in the GSM alphabet, if it is in it.
fn septets(c: char) -> Option<usize> {
    match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' => Some(1),
        ' ' | '!' | '"' | '#' | '%' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | '-' | '.' | '/' => Some(1),
        ':' | ';' | '<' | '=' | '>' | '?' | '@' | '$' | '_' => Some(1),
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | '¤' | '¡' | '§' | '¿' => {
            Some(1)
        }
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' => Some(1),
        'Ä' | 'Ö' | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_message(text: &str) -> String {
        super::one_message(text).1
    }

    #[test]
    fn look_alikes_and_ornaments_do_not_shrink_the_message() {
        assert_eq!(one_message("Queue “mail” → 5 … \u{1f525}\u{1f525} done"), "Queue \"mail\" -> 5 ... ? done");
        assert_eq!(one_message(&"x".repeat(200)).len(), 160);
        assert_eq!(one_message(&"[".repeat(200)), format!("{}...", "[".repeat(78)));
    }

    #[test]
    fn words_of_another_script_stay_readable() {
        assert_eq!(one_message("Очередь писем: ALARM"), "Очередь писем: ALARM");
        let long = one_message(&"очередь ".repeat(20));
        assert!(long.ends_with("...") && long.encode_utf16().count() <= 70, "{long}");
    }

    proptest! {
        #[test]
        fn it_is_always_one_message(text in any::<String>()) {
            let short = one_message(&text);
            let gsm: Option<usize> = short.chars().map(septets).sum();
            prop_assert!(gsm.map_or(short.encode_utf16().count() <= 70, |septets| septets <= 160), "{short}");
            prop_assert!(short.len() <= 210);
        }
    }
}
