//! Python as a page shows it: coloured, line by line. Enough to read by; knows no grammar.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;

use super::display::Escaped;

/// A script as a numbered list of coloured lines, of which one may be marked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listing {
    pub(super) script: String,
    pub(super) marked: Option<u32>,
}

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What Revere gives every script.
const GIVEN: &[&str] = &["MonitorFailure", "SourceError", "previous", "return_value", "sources"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Plain,
    Keyword,
    Text,
    Number,
    Comment,
    Given,
}

impl Display for Listing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("<ol>")?;
        let mut number = 1;
        let mut open = false;
        let mut begin = |f: &mut Formatter<'_>, open: &mut bool| {
            let class = if self.marked == Some(number) { " class=\"marked\"" } else { "" };
            number += 1;
            *open = true;
            write!(f, "<li{class}><code>")
        };
        begin(f, &mut open)?;
        for (kind, text) in tokens(self.script.trim_end_matches('\n')) {
            for (index, piece) in text.split('\n').enumerate() {
                if index > 0 {
                    f.write_str("</code></li>")?;
                    begin(f, &mut open)?;
                }
                match kind.class() {
                    _ if piece.is_empty() => {}
                    None => Escaped(piece).fmt(f)?,
                    Some(class) => write!(f, r#"<span class="{class}">{}</span>"#, Escaped(piece))?,
                }
            }
        }
        f.write_str("</code></li></ol>")
    }
}

impl HtmlSafe for Listing {}

impl Kind {
    fn class(self) -> Option<&'static str> {
        match self {
            Kind::Plain => None,
            Kind::Keyword => Some("py-k"),
            Kind::Text => Some("py-s"),
            Kind::Number => Some("py-n"),
            Kind::Comment => Some("py-c"),
            Kind::Given => Some("py-b"),
        }
    }
}

fn tokens(script: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first == '#' {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if first == '"' || first == '\'' {
            (Kind::Text, text_end(rest, 0))
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = &rest[..end];
            let prefix = end <= 2 && word.chars().all(|c| "rRbBfFuUtT".contains(c));
            if prefix && rest[end..].starts_with(['"', '\'']) {
                (Kind::Text, text_end(rest, end))
            } else if KEYWORDS.contains(&word) {
                (Kind::Keyword, end)
            } else if GIVEN.contains(&word) {
                (Kind::Given, end)
            } else {
                (Kind::Plain, end)
            }
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            (
                Kind::Number,
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').unwrap_or(rest.len()),
            )
        } else {
            let stop = |c: char| c.is_alphanumeric() || "_#\"'.".contains(c);
            let end = rest[first.len_utf8()..].find(stop).map_or(rest.len(), |at| at + first.len_utf8());
            (Kind::Plain, end)
        };
        let (token, after) = rest.split_at(length);
        found.push((kind, token));
        rest = after;
    }
    found
}

/// Where the text literal ends whose quotes begin at `start`: behind its closing quotes, or where it breaks off.
fn text_end(code: &str, start: usize) -> usize {
    let body = &code[start..];
    let quote = &body[..1];
    let long = body.starts_with(&quote.repeat(3));
    let mark = if long { quote.repeat(3) } else { quote.to_owned() };
    let mut at = mark.len();
    while at < body.len() {
        let here = &body[at..];
        if let Some(escaped) = here.strip_prefix('\\') {
            at += 1 + escaped.chars().next().map_or(0, char::len_utf8);
        } else if here.starts_with(&mark) {
            return start + at + mark.len();
        } else if !long && here.starts_with('\n') {
            break;
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    start + at.min(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_kept_and_escaped() {
        let script =
            "import re # <b>\nx = f\"<i>{1}\"\ny = '''a\n<script>\n''' if x else 0x1F\nraise MonitorFailure('é')\n";
        assert_eq!(tokens(script).into_iter().map(|(_, text)| text).collect::<String>(), script);
        let shown = Listing { script: script.into(), marked: Some(2) }.to_string();
        assert_eq!(shown.matches("<li").count(), 6);
        assert!(!shown.contains("<script>") && !shown.contains("<b>") && !shown.contains("<i>"), "{shown}");
        assert!(shown.contains(r#"<li class="marked"><code>x = <span class="py-s">f"#), "{shown}");
        assert!(shown.contains(r#"<span class="py-k">raise</span> <span class="py-b">MonitorFailure</span>"#));
    }

    #[test]
    fn broken_scripts_are_shown_too() {
        for script in ["'open", "'''open\n", "'end\\", "b'", "\"\\é", "1_000.", ".", "é'\u{202e}", ""] {
            assert_eq!(tokens(script).into_iter().map(|(_, text)| text).collect::<String>(), script);
        }
    }
}
