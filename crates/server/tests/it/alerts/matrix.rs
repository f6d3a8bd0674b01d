//! `matrix`, against a Synapse of the tests' own (see matrix_room.py).

use futures_util::future::join_all;
use revere::alerts::{Notification, Retry};
use revere_model::State;
use serde_json::{Value, json};

use super::{TEXT, channel, charts::picture, hostile, sample, send, service};
use crate::{cli::Shell, support::client};

/// A room of one test, with one who writes there and one who reads.
struct Room {
    id: String,
    writes: String,
    reads: String,
    /// The name of the one who reads.
    reader: String,
}

impl Room {
    /// In it, the one who writes is `joined`, `invited` or a `stranger`.
    async fn with(standing: &str) -> Room {
        let made = tokio::process::Command::new(service("REVERE_TEST_PYTHON"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/alerts/matrix_room.py"))
            .args([service("REVERE_TEST_MATRIX_URL"), service("REVERE_TEST_MATRIX_SECRET"), standing.to_owned()])
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let of = |name: &str| made[name].as_str().unwrap().to_owned();
        Room { id: of("room_id"), writes: of("writes"), reads: of("reads"), reader: of("reader") }
    }

    fn config(&self) -> Value {
        json!({"homeserver": service("REVERE_TEST_MATRIX_URL"), "access_token": self.writes, "room_id": self.id})
    }

    /// What the one who reads is answered.
    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("{}/_matrix/client{path}", service("REVERE_TEST_MATRIX_URL"));
        let answer = client().get(url).bearer_auth(&self.reads).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer
    }

    /// What was written there, oldest first.
    async fn messages(&self) -> Vec<Value> {
        let path = format!("/v3/rooms/{}/messages?dir=f&limit=100", self.id);
        let all: Value = self.get(&path).await.json().await.unwrap();
        let all = all["chunk"].as_array().unwrap().iter();
        all.filter(|event| event["type"] == "m.room.message").cloned().collect()
    }

    /// The messages that the one who reads was called by.
    async fn calls(&self) -> Vec<Value> {
        let all: Value = self.get("/v3/notifications?only=highlight").await.json().await.unwrap();
        all["notifications"].as_array().unwrap().iter().map(|one| one["event"]["event_id"].clone()).collect()
    }
}

fn problem(key: &str) -> Notification {
    Notification { old_state: State::Ok, new_state: State::Alarm, key: key.to_owned(), ..sample() }
}

#[tokio::test]
async fn a_room_shows_what_it_was_told_and_the_end_as_an_answer() {
    let room = Room::with("joined").await;
    let matrix = channel("matrix", room.config());
    let told = send(&matrix, &problem("17-203-ops")).await.unwrap();
    let mut end = sample();
    end.sending.reply_to = told.reference;
    send(&matrix, &end).await.unwrap();
    let [alarm, end] = room.messages().await.try_into().unwrap();
    assert_eq!(alarm["content"]["msgtype"], "m.text");
    assert_eq!(
        (&end["content"]["msgtype"], &end["content"]["format"]),
        (&json!("m.notice"), &json!("org.matrix.custom.html"))
    );
    assert!(end["content"]["body"].as_str().unwrap().starts_with(TEXT), "{end}");
    assert_eq!(end["content"]["m.relates_to"], json!({"m.in_reply_to": {"event_id": alarm["event_id"]}}));
    assert_eq!(alarm["content"]["m.relates_to"], Value::Null);
}

/// Whatever stands in a monitor's texts, the room shows it as text, and nobody is called by it.
#[tokio::test]
async fn markup_and_names_in_what_is_told_are_inert() {
    let room = Room::with("joined").await;
    let mut notification = hostile();
    notification.monitor.name = format!("{} @room {}", notification.monitor.name, room.reader);
    send(&channel("matrix", room.config()), &notification).await.unwrap();
    let [told] = room.messages().await.try_into().unwrap();
    let text = |name: &str| told["content"][name].as_str().unwrap().to_owned();
    assert!(text("body").contains("<script>alert(1)</script>"), "as plain text it is what it is");
    let shown = text("formatted_body");
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{shown}");
    let link = "<a href=\"https://revere.example.com/monitor/17\">";
    let left = shown.replace("<br>", "").replace(link, "").replace("</a>", "");
    assert!(!left.contains(['<', '>']) && shown.contains(link), "{left}");
    assert!(room.calls().await.is_empty());

    // The same words from anybody else do call.
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/by-hand", room.id);
    let by_hand = client()
        .put(service("REVERE_TEST_MATRIX_URL") + &path)
        .bearer_auth(&room.writes)
        .json(&json!({"msgtype": "m.text", "body": text("body")}))
        .send()
        .await
        .unwrap();
    let by_hand: Value = by_hand.json().await.unwrap();
    assert_eq!(room.calls().await, [by_hand["event_id"].clone()]);
}

#[tokio::test]
async fn a_chart_stands_in_the_room_as_a_picture() {
    let room = Room::with("joined").await;
    let matrix = channel("matrix", room.config());
    // A chart is not waited for long, and this machine may be busy.
    for number in 0..5 {
        let key = format!("17-{number}-ops");
        let receipt = send(&matrix, &problem(&key).with_chart(picture())).await.unwrap();
        if !receipt.reply.contains("not taken in time") {
            assert!(!receipt.reply.contains("without its chart"), "{}", receipt.reply);
            break;
        }
    }
    let messages = room.messages().await;
    let shown = messages.iter().find(|event| event["content"]["msgtype"] == "m.image").expect("a picture");
    assert_eq!((&shown["content"]["body"], &shown["content"]["m.mentions"]), (&json!(picture().words), &json!({})));
    let place = shown["content"]["url"].as_str().unwrap().strip_prefix("mxc://").unwrap();
    let kept = room.get(&format!("/v1/media/download/{place}")).await;
    assert_eq!(kept.headers()["content-type"], "image/png");
    assert_eq!(kept.bytes().await.unwrap(), picture().png);
}

#[tokio::test]
async fn what_is_sent_twice_under_one_key_stands_there_once() {
    let room = Room::with("joined").await;
    let matrix = channel("matrix", room.config());
    assert!(matrix.knows_repeats());
    let first = send(&matrix, &problem("17-203-ops")).await.unwrap();
    let again = send(&matrix, &problem("17-203-ops")).await.unwrap();
    assert_eq!(first.reference, again.reference);
    assert_eq!(room.messages().await.len(), 1);
    send(&matrix, &problem("17-204-ops")).await.unwrap();
    assert_eq!(room.messages().await.len(), 2);
}

#[tokio::test]
async fn a_wrong_token_and_a_room_that_is_not_there_are_said() {
    let room = Room::with("joined").await;
    let with = |name: &str, value: &str| {
        let mut config = room.config();
        config[name] = json!(value);
        channel("matrix", config)
    };
    let error = send(&with("access_token", "syt_wr0ng_s3cret"), &sample()).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never, "{error}");
    assert!(error.message.contains("401 Unauthorized: Invalid access token passed"), "{error}");
    assert!(!error.message.contains("wr0ng"), "{error}");
    for nowhere in ["!nowhere:localhost", "!nowhere:elsewhere.example", "!nowhere"] {
        let error = send(&with("room_id", nowhere), &sample()).await.unwrap_err();
        assert_eq!(error.retry, Retry::Never, "{error}");
        let said = format!("not in room {nowhere}; is the user in the room, or invited, and may it write there?");
        assert!(error.message.contains("403 Forbidden: ") && error.message.contains(&said), "{error}");
    }
    assert_eq!(room.messages().await.len(), 0);
}

#[tokio::test]
async fn whoever_was_invited_comes_in_and_a_stranger_does_not() {
    let room = Room::with("invited").await;
    send(&channel("matrix", room.config()), &sample()).await.unwrap();
    assert_eq!(room.messages().await.len(), 1);
    let closed = Room::with("stranger").await;
    let error = send(&channel("matrix", closed.config()), &sample()).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never, "{error}");
    assert_eq!(closed.messages().await.len(), 0);
}

#[tokio::test]
async fn the_largest_message_is_taken() {
    let room = Room::with("joined").await;
    let matrix = channel("matrix", room.config());
    for (number, letter) in ["x", "\u{1f525}", "\"", "<", "\u{1}"].into_iter().enumerate() {
        let mut large = problem(&format!("17-{number}-ops"));
        large.message = letter.repeat(100_000);
        send(&matrix, &large).await.unwrap();
    }
    assert_eq!(room.messages().await.len(), 5);
}

/// The server takes some at once, and then asks to wait for a time of its own.
#[tokio::test]
async fn one_that_is_asked_to_wait_is_told_for_how_long() {
    let room = Room::with("joined").await;
    let matrix = channel("matrix", room.config());
    let all: Vec<Notification> = (0..30).map(|number| problem(&format!("17-{number}-ops"))).collect();
    let sent = join_all(all.iter().map(|one| send(&matrix, one))).await;
    let refused: Vec<_> = sent.iter().filter_map(|sent| sent.as_ref().err()).collect();
    assert!(!refused.is_empty() && refused.len() < 30, "{} were refused", refused.len());
    for error in refused {
        let Retry::After(wait) = error.retry else { panic!("{error:?}") };
        assert!((1..=60).contains(&wait.as_secs()) && error.message.contains("429"), "{error}");
    }
}

/// From the configuration to the room.
#[tokio::test]
async fn a_monitor_that_fails_and_recovers_is_read_in_the_room() {
    let room = Room::with("invited").await;
    let shell = Shell::new();
    let mut config = room.config();
    config["crowd_window"] = json!(0);
    shell.write("config.py", &format!("REVERE_ALERTS = {{'room': {{'type': 'matrix', 'config': {config}}}}}"));
    let server = shell.serve(&[]);
    let script = "if previous is None or previous.state == 'OK':\n    raise MonitorFailure('51 are waiting')";
    let monitor = json!({"name": "Mail Queue", "script": script, "schedule": "0 0 1 1 *"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    for told in 1..=2 {
        assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
        let sent = |list: &Value| (list["items"].as_array().unwrap().len() == told).then_some(());
        server.wait_for("/api/v1/deliveries?status=sent", sent).await;
    }
    let [alarm, end] = room.messages().await.try_into().unwrap();
    let body = |event: &Value| event["content"]["body"].as_str().unwrap().to_owned();
    assert!(body(&alarm).contains("Mail Queue") && body(&alarm).contains("51 are waiting"), "{alarm}");
    assert!(body(&end).contains("State Change: ALARM -> OK"), "{end}");
    assert_eq!(end["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], alarm["event_id"]);
}
