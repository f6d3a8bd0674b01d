//! The engine through its own door: a real store, a runner and alerts that the test holds.

mod delivering;
mod evaluating;
mod killed;
mod other_servers;
mod stopping;
mod trouble;
