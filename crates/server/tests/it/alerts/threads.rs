//! What follows of a problem, put where it belongs by those who can: a thread of Slack, an answer in Telegram and Matrix.

use std::sync::atomic::{AtomicU64, Ordering};

use revere::alerts::{Notification, Receipt};
use revere_model::State;
use serde_json::{Value, json};

use super::{channel, faults, sample, send, stub::Stub};
use crate::cli::Shell;

fn problem() -> Notification {
    Notification { old_state: State::Ok, new_state: State::Alarm, ..sample() }
}

/// The same alert's next message of the same incident.
fn follows(receipt: &Receipt) -> Notification {
    let mut end = sample();
    end.sending.reply_to = receipt.reference.clone();
    end
}

/// A Slack whose channel `#ops` has the id `C1`: it numbers messages, and has lost those whose number is in `gone`, which it says
/// as `missing` would have it.
fn slack(stub: &Stub, gone: &'static [&'static str], missing: fn(&str) -> Option<Value>) {
    let number = AtomicU64::new(0);
    stub.judges(move |asked| {
        let body = asked.json();
        let thread = body["thread_ts"].as_str();
        let channel = &body["channel"];
        if !(channel == "#ops" || channel == "C1") || (thread.is_none() && body["reply_broadcast"] != Value::Null) {
            return (200, json!({"ok": false, "error": "channel_not_found"}).to_string());
        }
        let lost = thread.is_some_and(|thread| gone.contains(&thread));
        if lost && let Some(refusal) = missing(thread.unwrap()) {
            return (200, refusal.to_string());
        }
        let ts = format!("{}.5", number.fetch_add(1, Ordering::SeqCst) + 1);
        let mut answer = json!({"ok": true, "channel": "C1", "ts": ts, "message": {"ts": ts}});
        if let Some(thread) = thread.filter(|_| !lost) {
            answer["message"]["thread_ts"] = json!(thread);
        }
        (200, answer.to_string())
    });
}

fn bot(stub: &Stub) -> Value {
    json!({"bot_token": "xoxb-s3cret", "channel": "#ops", "api_url": stub.url})
}

#[tokio::test]
async fn a_bot_of_slack_puts_what_follows_into_the_thread_and_shows_it_in_the_channel() {
    let stub = Stub::start().await;
    slack(&stub, &[], |_| None);
    let told = send(&channel("slack", bot(&stub)), &problem()).await.unwrap();
    assert_eq!(told.reference.as_deref(), Some("1.5 C1 #ops"));
    assert_eq!(stub.one().json()["thread_ts"], Value::Null);
    for broadcast in [true, false] {
        let mut config = bot(&stub);
        config["reply_broadcast"] = json!(broadcast);
        let again = send(&channel("slack", config), &follows(&told)).await.unwrap();
        let body = stub.one().json();
        assert_eq!((&body["channel"], &body["thread_ts"]), (&json!("C1"), &json!("1.5")), "{body}");
        assert_eq!(body["reply_broadcast"], broadcast);
        assert!(body["blocks"][0]["text"]["text"].as_str().unwrap().contains("ALARM -&gt; OK"), "{body}");
        assert_eq!(again.reference, told.reference, "what follows that belongs to the same thread");
    }
    // One that writes elsewhere by now has no thread there.
    let mut config = bot(&stub);
    config["channel"] = json!("C1");
    send(&channel("slack", config), &follows(&told)).await.unwrap();
    assert_eq!(stub.one().json()["thread_ts"], Value::Null);
    // A webhook is not told what its message is called.
    let config = json!({"webhook_url": format!("{}/services/T0", stub.url)});
    stub.judges(|_| (200, "ok".to_owned()));
    assert_eq!(send(&channel("slack", config.clone()), &follows(&told)).await.unwrap().reference, None);
    assert_eq!(stub.one().json()["thread_ts"], Value::Null);
    let mut config = config;
    config["reply_broadcast"] = json!(false);
    assert!(faults("slack", config)[0].contains("['reply_broadcast']: belongs to 'bot_token'"));
}

/// A message that somebody deleted: Slack takes what answers it into the channel, or refuses it.
#[tokio::test]
async fn what_should_answer_a_message_that_is_gone_is_told_by_itself_and_never_lost() {
    let stub = Stub::start().await;
    let first = Receipt { reference: Some("9.5 C1 #ops".to_owned()), ..Receipt::default() };
    slack(&stub, &["9.5"], |_| None);
    let told = send(&channel("slack", bot(&stub)), &follows(&first)).await.unwrap();
    assert_eq!((told.reference.as_deref(), stub.taken().len()), (Some("1.5 C1 #ops"), 1));

    slack(&stub, &["9.5"], |_| Some(json!({"ok": false, "error": "thread_not_found"})));
    let told = send(&channel("slack", bot(&stub)), &follows(&first)).await.unwrap();
    assert_eq!(told.reference.as_deref(), Some("1.5 C1 #ops"), "what follows belongs to the new message");
    assert!(told.reply.contains("by itself; as an answer: 200 OK: thread_not_found (POST "), "{told:?}");
    let asked: Vec<Value> = stub.taken().iter().map(|asked| asked.json()["thread_ts"].clone()).collect();
    assert_eq!(asked, [json!("9.5"), Value::Null]);

    // What may pass is tried again as it is; what is refused either way says why.
    for (error, requests) in [("internal_error", 1), ("invalid_auth", 2)] {
        stub.judges(move |_| (200, json!({"ok": false, "error": error}).to_string()));
        let refused = send(&channel("slack", bot(&stub)), &follows(&first)).await.unwrap_err();
        assert!(
            refused.message.starts_with(&format!("200 OK: {error} (POST ")) && !refused.message.contains("s3cret"),
            "{refused}"
        );
        assert_eq!(stub.taken().len(), requests, "{error}");
    }
}

#[tokio::test]
async fn telegram_answers_the_first_message_if_it_is_there() {
    let stub = Stub::start().await;
    let telegram = channel("telegram", json!({"bot_token": "1:bot-s3cret", "chat_id": -42, "api_url": stub.url}));
    let answer = |result: Value| {
        let body = json!({"ok": true, "result": result}).to_string();
        stub.judges(move |_| (200, body.clone()));
    };
    answer(json!({"message_id": 7, "message_thread_id": 3, "reply_to_message": {"message_id": 3}}));
    let told = send(&telegram, &problem()).await.unwrap();
    assert_eq!((told.reference.as_deref(), &stub.one().json()["reply_parameters"]), (Some("7 -42"), &Value::Null));
    answer(json!({"message_id": 8, "reply_to_message": {"message_id": 7}}));
    assert_eq!(send(&telegram, &follows(&told)).await.unwrap().reference, told.reference);
    let asked = stub.one().json();
    assert_eq!(asked["reply_parameters"], json!({"message_id": 7, "allow_sending_without_reply": true}));
    // The first one was deleted: what follows belongs to this one.
    answer(json!({"message_id": 9, "message_thread_id": 3, "reply_to_message": {"message_id": 3}}));
    assert_eq!(send(&telegram, &follows(&told)).await.unwrap().reference.as_deref(), Some("9 -42"));
    let elsewhere = channel("telegram", json!({"bot_token": "1:bot-s3cret", "chat_id": -43, "api_url": stub.url}));
    stub.taken();
    send(&elsewhere, &follows(&told)).await.unwrap();
    assert_eq!(stub.one().json()["reply_parameters"], Value::Null);
}

#[tokio::test]
async fn matrix_answers_the_first_message_in_the_room() {
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(r#"{"event_id": "$1"}"#));
    let config = |room: &str| json!({"homeserver": stub.url, "access_token": "syt_s3cret", "room_id": room});
    let matrix = channel("matrix", config("!abc:example.org"));
    let told = send(&matrix, &problem()).await.unwrap();
    assert_eq!(told.reference.as_deref(), Some("$1 !abc:example.org"));
    assert_eq!(stub.one().json()["m.relates_to"], Value::Null);
    stub.answer(200, &[], Some(r#"{"event_id": "$2"}"#));
    assert_eq!(send(&matrix, &follows(&told)).await.unwrap().reference, told.reference);
    assert_eq!(stub.one().json()["m.relates_to"], json!({"m.in_reply_to": {"event_id": "$1"}}));
    send(&channel("matrix", config("!other:example.org")), &follows(&told)).await.unwrap();
    assert_eq!(stub.one().json()["m.relates_to"], Value::Null);
}

/// From the configuration to the service, over a restart.
#[tokio::test]
async fn the_end_of_a_problem_stands_in_the_thread_of_its_alarm_after_a_restart() {
    let stub = Stub::start().await;
    slack(&stub, &[], |_| None);
    let shell = Shell::new();
    let config = format!(
        "REVERE_ALERTS = {{'chat': {{'type': 'slack', 'config': {{'bot_token': 'xoxb-s3cret', 'channel': '#ops',
             'api_url': '{}', 'crowd_window': 0}}}}}}",
        stub.url
    );
    shell.write("config.py", &config);
    let mut server = shell.serve(&[]);
    let script = "if previous is None or previous.state == 'OK':\n    raise MonitorFailure('down')";
    let monitor = json!({"name": "m", "script": script, "schedule": "0 0 1 1 *"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    for told in 1..=4 {
        if told == 2 {
            // Killed.
            drop(server);
            server = shell.serve(&[]);
        }
        assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
        let sent = |list: &Value| (list["items"].as_array().unwrap().len() == told).then_some(());
        server.wait_for("/api/v1/deliveries?status=delivered", sent).await;
    }
    let heard = stub.taken();
    let threads: Vec<Value> = heard.iter().map(|asked| asked.json()["thread_ts"].clone()).collect();
    assert_eq!(threads, [Value::Null, json!("1.5"), Value::Null, json!("3.5")]);
    server.stop();
}
