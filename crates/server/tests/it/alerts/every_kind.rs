//! Every kind of channel, by its samples: every status, every form of "wait", receivers that are dead, silent or break
//! off, every answer that means no, and no secret anywhere.

use std::time::Duration;

use revere::{
    alerts::{ChannelKind, ChannelSample, KINDS, Retry, retry::judge_status},
    redact::Secrets,
};
use revere_model::{Clock, ReturnValue, SystemClock};
use serde_json::{Value, json};

use super::{channel, channel_learning, sample, send, stub, stub::Stub};
use crate::support::{CLOSINGS, ClosingServer, ShownSecrets, until};

/// A kind, one of its samples, and the sample's config for a receiver at `url`.
type Case = (&'static ChannelKind, &'static ChannelSample, Value);

fn samples(url: &str) -> impl Iterator<Item = Case> {
    let all = KINDS.iter().flat_map(|kind| kind.samples.iter().map(move |sample| (kind, sample)));
    let url = url.to_owned();
    all.map(move |(kind, sample)| (kind, sample, serde_json::from_str(&sample.config.replace("{url}", &url)).unwrap()))
}

/// Those of kinds that speak HTTP.
fn over_http(url: &str) -> Vec<Case> {
    samples(url).filter(|(_, sample, _)| sample.config.contains("{url}")).collect()
}

fn assert_no_secret(kind: &ChannelKind, said: &str) {
    assert!(!said.contains("s3cret"), "{} says a secret: {said}", kind.names[0]);
    assert!(said.chars().count() < 700, "{}: {said}", kind.names[0]);
}

#[test]
fn samples_show_every_secret_and_all_are_learned() {
    let mut shown = ShownSecrets::default();
    for (kind, _, config) in samples("http://127.0.0.1:1") {
        let secrets = Secrets::default();
        channel_learning(kind.names[0], config.clone(), &secrets);
        shown.assert_learned(kind.names[0], &config, &secrets);
    }
    for kind in KINDS {
        assert!(!kind.samples.is_empty(), "{} has no sample", kind.names[0]);
        shown.assert_complete(kind.names[0], kind.fields, kind.groups);
    }
}

#[tokio::test]
async fn every_status_is_judged_and_no_secret_is_said() {
    let stub = Stub::start().await;
    for (kind, sample_of, config) in over_http(&stub.url) {
        let channel = channel(kind.names[0], config);
        stub.answer(200, &[], Some(""));
        let reads_the_body = send(&channel, &sample()).await.is_err();
        assert!(reads_the_body || sample_of.taken.is_empty(), "{}: needs no body to be taken", kind.names[0]);
        stub.taken();
        let own = |status: u16| {
            sample_of.refusals.iter().any(|(known, ..)| *known == status && ![200, 201].contains(&status))
        };
        for status in (200..=599_u16).filter(|status| !own(*status)) {
            let body = (status < 300 && reads_the_body).then_some(sample_of.taken);
            stub.answer(status, &[], body);
            let sent = send(&channel, &sample()).await;
            stub.one();
            // One that cannot have a body lacks the word that decides.
            let expected = match kind.names[0] {
                // It asks for that, with a fault of its own.
                "pushover" if status >= 500 => Some(Retry::After(Duration::from_secs(5))),
                _ if reads_the_body && status == 204 => Some(Retry::Later),
                _ => judge_status(status, None),
            };
            let said = match (expected, sent) {
                (None, Ok(receipt)) => receipt.reply,
                (Some(retry), Err(error)) => {
                    assert_eq!(error.retry, retry, "{} {status}: {error}", kind.names[0]);
                    assert!(error.message.contains(&status.to_string()), "{} {status}: {error}", kind.names[0]);
                    error.message
                }
                (expected, sent) => panic!("{} {status}: expected {expected:?}, got {sent:?}", kind.names[0]),
            };
            assert_no_secret(kind, &said);
        }
    }
}

#[tokio::test]
async fn every_answer_that_means_no_is_understood() {
    let stub = Stub::start().await;
    for (kind, sample_of, config) in over_http(&stub.url) {
        let channel = channel(kind.names[0], config);
        for (status, body, retry) in sample_of.refusals {
            stub.answer(*status, &[], Some(body));
            let error = send(&channel, &sample()).await.expect_err(body);
            assert_eq!(error.retry, *retry, "{} {status} {body}: {error}", kind.names[0]);
            assert_no_secret(kind, &error.message);
        }
    }
}

/// The most that a run may leave, twice that, and letters of four bytes, also under the longest name that there can be:
/// whatever a receiver's limit is, people read which monitor it is about and what became of it. What is left out by some is
/// in docs/ALERTS.md.
#[tokio::test]
async fn the_largest_notification_says_what_matters_in_every_channel() {
    let stub = Stub::start().await;
    let mut large = sample();
    large.message = "\u{1f525}".repeat(16 << 10);
    large.return_value = Some(ReturnValue::Text("\u{1f525}".repeat(16 << 10)));
    let mut long_named = large.clone();
    // Of another script, so that no name can pass for a message.
    long_named.monitor.name = format!("Mail Queue Length {}", "\u{20000}".repeat(182));
    assert_eq!(long_named.monitor.name.chars().count(), revere_model::MAX_NAME);
    for (kind, sample_of, config) in over_http(&stub.url) {
        for (which, notification) in [("short name", &large), ("long name", &long_named)] {
            stub.answer(200, &[], Some(sample_of.taken));
            send(&channel(kind.names[0], config.clone()), notification).await.unwrap();
            let asked = stub.one();
            let body = format!("{}&{}", asked.uri.query().unwrap_or_default(), asked.body);
            let plain =
                url::form_urlencoded::parse(format!("x={body}").as_bytes()).map(|(_, value)| value).collect::<String>();
            let says = |words: &str| body.contains(words) || plain.contains(words);
            let mut expected = vec!["Mail Queue Length", "OK"];
            match kind.names[0] {
                // A text message is one part, and a call is spoken: the new state stands in front of the name.
                "twilio" => expected.push("OK Mail Queue Length"),
                // What its owner wrote, in which the samples have no address.
                "template" => expected.extend(["ALARM", "\u{1f525}"]),
                // Campfire gets the text of the original program, which has no address in it.
                "campfire" => expected.extend(["ALARM", "\u{1f525}"]),
                _ => expected.extend(["ALARM", "\u{1f525}", "https://revere.example.com/monitor/17"]),
            }
            for words in expected {
                assert!(says(words), "{}, {which}: no {words}", kind.names[0]);
            }
        }
    }
}

#[tokio::test]
async fn every_form_of_wait_is_read_by_every_channel() {
    let stub = Stub::start().await;
    let forms: [(&[(&str, &str)], Value); 8] = [
        (&[("Retry-After", "17")], json!({})),
        (
            &[("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Retry-After", "Sun, 06 Nov 1994 08:49:54 GMT")],
            json!({"retry_after": 5}),
        ),
        (&[], json!({"retry_after": 17.0})),
        (&[], json!({"ok": false, "parameters": {"retry_after": 17}})),
        (&[("Retry-After", "soon")], json!({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 17_000})),
        (&[], json!({"result": "error", "code": "RATE_LIMIT_HIT", "retry-after": 17.0})),
        (&[("X-RateLimit-Period-In-Sec", "17")], json!({"message": "too many"})),
        // The first of several counts.
        (&[("Retry-After", "17"), ("X-RateLimit-Period-In-Sec", "5")], json!({"retry_after": 5, "retry_after_ms": 5})),
    ];
    // Others say at which moment, and so with what is left until then.
    let in_1000_s = || SystemClock.now().as_second() + 1000;
    for (kind, _, config) in over_http(&stub.url) {
        let channel = channel(kind.names[0], config);
        for status in [429, 503] {
            for (headers, body) in &forms {
                stub.answer(status, headers, Some(&body.to_string()));
                let error = send(&channel, &sample()).await.unwrap_err();
                let asked = Retry::After(Duration::from_secs(17));
                assert_eq!(error.retry, asked, "{} {status} {headers:?} {body}", kind.names[0]);
            }
        }
        for nonsense in [json!({"retry_after": "soon"}), json!({"retry_after": -3}), json!([17]), json!(17)] {
            stub.answer(429, &[], Some(&nonsense.to_string()));
            assert_eq!(send(&channel, &sample()).await.unwrap_err().retry, Retry::Later, "{nonsense}");
        }
        for header in ["X-Limit-App-Reset", "X-RateLimit-Reset"] {
            stub.answer(429, &[(header, &format!("{}", in_1000_s()))], Some("{}"));
            let retry = send(&channel, &sample()).await.unwrap_err().retry;
            let Retry::After(wait) = retry else { panic!("{} {header}: {retry:?}", kind.names[0]) };
            assert!((900..=1000).contains(&wait.as_secs()), "{} {header}: {wait:?}", kind.names[0]);
            // What is no moment to come, and one with another status: nobody has asked to wait.
            for (status, value) in [(429, "17"), (429, "-1"), (429, "soon"), (503, "99999999999")] {
                stub.answer(status, &[(header, value)], Some("{}"));
                let retry = send(&channel, &sample()).await.unwrap_err().retry;
                let own = matches!(retry, Retry::After(wait) if status == 503 && wait.as_secs() == 5);
                assert!(retry == Retry::Later || own, "{} {header} {value}: {retry:?}", kind.names[0]);
            }
        }
        stub.answer(400, &[("Retry-After", "17")], None);
        assert_eq!(send(&channel, &sample()).await.unwrap_err().retry, Retry::Never, "{}", kind.names[0]);
    }
}

#[tokio::test]
async fn every_channel_survives_receivers_that_are_dead_silent_or_break_off() {
    for (receiver, timeout, parts) in [
        (stub::dead().await, 30_000, "nothing listens there"),
        (stub::silent(), 100, "timed out after 0."),
        (stub::resetting().await, 30_000, ""),
    ] {
        for (kind, _, config) in over_http(&receiver.url) {
            let channel = channel(kind.names[0], config);
            let error = channel.send(&sample(), Duration::from_millis(timeout)).await.unwrap_err();
            assert_eq!(error.retry, Retry::Later, "{}: {error}", kind.names[0]);
            assert!(kind.names[0] == "sns" || error.message.contains(parts), "{}: {error}", kind.names[0]);
            assert_no_secret(kind, &error.message);
        }
    }
}

#[tokio::test]
async fn a_connection_that_closes_as_the_notification_leaves_costs_no_attempt() {
    for at in 0..over_http("").len() {
        let taken = match over_http("")[at].1.taken {
            "" => "{}",
            taken => taken,
        };
        for closing in CLOSINGS {
            let server = ClosingServer::start(taken, closing).await;
            let (kind, _, config) = over_http(&server.url).remove(at);
            let channel = channel(kind.names[0], config);
            for _ in 0..4 {
                send(&channel, &sample()).await.unwrap();
            }
            let answered = server.answered();
            let told = answered.iter().filter(|line| !line.contains("/alerts/requests/")).count();
            let expected = match kind.knows_repeats {
                // Every second one went out again on a connection of its own, with the key that says that it is the same.
                true => (answered.len(), answered.len() / 2),
                // Each has a connection of its own, and nothing is told twice.
                false => (answered.len(), 0),
            };
            assert_eq!((server.counts(), told), (expected, 4), "{}", kind.names[0]);
        }
    }
}

/// What ends the ringing of a phone: the receiver has closed the connection by then over which the end before came.
#[tokio::test]
async fn what_follows_a_notification_is_not_lost_with_a_connection_that_closes() {
    for closing in CLOSINGS {
        let server = ClosingServer::start(r#"{"status": 1}"#, closing).await;
        let config = json!({"api_token": "t", "user_key": "u", "api_url": server.url, "emergency": true});
        let channel = channel("pushover", config);
        for ends in 1..=3 {
            send(&channel, &sample()).await.unwrap();
            let told = || server.answered().iter().filter(|line| line.contains("cancel_by_tag")).count();
            until("the ringing is ended", async || told() == ends).await;
        }
        assert_eq!(server.counts(), (6, 0), "connections, and requests without an answer");
    }
}
