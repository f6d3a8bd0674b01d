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
    ids_of: ("(select value::bigint as value from jsonb_array_elements_text(", "::jsonb) as ids (value))"),
    numbers: true,
};

/// A statement in PostgreSQL's words.
pub(in crate::store) fn in_words(sql: SqlStr) -> SqlStr {
    WORDS.put(sql)
}
