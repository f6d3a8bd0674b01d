//! Who is told what: severities, which alerts are for which monitors, and the reasons.

mod routing;
mod severity;

use serde_json::{Value, json};

use crate::api::server::Server;

/// A monitor whose state is that of the word its script says, which is given with each run.
struct Monitor<'a> {
    server: &'a Server,
    path: String,
}

impl<'a> Monitor<'a> {
    async fn create(server: &'a Server, mut body: Value) -> Monitor<'a> {
        let defaults = json!({"name": "Disk", "script": "pass", "schedule": "@daily"});
        for (name, value) in defaults.as_object().unwrap() {
            body.as_object_mut().unwrap().entry(name).or_insert(value.clone());
        }
        let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
        Monitor { server, path: format!("/api/v1/monitors/{}", made["id"]) }
    }

    async fn get(&self) -> Value {
        self.server.get(&self.path).await.json(200)
    }

    async fn change(&self, body: Value) -> Value {
        self.server.send("PATCH", &self.path, &body).await.json(200)
    }

    /// Has it do this, once.
    async fn does(&self, script: &str) -> Value {
        self.change(json!({ "script": script })).await;
        self.server.send("POST", &format!("{}/run", self.path), &json!({})).await.json(200)
    }

    async fn passes(&self) {
        assert_eq!(self.does("return_value = 1").await["outcome"], "OK");
    }

    async fn fails(&self, severity: &str) {
        let run = self.does(&format!("raise MonitorFailure('full', severity='{severity}')")).await;
        assert_eq!((&run["outcome"], &run["severity"]), (&json!("ALARM"), &json!(severity)));
    }
}

/// What `ops` heard, oldest first, as the first line of a mail says it.
async fn heard(server: &Server, count: usize) -> Vec<String> {
    let path = "/api/v1/deliveries?alert=ops&status=delivered";
    server.eventually(path, |page| page["items"].as_array().unwrap().len() >= count).await;
    let subjects: Vec<String> = server.mailbox.all().iter().map(|told| told.subject()).collect();
    assert_eq!(subjects.len(), count, "{subjects:?}");
    subjects
}

/// Switches off the alert that takes nothing, so that nobody tells anything in its place.
async fn without_the_broken_one(server: &Server) {
    server.send("PUT", "/api/v1/alerts/broken", &json!({"enabled": false})).await.json(200);
}
