//! Pieces of statements that SQLite has words of its own for. Everything else is written so that PostgreSQL reads it too.

/// Begins a transaction that will write: the lock is waited for now, and not in the middle.
pub(in crate::store) const BEGIN: &str = "begin immediate";

/// Joins that are walked in the order in which they are written: the planner takes a state for as rare as a monitor.
pub(in crate::store) const JOIN_IN_ORDER: &str = "cross join";

/// Counts what is owed in the index that holds nothing else, and not row by row.
pub(in crate::store) const IN_THE_QUEUE_INDEX: &str = "indexed by deliveries_queue";

/// The rows, of one column `value`, of a list of ids that is bound as JSON text.
pub(in crate::store) fn ids_of(parameter: &str) -> String {
    format!("(select value from json_each({parameter}))")
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
