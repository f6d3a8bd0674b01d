//! `webhook`: the notification as JSON to any address. Whatever receives it has limits that nobody here knows, so it is sent
//! whole: a message and a value are 8 KiB at most.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use revere_model::{Clock, SystemClock};
use sha2::Sha256;

use super::super::{
    ChannelKind, ChannelSample, Notification,
    http_channel::{HttpChannel, over_http},
};
use crate::{
    hexadecimal::hex,
    http_target,
    outbound::{Method, OutboundError, Request, Url, header},
    settings::{Field, FieldKind},
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
        Field::optional("method", FieldKind::Choice(&["POST", "PUT", "PATCH"]), "How to send it.").or_text("POST"),
        Field::optional(
            "secret",
            FieldKind::Secret,
            "Signs each body: X-Revere-Signature and X-Revere-Timestamp let the receiver check who wrote it.",
        ),
    ],
    groups: &[&http_target::LOGIN, &http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build: |setup| {
        let settings = setup.settings;
        let content_type =
            settings.map("headers").into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        over_http(
            setup,
            Ok(Webhook {
                url: setup.url("url"),
                method: Method::from_bytes(settings.required_text("method").as_bytes())
                    .expect("the choices are methods of HTTP"),
                content_type: content_type.map(|(_, value)| value),
                secret: settings.text("secret").map(str::to_owned),
                clock: Arc::new(SystemClock),
            }),
        )
    },
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{
            "url": "{url}/hooks/url-s3cret-0123456789",
            "secret": "hmac-s3cret",
            "auth_username": "revere",
            "auth_password": "basic-s3cret",
            "headers": {"X-Api-Key": "header-s3cret"}
        }"#,
            taken: "",
            refusals: &[],
        },
        ChannelSample { config: r#"{"url": "{url}", "auth_token": "bearer-s3cret"}"#, taken: "", refusals: &[] },
    ],
};

struct Webhook {
    url: Url,
    method: Method,
    /// One of the operator's own.
    content_type: Option<String>,
    secret: Option<String>,
    clock: Arc<dyn Clock>,
}

impl HttpChannel for Webhook {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let body = notification.json().to_string();
        let mut request = Request::new(self.method.clone(), self.url.clone());
        if let Some(secret) = &self.secret {
            let at = self.clock.now().as_second();
            request = request
                .header("X-Revere-Timestamp", &at.to_string())?
                .header("X-Revere-Signature", &format!("sha256={}", signature(secret, at, &body)))?;
        }
        request = request.body("application/json", body);
        match &self.content_type {
            Some(own) => request.header(header::CONTENT_TYPE.as_str(), own),
            None => Ok(request),
        }
    }
}

/// HMAC-SHA256 of `{timestamp}.{body}`, in hexadecimal: the time is signed too, so that a body caught once cannot be sent
/// again for ever.
fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    hex(&mac.finalize().into_bytes())
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
