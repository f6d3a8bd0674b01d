//! Makes any text safe to show as plain text, and short where a receiver demands it.
//!
//! Names, messages and values come from scripts and from what their sources answered: nobody vouches for them. What
//! leaves here has no control characters (no header injection, no terminal escapes), no marks that turn the direction of
//! reading (no `txt.exe` dressed as `exe.txt`), and is never cut inside a character. Markup is the channel's to escape.

use std::borrow::Cow;

/// `text` with its line breaks as `\n` and its tabs kept; every other control or direction mark becomes `U+FFFD`, so that
/// a reader sees something was there.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => '\n',
            c if c.is_control() || turns_direction(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// `text` on one line: what [`lines`] gives, with every run of white space as one space.
pub fn one_line(text: &str) -> String {
    lines(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` as one line of a log that can be read back: line breaks and tabs are written `\n` and `\t`.
pub fn log_line(text: &str) -> String {
    lines(text).replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}

/// `text` within `max` characters, the last an ellipsis where something was cut off.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    cut_by(text, max, "\u{2026}", |_| 1)
}

/// `text` within `max` units as `size` counts them, with `mark` (counted too) where something was cut off. A letter is
/// never parted from its accents.
pub fn cut_by<'a>(text: &'a str, max: usize, mark: &str, size: impl Fn(char) -> usize) -> Cow<'a, str> {
    let length = |text: &str| text.chars().map(&size).sum::<usize>();
    if length(text) <= max {
        return Cow::Borrowed(text);
    }
    let room = max.saturating_sub(length(mark));
    let (mut used, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        // A boundary only counts if what follows does not belong to the character before it.
        if !joins_previous(c) && !text[..at].ends_with('\u{200d}') {
            end = at;
        }
        used += size(c);
        if used > room {
            break;
        }
    }
    Cow::Owned(format!("{}{mark}", text[..end].trim_end()))
}

/// `text` in ASCII: what has a usual spelling in ASCII gets it, every other character is `?`.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match simpler(c) {
            _ if c.is_ascii() => out.push(c),
            Some(spelled) => out.push_str(spelled),
            None if joins_previous(c) => {}
            None => out.push('?'),
        }
    }
    out
}

/// Typographic characters that editors put in unasked, and letters that have an ASCII spelling, with that spelling.
pub(super) fn simpler(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' | '\u{b4}' => "'",
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2033}' | '«' | '»' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        '\u{2192}' => "->",
        '\u{2190}' => "<-",
        '\u{2265}' => ">=",
        '\u{2264}' => "<=",
        '\u{2022}' | '·' | '×' => "*",
        '°' => "deg",
        'µ' | 'μ' => "u",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => " ",
        'À'..='Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'Ä' | 'Æ' => "Ae",
        'Å' => "A",
        'à'..='ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'Ç' | 'Ć' | 'Č' => "C",
        'ç' | 'ć' | 'č' => "c",
        'Ď' | 'Đ' => "D",
        'ď' | 'đ' => "d",
        'È'..='Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'è'..='ë' | 'ē' | 'ę' | 'ě' => "e",
        'Ğ' => "G",
        'ğ' => "g",
        'Ì'..='Ï' | 'İ' => "I",
        'ì'..='ï' | 'ı' => "i",
        'Ł' | 'Ľ' => "L",
        'ł' | 'ľ' => "l",
        'Ñ' | 'Ń' | 'Ň' => "N",
        'ñ' | 'ń' | 'ň' => "n",
        'Ò'..='Õ' | 'Ø' | 'Ő' => "O",
        'Ö' | 'Œ' => "Oe",
        'ò'..='õ' | 'ø' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'Ř' => "R",
        'ř' => "r",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'Ť' | 'Ț' => "T",
        'ť' | 'ț' => "t",
        'Ù'..='Û' | 'Ů' | 'Ű' => "U",
        'Ü' => "Ue",
        'ù'..='û' | 'ů' | 'ű' => "u",
        'ü' => "ue",
        'Ý' => "Y",
        'ý' | 'ÿ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

/// Marks that embed, override or isolate a direction. Plain left-to-right and right-to-left marks are part of ordinary
/// Hebrew and Arabic text and stay.
pub fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Accents, variation selectors, skin tones and joiners: drawn together with the character before them.
pub(super) fn joins_previous(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_steers_a_terminal_a_header_or_the_direction_of_reading() {
        assert_eq!(lines("a\r\nb\rc\u{2028}d"), "a\nb\nc\nd");
        assert_eq!(lines("\x1b[31mred\x07\0"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
        assert_eq!(lines("gpj.\u{202e}exe"), "gpj.\u{fffd}exe");
        assert_eq!(one_line("Subject\r\nBcc: eve@example.com\n\n  x"), "Subject Bcc: eve@example.com x");
        assert_eq!(log_line("a\nb\\n"), "a\\nb\\\\n");
    }

    #[test]
    fn a_cut_shows_and_parts_no_character_from_its_accents() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer text", 8), "longer\u{2026}");
        assert_eq!(cut("ae\u{301}\u{302}bc", 4), "a\u{2026}");
        assert_eq!(cut("x\u{1f469}\u{200d}\u{1f692}yz", 4), "x\u{2026}");
    }

    #[test]
    fn ascii_spells_what_has_a_spelling() {
        assert_eq!(ascii("Größe → 5 µs “ok”… 漢字 e\u{301}"), "Groesse -> 5 us \"ok\"... ?? e");
    }

    proptest! {
        #[test]
        fn a_cut_keeps_its_limit_and_is_a_beginning(text in "\\PC{0,40}", max in 0_usize..30) {
            let short = cut(&text, max);
            prop_assert!(short.chars().count() <= max.max(1));
            let kept = short.strip_suffix(char::from_u32(0x2026).unwrap()).unwrap_or(&short);
            prop_assert!(text.starts_with(kept), "{short:?}");
        }

        #[test]
        fn one_line_is_one_line(text in any::<String>()) {
            prop_assert!(!one_line(&text).contains(|c: char| c.is_control()));
            prop_assert!(!log_line(&text).contains(|c: char| c.is_control()));
            prop_assert!(ascii(&text).is_ascii());
        }
    }
}
