//! What is PostgreSQL's own: where it is and how it is connected to, its schema, its faults, what is
//! moved out of it or into it, and the words that no other engine reads.

pub(super) mod address;
pub(super) mod arguments;
mod chart_indexes;
mod clear_text;
pub(super) mod clock;
pub(super) mod commits;
pub(super) mod connection;
pub(super) mod facts;
pub(super) mod faults;
pub(super) mod migrate;
pub(super) mod moving;
pub(super) mod partitions;
pub(super) mod probe;
pub(super) mod run_ids;
pub(super) mod sql_pieces;
