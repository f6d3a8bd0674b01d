//! Forms that carry a file, `multipart/form-data` (RFC 7578).

use sha2::{Digest, Sha256};

use super::preview::{PreviewPart, of_json};
use crate::{
    chart::Picture,
    hexadecimal::hex,
    outbound::{Method, OutboundError, Request, Url},
};

/// A form.
#[derive(Default)]
pub(super) struct Multipart {
    /// What stands above each part, and the part.
    parts: Vec<(String, Vec<u8>)>,
}

impl Multipart {
    /// Adds a text. Names are ours, and plain.
    pub(super) fn text(mut self, name: &str, text: &str) -> Multipart {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        self.parts.push((head, text.as_bytes().to_vec()));
        self
    }

    /// Adds a text in JSON.
    pub(super) fn json(mut self, name: &str, value: &serde_json::Value) -> Multipart {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: application/json\r\n\r\n");
        self.parts.push((head, value.to_string().into_bytes()));
        self
    }

    /// Adds a picture.
    pub(super) fn picture(mut self, name: &str, picture: &Picture) -> Multipart {
        let (file, kind) = (Picture::NAME, Picture::TYPE);
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        self.parts.push((head, picture.png.to_vec()));
        self
    }

    /// `POST url` with the form.
    pub(super) fn post(self, url: Url) -> Result<Request, OutboundError> {
        // Nothing can hold the hash of what holds it.
        let mut hash = Sha256::new();
        for (head, part) in &self.parts {
            hash.update(head);
            hash.update(part);
        }
        let boundary = format!("revere-{}", hex(&hash.finalize()[..16]));
        let mut body = Vec::new();
        for (head, part) in &self.parts {
            body.extend(format!("--{boundary}\r\n{head}").as_bytes());
            body.extend(part);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").as_bytes());
        let request = Request::new(Method::POST, url).body("multipart/form-data", body);
        request.header("content-type", &format!("multipart/form-data; boundary={boundary}"))
    }
}

/// What a form of ours says, part by part: texts as they are, JSON piece by piece, of a file its name and its kind.
pub(super) fn shown(content_type: &str, body: &[u8]) -> Vec<PreviewPart> {
    let boundary = content_type.split("boundary=").nth(1).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let mut shown = Vec::new();
    for part in text.split(&format!("--{boundary}\r\n")).skip(1) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let content = content.strip_suffix(&format!("--{boundary}--\r\n")).unwrap_or(content);
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        let name = head.split("name=\"").nth(1).and_then(|after| after.split('"').next()).unwrap_or_default();
        if head.contains("filename=") {
            shown.push(PreviewPart::new(name, format!("{}, {}", Picture::NAME, Picture::TYPE)));
        } else if let Ok(value) = serde_json::from_str::<serde_json::Value>(content)
            && value.is_object()
        {
            shown.extend(of_json(&value));
        } else {
            shown.push(PreviewPart::new(name, content));
        }
    }
    shown
}
