//! The store through its own door, on real SQLite files.

mod claiming;
mod history;
mod importing;
mod monitors;
mod opening;
mod telling;
mod writing;
