//! What a browser is given where a proxy speaks HTTPS: cookies that no neighbour can set, and that go nowhere in the clear.

use std::process::Stdio;

use super::PASSWORD;
use crate::{
    cli::{Shell, server::Server},
    support::{client, client_without_redirects},
};

#[tokio::test]
async fn behind_https_each_cookie_of_a_log_in_is_this_hosts_alone_and_secure() {
    let shell = Shell::new();
    shell.write("config.py", "LOCAL_USERS = True\nBASE_URL = 'https://revere.example'\n");
    let password = std::fs::File::open(shell.write("password", PASSWORD)).unwrap();
    let add = ["user", "add", "ada", "--role", "administrator", "--password-stdin"];
    assert!(shell.revere().args(add).stdin(Stdio::from(password)).status().unwrap().success());
    let run = ["run", "-p", "0"];
    let server = Server::start(shell.revere().args(run), |server| server.stderr.wait_for("listening on"));
    let port = server.address.rsplit(':').next().unwrap();
    // As a proxy on this machine asks.
    let (address, host) = (format!("http://127.0.0.1:{port}/login"), "revere.example");
    let given = |answer: &reqwest::Response, name: &str| {
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
        let cookies: Vec<&str> =
            answer.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
        assert!(cookies.iter().all(|cookie| cookie.starts_with("__Host-revere_")), "{cookies:?}");
        for cookie in &cookies {
            let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
            for wanted in ["Secure", "HttpOnly", "Path=/"] {
                assert!(attributes.contains(&wanted), "{cookie}: no {wanted}");
            }
            assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        }
        let of_name = cookies.iter().find(|cookie| cookie.starts_with(&format!("__Host-revere_{name}=")));
        let pair = of_name.unwrap_or_else(|| panic!("no {name} in {cookies:?}")).split(';').next().unwrap();
        pair.split_once('=').unwrap().1.to_owned()
    };
    let page = client().get(&address).header("host", host).header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let token = given(&page, "form");
    let form = [("token", token.as_str()), ("name", "ada"), ("password", PASSWORD), ("code", ""), ("to", "/")];
    let browser = client_without_redirects();
    let log_in = |cookie: String| {
        let request = browser.post(&address).header("host", host).header("origin", "https://revere.example");
        request.header("accept", "text/html").header("cookie", cookie).form(&form).send()
    };
    // A neighbour's cookie, by the name that is taken in the clear, is none.
    let refused = log_in(format!("revere_form={token}")).await.unwrap();
    assert_eq!(refused.status(), 403);
    let answer = log_in(format!("__Host-revere_form={token}")).await.unwrap();
    assert_eq!(answer.status(), 303);
    let session = given(&answer, "session");
    let home = async |name: &str| {
        let asked = browser.get(format!("http://127.0.0.1:{port}/")).header("host", host).header("accept", "text/html");
        asked.header("cookie", format!("{name}={session}")).send().await.unwrap().status()
    };
    assert_eq!(home("__Host-revere_session").await, 200);
    assert_eq!(home("revere_session").await, 303, "nor is that of a session");
    // What somebody chose is theirs, too.
    let cookies = format!("__Host-revere_session={session}; __Host-revere_form={token}");
    let zone = browser.post(format!("http://127.0.0.1:{port}/zone")).header("host", host).header("cookie", cookies);
    let zone = zone.header("origin", "https://revere.example").form(&[("token", token.as_str()), ("zone", "UTC")]);
    assert_eq!(given(&zone.send().await.unwrap(), "zone"), "UTC");
    server.stop();
}
