//! Everything that changes something leaves exactly one row, and what changes nothing leaves none.

use std::collections::BTreeSet;

use revere::redact::Secrets;
use revere_model::{Clock as _, MonitorSpec, Role, State};
use serde_json::{Value, json};

use super::whole;
use crate::{
    access::{Visitor, person},
    api::server::{Server, send},
    support::{Scratch, by_server, on_postgresql, spec},
};

#[tokio::test]
async fn an_act_through_the_api_says_who_from_where_by_which_request_and_what_changed() {
    let server = Server::with_local_users().await;
    let ada = person(&server, "ada", Role::Administrator, &[]).await;
    let token = Visitor::logged_in(&server, "ada").await.token("editor", "").await;
    let before = whole(&server.store).await.len();
    let request = server.request("POST", "/api/v1/monitors").header("authorization", format!("Bearer {token}"));
    let body = json!({"name": "Orders", "script": "x = 1\n", "schedule": "* * * * *", "tags": ["shop"]});
    let made = send(request.header("x-request-id", "abc-1").json(&body)).await;
    let id = made.json(201)["id"].clone();
    let path = format!("/api/v1/monitors/{id}");
    for body in [json!({"script": "x = 2\n"}), json!({"script": "x = 2\n"})] {
        let request = server.request("PATCH", &path).header("authorization", format!("Bearer {token}"));
        send(request.json(&body)).await.json(200);
    }
    let rows = whole(&server.store).await.split_off(before);
    let [created, changed] = &rows[..] else { panic!("the same once more is no act: {rows:#?}") };
    assert_eq!((created.act.as_str(), created.at), ("monitor_created", server.clock.now()));
    assert_eq!((created.who.kind.as_str(), created.who.name.as_str()), ("token", "token a program of ada"));
    assert_eq!((created.who.owner_id, created.door.as_str()), (Some(ada.id.0), "api"));
    assert_eq!((created.address.as_str(), created.request_id.as_str()), ("127.0.0.1", "abc-1"));
    let target = created.target.as_ref().unwrap();
    assert_eq!((target.kind.as_str(), &target.id, target.name.as_str()), ("monitor", &id.to_string(), "Orders"));
    assert_eq!(created.details["changes"]["tags"], json!({"from": [], "to": ["shop"]}));
    assert_eq!(changed.act, "monitor_changed");
    let difference = json!({"version": 2, "changes": {"script": {"difference": "@@ -1,1 +1,1 @@\n-x = 1\n+x = 2\n"}}});
    assert_eq!(Value::Object(changed.details.clone()), difference);
}

#[tokio::test]
async fn what_is_refused_in_the_transaction_leaves_no_row_and_a_row_that_cannot_be_written_undoes_the_act() {
    let scratch = Scratch::new().await;
    let asked = by_server(scratch.now());
    let made = scratch.store.create_monitor(&spec("a"), &asked).await.unwrap();
    scratch.store.update_monitor(made.id, 7, &spec("b"), &asked).await.unwrap_err();
    assert_eq!(whole(&scratch.store).await.len(), 1);
    // A row that cannot be written takes its act back with it.
    let mut sql = scratch.sql().await;
    let (refuse, again) = match on_postgresql() {
        true => (
            "alter table audit add constraint no_more_rows check (id < 0) not valid",
            "alter table audit drop constraint no_more_rows",
        ),
        false => (
            "create trigger no_more_rows before insert on audit begin select raise(abort, 'no more rows'); end",
            "drop trigger no_more_rows",
        ),
    };
    sql.run(refuse).await;
    scratch.store.update_monitor(made.id, 1, &spec("b"), &asked).await.unwrap_err();
    scratch.store.create_monitor(&spec("c"), &asked).await.unwrap_err();
    scratch.store.delete_monitor(made.id, &asked).await.unwrap_err();
    assert_eq!(scratch.store.monitor(made.id).await.unwrap(), made);
    // Runs of the schedule have no row, and go on.
    scratch.manual(made.id, State::Ok).await;
    sql.run(again).await;
    scratch.store.delete_monitor(made.id, &asked).await.unwrap();
    let acts: Vec<String> = whole(&scratch.store).await.into_iter().map(|row| row.act).collect();
    assert_eq!(acts, ["monitor_created", "monitor_deleted"]);
}

#[tokio::test]
async fn a_secret_of_the_configuration_that_somebody_typed_is_not_in_the_row() {
    let secrets = Secrets::default();
    secrets.learn("hunter2-and-more");
    let scratch = Scratch::with(|options| options.secrets = secrets).await;
    let monitor = MonitorSpec {
        script: "password = 'hunter2-and-more'\n".to_owned(),
        tags: vec!["hunter2-and-more".to_owned()],
        ..spec("hunter2-and-more")
    };
    scratch.store.create_monitor(&monitor, &by_server(scratch.now())).await.unwrap();
    let rows = format!("{:?}", whole(&scratch.store).await);
    assert!(!rows.contains("hunter2") && rows.matches("[redacted]").count() == 4, "{rows}");
}

/// What is written without a row: the engine's own work, notes of what was used when, and what goes because its time is over.
/// Whoever adds a write that somebody asks for lets it go through `Store::act`.
const WITHOUT_A_ROW: &[&str] = &[
    "purge_audit",
    "logged",
    "act_about",
    "act_patiently",
    "claim_due",
    "hand_back",
    "release_node",
    "take_back",
    "mend_monitors",
    "session_seen",
    "forget_log_ins",
    "token_used",
    "came_in",
    "rehash_password",
    "take_code",
    "purge",
    "purge_runs",
    "purge_deleted",
    "forget_unlogged",
    "sync_alerts",
    "give_up_orphans",
    "claim_deliveries",
    "keep_claims",
    "settle_deliveries",
    "plan_after_clock_set_back",
    "node_seen",
    "node_left",
    "tell_held",
    "remind",
    "tell_on_call",
    "keep_calendar",
    "meta_value_or",
    "exchange_link_key",
    "code_failed",
    "set_flapping",
    "forget_forms",
    "note_browsers",
    "claim_browsers_owed",
    "settle_browser",
    "sync_outages",
    "tell_outages",
    "catch_up",
];

#[test]
fn every_other_write_of_the_store_has_its_row() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let mut function = "";
            for line in code.lines().filter(|_| {
                !path.ends_with("writer/mod.rs") && path.parent().is_some_and(|folder| !folder.ends_with("sqlite"))
            }) {
                if let Some((_, rest)) = line.split_once("fn ") {
                    function = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                }
                let calls = [
                    ".write(",
                    ".write_about(",
                    ".write_passing_over(",
                    ".write_patiently(",
                    ".write_patiently_about(",
                ];
                let own = ["write", "write_about", "write_passing_over", "write_patiently", "write_patiently_about"];
                if calls.iter().any(|call| line.contains(call)) && !own.contains(&function) {
                    found.insert(function.to_owned());
                }
            }
        }
    }
    let known: BTreeSet<String> = WITHOUT_A_ROW.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, known, "a write that somebody asks for goes through Store::act");
}
