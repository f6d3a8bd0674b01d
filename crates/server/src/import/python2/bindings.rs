//! What the names of a script stand for, as far as its text shows: things of its own, modules, exceptions, rows of a
//! database. Guesses, which only decide whether a hint is worth giving.

use std::collections::HashSet;

use super::tokens::{Kind, Token};

/// A script's tokens, and what its names stand for.
#[derive(Default)]
pub(super) struct Script<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    /// How many brackets are open before each token.
    depth: Vec<usize>,
    /// Assigned, looped over, defined or taken as a parameter.
    pub(super) bound: HashSet<&'a str>,
    pub(super) imported: HashSet<&'a str>,
    /// Caught exceptions.
    pub(super) errors: HashSet<&'a str>,
    /// Answers of a database source.
    rows: HashSet<&'a str>,
    /// One row of such an answer.
    pub(super) row: HashSet<&'a str>,
    pub(super) floats: HashSet<&'a str>,
    /// What `map`, `filter` or `zip` gave.
    pub(super) iterators: HashSet<&'a str>,
    /// What `.keys()` and its like gave.
    pub(super) views: HashSet<&'a str>,
}

impl<'a> Script<'a> {
    pub(super) fn new(tokens: Vec<Token<'a>>) -> Script<'a> {
        let mut open = 0usize;
        let depth = tokens.iter().map(|token| match token.text {
            "(" | "[" | "{" if token.kind == Kind::Sign => {
                open += 1;
                open - 1
            }
            ")" | "]" | "}" if token.kind == Kind::Sign => {
                open = open.saturating_sub(1);
                open
            }
            _ => open,
        });
        let depth = depth.collect();
        let mut script = Script { tokens, depth, ..Script::default() };
        for at in 0..script.tokens.len() {
            script.bind(at);
        }
        script
    }

    pub(super) fn get(&self, at: usize) -> Token<'a> {
        self.tokens.get(at).copied().unwrap_or(Token { kind: Kind::End, text: "", line: 0 })
    }

    pub(super) fn is(&self, at: usize, text: &str) -> bool {
        self.get(at).is(text)
    }

    pub(super) fn is_name(&self, at: usize) -> bool {
        self.get(at).kind == Kind::Name
    }

    /// Whether the token is a name by itself, and no attribute of something.
    pub(super) fn is_free_name(&self, at: usize) -> bool {
        self.is_name(at) && !(at > 0 && self.is(at - 1, "."))
    }

    /// The index after the bracket that closes the one at `at`.
    pub(super) fn after_group(&self, at: usize) -> usize {
        let depth = self.depth.get(at).copied().unwrap_or_default();
        let closes = |index: &usize| self.depth[*index] == depth && matches!(self.tokens[*index].text, ")" | "]" | "}");
        (at + 1..self.tokens.len()).find(closes).map_or(self.tokens.len(), |end| end + 1)
    }

    /// The index after `NAME.execute(...)` or the name of its answer that begins at `at`, unless its rows are dicts.
    pub(super) fn after_rows(&self, at: usize) -> Option<usize> {
        if !self.is_free_name(at) {
            return None;
        }
        if self.rows.contains(self.get(at).text) {
            return Some(at + 1);
        }
        let mut next = at + 1;
        loop {
            if self.is(next, "[") {
                next = self.after_group(next);
            } else if self.is(next, ".") && self.is(next + 1, "execute") && self.is(next + 2, "(") {
                let end = self.after_group(next + 2);
                return (!self.tokens[next..end].iter().any(|token| token.is("as_dict"))).then_some(end);
            } else {
                return None;
            }
        }
    }

    fn bind(&mut self, at: usize) {
        let token = self.tokens[at];
        match (token.kind, token.text) {
            (Kind::Sign, "=") if self.depth[at] == 0 => self.assign(at),
            (Kind::Name, "for") => {
                let end = (at..self.tokens.len()).find(|index| self.is(*index, "in")).unwrap_or(at);
                self.bind_names(at + 1, end);
                if self.after_rows(end + 1).is_some_and(|after| !self.is(after, "[") && !self.is(after, "."))
                    && end == at + 2
                {
                    self.row.insert(self.tokens[at + 1].text);
                }
            }
            (Kind::Name, "def" | "class") if self.is_name(at + 1) => {
                self.bound.insert(self.tokens[at + 1].text);
                if token.text == "def" && self.is(at + 2, "(") {
                    self.bind_names(at + 3, self.after_group(at + 2));
                }
            }
            (Kind::Name, "lambda") => {
                let end = (at..self.tokens.len()).find(|index| self.is(*index, ":")).unwrap_or(at);
                self.bind_names(at + 1, end);
            }
            (Kind::Name, "import") => self.import(at),
            (Kind::Name, "except") => self.catch(at),
            (Kind::Name, "as") if self.is_name(at + 1) => {
                self.bound.insert(self.tokens[at + 1].text);
            }
            _ => {}
        }
    }

    fn bind_names(&mut self, from: usize, to: usize) {
        let names = self.tokens[from.min(to)..to].iter().filter(|token| token.kind == Kind::Name);
        self.bound.extend(names.map(|token| token.text));
    }

    fn end_of_statement(&self, at: usize) -> usize {
        (at..self.tokens.len()).find(|index| self.tokens[*index].kind == Kind::End).unwrap_or(self.tokens.len())
    }

    fn import(&mut self, at: usize) {
        let end = self.end_of_statement(at);
        for index in at + 1..end {
            if self.is_free_name(index) {
                self.imported.insert(self.tokens[index].text);
            }
        }
    }

    /// `except X as e:` and `except X, e:`.
    fn catch(&mut self, at: usize) {
        let end = (at..self.tokens.len())
            .find(|index| self.is(*index, ":") || self.tokens[*index].kind == Kind::End)
            .unwrap_or(at);
        let named = end >= 2 && (self.is(end - 2, "as") || self.is(end - 2, ","));
        if named && end > at + 2 && self.is_name(end - 1) {
            self.errors.insert(self.tokens[end - 1].text);
        }
    }

    fn assign(&mut self, at: usize) {
        let mut first = at;
        while first > 0 && (self.is_name(first - 1) || self.is(first - 1, ",")) {
            first -= 1;
        }
        self.bind_names(first, at);
        if first + 1 != at {
            return;
        }
        let (name, end) = (self.tokens[first].text, self.end_of_statement(at));
        for set in [&mut self.rows, &mut self.row, &mut self.floats, &mut self.iterators, &mut self.views] {
            set.remove(name);
        }
        if let Some(after) = self.after_rows(at + 1) {
            if after == end {
                self.rows.insert(name);
            } else if self.is(after, "[") && self.after_group(after) == end && !self.has_colon(after, end) {
                self.row.insert(name);
            }
        }
        if (at + 1..end).any(|index| self.is_float(index)) {
            self.floats.insert(name);
        }
        let is_iterator = matches!(self.get(at + 1).text, "map" | "filter" | "zip") && self.is(at + 2, "(");
        if is_iterator && self.after_group(at + 2) == end {
            self.iterators.insert(name);
        }
        if end > at + 4 && self.is(end - 4, ".") && matches!(self.get(end - 3).text, "keys" | "values" | "items") {
            self.views.insert(name);
        }
    }

    fn has_colon(&self, from: usize, to: usize) -> bool {
        (from..to).any(|index| self.is(index, ":"))
    }

    /// Whether the token makes a float of what it is divided by or multiplied with.
    pub(super) fn is_float(&self, at: usize) -> bool {
        let token = self.get(at);
        match token.kind {
            Kind::Number => {
                let is_hex = token.text.starts_with("0x") || token.text.starts_with("0X");
                !is_hex && token.text.contains(['.', 'e', 'E'])
            }
            Kind::Name if self.is_free_name(at) => token.text == "float" || self.floats.contains(token.text),
            Kind::Name => matches!(token.text, "get_sum" | "get_avg" | "total_seconds" | "time"),
            _ => false,
        }
    }
}
