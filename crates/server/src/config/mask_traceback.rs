//! What Python says of a configuration that it could not evaluate, without what stands in it.
//!
//! A traceback shows lines of the file, and those hold passwords. Of each line of the file, what is inside of texts, the
//! comments and the longer numbers are hidden, letter by letter, so that the marks below a line still point at the right
//! place. The keys of a dict are shown where they are plain words. A line of any other file is left out.

const HIDDEN: char = '*';

/// `traceback` with the lines of `source` in it masked, and those of other files left out.
pub(super) fn traceback(traceback: &str, source: &str) -> String {
    let masked = mask(source);
    let lines: Vec<(&str, &str)> = source.lines().zip(masked.lines()).collect();
    let mut kept = Vec::new();
    // The marks of a line that is left out point at nothing.
    let mut line_is_shown = false;
    for line in traceback.lines() {
        let text = line.trim_start();
        if !line.starts_with(' ') || text.starts_with("File \"") {
            kept.push(line.to_owned());
            line_is_shown = false;
        } else if is_marks(text) {
            if line_is_shown {
                kept.push(line.to_owned());
            }
        } else if let Some((_, masked)) = lines.iter().find(|(original, _)| original.trim() == text.trim_end()) {
            let indent = &line[..line.len() - text.len()];
            kept.push(format!("{indent}{}", masked.trim()));
            line_is_shown = true;
        } else {
            line_is_shown = false;
        }
    }
    kept.join("\n")
}

/// `    ~~~~~^^^^`
fn is_marks(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, '^' | '~' | ' '))
}

/// `source` with what may be secret replaced, character by character, and every line where it was.
fn mask(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = match c {
            '#' => line_end(&chars, at),
            '\'' | '"' => {
                let end = text_end(&chars, at);
                if is_key(&chars, at, end) {
                    masked.extend(&chars[at..end]);
                    at = end;
                    continue;
                }
                end
            }
            '0'..='9' => {
                let end = at + chars[at..].iter().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.')).count();
                if end - at < 4 { at } else { end }
            }
            // A name may hold digits, and is shown.
            c if c.is_alphanumeric() || c == '_' => {
                let end = at + chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                masked.extend(&chars[at..end]);
                at = end;
                continue;
            }
            _ => at,
        };
        if end == at {
            masked.push(c);
            at += 1;
            continue;
        }
        let shown = |c: char| c == '\n' || c == '#' || (matches!(c, '\'' | '"'));
        let last = end - 1;
        masked.extend(chars[at..end].iter().enumerate().map(|(index, &inner)| {
            let is_edge = index == 0 || at + index == last;
            if inner == '\n' || (is_edge && shown(inner)) { inner } else { HIDDEN }
        }));
        at = end;
    }
    masked
}

/// Whether the text is the key of a dict, and a word in small letters: `'type':` after a brace or a comma, or at the
/// beginning of a line, where the comma may be what is missing.
fn is_key(chars: &[char], at: usize, end: usize) -> bool {
    const LONGEST: usize = 30;
    let before = chars[..at].iter().rev().find(|c| !matches!(c, ' ' | '\t'));
    let after = chars[end.min(chars.len())..].iter().find(|c| !matches!(c, ' ' | '\t'));
    let inner = chars.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
    matches!(before, None | Some('{' | ',' | '\n'))
        && after == Some(&':')
        && (1..=LONGEST).contains(&inner.len())
        && inner.iter().all(|c| c.is_ascii_lowercase() || *c == '_')
}

fn line_end(chars: &[char], from: usize) -> usize {
    from + chars[from..].iter().take_while(|c| **c != '\n').count()
}

/// The end of the text that begins at `from`: after its quotes, or where Python gives up looking for them.
fn text_end(chars: &[char], from: usize) -> usize {
    let quote = chars[from];
    let is_triple = chars.get(from + 1) == Some(&quote) && chars.get(from + 2) == Some(&quote);
    let mut at = from + if is_triple { 3 } else { 1 };
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '\n' if !is_triple => return at,
            _ if c == quote && !is_triple => return at + 1,
            _ if c == quote && chars[at..].iter().take(3).filter(|c| **c == quote).count() == 3 => return at + 3,
            _ => at += 1,
        }
    }
    chars.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_comments_and_long_numbers_are_hidden_and_everything_stays_in_its_place() {
        let source = "\
TIMEZONE = 'UTC'  # not hunter2
A = {\"key\": 'it\\'s', 'port': 80, 'pin': 48151623} + f'{x}'
B = '''two
hunter2'''
c4711 = 'unfinished hunter2
D = \"\"\"for ever hunter2";
        let masked = mask(source);
        assert_eq!(
            masked,
            "\
TIMEZONE = '***'  #************
A = {\"key\": '*****', 'port': 80, 'pin': ********} + f'***'
B = '*****
*********'
c4711 = '******************
D = \"******************"
        );
        assert!(source.lines().zip(masked.lines()).all(|(a, b)| a.chars().count() == b.chars().count()));
    }

    /// Whoever writes `{password: user}` by mistake should not read it in a log.
    #[test]
    fn only_plain_words_count_as_keys() {
        let source = "A = {'Hunter2': 'x', 'hunter2': 1,\n 'to': 'hunter'}\nif b == 'hunter': pass\nB = {'hunter'}";
        let masked = "A = {'*******': '*', '*******': 1,\n 'to': '******'}\nif b == '******': pass\nB = {'******'}";
        assert_eq!(mask(source), masked);
    }

    #[test]
    fn a_traceback_shows_where_and_nothing_of_what() {
        let source = "import os\nPASSWORD = 'hunter2' + os.environ['NOT_SET']\n";
        let said = "Traceback (most recent call last):\n  File \"config.py\", line 2, in <module>\n    \
                    PASSWORD = 'hunter2' + os.environ['NOT_SET']\n                           ~~~~~~~~~~^^^^^^^^^^^\n  \
                    File \"parts.py\", line 1, in get\n    return 'hunter3'\n           ^^^^\nKeyError: 'NOT_SET'";
        assert_eq!(
            traceback(said, source),
            "Traceback (most recent call last):\n  File \"config.py\", line 2, in <module>\n    \
             PASSWORD = '*******' + os.environ['*******']\n                           ~~~~~~~~~~^^^^^^^^^^^\n  \
             File \"parts.py\", line 1, in get\nKeyError: 'NOT_SET'"
        );
    }

    proptest::proptest! {
        #[test]
        fn masking_keeps_lines_and_widths(source in "[a-z0-9 '\"#\\\\\n=é]{0,80}") {
            let masked = mask(&source);
            let shape = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
            proptest::prop_assert_eq!(shape(&masked), shape(&source));
        }
    }
}
