//! Every route that is read, which changes nothing; and every route about one monitor for who may change those of a tag.

use std::collections::BTreeSet;

use revere::web::{ROUTES, Route};
use revere_model::{Clock as _, Concerns, MonitorSpec, Role};
use serde_json::{Value, json};

use super::{
    Visitor,
    matrix::{Says, says},
    person,
};
use crate::{
    api::server::{Answer, Server, send},
    support::{by_server, spec},
};

/// One that does not run by itself.
fn seldom(name: &str, tags: &[&str]) -> MonitorSpec {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    MonitorSpec { tags, schedule: "0 0 1 1 *".to_owned(), ..spec(name) }
}

/// Sends JSON, or nothing, with a token.
async fn by_token(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = server.request(method, path).bearer_auth(token);
    send(if method == "GET" { request } else { request.json(body) }).await
}

/// What can be changed, as an administrator's program reads it, and everything that was written down.
async fn everything_there_is(server: &Server, token: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in [
        "/api/v1/monitors",
        "/api/v1/monitors/1/runs",
        "/api/v1/monitors/1/versions",
        "/api/v1/monitors/1/acknowledgement",
        "/api/v1/deleted-monitors",
        "/api/v1/alerts",
        "/api/v1/deliveries",
        "/api/v1/not-told",
        "/api/v1/mutes",
        "/api/v1/overrides",
        "/api/v1/audit?limit=200",
    ] {
        let answer = by_token(server, token, "GET", path, &json!({})).await;
        all.push((path.to_owned(), format!("{} {}", answer.status, answer.text)));
    }
    for user in server.store.users("", 99).await.unwrap() {
        let (name, role, tags) = (&user.name, user.role, &user.tags);
        all.push(("people".to_owned(), format!("{name} {role} {tags:?} {:?} {:?}", user.totp_key, user.password_hash)));
    }
    all
}

/// Where there is something to look at.
fn filled(route: &Route, run: i64) -> String {
    let key = if route.path.contains("on-call") { "night" } else { "ops" };
    let path = route.path.replace("{id}", "1").replace("{version}", "1").replace("{run}", &run.to_string());
    let path = path.replace("{key}", key).replace("{name}", "echo").replace("{file}", "app.css");
    let path = path.replace("{secret}", "none").replace("{provider}", "oidc");
    assert!(!path.contains('{'), "{path}: say here what it is filled with");
    path
}

#[tokio::test]
async fn nothing_is_changed_by_reading_any_route() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let token = ada.token("administrator", "").await;
    server.store.create_monitor(&seldom("m", &["shop"]), &by_server(server.clock.now())).await.unwrap();
    let run = server.record_runs(1, 2, |_| false).await[0];
    let mute = json!({"monitor_ids": [1], "duration_s": 7200, "reason": "new disks"});
    by_token(&server, &token, "POST", "/api/v1/mutes", &mute).await.json(201);
    server.at_rest().await;
    let before = everything_there_is(&server, &token).await;
    let mut seen = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && !route.path.ends_with("/events")) {
        let path = filled(route, run);
        // As it is, and as a form that was made to be sent by GET.
        let form_token = ada.cookies.lock().unwrap().get("revere_form").cloned().unwrap_or_default();
        let form = format!("{path}?token={form_token}&name=x&active=false&enabled=false&role=viewer&once=1");
        for path in [path, form] {
            let answer = send(ada.request("GET", &path)).await;
            assert!(answer.status < 500, "{path}: {}", answer.text);
            seen += usize::from(answer.status == 200);
        }
    }
    assert!(seen > 60, "only {seen} showed something");
    server.at_rest().await;
    let after = everything_there_is(&server, &token).await;
    assert_eq!(before, after);
    assert_eq!(ada.get("/account").await.status, 200, "nor did it log her out");
}

/// Has a monitor of these tags, deleted where the route is about deleted ones, asked for; answers the answer, and
/// whether the monitor is as it was.
async fn asked_about(
    server: &Server,
    route: &Route,
    visitor: Option<&Visitor<'_>>,
    tokens: (&str, &str),
    monitor: (&str, &[&str]),
) -> (Answer, bool) {
    let (owners, own) = tokens;
    let made = server.store.create_monitor(&seldom(monitor.0, monitor.1), &by_server(server.clock.now())).await;
    let id = made.unwrap().id.0;
    if route.path.contains("deleted") {
        assert_eq!(by_token(server, owners, "DELETE", &format!("/api/v1/monitors/{id}"), &json!({})).await.status, 204);
    } else if route.path.contains("acknowledge") {
        server.record_runs(id, 1, |_| true).await;
    }
    let looked_at = if route.path.contains("deleted") { "deleted-monitors" } else { "monitors" };
    let look = async || {
        let list = by_token(server, owners, "GET", &format!("/api/v1/{looked_at}?limit=200"), &json!({})).await;
        let list = list.json(200)["items"].clone();
        let versions = by_token(server, owners, "GET", &format!("/api/v1/monitors/{id}/versions"), &json!({})).await;
        let mine = list.as_array().unwrap().iter().find(|one| one["id"] == id).cloned();
        // Of a deleted one there are none, and the answer names its request.
        (mine, (versions.status == 200).then_some(versions.text))
    };
    let before = look().await;
    let path = route.path.replace("{id}", &id.to_string()).replace("{version}", "1");
    let fields = [
        ("name", monitor.0),
        ("script", "return_value = 2"),
        ("schedule", "0 0 1 1 *"),
        ("timezone", "UTC"),
        ("tags", "shop"),
        ("active", "true"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
        // Of a mute.
        ("for", "2h"),
    ];
    let answer = match visitor {
        Some(visitor) if route.method == "GET" => visitor.get(&path).await,
        Some(visitor) if !path.starts_with("/api/") => visitor.submit(&path, &fields).await,
        _ => {
            let whole =
                json!({"name": monitor.0, "script": "return_value = 2", "schedule": "0 0 1 1 *", "tags": ["shop"]});
            let body = if route.method == "PUT" { whole } else { json!({}) };
            by_token(server, own, route.method, &path, &body).await
        }
    };
    (answer, look().await == before)
}

#[tokio::test]
async fn an_editor_of_a_tag_may_change_each_monitor_that_has_it_and_no_other() {
    let server = Server::with_local_users().await;
    person(&server, "owner", Role::Administrator, &[]).await;
    person(&server, "shopkeeper", Role::Editor, &["shop"]).await;
    let owners = Visitor::logged_in(&server, "owner").await.token("administrator", "").await;
    let shopkeeper = Visitor::logged_in(&server, "shopkeeper").await;
    let own = shopkeeper.token("editor", "").await;
    let (mut faults, mut asked) = (Vec::new(), BTreeSet::new());
    for (number, route) in ROUTES.iter().enumerate() {
        // Who may change a mute is judged by what it mutes: access::tags.
        let of_one = route.path.contains("{id}") && route.path.contains("monitor");
        if route.operation.concerns() != Concerns::Monitor || !of_one {
            continue;
        }
        asked.insert(route.operation);
        // Pages and forms by the session, the API by the token.
        let visitor = (!route.path.starts_with("/api/")).then_some(&shopkeeper);
        for (tags, wanted) in [(&["shop"][..], Says::Yes), (&[], Says::No), (&["mail"], Says::No)] {
            let name = format!("{number} of {tags:?}");
            let (answer, same) = asked_about(&server, route, visitor, (&owners, &own), (&name, tags)).await;
            let (method, path, status) = (route.method, route.path, answer.status);
            if says(&answer) != wanted || status == 404 || status >= 500 {
                faults.push(format!("{method} {path} of {tags:?}: {status}, not {wanted:?}"));
            }
            if wanted == Says::No && !same {
                faults.push(format!("{method} {path} of {tags:?}: it was changed"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(asked.len() >= 7, "{asked:?}");
}
