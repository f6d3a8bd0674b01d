//! Previews: what is shown is what is sent, of which words it is made, and what was cut.

use revere::{
    alerts::{KINDS, MessagePreview, Notification, hide_credentials, preview},
    redact::Secrets,
    wording::{OwnText, Templates},
};
use revere_model::{ReturnValue, State};
use serde_json::{Value, json};

use super::{
    channel, channel_learning, hostile, sample, send,
    stub::{Asked, Stub},
};

fn shown(kind: &str, config: Value, notification: &Notification, templates: &Templates) -> MessagePreview {
    preview(&*channel(kind, config), notification, templates, &Secrets::default()).unwrap()
}

fn part<'a>(message: &'a MessagePreview, name: &str) -> (&'a str, &'a [OwnText]) {
    let part = message.parts.iter().find(|part| part.name == name);
    let part = part.unwrap_or_else(|| panic!("no {name} in {:#?}", message.parts));
    (&part.text, &part.made_of)
}

/// Every text in what was sent.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object.values().flat_map(texts).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Every text in the body of a request, sorted.
fn sent(asked: &Asked) -> Vec<String> {
    let kind = asked.header("content-type");
    let mut sent = match serde_json::from_str::<Value>(&asked.body) {
        _ if asked.body.is_empty() => Vec::new(),
        Ok(body) => texts(&body),
        Err(_) if kind.starts_with("text/plain") => vec![asked.body.clone()],
        // A text of JSON in a form, as SNS has it, is read too.
        Err(_) => url::form_urlencoded::parse(asked.body.as_bytes())
            .flat_map(|(name, text)| match serde_json::from_str::<Value>(&text) {
                Ok(forms) if name == "Message" => texts(&forms),
                _ => vec![text.into_owned()],
            })
            .collect(),
    };
    sent.sort();
    sent
}

#[tokio::test]
async fn every_channel_shows_what_it_sends() {
    let stub = Stub::start().await;
    let own = Templates {
        text: Some("{{ new_state }} of {{ monitor.name }}\n{{ message }}".to_owned()),
        subject: Some("{{ monitor.name }}".to_owned()),
        short: Some("short {{ message }}".to_owned()),
    };
    for (kind, sample_of) in KINDS.iter().flat_map(|kind| kind.samples.iter().map(move |sample| (kind, sample))) {
        let name = kind.names[0];
        let config: Value = serde_json::from_str(&sample_of.config.replace("{url}", &stub.url)).unwrap();
        for notification in [sample(), hostile()] {
            for templates in [Templates::default(), own.clone()] {
                let mut configured = config.clone();
                for (one, template) in templates.all() {
                    configured[one.as_str()] = json!(template);
                }
                let said = shown(name, configured.clone(), &notification, &templates);
                assert!(!said.parts.is_empty(), "{name}");
                assert!(said.failed.is_empty(), "{name}: {:?}", said.failed);
                // What is not sent yet is shown alike.
                assert_eq!(shown(name, config.clone(), &notification, &templates), said, "{name}");
                if !sample_of.config.contains("{url}") {
                    continue;
                }
                stub.answer(200, &[], Some(sample_of.taken));
                send(&channel(name, configured), &notification).await.unwrap();
                let mut parts: Vec<String> = said
                    .parts
                    .iter()
                    .filter(|part| !part.name.ends_with("address"))
                    .map(|part| part.text.clone())
                    .collect();
                parts.sort();
                // Some ask for more afterwards, by themselves.
                let sent: Vec<Vec<String>> = stub.taken().iter().map(sent).collect();
                assert!(sent.contains(&parts), "{name} shows {parts:#?} and sends {sent:#?}");
            }
        }
    }
}

#[test]
fn each_part_says_which_words_it_is_made_of() {
    use OwnText::{Short, Subject, Text};
    let config = json!({"host": "127.0.0.1", "port": 1, "from": "a@example.com", "to": ["b@example.com"]});
    let mail = shown("email", config, &sample(), &Templates::default());
    assert_eq!(part(&mail, "Subject"), ("[Revere Alarm] OK Mail Queue Length", &[Subject][..]));
    assert_eq!(part(&mail, "text/plain").1, [Text]);
    assert_eq!(part(&mail, "text/html").1, [Text, Subject]);
    let config = json!({"account_sid": "AC1", "auth_token": "t", "from": "+15005550006", "to": "+15005550009"});
    let sms = shown(
        "twilio",
        config,
        &sample(),
        &Templates { short: Some("{{ new_state }}!".into()), ..Templates::default() },
    );
    assert_eq!(part(&sms, "Body"), ("OK!", &[Short][..]));
    assert_eq!(part(&sms, "To"), ("+15005550009", &[][..]));
}

#[test]
fn what_does_not_fit_is_cut_and_said_to_be() {
    let long = Notification { message: "*".repeat(5000), new_state: State::Alarm, old_state: State::Ok, ..sample() };
    let discord = json!({"webhook_url": "http://127.0.0.1:1/x"});
    let said = shown("discord", discord.clone(), &long, &Templates::default());
    assert!(part(&said, "content").0.encode_utf16().count() <= 2000);
    let [cut] = &said.cuts[..] else { panic!("{:?}", said.cuts) };
    assert_eq!((cut.what, cut.of), ("message", 5000));
    assert!((900..1000).contains(&cut.kept), "an asterisk takes two: {cut:?}");
    let own = Templates { text: Some("x".repeat(3000)), ..Templates::default() };
    let said = shown("discord", discord.clone(), &sample(), &own);
    assert_eq!((said.cuts[0].what, said.cuts[0].of), ("text", 3000), "{:?}", said.cuts);
    assert!(shown("discord", discord, &sample(), &Templates::default()).cuts.is_empty());
    let sms = json!({"account_sid": "AC1", "auth_token": "t", "from": "+15005550006", "to": "+15005550009"});
    let said = shown("twilio", sms, &long, &Templates::default());
    assert_eq!(said.cuts.iter().map(|cut| cut.what).collect::<Vec<_>>(), ["short"]);
}

#[test]
fn a_template_that_fails_for_this_alone_says_where_and_the_default_is_shown() {
    let own = Templates {
        text: Some("fine\n{% if return_value == 0 %}{{ monitor.nmae }}{% endif %}".to_owned()),
        ..Templates::default()
    };
    let zero = Notification { return_value: Some(ReturnValue::Int(0)), ..sample() };
    let said = shown("discord", json!({"webhook_url": "http://127.0.0.1:1/x"}), &zero, &own);
    let [(one, error)] = &said.failed[..] else { panic!("{:?}", said.failed) };
    assert_eq!((*one, error.line), (OwnText::Text, Some(2)));
    assert!(error.what.ends_with("unknown name 'nmae'; did you mean 'name'?"), "{error}");
    assert!(part(&said, "content").0.contains("own words failed"), "{:?}", said.parts);
}

#[test]
fn no_secret_of_any_channel_is_shown() {
    let whole = "{{ text }} {{ monitor.url }} {{ monitor|tojson }} {{ message }}".to_owned();
    let own = Templates { text: Some(whole.clone()), subject: Some(whole.clone()), short: Some(whole) };
    for (kind, sample_of) in KINDS.iter().flat_map(|kind| kind.samples.iter().map(move |sample| (kind, sample))) {
        let config = serde_json::from_str(&sample_of.config.replace("{url}", "http://127.0.0.1:1")).unwrap();
        let secrets = Secrets::default();
        let channel = channel_learning(kind.names[0], config, &secrets);
        for templates in [&Templates::default(), &own] {
            let said = preview(&*channel, &sample(), templates, &secrets).unwrap();
            assert!(!format!("{said:?}").contains("s3cret"), "{}: {said:#?}", kind.names[0]);
        }
    }
}

/// What nobody could learn as a secret: short, in the middle of a text, or known to everybody but as the name of a topic.
#[test]
fn what_lets_somebody_in_and_is_the_same_whatever_is_told_is_hidden() {
    let hidden = |kind: &str, config: Value| {
        let (channel, none) = (channel(kind, config), Templates::default());
        let mut said = preview(&*channel, &sample(), &none, &Secrets::default()).unwrap();
        hide_credentials(&*channel, &sample(), &none, &mut said.parts);
        said
    };
    let body = r#"{"user": "acme", "password": "hunter2", "to": "+1555", "text": {{ text|tojson }}}"#;
    let url = "https://sms.example.com/hunter2/send?pw=hunter2&text={{ message|urlencode }}";
    let said = hidden("template", json!({"url": url, "body": body}));
    assert_eq!((part(&said, "password").0, part(&said, "to").0), ("[redacted]", "+1555"));
    assert!(part(&said, "text").0.contains("Mail Queue Length"), "{said:#?}");
    let address = part(&said, "POST address").0;
    assert!(address.starts_with("https://sms.example.com/[redacted]?pw=[redacted]&text="), "{address}");
    assert!(address.contains("Monitor") && !format!("{said:?}").contains("hunter2"), "{said:#?}");
    let said = hidden("ntfy", json!({"topic": "ops-alarms"}));
    assert_eq!(part(&said, "topic").0, "[redacted]");
    assert!(part(&said, "message").0.contains("Mail Queue Length"), "{said:#?}");
    // What tells a receiver that it is the same problem is no secret.
    let said = hidden("pagerduty", json!({"routing_key": "R0123456789"}));
    assert_eq!(part(&said, "routing_key").0, "[redacted]");
    assert_ne!(part(&said, "dedup_key").0, "[redacted]");
}

#[test]
fn a_class_of_python_is_shown_what_it_is_given() {
    let said = shown("shop.alerts.Siren", json!({"pin": 7}), &sample(), &Templates::default());
    assert_eq!(part(&said, "monitor.name").0, "Mail Queue Length");
    assert!(!said.parts.iter().any(|part| part.name.contains("pin")));
}
