//! A hostile provider, and hostile browsers: each lie is refused with its own reason in the audit, and leaves neither a session
//! nor a person. The numbers are those of the list of lies that a log-in must stand.

use axum::{
    body::{Body, Bytes},
    response::{Html, IntoResponse, Redirect},
};
use futures_util::{StreamExt as _, stream};
use revere::{
    access::{LogInSettings, oidc::ProviderSettings},
    store::AuditFilter,
};
use serde_json::{Value, json};

use super::{
    Visitor,
    refusals::{Log, Refusals},
    test_provider::{Act, CLIENT, CLIENT_SECRET, TestProvider, back},
};
use crate::api::server::{Answer, Server};

const KEY: &str = "signing-k3y-0123456789";

/// Google's form of log-in, of the provider of this test.
pub(super) fn google(url: &str) -> ProviderSettings {
    let settings = ProviderSettings::google("corp.example", CLIENT, CLIENT_SECRET, KEY);
    ProviderSettings { issuer: url.to_owned(), ..settings }
}

/// Any provider's.
pub(super) fn oidc(url: &str) -> ProviderSettings {
    ProviderSettings {
        default_role: Some(revere_model::Role::Viewer),
        ..ProviderSettings::new(url, CLIENT, CLIENT_SECRET, KEY)
    }
}

/// One way to lie, and what is written down of it.
#[derive(Clone, Copy)]
pub(super) struct Lie {
    pub(super) what: &'static str,
    pub(super) said: &'static str,
    pub(super) act: Act,
    /// What the browser brings back.
    pub(super) params: fn(&mut Vec<(String, String)>),
    pub(super) settings: fn(&mut ProviderSettings),
}

/// A lie of the provider.
pub(super) fn lie(what: &'static str, said: &'static str, act: Act) -> Lie {
    Lie { what, said, act, params: |_| {}, settings: |_| {} }
}

/// A lie in the address that a browser comes back to.
fn param(what: &'static str, said: &'static str, params: fn(&mut Vec<(String, String)>)) -> Lie {
    Lie { params, ..lie(what, said, Act::default()) }
}

/// A lie in the metadata.
pub(super) fn meta(what: &'static str, said: &'static str, metadata: fn(&mut Value, &str)) -> Lie {
    lie(what, said, Act { metadata, ..Act::default() })
}

/// A server and a provider, with what was logged and refused.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) provider: TestProvider,
    pub(super) log: Log,
    pub(super) refusals: Refusals,
}

impl Scene {
    pub(super) async fn new(settings: fn(&mut ProviderSettings)) -> Scene {
        let log = Log::begin();
        let clock = revere_model::ManualClock::at(crate::api::server::BEGIN.parse().unwrap());
        let provider = TestProvider::start(&clock).await;
        let mut ours = google(&provider.url);
        settings(&mut ours);
        let log_in = LogInSettings { providers: vec![ours, oidc(&provider.url)], ..LogInSettings::default() };
        Scene { server: Server::with_log_in(log_in, clock).await, provider, log, refusals: Refusals::default() }
    }

    /// Refused, for this reason, and nothing is left of it.
    pub(super) async fn refused(&self, what: &str, answer: &Answer, said: &str) {
        let why = self.refusals.why(&self.server).await;
        assert!((400..500).contains(&answer.status), "{what}: {}\n{}", answer.status, answer.text);
        assert!(why.contains(said), "{what}: {why:?}, not {said:?}");
        assert!(!why.contains(char::is_control), "{what}: {why:?} is more than a line");
        for cookie in answer.headers.get_all("set-cookie") {
            assert!(!cookie.to_str().unwrap().starts_with("revere_session="), "{what}: {cookie:?}");
        }
        assert!(self.server.store.users("", 9).await.unwrap().is_empty(), "{what}: a person was made");
        assert!(!answer.text.contains("<script>alert"), "{what}");
        let log = self.log.said();
        for secret in [CLIENT_SECRET, KEY, "an-access-token"] {
            assert!(!log.contains(secret) && !answer.text.contains(secret), "{what}: {secret}\n{log}");
        }
    }
}

#[tokio::test]
async fn the_same_provider_when_it_tells_the_truth() {
    let scene = Scene::new(|_| {}).await;
    for (key, name) in [("google", "alice@corp.example"), ("oidc", "alice@corp.example")] {
        let alice = Visitor::of(&scene.server);
        let params = scene.provider.visited(&alice, key).await.unwrap();
        let asked = scene.provider.shared.seen.lock().unwrap().asked.clone();
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["redirect_uri"], format!("{}/login/{key}/callback", scene.server.base));
        assert_eq!(asked.get("hd").and_then(Value::as_str), (key == "google").then_some("corp.example"));
        let answer = back(&alice, key, &params).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/alerts"), "{}", scene.log.said());
        assert!(alice.session().is_some());
        let home = alice.get("/").await;
        assert!(home.text.contains(&format!("Your account, {name}")), "{}", home.text);
        assert_eq!(scene.server.store.users("", 9).await.unwrap().len(), 1, "the same person comes by either");
    }
    // Written down: that she was added, by whom she is known, and each time that she came in and how.
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let (rows, _) = scene.server.store.audit(&filter, 1 << 20).await.unwrap();
    let of = |act: &str| rows.iter().filter(|row| row.act == act).cloned().collect::<Vec<_>>();
    let added = of("person_added");
    assert_eq!(added.len(), 1, "{rows:?}");
    let target = added[0].target.as_ref().unwrap();
    assert_eq!((target.kind.as_str(), target.name.as_str()), ("person", "alice@corp.example"));
    assert_eq!(added[0].details["from"], json!(scene.provider.url));
    assert_eq!(added[0].address, "127.0.0.1");
    let came_in = of("logged_in");
    assert_eq!(came_in.len(), 2, "{rows:?}");
    for row in &came_in {
        assert_eq!((row.who.kind.as_str(), row.who.name.as_str()), ("person", "alice@corp.example"));
        assert_eq!((row.address.as_str(), row.details["second_factor"].as_bool()), ("127.0.0.1", Some(false)));
        assert!(!row.request_id.is_empty() && row.details["method"] != "password", "{row:?}");
    }
}

/// Each is refused.
pub(super) async fn all_refused(lies: impl IntoIterator<Item = Lie>) {
    for lie in lies {
        let scene = Scene::new(lie.settings).await;
        scene.provider.acts(lie.act);
        let browser = Visitor::of(&scene.server);
        let answer = match scene.provider.visited(&browser, "google").await {
            Err(refused) => refused,
            Ok(mut params) => {
                (lie.params)(&mut params);
                back(&browser, "google", &params).await
            }
        };
        scene.refused(lie.what, &answer, lie.said).await;
    }
}

fn set(params: &mut Vec<(String, String)>, name: &str, value: &str) {
    params.retain(|(known, _)| known != name);
    params.push((name.to_owned(), value.to_owned()));
}

#[tokio::test]
async fn lies_of_a_browser_that_comes_back() {
    all_refused([
        param("1 no state", "no state came back", |params| params.retain(|(name, _)| name != "state")),
        param("2 a foreign state", "the state is not that of the log-in", |params| {
            set(params, "state", "Zm9yZWlnbi1zdGF0ZS1mb3JlaWduLXN0YXRlLWZvcmU");
        }),
        param("6 an error with markup", "the provider answered with the error \"<script>alert", |params| {
            params.retain(|(name, _)| name != "code");
            set(params, "error", "<script>alert(1)</script>\n2026 INFO logged in");
            set(params, "error_description", "<script>alert(2)</script>");
        }),
        param("7 a code that was used", "the token endpoint refused the code: invalid_grant, no such code", |params| {
            set(params, "code", "an-older-code");
        }),
        param("8 a wrong iss", "the answer says it is from \"https://evil.example\"", |params| {
            set(params, "iss", "https://evil.example");
        }),
        meta("9 no iss though it is announced", "though the metadata announce", |metadata, _| {
            metadata["authorization_response_iss_parameter_supported"] = json!(true);
        }),
        param("11 everything in the fragment", "nothing came back in the address", Vec::clear),
        param("11 a token in the address", "a token came in the address", |params| set(params, "id_token", "x.y.z")),
        param("12 two codes", "the parameter code came twice", |params| params.push(("code".into(), "b-code".into()))),
    ])
    .await;
}

pub(super) fn token(what: &'static str, said: &'static str, token: fn(Value) -> axum::response::Response) -> Lie {
    lie(what, said, Act { token, ..Act::default() })
}

#[tokio::test]
async fn lies_in_the_answer_to_a_code() {
    all_refused([
        token("13 no id_token", "has no id_token", |mut answer| {
            answer.as_object_mut().unwrap().remove("id_token");
            axum::Json(answer).into_response()
        }),
        token("14 a page", "unexpected response Content-Type", |_| Html("<h1>Welcome</h1>").into_response()),
        token("15 50 MB", "the answer is larger than", |_| vec![b'x'; 50 << 20].into_response()),
        Lie {
            settings: |settings| settings.timeout = std::time::Duration::from_millis(300),
            ..token("15 a byte and no more", "timed out", |_| {
                let slowly = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
                Body::from_stream(slowly.chain(stream::pending())).into_response()
            })
        },
        token("16 a redirect", "it redirects (303 See Other)", |_| {
            Redirect::to("http://169.254.169.254/latest/meta-data/").into_response()
        }),
        token("17 another type of token", "the token_type is \"mac\"", |mut answer| {
            answer["token_type"] = json!("MAC");
            axum::Json(answer).into_response()
        }),
        meta("18 only plain", "without S256", |metadata, _| {
            metadata["code_challenge_methods_supported"] = json!(["plain"])
        }),
    ])
    .await;
}

#[tokio::test]
async fn lies_in_the_metadata_and_keys() {
    all_refused([
        meta("41 another issuer", "unexpected issuer URI `https://evil.example`", |metadata, _| {
            metadata["issuer"] = json!("https://evil.example");
        }),
        meta(
            "42 keys of another host",
            "host '169.254.169.254' is not among the allowed hosts: 127.0.0.1",
            |metadata, _| {
                metadata["jwks_uri"] = json!("http://169.254.169.254/keys");
            },
        ),
        meta("42 keys of another name for loopback", "is not among the allowed hosts", |metadata, url| {
            metadata["jwks_uri"] = json!(format!("{}/keys", url.replace("127.0.0.1", "localhost")));
        }),
        meta("42 tokens of another host", "token_endpoint is at evil.example", |metadata, _| {
            metadata["token_endpoint"] = json!("https://evil.example/token");
        }),
        meta(
            "43 an endpoint by http",
            "authorization_endpoint is http://corp.example/authorize, which is not https",
            |metadata, _| {
                metadata["authorization_endpoint"] = json!("http://corp.example/authorize");
            },
        ),
        meta("43 a script", "authorization_endpoint is javascript:alert(1), which is not https", |metadata, _| {
            metadata["authorization_endpoint"] = json!("javascript:alert(1)");
        }),
        lie("45 all keys gone", "which the provider does not have", Act { keys: Vec::clear, ..Act::default() }),
    ])
    .await;
}

#[test]
fn each_of_the_forty_five_lies_is_told() {
    let told =
        [include_str!("provider_lies.rs"), include_str!("provider_token_lies.rs"), include_str!("provider_changes.rs")]
            .concat();
    let is_told = |number: &u32| told.contains(&format!("\"{number} ")) || told.contains(&format!("// {number}: "));
    let missing: Vec<u32> = (1..=45).filter(|number| !is_told(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
