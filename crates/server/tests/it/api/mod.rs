//! The API, asked over HTTP as a client would.

mod acknowledgements;
mod alerts;
mod basics;
mod events;
mod guide;
mod monitor_fields;
mod monitors;
mod mutes;
mod openapi;
mod outside;
mod runs;
mod schedule;
pub(crate) mod server;
mod sources;
mod trouble;
mod versions;
