//! What the documentation of each service says that it refuses.

use serde_json::{Value, json};

use super::super::stub::Asked;

/// The rules of a service. `Err` says which one a request breaks.
pub(super) type Rules = fn(&Asked) -> Result<(), String>;

pub(super) fn rules(kind: &str) -> Rules {
    match kind {
        "slack" => slack,
        "teams" => teams,
        "discord" => discord,
        "telegram" => telegram,
        "google_chat" => google_chat,
        "mattermost" => mattermost,
        "rocket_chat" => rocket_chat,
        "zulip" => zulip,
        "matrix" => matrix,
        "ntfy" => ntfy,
        "pushover" => pushover,
        "gotify" => gotify,
        "pagerduty" => pagerduty,
        "opsgenie" | "jira_service_management" => opsgenie,
        "incident_io" => incident_io,
        "twilio" => twilio,
        "apprise" => apprise,
        other => panic!("{other} has no rules here: write down what its service refuses"),
    }
}

fn check(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

fn post(asked: &Asked, path: &str) -> Result<(), String> {
    check(asked.method == "POST" && asked.uri.path() == path, &format!("asked {} {}", asked.method, asked.uri))
}

/// The body in JSON; nothing in it is null.
fn body(asked: &Asked) -> Result<Value, String> {
    check(asked.header("content-type") == "application/json", "it is not said to be JSON")?;
    let body: Value = serde_json::from_str(&asked.body).map_err(|error| error.to_string())?;
    no_null(&body)?;
    Ok(body)
}

fn no_null(value: &Value) -> Result<(), String> {
    match value {
        Value::Null => Err("a null".to_owned()),
        Value::Array(items) => items.iter().try_for_each(no_null),
        Value::Object(items) => items
            .iter()
            .filter(|(name, _)| *name != "custom_details" && *name != "metadata")
            .try_for_each(|(_, v)| no_null(v)),
        _ => Ok(()),
    }
}

fn text(value: &Value, most: usize, size: fn(&str) -> usize) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("a text is missing: {value}"))?;
    check(!text.is_empty() && size(text) <= most, &format!("a text of {}", size(text)))?;
    Ok(text)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

fn form(asked: &Asked) -> Result<impl Fn(&str) -> Option<String>, String> {
    check(asked.header("content-type") == "application/x-www-form-urlencoded", "it is not said to be a form")?;
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
    Ok(move |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
}

fn absent(text: &str, forbidden: &[&str]) -> Result<(), String> {
    match forbidden.iter().find(|part| text.contains(**part)) {
        Some(part) => Err(format!("{part:?} stands in it")),
        None => Ok(()),
    }
}

/// One block of code, and no back quote in it that could end it.
fn fenced(text: &str) -> Result<(), String> {
    let inside = text.strip_prefix("```\n").and_then(|text| text.split_once("\n```")).ok_or("no block of code")?.0;
    let quotes_part = inside.split('`').skip(1).all(|after| after.starts_with('\u{200b}'));
    check(quotes_part && text.matches("```").count() == 2, "the block of code ends early")
}

fn slack(asked: &Asked) -> Result<(), String> {
    let body = body(asked)?;
    if asked.uri.path() == "/chat.postMessage" {
        check(asked.header("authorization") == "Bearer xoxb-s3cret" && body["channel"] == "#ops", "not signed in")?;
    } else {
        post(asked, "/services/T0/B0/hook-s3cret")?;
    }
    absent(text(&body["text"], 4000, chars)?, &["<", ">"])?;
    let block = &body["blocks"][0];
    check(block["type"] == "section" && block["text"]["type"] == "plain_text", "the text is not plain")?;
    for button in body["blocks"][1]["elements"].as_array().into_iter().flatten() {
        check(button["type"] == "button" && button["text"]["type"] == "plain_text", "no button")?;
        text(&button["text"]["text"], 75, chars)?;
        text(&button["url"], 3000, chars)?;
    }
    absent(text(&block["text"]["text"], 3000, chars)?, &["<", ">"])?;
    check(body["unfurl_links"] == false, "links are unfurled")
}

fn discord(asked: &Asked) -> Result<(), String> {
    post(asked, "/api/webhooks/1/hook-s3cret")?;
    let body = body(asked)?;
    // Without the second word, buttons are left out in silence.
    let query = if body.get("components").is_some() { "wait=true&with_components=true" } else { "wait=true" };
    check(asked.uri.query() == Some(query), "nobody waits for the answer, or sees the buttons")?;
    for button in body["components"][0]["components"].as_array().into_iter().flatten() {
        check(button["type"] == 2 && button["style"] == 5, "a button that is no link")?;
        text(&button["label"], 80, chars)?;
        text(&button["url"], 512, chars)?;
    }
    check(body["allowed_mentions"] == json!({"parse": []}), "mentions are allowed")?;
    absent(text(&body["content"], 2000, utf16)?, &["@everyone", "@here", " *b*", "<@U1>", "[x]("])
}

fn teams(asked: &Asked) -> Result<(), String> {
    post(asked, "/workflows/1/triggers/manual/paths/invoke")?;
    check(asked.uri.query() == Some("sig=flow-s3cret"), "the signature is gone")?;
    check(asked.body.len() <= 28 << 10, "the flow would fail by its size")?;
    let body = body(asked)?;
    let attachment = &body["attachments"][0];
    check(body["type"] == "message", "no message")?;
    check(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "no card")?;
    let card = &attachment["content"];
    check(card["type"] == "AdaptiveCard" && card["version"] == "1.4", "another version")?;
    check(card["msteams"].get("entities").is_none(), "it has mentions")?;
    for action in card["actions"].as_array().into_iter().flatten() {
        check(
            action["type"] == "Action.OpenUrl" && action["url"].as_str().is_some_and(|u| u.starts_with("http")),
            "action",
        )?;
    }
    for block in card["body"].as_array().ok_or("no body")? {
        let runs = block["inlines"].as_array().ok_or("a block with markup")?;
        check(block["type"] == "RichTextBlock" && runs.iter().all(|run| run["type"] == "TextRun"), "markup")?;
    }
    Ok(())
}

fn telegram(asked: &Asked) -> Result<(), String> {
    post(asked, "/bot1:bot-s3cret/sendMessage")?;
    let body = body(asked)?;
    check(body["chat_id"] == -42 && body["parse_mode"] == "HTML", "no chat")?;
    absent(text(&body["text"], 4096, utf16)?, &["<", ">", "@everyone", "@room"])
}

fn google_chat(asked: &Asked) -> Result<(), String> {
    post(asked, "/v1/spaces/A/messages")?;
    let query = asked.uri.query().unwrap_or_default();
    for part in
        ["key=key-s3cret", "token=token-s3cret", "requestId=17-204-ops", "messageReplyOption=REPLY_MESSAGE_FALLBACK"]
    {
        check(query.contains(part), part)?;
    }
    check(asked.body.len() <= 32_000, "too many bytes")?;
    let body = body(asked)?;
    absent(text(&body["text"], 4096, chars)?, &["<users", "*b*", "<!"])?;
    let widgets = &body["cardsV2"][0]["card"]["sections"][0]["widgets"];
    let shown = text(&widgets[0]["textParagraph"]["text"], 32_000, str::len)?.replace("<br>", "");
    absent(&shown, &["<", ">"])?;
    check(!body["thread"]["threadKey"].as_str().unwrap_or_default().is_empty(), "no thread")
}

fn mattermost(asked: &Asked) -> Result<(), String> {
    post(asked, "/hooks/hook-s3cret")?;
    let body = body(asked)?;
    let text = text(&body["text"], 16_383, chars)?;
    absent(text, &["@everyone", "@all", "@here", "<!"])?;
    fenced(text)
}

fn rocket_chat(asked: &Asked) -> Result<(), String> {
    post(asked, "/hooks/1/hook-s3cret")?;
    let body = body(asked)?;
    let text = text(&body["text"], 5000, chars)?;
    absent(text, &["@all", "@here", "@everyone"])?;
    fenced(text)
}

fn zulip(asked: &Asked) -> Result<(), String> {
    post(asked, "/api/v1/messages")?;
    check(asked.header("authorization").starts_with("Basic "), "not signed in")?;
    let field = form(asked)?;
    check(field("type").as_deref() == Some("stream") && field("to").as_deref() == Some("ops"), "no channel")?;
    let topic = field("topic").ok_or("no topic")?;
    check(!topic.is_empty() && chars(&topic) <= 60 && !topic.contains('\n'), "the topic")?;
    let content = field("content").ok_or("no content")?;
    check(chars(&content) <= 10_000, "too long")?;
    fenced(&content)
}

fn matrix(asked: &Asked) -> Result<(), String> {
    let path = "/_matrix/client/v3/rooms/!abc:example.org/send/m.room.message/17-204-ops";
    check(asked.method == "PUT" && asked.uri.path().replace("%3A", ":") == path, asked.uri.path())?;
    check(asked.header("authorization") == "Bearer syt_s3cret", "not signed in")?;
    check(asked.body.len() < 60_000, "larger than an event")?;
    let body = body(asked)?;
    check(body["m.mentions"] == json!({}), "it mentions someone")?;
    check(body["msgtype"] == "m.notice" || body["msgtype"] == "m.text", "no message")?;
    text(&body["body"], 60_000, str::len)?;
    absent(text(&body["formatted_body"], 60_000, str::len)?, &["<script", "<img", "<at>", "</td>"])
}

fn ntfy(asked: &Asked) -> Result<(), String> {
    post(asked, "/")?;
    check(asked.header("authorization") == "Bearer tk_s3cret", "not signed in")?;
    check(asked.body.len() <= 8192, "larger than it reads")?;
    let body = body(asked)?;
    check(body["topic"] == "topic-s3cret", "no topic")?;
    check((1..=5).contains(&body["priority"].as_i64().unwrap_or_default()), "priority")?;
    text(&body["title"], 500, chars)?;
    text(&body["message"], 4096, str::len).map(drop)
}

fn pushover(asked: &Asked) -> Result<(), String> {
    post(asked, "/1/messages.json")?;
    let field = form(asked)?;
    check(
        field("token").as_deref() == Some("token-s3cret") && field("user").as_deref() == Some("user-s3cret"),
        "keys",
    )?;
    check(chars(&field("message").ok_or("no message")?) <= 1024, "too long")?;
    check(chars(&field("title").ok_or("no title")?) <= 250, "too long a title")?;
    check(field("url").is_none_or(|url| chars(&url) <= 512), "too long an address")?;
    let number = |name: &str| field(name).and_then(|text| text.parse::<u32>().ok());
    if field("priority").as_deref() == Some("2") {
        check(number("retry").is_some_and(|s| s >= 30) && number("expire").is_some_and(|s| s <= 10_800), "emergency")?;
    }
    Ok(())
}

fn gotify(asked: &Asked) -> Result<(), String> {
    post(asked, "/message")?;
    check(asked.header("x-gotify-key") == "app-s3cret", "not signed in")?;
    let body = body(asked)?;
    text(&body["title"], 1000, chars)?;
    text(&body["message"], 20_000, chars).map(drop)
}

fn pagerduty(asked: &Asked) -> Result<(), String> {
    post(asked, "/v2/enqueue")?;
    check(asked.body.len() <= 512 << 10, "too large")?;
    let body = body(asked)?;
    check(body["routing_key"] == "routing-s3cret", "no key")?;
    check(["trigger", "resolve"].iter().any(|action| body["event_action"] == *action), "action")?;
    text(&body["dedup_key"], 255, chars)?;
    text(&body["payload"]["summary"], 1024, chars)?;
    text(&body["payload"]["source"], 1024, chars)?;
    let known = ["critical", "error", "warning", "info"];
    check(known.iter().any(|severity| body["payload"]["severity"] == *severity), "severity")
}

fn opsgenie(asked: &Asked) -> Result<(), String> {
    check(asked.header("authorization") == "GenieKey genie-s3cret", "not signed in")?;
    let body = body(asked)?;
    if asked.uri.path() == "/v2/alerts" {
        text(&body["message"], 130, chars)?;
        text(&body["alias"], 512, chars)?;
        text(&body["description"], 15_000, chars)?;
        return check(["P1", "P2", "P3", "P4", "P5"].iter().any(|priority| body["priority"] == *priority), "priority");
    }
    check(asked.uri.path().ends_with("/close") && asked.uri.query() == Some("identifierType=alias"), "close")?;
    text(&body["note"], 25_000, chars).map(drop)
}

fn incident_io(asked: &Asked) -> Result<(), String> {
    post(asked, "/v2/alert_events/http/source")?;
    check(asked.header("authorization") == "Bearer token-s3cret", "not signed in")?;
    check(asked.body.len() <= 512 << 10, "too large")?;
    let body = body(asked)?;
    check(["firing", "resolved"].iter().any(|status| body["status"] == *status), "status")?;
    text(&body["title"], 1000, chars)?;
    absent(text(&body["description"], 500_000, str::len)?, &["[x]("])?;
    text(&body["deduplication_key"], 255, chars).map(drop)
}

fn twilio(asked: &Asked) -> Result<(), String> {
    check(asked.header("authorization").starts_with("Basic "), "not signed in")?;
    let field = form(asked)?;
    check(
        field("To").as_deref() == Some("+15550002222") && field("From").as_deref() == Some("+15550001111"),
        "numbers",
    )?;
    if asked.uri.path() == "/2010-04-01/Accounts/AC1/Calls.json" {
        let call = field("Twiml").ok_or("no words")?;
        let words = call.strip_prefix("<Response><Say loop=\"2\">").and_then(|c| c.strip_suffix("</Say></Response>"));
        return absent(words.ok_or("no TwiML")?, &["<", ">"]);
    }
    post(asked, "/2010-04-01/Accounts/AC1/Messages.json")?;
    check(field("Body").is_some_and(|body| !body.is_empty() && chars(&body) <= 160), "the text")
}

fn apprise(asked: &Asked) -> Result<(), String> {
    post(asked, "/notify/key-s3cret")?;
    let field = form(asked)?;
    check(field("body").is_some_and(|body| !body.is_empty()), "no body")?;
    let known = ["info", "success", "warning", "failure"];
    check(field("type").is_some_and(|kind| known.contains(&kind.as_str())), "type")?;
    check(field("tag").as_deref() == Some("ops") && field("format").as_deref() == Some("text"), "tag")
}
