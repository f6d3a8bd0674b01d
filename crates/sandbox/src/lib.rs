//! Runs one Python script in a pristine CPython inside WebAssembly: script, inputs and limits in, an [`Outcome`] out.
//!
//! Source calls come back as async requests to the caller ([`Broker`]). This crate knows no database, no HTTP and no
//! monitors table, and it is the only one that names a wasmtime type.
//!
//! The way of a run, and of this module list: [`Sandbox::run`] waits for a slot, takes a pristine guest, gives it the
//! request, polls it under its limits, turns what it answered into an outcome, and puts the guest back or throws it away.

mod error;
mod limits;
mod options;
mod outcome;
mod request;
mod sandbox;
mod tape;
mod tape_runs;

mod answer;
mod bytecode_cache;
mod codec;
mod configuration;
mod guest_pool;
mod http_answer;
mod prelude;
mod sanitize;
mod value;

mod cpu_meter;
mod cpu_queue;
mod guest;
mod guest_import;
mod host;
mod host_call;
mod image;
mod pages;
mod reset;
mod stop;
mod wasi;

#[cfg(test)]
extern crate self as revere_sandbox;
#[cfg(test)]
mod pristine_tests;

mod artefact;
mod engine;
mod frozen_module;
mod module_cache;
mod stats;
mod versions;

pub use configuration::ConfigValues;
pub use cpu_meter::{charge, with_cpu_time};
pub use error::{OpenError, SandboxError};
pub use host::clock::{TimeLimit, TimeOut};
pub use http_answer::HttpAnswer;
pub use limits::Limits;
pub use options::{KeepInstances, Options, Progress};
pub use outcome::{CallRecord, LimitKind, Outcome, RunInputs, ScriptError, ScriptWarning};
pub use request::{
    Broker, ConfigRequest, HISTORY, HelperModule, MethodDescription, OWN, Previous, RunRequest, SourceCall,
    SourceDescription, SourceFault, call_name, own_methods,
};
pub use sandbox::Sandbox;
pub use stats::{ResetBy, Stats};
pub use tape::{
    CallText, Difference, OutcomeField, Replay, Tape, TapeError, TapedAnswer, TapedCall, TapedHelper, TapedOutcome,
};
pub use value::{Value, ValueError};
pub use versions::{guest_version, prelude_version, script_version};
