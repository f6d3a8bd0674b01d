//! `apprise` by the installed command: the real one, which tells a receiver of the tests, and programs in its place.

use std::{os::unix::fs::PermissionsExt, path::Path};

use revere::{
    alerts::{Notification, Retry, SendError},
    redact::Secrets,
};
use revere_model::{Severity, State};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{TEXT, channel, channel_in, channel_learning, faults, hostile, sample, send, service, stub::Stub};

/// The real one, which tells these.
fn real(urls: &[String], more: Value) -> Value {
    let mut config = json!({"command": [service("REVERE_TEST_APPRISE")], "urls": urls});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn json_urls(stub: &Stub, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| format!("{}/{path}", stub.url.replace("http://", "json://"))).collect()
}

/// A program in its place, in a folder of its own.
fn stand_in(folder: &Path, text: &str) {
    let path = folder.join("apprise");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn refused(folder: &Path, script: &str) -> SendError {
    stand_in(folder, script);
    let config = json!({"command": "./apprise", "urls": ["tgram://bot-s3cret-012345/17"], "timeout": 20});
    send(&channel_in(folder, "apprise", config).unwrap(), &sample()).await.unwrap_err()
}

#[tokio::test]
async fn the_real_command_tells_the_services_that_it_is_given() {
    let stub = Stub::start().await;
    let apprise = channel("apprise", real(&json_urls(&stub, &["one"]), json!({})));
    assert!(send(&apprise, &sample()).await.unwrap().reply.starts_with("exit status 0"));
    let told = stub.one().json();
    assert_eq!((&told["title"], &told["type"]), (&json!("[Revere Alarm] OK Mail Queue Length"), &json!("success")));
    assert_eq!(told["message"], format!("{TEXT}\nhttps://revere.example.com/monitor/17"));
    // A title that looks like an option, and a text that looks like everything.
    let own = json!({"subject": "--help -x {{ monitor.name }} `id` $(id)", "text": "-b \\n :smile: öß {{ message }}"});
    let apprise = channel("apprise", real(&json_urls(&stub, &["one"]), own));
    let warned = Notification { new_state: State::Alarm, severity: Some(Severity::Warning), ..sample() };
    send(&apprise, &warned).await.unwrap();
    let told = stub.one().json();
    assert_eq!((&told["title"], &told["type"]), (&json!("--help -x Mail Queue Length `id` $(id)"), &json!("warning")));
    assert!(told["message"].as_str().unwrap().starts_with("-b \\n :smile: öß Monitor Passed\n"), "{told}");
    send(&channel("apprise", real(&json_urls(&stub, &["one"]), json!({}))), &hostile()).await.unwrap();
    let told = stub.one().json();
    let text = told["message"].as_str().unwrap();
    assert!(!text.contains(['\0', '\x1b', '\u{202e}']) && text.contains("<script>"), "{text}");
}

#[tokio::test]
async fn the_real_command_says_what_became_of_it() {
    let stub = Stub::start().await;
    stub.answer(500, &[], None);
    let apprise = channel("apprise", real(&json_urls(&stub, &["key-s3cret"]), json!({})));
    let error = send(&apprise, &sample()).await.unwrap_err();
    assert_eq!((error.retry, error.unanswered), (Retry::Later, false));
    assert!(
        error.message.contains("a service was not notified: exit status 1") && !error.message.contains("s3cret"),
        "{error}"
    );
    // One is told and one is not: whoever was reads the next attempt as what it is.
    let other = Stub::start().await;
    let both = [json_urls(&stub, &["no"]), json_urls(&other, &["yes"])].concat();
    let error = send(&channel("apprise", real(&both, json!({}))), &sample()).await.unwrap_err();
    assert_eq!((error.retry, error.unanswered), (Retry::Later, true), "{error}");
    assert!(error.message.starts_with("some of 'urls' were notified and some were not: "), "{error}");
    assert!(error.message.contains("a service was not notified: exit status 1"), "{error}");
    // Nobody who was told hears the next attempt.
    let (apprise, told) =
        (channel("apprise", real(&both, json!({}))), Notification { key: "k".to_owned(), ..sample() });
    send(&apprise, &told).await.unwrap_err();
    other.taken();
    stub.answer(200, &[], None);
    send(&apprise, &told).await.unwrap();
    assert!(other.taken().is_empty(), "it was told already");
    // One that it cannot read is left out of several, with a word in its log and no other.
    stub.answer(200, &[], None);
    let mistyped = [json_urls(&stub, &["yes"]), vec!["nosuch://host/".to_owned()]].concat();
    let error = send(&channel("apprise", real(&mistyped, json!({}))), &sample()).await.unwrap_err();
    assert!(error.message.starts_with("some of 'urls' were notified and some were not: "), "{error}");
    let apprise = channel("apprise", real(&json_urls(&stub, &["one"]), json!({"tag": "ops"})));
    let error = send(&apprise, &sample()).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(error.message.contains("nobody with this tag: exit status 3"), "{error}");
    // What it cannot read it says, and the secret in it is taken out.
    let secrets = Secrets::default();
    let config = real(&["nosuch://host/key-s3cret-0123".to_owned()], json!({}));
    let error = send(&channel_learning("apprise", config, &secrets), &sample()).await.unwrap_err();
    assert!(error.message.contains("at least one service") && !error.message.contains("s3cret"), "{error}");
}

/// An operator's own configuration, with tags.
#[tokio::test]
async fn the_real_command_goes_by_a_configuration_of_its_own() {
    let stub = Stub::start().await;
    let folder = TempDir::new().unwrap();
    let urls = json_urls(&stub, &["ops", "rest"]);
    let (ops, rest) = (&urls[0], &urls[1]);
    std::fs::write(folder.path().join("apprise.conf"), format!("ops={ops}\n{rest}\n")).unwrap();
    let command = json!([service("REVERE_TEST_APPRISE"), "--config", "apprise.conf"]);
    let told = async |more: Value| {
        let mut config = json!({"command": command});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&channel_in(folder.path(), "apprise", config).unwrap(), &sample()).await.unwrap();
        let mut paths: Vec<String> = stub.taken().iter().map(|asked| asked.uri.path().to_owned()).collect();
        paths.sort();
        paths
    };
    assert_eq!(told(json!({"tag": "ops"})).await, ["/ops"]);
    assert_eq!(told(json!({})).await, ["/ops", "/rest"]);
}

/// Every user of a machine can read the arguments of its programs, and a file that is left behind.
#[tokio::test]
async fn whom_it_tells_is_in_a_file_of_its_owner_and_nowhere_else() {
    let folder = TempDir::new().unwrap();
    stand_in(
        folder.path(),
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments\nenv >environment\ncat >body\n\
         for last; do :; done\nprintf '%s' \"$last\" >name\nstat -c %a \"$last\" >mode\ncp \"$last\" whom\n",
    );
    let config = json!({"command": ["./apprise", "-v"], "urls": ["tgram://bot-s3cret/17"], "tag": "ops"});
    send(&channel_in(folder.path(), "apprise", config).unwrap(), &sample()).await.unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("whom"), "tgram://bot-s3cret/17\n");
    assert_eq!(read("mode"), "600\n");
    assert!(!Path::new(&read("name")).exists(), "it is gone");
    assert!(!read("arguments").contains("bot-s3cret") && !read("environment").contains("bot-s3cret"));
    let arguments = read("arguments");
    let arguments: Vec<&str> = arguments.lines().collect();
    assert_eq!(
        arguments[..5],
        [
            "-v",
            "--title=[Revere Alarm] OK Mail Queue Length",
            "--notification-type=success",
            "--input-format=text",
            "--tag=ops"
        ]
    );
    assert_eq!(read("body"), format!("{TEXT}\nhttps://revere.example.com/monitor/17"));
}

#[tokio::test]
async fn a_command_that_is_missing_hangs_or_talks_much_is_one_that_failed() {
    let folder = TempDir::new().unwrap();
    let config = json!({"command": "./gone", "urls": "json://127.0.0.1/"});
    let error = send(&channel_in(folder.path(), "apprise", config).unwrap(), &sample()).await.unwrap_err();
    assert!(error.retry == Retry::Never && error.message.contains("cannot be started"), "{error}");
    let error = refused(folder.path(), "#!/bin/sh\ncat \"${7:-$6}\" >&2\nyes talks | head -c 100000\nexit 5\n").await;
    assert_eq!((error.retry, error.unanswered), (Retry::Later, true));
    assert!(
        error.message.contains("a service took too long: exit status 5") && error.message.chars().count() < 1200,
        "{error}"
    );
    assert!(!error.message.contains("s3cret"), "{error}");
    assert_eq!(refused(folder.path(), "#!/bin/sh\nexit 2\n").await.retry, Retry::Never);
    // It and what it started are killed.
    stand_in(folder.path(), "#!/bin/sh\nsleep 600 & echo $! >child\nwait\n");
    let config = json!({"command": "./apprise", "urls": "json://127.0.0.1/", "timeout": 0.5});
    let error = send(&channel_in(folder.path(), "apprise", config).unwrap(), &sample()).await.unwrap_err();
    assert_eq!((error.retry, error.unanswered), (Retry::Later, true));
    assert!(error.message.contains("killed after 0.5 s"), "{error}");
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let gone = || !Path::new(&format!("/proc/{}", child.trim())).exists();
    crate::support::until("what it started is gone", async || gone()).await;
}

#[test]
fn a_configuration_that_cannot_work_is_named() {
    let place = "REVERE_ALERTS['ops']['config']";
    let said = |config: Value| faults("apprise", config).join("; ");
    assert_eq!(said(json!({})), format!("{place}['url']: missing: give it, or 'command'"));
    assert!(said(json!({"url": "http://x/", "command": ["apprise"]})).contains("['command']: given beside 'url'"));
    assert!(said(json!({"url": "http://x/", "urls": ["json://x"]})).contains("['urls']: belongs to 'command'"));
    assert!(said(json!({"command": []})).contains("expected the program, such as ['apprise']"));
    for arguments in
        [&["apprise", "tgram://token-s3cret/1"][..], &["apprise", "-v", "--config", "a.conf", "x://token-s3cret"]]
    {
        let said = said(json!({"command": arguments, "urls": ["json://x"]}));
        assert!(said.contains("['command']: holds an address of whom to notify") && !said.contains("s3cret"), "{said}");
    }
    channel("apprise", json!({"command": ["apprise", "--config", "http://host/apprise.conf"]}));
    assert!(said(json!({"command": 7})).contains("expected a list of texts, not 7"));
    assert!(said(json!({"command": "apprise", "auth_token": "x"})).contains("['auth_token']: belongs to 'url'"));
    for wrong in ["/etc/apprise.yml", "json://a\ninclude /etc/x", "json://a json://b", "ops=json://a"] {
        let said = said(json!({"command": "apprise", "urls": [wrong]}));
        assert!(said.contains("['urls']: expected addresses of Apprise") && !said.contains(wrong), "{said}");
    }
}
