//! A guide as HTML: the part of Markdown that our documents are written in. All of its text is escaped.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;

use super::{display::Escaped, guide_texts};

/// A guide in Markdown, shown as HTML.
pub(super) struct GuideHtml(pub(super) &'static str);

impl HtmlSafe for GuideHtml {}

impl Display for GuideHtml {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.lines().peekable();
        let mut listing = false;
        while let Some(line) = lines.next() {
            let line = line.trim_start();
            let block = Block::of(line);
            if listing && block != Block::Item {
                f.write_str("</ul>")?;
                listing = false;
            }
            // What goes on in the next line belongs to it.
            let mut whole = |first: &str| {
                let mut text = first.trim().to_owned();
                while let Some(next) = lines.next_if(|next| Block::of(next.trim_start()) == Block::Text) {
                    text.push(' ');
                    text.push_str(next.trim());
                }
                text
            };
            match block {
                Block::Nothing => {}
                Block::Heading => {
                    let words = line.trim_start_matches('#');
                    let level = (line.len() - words.len()).min(6);
                    let (id, words) = (anchor(words), inline(words.trim()));
                    write!(f, "<h{level} id=\"{id}\">{words}</h{level}>")?;
                }
                Block::Code => {
                    let code: Vec<&str> =
                        lines.by_ref().take_while(|line| !line.trim_start().starts_with(FENCE)).collect();
                    write!(f, "<pre class=\"log wraps\" tabindex=\"0\">{}</pre>", Escaped(&code.join("\n")))?;
                }
                Block::Table => {
                    let mut rows = vec![line];
                    while let Some(row) = lines.next_if(|next| Block::of(next.trim_start()) == Block::Table) {
                        rows.push(row.trim_start());
                    }
                    table(f, &rows)?;
                }
                Block::Item => {
                    if !listing {
                        f.write_str("<ul>")?;
                        listing = true;
                    }
                    let words = line.trim_start_matches(|c: char| c.is_ascii_digit());
                    write!(f, "<li>{}</li>", inline(&whole(&words[1..])))?;
                }
                Block::Text => write!(f, "<p>{}</p>", inline(&whole(line)))?,
            }
        }
        if listing { f.write_str("</ul>") } else { Ok(()) }
    }
}

const FENCE: &str = "```";

/// What a line begins, or goes on with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    Nothing,
    Heading,
    Code,
    Table,
    Item,
    Text,
}

impl Block {
    fn of(line: &str) -> Block {
        let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
        match line {
            "" => Block::Nothing,
            _ if line.starts_with("<!--") => Block::Nothing,
            _ if line.starts_with('#') => Block::Heading,
            _ if line.starts_with(FENCE) => Block::Code,
            _ if line.starts_with('|') => Block::Table,
            _ if line.starts_with("- ") || (numbered.len() < line.len() && numbered.starts_with(". ")) => Block::Item,
            _ => Block::Text,
        }
    }
}

fn table(f: &mut Formatter<'_>, rows: &[&str]) -> fmt::Result {
    f.write_str("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"table\">")?;
    for (number, row) in rows.iter().enumerate() {
        let cells = cells(row);
        if number == 1 && cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':'))) {
            continue;
        }
        f.write_str("<tr>")?;
        for cell in cells {
            // A head without words is none.
            let is_head = number == 0 && !cell.is_empty();
            let (tag, scope) = if is_head { ("th", " scope=\"col\"") } else { ("td", "") };
            write!(f, "<{tag}{scope}>{}</{tag}>", inline(&cell))?;
        }
        f.write_str("</tr>")?;
    }
    f.write_str("</table></div>")
}

/// The cells of a row. A stroke within code is none between cells.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|');
    let mut cells = vec![String::new()];
    let mut code = false;
    let mut chars = row.strip_suffix('|').unwrap_or(row).chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.last_mut().expect("there is one from the beginning on");
        match c {
            '\\' if chars.peek() == Some(&'|') => last.extend(chars.next()),
            '|' if !code => cells.push(String::new()),
            _ => {
                code ^= c == '`';
                last.push(c);
            }
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The name of a heading in addresses.
fn anchor(words: &str) -> String {
    let kept = words.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match marked(rest) {
            Some((html, after)) => {
                out.push_str(&html);
                after
            }
            None => {
                let (plain, after) = rest.split_at(c.len_utf8());
                out.push_str(&Escaped(plain).to_string());
                after
            }
        };
    }
    out
}

/// What stands at the beginning and is more than its letters: code, bold, emphasis, a link; and what follows.
fn marked(text: &str) -> Option<(String, &str)> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    if ticks > 0 {
        let (mark, rest) = text.split_at(ticks);
        let (code, rest) = rest.split_once(mark)?;
        return Some((format!("<code>{}</code>", Escaped(code.trim())), rest));
    }
    if let Some(rest) = text.strip_prefix("**") {
        let (words, rest) = rest.split_once("**")?;
        return Some((format!("<b>{}</b>", inline(words)), rest));
    }
    if let Some(rest) = text.strip_prefix('*') {
        let (words, rest) = rest.split_once('*').filter(|(words, _)| !words.is_empty() && !words.starts_with(' '))?;
        return Some((format!("<em>{}</em>", inline(words)), rest));
    }
    let (words, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (target, rest) = rest.split_once(')')?;
    (!words.contains(']')).then(|| (link(words, target), rest))
}

fn link(words: &str, target: &str) -> String {
    let words = inline(words);
    let (file, part) = target.split_at(target.find('#').unwrap_or(target.len()));
    let address = match file {
        "" => part.to_owned(),
        "openapi.json" => "/api/v1/openapi.json".to_owned(),
        _ if file.starts_with("https://") => target.to_owned(),
        _ if guide_texts::named(file).is_some() => format!("/guides/{file}{part}"),
        // A file that is beside the documents, and not in the program.
        _ => return words,
    };
    format!("<a href=\"{}\">{words}</a>", Escaped(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_documents_are_written_in_becomes_html() {
        let text = "# A & b\n\nOne\ntwo `a | b`.\n\n- *x* **y**\n  and\n- [z](ALERTS.md#own-words), [w](../x)\n\n```sh\na <b>\n```\n\
                    | h | `i | j` | |\n|---|---|---|\n| 1 \\| 2 | [3](#a--b) | 4 |\n<!-- no -->\n";
        assert_eq!(
            GuideHtml(text).to_string(),
            "<h1 id=\"a--b\">A &#38; b</h1><p>One two <code>a | b</code>.</p>\
             <ul><li><em>x</em> <b>y</b> and</li><li><a href=\"/guides/ALERTS.md#own-words\">z</a>, w</li></ul>\
             <pre class=\"log wraps\" tabindex=\"0\">a &#60;b&#62;</pre>\
             <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"table\">\
             <tr><th scope=\"col\">h</th><th scope=\"col\"><code>i | j</code></th><td></td></tr>\
             <tr><td>1 | 2</td><td><a href=\"#a--b\">3</a></td><td>4</td></tr></table></div>"
        );
        assert_eq!(inline("5 * 3 [no] <i>"), "5 * 3 [no] &#60;i&#62;");
    }
}
