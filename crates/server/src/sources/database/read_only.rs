//! What a source that only reads lets through.
//!
//! The database's own refusal is what counts, where there is one; this covers what a read-only transaction still lets
//! through (files on the server, settings, locks), and names the setting. For databases that only SQLAlchemy knows it is
//! all there is besides the rollback, so there whatever could be read in two ways is refused.

use super::sql_text::{self, Dialect, Piece};
use crate::sources::SourceFault;

/// What else a statement does, when `read_only` is set, as a fault.
pub(super) fn only_reads(sql: &str, dialect: Dialect) -> Result<(), SourceFault> {
    let word = match dialect {
        Dialect::Sqlite | Dialect::MySql | Dialect::MySqlPlain | Dialect::Postgres => not_reading(sql, dialect),
        Dialect::Other | Dialect::Bracketed => {
            if let Some(what) = ambiguous(sql, dialect) {
                return Err(SourceFault::Failed(format!(
                    "this source only reads, and databases differ on what {what} means; write it in another way"
                )));
            }
            writes_elsewhere(sql, dialect)
        }
    };
    match word {
        None => Ok(()),
        Some(word) => Err(SourceFault::Failed(format!(
            "this source only reads, and {} is no reading; 'read_only': False in its configuration would allow it",
            word
        ))),
    }
}

/// The word in a statement of a dialect known here that does more than to read.
fn not_reading(sql: &str, dialect: Dialect) -> Option<String> {
    const READS: &[&str] = &["select", "with", "values", "table", "show", "explain", "describe", "desc", "pragma"];
    if let Some(word) = begins_otherwise(sql, dialect, READS) {
        return Some(word);
    }
    if !matches!(dialect, Dialect::MySql | Dialect::MySqlPlain) {
        return None;
    }
    // To MySQL and MariaDB these comments are code, which was not looked at here.
    let executable = |piece: Piece<'_>| match piece {
        Piece::Comment(text) if text.starts_with("/*!") => Some("/*!"),
        Piece::Comment(text) if text.starts_with("/*M!") => Some("/*M!"),
        _ => None,
    };
    if let Some(mark) = sql_text::pieces(sql, dialect).into_iter().find_map(executable) {
        return Some(format!("a comment that is executed ({mark})"));
    }
    let words = sql_text::words(sql, dialect);
    let into_file = words.windows(2).any(|pair| pair[0] == "into" && (pair[1] == "outfile" || pair[1] == "dumpfile"));
    into_file.then(|| "INTO OUTFILE".to_owned())
}

/// The word in a statement of any other dialect that may change something.
fn writes_elsewhere(sql: &str, dialect: Dialect) -> Option<String> {
    const READS: &[&str] = &["select", "with", "values", "show", "explain", "describe", "desc"];
    // Some databases take one statement after the other with nothing in between, so these count anywhere.
    const CHANGES: &[&str] = &["insert", "update", "delete", "merge", "into", "exec", "execute"];
    const DEFINES: &[&str] = &["create", "alter", "drop", "grant", "revoke"];
    if let Some(word) = begins_otherwise(sql, dialect, READS) {
        return Some(word);
    }
    let words = sql_text::words(sql, dialect);
    // `show create table x`, `show grants`.
    let shows = words.first().is_some_and(|first| first == "show");
    let does = |word: &&String| CHANGES.contains(&word.as_str()) || !shows && DEFINES.contains(&word.as_str());
    words.iter().find(does).map(|word| word.to_uppercase())
}

fn begins_otherwise(sql: &str, dialect: Dialect, reads: &[&str]) -> Option<String> {
    match sql_text::keyword(sql, dialect) {
        word if reads.contains(&word.as_str()) => None,
        word if word.is_empty() => Some("THIS".to_owned()),
        word => Some(word.to_uppercase()),
    }
}

/// What one database takes for the end of a text or comment, and another does not: code could hide behind it.
fn ambiguous(sql: &str, dialect: Dialect) -> Option<&'static str> {
    let bare = dialect == Dialect::Other;
    let mut before = None;
    for piece in sql_text::pieces(sql, dialect) {
        let text = piece.text();
        match piece {
            Piece::Quoted(_) if !sql_text::is_closed(text) => return Some("a text without an end"),
            Piece::Quoted(_) if bare && ["\\'", "\\\"", "\\`"].iter().any(|mark| text.contains(mark)) => {
                return Some("a backslash before a quote");
            }
            Piece::Quoted(_) => {}
            Piece::Comment(_) if text.starts_with("/*!") || text.starts_with("/*M!") => {
                return Some("a comment that begins with an exclamation mark");
            }
            Piece::Comment(_) if bare && text.starts_with("/*") && text[2..].contains("/*") => {
                return Some("a comment within a comment");
            }
            Piece::Comment(_)
                if bare && text.len() > 2 && text.starts_with("--") && !text[2..].starts_with([' ', '\t', '\r']) =>
            {
                return Some("'--' without a space after it");
            }
            Piece::Comment(_) if text.trim_end_matches('\r').contains('\r') && text.starts_with("--") => {
                return Some("half a line break in a comment");
            }
            Piece::Comment(_) => {}
            Piece::Code(_) if bare => {
                for (at, c) in text.char_indices() {
                    let after_name = before.is_some_and(sql_text::is_name);
                    match c {
                        '#' if !after_name => return Some("'#'"),
                        '/' if before == Some('/') => return Some("'//'"),
                        '$' if !after_name && sql_text::dollar_quote(&text[at..]).is_some() => {
                            return Some("a text in '$'");
                        }
                        _ => {}
                    }
                    before = Some(c);
                }
                continue;
            }
            Piece::Code(_) => {}
        }
        before = None;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str, dialect: Dialect) -> Option<String> {
        only_reads(sql, dialect).err().map(|fault| fault.to_string())
    }

    #[test]
    fn what_does_not_read_is_refused_by_name() {
        for (sql, dialect) in [
            ("select 1", Dialect::MySql),
            ("(select 1) union (select 2)", Dialect::MySql),
            ("with x as (select 1) select * from x", Dialect::Postgres),
            ("show tables", Dialect::MySql),
            ("select 'into outfile', '/*! x */' /* plain */", Dialect::MySql),
            ("pragma table_info(x)", Dialect::Sqlite),
            ("select 1 /*! no more than a comment here */", Dialect::Postgres),
        ] {
            assert_eq!(refused(sql, dialect), None, "{sql}");
        }
        for (sql, dialect, word) in [
            ("attach 'x.db' as x", Dialect::Sqlite, "ATTACH"),
            ("VACUUM into 'x'", Dialect::Sqlite, "VACUUM"),
            ("/* x */ delete from t", Dialect::Postgres, "DELETE"),
            ("commit", Dialect::Postgres, "COMMIT"),
            ("call p()", Dialect::MySql, "CALL"),
            ("select 1 INTO/**/OUTFILE '/tmp/x'", Dialect::MySql, "INTO OUTFILE"),
            (r"select '\' into outfile '/tmp/x' -- '", Dialect::MySqlPlain, "INTO OUTFILE"),
            (r"select '\' /*! into outfile '/tmp/x' */ -- '", Dialect::MySqlPlain, "executed (/*!)"),
            ("/*! set global x = 1 */", Dialect::MySql, "THIS"),
            ("select 1 /*!50000 into outfile '/tmp/x' */", Dialect::MySql, "executed (/*!)"),
            ("select 1 /*M! into outfile '/tmp/x' */", Dialect::MySql, "executed (/*M!)"),
        ] {
            let text = refused(sql, dialect).unwrap();
            assert!(text.contains(&format!("{word} is no reading")), "{sql}: {text}");
        }
    }

    #[test]
    fn other_dialects_are_held_to_reading_too() {
        for sql in [
            "select deleted, updated_at from t -- delete",
            "with x as (select 'delete from t') select * from x",
            "show create table t",
            "values (1)",
            "select a[1], `delete` from \"update\" /* insert */",
            r"select '\d+', v$session.serial# from t",
        ] {
            assert_eq!(refused(sql, Dialect::Other), None, "{sql}");
        }
        assert_eq!(refused("select [delete], [it's] from #t --x", Dialect::Bracketed), None);
        for (sql, word) in [
            ("with x as (select 1) delete from t", "DELETE is no reading"),
            ("with x as (insert into t values (1) returning *) select * from x", "INSERT is no reading"),
            ("with x as (select 1) merge into t", "MERGE is no reading"),
            ("explain analyze update t set a = 1", "UPDATE is no reading"),
            ("select 1 drop table t", "DROP is no reading"),
            ("select * into u from t", "INTO is no reading"),
            ("table t", "TABLE is no reading"),
            ("begin delete from t; end", "BEGIN is no reading"),
            (r"select '\'' ; delete from t -- '", "a backslash before a quote"),
            ("select 5--1", "'--' without a space"),
            ("select 1 # '\n", "'#'"),
            ("select 1 // x", "'//'"),
            ("select $$'$$ ; delete from t -- '", "a text in '$'"),
            ("select 1 /* /* */", "a comment within a comment"),
            ("select 1 /*! , 2 */", "exclamation mark"),
            ("select 1 -- x\r delete from t", "half a line break"),
            ("select 'x", "a text without an end"),
        ] {
            let text = refused(sql, Dialect::Other).unwrap();
            assert!(text.contains(word), "{sql}: {text}");
        }
        let hidden = "select [it's] ; delete from t -- '";
        assert!(refused(hidden, Dialect::Bracketed).unwrap().contains("DELETE is no reading"));
    }
}
