//! What the channels that speak HTTP send, and what they make of odd receivers. What holds for every kind is in
//! `every_kind`.

use std::time::Duration;

use base64::Engine;
use revere::alerts::Retry;
use serde_json::json;

use super::{TEXT, channel, faults, hostile, sample, send, stub::Stub};

/// A receiver that answers each request with `head` and `body` as they stand, then hangs up, or waits if `stalls`.
async fn odd_receiver(head: &'static str, body: Vec<u8>, stalls: bool) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let body = body.clone();
            tokio::spawn(async move {
                // One read is enough to have been asked; the rest is taken in so that closing resets nothing.
                let mut asked = vec![0; 64 << 10];
                _ = socket.read(&mut asked).await;
                _ = socket.write_all(head.as_bytes()).await;
                _ = socket.write_all(&body).await;
                if stalls {
                    _ = socket.read(&mut asked).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_status_counts_whatever_becomes_of_the_body() {
    const BROKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    const BROKEN_CHUNKS: &str = "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n";
    const LARGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5242880\r\n\r\n";
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    const GARBLED: &str = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n";
    const REFUSED: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 5242880\r\n\r\n";
    const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 17\r\nContent-Length: 1000\r\n\r\n";
    let (short, large) = (b"thanks".to_vec(), vec![b'x'; 5 << 20]);
    for (head, body, stalls, expected) in [
        (BROKEN, &short, false, None),
        (BROKEN, &short, true, None),
        (BROKEN_CHUNKS, &short, false, None),
        (LARGE, &large, false, None),
        (ENDLESS, &large, false, None),
        (GARBLED, &short, false, None),
        (REFUSED, &large, false, Some(Retry::Never)),
        (BUSY, &short, false, Some(Retry::After(Duration::from_secs(17)))),
    ] {
        let url = odd_receiver(head, body.clone(), stalls).await;
        let webhook = channel("webhook", json!({"url": url}));
        let timeout = Duration::from_secs(if stalls { 3 } else { 30 });
        match (webhook.send(&sample(), timeout).await, expected) {
            (Ok(receipt), None) => assert!(receipt.reply.starts_with("20"), "{head}: {}", receipt.reply),
            (Err(error), Some(retry)) => assert_eq!(error.retry, retry, "{head}: {error}"),
            (sent, expected) => panic!("{head}: expected {expected:?}, got {sent:?}"),
        }
    }
}

#[tokio::test]
async fn a_webhook_posts_the_documented_json() {
    let stub = Stub::start().await;
    let webhook =
        channel("webhook", json!({"url": format!("{}/a/b?c=d", stub.url), "headers": {"X-Team": "ops & co"}}));
    let receipt = send(&webhook, &sample()).await.unwrap();
    assert!(receipt.reply.starts_with("200 OK: /a/b?c=d"), "{}", receipt.reply);
    let asked = stub.one();
    assert_eq!((asked.method.as_str(), asked.uri.to_string().as_str()), ("POST", "/a/b?c=d"));
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("idempotency-key"), "17-204-ops");
    assert_eq!(asked.header("x-team"), "ops & co");
    assert_eq!(asked.header("x-revere-signature"), "");
    assert_eq!(
        asked.json(),
        json!({
            "monitor": {"id": 17, "name": "Mail Queue Length", "url": "https://revere.example.com/monitor/17", "tags": ["mail", "team-a"],
                "description": "", "timezone": "", "unit": "", "decimals": null},
            "old_state": "ALARM", "new_state": "OK", "severity": null, "message": "Monitor Passed", "return_value": 67,
            "tick_at": "2026-03-01T03:12:00Z", "started_at": "2026-03-01T03:12:00.25Z",
            "run_id": null, "url": "https://revere.example.com/monitor/17",
            "text": TEXT, "key": "17-204-ops",
            "incident": {"id": 203, "opened_at": "2026-03-01T02:40:00Z", "key": "a3f1c09b5d7e4826a3f1c09b5d7e4826"},
        })
    );
}

#[tokio::test]
async fn a_webhook_may_be_put_and_is_signed() {
    use hmac::{KeyInit, Mac};
    let stub = Stub::start().await;
    let config = json!({"url": stub.url, "method": "put", "secret": "hmac-s3cret", "headers": {"Content-Type": "application/vnd.x+json"}});
    send(&channel("webhook", config), &hostile()).await.unwrap();
    let asked = stub.one();
    assert_eq!((asked.method.as_str(), asked.header("content-type")), ("PUT", "application/vnd.x+json"));
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"hmac-s3cret").unwrap();
    mac.update(format!("{}.{}", asked.header("x-revere-timestamp"), asked.body).as_bytes());
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked.header("x-revere-signature"), format!("sha256={expected}"));
    assert_eq!(asked.json()["message"], hostile().message.as_str(), "JSON carries any text whole");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_says_where_it_leads() {
    let (stub, elsewhere) = (Stub::start().await, Stub::start().await);
    stub.answer(308, &[("Location", &elsewhere.url)], Some(""));
    let error = send(&channel("webhook", json!({"url": stub.url})), &sample()).await.unwrap_err();
    assert_eq!(
        error.message,
        format!(
            "308 Permanent Redirect; it redirects to {}: configure that address (POST {}/)",
            elsewhere.url, stub.url
        )
    );
    assert_eq!((error.retry, elsewhere.taken().len()), (Retry::Never, 0));
}

#[tokio::test]
async fn classic_campfire_hears_a_paste() {
    let stub = Stub::start().await;
    stub.answer(201, &[], Some(r#"{"message": {"id": 1}}"#));
    let config = json!({"url": stub.url, "subdomain": "example", "room_id": "123456", "api_token": "t0ken-of-a-user"});
    let receipt = send(&channel("revere.alerts.campfire.CampfireAlert", config), &sample()).await.unwrap();
    assert_eq!(receipt.reply, r#"201 Created: {"message": {"id": 1}}"#);
    let asked = stub.one();
    assert_eq!(asked.uri, "/room/123456/speak.json");
    let basic = base64::engine::general_purpose::STANDARD.encode("t0ken-of-a-user:X");
    assert_eq!(asked.header("authorization"), format!("Basic {basic}"));
    assert_eq!(asked.json(), json!({"message": {"type": "PasteMessage", "body": TEXT}}));
}

#[tokio::test]
async fn self_hosted_campfire_hears_text_that_is_never_markup() {
    let stub = Stub::start().await;
    stub.answer(201, &[], Some(""));
    let config = json!({"url": format!("{}/chat/", stub.url), "room_id": 42, "bot_key": "9-bOtKeY-of-a-bot"});
    let campfire = channel("campfire", config);
    send(&campfire, &sample()).await.unwrap();
    let asked = stub.one();
    assert_eq!(asked.uri, "/chat/rooms/42/9-bOtKeY-of-a-bot/messages");
    assert_eq!(asked.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(asked.body, TEXT.replace('\n', "<br>\n"));
    send(&campfire, &hostile()).await.unwrap();
    let body = stub.one().body.replace("<br>", "");
    assert!(body.contains("&lt;script>") && !body.contains('<') && !body.contains('\x1b'), "{body}");
}

#[test]
fn faults_name_the_field_and_what_it_wants() {
    let place = "REVERE_ALERTS['ops']['config']";
    for (kind, config, expected) in [
        (
            "webhook",
            json!({}),
            format!(
                "{place}['url']: missing; expected an address beginning with http:// or https://: Where to post. Parts of it that look like keys, long and with digits, are kept secret."
            ),
        ),
        (
            "webhook",
            json!({"url": "http://h/", "method": "PSOT"}),
            format!("{place}['method']: expected 'POST', 'PUT' or 'PATCH', not 'PSOT'; did you mean 'POST'?"),
        ),
        (
            "webhook",
            json!({"url": "http://h/", "headers": {"a b": "x"}}),
            format!("{place}['headers']['a b']: header \"a b\": no header can have this name"),
        ),
        (
            "campfire",
            json!({"room_id": 1}),
            format!("{place}['bot_key']: missing: the self-hosted Campfire needs it (the classic one, 'api_token')"),
        ),
        ("campfire", json!({"room_id": 1, "bot_key": "k"}), format!("{place}['url']: missing: where your Campfire is")),
        (
            "campfire",
            json!({"room_id": 1, "api_token": "k"}),
            format!("{place}['subdomain']: missing: the part before .campfirenow.com"),
        ),
        (
            "campfire",
            json!({"room_id": 1, "api_token": "k", "bot_key": "k"}),
            format!("{place}['bot_key']: given beside 'api_token': give one of the two"),
        ),
        (
            "campfire",
            json!({"room_id": "../1", "url": "http://h/", "bot_key": "k"}),
            format!("{place}['room_id']: expected the number of a room, such as 42"),
        ),
        (
            "campfire",
            json!({"room_id": 1, "subdomain": "evil.example/", "api_token": "k"}),
            format!("{place}['subdomain']: expected only the part before .campfirenow.com"),
        ),
        (
            "sns",
            json!({"topic_arn": "alerts"}),
            format!("{place}['topic_arn']: expected a topic such as arn:aws:sns:eu-west-1:123456789012:alerts"),
        ),
        (
            "sns",
            json!({"topic_arn": "arn:aws:sns:eu-west-1:1:t", "access_key_id": "a"}),
            format!("{place}['secret_key']: missing beside 'access_key_id'"),
        ),
    ] {
        assert_eq!(faults(kind, config), [expected]);
    }
}

#[tokio::test]
async fn a_campfire_address_from_the_browser_will_do() {
    let stub = Stub::start().await;
    for (end, asked) in [
        ("/rooms/42", "/rooms/42/k3y/messages"),
        ("/chat/rooms/42/@7?x=1#latest", "/chat/rooms/42/k3y/messages"),
        ("/session/new", "/rooms/42/k3y/messages"),
        ("/rooms", "/rooms/42/k3y/messages"),
    ] {
        let config = json!({"url": format!("{}{end}", stub.url), "room_id": 42, "bot_key": "k3y"});
        send(&channel("campfire", config), &sample()).await.unwrap();
        assert_eq!(stub.one().uri, asked, "{end}");
    }
    let other = json!({"url": format!("{}/rooms/7", stub.url), "room_id": 42, "bot_key": "k3y"});
    assert_eq!(
        faults("campfire", other),
        ["REVERE_ALERTS['ops']['config']['room_id']: is 42, and the address leads into room 7"]
    );
}
