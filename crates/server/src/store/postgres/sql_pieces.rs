//! Pieces of statements in PostgreSQL's words.

use sqlx::SqlStr;

use crate::store::database::sql_pieces::{POINT_VALUE, Words};

/// Which runs the index `runs_points` holds with their values, as the step that made it says; and which `runs_long_points` holds.
const IS_SHORT: &str = "coalesce(octet_length(return_value), 0) <= 1000";
const IS_LONG: &str = "coalesce(octet_length(return_value), 0) > 1000";

const WORDS: Words = Words {
    begin: "begin",
    // Its planner has statistics, and knows better.
    join_in_order: "join",
    in_the_queue_index: "",
    keeping: "for no key update",
    passing_over_kept: "for no key update skip locked",
    keeping_the_states: "order by s.monitor_id for no key update of s, d",
    taking: ", taken as (",
    settling_taken: "), settled as (
             update dues set claimed_by = null, claimed_tick_at = null, lease_until = null, fault = null, fault_count = 0
             from taken join result on result.id = taken.monitor_id
             where dues.monitor_id = taken.monitor_id and dues.attempt = result.attempt)
         select monitor_id from taken",
    ids_of: ("(select value::bigint as value from jsonb_array_elements_text(", "::jsonb) as ids (value))"),
    // An array: of a `select` it would guess how many there are, and read whole tables where it guessed many.
    among: ("= any (array(select value::bigint from jsonb_array_elements_text(", "::jsonb) as ids (value)))"),
    // Only whole columns can be read from an index, and there is no room in one for a long value. So the index of those that are short has
    // them, of long ones the rows are looked at, and both are read up to the limit.
    points: |condition, order| {
        let of_size = |size: &str| {
            format!("(select id, started_at, new_state, return_value from runs {condition} and {size} {order})")
        };
        format!(
            "select string_agg(id || ' ' || started_at || ' ' || new_state || ' ' \
             || coalesce(substr(return_value, 1, {POINT_VALUE}), ''), '\n') \
             from (select * from ({} union all {}) of_both {order}) points",
            of_size(IS_SHORT),
            of_size(IS_LONG)
        )
    },
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
