//! The server's own TLS, from outside: two files, exchanged while it runs.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, routing};
use revere::{
    app::{Listener, ListenerBounds},
    tls::ServerCertificate,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{cli::Shell, cli::server::Server, support::eventually};

/// Writes a pair that is valid until March of `year`.
fn write_pair(folder: &Path, year: i32) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 3, 1);
    write_pair_of(folder, &params);
}

/// Writes a pair that is meant to have no end: valid until the last second of 9999.
fn write_pair_without_end(folder: &Path) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(9999, 12, 31) + Duration::from_secs(86_399);
    write_pair_of(folder, &params);
}

fn write_pair_of(folder: &Path, params: &rcgen::CertificateParams) {
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

/// A client that believes any certificate, connects each time, and follows nothing.
#[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
fn client() -> reqwest::Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .tls_info(true)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// What `/healthz` says, and the end of the certificate it was said with.
async fn health(address: &str) -> (Value, String) {
    // A client of its own: one that comes again resumes its session, and is shown nothing.
    let client = client();
    let answer = client.get(format!("{address}/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let shown = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap().peer_certificate().unwrap().to_vec();
    let end = revere::tls::not_after(&shown).unwrap().to_string();
    (answer.json().await.unwrap(), end)
}

fn serve(shell: &Shell) -> Server {
    shell.write("config.py", "TLS_CERTIFICATE = 'cert.pem'\nTLS_KEY = 'key.pem'\n");
    Server::start(shell.revere().args(["run", "-p", "0"]), |server| server.stderr.wait_for("listening on https://"))
}

#[tokio::test]
async fn another_pair_is_taken_up_and_a_broken_one_is_said() {
    let shell = Shell::new();
    write_pair(&shell.path(""), 2091);
    let server = serve(&shell);
    let (said, end) = health(&server.address).await;
    assert_eq!((said["status"].as_str(), said["certificate"].as_str()), (Some("ok"), Some("ok")));
    assert_eq!(end, "2091-03-01T00:00:00");

    write_pair(&shell.path(""), 2092);
    server.signal("HUP");
    server.stderr.wait_for("the certificate was exchanged; the new one is valid until 2092-03-01");
    assert_eq!(health(&server.address).await.1, "2092-03-01T00:00:00");

    // Nobody asks this time: it is seen by itself.
    shell.write("key.pem", "half a fi");
    let line = server.stderr.wait_for("holds no private key that can be read");
    assert!(line.contains("TLS_KEY: ") && line.contains("the one before stays in force until 2092-03-01"), "{line}");
    let (said, end) = health(&server.address).await;
    assert_eq!((said["status"].as_str(), end.as_str()), (Some("ok"), "2092-03-01T00:00:00"));
    assert!(said["certificate"].as_str().unwrap().contains("holds no private key"), "{said}");

    write_pair(&shell.path(""), 2093);
    let look = async || {
        let (said, end) = health(&server.address).await;
        if end == "2093-03-01T00:00:00" { Ok(said) } else { Err(end) }
    };
    assert_eq!(eventually("the third pair", look).await["certificate"], "ok");
    server.stop();
}

/// Who watches the metric must not be told of the end of the one before.
#[tokio::test]
async fn a_pair_without_an_end_is_taken_up_and_its_end_is_the_last_instant() {
    let shell = Shell::new();
    write_pair(&shell.path(""), 2091);
    let server = serve(&shell);
    let counted = async |expected: jiff::Timestamp| {
        let page = client().get(format!("{}/metrics", server.address)).send().await.unwrap().text().await.unwrap();
        let line = page.lines().find(|line| line.starts_with("revere_tls_certificate_end_seconds"));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        if value == Some(expected.as_second() as f64) { Ok(()) } else { Err(format!("{line:?}")) }
    };
    eventually("the end of the first", async || counted("2091-03-01T00:00:00Z".parse().unwrap()).await).await;

    write_pair_without_end(&shell.path(""));
    server.signal("HUP");
    server.stderr.wait_for("the certificate was exchanged; the new one is valid for ever");
    let (said, end) = health(&server.address).await;
    assert_eq!((said["certificate"].as_str(), end.as_str()), (Some("ok"), "9999-12-31T23:59:59"));
    eventually("the end of the second", async || counted(jiff::Timestamp::MAX).await).await;
    server.stop();
}

#[tokio::test]
async fn browsers_are_told_to_come_by_https_alone_and_programs_are_refused_in_the_clear() {
    let shell = Shell::new();
    write_pair(&shell.path(""), 2091);
    let server = serve(&shell);
    let client = client();
    let answer = client.get(format!("{}/", server.address)).send().await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");

    let clear = server.address.replace("https://", "http://");
    let page =
        client.get(format!("{clear}/monitor/1?range=7d")).header("accept", "text/html,*/*").send().await.unwrap();
    assert_eq!(page.status(), 308);
    assert_eq!(page.headers()["location"], format!("{}/monitor/1?range=7d", server.address));
    for request in [
        client.get(format!("{clear}/api/v1/monitors")).bearer_auth("token"),
        client.post(format!("{clear}/monitor/1/delete")).header("accept", "text/html"),
        client.get(format!("{clear}/healthz")),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains("this server speaks HTTPS here; use https://"));
    }
    server.stop();
}

#[test]
fn a_pair_that_cannot_be_used_stops_the_start() {
    let shell = Shell::new();
    write_pair(&shell.path(""), 2091);
    for (config, said) in [
        ("TLS_CERTIFICATE = 'cert.pem'", "TLS_KEY: missing; TLS_CERTIFICATE needs the file of its key"),
        ("TLS_KEY = 'key.pem'", "TLS_CERTIFICATE: missing; TLS_KEY needs the file of its certificate"),
        ("TLS_CERTIFICATE = 'no.pem'\nTLS_KEY = 'key.pem'", "line 1: TLS_CERTIFICATE: "),
        ("TLS_CERTIFICATE = 'cert.pem'\nTLS_KEY = 'cert.pem'", "line 2: TLS_KEY: "),
    ] {
        shell.write("config.py", config);
        let stderr = shell.run("check").exits(1).stderr;
        assert!(stderr.contains(said), "{config}: {stderr}");
    }
}

/// A listener with a certificate, or one that does not know yet whether it has one.
async fn listener(bounds: ListenerBounds) -> (Listener, Arc<ServerCertificate>) {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), 2091);
    let certificate = ServerCertificate::open(folder.path().join("cert.pem"), folder.path().join("key.pem")).unwrap();
    (Listener::bind_within("127.0.0.1", 0, bounds).await.unwrap(), certificate)
}

async fn get(address: SocketAddr) -> Result<String, reqwest::Error> {
    client().get(format!("https://{address}/")).send().await?.text().await
}

#[tokio::test]
async fn half_a_handshake_is_cut_and_holds_nobody_up() {
    let bounds = ListenerBounds { head_time: Duration::from_secs(2), ..ListenerBounds::default() };
    let (listener, certificate) = listener(bounds).await;
    listener.encrypt(Some(&certificate));
    listener.open(Router::new().route("/", routing::get(async || "well")));
    let mut half = Vec::new();
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\xff\xff\xff\xff\xff\xff"] {
        let mut stream = TcpStream::connect(listener.address()).await.unwrap();
        stream.write_all(begun).await.unwrap();
        half.push(stream);
    }
    assert_eq!(get(listener.address()).await.unwrap(), "well");
    for mut stream in half {
        let mut came = Vec::new();
        // In order, by a reset, or with an alert of TLS.
        let _ = stream.read_to_end(&mut came).await;
        assert!(came.len() <= 7, "{came:?}");
    }
}

#[tokio::test]
async fn who_comes_before_the_configuration_is_read_waits_for_it() {
    let (listener, certificate) = listener(ListenerBounds::default()).await;
    let address = listener.address();
    let early = tokio::spawn(get(address));
    let plain = client().get(format!("http://{address}/")).send().await.unwrap();
    assert_eq!(plain.status(), 503, "the server is starting");
    listener.encrypt(Some(&certificate));
    listener.open(Router::new().route("/", routing::get(async || "well")));
    assert_eq!(early.await.unwrap().unwrap(), "well");
    assert_eq!(client().get(format!("http://{address}/")).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn without_a_certificate_tls_is_no_request() {
    let (listener, _) = listener(ListenerBounds::default()).await;
    listener.open(Router::new());
    assert!(get(listener.address()).await.is_err());
}
