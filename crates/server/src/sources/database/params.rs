//! Parameters in any of the ways Python's drivers write them: `%s`, `?`, `$1`, `%(name)s`, `:name`.
//!
//! The statement is cut where its parameters stand; how a value gets there is the dialect's matter. Nothing inside texts
//! and comments is a placeholder, except that `%%` means `%` wherever the `%` styles are used, as drivers have it.

use std::collections::HashMap;

use super::{
    Value,
    sql_text::{Dialect, Piece, pieces},
};

/// Most bytes that all values of a statement take together: one that is named many times counts as often.
const MOST_BYTES: usize = 64 << 20;

/// Longest name in `%(name)s`; what is longer is no placeholder.
const LONGEST_NAME: usize = 128;

/// A statement with its values in place.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Part {
    Sql(String),
    Value(Value),
}

/// Puts `params` (a list, a tuple or a dict) into `sql`. Without any the statement stays as it is.
pub(super) fn place(sql: &str, params: Option<Value>, dialect: Dialect) -> Result<Vec<Part>, String> {
    match params {
        // SQLite would take a forgotten parameter for NULL, and find nothing.
        None if dialect == Dialect::Sqlite && used(sql, &[Style::Question, Style::Colon], dialect).is_some() => {
            Err("the statement has placeholders, and no parameters were given".to_owned())
        }
        None => Ok(vec![Part::Sql(sql.to_owned())]),
        Some(Value::List(values) | Value::Tuple(values)) => positional(sql, values, dialect),
        Some(Value::Dict(items)) => {
            let named = |(key, value)| match key {
                Value::Text(name) => Ok((name, value)),
                other => Err(format!("the names of parameters must be texts, not {}", other.repr(60))),
            };
            by_name(sql, items.into_iter().map(named).collect::<Result<_, _>>()?, dialect)
        }
        Some(other) => Err(format!("'params' must be a list, a tuple or a dict, not {}", other.repr(60))),
    }
}

/// How the placeholders of a statement are written.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Style {
    /// `%s`
    Format,
    /// `?`
    Question,
    /// `$1`
    Dollar,
    /// `%(name)s`
    Pyformat,
    /// `:name`
    Colon,
}

impl Style {
    fn percent(self) -> bool {
        matches!(self, Style::Format | Style::Pyformat)
    }
}

fn positional(sql: &str, values: Vec<Value>, dialect: Dialect) -> Result<Vec<Part>, String> {
    // `?` is an operator on JSON in PostgreSQL, so it is a placeholder there only where there is no other kind.
    let styles: &[Style] = match dialect {
        Dialect::Postgres => &[Style::Format, Style::Dollar, Style::Question],
        _ => &[Style::Format, Style::Question],
    };
    let style = used(sql, styles, dialect);
    if values.is_empty() && (style.is_none() || dialect == Dialect::Postgres && style == Some(Style::Question)) {
        return Ok(vec![Part::Sql(sql.to_owned())]);
    }
    let style = style
        .ok_or_else(|| format!("placeholders in the statement (%s or ?): none; parameters given: {}", values.len()))?;
    let mut taken = vec![false; values.len()];
    let mut next = 0;
    let mut asked = 0;
    let parts = replace(sql, style, dialect, |placeholder| {
        let index = match placeholder {
            Found::Next => {
                next += 1;
                next - 1
            }
            Found::Number(number) => number.wrapping_sub(1),
            Found::Name(_) => usize::MAX,
        };
        asked = asked.max(index.saturating_add(1));
        let value = values.get(index).cloned();
        if let Some(taken) = taken.get_mut(index) {
            *taken = true;
        }
        Ok(value.unwrap_or(Value::Null))
    })?;
    if asked > values.len() || taken.contains(&false) {
        return Err(format!("placeholders in the statement: {asked}; parameters given: {}", values.len()));
    }
    Ok(parts)
}

fn by_name(sql: &str, values: Vec<(String, Value)>, dialect: Dialect) -> Result<Vec<Part>, String> {
    let Some(style) = used(sql, &[Style::Pyformat, Style::Colon], dialect) else {
        return match values.as_slice() {
            [] => Ok(vec![Part::Sql(sql.to_owned())]),
            _ => {
                Err("parameters by name were given, but the statement has no placeholder (:name or %(name)s)"
                    .to_owned())
            }
        };
    };
    // The first of a name, as ever: a dict has each once.
    let mut known = HashMap::with_capacity(values.len());
    for (name, value) in &values {
        known.entry(name.as_str()).or_insert(value);
    }
    replace(sql, style, dialect, |placeholder| {
        let Found::Name(name) = placeholder else { return Ok(Value::Null) };
        known.get(name).map(|value| (*value).clone()).ok_or_else(|| {
            let given: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "the statement has a parameter '{name}', and given are: {}",
                if given.is_empty() { "none".to_owned() } else { given.join(", ") }
            )
        })
    })
}

enum Found<'a> {
    Next,
    Number(usize),
    Name(&'a str),
}

/// The first of `styles` that the code of `sql` uses.
fn used(sql: &str, styles: &[Style], dialect: Dialect) -> Option<Style> {
    let code: Vec<&str> = pieces(sql, dialect)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Code(code) => Some(code),
            _ => None,
        })
        .collect();
    styles.iter().copied().find(|style| {
        code.iter()
            .any(|code| (0..code.len()).any(|at| code.is_char_boundary(at) && placeholder(code, at, *style).is_some()))
    })
}

fn replace<'a>(
    sql: &'a str,
    style: Style,
    dialect: Dialect,
    mut value: impl FnMut(Found<'a>) -> Result<Value, String>,
) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut bytes = 0;
    for piece in pieces(sql, dialect) {
        let code = match piece {
            Piece::Code(code) => code,
            other if style.percent() => {
                text.push_str(&other.text().replace("%%", "%"));
                continue;
            }
            other => {
                text.push_str(other.text());
                continue;
            }
        };
        let mut at = 0;
        while at < code.len() {
            if style.percent() && code[at..].starts_with("%%") {
                text.push('%');
                at += 2;
            } else if style == Style::Colon && code[at..].starts_with("\\:") {
                text.push(':');
                at += 2;
            } else if let Some((length, found)) = placeholder(code, at, style) {
                parts.push(Part::Sql(std::mem::take(&mut text)));
                let value = value(found)?;
                bytes += crate::sources::size(&value);
                if bytes > MOST_BYTES {
                    return Err(format!("the parameters of a statement may take {} MiB in all", MOST_BYTES >> 20));
                }
                parts.push(Part::Value(value));
                at += length;
            } else {
                let c = code[at..].chars().next().unwrap_or(' ');
                text.push(c);
                at += c.len_utf8();
            }
        }
    }
    parts.push(Part::Sql(text));
    Ok(parts)
}

/// The placeholder at `at`, and how long it is. Asked at every place of a statement, so it looks only as far as the
/// placeholder goes.
fn placeholder(code: &str, at: usize, style: Style) -> Option<(usize, Found<'_>)> {
    let rest = &code[at..];
    let before = code[..at].chars().next_back();
    match style {
        Style::Format => {
            if !rest.starts_with("%s") {
                return None;
            }
            // `%%s` is an escaped percent sign and an s; `a %s` is not a remainder, whatever MySQL thinks of it.
            let escapes = code[..at].bytes().rev().take_while(|byte| *byte == b'%').count();
            (escapes % 2 == 0).then_some((2, Found::Next))
        }
        Style::Question => rest.starts_with('?').then_some((1, Found::Next)),
        Style::Dollar => {
            let digits = rest.strip_prefix('$')?;
            let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let number = digits[..length].parse().ok().filter(|number| *number > 0)?;
            (!before.is_some_and(is_name)).then_some((length + 1, Found::Number(number)))
        }
        Style::Pyformat => {
            let name = rest.strip_prefix("%(")?;
            let end = name[..name.floor_char_boundary(LONGEST_NAME + 1)].find(')')?;
            name[end..].starts_with(")s").then_some((end + 4, Found::Name(&name[..end])))
        }
        Style::Colon => {
            // Not a cast (`x::int`), a slice (`a[1:n]` needs a space), nor a label of something.
            let name = rest.strip_prefix(':')?;
            let length = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
            let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
            let bound = before.is_some_and(|c| c == ':' || c == '\\' || is_name(c));
            (begins && !bound).then_some((length + 1, Found::Name(&name[..length])))
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{Dialect::*, *};

    fn placed(sql: &str, params: Value, dialect: Dialect) -> Result<String, String> {
        let shown = |part: Part| match part {
            Part::Sql(sql) => sql,
            Part::Value(value) => format!("<{}>", value.repr(40)),
        };
        place(sql, Some(params), dialect).map(|parts| parts.into_iter().map(shown).collect())
    }

    fn list(values: &[i64]) -> Value {
        Value::List(values.iter().copied().map(Value::Int).collect())
    }

    fn dict(items: &[(&str, i64)]) -> Value {
        Value::Dict(items.iter().map(|(name, value)| (Value::Text((*name).to_owned()), Value::Int(*value))).collect())
    }

    #[test]
    fn every_style_is_understood() {
        assert_eq!(placed("a = %s and b = %s", list(&[1, 2]), MySql).unwrap(), "a = <1> and b = <2>");
        assert_eq!(placed("a = ? and b = ?", list(&[1, 2]), Sqlite).unwrap(), "a = <1> and b = <2>");
        assert_eq!(
            placed("a = $2 and b = $1 and c = $2", list(&[1, 2]), Postgres).unwrap(),
            "a = <2> and b = <1> and c = <2>"
        );
        assert_eq!(placed("j ? 'k' and a = %s", list(&[1]), Postgres).unwrap(), "j ? 'k' and a = <1>");
        assert_eq!(
            placed("a = :x and b = :y and c = :x", dict(&[("x", 1), ("y", 2)]), Sqlite).unwrap(),
            "a = <1> and b = <2> and c = <1>"
        );
        assert_eq!(placed("a = %(x)s", dict(&[("x", 1), ("unused", 2)]), Postgres).unwrap(), "a = <1>");
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        assert_eq!(placed("x like '%s' and y = %s -- %s", list(&[1]), MySql).unwrap(), "x like '%s' and y = <1> -- %s");
        assert_eq!(placed("x like 'a%%' and y %% 2 = %s", list(&[1]), MySql).unwrap(), "x like 'a%' and y % 2 = <1>");
        assert_eq!(
            placed("a::int = :a and t = '12:30' and b = \\:a", dict(&[("a", 1)]), Postgres).unwrap(),
            "a::int = <1> and t = '12:30' and b = :a"
        );
        assert_eq!(placed("a '?' \"?\" ?", list(&[1]), Sqlite).unwrap(), "a '?' \"?\" <1>");
        assert_eq!(place("select '%s', 5 %% 2", None, MySql).unwrap(), [Part::Sql("select '%s', 5 %% 2".into())]);
        assert_eq!(placed("select j ? 'a'", list(&[]), Postgres).unwrap(), "select j ? 'a'");
    }

    /// What this thread has worked: the machine may have other things to do.
    fn processor_time() -> std::time::Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Statements are the script's, and this is done where nothing else goes on meanwhile.
    #[test]
    fn no_statement_takes_long() {
        // A quarter of what is allowed, so that this ends soon where nothing is optimised: square, it takes half a minute.
        let most = super::super::LONGEST_STATEMENT / 4;
        let names: Vec<String> = (0..5_000).map(|number| format!("n{number}")).collect();
        let many = dict(&names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>());
        let units = [
            "%", ":", "$", "@", "#", "(", "-", "/", "*", "'", "\"", "`", "[", "\\", "?", ";", "a", " ", "%(", "%s",
            "%%", ":a", ":n4999 ", "$1", "$a", "$(", "@:", "/*", "E'", "\\:", "é",
        ];
        for dialect in [Sqlite, MySql, Postgres] {
            for unit in units {
                let sql = format!("select 1 {}", unit.repeat(most / unit.len()));
                let began = processor_time();
                let _ = super::super::sql_text::one_statement(&sql, dialect);
                let _ = super::super::sql_text::words(&sql, dialect);
                for params in [&many, &list(&[1])] {
                    let _ = place(&sql, Some(params.clone()), dialect);
                }
                let took = processor_time() - began;
                assert!(took < std::time::Duration::from_secs(1), "{unit:?} for {dialect:?}: {took:?}");
            }
        }
    }

    /// Looking for one character is so fast that it takes more of it to tell.
    #[test]
    fn names_without_an_end_take_no_longer() {
        let sql = "%(".repeat(super::super::LONGEST_STATEMENT);
        let began = processor_time();
        assert!(place(&sql, Some(dict(&[("x", 1)])), MySql).is_err());
        let took = processor_time() - began;
        assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    }

    #[test]
    fn one_value_in_many_places_counts_as_often() {
        let sql = ":a,".repeat(1000);
        let big = Value::Dict(vec![(Value::Text("a".to_owned()), Value::Text("x".repeat(1 << 20)))]);
        assert_eq!(place(&sql, Some(big), Sqlite).unwrap_err(), "the parameters of a statement may take 64 MiB in all");
        let long = "n".repeat(LONGEST_NAME);
        assert_eq!(placed(&format!("%({long})s"), dict(&[(&long, 1)]), MySql).unwrap(), "<1>");
    }

    #[test]
    fn what_does_not_fit_is_refused_in_numbers_and_names() {
        assert_eq!(
            placed("a = %s", list(&[1, 2]), MySql).unwrap_err(),
            "placeholders in the statement: 1; parameters given: 2"
        );
        assert_eq!(
            placed("a = ? or b = ?", list(&[1]), MySql).unwrap_err(),
            "placeholders in the statement: 2; parameters given: 1"
        );
        assert!(placed("a = 1", list(&[1]), MySql).unwrap_err().contains("none; parameters given: 1"));
        assert_eq!(
            placed("a = :x", dict(&[("y", 1)]), Sqlite).unwrap_err(),
            "the statement has a parameter 'x', and given are: y"
        );
        assert!(placed("a = 1", dict(&[("y", 1)]), Sqlite).is_err());
        assert!(placed("a = %s", Value::Int(3), MySql).unwrap_err().contains("'params' must be a list"));
    }
}
