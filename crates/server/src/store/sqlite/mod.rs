//! What is SQLite's own: the lock file, migrations, and the copy of a database in use.

pub(super) mod backup;
pub(super) mod lock;
pub(super) mod migrate;
