//! SQLite's pragmas: those that read, and no others.
//!
//! A source's file is opened within this process, and some pragmas are about the whole of it: `hard_heap_limit` would take
//! the memory from Revere's own store. That they only take effect when they are executed is not so either: many do their
//! work while the statement is prepared, under `explain` too.

use super::sql_text::{self, Dialect, Piece};
use crate::sources::SourceFault;

/// Those that answer something about what is named in parentheses.
const ABOUT: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "quick_check",
    "integrity_check",
];

/// Those that an argument would set.
const ALONE: &[&str] = &[
    "database_list",
    "collation_list",
    "function_list",
    "user_version",
    "application_id",
    "encoding",
    "page_count",
    "page_size",
    "freelist_count",
    "schema_version",
    "journal_mode",
    "compile_options",
];

/// Refuses a pragma that is not known to read only. Any other statement is none of this one's business.
pub(super) fn refuse_others(sql: &str) -> Result<(), SourceFault> {
    // As SQLite does, a byte order mark counts as space.
    let code = sql_text::pieces(sql, Dialect::Sqlite).into_iter().map(|piece| match piece {
        Piece::Code(code) => code.replace('\u{feff}', " "),
        Piece::Quoted(_) => "'".to_owned(),
        Piece::Comment(_) => " ".to_owned(),
    });
    let code = code.collect::<String>().to_ascii_lowercase();
    let mut rest = code.trim();
    for word in ["explain", "query", "plan"] {
        rest = after_word(rest, word).unwrap_or(rest);
    }
    let Some(pragma) = after_word(rest, "pragma") else { return Ok(()) };
    // `main.user_version`
    let (first, after) = name(pragma);
    let (name, argument) = match after.strip_prefix('.') {
        Some(second) => name(second.trim_start()),
        None => (first, after),
    };
    let about = argument.is_empty() || argument.starts_with('(') && argument.ends_with(')');
    match ABOUT.contains(&name) && about || ALONE.contains(&name) && argument.is_empty() {
        true => Ok(()),
        false => Err(SourceFault::Failed(format!(
            "this pragma is refused; allowed are, without a value: {}; and also with a name in parentheses: {}",
            ALONE.join(", "),
            ABOUT.join(", ")
        ))),
    }
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (!rest.starts_with(sql_text::is_name)).then(|| rest.trim_start())
}

fn name(text: &str) -> (&str, &str) {
    let (name, rest) = text.split_at(text.find(|c| !sql_text::is_name(c)).unwrap_or(text.len()));
    (name, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pragmas_that_read_go_through() {
        for sql in [
            "select 1",
            "pragma table_info(orders)",
            "PRAGMA main . Table_Info ('it''s')",
            "pragma user_version",
            "explain query plan pragma page_count",
            "select * from pragma_table_info('x') where pragma = 1",
            "/* x */ pragma integrity_check",
            "explain select pragma from t",
        ] {
            assert_eq!(refuse_others(sql), Ok(()), "{sql}");
        }
        for sql in [
            "pragma hard_heap_limit = 1",
            "pragma hard_heap_limit",
            "PRAGMA/**/soft_heap_limit(1)",
            "-- x\n\u{feff} pragma main.hard_heap_limit(1)",
            "explain pragma hard_heap_limit(1)",
            "explain query plan pragma temp_store_directory = '/x'",
            "explain/**/pragma hard_heap_limit(1)",
            "pragma \"hard_heap_limit\"(1)",
            "pragma[hard_heap_limit](1)",
            "pragma 'main'.hard_heap_limit = 1",
            "pragma user_version = 3",
            "pragma user_version(3)",
            "pragma journal_mode(off)",
            "pragma table_info = x",
            "pragma table_info(x) = 3",
            "pragma",
        ] {
            match refuse_others(sql) {
                Err(SourceFault::Failed(text)) if text.starts_with("this pragma is refused; allowed are") => {}
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}
