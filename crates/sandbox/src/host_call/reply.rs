//! What the host answers to a `host-call`: a value, or a fault that the prelude raises.

use crate::{
    Value,
    codec::marshal::{EncodeError, Writer},
};

/// An answer that is a value.
pub(super) fn ok(value: &Value) -> Vec<u8> {
    encode(value, usize::MAX).unwrap_or_else(|_| malformed())
}

/// The same, within `most` bytes.
pub(super) fn encode(value: &Value, most: usize) -> Result<Vec<u8>, EncodeError> {
    Writer::answer(value, most)
}

/// An answer that the prelude raises; `kind` is a key of its FAULTS.
pub(super) fn fault(kind: &str, text: &str) -> Vec<u8> {
    Writer::fault(kind, text)
}

/// An answer to what is no request.
pub(super) fn malformed() -> Vec<u8> {
    fault("value", "not a request that the host knows")
}
