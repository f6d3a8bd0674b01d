//! The engine through its own door: a real store, a runner and alerts that the test holds.

mod charts;
mod crowds;
mod delivering;
mod evaluating;
mod flapping;
mod killed;
mod muting;
mod on_call;
mod on_call_reaching;
mod other_servers;
mod outages;
mod reminding;
mod rota_stories;
mod second_server;
mod stopping;
mod stories;
mod threads;
mod trouble;
