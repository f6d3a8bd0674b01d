//! Runs one Python script in a pristine CPython inside WebAssembly: script, data and limits in, an [`Outcome`] out.
//!
//! Source calls come back as async requests to the caller ([`Broker`]). This crate knows no database, no HTTP and no
//! monitors table, and it is the only one that names a wasmtime type.

mod limits;
mod outcome;
mod request;
mod value;

pub use limits::Limits;
pub use outcome::{CallRecord, LimitKind, Outcome, ScriptError};
pub use request::{Broker, MethodDescription, Previous, RunRequest, SourceCall, SourceDescription, SourceFault};
pub use value::{Value, ValueError};
