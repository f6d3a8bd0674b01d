//! The API, asked over HTTP as a client would.

mod alerts;
mod basics;
mod events;
mod guide;
mod monitors;
mod openapi;
mod outside;
mod runs;
mod schedule;
mod server;
mod sources;
mod trouble;
