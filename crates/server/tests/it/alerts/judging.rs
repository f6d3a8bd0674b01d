//! A channel that judges answers by itself, as those must whose receivers say no in a 200.

use std::{path::Path, sync::Arc, time::Duration};

use revere::{
    alerts::{
        Channel, Notification, Retry,
        answer::{Answer, Verdict},
        http_channel::{HttpChannel, over_http},
    },
    building::{BuildContext, BuildInput, ConfiguredEntry},
    http_target,
    outbound::{Outbound, OutboundError, Request, Url},
    redact::Secrets,
    settings::{Field, Settings},
};
use serde_json::{Value, json};

use super::{sample, send, stub::Stub};

const FIELDS: [Field; 1] = [http_target::api_url("https://pigeon.example/")];

/// Answers `{"ok": true}`, or false with an `error`.
struct Pigeon(Url);

impl HttpChannel for Pigeon {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        Ok(Request::post_json(self.0.clone(), &json!({"text": notification.text()})))
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        let error = answer.json["error"].as_str().unwrap_or("no reason given");
        match answer.json["ok"].as_bool() {
            Some(true) => answer.by_status(),
            Some(false) if error == "ratelimited" => answer.later(error),
            Some(false) => answer.never(error),
            None => answer.unclear(),
        }
    }
}

fn pigeon(url: &str) -> Arc<dyn Channel> {
    let secrets = Secrets::default();
    secrets.learn("loft-s3cret");
    let context = BuildContext {
        folder: Path::new(".").to_owned(),
        outbound: Outbound::new(secrets.clone()),
        secrets: secrets.clone(),
    };
    let entry = ConfiguredEntry {
        name: "ops".to_owned(),
        kind: "pigeon".to_owned(),
        description: String::new(),
        enabled: true,
        remind: None,
        quiet_hours: None,
        on_call_only: None,
        config: json!({"api_url": url}),
        place: "REVERE_ALERTS['ops']".to_owned(),
    };
    let fields = http_target::CHANNEL_CONNECTION.fields.iter().chain(&FIELDS);
    let settings = Settings::read(fields, &entry.config, "", &secrets).unwrap();
    let setup = BuildInput { entry: &entry, settings: &settings, context: &context };
    over_http(&setup, Ok(Pigeon(http_target::below(setup.url("api_url"), &["v1", "messages"]))))
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[tokio::test]
async fn the_body_decides_and_gives_the_reason() {
    let stub = Stub::start().await;
    let channel = pigeon(&stub.url);
    let no = |error: &str| json!({"ok": false, "error": error});
    let wait = |mut body: Value, key: &str, value: Value| {
        body[key] = value;
        body
    };
    let (second, hour) = (Duration::from_millis(1500), Duration::from_secs(7200));
    for (status, body, retry, said) in [
        (200, no("no such loft"), Retry::Never, "200 OK: no such loft"),
        (200, no("key loft-s3cret\nis wrong"), Retry::Never, "200 OK: key [redacted] is wrong"),
        (200, no("ratelimited"), Retry::Later, "200 OK: ratelimited"),
        (200, wait(no("ratelimited"), "retry_after", json!(1.5)), Retry::After(second), "200 OK: ratelimited"),
        (429, wait(no("ratelimited"), "retry_after_ms", json!(7_200_000)), Retry::After(hour), "429 Too Many Requests"),
        (200, json!({}), Retry::Later, "200 OK: the answer does not say whether it was taken: {}"),
        (200, json!("<html>"), Retry::Later, "200 OK: the answer does not say whether it was taken: \"<html>\""),
        (502, json!("<html>"), Retry::Later, "502 Bad Gateway: \"<html>\""),
        (404, json!([]), Retry::Never, "404 Not Found: []"),
    ] {
        stub.answer(status, &[], Some(&body.to_string()));
        let error = send(&channel, &sample()).await.unwrap_err();
        assert_eq!(error.retry, retry, "{body}");
        assert!(error.message.starts_with(said), "{error}");
        assert!(error.message.ends_with(&format!(" (POST {}/v1/messages)", stub.url)), "{error}");
    }
    stub.answer(200, &[], Some(&json!({"ok": true}).to_string()));
    assert_eq!(send(&channel, &sample()).await.unwrap().reply, "200 OK: {\"ok\":true}");
}

/// Some repeat the whole message beside the word that it was taken.
#[tokio::test]
async fn a_long_answer_is_read_to_its_end() {
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(&json!({"message": "x".repeat(200_000), "ok": true}).to_string()));
    send(&pigeon(&stub.url), &sample()).await.unwrap();
}
