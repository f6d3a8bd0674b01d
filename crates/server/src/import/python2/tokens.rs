//! The words and signs of a Python script of any version, each with its line. Knows no grammar, so that it reads what
//! Python 3 does not.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Name,
    Number,
    /// A literal text, with its prefix and quotes.
    Text,
    /// An operator or a bracket.
    Sign,
    /// The end of a statement.
    End,
}

/// One word or sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Name | Kind::Sign) && self.text == text
    }
}

/// Signs of more than one character that matter here.
const LONG_SIGNS: [&str; 10] = ["//=", "**=", "//", "**", "/=", "==", "!=", "<=", ">=", "<>"];

/// All tokens, comments left out. Inside brackets a line's end ends no statement.
pub(super) fn tokens(script: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut rest, mut line, mut depth) = (script, 1, 0usize);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '\n' if depth == 0 => (Some(Kind::End), 1),
            ';' => (Some(Kind::End), 1),
            '\\' if rest.starts_with("\\\n") => (None, 2),
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            c if c.is_whitespace() => (None, c.len_utf8()),
            c if c == '\'' || c == '"' || text_prefix(rest) > 0 => (Some(Kind::Text), text_length(rest)),
            c if c.is_ascii_digit() || c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                (Some(Kind::Number), number_length(rest))
            }
            c if c.is_alphabetic() || c == '_' => (Some(Kind::Name), word_length(rest)),
            c => {
                depth = match c {
                    '(' | '[' | '{' => depth + 1,
                    ')' | ']' | '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                let long = LONG_SIGNS.iter().find(|sign| rest.starts_with(**sign));
                (Some(Kind::Sign), long.map_or(c.len_utf8(), |sign| sign.len()))
            }
        };
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.bytes().filter(|byte| *byte == b'\n').count();
        rest = after;
    }
    tokens.push(Token { kind: Kind::End, text: "", line });
    tokens
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn number_length(text: &str) -> usize {
    let length = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(text.len());
    let is_exponent = text[..length].ends_with(['e', 'E']) && !text.starts_with("0x") && !text.starts_with("0X");
    match text[length..].strip_prefix(['+', '-']) {
        Some(digits) if is_exponent => length + 1 + digits.bytes().take_while(u8::is_ascii_digit).count(),
        _ => length,
    }
}

/// How long the letters before a text's quotes are; none if this is no text with a prefix.
fn text_prefix(text: &str) -> usize {
    let letters = text.bytes().take(2).take_while(|byte| b"uUrRbBfF".contains(byte)).count();
    let quoted = |length: usize| text[length..].starts_with(['\'', '"']);
    if letters > 0 && quoted(letters) { letters } else { 0 }
}

/// The length of the text that begins here; where it has no end, to the end of the line, or of the script.
fn text_length(text: &str) -> usize {
    let prefix = text_prefix(text);
    let body = &text[prefix..];
    let quote = &body[..1];
    let triple = quote.repeat(3);
    let (mark, is_triple) = if body.starts_with(&triple) { (triple.as_str(), true) } else { (quote, false) };
    let mut at = mark.len();
    while let Some(c) = body[at..].chars().next() {
        if body[at..].starts_with(mark) {
            return prefix + at + mark.len();
        }
        if c == '\n' && !is_triple {
            return prefix + at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += body[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        tokens(script).iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_signs_numbers_and_texts_are_told_apart() {
        assert_eq!(texts("x = a//2 # unicode\n"), ["x", "=", "a", "//", "2", "\n", ""]);
        assert_eq!(
            texts("print u'it\\'s', 1.5e-3 ;x<>.5"),
            ["print", "u'it\\'s'", ",", "1.5e-3", ";", "x", "<>", ".5", ""]
        );
        assert_eq!(texts("'open\nbe()"), ["'open", "\n", "be", "(", ")", ""]);
        assert_eq!(texts("a = b\"\"\"x\n'y\"\"\" + \\\nz"), ["a", "=", "b\"\"\"x\n'y\"\"\"", "+", "z", ""]);
    }

    #[test]
    fn lines_are_counted_through_texts_and_brackets() {
        let script = "f('''a\nb''',\n  c)\nd";
        let lines: Vec<(&str, usize)> = tokens(script).iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(
            lines,
            [("f", 1), ("(", 1), ("'''a\nb'''", 1), (",", 2), ("c", 3), (")", 3), ("\n", 3), ("d", 4), ("", 4)]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_tokens(script in "[a-c0-9eé'\"\\\\\n.#()/=<> ]{0,60}") {
            let all = tokens(&script);
            proptest::prop_assert!(all.iter().all(|token| script.contains(token.text)));
        }
    }
}
