//! The API, asked over HTTP as a client would.

mod acknowledgements;
mod alarm_window;
mod alert_preview;
mod alerts;
mod basics;
pub(crate) mod browsers;
mod events;
mod guide;
mod monitor_fields;
mod monitors;
mod mutes;
mod on_call;
mod openapi;
mod outages;
mod outside;
mod own_past;
mod runs;
mod schedule;
pub(crate) mod server;
mod servers;
mod sources;
mod trouble;
mod versions;
