//! Safe by default, and people from the shell: the real program.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use revere::web::{ROUTES, Route};

use crate::{
    cli::server::Server,
    support::{client, revere_in, this_version, until},
};

fn revere(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = revere_in(this_version(), folder);
    command.args(arguments);
    command
}

fn config(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.py"), text).unwrap();
    folder
}

/// Runs a command to its end, with `input` on its standard input: its exit code, and all that it wrote.
fn run(folder: &std::path::Path, arguments: &[&str], input: &str) -> (i32, String) {
    let mut child =
        revere(folder, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), text(&output))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn an_address_that_others_can_reach_takes_a_log_in_and_encryption_or_plain_words() {
    for (words, part) in [
        ("", "nobody would be asked who they are: set LOCAL_USERS = True"),
        ("LOCAL_USERS = True", "passwords would travel there unencrypted"),
        ("LOCAL_USERS = True\nBASE_URL = 'http://revere.example'", "BASE_URL = 'https://"),
        ("ANYONE_MAY = 'something'", "expected 'everything', in so many words"),
        ("ANYONE_MAY = 'everything'\nLOCAL_USERS = True", "take one out"),
    ] {
        let folder = config(words);
        let said = revere(folder.path(), &["run", "--host", "0.0.0.0", "-p", "0"]).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "{words}: {}", text(&said));
        assert!(text(&said).contains(part), "{words}: {}", text(&said));
    }
}

#[test]
fn a_header_that_anybody_sends_by_themselves_says_of_nobody_who_they_are() {
    for (name, is_right) in [
        ("X-Forwarded-User", true),
        ("Remote-User", true),
        ("Authorization", false),
        ("User-Agent", false),
        ("X-Forwarded-For", false),
        ("X-Real-IP", false),
        ("Accept-Language", false),
        ("Sec-Fetch-Site", false),
        ("two words", false),
    ] {
        let words = format!("PROXY_USER_HEADER = '{name}'\nTRUSTED_PROXIES = ['127.0.0.1']");
        let folder = config(&words);
        let said = revere(folder.path(), &["check"]).output().unwrap();
        let faults = text(&said).contains("expected the name of a header that the proxy sets");
        assert_eq!((said.status.success(), !faults), (is_right, is_right), "{name}: {}", text(&said));
    }
}

/// What every page says where anybody may do everything.
const ANYBODY: &str = "Anybody who reaches this server may do everything.";

#[tokio::test]
async fn anyone_may_everything_where_it_is_said_and_every_page_says_so() {
    let folder = config("ANYONE_MAY = 'everything'");
    let mut command = revere(folder.path(), &["run", "--host", "0.0.0.0", "-p", "0"]);
    let server = Server::start(&mut command, |server| server.stderr.wait_for("listening on"));
    let port = server.address.rsplit(':').next().unwrap();
    let monitor = serde_json::json!({"name": "m", "script": "return_value = 1", "schedule": "0 0 1 1 *"});
    let base = format!("http://127.0.0.1:{port}");
    let made = client().post(format!("{base}/api/v1/monitors")).json(&monitor).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let ran = client().post(format!("{base}/api/v1/monitors/1/run")).json(&serde_json::json!({})).send().await.unwrap();
    assert_eq!(ran.status(), 200);
    let mut pages = std::collections::BTreeSet::new();
    // But the pages of a log-in, which there is none of here.
    let read = |route: &&Route| route.method == "GET" && route.operation.least().is_some();
    for route in ROUTES.iter().filter(read).filter(|route| !route.path.ends_with("/events")) {
        let path = route.path.replace("{id}", "1").replace("{version}", "1").replace("{run}", "1");
        let path = path.replace("{key}", "log").replace("{name}", "none");
        let asked = client().get(format!("{base}{path}")).header("accept", "text/html").send().await.unwrap();
        let (status, text) = (asked.status(), asked.text().await.unwrap());
        // Parts of pages, and what is no page at all, are without the head of a page.
        if text.to_lowercase().contains("<!doctype html>") {
            assert!(text.contains(ANYBODY), "{path}: {text}");
            pages.extend((status == 200).then_some(route.path));
        }
    }
    assert!(pages.len() >= 20, "{pages:?}");
    for path in ["/", "/monitor/{id}", "/monitor/{id}/run/{run}", "/alerts", "/sources", "/server", "/create", "/mutes"]
    {
        assert!(pages.contains(path), "{path} is none of {pages:?}");
    }
    // So does every page that says why something is not possible, and one for strangers.
    let other = ("origin", "http://evil.example");
    for (method, path, header, expected) in [
        ("GET", "/no/such/page", None, 404),
        ("GET", "/monitor/999", None, 404),
        ("GET", "/acknowledge/7.none", None, 404),
        ("GET", "/account", None, 409),
        ("GET", "/login", None, 200),
        ("PUT", "/alerts", None, 405),
        ("POST", "/monitor/1/pause", None, 415),
        ("POST", "/monitor/1/pause", Some(other), 403),
    ] {
        let mut asked =
            client().request(method.parse().unwrap(), format!("{base}{path}")).header("accept", "text/html");
        asked = header.into_iter().fold(asked, |asked, (name, value)| asked.header(name, value));
        let asked = asked.send().await.unwrap();
        let (status, text) = (asked.status().as_u16(), asked.text().await.unwrap());
        assert_eq!(status, expected, "{method} {path}: {text}");
        assert!(text.contains(ANYBODY), "{method} {path}: {text}");
    }
}

#[tokio::test]
async fn the_first_start_prints_a_link_to_make_the_administrator_and_the_next_ones_do_not() {
    let folder = config("LOCAL_USERS = True");
    let start = || {
        let mut command = revere(folder.path(), &["run", "-p", "0"]);
        Server::start(&mut command, |server| server.stderr.wait_for("listening on"))
    };
    let first = start();
    let said = first.stderr.wait_for("nobody can come in yet");
    assert!(!first.stderr.so_far().contains("TRUSTED_PROXIES"));
    let link = said.split_whitespace().find(|word| word.contains("/link/")).unwrap().to_owned();
    assert!(link.starts_with(&first.address), "{link}");
    let page = client().get(&link).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(page.text().await.unwrap().contains("Become the administrator"));
    let form = [
        ("token", cookie.split_once('=').unwrap().1),
        ("name", "ada"),
        ("new_password", "correct horse battery"),
        ("again", "correct horse battery"),
    ];
    let answer = client().post(&link).header("cookie", &cookie).form(&form).send().await.unwrap();
    assert_eq!(answer.url().path(), "/", "it leads to the monitors");
    assert_eq!(client().get(&link).send().await.unwrap().status(), 404, "good once");

    // From the shell, while the server runs.
    let run = |arguments: &[&str], input: &str| run(folder.path(), arguments, input);
    let (code, said) = run(&["user", "list"], "");
    assert!(code == 0 && said.contains("ada: administrator, came in "), "{said}");
    let add = ["user", "add", "bob", "--role", "editor", "--tags", "shop,mail", "--password-stdin"];
    let (code, said) = run(&add, "a quiet mountain lake\n");
    assert!(code == 0 && said.contains("Added bob, editor."), "{said}");
    assert!(run(&["user", "add", "eve", "--password-stdin"], "short\n").1.contains("has 5 characters"));
    assert!(run(&["user", "add", "Bob"], "").1.contains("somebody is called Bob already"));
    assert!(run(&["user", "disable", "ada"], "").1.contains("the last administrator"));
    let (code, said) = run(&["user", "reset", "bob"], "");
    assert!(code == 0 && said.contains("Choose the password at http://127.0.0.1:5000/link/"), "{said}");
    let (code, said) = run(&["user", "reset", "ada", "--tokens"], "");
    assert!(code == 0 && said.contains("0 API tokens of ada are good for nothing any more."), "{said}");
    std::fs::write(folder.path().join("tls.py"), "LOCAL_USERS = True\nTLS_CERTIFICATE = 'c.pem'\nTLS_KEY = 'k.pem'")
        .unwrap();
    let (code, said) = run(&["--config", "tls.py", "user", "reset", "bob"], "");
    assert!(code == 0 && said.contains("Choose the password at https://127.0.0.1:5000/link/"), "{said}");
    assert!(run(&["user", "disable", "bob"], "").1.contains("bob is disabled"));
    let (code, said) = run(&["user", "reset", "bob", "--tokens"], "");
    assert!(code == 0 && said.contains("0 API tokens of bob") && !said.contains("/link/"), "{said}");
    assert!(run(&["user", "reset", "bob"], "").1.contains("bob is disabled; `revere user enable bob` first"));
    for nothing in ["", " , "] {
        let (code, said) = run(&["user", "add", "max", "--role", "editor", "--tags", nothing], "");
        assert!(code == 1 && said.contains("--tags names no tag"), "{said}");
    }
    assert!(run(&["user", "list"], "").1.contains("bob: editor of shop, mail, never came in, disabled"));
    assert!(run(&["user", "enable", "nobody"], "").1.contains("nobody is called nobody"));
    assert_eq!(run(&["user", "enable", "bob"], "").0, 0);
    until("the server still answers", async || first.get("/healthz").await.0 == 200).await;
    drop(first);

    let second = start();
    second.stderr.wait_for("listening on");
    let (status, _) = second.get("/api/v1/monitors").await;
    assert_eq!(status, 401);
    assert!(!second.stderr.so_far().contains("nobody can come in yet"));
}

fn with(config: &str, more: &str) -> String {
    format!("{config}{more}\n")
}

#[test]
fn what_a_log_in_by_a_provider_lacks_is_said_at_once_and_where_to_get_it() {
    let oidc = "OIDC_ISSUER = 'https://id.example/'\nOIDC_CLIENT_ID = 'x'\nOIDC_CLIENT_SECRET = 'client-s3cret'\n\
                SECRET_KEY = 'a-key-of-many-characters'\n";
    for (words, parts) in [
        (
            "GOOGLE_APPS_DOMAIN = 'example.com'".to_owned(),
            &[
                "GOOGLE_CLIENT_ID: missing; GOOGLE_APPS_DOMAIN needs it: make an OAuth client",
                "https://console.cloud.google.com/apis/credentials",
                "http://127.0.0.1:5000/login/google/callback",
                "GOOGLE_CLIENT_SECRET: missing",
                "SECRET_KEY: missing; log-ins at a provider are signed with it: python3 -c",
            ][..],
        ),
        ("GOOGLE_CLIENT_ID = 'x'".to_owned(), &["GOOGLE_CLIENT_ID: means nothing without GOOGLE_APPS_DOMAIN"]),
        ("GOOGLE_APPS_DOMAIN = 'corp'".to_owned(), &["GOOGLE_APPS_DOMAIN: expected a domain such as example.com"]),
        ("OIDC_CLIENT = 'x'".to_owned(), &["did you mean 'OIDC_CLIENT_ID'?"]),
        (with(oidc, ""), &["DEFAULT_ROLE: missing; say what somebody is whom OIDC_ISSUER knows"]),
        (
            with(oidc, "DEFAULT_ROLE = 'boss'"),
            &["DEFAULT_ROLE: expected 'none', 'viewer', 'editor' or 'administrator'"],
        ),
        (with(oidc, "OIDC_ROLES = {}"), &["OIDC_ROLES: is empty"]),
        (with(oidc, "OIDC_ROLES = ['ops']"), &["OIDC_ROLES: expected a dict"]),
        (
            with(oidc, "OIDC_ROLES = {'ops': 'boss', 'all': 'viewer of shop'}"),
            &["OIDC_ROLES['ops']: expected 'viewer', 'editor'", "OIDC_ROLES['all']: expected"],
        ),
        (with(oidc, "DEFAULT_ROLE = 'viewer'\nOIDC_HOSTS = ['a b']"), &["OIDC_HOSTS[0]: expected a host name"]),
        (with(oidc, "DEFAULT_ROLE = 'viewer'\nOIDC_CA_FILE = 'none.pem'"), &["OIDC_CA_FILE: cannot read 'none.pem'"]),
        (with(oidc, "ANYONE_MAY = 'everything'"), &["ANYONE_MAY: says that nobody has to log in"]),
        (oidc.replace("https:", "http:"), &["OIDC_ISSUER: expected an address that begins with https://"]),
        (oidc.replace("example/", "example/?a=b"), &["OIDC_ISSUER: expected an address without user, ? and #"]),
        (oidc.replace("a-key-of-many-characters", "short"), &["SECRET_KEY: has 5 characters, and 16 are the fewest"]),
    ] {
        let folder = config(&words);
        let said = revere(folder.path(), &["check"]).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "{words}: {}", text(&said));
        for part in parts {
            assert!(text(&said).contains(part), "{words}: not {part:?} in {}", text(&said));
        }
        assert!(!text(&said).contains("client-s3cret"), "{}", text(&said));
    }
    let folder = config(&with(oidc, "DEFAULT_ROLE = 'none'\nOIDC_ROLES = {'ops': 'editor of shop, mail'}"));
    let said = revere(folder.path(), &["check"]).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
}

#[test]
fn an_administrator_who_cannot_come_in_is_not_the_last_one_that_is_needed() {
    let folder = config("LOCAL_USERS = True");
    let run = |arguments: &[&str], input: &str| run(folder.path(), arguments, input);
    assert_eq!(
        run(&["user", "add", "ada", "--role", "administrator", "--password-stdin"], "a quiet mountain lake\n").0,
        0
    );
    // Eve has a link, and has not used it.
    assert_eq!(run(&["user", "add", "eve", "--role", "administrator"], "").0, 0);
    for change in [&["user", "disable", "ada"][..], &["user", "role", "ada", "viewer"]] {
        let (code, said) = run(change, "");
        assert!(code == 1 && said.contains("the last administrator who may come in"), "{said}");
    }
    assert_eq!(run(&["user", "disable", "eve"], "").0, 0, "she is not needed");
    assert_eq!(run(&["user", "enable", "eve"], "").0, 0);
    assert_eq!(run(&["user", "reset", "eve", "--password-stdin"], "a loud mountain stream\n").0, 0);
    assert_eq!(run(&["user", "disable", "ada"], "").0, 0, "now eve may come in");
}

#[test]
fn where_nobody_logs_in_by_a_password_no_link_for_one_is_made() {
    let folder = config(
        "OIDC_ISSUER = 'https://id.example/'\nOIDC_CLIENT_ID = 'x'\nOIDC_CLIENT_SECRET = 'client-s3cret'\n\
         SECRET_KEY = 'a-key-of-many-characters'\nDEFAULT_ROLE = 'viewer'\nOIDC_NAME = 'Corp'\n",
    );
    for arguments in [&["user", "add", "bob"][..], &["user", "add", "bob", "--password-stdin"]] {
        let said = revere(folder.path(), arguments).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "{}", text(&said));
        assert!(
            !text(&said).contains("/link/") && text(&said).contains("people log in by Corp here"),
            "{}",
            text(&said)
        );
        assert!(text(&said).contains("set LOCAL_USERS = True in config.py"), "{}", text(&said));
    }
}
