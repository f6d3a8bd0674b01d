//! What can go wrong on our side. Nothing here is the fault of a script.

use std::io;

/// The sandbox could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// WebAssembly cannot run here, or not with these settings.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The interpreter in the binary cannot be unpacked.
    #[error("the embedded interpreter is damaged")]
    Artefact(#[source] io::Error),
    /// Our own Python does not load.
    #[error("the sandbox's own Python failed: {0}")]
    Prelude(String),
    /// No thread could be started.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn engine(error: wasmtime::Error) -> OpenError {
        OpenError::Engine(format!("{error:#}"))
    }
}

/// A run could not be made; says nothing about the script.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No instance could be made.
    #[error("no interpreter could be started: {0}")]
    Instance(String),
    /// The request itself cannot be given to an interpreter.
    #[error("the run cannot be described to the interpreter: {0}")]
    Request(String),
    /// A part of the sandbox, or the broker, panicked during the run.
    #[error("the run was cut off by a fault of the server")]
    Panicked,
    /// The server could not do its part of the run, such as opening a connection for it.
    #[error("{0}")]
    Server(String),
    /// The sandbox is shutting down.
    #[error("the sandbox is shutting down")]
    ShutDown,
}
