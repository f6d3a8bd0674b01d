//! Words that only Python 2 knew, and habits of the original's sources: such a script compiles, and breaks when it runs.
//! A hint for whoever mends it, found by reading lines; never a verdict.

/// A line that deserves a look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// From 1.
    pub line: usize,
    /// What is there, and what to write instead.
    pub message: &'static str,
}

/// What to look for, and what to say. A word that begins with a dot is a method.
const WORDS: &[(&str, &str)] = &[
    ("unicode", "`unicode` is `str` now"),
    ("basestring", "`basestring` is `str` now"),
    ("long", "`long` is `int` now"),
    ("xrange", "`xrange` is `range` now"),
    ("raw_input", "there is nobody to ask: `raw_input` is gone"),
    ("unichr", "`unichr` is `chr` now"),
    ("reduce", "`reduce` is in `functools` now"),
    ("urllib2", "`urllib2` is gone, and monitors have no network: use an http source"),
    ("urlopen", "monitors have no network: use an http source"),
    ("requests", "monitors have no network: use an http source"),
    ("boto", "monitors have no network, and `boto` is not there: use a source"),
    ("StringIO", "`StringIO` is in `io` now"),
    ("cPickle", "`cPickle` is `pickle` now"),
    (".iteritems", "`.iteritems()` is `.items()` now"),
    (".itervalues", "`.itervalues()` is `.values()` now"),
    (".iterkeys", "`.iterkeys()` is `.keys()` now"),
    (".has_key", "`.has_key(x)` is `x in ...` now"),
    (".fetchall", "a database source answers a list of rows: take `.fetchall()` away"),
    (".fetchone", "a database source answers a list of rows: `[0]` is the first"),
    (".scalar", "a database source answers a list of rows: `[0][0]` is the first value"),
    (".rowcount", "a database source answers a list of rows: `len(...)` counts them"),
    ("self", "`self` was the original's own monitor row, and is not there"),
];

/// The lines of a script that use any of these words, comments and quoted text aside.
pub(super) fn hints(script: &str) -> Vec<Hint> {
    // A class or a method has every right to a `self` of its own.
    let own_self = script.contains("def ") && script.contains("(self");
    let mut hints = Vec::new();
    for (index, line) in script.lines().enumerate() {
        let code = without_quotes(line);
        if catches_two_names(&code) {
            let message = "`except X, e:` catches what `X` and `e` name now: write `except X as e:`";
            hints.push(Hint { line: index + 1, message });
        }
        for (word, message) in WORDS {
            if (*word != "self" || !own_self) && uses(&code, word) {
                hints.push(Hint { line: index + 1, message });
            }
        }
    }
    hints
}

/// `except X, e:`, which is a tuple of two exceptions since Python 3.14.
fn catches_two_names(code: &str) -> bool {
    let Some(caught) = code.trim().strip_prefix("except ").and_then(|rest| rest.split(':').next()) else {
        return false;
    };
    match caught.split_once(',') {
        Some((_, name)) => name.trim().starts_with(|c: char| c.is_lowercase() || c == '_') && !caught.contains('('),
        None => false,
    }
}

fn uses(code: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let free_before = word.starts_with('.') || !before.is_some_and(|c| is_word(c) || c == '.');
        // `long=1` in a call and `x.long` are other things.
        free_before && !after.is_some_and(is_word) && !code[at + word.len()..].trim_start().starts_with("= ")
    })
}

/// The line up to a comment, with what stands in quotes left out.
fn without_quotes(line: &str) -> String {
    let mut code = String::new();
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '#') => break,
            (None, '\'' | '"') => quote = Some(c),
            (None, c) => code.push(c),
            (Some(_), '\\') => drop(chars.next()),
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_python_2_are_found_with_their_lines() {
        let script = "import urllib2\nfor k, v in d.iteritems():\n    x = unicode(v)\nrows = sources['db'].execute('select 1').fetchall()\n";
        let found: Vec<(usize, &str)> =
            hints(script).iter().map(|hint| (hint.line, hint.message.split('`').nth(1).unwrap())).collect();
        assert_eq!(found, [(1, "urllib2"), (2, ".iteritems()"), (3, "unicode"), (4, ".fetchall()")]);
    }

    #[test]
    fn an_exception_named_as_python_2_did_is_found() {
        let script = "try:\n    pass\nexcept Exception, e:\n    pass\nexcept (KeyError, ValueError): pass\nexcept KeyError, TypeError: pass\n";
        assert_eq!(hints(script).iter().map(|hint| hint.line).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn comments_text_and_longer_words_are_left_alone() {
        let script =
            "# unicode\nx = 'long xrange'\nlongest = max(along, belong)\nx.long\nclass A:\n    def f(self): pass\n";
        assert_eq!(hints(script), []);
    }
}
