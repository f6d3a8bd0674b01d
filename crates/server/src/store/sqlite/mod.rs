//! What is SQLite's own: how the file is opened and let go of, its lock, its migrations, the copy of a database in use, what is
//! moved out of a file or into one, and the words that no other engine reads.

pub(super) mod arguments;
pub(super) mod backup;
pub(super) mod connection;
pub(super) mod facts;
pub(super) mod faults;
pub(super) mod file_mode;
pub(super) mod lock;
pub(super) mod migrate;
pub(super) mod moving;
mod new_file;
pub(super) mod probe;
pub(super) mod run_ids;
pub(super) mod sql_pieces;
