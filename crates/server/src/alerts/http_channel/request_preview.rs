//! A request as a preview shows it.

use super::super::{PreviewPart, multipart, preview};
use crate::outbound::{Request, header};

/// A request as people read it: where it tells something in its address, that, and its body piece by piece.
pub(super) fn parts(request: &Request, tells_in_address: bool) -> Vec<PreviewPart> {
    let mut parts = Vec::new();
    if tells_in_address {
        parts.push(PreviewPart::new(format!("{} address", request.method), request.url.as_str()));
    }
    let kind = request.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(&request.body);
    match serde_json::from_slice::<serde_json::Value>(&request.body) {
        _ if request.body.is_empty() => {}
        _ if kind.starts_with("application/x-www-form-urlencoded") => parts.extend(preview::of_form(&request.body)),
        _ if kind.starts_with("multipart/form-data") => parts.extend(multipart::shown(kind, &request.body)),
        Ok(value) if value.is_object() => parts.extend(preview::of_json(&value)),
        _ => parts.push(PreviewPart::new("body", text)),
    }
    parts
}
