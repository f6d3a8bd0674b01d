//! `email`, through a real mail server (aiosmtpd, see smtp_server.py) in the three ways servers are reached.

use std::{fs, path::PathBuf};

use revere::alerts::Retry;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{TEXT, channel, channel_in, faults, hostile, sample, send, service};
use crate::sources::server::nobody;

/// A mail as the server took it.
#[derive(Deserialize)]
pub(crate) struct Mail {
    from: String,
    to: Vec<String>,
    raw: String,
    encrypted: bool,
    signed_in: bool,
}

impl Mail {
    /// A header, unfolded, still encoded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
    }
}

/// An address that no other test uses; what it is good for is in its first word.
pub(crate) fn address(word: &str) -> String {
    format!("{word}-{}@example.org", uuid::Uuid::new_v4().simple())
}

fn folder() -> PathBuf {
    service("REVERE_TEST_SMTP_FOLDER").into()
}

/// Everything that came for `address`.
pub(crate) fn mails(address: &str) -> Vec<Mail> {
    let folder = folder().join(address);
    let count = fs::read_dir(&folder).map_or(0, |files| files.count());
    (0..count).map(|n| serde_json::from_slice(&fs::read(folder.join(format!("{n}.json"))).unwrap()).unwrap()).collect()
}

fn one_mail(address: &str) -> Mail {
    let mut mails = mails(address);
    assert_eq!(mails.len(), 1, "{address}");
    mails.remove(0)
}

fn port(security: &str) -> u16 {
    service(&format!("REVERE_TEST_SMTP_{}_PORT", security.to_uppercase())).parse().unwrap()
}

/// A config for the server with this security, with `more` over it.
pub(crate) fn config(security: &str, to: &[&str], more: Value) -> Value {
    let mut config = json!({
        "host": "localhost", "port": port(if security == "none" { "plain" } else { security }), "security": security,
        "from": "Revere <revere@example.com>", "to": to,
    });
    if security != "none" {
        config["username"] = json!("revere");
        config["password"] = json!("mail-s3cret");
        config["ca_file"] = json!(service("REVERE_TEST_SMTP_CA"));
    }
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    config
}

#[tokio::test]
async fn a_mail_arrives_by_each_way() {
    for (security, encrypted) in [("starttls", true), ("tls", true), ("none", false)] {
        let to = address("ops");
        let receipt = send(&channel("email", config(security, &[&to], json!({}))), &sample()).await.unwrap();
        assert_eq!(receipt.reply, "250 2.0.0 taken", "{security}");
        let mail = one_mail(&to);
        assert_eq!((mail.encrypted, mail.signed_in), (encrypted, encrypted), "{security}");
        assert_eq!((mail.from.as_str(), mail.to), ("revere@example.com", vec![to]), "{security}");
    }
}

#[tokio::test]
async fn the_mail_reads_well_and_threads() {
    let to = address("ops");
    let email = channel("email", config("none", &[&to], json!({})));
    send(&email, &sample()).await.unwrap();
    let mut problem = sample();
    (problem.key, problem.new_state) = ("17-205-ops".to_owned(), revere_model::State::Alarm);
    send(&email, &problem).await.unwrap();
    send(&email, &problem).await.unwrap();
    let [first, second, again] = mails(&to).try_into().ok().unwrap();
    assert_eq!(first.header("Subject"), "[Revere Alarm] OK Mail Queue Length");
    assert_eq!(first.header("From"), "Revere <revere@example.com>");
    assert_eq!(first.header("To"), to);
    assert_eq!(first.header("Auto-Submitted"), "auto-generated");
    assert_eq!(first.header("X-Revere-State"), "OK");
    assert!(first.header("Content-Type").starts_with("multipart/alternative"));
    assert!(first.raw.contains(&TEXT.replace('\n', "\r\n")), "{}", first.raw);
    assert!(first.raw.contains("<!doctype html>") && first.raw.contains("https://revere.example.com/monitor/17"));
    assert_eq!(first.header("References"), "<revere.monitor.17@example.com>");
    assert_eq!(first.header("References"), second.header("In-Reply-To"));
    assert_ne!(first.header("Message-ID"), second.header("Message-ID"));
    assert_eq!(second.header("Message-ID"), again.header("Message-ID"), "a repetition is the same mail");
}

#[tokio::test]
async fn hostile_text_makes_no_header_and_ends_no_mail() {
    let to = address("ops");
    let mut mean = hostile();
    mean.key = "x\r\nBcc: eve@example.com".to_owned();
    send(&channel("email", config("none", &[&to], json!({}))), &mean).await.unwrap();
    let mail = one_mail(&to);
    let head = mail.raw.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(mail.header("Subject").starts_with("[Revere Alarm] ALARM <b>&</b> Bcc: eve@example.com"), "{head}");
    assert!(mail.raw.lines().all(|line| line.len() <= 998));
    let html = mail.raw.split("Content-Type: text/html").nth(1).unwrap();
    assert!(html.contains("&#60;script&#62;") && !html.contains("<script>"));
    assert!(mail.raw.trim_end().ends_with("--"), "whole to the last boundary");
    assert_eq!(mail.to, [to]);
}

#[tokio::test]
async fn one_wrong_address_does_not_keep_the_mail_from_the_others() {
    let (good, nobody) = (address("ops"), address("nobody"));
    let email = channel("email", config("none", &[&nobody, &good], json!({})));
    let receipt = send(&email, &sample()).await.unwrap();
    assert_eq!(receipt.reply, format!("250 2.0.0 taken; refused: {nobody}: 550 5.1.1 there is no such mailbox"));
    assert_eq!(one_mail(&good).to, [good]);
    let error = send(&channel("email", config("none", &[&nobody], json!({}))), &sample()).await.unwrap_err();
    assert!(error.message.ends_with(&format!(": {nobody}: 550 5.1.1 there is no such mailbox")), "{error}");
    assert_eq!(error.retry, Retry::Never);
}

#[tokio::test]
async fn who_was_put_off_gets_it_later_and_nobody_twice() {
    let (good, later) = (address("ops"), address("later"));
    let email = channel("email", config("none", &[&good, &later], json!({})));
    for _ in 0..2 {
        let error = send(&email, &sample()).await.unwrap_err();
        assert!(error.message.ends_with(&format!("{later}: 450 4.2.0 greylisted, come back later")), "{error}");
        assert_eq!(error.retry, Retry::Later);
    }
    fs::write(folder().join(format!("{later}.ready")), "").unwrap();
    send(&email, &sample()).await.unwrap();
    one_mail(&good);
    one_mail(&later);
}

#[tokio::test]
async fn refusals_tell_passing_from_lasting() {
    for (word, said, retry) in
        [("full", "552 5.2.2 the mailbox is full", Retry::Never), ("busy", "452 4.3.1 no room just now", Retry::Later)]
    {
        let error = send(&channel("email", config("none", &[&address(word)], json!({}))), &sample()).await.unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.retry),
            (format!("localhost:{}: {said}", port("plain")).as_str(), retry)
        );
    }
}

#[tokio::test]
async fn the_wrong_password_the_wrong_certificate_and_no_encryption() {
    let to = address("ops");
    for (security, more, said, retry) in [
        ("tls", json!({"password": "wr0ng-s3cret"}), "signing in as 'revere': 535 5.7.8", Retry::Later),
        ("starttls", json!({"username": null, "password": null}), "530 5.7.0 Authentication required", Retry::Later),
        ("starttls", json!({"ca_file": null}), ": STARTTLS: ", Retry::Later),
        ("tls", json!({"ca_file": null}), "certificate", Retry::Later),
        ("tls", json!({"host": "127.0.0.1"}), "certificate", Retry::Later),
        // A server without encryption never hears the password.
        ("starttls", json!({"port": port("plain")}), "STARTTLS is not supported", Retry::Later),
        ("none", json!({"port": port("starttls")}), "530 Must issue a STARTTLS command first", Retry::Later),
    ] {
        let error = send(&channel("email", config(security, &[&to], more.clone())), &sample()).await.unwrap_err();
        assert!(error.message.contains(said), "{security} {more}: {error}");
        assert_eq!(error.retry, retry, "{security} {more}: {error}");
        assert!(!error.message.contains("s3cret"), "{error}");
    }
    assert!(mails(&to).is_empty());
    let careless = config("tls", &[&to], json!({"host": "127.0.0.1", "ca_file": null, "verify_ssl": false}));
    send(&channel("email", careless), &sample()).await.unwrap();
    one_mail(&to);
}

#[tokio::test]
async fn a_dead_and_a_silent_server() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let dead: u16 = nobody().await.rsplit(':').next().unwrap().parse().unwrap();
    let config =
        |port: u16| config("none", &["ops@example.org"], json!({"host": "127.0.0.1", "port": port, "timeout": 0.2}));
    let error = send(&channel("email", config(port)), &sample()).await.unwrap_err();
    assert_eq!((error.message, error.retry), (format!("127.0.0.1:{port}: timed out after 0.2 s"), Retry::Later));
    let mut config = config(dead);
    config["timeout"] = json!(30);
    let error = send(&channel("email", config), &sample()).await.unwrap_err();
    assert!(
        error.message.starts_with(&format!("127.0.0.1:{dead}: connecting: ")) && error.message.contains("refused"),
        "{error}"
    );
    assert_eq!(error.retry, Retry::Later);
}

/// A mail server of one test's own: strict about greetings, with a certificate of its own making.
struct StrictServer {
    process: std::process::Child,
    said: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl StrictServer {
    fn start(folder: &std::path::Path, arguments: &[&str]) -> Self {
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/alerts/strict_smtp_server.py");
        let mut process = std::process::Command::new(service("REVERE_TEST_PYTHON"))
            .arg(script)
            .args(arguments)
            .current_dir(folder)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
        let port = said.next().unwrap().unwrap().parse().unwrap();
        StrictServer { process, said, port }
    }

    /// How the last mail came: the greeting, whether it was encrypted, whether anyone signed in.
    fn heard(&mut self) -> Value {
        serde_json::from_str(&self.said.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for StrictServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_strict_server_is_greeted_by_a_full_name_or_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = StrictServer::start(folder.path(), &[]);
    let config = |more: Value| {
        let base = json!({"host": "localhost", "port": server.port, "from": "a@example.com", "to": ["b@example.org"]});
        let mut config = base.as_object().unwrap().clone();
        config.extend(more.as_object().unwrap().clone());
        Value::Object(config)
    };
    // No AUTH is offered in the clear, so no password is said there.
    let clear = config(json!({"security": "none", "username": "u", "password": "mail-s3cret"}));
    // Its certificate is an authority's, and names the host as its common name alone: what `openssl req -x509` makes.
    let own = config(json!({"ca_file": "certificate.pem", "username": "u", "password": "mail-s3cret"}));
    let named = config(json!({"security": "none", "helo_name": "revere.example.com"}));
    let refused = config(json!({"security": "none", "helo_name": "vm"}));
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    for (config, hello, encrypted) in
        [(clear, None, false), (own, None, true), (named, Some("revere.example.com"), false)]
    {
        let channel = channel_in(folder.path(), "email", config).unwrap();
        send(&channel, &sample()).await.unwrap();
        let heard = server.heard();
        let expected = hello.unwrap_or(if hostname.contains('.') { &hostname } else { "[127.0.0.1]" });
        let greeted = heard["hello"].as_str().unwrap().replace("[IPv6:::1]", "[127.0.0.1]");
        assert_eq!(
            (greeted.as_str(), &heard["encrypted"], &heard["signed_in"]),
            (expected, &json!(encrypted), &json!(encrypted))
        );
    }
    let error = send(&channel_in(folder.path(), "email", refused).unwrap(), &sample()).await.unwrap_err();
    assert!(
        error.message.ends_with("greeting as vm: 550 5.7.1 a full name, please; 'helo_name' sets another name"),
        "{error}"
    );
    assert_eq!(error.retry, Retry::Later, "a setting mends it");
}

#[tokio::test]
async fn a_server_that_takes_no_pictures_gets_the_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = StrictServer::start(folder.path(), &["no-pictures"]);
    let config = json!({
        "host": "localhost", "port": server.port, "from": "a@example.com", "to": ["b@example.org"], "security": "none",
    });
    let email = channel_in(folder.path(), "email", config).unwrap();
    let receipt = send(&email, &sample().with_chart(super::charts::picture())).await.unwrap();
    server.heard();
    let refused = "552 5.3.4 no pictures here";
    assert_eq!(receipt.reply, format!("250 2.0.0 taken (without its chart: {refused})"));
}

#[tokio::test]
async fn a_mail_shows_the_chart_in_its_page_and_says_what_it_shows() {
    let (to, chart) = (address("ops"), super::charts::picture());
    let email = channel("email", config("none", &[&to], json!({})));
    send(&email, &sample().with_chart(chart.clone())).await.unwrap();
    let mail = one_mail(&to);
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"), "plain, or the page with its picture");
    let page = mail.raw.split("multipart/related").nth(1).expect("the page has something that belongs to it");
    let page = page.replace("=\r\n", "").replace("=3D", "=");
    assert!(page.contains(r#"<img src="cid:chart""#) && page.contains(&format!(r#"alt="{}""#, chart.words)), "{page}");
    let picture = mail.raw.split("Content-ID: <chart>").nth(1).expect("the picture has the name that the page calls");
    assert!(mail.raw.contains(r#"Content-Disposition: inline; filename="chart.png""#), "{}", mail.raw);
    let coded: String = picture.split("\r\n\r\n").nth(1).unwrap().split_whitespace().collect();
    let coded = coded.split("--").next().unwrap();
    use base64::Engine;
    let file = base64::engine::general_purpose::STANDARD.decode(coded).unwrap();
    super::charts::assert_a_chart(&file);
    assert_eq!(file, chart.png);
}

/// `username` signs in "where the server asks for one": a relay in one's own network often does not, encrypted or not.
#[tokio::test]
async fn a_server_that_lets_nobody_sign_in_gets_the_mail_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = StrictServer::start(folder.path(), &["no-auth"]);
    let mut config = json!({
        "host": "localhost", "port": server.port, "from": "a@example.com", "to": ["b@example.org"],
        "username": "u", "password": "mail-s3cret", "ca_file": "certificate.pem",
    });
    for (security, encrypted) in [("starttls", true), ("none", false)] {
        config["security"] = json!(security);
        send(&channel_in(folder.path(), "email", config.clone()).unwrap(), &sample()).await.unwrap();
        let heard = server.heard();
        assert_eq!((&heard["encrypted"], &heard["signed_in"]), (&json!(encrypted), &json!(false)), "{security}");
    }
}

#[test]
fn faults_name_the_field_and_what_it_wants() {
    let place = "REVERE_ALERTS['ops']['config']";
    let good = json!({"host": "h", "from": "a@example.com", "to": ["b@example.com"]});
    channel("email", good.clone());
    for (field, value, expected) in [
        ("security", json!("ssl"), "expected 'starttls', 'tls' or 'none', not 'ssl'"),
        ("port", json!(70000), "expected a port from 1 to 65535"),
        ("username", json!("me"), "missing beside 'username'"),
        (
            "helo_name",
            json!("a name"),
            "expected a host name such as revere.example.com, or an address such as [192.0.2.1]",
        ),
        ("host", json!("smtp://mail.example.com"), "expected the server's name alone, such as smtp.example.com"),
        ("host", json!("127.0.0.1:2525"), "expected the server's name alone: '127.0.0.1', and 'port': 2525 beside it"),
        ("host", json!("user@mail.example.com"), "expected the server's name alone"),
        (
            "to",
            json!(["b@example.com", "not an address"]),
            "expected an address such as 'ops@example.com' or 'Ops <ops@example.com>', not 'not an address'",
        ),
        ("to", json!("b@example.com\r\nBcc: c@example.com"), "expected an address such as"),
        ("to", json!([]), "expected at least one address"),
        ("ca_file", json!("missing.pem"), "cannot read 'missing.pem': No such file or directory"),
    ] {
        let mut config = good.clone();
        config[field] = value;
        let faults = faults("email", config);
        let field = if field == "username" { "password" } else { field };
        assert!(faults.len() == 1 && faults[0].starts_with(&format!("{place}['{field}']: {expected}")), "{faults:?}");
    }
}
