//! Every act there is, done through the front door: each leaves one row, with who did it, by which door, from where, by
//! which request, and to what.

use std::{collections::BTreeSet, io::Write as _, process::Stdio};

use revere::{access::second_factor, store::AuditRow};
use revere_model::{Act, Clock as _};
use serde_json::{Value, json};

use super::whole;
use crate::{
    access::{PASSWORD, Visitor, account::code, once},
    api::{
        browsers::tell_browsers,
        server::{Server, send},
    },
    cli::Shell,
    support::{eventually, push_browser::PushBrowser},
};

/// Goes through the acts one by one, and looks at what each leaves.
struct Story<'a> {
    server: &'a Server,
    seen: usize,
    acts: BTreeSet<Act>,
}

impl Story<'_> {
    /// The one row that was written since the last look, of this act, by them.
    async fn left(&mut self, act: Act, who: &str, door: &str, target: Option<&str>) -> AuditRow {
        let mut rows = self.rows(1).await;
        let row = rows.remove(0);
        self.check(&row, act, who, door, target);
        row
    }

    async fn rows(&mut self, count: usize) -> Vec<AuditRow> {
        let look = async || {
            let rows = whole(&self.server.store).await.split_off(self.seen);
            if rows.len() >= count { Ok(rows) } else { Err(format!("{rows:#?}")) }
        };
        let rows = eventually("rows of the audit", look).await;
        assert_eq!(rows.len(), count, "{rows:#?}");
        self.seen += count;
        rows
    }

    fn check(&mut self, row: &AuditRow, act: Act, who: &str, door: &str, target: Option<&str>) {
        let about = row.target.as_ref().map(|target| format!("{}:{}", target.kind, target.id));
        let found = (row.act.as_str(), row.who.name.as_str(), row.door.as_str(), about.as_deref());
        assert_eq!(found, (act.as_str(), who, door, target), "{row:#?}");
        let far = !["command_line", "inside"].contains(&door);
        assert_eq!((row.address == "127.0.0.1", row.request_id.len() == 32), (far, far), "{row:#?}");
        assert_eq!(row.at, self.server.clock.now(), "{row:#?}");
        self.acts.insert(act);
    }
}

#[tokio::test]
async fn each_act_leaves_one_row() {
    let server = Server::with_local_users().await;
    let mut story = Story { server: &server, seen: 0, acts: BTreeSet::new() };
    let now = server.clock.now();

    // The first administrator comes by a link that the server made.
    let asked = crate::support::by_server(now);
    let secret = revere::operations::people::first_link(&server.store, &asked).await.unwrap().unwrap();
    story.left(Act::FirstLinkMade, "server", "inside", None).await;
    let ada = Visitor::of(&server);
    let chosen = [("name", "ada"), ("new_password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(ada.submit(&format!("/link/{}", secret.reveal()), &chosen).await.status, 303);
    let rows = story.rows(2).await;
    story.check(&rows[0], Act::FirstAdministratorMade, "stranger", "page", Some("person:1"));
    story.check(&rows[1], Act::LoggedIn, "ada", "page", Some("session:1"));

    // Monitors, by a program.
    let token = ada.token("administrator", "").await;
    story.left(Act::TokenMade, "ada", "page", Some("token:1")).await;
    let program = "token a program of ada";
    let api = async |method: &str, path: &str, body: Value| {
        let request = server.request(method, path).header("authorization", format!("Bearer {token}"));
        let answer = send(request.json(&body)).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
    };
    let monitor = json!({"name": "Orders", "script": "return_value = 1", "schedule": "0 0 1 1 *"});
    api("POST", "/api/v1/monitors", monitor).await;
    story.left(Act::MonitorCreated, program, "api", Some("monitor:1")).await;
    api("PATCH", "/api/v1/monitors/1", json!({"name": "All orders"})).await;
    let changed = story.left(Act::MonitorChanged, program, "api", Some("monitor:1")).await;
    assert_eq!(changed.details["changes"], json!({"name": {"from": "Orders", "to": "All orders"}}));
    api("POST", "/api/v1/monitors/1/run", json!({})).await;
    let run = story.left(Act::MonitorRun, program, "api", Some("monitor:1")).await;
    assert_eq!((&run.details["outcome"], &run.details["run"]), (&json!("OK"), &json!(1)));
    api("POST", "/api/v1/eval", json!({"script": "return_value = 2", "monitor_id": 1})).await;
    let tried = story.left(Act::ScriptTried, program, "api", Some("monitor:1")).await;
    let difference = tried.details["script"]["difference"].as_str().unwrap();
    assert!(difference.contains("-return_value = 1") && difference.contains("+return_value = 2"), "{difference}");
    api("POST", "/api/v1/eval", json!({"script": "x = 3\n"})).await;
    let tried = story.left(Act::ScriptTried, program, "api", None).await;
    assert_eq!(tried.details["script"], json!({"difference": "@@ -0,0 +1,1 @@\n+x = 3\n"}));
    api("POST", "/api/v1/monitors/1/versions/1/restore", json!({})).await;
    story.left(Act::VersionRestored, program, "api", Some("monitor:1")).await;
    api("DELETE", "/api/v1/monitors/1", json!(null)).await;
    story.left(Act::MonitorDeleted, program, "api", Some("monitor:1")).await;
    api("POST", "/api/v1/deleted-monitors/1/undelete", json!({})).await;
    story.left(Act::MonitorUndeleted, program, "api", Some("monitor:1")).await;

    // Alerts.
    api("PUT", "/api/v1/alerts/ops", json!({"states": ["ALARM"]})).await;
    let changed = story.left(Act::AlertChanged, program, "api", Some("alert:ops")).await;
    assert_eq!(changed.details["states"], json!({"from": ["OK", "ALARM", "ERROR"], "to": ["ALARM"]}));
    api("POST", "/api/v1/alerts/ops/test", json!({})).await;
    story.left(Act::AlertTested, program, "api", Some("alert:ops")).await;
    let mute = json!({"monitor_ids": [1], "duration_s": 7200, "reason": "upgrade"});
    api("POST", "/api/v1/mutes", mute).await;
    let added = story.left(Act::MuteAdded, program, "api", Some("mute:1")).await;
    assert_eq!((&added.details["monitors"], &added.details["note"]), (&json!([1]), &json!("upgrade")));
    api("POST", "/api/v1/mutes/1/end", json!({})).await;
    story.left(Act::MuteEnded, program, "api", Some("mute:1")).await;
    let ends_at = (server.clock.now() + jiff::SignedDuration::from_hours(8)).to_string();
    let change = json!({"rota": "night", "person": "carol", "ends_at": ends_at, "reason": "swapped"});
    api("POST", "/api/v1/overrides", change).await;
    let added = story.left(Act::OverrideAdded, program, "api", Some("alert:night")).await;
    assert_eq!((&added.details["person"], &added.details["note"]), (&json!("carol"), &json!("swapped")));
    api("POST", "/api/v1/overrides/1/end", json!({})).await;
    story.left(Act::OverrideEnded, program, "api", Some("alert:night")).await;
    for number in 0..2 {
        server.record_runs(1, 1, |_| true).await;
        server.engine.wake();
        if number == 0 {
            api("POST", "/api/v1/monitors/1/acknowledgement", json!({"note": "on it"})).await;
            let made = story.left(Act::Acknowledged, program, "api", Some("monitor:1")).await;
            assert_eq!((&made.details["state"], &made.details["note"]), (&json!("ALARM"), &json!("on it")));
            for _ in 0..2 {
                api("DELETE", "/api/v1/monitors/1/acknowledgement", json!(null)).await;
            }
            let back = story.left(Act::AcknowledgementTakenBack, program, "api", Some("monitor:1")).await;
            assert_eq!(back.details["state"], json!("ALARM"));
            server.record_runs(1, 1, |_| false).await;
            server.engine.wake();
        }
    }
    let links = async || {
        // Not what is told in the place of another alert, which is of the first problem, too; and each once, for the clock
        // of this test runs ahead of what is being sent.
        let mut own = server.mailbox.all();
        own.retain(|told| !told.key.ends_with("-instead"));
        own.dedup_by(|one, other| one.key == other.key);
        own.into_iter().filter_map(|told| told.acknowledge_url).collect::<Vec<_>>()
    };
    let link = eventually("two links", async || links().await.into_iter().nth(1).ok_or("not yet".to_owned())).await;
    let stranger = Visitor::of(&server);
    assert_eq!(stranger.submit(&link, &[("note", "")]).await.status, 200);
    let made = story.left(Act::AcknowledgedByLink, "stranger", "page", Some("monitor:1")).await;
    assert_eq!(made.details["alert"], json!("ops"));
    ada.submit("/tokens/1/delete", &[]).await;
    story.left(Act::TokenDeleted, "ada", "page", Some("token:1")).await;

    // People.
    let bobs_link = once(&ada.submit("/people", &[("name", "bob"), ("role", "editor"), ("tags", "shop")]).await.text);
    story.left(Act::PersonAdded, "ada", "page", Some("person:2")).await;
    ada.submit("/people/2", &[("role", "viewer"), ("tags", "")]).await;
    let changed = story.left(Act::PersonChanged, "ada", "page", Some("person:2")).await;
    assert_eq!(changed.details["role"], json!({"from": "editor", "to": "viewer"}));
    ada.submit("/people/2", &[("role", "viewer"), ("tags", "")]).await;
    ada.submit("/people/2/link", &[]).await;
    story.left(Act::LinkMade, "ada", "page", Some("person:2")).await;
    assert_ne!(bobs_link, "", "it is good no longer");
    let again = once(&ada.submit("/people/2/link", &[]).await.text);
    story.rows(1).await;
    let bob = Visitor::of(&server);
    let path = again.strip_prefix(&server.base).unwrap();
    assert_eq!(bob.submit(path, &[("new_password", PASSWORD), ("again", PASSWORD)]).await.status, 303);
    let rows = story.rows(2).await;
    story.check(&rows[0], Act::PasswordChosen, "stranger", "page", Some("person:2"));
    story.check(&rows[1], Act::LoggedIn, "bob", "page", Some("session:2"));

    // One's own account.
    bob.submit("/account/prove", &[("password", PASSWORD), ("code", "")]).await;
    story.left(Act::Proved, "bob", "page", Some("session:2")).await;
    let new = "a quiet mountain lake";
    bob.submit("/account/password", &[("new_password", new), ("again", new)]).await;
    story.left(Act::PasswordChanged, "bob", "page", Some("person:2")).await;
    bob.submit("/filters", &[("name", "mine"), ("query", "/?tag=a")]).await;
    story.left(Act::FilterSaved, "bob", "page", Some("person:2")).await;
    bob.submit("/filters/delete", &[("key", "1")]).await;
    story.left(Act::FilterDeleted, "bob", "page", Some("person:2")).await;
    tell_browsers(&server);
    let browser = PushBrowser::at("http://127.0.0.1:9/bob".to_owned());
    let (p256dh, auth) = (browser.p256dh(), browser.auth());
    let fields = [("endpoint", browser.endpoint.as_str()), ("p256dh", &p256dh), ("auth", &auth)];
    bob.submit("/alert/ops/browsers", &fields).await;
    let row = story.left(Act::BrowserAdded, "bob", "page", Some("alert:ops")).await;
    assert_eq!(row.details["browser"], "a test's browser");
    bob.submit("/browsers/1/remove", &[]).await;
    story.left(Act::BrowserRemoved, "bob", "page", Some("alert:ops")).await;
    bob.submit("/account/second-factor", &[]).await;
    story.left(Act::SecondFactorOffered, "bob", "page", Some("person:2")).await;
    let user = server.store.user(revere::store::Lookup::Name("bob".into())).await.unwrap().unwrap();
    let code = code(&server, &user.totp_offered.unwrap());
    let codes = bob.submit("/account/second-factor/confirm", &[("code", &code)]).await.text;
    story.left(Act::SecondFactorSetUp, "bob", "page", Some("person:2")).await;
    let other = Visitor::of(&server);
    let recovery = codes.split("<code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    assert_eq!(other.log_in("bob", new, &recovery).await.status, 303);
    let rows = story.rows(2).await;
    story.check(&rows[0], Act::RecoveryCodeUsed, "stranger", "page", Some("person:2"));
    story.check(&rows[1], Act::LoggedIn, "bob", "page", Some("session:3"));
    assert_eq!(rows[1].details["second_factor"], json!(true));
    bob.submit("/account/sessions/3/end", &[]).await;
    story.left(Act::SessionEnded, "bob", "page", Some("session:3")).await;
    bob.submit("/account/second-factor/remove", &[]).await;
    story.left(Act::SecondFactorRemoved, "bob", "page", Some("person:2")).await;
    bob.submit("/account/sessions/end", &[]).await;
    story.left(Act::SessionsEnded, "bob", "page", Some("person:2")).await;

    // What an administrator does for others.
    assert_eq!(bob.log_in("bob", new, "").await.status, 303);
    story.rows(1).await;
    ada.submit("/people/2/sessions/end", &[]).await;
    story.left(Act::PersonPutOut, "ada", "page", Some("person:2")).await;
    let key = second_factor::new_key();
    server.store.offer_second_factor(user.id, key.clone(), &asked).await.unwrap();
    server.store.confirm_second_factor(user.id, key, 1, vec![], None, &asked).await.unwrap();
    story.rows(2).await;
    ada.submit("/people/2/second-factor/remove", &[]).await;
    story.left(Act::SecondFactorTaken, "ada", "page", Some("person:2")).await;
    ada.submit("/logout", &[]).await;
    story.left(Act::LoggedOut, "ada", "page", Some("session:1")).await;

    let elsewhere = [Act::Imported, Act::PasswordSet];
    for &act in Act::ALL.iter().filter(|act| !act.is_refusal() && !elsewhere.contains(act)) {
        assert!(story.acts.contains(&act), "{act} was not done: add it here");
    }
}

#[tokio::test]
async fn what_is_done_at_a_shell_is_in_the_audit_of_the_database() {
    let shell = Shell::new();
    shell.write("config.py", "LOCAL_USERS = True\n");
    let revere = |arguments: &str, input: &str| {
        let mut command = shell.revere();
        command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    revere("user add ada --role administrator --password-stdin", PASSWORD);
    revere("user add bob", "");
    revere("user disable bob", "");
    revere("user disable bob", "");
    revere("user enable bob", "");
    revere("user reset bob --password-stdin", "a quiet mountain lake");
    revere("user reset bob", "");
    let store = revere::store::Store::open(revere::store::StoreOptions::new(shell.path("revere.db"))).await.unwrap();
    let rows = whole(&store).await;
    let acts: Vec<&str> = rows.iter().map(|row| row.act.as_str()).collect();
    let expected = ["person_added", "person_added", "person_changed", "person_changed", "password_set", "link_made"];
    assert_eq!(acts, expected, "what changes nothing is no act");
    assert!(rows.iter().all(|row| (row.who.kind.as_str(), row.door.as_str()) == ("command_line", "command_line")));
    assert!(!format!("{rows:?}").contains("argon2"), "no hash is shown");
}
