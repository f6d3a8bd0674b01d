//! `sns`, against a moto server that checks keys, rights and signatures (see moto_setup.py).

use std::process::Stdio;

use revere::alerts::Retry;
use revere_model::ReturnValue;
use serde_json::{Value, json};

use super::{TEXT, channel, hostile, sample, send, service, stub::Stub};

/// A topic of its own, and a subscriber that hears what is published there.
pub(crate) async fn topic(name: &str) -> (String, Stub) {
    let name = format!("t{}-{name}", uuid::Uuid::new_v4().simple());
    let stub = Stub::start().await;
    let made = tokio::process::Command::new(service("REVERE_TEST_PYTHON"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/alerts/moto_topic.py"))
        .args(["ENDPOINT", "ALLOWED_KEY_ID", "ALLOWED_SECRET"].map(|what| service(&format!("REVERE_TEST_SNS_{what}"))))
        .args([&name, &stub.url])
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    stub.taken();
    (String::from_utf8(made.stdout).unwrap(), stub)
}

pub(crate) fn config(topic_arn: &str, user: &str) -> Value {
    json!({
        "topic_arn": topic_arn,
        "access_key_id": service(&format!("REVERE_TEST_SNS_{user}_KEY_ID")),
        "secret_key": service(&format!("REVERE_TEST_SNS_{user}_SECRET")),
        "endpoint_url": service("REVERE_TEST_SNS_ENDPOINT"),
    })
}

#[tokio::test]
async fn a_subscriber_hears_subject_and_text() {
    let (arn, subscriber) = topic("alerts").await;
    let sns = channel("revere.alerts.sns.SNSAlert", config(&arn, "ALLOWED"));
    let receipt = send(&sns, &sample()).await.unwrap();
    let heard = subscriber.one().json();
    assert_eq!((&heard["Subject"], &heard["Message"]), (&json!("[Revere Alarm] OK Mail Queue Length"), &json!(TEXT)));
    assert_eq!(receipt.reply, format!("message {}", heard["MessageId"].as_str().unwrap()));
    send(&sns, &hostile()).await.unwrap();
    let heard = subscriber.one().json();
    assert_eq!(heard["Message"], hostile().text());
    assert_eq!(heard["Subject"], "[Revere Alarm] ALARM <b>&</b> Bcc: eve@example.com ?exe?");
}

#[tokio::test]
async fn an_ordered_topic_gets_group_and_deduplication() {
    let (arn, subscriber) = topic("alerts.fifo").await;
    send(&channel("sns", config(&arn, "ALLOWED")), &sample()).await.unwrap();
    assert_eq!(subscriber.one().json()["Message"], TEXT);
}

#[tokio::test]
async fn wrong_keys_wrong_signatures_and_missing_rights_are_said() {
    let (arn, subscriber) = topic("alerts").await;
    let mut unknown = config(&arn, "ALLOWED");
    unknown["access_key_id"] = json!("AKIAUNKNOWN");
    let mut forged = config(&arn, "ALLOWED");
    forged["secret_key"] = json!("wr0ng-s3cret");
    let mut elsewhere = config(&arn, "ALLOWED");
    elsewhere["topic_arn"] = json!("arn:aws:sns:us-east-1:123456789012:no-such-topic");
    for (config, said) in [
        (unknown, "403 InvalidClientTokenId"),
        (forged, "403 SignatureDoesNotMatch"),
        (config(&arn, "POWERLESS"), "403 AccessDenied"),
        (elsewhere, "404 NotFound"),
    ] {
        let error = send(&channel("sns", config), &sample()).await.unwrap_err();
        let place = format!("SNS in us-east-1 at {}", service("REVERE_TEST_SNS_ENDPOINT"));
        assert!(error.message.starts_with(&place) && error.message.contains(&format!(": {said}")), "{error}");
        assert!(!error.message.contains("s3cret"), "{error}");
        assert_eq!(error.retry, Retry::Never, "{error}");
    }
    assert!(subscriber.taken().is_empty());
}

/// A topic that is still to be filled in is a warning at the start, and a delivery to it waits for the right one.
#[tokio::test]
async fn what_is_no_topic_yet_is_mended_by_a_setting() {
    let stub = Stub::start().await;
    let config = json!({
        "region": "us-east-1", "topic_arn": "xxxxx", "access_key_id": "xxxxx", "secret_key": "yyyyy",
        "endpoint_url": stub.url,
    });
    let error = send(&channel("revere.alerts.sns.SNSAlert", config), &sample()).await.unwrap_err();
    let said = "'topic_arn': expected a topic such as arn:aws:sns:eu-west-1:123456789012:alerts, not 'xxxxx'";
    assert!(error.message.contains(said), "{error}");
    assert_eq!((error.retry, stub.taken().len()), (Retry::Later, 0));
}

#[tokio::test]
async fn every_kind_of_subscriber_gets_its_own_form() {
    let stub = Stub::start().await;
    let mut asked = Vec::new();
    for arn in ["arn:aws:sns:eu-west-1:123456789012:alerts", "arn:aws:sns:eu-west-1:123456789012:alerts.fifo"] {
        let config =
            json!({"topic_arn": arn, "access_key_id": "AKIA", "secret_key": "s3cret", "endpoint_url": stub.url});
        let _ = send(&channel("sns", config), &sample()).await;
        let one = stub.one();
        assert!(one.header("authorization").contains("/eu-west-1/sns/aws4_request"), "the topic's own region");
        let form: std::collections::BTreeMap<String, String> =
            url::form_urlencoded::parse(one.body.as_bytes()).into_owned().collect();
        asked.push(form);
    }
    let forms: Value = serde_json::from_str(&asked[0]["Message"]).unwrap();
    assert_eq!(
        forms,
        json!({"default": TEXT, "email": sample().mail_text(), "sms": "[Revere] OK Mail Queue Length: Monitor Passed (67)"})
    );
    assert_eq!(asked[0]["MessageStructure"], "json");
    let attributes: Vec<&str> = asked[0]
        .iter()
        .filter(|(key, _)| key.starts_with("MessageAttributes"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(
        ["monitor_id", "17", "old_state", "ALARM", "new_state", "OK", "key", "17-204-ops"]
            .iter()
            .all(|word| attributes.contains(word)),
        "{attributes:?}"
    );
    assert!(!asked[0].contains_key("MessageGroupId"));
    assert_eq!(asked[1]["MessageGroupId"], "monitor-17");
    assert_eq!(asked[1]["MessageDeduplicationId"].len(), 64);
}

#[tokio::test]
async fn throttling_passes_although_its_status_does_not_say_so() {
    let stub = Stub::start().await;
    let config = json!({"topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts", "access_key_id": "AKIA", "secret_key": "s3cret", "endpoint_url": stub.url});
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
    stub.answer(400, &[], Some(body));
    let error = send(&channel("sns", config), &sample()).await.unwrap_err();
    assert_eq!(
        (error.message, error.retry),
        (format!("SNS in eu-west-1 at {}/: 400 Throttling: Rate exceeded", stub.url), Retry::Later)
    );
    assert_eq!(stub.taken().len(), 1, "it does not retry on its own");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_gets_no_signature() {
    // What counts is who answers the handshake; that it would speak SMTP afterwards does not come up.
    let endpoint = format!("https://localhost:{}", service("REVERE_TEST_SMTP_TLS_PORT"));
    let arn = "arn:aws:sns:eu-west-1:123456789012:alerts";
    let config = json!({"topic_arn": arn, "access_key_id": "AKIA", "secret_key": "s3cret", "endpoint_url": endpoint});
    let error = send(&channel("sns", config), &sample()).await.unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
    assert_eq!(error.retry, Retry::Later);
}

#[tokio::test]
async fn without_keys_the_machines_role_is_used() {
    let (arn, subscriber) = topic("alerts").await;
    let role = Stub::start().await;
    let keys = json!({
        "AccessKeyId": service("REVERE_TEST_SNS_ROLE_KEY_ID"), "SecretAccessKey": service("REVERE_TEST_SNS_ROLE_SECRET"),
        "Token": service("REVERE_TEST_SNS_ROLE_TOKEN"), "Expiration": "2099-01-01T00:00:00Z",
    });
    role.answer(200, &[("content-type", "application/json")], Some(&keys.to_string()));
    // The role is found through the environment, and that belongs to a whole process: this test again, as a child.
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "alerts::sns::publishes_as_the_machines_role", "--ignored", "--nocapture"])
        .env("REVERE_TEST_SNS_ROLE_TOPIC", &arn)
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/role", role.url))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_PROFILE")
        .env("HOME", "/nowhere")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(role.taken()[0].uri, "/role");
    assert_eq!(subscriber.one().json()["Message"], TEXT);
}

#[tokio::test]
#[ignore = "a part of without_keys_the_machines_role_is_used, which sets its environment"]
async fn publishes_as_the_machines_role() {
    let config = json!({"topic_arn": service("REVERE_TEST_SNS_ROLE_TOPIC"), "endpoint_url": service("REVERE_TEST_SNS_ENDPOINT")});
    send(&channel("sns", config), &sample()).await.unwrap();
}

/// The service counts bytes, of the whole message with all its forms.
#[tokio::test]
async fn what_is_too_large_for_the_service_is_cut_and_says_what_matters() {
    let (arn, subscriber) = topic("alerts").await;
    // The service of the tests is slow with much, on a busy machine.
    let mut patient = config(&arn, "ALLOWED");
    patient["timeout"] = crate::support::PATIENCE.as_secs().into();
    let sns = channel("sns", patient);
    for letter in ["x", "\u{e9}", "\u{1f525}", "\"", "line\n"] {
        let mut large = sample();
        (large.message, large.return_value) = (letter.repeat(100_000), Some(ReturnValue::Text(letter.repeat(80_000))));
        send(&sns, &large).await.unwrap();
        let text = subscriber.one().json()["Message"].as_str().unwrap().to_owned();
        assert!(
            text.starts_with("[Revere Alarm]\nMonitor: Mail Queue Length\nState Change: ALARM -> OK\nMessage: "),
            "{letter}"
        );
        assert!(text.contains("\u{2026}\nReturn Value: "), "{letter}");
        assert!(text.len() > 50_000, "{letter}: no more is cut than must be");
    }
    // What is sent, to the byte, and the link in the form for mail.
    let stub = Stub::start().await;
    let config = json!({"topic_arn": arn, "access_key_id": "AKIA", "secret_key": "s3cret", "endpoint_url": stub.url});
    let mut large = sample();
    large.message = "\u{1f525}".repeat(66_000);
    let _ = send(&channel("sns", config), &large).await;
    let form: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(stub.one().body.as_bytes()).into_owned().collect();
    assert!((261_000..=262_144).contains(&form["Message"].len()), "{}", form["Message"].len());
    let forms: Value = serde_json::from_str(&form["Message"]).unwrap();
    assert!(forms["email"].as_str().unwrap().ends_with("https://revere.example.com/monitor/17"));
}
