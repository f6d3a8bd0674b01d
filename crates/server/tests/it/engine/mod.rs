//! The engine through its own door: a real store, a runner and alerts that the test holds.

mod delivering;
mod evaluating;
mod flapping;
mod killed;
mod muting;
mod other_servers;
mod reminding;
mod stopping;
mod trouble;
