//! The listener, from outside and byte by byte: what a browser never sends.

mod bounds;
mod crowd;
mod guesses;
mod hostile_requests;
mod in_the_clear;
mod tls;
