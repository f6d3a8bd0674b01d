//! The real program with a provider in its configuration: what it asks and of whom, and what it shows of its secrets.

use axum::{Json, http::StatusCode, response::IntoResponse};
use revere_model::{Clock as _, ManualClock, SystemClock};
use serde_json::json;

use super::test_provider::{Act, CLIENT, CLIENT_SECRET, TestProvider};
use crate::{
    cli::{Shell, server::Server},
    support::client_without_redirects,
};

const KEY: &str = "signing-k3y-0123456789";

fn configured(url: &str) -> Shell {
    let shell = Shell::new();
    shell.write("secret", &format!("{CLIENT_SECRET}\n"));
    shell.write("key", &format!("{KEY}\n"));
    shell.write(
        "config.py",
        &format!(
            "OIDC_ISSUER = '{url}'\nOIDC_CLIENT_ID = '{CLIENT}'\nOIDC_CLIENT_SECRET = 'FILE:secret'\nSECRET_KEY = 'FILE:key'\n\
             OIDC_NAME = 'Corp'\nDEFAULT_ROLE = 'administrator'\n"
        ),
    );
    shell
}

/// A browser that follows nothing and keeps what it is given.
struct Browser {
    client: reqwest::Client,
    cookies: String,
}

impl Browser {
    fn new() -> Browser {
        Browser { client: client_without_redirects(), cookies: String::new() }
    }

    async fn get(&mut self, address: &str) -> (u16, String, String) {
        let asked = self.client.get(address).header("accept", "text/html").header("cookie", &self.cookies);
        let answer = asked.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookies = format!("{}; {pair}", self.cookies).trim_start_matches("; ").to_owned();
        }
        let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.unwrap())
    }

    /// Away to the provider and back.
    async fn log_in(&mut self, server: &Server, provider: &TestProvider) -> (u16, String, String) {
        let (status, away, page) = self.get(&format!("{}/login/oidc", server.address)).await;
        assert_eq!(status, 303, "{page}");
        let asked = url::Url::parse(&away).unwrap();
        let pairs = asked.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into()));
        provider.shared.seen.lock().unwrap().asked = pairs.collect();
        let state = asked.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        self.get(&format!("{}/login/oidc/callback?code=a-code&state={state}", server.address)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_of_a_log_in_is_shown_said_or_kept() {
    let provider = TestProvider::start(&ManualClock::at(SystemClock.now())).await;
    let shell = configured(&provider.url);
    let server = Server::start(shell.revere().args(["run", "-p", "0", "--log-level", "trace"]), |server| {
        server.stderr.wait_for("listening on")
    });
    // A provider that says back what it was told.
    provider.acts(Act {
        token: |_| {
            let words = format!("not with {CLIENT_SECRET} or {KEY}");
            let answer = json!({"error": "invalid_client", "error_description": words});
            (StatusCode::UNAUTHORIZED, Json(answer)).into_response()
        },
        ..Act::default()
    });
    let mut browser = Browser::new();
    let (status, _, refused) = browser.log_in(&server, &provider).await;
    assert_eq!(status, 422, "{refused}");
    server.stderr.wait_for("invalid_client, not with [redacted] or [redacted]");
    provider.acts(Act::default());
    let mut browser = Browser::new();
    let (status, to, page) = browser.log_in(&server, &provider).await;
    assert_eq!((status, to.as_str()), (303, "/"), "{page}");
    let (status, _, home) = browser.get(&format!("{}/account", server.address)).await;
    assert_eq!(status, 200, "{home}");
    assert!(home.contains("alice@corp.example"), "{home}");
    let id_token = provider.shared.seen.lock().unwrap().id_token.clone();
    assert!(id_token.len() > 100, "the token that was given: {id_token:?}");
    let log = server.stop();
    let kept = std::fs::read(shell.path("revere.db")).unwrap();
    let more = std::fs::read(shell.path("revere.db-wal")).unwrap_or_default();
    for (place, text) in [
        ("the page of a refusal", refused),
        ("a page", home),
        ("the log", log),
        ("the database", String::from_utf8_lossy(&kept).into_owned()),
        ("the database's log", String::from_utf8_lossy(&more).into_owned()),
    ] {
        let encoded = "Y2xpZW50LXMzY3JldC0wMTIzNDU2Nzg5";
        for secret in [CLIENT_SECRET, KEY, "an-access-token", encoded, &id_token] {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_asked_by_the_rules_of_everything_else() {
    let provider = TestProvider::start(&ManualClock::at(SystemClock.now())).await;
    let shell = configured(&provider.url);
    let fine = shell.run("check --connect").exits(0);
    assert!(fine.stdout.contains("log-in     Corp"), "{}", fine.stdout);
    assert!(fine.stdout.contains("log-in by Corp answers"), "{}", fine.stdout);
    let config = std::fs::read_to_string(shell.path("config.py")).unwrap();
    shell.write("config.py", &format!("{config}OUTBOUND_REFUSES = ['loopback']\n"));
    let refused = shell.run("check --connect").exits(1);
    assert!(refused.stdout.contains("log-in by Corp") && refused.stdout.contains("loopback"), "{}", refused.stdout);
    provider.acts(Act { metadata: |metadata, _| metadata["issuer"] = json!("https://evil.example"), ..Act::default() });
    shell.write("config.py", &config);
    let lies = shell.run("check --connect").exits(1);
    assert!(lies.stdout.contains("unexpected issuer URI"), "{}", lies.stdout);
}

/// What providers show, and what people copy.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_providers_metadata_is_taken_for_its_issuer() {
    let provider = TestProvider::start(&ManualClock::at(SystemClock.now())).await;
    let shell = configured(&format!("{}/.well-known/openid-configuration", provider.url));
    let said = shell.run("check --connect").exits(0);
    assert!(said.stdout.contains("log-in by Corp answers"), "{}", said.stdout);
}
