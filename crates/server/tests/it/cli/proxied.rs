//! Two servers on one PostgreSQL behind HAProxy, which hands each request to the other one in turn: what a page keeps in a browser
//! works with both.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::json;

use super::Shell;
use crate::support::{client, database::schema_of_its_own, eventually};

/// HAProxy before these servers. Ends with the test.
struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    fn before(shell: &Shell, servers: &[&str]) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        // As docs/POSTGRES.md says, but for the address, which it is handed over: so no port is fixed.
        let recipe = include_str!("../../../../../docs/haproxy.cfg");
        let (before, after) = recipe.split_once("    bind :80\n").unwrap();
        let (after, _) = after.split_once("    server ").unwrap();
        let mut config = format!("{before}    bind fd@0\n{after}");
        for (number, server) in servers.iter().enumerate() {
            let place = server.trim_start_matches("http://");
            config.push_str(&format!("    server revere{number} {place} check inter 1s\n"));
        }
        let file = shell.write("haproxy.cfg", &config);
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haproxy, from Debian");
        Proxy { child, address }
    }
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
    let proxy = Proxy::before(&shell, &[&one.address, &other.address]);
    let (browser, address) = (client(), proxy.address.clone());
    let get = async |path: &str, cookie: &str| {
        let url = format!("{address}{path}");
        browser.get(url).header("accept", "text/html").header("cookie", cookie).send().await
    };
    eventually("the proxy answers", async || match get("/healthz", "").await {
        Ok(answer) if answer.status() == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;

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
