//! Pieces of statements that each engine has words of its own for. A piece stands in braces in a statement's text; no other
//! braces do. `sqlite/sql_pieces.rs` and `postgres/sql_pieces.rs` hold the words.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Begins a transaction that will write.
pub(in crate::store) const BEGIN: &str = "{begin}";

/// Joins that are walked in the order in which they are written, where the planner would not know better.
pub(in crate::store) const JOIN_IN_ORDER: &str = "{join in order}";

/// Counts what is owed in the index that holds nothing else, and not row by row.
pub(in crate::store) const IN_THE_QUEUE_INDEX: &str = "{in the queue index}";

/// At the end of a `select` of rows that something is decided by: each is kept as it is for this transaction, once whoever keeps
/// it lets go.
pub(in crate::store) const KEEPING: &str = "{keeping}";

/// At the end of a `select` of rows that are about to be changed: each is kept for this transaction, and those that another one
/// keeps are passed over.
pub(in crate::store) const PASSING_OVER_KEPT: &str = "{passing over kept}";

/// As [`KEEPING`], for the rows of `states s` and `dues d` in a join, one after the other by their ids, so that two never wait for
/// each other.
pub(in crate::store) const KEEPING_THE_STATES: &str = "{keeping the states}";

/// What a result that settles a claim makes of the row in `dues`.
pub(in crate::store) const SETTLED: &str =
    "claimed_by = null, claimed_tick_at = null, lease_until = null, fault = null, fault_count = 0";

/// Before an update of `states` from `result` that answers with the ids of those it changed, and after it: with it go the claims that
/// the results settle, where a statement can change two tables
/// ([`changes_two_tables_at_once`](super::DbConnection::changes_two_tables_at_once)).
pub(in crate::store) const TAKING: &str = "{taking}";
pub(in crate::store) const SETTLING_TAKEN: &str = "{settling taken}";

/// The rows, of one column `value`, of a list of ids that is bound as JSON text.
pub(in crate::store) fn ids_of(parameter: &str) -> String {
    format!("{{ids of {parameter}}}")
}

/// After a column: that its value is one of a list of ids that is bound as JSON text. Each is looked up by the column's index, however
/// many there are.
pub(in crate::store) fn among(parameter: &str) -> String {
    format!("{{among {parameter}}}")
}

/// The values of `rows` rows, to be bound one after the other before any other parameter. The first row says the types of the
/// columns. Parameters have no numbers here: SQLite looks each number up among all the others, and they are many.
pub(in crate::store) fn values(rows: usize, types: &[&str]) -> String {
    let typed: Vec<String> = types.iter().map(|name| format!("cast(? as {name})")).collect();
    let mut all = format!("({})", typed.join(","));
    let row = format!(",({})", vec!["?"; types.len()].join(","));
    for _ in 1..rows {
        all.push_str(&row);
    }
    all
}

/// `count` rows of values, to be bound one after the other before any other parameter, of which there is none with a number, but
/// [`NEXT`]. Stands where a `select` may.
pub(in crate::store) fn rows(count: usize, types: &[&str]) -> String {
    format!("{{rows {count} of {}}}", types.join(","))
}

/// The parameter after those of [`rows`].
pub(in crate::store) const NEXT: &str = "?";

/// How many rows of which types a statement begins with, if it has any.
pub(in crate::store) fn rows_in(sql: &str) -> Option<(usize, Vec<&str>)> {
    let (_, piece) = sql.split_once("{rows ")?;
    let (count, types) = piece.split_once('}')?.0.split_once(" of ")?;
    Some((count.parse().ok()?, types.split(',').collect()))
}

/// A `select` of one text: a line of each of the first runs that fulfil a condition, by that order. A line is the run's id, when it began,
/// the state it left and its value, which comes last and has no line break in it: it is JSON, and of a long one the first
/// [`POINT_VALUE`] characters. All of it stands in one index, and a row for each would cost more than finding it.
///
/// `condition` is of one monitor's runs, and `order` ends with a limit.
pub(in crate::store) fn points(condition: &str, order: &str) -> String {
    format!("{{points {condition} in order {order}}}")
}

/// What a [`points`] line holds of a value at most, in characters.
pub(in crate::store) const POINT_VALUE: usize = 200;

/// What an engine says for the pieces.
pub(in crate::store) struct Words {
    pub(in crate::store) begin: &'static str,
    pub(in crate::store) join_in_order: &'static str,
    pub(in crate::store) in_the_queue_index: &'static str,
    pub(in crate::store) keeping: &'static str,
    pub(in crate::store) passing_over_kept: &'static str,
    pub(in crate::store) keeping_the_states: &'static str,
    pub(in crate::store) taking: &'static str,
    pub(in crate::store) settling_taken: &'static str,
    /// Before and after the parameter that holds the list.
    pub(in crate::store) ids_of: (&'static str, &'static str),
    /// The same.
    pub(in crate::store) among: (&'static str, &'static str),
    /// Says the lines of runs that fulfil a condition, by an order.
    pub(in crate::store) points: fn(&str, &str) -> String,
    /// Says rows of values, and answers how many parameters they are.
    pub(in crate::store) rows: fn(usize, &[&str]) -> (String, usize),
    /// Whether a parameter without a number gets one.
    pub(in crate::store) numbers: bool,
}

impl Words {
    /// A statement in the words of the engine.
    pub(in crate::store) fn put(&self, sql: SqlStr) -> SqlStr {
        let text = sql.as_str();
        let has_pieces = text.contains('{') || self.numbers && text.contains('?');
        if !has_pieces {
            return sql;
        }
        let mut said = String::with_capacity(text.len() + text.len() / 2);
        let mut number = 0;
        let mut rest = text;
        while let Some(at) = rest.find(['{', '?']) {
            said.push_str(&rest[..at]);
            if rest[at..].starts_with('?') {
                number += 1;
                if self.numbers {
                    use std::fmt::Write as _;
                    // Writing into a String cannot fail.
                    let _ = write!(said, "${number}");
                } else {
                    said.push('?');
                }
                rest = &rest[at + 1..];
                continue;
            }
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            match rows_in(&rest[at..end]) {
                Some((count, types)) => {
                    let (rows, parameters) = (self.rows)(count, &types);
                    said.push_str(&rows);
                    number += parameters;
                }
                None => self.say(&rest[at..end], &mut said),
            }
            rest = &rest[end..];
        }
        said.push_str(rest);
        AssertSqlSafe(said).into_sql_str()
    }

    fn say(&self, piece: &str, said: &mut String) {
        match piece {
            BEGIN => said.push_str(self.begin),
            JOIN_IN_ORDER => said.push_str(self.join_in_order),
            IN_THE_QUEUE_INDEX => said.push_str(self.in_the_queue_index),
            KEEPING => said.push_str(self.keeping),
            PASSING_OVER_KEPT => said.push_str(self.passing_over_kept),
            KEEPING_THE_STATES => said.push_str(self.keeping_the_states),
            TAKING => said.push_str(self.taking),
            SETTLING_TAKEN => said.push_str(self.settling_taken),
            _ => {
                let parameter = |name: &str| piece.strip_prefix(name)?.strip_suffix('}');
                if let Some((condition, order)) = parameter("{points ").and_then(|of| of.split_once(" in order ")) {
                    said.push_str(&(self.points)(condition, order));
                    return;
                }
                let list = parameter("{ids of ").map(|parameter| (self.ids_of, parameter));
                match list.or_else(|| parameter("{among ").map(|parameter| (self.among, parameter))) {
                    Some(((before, after), parameter)) => {
                        said.push_str(before);
                        said.push_str(parameter);
                        said.push_str(after);
                    }
                    // None of ours: the engine says what it thinks of it.
                    None => said.push_str(piece),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{postgres, sqlite};

    use super::*;

    #[test]
    fn pieces_are_said_in_the_words_of_each_engine_and_all_else_stays() {
        let sql = format!("select a from b {JOIN_IN_ORDER} c where d {} and e = $1 {PASSING_OVER_KEPT}", among("$2"));
        let say = |put: fn(SqlStr) -> SqlStr, sql: &str| {
            put(AssertSqlSafe(sql.to_owned()).into_sql_str()).as_str().to_owned()
        };
        assert_eq!(
            say(sqlite::sql_pieces::in_words, &sql),
            "select a from b cross join c where d in (select value from json_each($2)) and e = $1 "
        );
        assert_eq!(
            say(postgres::sql_pieces::in_words, &sql),
            "select a from b join c where d = any (array(select value::bigint from jsonb_array_elements_text($2::jsonb) \
             as ids (value))) and e = $1 for no key update skip locked"
        );
        let list = format!("select value from {} ids", ids_of("$1"));
        assert_eq!(say(sqlite::sql_pieces::in_words, &list), "select value from (select value from json_each($1)) ids");
        assert_eq!(
            say(postgres::sql_pieces::in_words, &list),
            "select value from (select value::bigint as value from jsonb_array_elements_text($1::jsonb) as ids (value)) ids"
        );
        let rows = format!("values {} and $5", values(2, &["bigint", "text"]));
        assert_eq!(say(sqlite::sql_pieces::in_words, &rows), "values (cast(? as bigint),cast(? as text)),(?,?) and $5");
        assert_eq!(
            say(postgres::sql_pieces::in_words, &rows),
            "values (cast($1 as bigint),cast($2 as text)),($3,$4) and $5"
        );
        let many = format!("with r (a, b) as ({}) select ?", super::rows(2, &["bigint", "text"]));
        assert_eq!(
            say(sqlite::sql_pieces::in_words, &many),
            "with r (a, b) as (values (cast(? as bigint),cast(? as text)),(?,?)) select ?"
        );
        assert_eq!(
            say(postgres::sql_pieces::in_words, &many),
            "with r (a, b) as (select * from unnest($1::bigint[],$2::text[])) select $3"
        );
        let taking = format!("with result (id) as (select 1) {TAKING} update states {SETTLING_TAKEN}");
        assert_eq!(say(sqlite::sql_pieces::in_words, &taking), "with result (id) as (select 1)  update states ");
        let settled = format!("update dues set {SETTLED}\n");
        assert!(say(postgres::sql_pieces::in_words, &taking).contains(&settled), "{settled}");
        let lines = format!("select ({})", points("where a = $1", "order by b limit $2"));
        assert_eq!(
            say(sqlite::sql_pieces::in_words, &lines),
            "select (select string_agg(line, '\n') from (select id || ' ' || started_at || ' ' || new_state || ' ' \
             || coalesce(substr(return_value, 1, 200), '') as line from runs where a = $1 order by b limit $2) lines)"
        );
        let of_both = say(postgres::sql_pieces::in_words, &lines);
        assert!(
            of_both.starts_with("select (select string_agg(") && of_both.ends_with("order by b limit $2) points)"),
            "{of_both}"
        );
        assert_eq!(of_both.matches("from runs where a = $1 and").count(), 2, "{of_both}");
        assert_eq!(say(sqlite::sql_pieces::in_words, BEGIN), "begin immediate");
        assert_eq!(say(postgres::sql_pieces::in_words, BEGIN), "begin");
    }
}
