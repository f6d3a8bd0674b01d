//! Takes the meaning out of markup and mentions, in the ways that receivers know: what people read stays the same.

/// Shown as nothing, and parts what stands on its two sides.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// `text` for a receiver that reads `&`, `<` and `>` as HTML does, and nothing else.
pub(super) fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The same, also where it stands in quotation marks.
pub(super) fn html(text: &str) -> String {
    entities(text).replace('"', "&quot;").replace('\'', "&#39;")
}

/// HTML in which line breaks are seen.
pub(super) fn html_lines(text: &str) -> String {
    html(text).replace('\n', "<br>")
}

/// Markdown: every character that begins markup has a backslash before it, and an `@` mentions nobody.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut line = String::new();
    for c in text.chars() {
        // `1.` at the beginning of a line makes a list.
        let numbers_a_list = c == '.' && !line.is_empty() && line.trim_start().chars().all(|c| c.is_ascii_digit());
        if "\\*_~`|>[]()#@:<!-+".contains(c) || numbers_a_list {
            out.push('\\');
        }
        out.push(c);
        if c == '@' {
            out.push(ZERO_WIDTH_SPACE);
        }
        if c == '\n' {
            line.clear()
        } else if line.len() < 12 {
            line.push(c)
        }
    }
    out
}

/// A block of code, in which nothing is markup but back quotes, which are parted. Receivers look for mentions in code too.
pub(super) fn code_block(text: &str) -> String {
    format!("```\n{}\n```", unmentioned(text).replace('`', "`\u{200b}"))
}

/// For receivers that have no way to write such characters as they are: those that begin markup or a mention are parted
/// from what follows.
pub(super) fn parted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        out.push(c);
        if "*_~`<@".contains(c) {
            out.push(ZERO_WIDTH_SPACE);
        }
    }
    out
}

/// Mentions nobody: neither `@all` nor `<!channel>`.
pub(super) fn unmentioned(text: &str) -> String {
    text.replace('@', "@\u{200b}").replace("<!", "<\u{200b}!")
}

/// The same, where `<`, `>` and `&` have to be entities.
pub(super) fn unmentioned_entities(text: &str) -> String {
    entities(&unmentioned(text))
}

/// Begins no tag of HTML, for receivers that show entities as they stand.
pub(super) fn untagged(text: &str) -> String {
    text.replace('<', "<\u{200b}")
}

/// What is inert already, or has to go on working.
pub(super) fn as_it_is(text: &str) -> String {
    text.to_owned()
}

/// How many characters.
pub(super) fn characters(text: &str) -> usize {
    text.chars().count()
}

/// How many units of UTF-16: what JavaScript, Java and Windows call characters.
pub(super) fn utf16_units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How many bytes of UTF-8.
pub(super) fn bytes(text: &str) -> usize {
    text.len()
}
