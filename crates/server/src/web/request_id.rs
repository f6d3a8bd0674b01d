//! What a request is called, in its answer and in the log.

/// The id of the request being answered, in its extensions: for handlers that log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);
