//! The sandbox through its front door. One binary, since every further one links wasmtime again.

mod support;

mod example;
mod isolation;
