//! The sandbox through its front door. One binary, since every further one links wasmtime again.

mod support;
mod tape;
mod tracebacks;

mod calls;
mod codec;
mod example;
mod hostile;
mod isolation;
mod pure;
mod reset_ways;
mod standard_library;
