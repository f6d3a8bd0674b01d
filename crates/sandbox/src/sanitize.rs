//! Text from a script as it is stored and shown: bounded, and without characters that act on a terminal, a log or a reader.

/// What a cut text ends with.
const MARK: &str = "… [cut]";

/// Escapes what is not plain text and cuts to at most `most` bytes, the mark included. Newlines and tabs stay.
pub(crate) fn clean(text: &str, most: usize) -> String {
    // Nearly every text is this.
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return text.to_owned();
    }
    // What cannot fit even before escaping is not looked at.
    let mut out = String::with_capacity(text.len().min(most));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() > most {
            break;
        }
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            c if acts(c) => out.extend(escape(c)),
            c => out.push(c),
        }
    }
    if out.len() > most {
        out.truncate(out.floor_char_boundary(most.saturating_sub(MARK.len())));
        out.push_str(MARK);
    }
    out
}

/// As [`clean`], of a text of which there was more: its end is marked, however much fits.
pub(crate) fn clean_begin(text: &str, most: usize) -> String {
    let mut out = clean(text, most);
    if !out.ends_with(MARK) {
        out.truncate(out.floor_char_boundary(most.saturating_sub(MARK.len())));
        out.push_str(MARK);
    }
    out
}

/// `\x1b`, `\u202e`, `\U000e0001`: as Python writes them.
fn escape(c: char) -> impl Iterator<Item = char> {
    let code = c as u32;
    let text = match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    text.chars().collect::<Vec<_>>().into_iter()
}

/// Control characters, and those that reorder, hide or break the text around them.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_is_shown_instead() {
        assert_eq!(clean("a\u{1b}[31mred\r\nb\rc\0\u{202e}d\te", 100), "a\\x1b[31mred\nb\\x0dc\\x00\\u202ed\te");
        assert_eq!(clean("näive 👩‍👩‍👧", 100), "näive 👩‍👩‍👧", "joined emoji are text");
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(clean(&"x".repeat(100), 20), format!("{}{MARK}", "x".repeat(11)));
        assert_eq!(clean(&"x".repeat(20), 20), "x".repeat(20));
        assert_eq!(clean_begin(&"x".repeat(20), 20), format!("{}{MARK}", "x".repeat(11)));
        assert_eq!(clean_begin(&"x".repeat(100), 20), format!("{}{MARK}", "x".repeat(11)));
        // Fewer than fit: line ends of two bytes became one.
        assert_eq!(clean_begin("a\r\nb\r\n", 20), format!("a\nb\n{MARK}"));
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left_and_the_bound_holds(text in any::<String>(), most in 20usize..200) {
            let cleaned = clean(&text, most);
            prop_assert!(cleaned.len() <= most);
            prop_assert!(!cleaned.chars().any(|c| acts(c) && c != '\n' && c != '\t'));
        }
    }
}
