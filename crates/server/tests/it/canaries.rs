//! Canaries: every kind of source and channel with its secrets, some of them kept elsewhere, in one server that is asked
//! everything there is to ask while everything fails and says back what it was sent. Then they are looked for in all that
//! came out: pages, API, metrics, log, messages, exports, tapes, the database and its copy, and what scripts could see.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use revere::{alerts, sources, web::ROUTES};
use revere_model::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{
    access::{Visitor, once},
    alerts::stub::Stub,
    cli::{Shell, server::Server},
    support::{client, database::schema_of_its_own},
};

/// As all canaries are written, and as they look in base64 at each of the three places they can stand at.
const CANARY: [&str; 4] = ["s3cret", "czNjcmV0", "MzY3Jld", "zM2NyZX"];

/// Fails where a canary is in what came from `place`.
#[track_caller]
fn none_in(place: &str, text: &str) {
    for form in CANARY {
        if let Some(at) = text.find(form) {
            let from = text.floor_char_boundary(at.saturating_sub(200));
            let to = text.ceil_char_boundary((at + 100).min(text.len()));
            panic!("{place} shows a secret: ...{}...", &text[from..to]);
        }
    }
}

/// The configuration, and how each source is called.
struct Planted {
    config: String,
    calls: BTreeMap<String, String>,
    alerts: Vec<String>,
}

/// One of each sample of each kind, for a server at `url`.
fn planted(url: &str) -> Planted {
    let read = |config: &str| serde_json::from_str::<Value>(&config.replace("{url}", url)).unwrap();
    let (mut all_sources, mut calls) = (BTreeMap::new(), BTreeMap::new());
    for kind in sources::KINDS.iter().copied().chain([sources::PLUGIN]) {
        for (number, sample) in kind.samples.iter().enumerate() {
            let name = format!("{}-{number}", kind.names[0]);
            all_sources.insert(name.clone(), json!({"type": kind.names[0], "config": read(sample.config)}));
            calls.insert(name, format!("{}(*{})", sample.call.0, json!(sample.call.1)));
        }
    }
    let kept = json!({"base_url": url, "auth_token": "FILE:keys/token", "headers": {
        "X-Credential": "CREDENTIAL:header", "X-Variable": "ENV:CANARY"}});
    all_sources.insert("kept".to_owned(), json!({"type": "http", "config": kept}));
    calls.insert("kept".to_owned(), "get('/x').raise_for_status()".to_owned());
    let mut all_alerts = BTreeMap::new();
    for kind in alerts::KINDS {
        for (number, sample) in kind.samples.iter().enumerate() {
            let config = json!({"type": kind.names[0], "config": read(sample.config)});
            all_alerts.insert(format!("{}-{number}", kind.names[0]), config);
        }
    }
    let alerts = all_alerts.keys().cloned().collect();
    let config = format!(
        "import json\nAUDIT_LOG = 'audit.log'\nSECRET_KEY = 'signing-s3cret'\nREVERE_SOURCES = json.loads(r'''{}''')\n\
         REVERE_ALERTS = json.loads(r'''{}''')\n",
        json!(all_sources),
        json!(all_alerts)
    );
    Planted { config, calls, alerts }
}

/// Services that take their key inside the message: ntfy (a topic is one), Pushover, PagerDuty.
const KEYS_OF_BODIES: [&str; 3] =
    [r#""topic":"topic-s3cret""#, "token=token-s3cret&user=user-s3cret", r#""routing_key":"routing-s3cret""#];

/// What a script that looks for secrets can look at.
const LOOKS_AROUND: &str = "
import gc, os, sys
print(dict(os.environ), sys.argv, sys.path)
for name, source in sources.items():
    print(name, repr(source), source.__doc__, dir(source), getattr(source, '__dict__', None))

def look():
    needle = bytes.fromhex('733363726574')
    for thing in gc.get_objects():
        held = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else ()
        for value in list(held):
            text = value.encode(errors='replace') if isinstance(value, str) else value
            if isinstance(text, bytes) and needle in text:
                print('found', value)

look()
raise MonitorFailure('looked everywhere')
";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_said_stored_or_sent_anywhere() {
    let stub = Stub::start().await;
    // Everything that is asked says the whole request back, as an error.
    stub.answer(500, &[], None);
    let planted = planted(&stub.url);
    let shell = Shell::new();
    shell.write("config.py", &planted.config);
    shell.write("keys/token", "file-s3cret\n");
    shell.write("credentials/header", "credential-s3cret");
    let revere = || {
        let mut command = shell.revere();
        command.env("CREDENTIALS_DIRECTORY", shell.path("credentials")).env("CANARY", "variable-s3cret");
        command
    };
    let server = Server::start(revere().args(["run", "-p", "0", "--log-level", "trace"]), |server| {
        server.stderr.wait_for("listening on")
    });

    let mut scripts: Vec<(String, String)> = planted
        .calls
        .iter()
        .map(|(name, call)| (name.clone(), format!("return_value = str(sources[{name:?}].{call})")))
        .collect();
    scripts.push(("looks around".to_owned(), LOOKS_AROUND.to_owned()));
    let mut ids = Vec::new();
    for (name, script) in &scripts {
        let monitor = json!({"name": name, "script": script, "schedule": "0 0 1 1 *"});
        let (status, created) = server.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{created}");
        let (status, run) = server.post(&format!("/api/v1/monitors/{}/run", created["id"]), &json!({})).await;
        assert_eq!(status, 200, "{name}: {run}");
        none_in(&format!("a run of {name}"), &run.to_string());
        let (_, evaluated) = server.post("/api/v1/eval", &json!({"script": script})).await;
        none_in(&format!("an evaluation of {name}"), &evaluated.to_string());
        ids.push(created["id"].to_string());
    }
    for alert in &planted.alerts {
        let (_, answer) = server.post(&format!("/api/v1/alerts/{alert}/test"), &json!({})).await;
        none_in(&format!("a test of {alert}"), &answer.to_string());
        let path = format!("/api/v1/alerts/{alert}/preview");
        let everything = "{{ text }} {{ monitor|tojson }} {{ message }} {{ monitor.url }}";
        let words = json!({"monitor_id": 1, "text": everything, "subject": everything, "short": everything});
        let (status, answer) = server.post(&path, &words).await;
        assert_eq!(status, 200, "{alert}: {answer}");
        none_in(&format!("words tried with {alert}"), &answer.to_string());
        let shown = server.json(&format!("{path}?monitor=1")).await;
        none_in(&format!("a preview of {alert}"), &shown.to_string());
    }
    // Every alert that can fail has failed to tell something.
    for alert in &planted.alerts {
        let tried = |deliveries: &Value| (deliveries["items"][0]["attempts"].as_u64()? > 0).then_some(());
        server.wait_for(&format!("/api/v1/deliveries?alert={alert}&limit=1"), tried).await;
    }

    // By the forms of the pages, too, which try a script and ask a source.
    let browser = Visitor::at(&server.address, "127.0.0.1");
    browser.get("/create").await;
    for (name, script) in &scripts {
        let tried = browser.submit("/try", &[("script", script)]).await;
        assert_eq!(tried.status, 200, "{name}: {}", tried.text);
        none_in(&format!("the script of {name}, tried on a page"), &tried.text);
        let asked = browser.submit("/sources/try", &[("source", name), ("script", script)]).await;
        none_in(&format!("{name}, asked on the page of sources"), &asked.text);
    }
    let names: Vec<String> = planted.calls.keys().cloned().collect();
    let asked = everything(&server.address, &ids, &planted.alerts, &names, "").await;
    for (path, answer) in &asked {
        none_in(path, answer);
    }
    assert!(asked.len() > 40 * ids.len() / 2, "{}", asked.len());
    for path in ["/monitor/1/run/1", "/monitor/1/versions/1", "/server", "/audit", "/on-call", "/mutes"] {
        assert!(asked[path].starts_with("200"), "{path}: {}", asked[path]);
    }
    // What is sent is signed, and says nothing of that in words.
    let sent = stub.taken();
    assert!(sent.iter().any(|request| format!("{:?}", request.headers).contains("s3cret")), "they were planted");
    for request in &sent {
        let body = KEYS_OF_BODIES.iter().fold(request.body.clone(), |body, key| body.replacen(key, "", 1));
        none_in(&format!("a message to {}", request.uri.path().replace("s3cret", "...")), &body);
    }

    std::fs::write(shell.path("failing.py"), &scripts[0].1).unwrap();
    let export = format!("export exported --server {}", server.address);
    for arguments in [
        export.as_str(),
        "check --connect",
        "eval failing.py",
        "eval --json failing.py",
        "eval --tape a.tape failing.py",
        "replay a.tape",
        "backup copy.db",
    ] {
        let output = revere().args(arguments.split(' ')).output().unwrap();
        none_in(arguments, &String::from_utf8_lossy(&output.stdout));
        none_in(arguments, &String::from_utf8_lossy(&output.stderr));
    }
    let log = server.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it tells everything");
    none_in("the log", &log);
    let exported = files_in(&shell.path("exported"));
    assert_eq!(exported.len(), scripts.len(), "each monitor is a file");
    for (file, text) in &exported {
        none_in(file, text);
    }
    let audit = std::fs::read_to_string(shell.path("audit.log")).unwrap();
    assert!(audit.lines().count() > scripts.len(), "{audit}");
    none_in("the log of the audit", &audit);
    for file in ["a.tape", "copy.db", "revere.db"] {
        none_in(file, &String::from_utf8_lossy(&std::fs::read(shell.path(file)).unwrap()));
    }
    let wal = shell.path("revere.db-wal");
    if Path::exists(&wal) {
        none_in("revere.db-wal", &String::from_utf8_lossy(&std::fs::read(wal).unwrap()));
    }
}

/// What a source that is down says goes into what is told of it, and its monitors wait; a rota asks for its calendar.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_source_that_is_down_or_of_a_calendar_is_shown_or_said() {
    let stub = Stub::start().await;
    // Everything that is asked says the whole request back, as an error.
    stub.answer(500, &[], None);
    let rota = json!({"type": "on_call", "config": {"people": {"alice": "told"},
        "ical_url": format!("{}/calendar-s3cret-0123456789/ops.ics", stub.url)}});
    let told = json!({"type": "webhook", "config": {"url": format!("{}/hooks/url-s3cret-0123456789", stub.url)}});
    let graphite = json!({"url": stub.url, "auth_username": "u", "auth_password": "graphite-s3cret"});
    let away = "postgresql://u:database-s3cret@127.0.0.1:1/d";
    let sources = json!({
        "asked": {"type": "graphite", "config": graphite},
        "away": {"type": "database", "config": {"connection_string": away}},
    });
    let shell = Shell::new();
    shell.write(
        "config.py",
        &format!(
            "import json\nSOURCE_OUTAGES = True\nAUDIT_LOG = 'audit.log'\nREVERE_SOURCES = json.loads(r'''{sources}''')\n\
             REVERE_ALERTS = json.loads(r'''{}''')\n",
            json!({"told": told, "night": rota})
        ),
    );
    let run = ["run", "-p", "0", "--log-level", "trace"];
    let server = Server::start(shell.revere().args(run), |server| server.stderr.wait_for("listening on"));
    let mut ids = Vec::new();
    for (source, call) in [("asked", "get_sum('a.b')"), ("away", "execute('select 1')")] {
        let fails = format!("return_value = str(sources[{source:?}].{call})");
        let monitor = json!({"name": source, "script": "return_value = 1", "schedule": "0 0 1 1 *"});
        let (status, created) = server.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{created}");
        let path = format!("/api/v1/monitors/{}", created["id"]);
        assert_eq!(server.post(&format!("{path}/run"), &json!({})).await.0, 200);
        let changed = client().patch(format!("{}{path}", server.address)).json(&json!({"script": fails})).send().await;
        assert_eq!(changed.unwrap().status(), 200);
        let (status, run) = server.post(&format!("{path}/run"), &json!({})).await;
        assert!(status == 200 && run["new_state"] == "ERROR", "{run}");
        none_in(source, &run.to_string());
        ids.push(created["id"].to_string());
    }
    let waits = |monitor: &Value| (monitor["waits_for"]["source"] == "away").then_some(());
    server.wait_for(&format!("/api/v1/monitors/{}", ids[1]), waits).await;
    let fault = |rota: &Value| rota["calendar"]["fault"].as_str().map(str::to_owned);
    assert!(server.wait_for("/api/v1/on-call/night", fault).await.contains("500"));
    let names = ["asked", "away"].map(str::to_owned);
    let keys = ["told", "night"].map(str::to_owned);
    for (path, answer) in &everything(&server.address, &ids, &keys, &names, "").await {
        none_in(path, answer);
    }
    let log = server.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it tells everything");
    none_in("the log", &log);
    none_in("the log of the audit", &std::fs::read_to_string(shell.path("audit.log")).unwrap());
    none_in("revere.db", &String::from_utf8_lossy(&std::fs::read(shell.path("revere.db")).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_a_door_is_shown_once_and_then_neither_shown_said_nor_kept_as_it_is() {
    const PASSWORD: &str = "my s3cret mountain lake";
    const ANOTHER: &str = "my other s3cret meadow";
    let shell = Shell::new();
    shell.write("config.py", "LOCAL_USERS = True\nAUDIT_LOG = 'audit.log'\n");
    let password = std::fs::File::open(shell.write("password", PASSWORD)).unwrap();
    let add = ["user", "add", "owner", "--role", "administrator", "--password-stdin"];
    let added = shell.revere().args(add).stdin(password).output().unwrap();
    assert!(added.status.success());
    let run = ["run", "-p", "0", "--log-level", "trace"];
    let server = Server::start(shell.revere().args(run), |server| server.stderr.wait_for("listening on"));

    let owner = Visitor::at(&server.address, "127.0.0.1");
    assert_eq!(owner.log_in("owner", "no s3cret of hers at all", "").await.status, 422);
    assert_eq!(owner.log_in("owner", PASSWORD, "").await.status, 303);
    let token = owner.token("administrator", "").await;
    let added = owner.submit("/people", &[("name", "bob"), ("role", "viewer"), ("tags", "")]).await;
    let link = once(&added.text).rsplit('/').next().unwrap().to_owned();
    assert_eq!(Visitor::at(&server.address, "127.0.0.2").get(&format!("/link/{link}")).await.status, 200);
    // Nor where it is asked for in a way that leads nowhere, which the log says.
    for (method, before, after, status) in [("PUT", "", "", 405), ("GET", "", "/", 404), ("GET", "/revere", "", 404)] {
        let path = format!("{}{before}/link/{link}{after}", server.address);
        let asked = client().request(method.parse().unwrap(), path).send().await.unwrap();
        assert_eq!(asked.status().as_u16(), status, "{method} {before}/link/...{after}");
    }
    assert_eq!(owner.submit("/account/second-factor", &[]).await.status, 303);
    let key = once(&owner.get("/account").await.text);
    let code = {
        let secret = totp_rs::Secret::try_from_base32(&key).unwrap();
        let app = totp_rs::Builder::new().with_algorithm(totp_rs::Algorithm::SHA1).with_secret(secret);
        let app = app.with_account_name("x").build().unwrap();
        app.generate(SystemClock.now().as_second().unsigned_abs()).to_string()
    };
    let confirmed = owner.submit("/account/second-factor/confirm", &[("code", &code)]).await;
    let codes = confirmed.text.split("<li><code>").skip(1).map(|part| part.split('<').next().unwrap().to_owned());
    let codes: Vec<String> = codes.collect();
    assert_eq!(codes.len(), 10, "{}", confirmed.text);
    let wrong = [("new_password", ANOTHER), ("again", "my other s3cret mistake")];
    assert_eq!(owner.submit("/account/password", &wrong).await.status, 422);
    assert_eq!(owner.submit("/account/password", &[("new_password", ANOTHER), ("again", ANOTHER)]).await.status, 200);
    let session = owner.session().unwrap();

    let mut opens: Vec<&str> = vec![PASSWORD, ANOTHER, "s3cret", "$argon2", &token, &session, &link];
    opens.extend(codes.iter().map(String::as_str));
    let shows = |place: &str, text: &str, opens: &[&str]| {
        for one in opens {
            assert!(!text.contains(one), "{place} shows {one}");
        }
    };
    let monitor = json!({"name": "m", "script": "return_value = 1", "schedule": "0 0 1 1 *"});
    let (made_at, run_at) = (format!("{}/api/v1/monitors", server.address), "/1/run");
    for (to, body) in [(made_at.clone(), &monitor), (format!("{made_at}{run_at}"), &json!({}))] {
        let answer = client().post(to).bearer_auth(&token).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    let cookie = format!("revere_session={session}");
    let asked = everything(&server.address, &["1".to_owned()], &["log".to_owned()], &[], &cookie).await;
    assert!(asked["/account"].contains("10 recovery codes") && asked["/people"].contains(">bob</a>"));
    for path in ["/monitor/1", "/monitor/1/run/1", "/monitor/1/edit", "/monitor/1/history.csv", "/audit", "/people/1"] {
        assert!(asked[path].starts_with("200"), "{path}: {}", asked[path]);
    }
    opens.push(&key);
    for (path, answer) in &asked {
        shows(path, answer, &opens);
    }
    let mut export = shell.revere();
    export.args(["export", "exported", "--server", &server.address]).env("REVERE_TOKEN", &token);
    let output = export.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    shows("the command line", &String::from_utf8_lossy(&output.stdout), &opens);
    shows("the command line", &String::from_utf8_lossy(&output.stderr), &opens);
    for (file, text) in files_in(&shell.path("exported")) {
        shows(&file, &text, &opens);
    }
    let copied = shell.run("backup copy.db").exits(0);
    shows("the command line", &format!("{}{}", copied.stdout, copied.stderr), &opens);
    let listed = shell.run("user list").exits(0);
    shows("the command line", &format!("{}{}", listed.stdout, listed.stderr), &opens);
    let log = server.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it tells everything");
    shows("the log", &log, &opens);
    let audit = std::fs::read_to_string(shell.path("audit.log")).unwrap();
    assert!(audit.contains("logged_in") && audit.contains("token_made"), "{audit}");
    shows("the log of the audit", &audit, &opens);
    // A second factor's key is needed as it is, and a password's hash to compare with: docs/SECURITY.md says so.
    opens.retain(|one| *one != key && *one != "$argon2");
    for file in ["copy.db", "revere.db", "revere.db-wal"] {
        if let Ok(bytes) = std::fs::read(shell.path(file)) {
            shows(file, &String::from_utf8_lossy(&bytes), &opens);
        }
    }
}

/// What leads to the database and to the heartbeat's service, in each form that it can have.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_and_the_heartbeat_are_reached_by_is_shown_nowhere() {
    let receiver = Stub::start().await;
    // Everything that is asked says the whole request back, as an error.
    receiver.answer(500, &[], None);
    let url = schema_of_its_own().await;
    assert!(url.contains("test-s3cret"), "the password of the tests is a canary");
    let heartbeat = receiver.url.replace("http://", "http://me:beat-s3cret@");
    let shell = Shell::new();
    let settings = format!("DATABASE_URL = '{url}'\nHEARTBEAT_URL = '{heartbeat}/ping-s3cret?key=key-s3cret'\n");
    shell.write("config.py", &settings);
    let run = ["run", "-p", "0", "--log-level", "trace"];
    let server = Server::start(shell.revere().args(run), |server| server.stderr.wait_for("listening on"));
    let monitor = json!({"name": "looks around", "script": LOOKS_AROUND, "schedule": "0 0 1 1 *"});
    let (_, created) = server.post("/api/v1/monitors", &monitor).await;
    let (status, run) = server.post(&format!("/api/v1/monitors/{}/run", created["id"]), &json!({})).await;
    assert_eq!(status, 200, "{run}");
    none_in("a run", &run.to_string());
    let said = |health: &Value| health["heartbeat"].as_str().filter(|said| said.starts_with("not heard")).map(drop);
    server.wait_for("/healthz", said).await;
    let asked = everything(&server.address, &[created["id"].to_string()], &["log".to_owned()], &[], "").await;
    for (path, answer) in asked.iter().chain([(&"/healthz".to_owned(), &server.get("/healthz").await.1)]) {
        none_in(path, answer);
    }
    assert!(!receiver.taken().is_empty(), "it was called");

    for (arguments, code) in [("check --connect", 0), ("nodes", 0), ("backup copy.db", 1), ("user list", 0)] {
        let said = shell.run(arguments).exits(code);
        none_in(arguments, &said.stdout);
        none_in(arguments, &said.stderr);
    }
    let log = server.stop();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it tells everything");
    none_in("the log", &log);
    // Where each leads nowhere, or is none.
    for (name, value) in [
        ("DATABASE_URL", "postgresql://revere:other-s3cret@127.0.0.1:1/revere"),
        ("DATABASE_URL", "postgresql://revere:other-s3cret@127.0.0.1/revere?sslmod=x"),
        ("DATABASE_URL", "other-s3cret"),
        ("HEARTBEAT_URL", "ftp://me:other-s3cret@example.org/"),
        ("HEARTBEAT_URL", "other-s3cret"),
    ] {
        shell.write("config.py", &format!("{name} = '{value}'\n"));
        let said = shell.run("check --connect").exits(1);
        none_in(value, &format!("{}{}", said.stdout, said.stderr));
    }
}

/// What the files in a folder say.
fn files_in(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect()
}

/// Every route that is read, of pages and of the API, with head and body, by whoever has this cookie: each about these
/// monitors, alerts and sources. Answers begin with their status.
async fn everything(
    base: &str,
    ids: &[String],
    alerts: &[String],
    sources: &[String],
    cookie: &str,
) -> BTreeMap<String, String> {
    // Streams have no end.
    let read = ROUTES.iter().filter(|route| route.method == "GET" && !route.path.ends_with("/events"));
    let mut paths: Vec<String> = read.map(|route| route.path.to_owned()).collect();
    assert!(paths.len() > 60, "{paths:?}");
    let more = ["/?q=s3cre", "/sources?probe=true", "/api/v1/sources?probe=true", "/no/such/page"];
    paths.extend(more.map(str::to_owned));
    let client = client();
    let mut answers = BTreeMap::new();
    for path in paths.into_iter().map(|path| path.replace("{version}", "1")) {
        let path = path.replace("{secret}", "none").replace("{provider}", "oidc").replace("{file}", "app.css");
        let filled = |name: &str, values: &[String]| -> Vec<String> {
            values.iter().map(|value| path.replace("{run}", value).replace(name, value)).collect()
        };
        let fillings = if path.contains("{id}") && path.contains("monitor") {
            filled("{id}", ids)
        } else if path.contains("{id}") {
            vec![path.replace("{id}", "1")]
        } else if path.contains("{key}") {
            filled("{key}", alerts)
        } else if path.contains("{name}") {
            filled("{name}", sources)
        } else {
            vec![path]
        };
        for path in fillings {
            assert!(!path.contains('{'), "{path}: say here what it is filled with");
            let asked = client.get(format!("{base}{path}")).header("accept", "text/html").header("cookie", cookie);
            let answer = asked.send().await.unwrap();
            let mut said = String::new();
            write!(said, "{} {:?}", answer.status().as_u16(), answer.headers()).unwrap();
            said.push_str(&answer.text().await.unwrap());
            answers.insert(path, said.replace("/?q=s3cre", ""));
        }
    }
    answers
}
