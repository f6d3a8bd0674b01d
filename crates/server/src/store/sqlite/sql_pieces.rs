//! Pieces of statements in SQLite's words.

use sqlx::SqlStr;

use crate::store::database::sql_pieces::{POINT_VALUE, Words, values};

const WORDS: Words = Words {
    // The lock is waited for now, and not in the middle.
    begin: "begin immediate",
    // The planner takes a state for as rare as a monitor.
    join_in_order: "cross join",
    in_the_queue_index: "indexed by deliveries_queue",
    // There is one writer.
    keeping: "",
    passing_over_kept: "",
    keeping_the_states: "",
    // The claims are settled by the next statement.
    taking: "",
    settling_taken: "",
    ids_of: ("(select value from json_each(", "))"),
    among: ("in (select value from json_each(", "))"),
    points: |condition, order| {
        format!(
            "select string_agg(line, '\n') from (select id || ' ' || started_at || ' ' || new_state || ' ' \
             || coalesce(substr(return_value, 1, {POINT_VALUE}), '') as line from runs {condition} {order}) lines"
        )
    },
    rows: |count, types| (format!("values {}", values(count, types)), count * types.len()),
    numbers: false,
};

/// A statement in SQLite's words.
pub(in crate::store) fn in_words(sql: SqlStr) -> SqlStr {
    WORDS.put(sql)
}
