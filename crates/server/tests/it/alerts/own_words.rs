//! An alert's own words: what templates make of a notification on every kind of channel, and what is said of one that fails.

use revere::alerts::Notification;
use revere_model::{ReturnValue, State};
use serde_json::{Value, json};

use super::{TEXT, channel, faults, hostile, sample, send, stub::Stub};

/// What a webhook is sent with this text as its template.
async fn told(text: &str, notification: &Notification) -> Value {
    let stub = Stub::start().await;
    send(&channel("webhook", json!({"url": stub.url, "text": text})), notification).await.unwrap();
    stub.one().json()
}

#[tokio::test]
async fn a_template_says_what_its_owner_wrote() {
    let told = told(
        "{{ new_state }}: {{ monitor.name }} is at {{ return_value }}{% if lasted %} after {{ lasted }}{% endif %}\n\
         {% for tag in monitor.tags %}#{{ tag }} {% endfor %}",
        &sample(),
    )
    .await;
    assert_eq!(told["text"], "OK: Mail Queue Length is at 67 after 32 min\n#mail #team-a");
    let stub = Stub::start().await;
    let slack =
        channel("slack", json!({"webhook_url": stub.url, "text": "{{ text }}!", "subject": "{{ monitor.id }}"}));
    send(&slack, &sample()).await.unwrap();
    let body = stub.one().json();
    assert_eq!(body["text"], "17");
    let link = "https://revere.example.com/monitor/17";
    assert_eq!(body["blocks"][0]["text"]["text"], format!("{TEXT}!\n{link}").replace('>', "&gt;"));
}

#[tokio::test]
async fn what_a_template_shows_is_inert_and_cut() {
    let told = told("{{ monitor.name }}: {{ message }}", &hostile()).await;
    let text = told["text"].as_str().unwrap();
    assert!(!text.contains(['\r', '\x1b', '\0', '\u{202e}']), "{text}");
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(r#"{"ok": true}"#));
    let long = Notification { message: "<b>".repeat(20_000), ..sample() };
    let telegram =
        json!({"bot_token": "1:t", "chat_id": 1, "api_url": stub.url, "text": "{{ message }} {{ new_state }}"});
    send(&channel("telegram", telegram), &long).await.unwrap();
    let body = stub.one().json();
    let text = body["text"].as_str().unwrap();
    assert!(text.encode_utf16().count() <= 4096 && !text.contains('<') && text.contains(" OK\nhttps://"), "{text}");
}

#[tokio::test]
async fn one_that_fails_at_night_costs_nobody_the_message() {
    let template = "{% if return_value == 0 %}{{ monitor.nmae }}{% endif %}fine";
    assert_eq!(told(template, &sample()).await["text"], "fine");
    let zero = Notification { return_value: Some(ReturnValue::Int(0)), new_state: State::Alarm, ..sample() };
    let told = told(template, &zero).await;
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("[Revere Alarm]\nMonitor: Mail Queue Length\n"), "{text}");
    assert!(text.contains("(This alert's own words failed: line 1: "), "{text}");
}

#[tokio::test]
async fn a_body_that_fails_at_night_costs_nobody_the_message() {
    let zero = Notification { return_value: Some(ReturnValue::Int(0)), new_state: State::Alarm, ..sample() };
    let body = "{% if return_value == 0 %}{{ monitor.nmae }}{% endif %}fine";
    for (content_type, read) in [
        ("application/json", Some("text")),
        ("application/x-www-form-urlencoded", None),
        ("text/plain; charset=utf-8", None),
    ] {
        let stub = Stub::start().await;
        let gateway = channel("template", json!({"url": stub.url, "body": body, "content_type": content_type}));
        send(&gateway, &sample()).await.unwrap();
        let taken = send(&gateway, &zero).await.unwrap();
        let asked = stub.taken().pop().unwrap();
        let told = match read {
            Some(field) => asked.json()[field].as_str().unwrap().to_owned(),
            None => asked.body.replace('+', " "),
        };
        let parts = ["Mail Queue Length", "own body failed", "nmae"];
        assert!(parts.iter().all(|part| told.contains(part)), "{content_type}: {told}");
        assert!(taken.said.unwrap().contains("own body failed"), "the log keeps what was said");
    }
}

#[tokio::test]
async fn what_was_said_in_own_words_is_kept_without_the_link_that_opens_a_door() {
    let stub = Stub::start().await;
    let linked =
        Notification { acknowledge_url: Some("https://revere.example.com/acknowledge/7.ab".to_owned()), ..sample() };
    let own = json!({"url": stub.url, "text": "{{ monitor.name }}! {{ acknowledge_url }}", "subject": "Look"});
    let taken = send(&channel("webhook", own), &linked).await.unwrap();
    assert!(stub.one().json()["text"].as_str().unwrap().contains("acknowledge/7.ab"));
    let said = taken.said.unwrap();
    assert!(said.starts_with("Look\nMail Queue Length!") && !said.contains("7.ab"), "{said}");
    let plain = send(&channel("webhook", json!({"url": stub.url})), &linked).await.unwrap();
    assert_eq!(plain.said, None, "the default text is known");
    let long = json!({"url": stub.url, "text": "x".repeat(9000)});
    let said = send(&channel("webhook", long), &linked).await.unwrap().said.unwrap();
    assert!(said.chars().count() <= 4000, "{}", said.len());
}

/// What leaves nothing to give way is cut at its end, and what makes nothing says what there is to say.
#[tokio::test]
async fn words_that_are_too_long_or_none_at_all_are_still_told() {
    let stub = Stub::start().await;
    stub.answer(200, &[], Some(r#"{"id": "1"}"#));
    let config = json!({"webhook_url": stub.url, "text": "*".repeat(3000)});
    send(&channel("discord", config), &sample()).await.unwrap();
    let content = stub.one().json()["content"].as_str().unwrap().to_owned();
    assert!(content.encode_utf16().count() <= 2000, "{}", content.len());
    assert!(content.ends_with("\u{2026}\nhttps://revere.example.com/monitor/17"), "{content}");
    assert_eq!(told("{% if new_state == 'ALARM' %}down{% endif %}", &sample()).await["text"], TEXT);
}

/// A gateway may say much before it says whether it took the message.
#[tokio::test]
async fn the_word_of_success_is_looked_for_in_all_of_an_answer() {
    let stub = Stub::start().await;
    let gateway = channel("template", json!({"url": stub.url, "body": "{{ text }}", "success": "status=OK"}));
    stub.answer(200, &[], Some(&format!("{} status=OK", "x ".repeat(9000))));
    send(&gateway, &sample()).await.unwrap();
    stub.answer(200, &[], Some(&"x ".repeat(9000)));
    assert_eq!(send(&gateway, &sample()).await.unwrap_err().retry, revere::alerts::Retry::Later);
}

#[test]
fn a_mistake_is_named_where_it_stands() {
    let config = json!({"url": "http://127.0.0.1:1", "text": "a\n{{ monitor.nmae }}", "subject": "{{ new_state", "short": "{{ lasted|nothing }}"});
    let said = faults("webhook", config);
    let place = "REVERE_ALERTS['ops']['config']";
    assert_eq!(said.len(), 3, "{said:?}");
    for (said, (field, line)) in said.iter().zip([("text", 2), ("subject", 1), ("short", 1)]) {
        assert!(said.starts_with(&format!("{place}['{field}']: the template fails: line {line}: ")), "{said}");
    }
    let said = faults("template", json!({"url": "ftp://x/{{ text|urlencode }}"}));
    assert_eq!(said, [format!("{place}['url']: expected an address beginning with http:// or https://")]);
}

#[tokio::test]
async fn a_request_is_what_its_owner_wrote() {
    let stub = Stub::start().await;
    let config = json!({
        "url": format!("{}/sms/{{{{ monitor.id }}}}?text={{{{ message|urlencode }}}}", stub.url),
        "body": r#"{"title": {{ monitor.name|tojson }}, "text": {{ text|tojson }}}"#,
        "auth_token": "t",
        "method": "PUT",
    });
    let mut odd = sample();
    odd.monitor.name = "\"}&<x>".to_owned();
    send(&channel("template", config), &odd).await.unwrap();
    let asked = stub.one();
    assert_eq!((asked.method.as_str(), asked.uri.to_string().as_str()), ("PUT", "/sms/17?text=Monitor%20Passed"));
    assert_eq!((asked.header("content-type"), asked.header("authorization")), ("application/json", "Bearer t"));
    assert_eq!(asked.json()["title"], "\"}&<x>");
    assert!(asked.json()["text"].as_str().unwrap().contains("ALARM -> OK"));
}
