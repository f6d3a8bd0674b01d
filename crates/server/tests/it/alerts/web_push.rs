//! Web Push, as a push service and the browser behind it see it.

use std::{sync::Arc, time::Duration};

use revere::{
    alerts::{Channel, Notification, Receipt, Retry, SendError, crowd, preview, retry::judge_status},
    redact::Secrets,
    web_push::{Became, MOST, Round, ServerKey},
    wording::Templates,
};
use revere_model::{RunId, Severity, State};
use serde_json::{Value, json};

use super::{channel, faults, hostile, sample, send, stub, stub::Stub};
use crate::support::{PATIENCE, push_browser::PushBrowser};

/// The alert `ops` for push services at `url`.
fn telling(url: &str, more: Value) -> Arc<dyn Channel> {
    let mut config = json!({"services": [url.strip_prefix("http://").unwrap()]});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    channel("web_push", config)
}

/// `notification` for these browsers.
fn to(notification: &Notification, browsers: &[&PushBrowser]) -> (Notification, Arc<Round>) {
    let browsers = (1..).zip(browsers).map(|(id, browser)| browser.browser(id)).collect();
    let round = Round::new(ServerKey::new(), "https://revere.example.com", browsers);
    let mut notification = notification.clone();
    notification.sending.browsers.insert("ops".to_owned(), round.clone());
    (notification, round)
}

async fn tell(
    channel: &Arc<dyn Channel>,
    notification: &Notification,
    browsers: &[&PushBrowser],
) -> (Result<Receipt, SendError>, Vec<Became>) {
    let (notification, round) = to(notification, browsers);
    let sent = send(channel, &notification).await;
    let mut came = round.came().of_each;
    came.sort_by_key(|(id, _)| *id);
    (sent, came.into_iter().map(|(_, became)| became).collect())
}

fn alarm() -> Notification {
    Notification {
        old_state: State::Ok,
        new_state: State::Alarm,
        severity: Some(Severity::Critical),
        run_id: Some(RunId(9)),
        ..sample()
    }
}

#[tokio::test]
async fn a_browser_opens_what_it_is_told_and_knows_who_tells_it() {
    let stub = Stub::start().await;
    stub.answer(201, &[], Some(""));
    let (ada, ops) = (PushBrowser::at(format!("{}/push/ada-s3cret", stub.url)), telling(&stub.url, json!({})));
    let (sent, came) = tell(&ops, &alarm(), &[&ada]).await;
    assert_eq!((sent.unwrap().reply.as_str(), &came[..]), ("1 browser", &[Became::Taken][..]));
    let told = ada.open(&stub.one());
    let payload = json!({
        "title": "ALARM Mail Queue Length",
        "text": "Monitor Passed\nReturn value: 67",
        "state": "ALARM",
        "url": "https://revere.example.com/monitor/17/run/9",
        "at": 1_772_334_720_000_i64,
        "urgent": true,
        "tag": "a3f1c09b5d7e4826a3f1c09b5d7e4826",
        "key": "17-204-ops",
    });
    assert_eq!(told.payload, payload);
    assert_eq!((told.ttl, told.urgency.as_str()), (86_400, "high"));
    assert_eq!(told.claims["sub"], "https://revere.example.com");
    // The end of the problem takes the place of its beginning, asleep and awake.
    tell(&ops, &sample(), &[&ada]).await.0.unwrap();
    let end = ada.open(&stub.one());
    assert_eq!((&end.topic, &end.payload["tag"]), (&told.topic, &told.payload["tag"]));
    assert_eq!((end.urgency.as_str(), &end.payload["urgent"]), ("normal", &json!(false)));
    assert_eq!(end.payload["title"], "OK Mail Queue Length");
    assert_eq!(end.payload["text"], "Monitor Passed\nReturn value: 67\nLasted: 32 min");
    // In the alert's own words, where it has some.
    let own =
        telling(&stub.url, json!({"subject": "{{ monitor.name }} is {{ new_state }}", "short": "{{ message }}!"}));
    let reminder = Notification { reminder: Some(1), ..alarm() };
    tell(&own, &alarm(), &[&ada]).await.0.unwrap();
    tell(&ops, &reminder, &[&ada]).await.0.unwrap();
    let told: Vec<Value> = stub.taken().iter().map(|asked| ada.open(asked).payload).collect();
    assert_eq!(
        (&told[0]["title"], &told[0]["text"]),
        (&json!("Mail Queue Length is ALARM"), &json!("Monitor Passed!"))
    );
    assert_eq!(told[1]["title"], "Reminder: ALARM Mail Queue Length");
}

#[tokio::test]
async fn how_long_and_how_loud_is_what_its_severity_says() {
    let stub = Stub::start().await;
    let (ada, ops) = (PushBrowser::at(format!("{}/ada", stub.url)), telling(&stub.url, json!({})));
    let mut other = alarm();
    other.incident.as_mut().unwrap().key = "another".to_owned();
    let mut topics = Vec::new();
    for (notification, ttl, urgency, stays) in [
        (alarm(), 86_400, "high", true),
        (Notification { severity: Some(Severity::Warning), ..alarm() }, 43_200, "normal", false),
        (Notification { new_state: State::Error, ..alarm() }, 86_400, "high", false),
        (sample(), 86_400, "normal", false),
        (Notification { test: true, ..alarm() }, 300, "high", false),
        (other, 86_400, "high", true),
    ] {
        tell(&ops, &notification, &[&ada]).await.0.unwrap();
        let told = ada.open(&stub.one());
        let is = (told.ttl, told.urgency.as_str(), told.payload["urgent"] == true);
        assert_eq!(is, (ttl, urgency, stays), "{}", told.payload);
        topics.push(told.topic);
    }
    topics.dedup();
    assert_eq!(topics.len(), 2, "one of each problem");
}

#[tokio::test]
async fn the_largest_and_the_ugliest_fit_and_say_what_matters() {
    let stub = Stub::start().await;
    let (ada, ops) = (PushBrowser::at(format!("{}/ada", stub.url)), telling(&stub.url, json!({})));
    let mut long = alarm();
    long.monitor.name = "\u{1f525}\"\\".repeat(300);
    long.message = "\u{1f525}\"\\".repeat(20_000);
    long.monitor.url = format!("https://revere.example.com/{}/monitor/17", "a".repeat(1500));
    let mut nowhere = alarm();
    nowhere.monitor.url = String::new();
    let mut endless = alarm();
    endless.monitor.url = format!("https://revere.example.com/{}/monitor/17", "a".repeat(5000));
    let many = crowd((0..300).map(|n| Notification { key: format!("{n}"), ..alarm() }).collect(), "");
    for (notification, url) in [
        (hostile(), "https://revere.example.com/monitor/17".to_owned()),
        (long.clone(), long.link()),
        (nowhere, "/monitor/17/run/9".to_owned()),
        (endless, "/".to_owned()),
        (many, "/".to_owned()),
    ] {
        tell(&ops, &notification, &[&ada]).await.0.unwrap();
        let told = ada.open(&stub.one());
        assert!(told.payload.to_string().len() <= MOST);
        assert_eq!(told.payload["url"], url);
        let title = told.payload["title"].as_str().unwrap();
        assert!(title.contains("ALARM") && !title.contains(char::is_control), "{title}");
    }
}

#[tokio::test]
async fn every_answer_of_a_push_service_is_understood_and_shows_no_address() {
    let stub = Stub::start().await;
    let (ada, ops) = (PushBrowser::at(format!("{}/push/ada-s3cret-address", stub.url)), telling(&stub.url, json!({})));
    for status in 200..=599_u16 {
        // Says the whole request back.
        stub.answer(status, &[], None);
        let (sent, came) = tell(&ops, &alarm(), &[&ada]).await;
        stub.one();
        let said = match (&came[..], judge_status(status, None)) {
            ([Became::Taken], None) => sent.unwrap().reply,
            ([Became::Gone(said)], Some(_)) if [404, 410].contains(&status) => said.clone(),
            ([Became::Refused(said)], Some(Retry::Never)) if ![404, 410].contains(&status) => said.clone(),
            ([Became::Later(None, said)], Some(Retry::Later)) => said.clone(),
            (came, judged) => panic!("{status}: {came:?}, not {judged:?}"),
        };
        assert!(!said.contains("s3cret") && said.chars().count() < 700, "{status}: {said}");
        assert!(status < 300 || said.contains(&status.to_string()), "{status}: {said}");
    }
    for status in [429, 503] {
        stub.answer(status, &[("Retry-After", "17")], Some(""));
        let (sent, came) = tell(&ops, &alarm(), &[&ada]).await;
        let asked = Duration::from_secs(17);
        assert!(matches!(&came[..], [Became::Later(Some(wait), _)] if *wait == asked), "{came:?}");
        assert_eq!(sent.unwrap_err().retry, Retry::After(asked));
    }
}

#[tokio::test]
async fn one_that_is_dead_silent_or_breaks_off_takes_nothing_from_the_others() {
    let stub = Stub::start().await;
    for (receiver, time) in [
        (stub::dead().await, PATIENCE),
        // Of which the other one needs little.
        (stub::silent(), Duration::from_secs(3)),
        (stub::resetting().await, PATIENCE),
    ] {
        let host = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
        let ops = channel("web_push", json!({"services": [host(&stub.url), host(&receiver.url)]}));
        let (ada, bad) =
            (PushBrowser::at(format!("{}/ada", stub.url)), PushBrowser::at(format!("{}/bad", receiver.url)));
        let (notification, round) = to(&alarm(), &[&bad, &ada]);
        let sent = ops.send(&notification, time).await;
        ada.open(&stub.one());
        assert!(sent.unwrap().reply.starts_with("1 of 2 browsers (browser 1: "));
        let came = round.came().of_each;
        assert!(came.contains(&(2, Became::Taken)), "{came:?}");
        assert!(came.iter().any(|(id, became)| *id == 1 && matches!(became, Became::Later(None, _))), "{came:?}");
    }
}

#[tokio::test]
async fn only_the_push_services_that_may_be_asked_are() {
    let stub = Stub::start().await;
    let here = PushBrowser::at(format!("{}/ada", stub.url));
    let (sent, came) = tell(&channel("web_push", json!({})), &alarm(), &[&here]).await;
    assert_eq!(sent.unwrap_err().retry, Retry::Never);
    assert!(matches!(&came[..], [Became::Refused(why)] if why.contains("none of the push services")), "{came:?}");
    // A push service that sends elsewhere is not followed there.
    let ops = telling(&stub.url, json!({}));
    stub.answer(307, &[("Location", "http://127.0.0.2:1/")], Some(""));
    let (_, came) = tell(&ops, &alarm(), &[&here]).await;
    stub.one();
    assert!(matches!(&came[..], [Became::Later(None, _)]), "{came:?}");
    let usual = channel("web_push", json!({}));
    let usual = usual.web_push().unwrap();
    for address in [
        "https://fcm.googleapis.com/fcm/send/x",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://db5p.notify.windows.com/w/?token=x",
        "https://web.push.apple.com/x",
    ] {
        usual.checked(address).unwrap();
    }
    for address in [
        "http://fcm.googleapis.com/x",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com.evil.example/x",
        "https://user:pw@fcm.googleapis.com/x",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "",
    ] {
        usual.checked(address).unwrap_err();
    }
}

#[tokio::test]
async fn without_browsers_or_a_server_nobody_is_told_and_that_is_said() {
    let ops = channel("web_push", json!({}));
    let error = send(&ops, &alarm()).await.unwrap_err();
    assert!(error.retry == Retry::Never && error.message.contains("is not known"), "{error}");
    let (sent, came) = tell(&ops, &alarm(), &[]).await;
    assert!(sent.unwrap_err().message.starts_with("no browser has asked") && came.is_empty());
}

#[tokio::test]
async fn the_key_and_the_contact_of_the_configuration_are_used() {
    let stub = Stub::start().await;
    let (key, ada) = (ServerKey::new(), PushBrowser::at(format!("{}/ada", stub.url)));
    let ops = telling(&stub.url, json!({"private_key": key.private(), "contact": "mailto:ops@example.com"}));
    tell(&ops, &alarm(), &[&ada]).await.0.unwrap();
    let told = ada.open(&stub.one());
    assert_eq!((told.server_key, &told.claims["sub"]), (key.public(), &json!("mailto:ops@example.com")));
    let wrong = json!({"private_key": "short", "contact": "ops@example.com", "services": ["a/b"]});
    let found = faults("web_push", wrong).join("\n");
    for field in ["private_key", "contact", "services"] {
        assert!(found.contains(&format!("['config']['{field}']: expected")), "{found}");
    }
}

#[tokio::test]
async fn what_a_preview_shows_is_what_browsers_get() {
    let stub = Stub::start().await;
    let (ada, ops) = (PushBrowser::at(format!("{}/ada", stub.url)), telling(&stub.url, json!({})));
    for notification in [alarm(), hostile()] {
        tell(&ops, &notification, &[&ada]).await.0.unwrap();
        let told = ada.open(&stub.one()).payload;
        let said = preview(&*ops, &notification, &Templates::default(), &Secrets::default()).unwrap();
        for part in said.parts {
            let value = &told[part.name.as_str()];
            assert_eq!(value.as_str().map_or_else(|| value.to_string(), str::to_owned), part.text, "{}", part.name);
        }
    }
}
