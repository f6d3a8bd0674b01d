//! The README's monitor on a real Graphite: OK, then ALARM, then OK as the data changes, and every receiver is told of
//! exactly the two flips that concern people.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{Program, eventually};
use crate::{
    alerts::{
        email, service, sns,
        stub::{Asked, Stub},
    },
    support::client,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_monitor_tells_exactly_its_flips() {
    let (hook, campfire) = (Stub::start().await, Stub::start().await);
    let mailbox = email::address("oncall");
    let (topic, subscriber) = sns::topic("readme").await;
    let prefix = format!("proof{}", uuid::Uuid::new_v4().simple());

    let mail = email::config("starttls", &[&mailbox], json!({}));
    let config = json!({
        "REVERE_SOURCES": {"graphite": {"type": "revere.sources.graphite.GraphiteSource",
            "config": {"url": service("REVERE_TEST_GRAPHITE_URL")}}},
        "REVERE_ALERTS": {
            "hook": {"type": "webhook", "config": {"url": format!("{}/hook", hook.url)}},
            "room": {"type": "revere.alerts.campfire.CampfireAlert",
                "config": {"url": campfire.url, "room_id": "7", "bot_key": "3-s3cretbotkey"}},
            "mail": {"type": "email", "config": mail},
            "sns": {"type": "revere.alerts.sns.SNSAlert", "config": sns::config(&topic, "ALLOWED")},
        },
    });
    let folder = tempfile::tempdir().unwrap();
    let python: String = config.as_object().unwrap().iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    std::fs::write(folder.path().join("config.py"), python).unwrap();

    feed(&prefix, "200", 60, 1000.0).await;
    feed(&prefix, "500", 60, 0.0).await;
    let client = client();
    // A name that Graphite hears for the first time it knows a moment later; a run before that is an ERROR, and told.
    let known = format!(
        "{}/render?format=json&from=-10min&target={prefix}.response.200&target={prefix}.response.500",
        service("REVERE_TEST_GRAPHITE_URL")
    );
    eventually("Graphite knows both series", async || {
        let series: Value = client.get(&known).send().await.ok()?.json().await.ok()?;
        (series.as_array()?.len() == 2).then_some(())
    })
    .await;
    let program = Program::start(folder.path());
    let script = format!(
        "total  = sources['graphite'].get_sum('sum({prefix}.response.*)', '-10min')
errors = sources['graphite'].get_sum('{prefix}.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
"
    );
    let spec = json!({"name": "Error responses", "schedule": "* * * * * *", "script": script});
    let created = client.post(format!("{}/api/v1/monitors", program.base)).json(&spec).send().await.unwrap();
    assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
    let monitor = format!("{}/api/v1/monitors/1", program.base);
    let reaches = async |state: &str| {
        eventually(state, async || {
            let now: Value = client.get(&monitor).send().await.ok()?.json().await.ok()?;
            (now["state"] == state).then_some(now)
        })
        .await
    };

    assert_eq!(reaches("OK").await["last_message"], "Monitor Passed");
    feed(&prefix, "500", 50, 20.0).await;
    assert_eq!(reaches("ALARM").await["last_message"], "High number of error responses: 1.96%");
    feed(&prefix, "200", 40, 100_000.0).await;
    reaches("OK").await;

    let sent = eventually("both flips delivered four times", async || {
        let list: Value = client
            .get(format!("{}/api/v1/deliveries?status=delivered", program.base))
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()?;
        let items = list["items"].as_array()?;
        (items.len() >= 8).then_some(items.len())
    })
    .await;
    assert_eq!(sent, 8, "no other flip");
    program.terminate();

    let flips: Vec<_> = hook
        .taken()
        .iter()
        .map(Asked::json)
        .map(|body| (body["old_state"].clone(), body["new_state"].clone()))
        .collect();
    assert_eq!(flips, [(json!("OK"), json!("ALARM")), (json!("ALARM"), json!("OK"))]);
    let room: Vec<String> = campfire.taken().into_iter().map(|asked| asked.body).collect();
    assert_eq!(room.len(), 2, "{room:?}");
    assert!(room[0].contains("OK -> ALARM") && room[1].contains("ALARM -> OK"), "{room:?}");
    let mails: Vec<String> = email::mails(&mailbox).iter().map(|mail| mail.header("Subject")).collect();
    assert_eq!(mails, ["[Revere Alarm] ALARM Error responses", "[Revere Alarm] OK Error responses"]);
    let heard: Vec<Value> = subscriber.taken().iter().map(|taken| taken.json()["Subject"].clone()).collect();
    assert_eq!(heard, ["[Revere Alarm] ALARM Error responses", "[Revere Alarm] OK Error responses"]);
}

/// Stores one value, so many seconds ago.
async fn feed(prefix: &str, status: &str, seconds_ago: u64, value: f64) {
    let mut carbon = TcpStream::connect(service("REVERE_TEST_CARBON_ADDRESS")).await.unwrap();
    let line = format!("{prefix}.response.{status} {value} {}\n", now() - seconds_ago);
    carbon.write_all(line.as_bytes()).await.unwrap();
    carbon.shutdown().await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "Graphite lives by the machine's clock, and so must what it is fed")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
