//! What a receiver says that is not the whole answer yet: what came of what it took, that it takes nothing more for a moment, or that
//! it would take it in another form.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use revere::alerts::{Notification, Retry};
use revere_model::State;
use serde_json::json;

use super::{channel, sample, send, stub::Stub};

const KINDS: [&str; 2] = ["opsgenie", "jira_service_management"];
const NOT_YET: &str = r#"{"message": "Request not found. It might not be processed, yet.", "took": 0.01}"#;

fn alarm() -> Notification {
    Notification { old_state: State::Ok, new_state: State::Alarm, ..sample() }
}

fn looked_at(success: bool, status: &str) -> String {
    json!({"data": {"success": success, "isSuccess": success, "status": status}, "requestId": "r-1"}).to_string()
}

/// A service that takes everything to look at, and answers the question what came of it `not_yet` times in vain, then with this.
/// It knows no other question, and nobody without the key.
async fn service(not_yet: usize, status: u16, then: String) -> (Stub, Arc<AtomicUsize>) {
    let (stub, questions) = (Stub::start().await, Arc::new(AtomicUsize::new(0)));
    let asked_so_far = questions.clone();
    stub.judges(move |asked| match asked.header("authorization") {
        "GenieKey genie-s3cret" if asked.method == "POST" => {
            (202, json!({"result": "Request will be processed", "took": 0.1, "requestId": "r-1"}).to_string())
        }
        "GenieKey genie-s3cret" if asked.uri.path() == "/v2/alerts/requests/r-1" => {
            match asked_so_far.fetch_add(1, Ordering::SeqCst) {
                number if number < not_yet => (404, NOT_YET.to_owned()),
                _ => (status, then.clone()),
            }
        }
        "GenieKey genie-s3cret" => (422, json!({"message": "no such address"}).to_string()),
        _ => (401, json!({"message": "Could not authenticate"}).to_string()),
    });
    (stub, questions)
}

#[tokio::test]
async fn an_alert_that_was_taken_and_then_not_opened_is_refused() {
    let ignored = || looked_at(false, "the integration is disabled for key genie-s3cret");
    for kind in KINDS {
        let (stub, questions) = service(1, 200, ignored()).await;
        let channel = channel(kind, json!({"api_key": "genie-s3cret", "api_url": stub.url}));
        let error = send(&channel, &alarm()).await.unwrap_err();
        assert_eq!((error.retry, error.unanswered), (Retry::Never, false), "{error}");
        assert!(error.message.starts_with("200 OK: the integration is disabled for key [redacted] (POST "), "{error}");
        assert_eq!(questions.load(Ordering::SeqCst), 2, "{kind}: asked until it knew");
        let told = stub.taken().iter().filter(|asked| asked.method == "POST").count();
        assert_eq!(told, 1, "{kind}: it is not told once more");
    }
}

#[tokio::test]
async fn an_alert_that_was_opened_or_of_which_nothing_is_known_is_taken() {
    for (not_yet, status, then, said, most) in [
        (0, 200, looked_at(true, "Created alert"), "Created alert", 1),
        // However often it is asked.
        (usize::MAX, 200, String::new(), "; it does not say yet what came of it", 4),
        (0, 500, "{}".to_owned(), "; it does not say yet what came of it", 4),
        (0, 200, "<html>sign in</html>".to_owned(), "; it does not say yet what came of it", 4),
    ] {
        let (stub, questions) = service(not_yet, status, then).await;
        let channel = channel("opsgenie", json!({"api_key": "genie-s3cret", "api_url": stub.url}));
        let receipt = send(&channel, &alarm()).await.unwrap();
        assert!(receipt.reply.starts_with("202 Accepted: "), "{}", receipt.reply);
        assert!(receipt.reply.contains(said), "{}", receipt.reply);
        assert!((1..=most).contains(&questions.load(Ordering::SeqCst)), "{said}");
    }
}

/// Within the time of the attempt: whoever waits for the whole would take it for one without an answer, and tell it again.
#[tokio::test]
async fn the_question_ends_before_the_time_of_the_attempt() {
    let (stub, questions) = service(usize::MAX, 200, String::new()).await;
    let channel = channel("opsgenie", json!({"api_key": "genie-s3cret", "api_url": stub.url}));
    let receipt = channel.send(&alarm(), Duration::from_millis(2500)).await.unwrap();
    assert!(receipt.reply.ends_with("; it does not say yet what came of it"), "{}", receipt.reply);
    assert!(questions.load(Ordering::SeqCst) < 4);
}

#[tokio::test]
async fn an_end_that_closes_nothing_is_no_failure_and_says_so() {
    let (stub, _) = service(0, 200, looked_at(false, "Alert does not exist")).await;
    let channel = channel("opsgenie", json!({"api_key": "genie-s3cret", "api_url": stub.url}));
    let receipt = send(&channel, &sample()).await.unwrap();
    assert!(receipt.reply.contains("Alert does not exist"), "{}", receipt.reply);
    // A test opens an alert, whatever state it shows.
    let test = Notification { test: true, incident: None, ..sample() };
    assert_eq!(send(&channel, &test).await.unwrap_err().retry, Retry::Never);
}

#[tokio::test]
async fn the_next_message_waits_where_a_receiver_takes_nothing_more_for_a_moment() {
    let stub = Stub::start().await;
    let channel = channel("discord", json!({"webhook_url": format!("{}/api/webhooks/1/hook-s3cret", stub.url)}));
    let used_up = [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset-After", "0.4")];
    stub.answer(200, &used_up, Some(r#"{"id": "1"}"#));
    // From before the pause is asked for: what a busy machine does in between only makes it more.
    let began = Instant::now();
    send(&channel, &alarm()).await.unwrap();
    send(&channel, &alarm()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    // Not where that would use up the time that there is.
    stub.answer(200, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset-After", "4.5")], Some(r#"{"id": "1"}"#));
    send(&channel, &alarm()).await.unwrap();
    channel.send(&alarm(), Duration::from_secs(4)).await.unwrap();
    assert_eq!(stub.taken().len(), 4);
}

#[tokio::test]
async fn a_text_whose_markup_telegram_cannot_read_is_told_as_plain_text() {
    const REFUSED: &str = "Bad Request: can't parse entities: Unsupported start tag \"b\" at byte offset 17";
    let stub = Stub::start().await;
    stub.judges(|asked| match asked.json()["parse_mode"].is_null() {
        true => (200, json!({"ok": true, "result": {"message_id": 7}}).to_string()),
        false => (400, json!({"ok": false, "error_code": 400, "description": REFUSED}).to_string()),
    });
    let channel = channel("telegram", json!({"bot_token": "1:t", "chat_id": -42, "api_url": stub.url}));
    let told = Notification { message: "1 < 2 & @everyone".to_owned(), ..alarm() };
    let receipt = send(&channel, &told).await.unwrap();
    assert!(receipt.reply.contains("can't parse entities"), "{}", receipt.reply);
    let [_, plain] = stub.taken().try_into().unwrap();
    let text = plain.json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("1 < 2 & ") && !text.contains("@everyone"), "{text}");
}

#[tokio::test]
async fn buttons_and_markup_that_telegram_refuses_are_left_out_each_for_itself() {
    const NO_BUTTON: &str = "Bad Request: BUTTON_URL_INVALID";
    const NO_MARKUP: &str = "Bad Request: can't parse entities: Unsupported start tag \"b\" at byte offset 17";
    let link = Some("https://revere.example.com/acknowledge/7.ab".to_owned());
    let problem = Notification { acknowledge_url: link, ..alarm() };
    for (no_buttons, no_markup, last, said) in [
        (true, false, (false, true), vec!["buttons: "]),
        (false, true, (true, false), vec!["markup: "]),
        (true, true, (false, false), vec!["markup: ", "buttons: "]),
    ] {
        let stub = Stub::start().await;
        stub.judges(move |asked| {
            let body = asked.json();
            let refused = match body["parse_mode"].is_null() {
                false if no_markup => NO_MARKUP,
                _ if no_buttons && body["reply_markup"].is_object() => NO_BUTTON,
                _ => return (200, json!({"ok": true, "result": {"message_id": 7}}).to_string()),
            };
            (400, json!({"ok": false, "error_code": 400, "description": refused}).to_string())
        });
        let channel = channel("telegram", json!({"bot_token": "1:t", "chat_id": -42, "api_url": stub.url}));
        let receipt = send(&channel, &problem).await.unwrap();
        let asked = stub.taken();
        assert_eq!(asked.len(), said.len() + 1, "what is refused is left out, one after the other");
        let body = asked.last().unwrap().json();
        assert_eq!((body["reply_markup"].is_object(), body["parse_mode"] == "HTML"), last, "{body}");
        for without in said {
            assert!(receipt.reply.contains(&format!("(without its {without}")), "{}", receipt.reply);
        }
    }
}
