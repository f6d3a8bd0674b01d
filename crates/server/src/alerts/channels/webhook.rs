//! `webhook`: the notification as JSON to any address.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use revere_model::{Clock, SystemClock};
use sha2::Sha256;

use super::super::{Built, Channel, ChannelKind, Notification, Receipt, SendError, config_fault, http_post};
use crate::{
    entry::Entry,
    outbound::{Method, Options, Outbound, Request, Url},
    settings::{Field, FieldKind, Settings, unknown},
    surroundings::Surroundings,
    tls::Trust,
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["webhook"],
    doc: "Posts each notification as JSON to an address of yours.",
    fields: &[
        Field::required(
            "url",
            FieldKind::Url,
            "Where to post. Parts of it that look like keys, long and with digits, are kept secret.",
        ),
        Field::optional("method", FieldKind::Text, "POST, PUT or PATCH (POST)."),
        Field::optional(
            "headers",
            FieldKind::Headers,
            "Headers to send along; their values are kept secret, but for those of everyday ones such as Accept.",
        ),
        Field::optional(
            "secret",
            FieldKind::Secret,
            "Signs each body: X-Revere-Signature and X-Revere-Timestamp let the receiver check who wrote it.",
        ),
        Field::optional("timeout", FieldKind::Seconds, "How long to wait for the answer (30)."),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether to check the receiver's certificate (True)."),
    ],
    build,
};

const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

struct Webhook {
    outbound: Outbound,
    /// All but the body.
    request: Request,
    secret: Option<String>,
    clock: Arc<dyn Clock>,
}

fn build(entry: &Entry, settings: &Settings, surroundings: &Surroundings) -> Built {
    let mut faults = Vec::new();
    let mut fault = |field: &str, message: String| faults.push(config_fault(entry, field, message));
    let method = settings.text("method").unwrap_or("POST").to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        fault("method", unknown("method", &method, METHODS.into_iter()));
    }
    let url = Url::parse(settings.required_text("url")).expect("a Url field was parsed when the settings were read");
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
    let mut request = Request::new(method, url);
    for (name, value) in settings.map("headers") {
        match request.clone().header(&name, &value) {
            Ok(with_header) => request = with_header,
            Err(error) => fault("headers", error.what),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let timeout = settings.seconds("timeout").unwrap_or(Duration::from_secs(30));
    let trust = Trust { verify: settings.flag("verify_ssl", true), ..Trust::default() };
    Ok(Arc::new(Webhook {
        outbound: surroundings.outbound.with(Options { timeout, trust, ..Options::default() }),
        request,
        secret: settings.text("secret").map(str::to_owned),
        clock: Arc::new(SystemClock),
    }))
}

#[async_trait]
impl Channel for Webhook {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let body = notification.json().to_string();
        let mut request = self.request.clone();
        if let Some(secret) = &self.secret {
            let at = self.clock.now().as_second();
            let signature = format!("sha256={}", signature(secret, at, &body));
            request = request.header("X-Revere-Timestamp", &at.to_string()).map_err(http_post::not_sent)?;
            request = request.header("X-Revere-Signature", &signature).map_err(http_post::not_sent)?;
        }
        // A content type of the operator's own stays.
        let configured = request.headers.get(crate::outbound::header::CONTENT_TYPE).cloned();
        request = request.body("application/json", body);
        if let Some(kind) = configured {
            request.headers.insert(crate::outbound::header::CONTENT_TYPE, kind);
        }
        http_post::post(&self.outbound, request, notification, timeout).await
    }
}

/// HMAC-SHA256 of `{timestamp}.{body}`, in hexadecimal: the time is signed too, so that a body caught once cannot be sent
/// again for ever.
fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac topsecret
        assert_eq!(
            signature("topsecret", 1_767_225_600, "{\"a\":1}"),
            "4fe3c47468405ef2cad64bcbf4ce28b3077d4978f27c8082e5bc2a941bf2e6ac"
        );
    }
}
