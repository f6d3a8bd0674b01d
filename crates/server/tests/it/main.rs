//! Every test that goes through the front door, in one binary: each further one would link the sandbox again.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails there")]

mod access;
mod alerts;
mod api;
mod audit;
mod canaries;
mod cli;
mod engine;
mod listener;
mod module_circles;
mod module_directions;
mod pages;
mod proof;
mod security_document;
mod sources;
mod store;
mod support;
mod telling;
