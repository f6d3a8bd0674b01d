//! The store through its own door, on real SQLite files.

mod claiming;
mod fences;
mod history;
mod importing;
mod incidents;
mod monitors;
mod opening;
mod people;
mod portable;
mod telling;
mod versions;
mod writing;
