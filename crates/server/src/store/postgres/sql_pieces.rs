//! Pieces of statements in PostgreSQL's words.

use sqlx::SqlStr;

use crate::store::database::sql_pieces::Words;

const WORDS: Words = Words {
    begin: "begin",
    // Its planner has statistics, and knows better.
    join_in_order: "join",
    in_the_queue_index: "",
    keeping: "for no key update",
    passing_over_kept: "for no key update skip locked",
    keeping_statuses: "for no key update of s skip locked",
    keeping_the_statuses: "order by s.monitor_id for no key update of s",
    ids_of: ("(select value::bigint as value from jsonb_array_elements_text(", "::jsonb) as ids (value))"),
    // A column of them is one parameter, however many rows there are: one statement for all, which is read once.
    rows: |_, types| {
        let columns: Vec<String> = (1..).zip(types).map(|(number, name)| format!("${number}::{name}[]")).collect();
        (format!("select * from unnest({})", columns.join(",")), types.len())
    },
    numbers: true,
};

/// A statement in PostgreSQL's words.
pub(in crate::store) fn in_words(sql: SqlStr) -> SqlStr {
    WORDS.put(sql)
}
