//! What looks the same in Python 2 and 3, or under the original's rules and ours, and does something else.

use super::{
    bindings::Script,
    gone_names::{ATTRIBUTES, CODECS, MODULES, MOVED, NAMES, TAKE_BYTES},
    tokens::Kind,
};

const TWO_NAMES: &str = "`except X, e:` catches what `X` and `e` name now: write `except X as e:`";
const DIVISION: &str = "`/` of two integers gives a float now (7 / 2 was 3): write `//` to keep what it was";
const ROUND: &str = "`round` of a half goes to the even neighbour now: round(2.5) is 2, and was 3.0";
const ROWS_NEVER_NONE: &str =
    "`execute` answers an empty list where it answered None, so this is never true: write `if not rows`";
const ROW_ITEM: &str = "a row is a tuple: take its columns by number, or ask with `execute(..., as_dict=True)`";
const ROW_ATTRIBUTE: &str = "a row is a tuple and has no columns as attributes: take them by number, or ask with `execute(..., as_dict=True)` and write row['x']";
const NO_LIST: &str = "`map`, `filter`, `zip` and `.keys()` give no list now: put `list(...)` around it";
const NEXT: &str = "`x.next()` is `next(x)` now";
const MESSAGE: &str = "exceptions have no `.message` now: write `str(e)`";
const CODEC: &str = "texts have no such codec now: `codecs.encode(data, 'hex')`, with data in bytes, or `data.hex()`";
const BYTES: &str = "this takes bytes now: `md5(text.encode())`";
const NONE_ORDER: &str = "None is neither smaller nor larger than a number now: comparing them is a TypeError";
const MAYBE_NONE: &str =
    "`.get(...)` may answer None, which compares with no number now: give it a default, `.get(x, 0)`";
const DATETIME: &str = "`datetime` is not imported; the original's own was there: write `from datetime import datetime`, or `import datetime`";

/// All hints, as pairs of line and text.
pub(super) fn found<'a>(script: &'a Script<'a>) -> impl Iterator<Item = (usize, &'static str)> + 'a {
    (0..script.tokens.len()).flat_map(move |at| {
        let found = match script.tokens[at].kind {
            Kind::Name => name(script, at),
            Kind::Sign => sign(script, at).into_iter().collect(),
            _ => Vec::new(),
        };
        found.into_iter().map(move |message| (script.tokens[at].line, message))
    })
}

fn name(script: &Script<'_>, at: usize) -> Vec<&'static str> {
    let word = script.get(at).text;
    let mut found = Vec::new();
    if script.is_free_name(at) {
        found.extend(free_name(script, at, word));
        found.extend(rows(script, at));
    } else {
        let listed = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == word).map(|(_, message)| *message);
        found.extend(listed.or_else(|| attribute(script, at, word)));
    }
    found
}

fn free_name(script: &Script<'_>, at: usize, word: &str) -> Vec<&'static str> {
    let bound = script.bound.contains(word);
    let is_keyword_argument = script.is(at + 1, "=") && word != "cmp";
    let mut found = Vec::new();
    let is_known = bound || word == "reduce" && script.imported.contains(word);
    if !is_known && !is_keyword_argument {
        found.extend(listed(NAMES, word));
    }
    let is_import = imports(script, at);
    if !bound && (is_import || script.is(at + 1, ".")) {
        found.extend(listed(MODULES, word));
    }
    if word == "urlopen" && !bound {
        found.push("monitors have no network: use an http source");
    }
    if let Some((_, _, message)) = MOVED.iter().find(|(module, attributes, _)| {
        *module == word && !bound && script.is(at + 1, ".") && attributes.contains(&script.get(at + 2).text)
    }) {
        found.push(message);
    }
    match word {
        "except" if catches_two_names(script, at) => found.push(TWO_NAMES),
        "round" if !bound && script.is(at + 1, "(") => found.push(ROUND),
        "datetime" if !bound && !script.imported.contains(word) && !is_import => found.push(DATETIME),
        "None" if compares(script, at + 1) || at > 0 && compares(script, at - 1) => found.push(NONE_ORDER),
        "map" | "filter" | "zip" if !bound && script.is(at + 1, "(") => {
            let is_measured = at >= 2 && script.is(at - 1, "(") && script.is(at - 2, "len");
            if is_measured || script.is(script.after_group(at + 1), "[") {
                found.push(NO_LIST);
            }
        }
        _ if script.iterators.contains(word) || script.views.contains(word) => {
            // The length of what `.keys()` gave is known; `map` and its like have none.
            let is_measured = script.iterators.contains(word) && at >= 2 && script.is(at - 2, "len");
            if is_measured || script.is(at + 1, "[") || script.is(at + 1, ".") && script.is(at + 2, "sort") {
                found.push(NO_LIST);
            }
        }
        _ => {}
    }
    found.extend(takes_bytes(script, at, word).then_some(BYTES));
    found
}

fn listed(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(listed, _)| *listed == word).map(|(_, message)| *message)
}

/// Whether the token is a module that is imported: `import NAME` or `from NAME import ...`.
fn imports(script: &Script<'_>, at: usize) -> bool {
    let before = |index: usize, word: &str| {
        let statement = (0..index).rev().take_while(|index| script.get(*index).kind != Kind::End);
        statement.into_iter().find(|index| script.is(*index, word))
    };
    let Some(import) = before(at, "import") else { return at > 0 && script.is(at - 1, "from") };
    before(import, "from").is_none()
}

/// `except X, e:`, which is a tuple of two exceptions since Python 3.14.
fn catches_two_names(script: &Script<'_>, at: usize) -> bool {
    script.is_name(at + 1)
        && script.is(at + 2, ",")
        && script.is(at + 4, ":")
        && script.get(at + 3).text.starts_with(|c: char| c.is_lowercase() || c == '_')
}

/// An attribute or a method.
fn attribute(script: &Script<'_>, at: usize, word: &str) -> Option<&'static str> {
    let is_called = script.is(at + 1, "(");
    let owner = at.checked_sub(2).map(|owner| script.get(owner).text).unwrap_or_default();
    match word {
        "next" if is_called && script.is(at + 2, ")") => Some(NEXT),
        "message" if script.errors.contains(owner) => Some(MESSAGE),
        "keys" | "values" | "items" if is_called && script.is(at + 2, ")") => {
            let is_sorted = script.is(at + 3, ".") && script.is(at + 4, "sort");
            (script.is(at + 3, "[") || is_sorted).then_some(NO_LIST)
        }
        "encode" | "decode" if is_called => {
            let text = script.get(at + 2).text;
            let codec = text.trim_start_matches(['u', 'b']).trim_matches(['\'', '"']).to_lowercase();
            CODECS.contains(&codec.as_str()).then_some(CODEC)
        }
        "get" if is_called => {
            let after = script.after_group(at + 1);
            let has_default = (at + 2..after).any(|index| script.is(index, ","));
            // `.get` of an http source is no dict's.
            let is_source = owner == "]" && (0..at).rev().take(8).any(|index| script.is(index, "sources"));
            (!has_default && !is_source && compares(script, after)).then_some(MAYBE_NONE)
        }
        _ => takes_bytes(script, at, word).then_some(BYTES),
    }
}

fn compares(script: &Script<'_>, at: usize) -> bool {
    ["<", ">", "<=", ">="].iter().any(|sign| script.is(at, sign))
}

/// `md5(text)`: a call with something in it that is not visibly bytes.
fn takes_bytes(script: &Script<'_>, at: usize, word: &str) -> bool {
    if !TAKE_BYTES.contains(&word) || script.bound.contains(word) || !script.is(at + 1, "(") || script.is(at + 2, ")") {
        return false;
    }
    !(at + 2..script.after_group(at + 1)).any(|index| {
        let token = script.get(index);
        let is_bytes = token.kind == Kind::Text && token.text.starts_with(['b', 'B']);
        is_bytes || matches!(token.text, "encode" | "content" | "bytes" | "read" | "urandom")
    })
}

/// What is done with rows of a database.
fn rows(script: &Script<'_>, at: usize) -> Option<&'static str> {
    if script.row.contains(script.get(at).text) {
        return column(script, at + 1);
    }
    let after = script.after_rows(at)?;
    let is_none = |at: usize| script.is(at, "None");
    if script.is(after, "is") && (is_none(after + 1) || script.is(after + 1, "not") && is_none(after + 2))
        || (script.is(after, "==") || script.is(after, "!=")) && is_none(after + 1)
    {
        return Some(ROWS_NEVER_NONE);
    }
    if script.is(after, "[") && script.get(after + 1).kind == Kind::Number {
        return column(script, script.after_group(after));
    }
    None
}

/// `['x']` or `.x`, after a row.
fn column(script: &Script<'_>, at: usize) -> Option<&'static str> {
    if script.is(at, "[") && script.get(at + 1).kind == Kind::Text {
        return Some(ROW_ITEM);
    }
    let is_own = matches!(script.get(at + 1).text, "count" | "index");
    (script.is(at, ".") && script.is_name(at + 1) && !is_own).then_some(ROW_ATTRIBUTE)
}

fn sign(script: &Script<'_>, at: usize) -> Option<&'static str> {
    let divides = script.is(at, "/") || script.is(at, "/=");
    (divides && !script.imported.contains("division") && !is_float_division(script, at)).then_some(DIVISION)
}

/// Whether one side of the `/` at `at` is visibly a float.
fn is_float_division(script: &Script<'_>, at: usize) -> bool {
    // To the left: everything that is multiplied or divided before.
    let mut depth = 0usize;
    for index in (0..at).rev() {
        let token = script.get(index);
        match token.text {
            _ if token.kind == Kind::Text => {}
            ")" | "]" => depth += 1,
            "(" | "[" if depth > 0 => depth -= 1,
            "*" | "/" | "." => {}
            _ if depth > 0 || matches!(token.kind, Kind::Name | Kind::Number) => {}
            _ => break,
        }
        let is_word = matches!(token.text, "return" | "print" | "and" | "or" | "not" | "in" | "if" | "else" | "lambda");
        if token.kind == Kind::Name && is_word && depth == 0 {
            break;
        }
        if script.is_float(index) {
            return true;
        }
    }
    let first = if script.is(at + 1, "-") { at + 2 } else { at + 1 };
    let last = if script.is(first, "(") { script.after_group(first) } else { first + 1 };
    let chain = (first..).take_while(|index| {
        *index < last || script.is(*index, ".") || index.checked_sub(1).is_some_and(|before| script.is(before, "."))
    });
    chain.into_iter().any(|index| script.is_float(index))
}
