//! Two servers on one PostgreSQL behind HAProxy, which hands each request to the other one in turn: what a page keeps in a browser
//! works with both.

use std::{
    io::Write as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::json;

use super::Shell;
use crate::{
    access::{PASSWORD, Visitor},
    api::server::send,
    support::{client, database::schema_of_its_own, eventually},
};

/// HAProxy before these servers. Ends with the test.
struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    /// Listens at `listener`.
    async fn before(shell: &Shell, listener: TcpListener, servers: [&str; 2]) -> Proxy {
        let address = address_of(&listener);
        // As docs/POSTGRES.md says, to the letter but for the addresses; its own it is handed over, so that no port is fixed.
        let mut recipe = include_str!("../../../../../docs/haproxy.cfg").to_owned();
        let [one, other] = servers.map(|server| server.trim_start_matches("http://"));
        for (written, real) in [("bind :80", "bind fd@0"), ("192.0.2.1:5000", one), ("192.0.2.2:5000", other)] {
            assert_eq!(recipe.matches(written).count(), 1, "{written} in {recipe}");
            recipe = recipe.replace(written, real);
        }
        let file = shell.write("haproxy.cfg", &recipe);
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haproxy, from Debian");
        let proxy = Proxy { child, address };
        let (client, health) = (client(), format!("{}/healthz", proxy.address));
        eventually("the proxy answers", async || match client.get(&health).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        proxy
    }
}

fn address_of(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}")).1.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_saving_once_and_live_pages_work_when_each_request_meets_another_server() {
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", schema_of_its_own().await));
    let (one, other) = (shell.serve(&[]), shell.serve(&[]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::before(&shell, listener, [&one.address, &other.address]).await;
    let (browser, address) = (client(), proxy.address.clone());
    let get = async |path: &str, cookie: &str| {
        let url = format!("{address}{path}");
        browser.get(url).header("accept", "text/html").header("cookie", cookie).send().await
    };

    // The form comes from one of them, and is sent to both.
    let page = get("/create", "").await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = page.text().await.unwrap();
    let token = between(&page, "name=\"token\" value=\"", "\"").to_owned();
    let once = between(&page, "name=\"once\" value=\"", "\"").to_owned();
    let fields = [
        ("token", token.as_str()),
        ("once", once.as_str()),
        ("name", "made once"),
        ("script", "return_value = 1"),
        ("schedule", "@yearly"),
        ("timezone", "UTC"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
    ];
    let send = async || {
        let sent = browser
            .post(format!("{address}/create"))
            .header("origin", &address)
            .header("cookie", &cookie)
            .form(&fields);
        let answer = sent.send().await.unwrap();
        // It was followed to where the form leads.
        let (status, place) = (answer.status().as_u16(), answer.url().path().to_owned());
        (status, place, answer.text().await.unwrap())
    };
    let (first, second) = tokio::join!(send(), send());
    for (status, place, text) in [first, second, send().await] {
        assert_eq!((status, place.as_str()), (200, "/monitor/1"), "{text}");
    }
    assert_eq!(one.json("/api/v1/monitors").await["items"].as_array().unwrap().len(), 1);

    // What is run on one of them is seen by who watches the other one, whichever that is.
    for _ in 0..2 {
        let stream = get("/events?monitors=1", &cookie).await.unwrap();
        let mut news = stream.bytes_stream();
        let first = news.next().await.unwrap().unwrap();
        assert!(first.starts_with(b"data: "), "{first:?}");
        // One that is made after a watcher has looked once.
        tokio::time::timeout(crate::support::PATIENCE, async {
            loop {
                let (status, _) = one.post("/api/v1/monitors/1/run", &json!({})).await;
                assert_eq!(status, 200);
                if let Ok(Some(Ok(part))) = tokio::time::timeout(Duration::from_secs(2), news.next()).await
                    && part.starts_with(b"data: ")
                {
                    return;
                }
            }
        })
        .await
        .expect("a run is seen");
    }
    other.stop();
    // The one that is left answers everything.
    for _ in 0..4 {
        assert_eq!(get("/", &cookie).await.unwrap().status(), 200);
    }
    one.stop();
}

/// As an operator adds somebody at a shell.
fn add_administrator(shell: &Shell, name: &str) {
    let mut command = shell.revere();
    command.args(["user", "add", name, "--role", "administrator", "--password-stdin"]).stdin(Stdio::piped());
    let mut adding = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let said = adding.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_is_in_at_both_servers_and_comes_from_where_the_proxy_says() {
    let shell = Shell::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address_of(&listener);
    shell.write(
        "config.py",
        &format!(
            "DATABASE_URL = '{}'\nBASE_URL = '{address}'\nTRUSTED_PROXIES = ['127.0.0.1']\nLOCAL_USERS = True\n",
            schema_of_its_own().await
        ),
    );
    let (one, other) = (shell.serve(&[]), shell.serve(&[]));
    add_administrator(&shell, "ada");
    let _proxy = Proxy::before(&shell, listener, [&one.address, &other.address]).await;

    // The form comes from one, is sent to the other, and both know her from then on.
    let ada = Visitor::at(&address, "127.0.0.2");
    let answer = ada.log_in("ada", PASSWORD, "").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    for _ in 0..4 {
        let home = ada.get("/").await;
        assert!(home.status == 200 && home.text.contains("Your account, ada"), "{}", home.text);
    }
    // Another log-in, which says of itself that it comes from elsewhere.
    let bob = Visitor::at(&address, "127.0.0.3");
    let page = bob.get("/login").await.text;
    let token = between(&page, "name=\"token\" value=\"", "\"");
    let fields = [("token", token), ("name", "ada"), ("password", PASSWORD), ("code", ""), ("to", "/")];
    let sent = bob.request("POST", "/login").header("origin", &address).header("x-forwarded-for", "203.0.113.9");
    let answer = bob.send(sent.form(&fields)).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let audit = ada.get("/audit").await;
    assert_eq!(audit.status, 200, "{}", audit.text);
    let told = |address: &str| audit.text.contains(address);
    assert!(told("127.0.0.2") && told("127.0.0.3") && !told("203.0.113.9"), "{}", audit.text);

    // Who logs out at one is out at both.
    let session = ada.session().unwrap();
    let answer = ada.submit("/logout", &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    // Two in a row meet both.
    for _ in 0..2 {
        let old = ada.request("GET", "/").header("cookie", format!("revere_session={session}"));
        assert!(send(old).await.header("location").starts_with("/login"), "her session is over");
    }
    for _ in 0..2 {
        assert_eq!(bob.get("/").await.status, 200, "the other one is not");
    }
    other.stop();
    one.stop();
}
