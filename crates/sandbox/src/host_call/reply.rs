//! What the host answers to a `host-call`: a value, or a fault that the prelude raises.

use crate::{
    Value,
    codec::{EncodeError, encode_within},
};

/// An answer that is a value.
pub(super) fn ok(value: &Value) -> Vec<u8> {
    encode(value, usize::MAX).unwrap_or_else(|_| malformed())
}

/// The same, within `most` bytes.
pub(super) fn encode(value: &Value, most: usize) -> Result<Vec<u8>, EncodeError> {
    let mut out = encode_within(value, b"{\"ok\":".to_vec(), most.saturating_add(6))?;
    out.push(b'}');
    Ok(out)
}

/// An answer that the prelude raises; `kind` is a key of its FAULTS.
pub(super) fn fault(kind: &str, text: &str) -> Vec<u8> {
    serde_json::json!({ "fault": kind, "text": text }).to_string().into_bytes()
}

/// An answer to what is no request.
pub(super) fn malformed() -> Vec<u8> {
    fault("value", "not a request that the host knows")
}
