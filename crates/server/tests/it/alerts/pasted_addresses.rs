//! Addresses as people have them: what is clear is taken, and where something else is needed, that is said.

use serde_json::{Value, json};

use super::{channel, faults, sample, send, stub::Stub};
use crate::cli::Shell;

/// A config of each kind, with the field that holds what was copied, and where the notification then goes.
#[tokio::test]
async fn an_address_copied_from_a_browser_leads_to_the_server_that_it_is_of() {
    let stub = Stub::start().await;
    let url = &stub.url;
    let zulip = json!({"site": "", "bot_email": "b@example.com", "api_key": "k3y", "stream": "ops"});
    let gotify = json!({"url": "", "app_token": "k3y"});
    let ntfy = json!({"url": "", "topic": "night-watch"});
    let matrix = json!({"homeserver": "", "access_token": "k3y", "room_id": "!abc:example.org"});
    for (kind, config, field, given, asked) in [
        ("zulip", &zulip, "site", format!("{url}/#narrow/channel/7-ops"), "/api/v1/messages"),
        ("zulip", &zulip, "site", format!("{url}/login/?next=/"), "/api/v1/messages"),
        ("zulip", &zulip, "site", format!("{url}/api/v1/messages"), "/api/v1/messages"),
        ("gotify", &gotify, "url", format!("{url}/#/applications"), "/message"),
        ("gotify", &gotify, "url", format!("{url}/push/message?token=x"), "/push/message"),
        ("ntfy", &ntfy, "url", format!("{url}/night-watch"), "/"),
        ("ntfy", &ntfy, "url", format!("{url}/night-watch?auth=x#y"), "/"),
        ("matrix", &matrix, "homeserver", format!("{url}/_matrix/client/versions"), "/_matrix/client/v3/rooms/"),
        ("matrix", &matrix, "homeserver", format!("{url}/sub/#/room"), "/sub/_matrix/client/v3/rooms/"),
    ] {
        let taken = match kind {
            "zulip" => r#"{"result": "success"}"#,
            "matrix" => r#"{"event_id": "$1"}"#,
            "gotify" => r#"{"id": 7}"#,
            _ => r#"{"id": "7", "event": "message"}"#,
        };
        stub.answer(200, &[], Some(taken));
        let mut config = config.clone();
        config[field] = json!(given);
        send(&channel(kind, config), &sample()).await.unwrap();
        let path = stub.one().uri.to_string();
        assert!(path == asked || asked.ends_with("/rooms/") && path.starts_with(asked), "{kind} {given}: {path}");
    }
}

#[tokio::test]
async fn a_link_to_a_channel_or_room_is_that_channel_or_room() {
    let stub = Stub::start().await;
    let slack = |channel: &str| json!({"bot_token": "xoxb-k3y", "channel": channel, "api_url": stub.url});
    stub.answer(200, &[], Some(r#"{"ok": true, "channel": "C1", "ts": "1.2"}"#));
    for (given, meant) in [
        ("https://team.slack.com/archives/C024BE7LR", "C024BE7LR"),
        ("https://team.slack.com/archives/C024BE7LR/p1355517523000008", "C024BE7LR"),
        ("https://app.slack.com/client/T024BE7LD/C024BE7LR", "C024BE7LR"),
        ("#ops", "#ops"),
        ("https://elsewhere.example/archives/C1", "https://elsewhere.example/archives/C1"),
    ] {
        send(&channel("slack", slack(given)), &sample()).await.unwrap();
        assert_eq!(stub.one().json()["channel"], meant, "{given}");
    }

    let telegram = |chat: Value| json!({"bot_token": "1:k3y", "chat_id": chat, "api_url": stub.url});
    stub.answer(200, &[], Some(r#"{"ok": true, "result": {"message_id": 7}}"#));
    send(&channel("telegram", telegram(json!("https://t.me/ops_channel"))), &sample()).await.unwrap();
    assert_eq!(stub.one().json()["chat_id"], "@ops_channel");
    for invitation in ["https://t.me/+AbCdEf", "https://t.me/c/1234567/8", "https://t.me/"] {
        let said = faults("telegram", telegram(json!(invitation)));
        assert!(said[0].contains("expected the number of a chat"), "{invitation}: {said:?}");
    }

    let matrix = |room: &str| json!({"homeserver": stub.url, "access_token": "k3y", "room_id": room});
    stub.answer(200, &[], Some(r#"{"event_id": "$1"}"#));
    for given in [
        "https://matrix.to/#/!abc:example.org?via=example.org",
        "https://matrix.to/#/!abc:example.org/$event",
        "https://app.element.io/#/room/!abc:example.org",
    ] {
        send(&channel("matrix", matrix(given)), &sample()).await.unwrap();
        let path = stub.one().uri.to_string().replace("%3A", ":").replace("%21", "!");
        assert!(path.contains("/rooms/!abc:example.org/send/"), "{given}: {path}");
    }
    let said = faults("matrix", matrix("https://matrix.to/#/#ops:example.org"));
    assert!(said[0].ends_with("; this is an alias"), "{said:?}");
}

#[test]
fn where_a_webhook_is_needed_the_address_of_a_page_is_refused_with_what_to_write() {
    for (kind, given, says) in [
        ("slack", "https://app.slack.com/client/T024BE7LD/C024BE7LR", "https://hooks.slack.com/services/..."),
        ("slack", "https://team.slack.com/archives/C024BE7LR", "https://hooks.slack.com/services/..."),
        ("discord", "https://discord.com/channels/1/2", "https://discord.com/api/webhooks/..."),
        ("discord", "https://canary.discord.com/channels/1/2", "https://discord.com/api/webhooks/..."),
        ("teams", "https://teams.microsoft.com/l/channel/19%3Aabc/General", "the address of a flow of Workflows"),
        ("google_chat", "https://mail.google.com/chat/u/0/#chat/space/A", "https://chat.googleapis.com/v1/spaces/..."),
        ("google_chat", "https://chat.google.com/room/A", "https://chat.googleapis.com/v1/spaces/..."),
    ] {
        let said = faults(kind, json!({"webhook_url": given}));
        let place = "REVERE_ALERTS['ops']['config']['webhook_url']: leads to the pages that people read; expected ";
        assert!(said.len() == 1 && said[0].starts_with(place) && said[0].contains(says), "{kind} {given}: {said:?}");
    }
    let element = json!({"homeserver": "https://app.element.io", "access_token": "k", "room_id": "!a:b"});
    assert!(faults("matrix", element)[0].contains("expected the homeserver"));
}

/// Of a server of one's own nobody knows what stands before it: what may be a page is told, and works as it did.
#[test]
fn what_looks_like_a_page_of_ones_own_server_is_warned_of() {
    let shell = Shell::new();
    let entry = |kind: &str, url: &str| format!("{{'type': '{kind}', 'config': {{'webhook_url': '{url}'}}}}");
    for (kind, url, warned) in [
        ("mattermost", "https://chat.example.org/team/channels/town-square", true),
        ("mattermost", "https://relay.example.org/channels/ops", true),
        ("mattermost", "https://chat.example.org/hooks/abc", false),
        ("rocket_chat", "https://chat.example.org/channel/general", true),
        ("rocket_chat", "https://chat.example.org/hooks/1/abc", false),
        ("discord", "https://relay.example.org/channels/1", false),
    ] {
        shell.write("config.py", &format!("REVERE_ALERTS = {{'ops': {}}}\n", entry(kind, url)));
        let said = shell.run("check").exits(0).stderr;
        let warning =
            "warning: REVERE_ALERTS['ops']['config']['webhook_url']: looks like a page that people read; expected";
        assert_eq!(said.contains(warning), warned, "{kind} {url}: {said}");
        assert!(!said.contains(url), "{said}");
    }
}
