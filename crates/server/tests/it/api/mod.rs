//! The API, asked over HTTP as a client would.

mod basics;
mod openapi;
mod schedule;
mod server;
