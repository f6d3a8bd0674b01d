//! Charts in messages: in the message where its service takes a picture there, behind it elsewhere, and never in its way.

use jiff::{Timestamp, tz::TimeZone};
use revere::{
    alerts::{Notification, Retry},
    chart::{Mark, Picture, Series, draw},
};
use revere_model::State;
use serde_json::{Value, json};

use super::{
    channel, faults, sample, send,
    stub::{Asked, Stub},
};

/// A chart of a few numbers.
pub(crate) fn picture() -> Picture {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let points = (0..24).map(|hour| (at(hour * 3600), Some((hour * hour) as f64))).collect();
    let series = Series { from: at(0), to: at(86_400), points, runs: 24, ..Series::default() };
    let mark = Mark { at: at(43_200), state: State::Alarm };
    let png = draw(&series, &TimeZone::UTC, Some(mark)).unwrap();
    Picture { png: png.into(), words: "24 runs, values from 0 to 529".to_owned() }
}

/// It is a picture that others read, of the size that is said.
pub(crate) fn assert_a_chart(file: &[u8]) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height), (Picture::WIDTH, Picture::HEIGHT));
    assert!(file.len() < 60 << 10, "{} bytes", file.len());
}

fn with_chart() -> Notification {
    Notification { old_state: State::Ok, new_state: State::Alarm, ..sample() }.with_chart(picture())
}

/// A part of a form: its name, the rest of what stands above it, and its content.
struct Part {
    name: String,
    head: String,
    content: Vec<u8>,
}

/// The parts of a form with a file, read strictly.
fn parts(asked: &Asked) -> Result<Vec<Part>, String> {
    let boundary = asked.header("content-type").strip_prefix("multipart/form-data; boundary=").ok_or("no form")?;
    let find = |all: &[u8], part: &[u8]| all.windows(part.len()).position(|window| window == part);
    let mut rest = asked.raw.as_ref();
    let mut parts = Vec::new();
    let begin = format!("--{boundary}");
    rest = rest.strip_prefix(begin.as_bytes()).ok_or("it does not begin with its boundary")?;
    while rest != b"--\r\n" {
        rest = rest.strip_prefix(b"\r\n").ok_or("no line after the boundary")?;
        let above = find(rest, b"\r\n\r\n").ok_or("no empty line")?;
        let head = String::from_utf8(rest[..above].to_vec()).map_err(|error| error.to_string())?;
        rest = &rest[above + 4..];
        let end = find(rest, format!("\r\n{begin}").as_bytes()).ok_or("no boundary after a part")?;
        let name = head.split("form-data; name=\"").nth(1).and_then(|after| after.split('"').next());
        let name = name.ok_or("a part without a name")?.to_owned();
        parts.push(Part { name, head, content: rest[..end].to_vec() });
        rest = &rest[end + 2 + begin.len()..];
    }
    Ok(parts)
}

fn take(parts: &mut Vec<Part>, name: &str) -> Part {
    let place = parts.iter().position(|part| part.name == name).unwrap_or_else(|| panic!("no {name}"));
    parts.remove(place)
}

fn assert_the_file(part: &Part) {
    assert!(
        part.head.contains("filename=\"chart.png\"") && part.head.contains("Content-Type: image/png"),
        "{}",
        part.head
    );
    assert_a_chart(&part.content);
    assert_eq!(part.content, picture().png);
}

#[tokio::test]
async fn discord_shows_it_as_a_file_of_the_message() {
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(r#"{"id": "1"}"#));
    let discord = channel("discord", json!({"webhook_url": format!("{}/api/webhooks/1/hook", stub.url)}));
    let receipt = send(&discord, &with_chart()).await.unwrap();
    assert!(!receipt.reply.contains("without"), "{receipt:?}");
    let asked = stub.one();
    assert_eq!((asked.uri.query(), asked.header("idempotency-key")), (Some("wait=true"), "17-204-ops.chart"));
    let mut parts = parts(&asked).unwrap();
    assert_the_file(&take(&mut parts, "files[0]"));
    let payload: Value = serde_json::from_slice(&take(&mut parts, "payload_json").content).unwrap();
    assert_eq!(payload["attachments"], json!([{"id": 0, "filename": "chart.png", "description": picture().words}]));
    assert_eq!(payload["allowed_mentions"], json!({"parse": []}));
    assert!(payload["content"].as_str().unwrap().contains("Mail Queue Length"), "{payload}");
    assert!(parts.is_empty());
}

fn telegram(stub: &Stub) -> Value {
    json!({"bot_token": "1:bot-s3cret", "chat_id": -42, "message_thread_id": 5, "api_url": stub.url})
}

/// A Telegram that takes texts and pictures, each as long as it takes them.
fn telegram_service(stub: &Stub) {
    stub.judges(|asked| {
        let refuse = |why: &str| {
            (400, json!({"ok": false, "error_code": 400, "description": format!("Bad Request: {why}")}).to_string())
        };
        let (field, most, text, reply) = match asked.uri.path() {
            "/bot1:bot-s3cret/sendMessage" => {
                let body = asked.json();
                ("text", 4096, body["text"].as_str().map(str::to_owned), body["reply_parameters"].clone())
            }
            "/bot1:bot-s3cret/sendPhoto" => {
                let Ok(parts) = parts(asked) else { return refuse("no form") };
                let of = |name: &str| parts.iter().find(|part| part.name == name);
                let text = |name: &str| of(name).map(|part| String::from_utf8(part.content.clone()).unwrap());
                if text("chat_id").as_deref() != Some("-42") || text("message_thread_id").as_deref() != Some("5") {
                    return refuse("chat not found");
                }
                let Some(photo) = of("photo") else { return refuse("there is no photo in the request") };
                assert_the_file(photo);
                let reply = text("reply_parameters").map(|json| serde_json::from_str(&json).unwrap());
                ("caption", 1024, text("caption"), reply.unwrap_or_default())
            }
            _ => return (404, json!({"ok": false, "error_code": 404, "description": "Not Found"}).to_string()),
        };
        if text.as_ref().is_some_and(|text| text.encode_utf16().count() > most) || (field == "text" && text.is_none()) {
            return refuse("message is too long");
        }
        let mut message = json!({"message_id": 7, field: text, "reply_to_message": reply});
        if field == "caption" {
            message["photo"] = json!([{"file_id": "A"}]);
        }
        (200, json!({"ok": true, "result": message}).to_string())
    });
}

#[tokio::test]
async fn telegram_shows_it_with_the_text_below_and_answers_a_long_text_with_it() {
    let stub = Stub::start().await;
    telegram_service(&stub);
    let telegram = channel("telegram", telegram(&stub));
    let receipt = send(&telegram, &with_chart()).await.unwrap();
    assert_eq!(receipt.reference.as_deref(), Some("7 -42"));
    let asked = stub.one();
    let mut shown = parts(&asked).unwrap();
    let caption = String::from_utf8(take(&mut shown, "caption").content).unwrap();
    assert!(caption.contains("Mail Queue Length") && caption.contains("https://revere.example.com/monitor/17"));
    assert_eq!(take(&mut shown, "parse_mode").content, b"HTML");
    // What follows answers it, with a chart of its own.
    let mut end = sample().with_chart(picture());
    end.sending.reply_to = receipt.reference;
    send(&telegram, &end).await.unwrap();
    let reply = take(&mut parts(&stub.one()).unwrap(), "reply_parameters").content;
    assert_eq!(serde_json::from_slice::<Value>(&reply).unwrap()["message_id"], 7);
    // Below a picture there is room for a quarter of a text.
    let long = Notification { message: "long ".repeat(400), ..with_chart() };
    let receipt = send(&telegram, &long).await.unwrap();
    assert!(!receipt.reply.contains("without") && receipt.reference.as_deref() == Some("7 -42"), "{receipt:?}");
    let [text, photo] = stub.taken().try_into().unwrap();
    assert!(text.json()["text"].as_str().unwrap().contains(&"long ".repeat(300)));
    let mut photo = parts(&photo).unwrap();
    assert_eq!(take(&mut photo, "disable_notification").content, b"true", "one alarm, one sound");
    let reply: Value = serde_json::from_slice(&take(&mut photo, "reply_parameters").content).unwrap();
    assert_eq!(reply["message_id"], 7);
}

#[tokio::test]
async fn whatever_a_receiver_has_against_a_picture_costs_nobody_the_words() {
    let stub = Stub::start().await;
    for (kind, config, taken) in [
        ("discord", json!({"webhook_url": format!("{}/hook", stub.url)}), r#"{"id": "1"}"#),
        ("telegram", telegram(&stub), r#"{"ok": true, "result": {"message_id": 7}}"#),
    ] {
        // Nothing would be taken there: it is not asked again for that.
        for status in [401, 404, 410] {
            stub.judges(move |_| (status, json!({"message": "no", "description": "no", "ok": false}).to_string()));
            send(&channel(kind, config.clone()), &with_chart()).await.unwrap_err();
            assert_eq!(stub.taken().len(), 1, "{kind}: {status}");
        }
        for status in [400, 403, 413, 415] {
            stub.judges(move |asked| match asked.header("content-type") {
                "application/json" => (200, taken.to_owned()),
                _ => (status, json!({"message": "no files", "description": "no files", "ok": false}).to_string()),
            });
            let receipt = send(&channel(kind, config.clone()), &with_chart()).await.unwrap();
            assert!(receipt.reply.contains("(without its chart: "), "{kind}: {}", receipt.reply);
            assert!(
                receipt.reply.contains(&status.to_string()) && !receipt.reply.contains("s3cret"),
                "{}",
                receipt.reply
            );
            let [first, second] = stub.taken().try_into().unwrap();
            assert!(first.header("content-type").starts_with("multipart/form-data"));
            assert!(
                second.body.contains("Mail Queue Length") && !second.body.contains("attachments"),
                "{}",
                second.body
            );
        }
        // One that refuses everything is no reason to say that it was told.
        stub.judges(|_| (400, json!({"ok": false, "description": "no"}).to_string()));
        let error = send(&channel(kind, config.clone()), &with_chart()).await.unwrap_err();
        assert_eq!((error.retry, stub.taken().len()), (Retry::Never, 2));
        // One that is away is asked again later, and not at once.
        stub.judges(|_| (503, String::new()));
        let error = send(&channel(kind, config), &with_chart()).await.unwrap_err();
        assert_eq!((error.retry, stub.taken().len()), (Retry::Later, 1));
    }
}

fn matrix(stub: &Stub) -> Value {
    json!({"homeserver": stub.url, "access_token": "syt_s3cret", "room_id": "!abc:example.org"})
}

#[tokio::test]
async fn matrix_keeps_it_and_shows_it_behind_the_text() {
    let stub = Stub::start().await;
    stub.judges(|asked| {
        if asked.header("authorization") != "Bearer syt_s3cret" {
            return (401, json!({"errcode": "M_UNKNOWN_TOKEN", "error": "no token"}).to_string());
        }
        match asked.uri.path() {
            "/_matrix/media/v3/upload" if asked.method == "POST" => {
                assert_eq!(
                    (asked.uri.query(), asked.header("content-type")),
                    (Some("filename=chart.png"), "image/png")
                );
                assert_a_chart(&asked.raw);
                (200, json!({"content_uri": "mxc://example.org/abc"}).to_string())
            }
            path if path.contains("/send/m.room.message/") && asked.method == "PUT" => {
                (200, json!({"event_id": "$1"}).to_string())
            }
            _ => (404, json!({"errcode": "M_UNRECOGNIZED", "error": "no such place"}).to_string()),
        }
    });
    let receipt = send(&channel("matrix", matrix(&stub)), &with_chart()).await.unwrap();
    assert!(!receipt.reply.contains("without"), "{receipt:?}");
    let [text, _, picture_event] = stub.taken().try_into().unwrap();
    assert_eq!(text.json()["msgtype"], "m.text");
    assert!(picture_event.uri.path().ends_with("/17-204-ops.chart"), "{}", picture_event.uri);
    let expected = json!({
        "msgtype": "m.image", "body": picture().words, "filename": "chart.png", "url": "mxc://example.org/abc",
        "info": {"mimetype": "image/png", "size": picture().png.len(), "w": 720, "h": 300}, "m.mentions": {},
    });
    assert_eq!(picture_event.json(), expected);
    // A server without room for pictures has the text all the same.
    stub.judges(|asked| match asked.uri.path() {
        "/_matrix/media/v3/upload" => (413, json!({"errcode": "M_TOO_LARGE", "error": "too large"}).to_string()),
        _ => (200, json!({"event_id": "$2"}).to_string()),
    });
    let receipt = send(&channel("matrix", matrix(&stub)), &with_chart()).await.unwrap();
    assert!(receipt.reply.contains("(without its chart: 127.0.0.1: 413 Payload Too Large"), "{}", receipt.reply);
    assert_eq!((receipt.reference.as_deref(), stub.taken().len()), (Some("$2 !abc:example.org"), 2));
}

/// A Slack that gives a place for a file of the size that was said, takes it there, and shares it in a thread.
fn slack(stub: &Stub, may_share: bool) {
    let url = stub.url.clone();
    stub.judges(move |asked| {
        let api = |body: Value| (200, body.to_string());
        let refuse = |why: &str| (200, json!({"ok": false, "error": why}).to_string());
        if asked.uri.path() == "/upload/v1/ticket" {
            // Whoever has the place may put the file there, and the token is no business of it.
            let alone = asked.headers.get("authorization").is_none() && asked.raw == picture().png;
            return if alone { (200, "OK - 1".to_owned()) } else { (400, "no".to_owned()) };
        }
        if asked.header("authorization") != "Bearer xoxb-s3cret" {
            return refuse("invalid_auth");
        }
        match asked.uri.path() {
            "/chat.postMessage" => api(json!({"ok": true, "channel": "C1", "ts": "1.5"})),
            "/files.getUploadURLExternal" if !may_share => refuse("missing_scope"),
            "/files.getUploadURLExternal" => {
                let fields: Vec<_> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
                let of = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
                let length = picture().png.len().to_string();
                let right = (of("filename"), of("length")) == (Some("chart.png"), Some(length.as_str()));
                if !right || of("alt_txt") != Some(picture().words.as_str()) {
                    return refuse("invalid_arguments");
                }
                api(json!({"ok": true, "upload_url": format!("{url}/upload/v1/ticket"), "file_id": "F1"}))
            }
            "/files.completeUploadExternal" => {
                let body = asked.json();
                let expected = json!({
                    "files": [{"id": "F1", "title": "chart.png"}], "channel_id": "C1", "thread_ts": "1.5",
                });
                if body == expected { api(json!({"ok": true, "files": []})) } else { refuse("invalid_arguments") }
            }
            _ => refuse("unknown_method"),
        }
    });
}

#[tokio::test]
async fn a_bot_of_slack_puts_it_into_the_thread_of_its_message() {
    let stub = Stub::start().await;
    let bot = channel("slack", json!({"bot_token": "xoxb-s3cret", "channel": "#ops", "api_url": stub.url}));
    slack(&stub, true);
    let receipt = send(&bot, &with_chart()).await.unwrap();
    assert!(!receipt.reply.contains("without"), "{receipt:?}");
    assert_eq!((receipt.reference.as_deref(), stub.taken().len()), (Some("1.5 C1 #ops"), 4));
    // Many a bot may write and nothing else.
    slack(&stub, false);
    let receipt = send(&bot, &with_chart()).await.unwrap();
    let expected = "(without its chart: missing_scope: give the app the scope files:write";
    assert!(receipt.reply.contains(expected) && !receipt.reply.contains("s3cret"), "{}", receipt.reply);
    assert_eq!(receipt.reference.as_deref(), Some("1.5 C1 #ops"));
}

#[test]
fn a_preview_says_that_there_is_a_chart() {
    let parts = |kind: &str, config: Value| -> Vec<(String, String)> {
        let said = channel(kind, config).preview(&with_chart()).unwrap();
        said.into_iter().map(|part| (part.name, part.text)).collect()
    };
    let file = ("chart.png, image/png".to_owned(), picture().words);
    let discord = parts("discord", json!({"webhook_url": "http://127.0.0.1:1"}));
    assert!(discord.iter().any(|(name, text)| name == "content" && text.contains("Mail Queue Length")), "{discord:?}");
    assert!(discord.contains(&("files[0]".to_owned(), file.0.clone())), "{discord:?}");
    assert!(discord.contains(&("attachments[0].description".to_owned(), file.1.clone())), "{discord:?}");
    let telegram = parts("telegram", json!({"bot_token": "1:t", "chat_id": -42}));
    assert!(telegram.iter().any(|(name, text)| name == "caption" && text.contains("ALARM")), "{telegram:?}");
    assert_eq!(telegram.last().unwrap(), &("photo".to_owned(), file.0));
    let mail = json!({"host": "127.0.0.1", "port": 1, "from": "a@example.com", "to": ["b@example.com"]});
    let behind = [
        ("email", mail),
        ("matrix", json!({"homeserver": "http://127.0.0.1:1", "access_token": "t", "room_id": "!a:b"})),
        ("slack", json!({"bot_token": "xoxb-1", "channel": "#ops"})),
    ];
    for (kind, config) in behind {
        assert_eq!(parts(kind, config).last().unwrap(), &("chart.png".to_owned(), file.1.clone()), "{kind}");
    }
}

#[test]
fn who_shows_charts_and_who_was_told_not_to() {
    let url = "http://127.0.0.1:1";
    let discord = |more: Value| {
        let mut config = json!({"webhook_url": url});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        channel("discord", config).takes_chart()
    };
    assert!(discord(json!({})) && discord(json!({"chart": true})) && !discord(json!({"chart": false})));
    assert!(discord(json!({"text": "{{ message }}"})), "whatever its words");
    let bot = json!({"bot_token": "xoxb-s3cret", "channel": "#ops"});
    assert!(channel("slack", bot).takes_chart());
    assert!(!channel("slack", json!({"webhook_url": url})).takes_chart());
    assert!(!channel("ntfy", json!({"topic": "t"})).takes_chart());
    let fault = faults("slack", json!({"webhook_url": url, "chart": true}));
    assert!(fault[0].contains("['chart']: belongs to 'bot_token'"), "{fault:?}");
}
