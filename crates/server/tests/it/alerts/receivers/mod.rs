//! Every kind over HTTP, before a receiver that takes what its service documents and refuses everything else: a field that is
//! missing or null, a text that is too long, a wrong way to sign in, markup or a mention that means something.

mod rules;

use revere::alerts::{Incident, KINDS, Notification};
use revere_model::{FlipId, ReturnValue, RunId, State};
use rules::rules;
use serde_json::{Value, json};

use super::{
    channel, faults, hostile, sample, send,
    stub::{Asked, Stub},
};
use crate::support::eventually;

/// Kinds with tests of their own that look at every byte, or that speak to the real service.
const ELSEWHERE: [&str; 4] = ["webhook", "campfire", "sns", "template"];

/// A problem from its beginning to its end, a pause, a test, a server without an address, hostile text and the largest there is.
fn notifications() -> Vec<(&'static str, Notification)> {
    let alarm = Notification { old_state: State::Ok, new_state: State::Alarm, ..sample() };
    let mut large = alarm.clone();
    large.monitor.name = "\u{1f525}".repeat(200);
    large.message = "&\u{1f525}*<@\"".repeat(4 << 10);
    large.return_value = Some(ReturnValue::Text("\u{1f525}".repeat(8 << 10)));
    let mut escapes = alarm.clone();
    escapes.message = "\\\t\"".repeat(3 << 10);
    escapes.return_value = Some(ReturnValue::Text("\"\\".repeat(4 << 10)));
    let mut quotes = alarm.clone();
    quotes.message = (1..13).map(|length| format!("{0} x {0}\n{0}", "`".repeat(length))).collect::<Vec<_>>().join("\n");
    let mut nowhere = alarm.clone();
    nowhere.monitor.url = "/monitor/17".to_owned();
    let mut mentions = hostile();
    mentions.monitor.name = "@everyone <!channel> <users/all> @all @here *b* _i_ `c` ```".to_owned();
    mentions.message = "1. one\n````\n@room <@U1> [x](https://evil.example) <at>all</at> <script>\n````".to_owned();
    vec![
        ("an error", Notification { old_state: State::Ok, new_state: State::Error, ..sample() }),
        ("an end", sample()),
        ("a pause", Notification { new_state: State::Inactive, ..sample() }),
        ("a test", Notification { test: true, incident: None, return_value: None, ..alarm.clone() }),
        ("no problem that is known", Notification { incident: None, ..alarm.clone() }),
        ("no address", nowhere),
        ("hostile text", hostile()),
        ("mentions", mentions),
        ("the largest", large),
        ("escapes of JSON", escapes),
        ("back quotes", quotes),
        ("an alarm", alarm),
    ]
}

#[tokio::test]
async fn every_service_takes_what_it_is_sent() {
    let stub = Stub::start().await;
    let mut tried = 0;
    for kind in KINDS.iter().filter(|kind| !ELSEWHERE.contains(&kind.names[0])) {
        for of_kind in kind.samples.iter().filter(|sample| sample.config.contains("{url}")) {
            let config = serde_json::from_str(&of_kind.config.replace("{url}", &stub.url)).unwrap();
            let channel = channel(kind.names[0], config);
            stub.answer(200, &[], Some(of_kind.taken));
            for (what, notification) in notifications() {
                send(&channel, &notification).await.unwrap();
                let asked = stub.one();
                assert_eq!(asked.header("idempotency-key"), "17-204-ops");
                if let Err(broken) = rules(kind.names[0])(&asked) {
                    panic!("{}, {what}: {broken}\n{}", kind.names[0], &asked.body[..asked.body.len().min(2000)]);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 180, "{tried}");
}

/// A button leads to where one acknowledges, and acknowledges nothing itself.
#[tokio::test]
async fn a_problem_has_a_button_to_acknowledge_it_where_the_service_shows_some() {
    const OPEN: &str = "https://revere.example.com/monitor/17/run/9";
    const ACKNOWLEDGE: &str = "https://revere.example.com/acknowledge/7.ab";
    let stub = Stub::start().await;
    let link = |label: &str, url: &str| (label.to_owned(), url.to_owned());
    let all = |buttons: &Value, label: &str, url: &str| -> Vec<(String, String)> {
        let one = |button: &Value| {
            (button[label].as_str().unwrap().to_owned(), button.pointer(url).unwrap().as_str().unwrap().to_owned())
        };
        buttons.as_array().into_iter().flatten().map(one).collect()
    };
    for kind in ["teams", "google_chat", "ntfy", "pagerduty"] {
        let kind_sample = &KINDS.iter().find(|one| one.names[0] == kind).unwrap().samples[0];
        let config = serde_json::from_str(&kind_sample.config.replace("{url}", &stub.url)).unwrap();
        let channel = channel(kind, config);
        stub.answer(200, &[], Some(kind_sample.taken));
        for acknowledge_url in [None, Some(ACKNOWLEDGE.to_owned())] {
            let alarm = Notification { old_state: State::Ok, new_state: State::Alarm, ..sample() };
            let can_acknowledge = acknowledge_url.is_some();
            send(&channel, &Notification { run_id: Some(RunId(9)), acknowledge_url, ..alarm }).await.unwrap();
            let body: Value = serde_json::from_str(&stub.one().body).unwrap();
            let shown = match kind {
                "teams" => all(&body["attachments"][0]["content"]["actions"], "title", "/url"),
                "google_chat" => {
                    let widgets = &body["cardsV2"][0]["card"]["sections"][0]["widgets"];
                    all(&widgets[1]["buttonList"]["buttons"], "text", "/onClick/openLink/url")
                }
                "ntfy" => all(&body["actions"], "label", "/url"),
                _ => all(&body["links"], "text", "/href"),
            };
            let mut expected = vec![link("Open the run", OPEN)];
            expected.extend(can_acknowledge.then(|| link("Acknowledge", ACKNOWLEDGE)));
            assert_eq!(shown, expected, "{kind}");
        }
    }
}

/// Where the text has the links already, buttons stand below what can be acknowledged, and whatever a service has against them
/// costs nobody the words.
#[tokio::test]
async fn a_problem_is_told_without_its_buttons_where_the_service_refuses_them() {
    const REFUSED: &str =
        "Bad Request: inline keyboard button URL 'https://revere.example.com' is invalid: Wrong HTTP URL";
    fn row(kind: &str, body: &Value) -> Value {
        match kind {
            "discord" => body["components"][0]["components"].clone(),
            "telegram" => body["reply_markup"]["inline_keyboard"][0].clone(),
            _ => body["blocks"][1]["elements"].clone(),
        }
    }
    let alarm = Notification { old_state: State::Ok, new_state: State::Alarm, run_id: Some(RunId(9)), ..sample() };
    let link = "https://revere.example.com/acknowledge/7.ab".to_owned();
    let problem = Notification { acknowledge_url: Some(link.clone()), ..alarm.clone() };
    let no_url = json!({"_errors": [{"code": "URL_TYPE_INVALID_URL", "message": "Not a well formed URL."}]});
    let form = json!({"components": {"0": {"components": {"1": {"url": no_url}}}}});
    for (kind, config, label, taken, status, refusal) in [
        (
            "discord",
            json!({"webhook_url": "{url}/api/webhooks/1/hook-s3cret"}),
            "/label",
            json!({"id": "1"}),
            400,
            json!({"code": 50035, "message": "Invalid Form Body", "errors": form}),
        ),
        (
            "telegram",
            json!({"bot_token": "1:bot-s3cret", "chat_id": -42, "api_url": "{url}"}),
            "/text",
            json!({"ok": true, "result": {"message_id": 7}}),
            400,
            json!({"ok": false, "error_code": 400, "description": REFUSED}),
        ),
        (
            "slack",
            json!({"bot_token": "xoxb-s3cret", "channel": "#ops", "buttons": true, "api_url": "{url}"}),
            "/text/text",
            json!({"ok": true, "channel": "C1", "ts": "1.2"}),
            200,
            json!({"ok": false, "error": "invalid_blocks"}),
        ),
    ] {
        let stub = Stub::start().await;
        stub.answer(200, &[], Some(&taken.to_string()));
        let config = serde_json::from_str(&config.to_string().replace("{url}", &stub.url)).unwrap();
        let channel = channel(kind, config);
        send(&channel, &alarm).await.unwrap();
        assert_eq!(row(kind, &stub.one().json()), Value::Null, "{kind}: there is nothing to acknowledge");
        send(&channel, &problem).await.unwrap();
        let asked = stub.one();
        rules(kind)(&asked).unwrap_or_else(|broken| panic!("{kind}: {broken}"));
        let shown = row(kind, &asked.json());
        let labels: Vec<&str> = (0..2).map(|number| shown[number].pointer(label).unwrap().as_str().unwrap()).collect();
        assert_eq!((labels, &shown[1]["url"]), (vec!["Open the run", "Acknowledge"], &json!(link)), "{kind}");

        stub.judges(move |asked| match row(kind, &asked.json()) {
            Value::Null => (200, taken.to_string()),
            _ => (status, refusal.to_string()),
        });
        let receipt = send(&channel, &problem).await.unwrap();
        assert!(receipt.reply.contains("(without its buttons: "), "{kind}: {}", receipt.reply);
        let [with, without] = stub.taken().try_into().unwrap();
        assert!(row(kind, &with.json()).is_array() && row(kind, &without.json()).is_null(), "{kind}");
        assert!(without.body.contains(&link), "{kind}: the text has the link");
        // A host that no service takes for one of the internet gets no button in the first place.
        let home = problem.acknowledge_url.clone().map(|url| url.replace("revere.example.com", "revere"));
        let mut at_home = Notification { acknowledge_url: home, ..problem.clone() };
        "http://revere:5000/monitor/17".clone_into(&mut at_home.monitor.url);
        send(&channel, &at_home).await.unwrap();
        assert_eq!(row(kind, &stub.one().json()), Value::Null, "{kind}");
    }
    let fault = faults("slack", json!({"webhook_url": "https://hooks.slack.com/services/1", "buttons": true}));
    assert!(fault[0].contains("['buttons']: belongs to 'bot_token'"), "{fault:?}");
}

/// What opens something is closed by the end of the same problem, and by no other's.
#[tokio::test]
async fn pagers_close_what_they_opened() {
    let stub = Stub::start().await;
    stub.answer(202, &[], Some(r#"{"status": "success", "requestId": "r", "data": {"success": true}}"#));
    for (kind, config) in [
        ("pagerduty", json!({"routing_key": "r", "api_url": stub.url})),
        ("opsgenie", json!({"api_key": "k", "api_url": stub.url})),
        ("jira_service_management", json!({"api_key": "k", "api_url": stub.url})),
        ("incident_io", json!({"url": stub.url, "token": "t"})),
    ] {
        let channel = channel(kind, config);
        let mut keys = Vec::new();
        for (problem, state) in
            [(1, State::Alarm), (1, State::Error), (1, State::Ok), (2, State::Alarm), (2, State::Inactive)]
        {
            let incident = Incident {
                id: FlipId(problem),
                opened_at: "2026-03-01T02:40:00Z".parse().unwrap(),
                key: format!("problem-{problem}"),
            };
            let told = Notification { new_state: state, incident: Some(incident), key: format!("{state}"), ..sample() };
            send(&channel, &told).await.unwrap();
            let asked = stub.one();
            let ends = matches!(state, State::Ok | State::Inactive);
            keys.push((key_and_end(kind, &asked), ends));
        }
        let expected = [
            ("problem-1", false),
            ("problem-1", false),
            ("problem-1", true),
            ("problem-2", false),
            ("problem-2", true),
        ];
        for (((key, ended), ends), (expected, end)) in keys.iter().zip(expected) {
            assert_eq!((key.as_str(), *ended, *ends), (expected, end, end), "{kind}");
        }
        // A test of the alert is no end of anything.
        send(&channel, &Notification { test: true, incident: None, new_state: State::Ok, ..sample() }).await.unwrap();
        assert!(!key_and_end(kind, &stub.one()).1, "{kind}");
    }
}

fn key_and_end(kind: &str, asked: &Asked) -> (String, bool) {
    let body = asked.json();
    match kind {
        "pagerduty" => (body["dedup_key"].as_str().unwrap().to_owned(), body["event_action"] == "resolve"),
        "incident_io" => (body["deduplication_key"].as_str().unwrap().to_owned(), body["status"] == "resolved"),
        _ => match asked.uri.path().strip_prefix("/v2/alerts/") {
            Some(close) => (close.strip_suffix("/close").unwrap().to_owned(), true),
            None => (body["alias"].as_str().unwrap().to_owned(), false),
        },
    }
}

/// A user who was invited to a room of Matrix joins it and tells it; one who was not is told so.
#[tokio::test]
async fn a_matrix_user_joins_the_room_it_was_invited_to() {
    let room = axum::Router::new();
    let joined = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (join, told) = (joined.clone(), joined.clone());
    let room = room
        .route(
            "/_matrix/client/v3/join/{room}",
            axum::routing::post(async move |axum::extract::Path(room): axum::extract::Path<String>| {
                if room == "!invited:example.org" {
                    join.store(true, std::sync::atomic::Ordering::Relaxed);
                    (axum::http::StatusCode::OK, json!({"room_id": room}).to_string())
                } else {
                    (axum::http::StatusCode::FORBIDDEN, json!({"errcode": "M_FORBIDDEN"}).to_string())
                }
            }),
        )
        .route(
            "/_matrix/client/v3/rooms/{room}/send/m.room.message/{key}",
            axum::routing::put(async move || {
                if told.load(std::sync::atomic::Ordering::Relaxed) {
                    (axum::http::StatusCode::OK, json!({"event_id": "$1"}).to_string())
                } else {
                    let refused = json!({"errcode": "M_FORBIDDEN", "error": "User not in room"});
                    (axum::http::StatusCode::FORBIDDEN, refused.to_string())
                }
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, room).await.unwrap() });
    let config = |room: &str| json!({"homeserver": url, "access_token": "t", "room_id": room});
    let error = send(&channel("matrix", config("!other:example.org")), &sample()).await.unwrap_err();
    assert!(error.message.contains("403 Forbidden: User not in room; is the user in the room"), "{error}");
    send(&channel("matrix", config("!invited:example.org")), &sample()).await.unwrap();
}

/// An emergency of Pushover rings no longer once the problem is over.
#[tokio::test]
async fn the_end_of_an_emergency_ends_its_ringing() {
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(r#"{"status": 1}"#));
    let config = json!({"api_token": "t", "user_key": "u", "emergency": true, "api_url": stub.url});
    let channel = channel("pushover", config);
    send(&channel, &Notification { new_state: State::Alarm, ..sample() }).await.unwrap();
    let tag = "a3f1c09b5d7e4826a3f1c09b5d7e4826";
    assert!(stub.one().body.contains(&format!("priority=2&tags={tag}&retry=60&expire=3600")));
    send(&channel, &sample()).await.unwrap();
    // The second follows by itself.
    let mut paths = Vec::new();
    eventually("the ringing is ended", async || {
        paths.extend(stub.taken().iter().map(|asked| asked.uri.path().to_owned()));
        if paths.len() == 2 { Ok(()) } else { Err(format!("{paths:?}")) }
    })
    .await;
    assert_eq!(paths, ["/1/messages.json".to_owned(), format!("/1/receipts/cancel_by_tag/{tag}.json")]);
    let test = Notification { new_state: State::Alarm, test: true, ..sample() };
    send(&channel, &test).await.unwrap();
    assert!(!stub.one().body.contains("priority"), "a test wakes nobody");
}

/// A group of Telegram that became a supergroup is told under its new number at once.
#[tokio::test]
async fn a_telegram_group_that_moved_is_followed() {
    let stub = Stub::start().await;
    let channel = channel("telegram", json!({"bot_token": "1:t", "chat_id": -42, "api_url": stub.url}));
    let moved = json!({"ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded",
        "parameters": {"migrate_to_chat_id": -10_042}});
    stub.answer(400, &[], Some(&moved.to_string()));
    let error = send(&channel, &sample()).await.unwrap_err();
    assert_eq!(error.retry, revere::alerts::Retry::Later);
    assert!(error.message.contains("set chat_id to -10042"), "{error}");
    stub.taken();
    stub.answer(200, &[], Some(r#"{"ok": true}"#));
    send(&channel, &sample()).await.unwrap();
    assert_eq!(stub.one().json()["chat_id"], -10_042);
}
