//! Texts of others as pages show them: inert, folded where they are long, their links live.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;

use super::display::{Escaped, seen};

/// A text of several lines; what is longer than three is folded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Folded(pub(super) String);

/// A text whose addresses can be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Linked(pub(super) String);

/// Lines that are shown of a longer text, and how many characters they have at most.
const LINES: usize = 3;
const CHARS: usize = 300;

impl Display for Folded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = seen(self.0.trim_end());
        let text = Escaped(&text);
        if self.0.trim_end().lines().count() <= LINES && self.0.chars().count() <= CHARS {
            return write!(f, r#"<div class="said foreign">{text}</div>"#);
        }
        write!(
            f,
            r#"<details class="fold"><summary><span class="said foreign">{text}</span><span class="more">more</span><span class="less">less</span></summary></details>"#
        )
    }
}

impl Display for Linked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = seen(&self.0);
        let mut rest = text.as_str();
        while let Some(at) = ["https://", "http://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
            let (before, from) = rest.split_at(at);
            let end =
                from.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`".contains(c)).unwrap_or(from.len());
            let address = without_the_sentence(&from[..end]);
            let shown = Escaped(address);
            if address.len() > address.find("//").unwrap_or_default() + 2 {
                write!(f, r#"{}<a href="{shown}" rel="noopener noreferrer nofollow">{shown}</a>"#, Escaped(before))?;
            } else {
                write!(f, "{}{shown}", Escaped(before))?;
            }
            rest = &from[address.len()..];
        }
        Escaped(rest).fmt(f)
    }
}

impl HtmlSafe for Folded {}
impl HtmlSafe for Linked {}

/// An address without what belongs to the sentence that it stands in: a full stop, a bracket that was opened before it.
fn without_the_sentence(address: &str) -> &str {
    let mut address = address;
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let unopened =
            |open, close| shorter.ends_with(close) && shorter.matches(open).count() < shorter.matches(close).count();
        let next = if unopened('(', ')') || unopened('[', ']') { &shorter[..shorter.len() - 1] } else { shorter };
        if next == address {
            return address;
        }
        address = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_links_without_the_sentence_around_them() {
        for (text, links) in [
            ("See https://wiki.example.com/a_(b), then call.", vec!["https://wiki.example.com/a_(b)"]),
            ("(http://a.example/x?y=1&z=2)", vec!["http://a.example/x?y=1&#38;z=2"]),
            ("https://a.example and\nhttps://b.example.", vec!["https://a.example", "https://b.example"]),
            ("nothing: https:// or javascript:alert(1) or ftp://a", vec![]),
        ] {
            let shown = Linked(text.into()).to_string();
            let found: Vec<&str> = shown.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
            assert_eq!(found, links, "{shown}");
        }
    }

    #[test]
    fn hostile_text_is_inert() {
        let nasty = "https://a.example/\"onload=x><script>alert(1)</script> \u{202e}https://b.example/'x".to_owned();
        for shown in [Linked(nasty.clone()).to_string(), Folded(nasty.repeat(30)).to_string()] {
            assert!(
                !shown.contains("<script") && !shown.contains("\"onload") && !shown.contains('\u{202e}'),
                "{shown}"
            );
        }
    }

    #[test]
    fn long_texts_are_folded() {
        assert!(!Folded("a\nb\nc\n".into()).to_string().contains("<details"));
        assert!(Folded("a\nb\nc\nd".into()).to_string().contains("<details"));
        assert!(Folded("x".repeat(400)).to_string().contains("<details"));
    }
}
