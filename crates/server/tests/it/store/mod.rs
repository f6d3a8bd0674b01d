//! The store through its own door, on real databases: SQLite files and, where `REVERE_TEST_ENGINE=postgresql` says so, PostgreSQL.

mod claiming;
mod database_faults;
mod dues;
mod failing_over;
mod fences;
mod held_snapshot;
mod history;
mod importing;
mod incidents;
mod lost_answers;
mod made_history;
mod monitors;
mod muting;
mod opening;
mod outages;
mod partitions;
pub(crate) mod people;
pub(crate) mod portable;
mod rates;
mod schemas;
mod several_servers;
mod shared_database;
mod statements;
mod telling;
mod versions;
mod writing;
