//! The store through its own door, on real SQLite files.

mod claiming;
mod history;
mod monitors;
mod opening;
mod telling;
mod writing;
