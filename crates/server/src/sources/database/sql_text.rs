//! Just enough of the spelling of SQL dialects to know what is code and what is text or comment.
//!
//! Placeholders are looked for in code only, and one call is one statement. The database has the last word on both: the
//! statements go out by the protocol that takes one, and reading alone is its own transaction or file mode.

/// Whose spelling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    Sqlite,
    MySql,
    /// MySQL's where a backslash in a text is no more than that (`NO_BACKSLASH_ESCAPES`).
    MySqlPlain,
    Postgres,
    /// Any other, of which only what they have in common is known.
    Other,
    /// Any other in which `[it's]` is a name: SQL Server and its kin.
    Bracketed,
}

/// A stretch of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece<'a> {
    /// Keywords, operators, numbers, names without quotes.
    Code(&'a str),
    /// A text or a quoted name.
    Quoted(&'a str),
    /// A comment.
    Comment(&'a str),
}

impl<'a> Piece<'a> {
    /// As it was written.
    pub(super) fn text(self) -> &'a str {
        match self {
            Piece::Code(text) | Piece::Quoted(text) | Piece::Comment(text) => text,
        }
    }
}

/// Cuts `sql` into pieces; joined again they are `sql`.
pub(super) fn pieces(sql: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < sql.len() {
        let Some((length, kind)) = special(sql, at, dialect) else {
            at += sql[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if start < at {
            pieces.push(Piece::Code(&sql[start..at]));
        }
        let text = &sql[at..at + length];
        pieces.push(match kind {
            Special::Quoted => Piece::Quoted(text),
            Special::Comment => Piece::Comment(text),
        });
        at += length;
        start = at;
    }
    if start < sql.len() {
        pieces.push(Piece::Code(&sql[start..]));
    }
    pieces
}

/// The one statement in `sql` without what ends it, or what else is there.
pub(super) fn one_statement(sql: &str, dialect: Dialect) -> Result<&str, String> {
    let mut ended = None;
    let (mut at, mut any) = (0, false);
    for piece in pieces(sql, dialect) {
        match piece {
            Piece::Comment(_) => {}
            Piece::Quoted(_) if ended.is_some() => return Err(MORE_THAN_ONE.to_owned()),
            Piece::Quoted(_) => any = true,
            Piece::Code(code) => {
                for (offset, c) in code.char_indices() {
                    match c {
                        ';' => ended = ended.or(Some(at + offset)),
                        c if c.is_whitespace() => {}
                        _ if ended.is_some() => return Err(MORE_THAN_ONE.to_owned()),
                        _ => any = true,
                    }
                }
                // SQLite reads `$name(...)` as one variable, and would find a text's quote where there is none.
                if dialect == Dialect::Sqlite && opens_call_like_variable(code) {
                    return Err("variables of the form $name(...) are not supported".to_owned());
                }
            }
        }
        at += piece.text().len();
    }
    if !any {
        return Err("the statement is empty".to_owned());
    }
    Ok(&sql[..ended.unwrap_or(sql.len())])
}

const MORE_THAN_ONE: &str = "one statement per call; there is more after the first ';'";

/// The first word, in lower case; `(` counts as the `select` it must lead to.
pub(super) fn keyword(sql: &str, dialect: Dialect) -> String {
    for piece in pieces(sql, dialect) {
        let Piece::Code(code) = piece else { continue };
        let code = code.trim_start();
        if code.starts_with('(') {
            return "select".to_owned();
        }
        let word: String = code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !word.is_empty() || !code.is_empty() {
            return word.to_ascii_lowercase();
        }
    }
    String::new()
}

/// Every word of the code, in lower case.
pub(super) fn words(sql: &str, dialect: Dialect) -> Vec<String> {
    let code = pieces(sql, dialect).into_iter().filter_map(|piece| match piece {
        Piece::Code(code) => Some(code),
        _ => None,
    });
    code.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Whether the text or quoted name `quoted` has its end, where backslashes escape nothing.
pub(super) fn is_closed(quoted: &str) -> bool {
    let marks = |mark: u8| quoted.bytes().filter(|byte| *byte == mark).count();
    match quoted.as_bytes()[0] {
        b'[' => marks(b']') % 2 == 1,
        mark => marks(mark) % 2 == 0,
    }
}

enum Special {
    Quoted,
    Comment,
}

/// The quoted text or comment that begins at `at`, and how long it is. What is not closed goes to the end.
fn special(sql: &str, at: usize, dialect: Dialect) -> Option<(usize, Special)> {
    use Dialect::{Bracketed, MySql, MySqlPlain, Other, Postgres, Sqlite};
    let is_my_sql = matches!(dialect, MySql | MySqlPlain);
    let rest = &sql[at..];
    let before = sql[..at].chars().next_back();
    let quoted = |length: usize| Some((length, Special::Quoted));
    let comment = |length: usize| Some((length, Special::Comment));
    match (rest.as_bytes()[0], dialect) {
        (b'\'', Postgres) => quoted(quote(rest, b'\'', follows_escape_mark(&sql[..at]))),
        (b'\'', _) => quoted(quote(rest, b'\'', dialect == MySql)),
        (b'"', _) => quoted(quote(rest, b'"', dialect == MySql)),
        (b'`', MySql | MySqlPlain | Sqlite | Other) => quoted(quote(rest, b'`', false)),
        (b'[', Sqlite) => quoted(rest.find(']').map_or(rest.len(), |end| end + 1)),
        (b'[', Bracketed) => quoted(quote(rest, b']', false)),
        (b'$', Postgres) if !before.is_some_and(is_name) => dollar_quote(rest).and_then(quoted),
        (b'-', _) if rest.starts_with("--") => {
            // For MySQL two dashes are a comment only before a space: 5--3 is a subtraction.
            let third = rest.as_bytes().get(2);
            if is_my_sql && third.is_some_and(|byte| !byte.is_ascii_whitespace() && !byte.is_ascii_control()) {
                return None;
            }
            let ends: &[char] = if dialect == Postgres { &['\n', '\r'] } else { &['\n'] };
            comment(rest.find(ends).unwrap_or(rest.len()))
        }
        (b'#', _) if is_my_sql => comment(rest.find('\n').unwrap_or(rest.len())),
        (b'/', _) if rest.starts_with("/*") => comment(block_comment(rest, matches!(dialect, Postgres | Bracketed))),
        _ => None,
    }
}

/// Whether the quote after `front` is of the form `E'...'`, in which backslashes escape.
fn follows_escape_mark(front: &str) -> bool {
    let mut back = front.chars().rev();
    matches!(back.next(), Some('e' | 'E')) && !back.next().is_some_and(is_name)
}

pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of a text that `rest` begins with, in which the doubled quote stands for itself.
fn quote(rest: &str, mark: u8, backslash: bool) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash => at += 2,
            byte if byte == mark && bytes.get(at + 1) == Some(&mark) => at += 2,
            byte if byte == mark => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a text between two `$$` or `$name$` that `rest` begins with.
pub(super) fn dollar_quote(rest: &str) -> Option<usize> {
    let tag = rest[1..].find('$').map(|end| &rest[..end + 2])?;
    let inner = &tag[1..tag.len() - 1];
    if inner.starts_with(|c: char| c.is_ascii_digit()) || !inner.chars().all(|c| is_name(c) && c != '$') {
        return None;
    }
    Some(rest[tag.len()..].find(tag).map_or(rest.len(), |end| tag.len() + end + tag.len()))
}

fn block_comment(rest: &str, nested: bool) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            b"/*" if nested => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether there is a `$name(`, in one pass: a name's marks (`$a::b`) are part of it.
fn opens_call_like_variable(code: &str) -> bool {
    // How much of a name there is since the first mark of it.
    let mut length = None;
    for c in code.chars() {
        length = match (c, length) {
            ('(', Some(1..)) => return true,
            ('@' | '#', _) | ('$' | ':', None) => Some(0_usize),
            (c, Some(length)) if is_name(c) || c == ':' => Some(length + 1),
            _ => None,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Dialect::*, *};

    fn code(sql: &str, dialect: Dialect) -> String {
        let shown = |piece: Piece<'_>| match piece {
            Piece::Code(code) => code.to_owned(),
            Piece::Quoted(_) => "Q".to_owned(),
            Piece::Comment(_) => "C".to_owned(),
        };
        pieces(sql, dialect).into_iter().map(shown).collect()
    }

    #[test]
    fn texts_names_and_comments_are_no_code() {
        assert_eq!(code("a 'it''s' b", Sqlite), "a Q b");
        assert_eq!(code(r"a '\' b", Postgres), "a Q b");
        assert_eq!(code(r"a '\'' b", MySql), "a Q b");
        assert_eq!(code(r"a '\' b # c", MySqlPlain), "a Q b C");
        assert_eq!(code(r#"a "\" `b` 5--3"#, MySqlPlain), "a Q Q 5--3");
        assert_eq!(code(r"a E'\'' b", Postgres), "a EQ b");
        assert_eq!(code(r"namee'\' b", Postgres), "nameeQ b");
        assert_eq!(code(r#"a "x""y" `n` b"#, MySql), "a Q Q b");
        assert_eq!(code("a `n` b", Postgres), "a `n` b");
        assert_eq!(code("a [x;y] b", Sqlite), "a Q b");
        assert_eq!(code("a $$x;'$$ $t$ $$ $t$ b$1$c$1$", Postgres), "a Q Q b$1$c$1$");
        assert_eq!(code("a -- c\nb", Postgres), "a C\nb");
        assert_eq!(code("a 5--3", MySql), "a 5--3");
        assert_eq!(code("a -- c\nb # d", MySql), "a C\nb C");
        assert_eq!(code("a /* x /* y */ z */ b", Postgres), "a C b");
        assert_eq!(code("a /* x /* y */ z b", MySql), "a C z b");
    }

    #[test]
    fn one_statement_means_one() {
        assert_eq!(one_statement("select 1 ; -- done", Postgres).unwrap(), "select 1 ");
        assert_eq!(one_statement("select ';'", MySql).unwrap(), "select ';'");
        for sql in ["select 1; drop table x", "select 1;;'x'", "select $x('); attach 'f' as g --'"] {
            assert!(one_statement(sql, Sqlite).is_err(), "{sql}");
        }
        assert!(one_statement(" -- nothing\n;", Sqlite).is_err());
        assert_eq!(keyword("/* x */ (select 1)", Sqlite), "select");
        assert_eq!(keyword("-- x\n WITH a as (select 1) ...", Postgres), "with");
    }

    #[test]
    fn variables_that_take_arguments_are_found() {
        for code in ["$x(", "a $a::b(", ":x(", "@x(", "#x(", "$$(", "::(", "a@:b("] {
            assert!(opens_call_like_variable(code), "{code}");
        }
        for code in ["$(", "f(x)", "$x (", "@$ (", ":x = f(1)", "a:", "@("] {
            assert!(!opens_call_like_variable(code), "{code}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_whole(sql in "[-a-zE'\"`$;/*#\\\\\\[\\] \n:@(é1]{0,40}") {
            for dialect in [Sqlite, MySql, MySqlPlain, Postgres, Other, Bracketed] {
                let joined: String = pieces(&sql, dialect).into_iter().map(Piece::text).collect();
                prop_assert_eq!(&joined, &sql);
            }
        }
    }
}
