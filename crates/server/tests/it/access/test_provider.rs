//! A provider of identities that the test holds in its hands: honest by itself, and it lies wherever it is told to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Form, Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreHmacKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use revere_model::{Clock as _, ManualClock};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::Visitor;
use crate::api::server::Answer;

pub(super) const CLIENT: &str = "revere-at-corp";
pub(super) const CLIENT_SECRET: &str = "client-s3cret-0123456789";

/// How a token is signed.
#[derive(Clone, Copy)]
pub(super) enum Signing {
    /// By one of the keys: `first`, `second`, `short`.
    Key(&'static str),
    /// By a secret that both have.
    Shared(&'static str),
    /// By these bytes.
    Bytes(&'static [u8]),
}

/// What it does otherwise than an honest one.
#[derive(Clone, Copy)]
pub(super) struct Act {
    pub(super) metadata: fn(&mut Value, &str),
    pub(super) keys: fn(&mut Vec<Value>),
    pub(super) header: fn(&mut Value),
    pub(super) claims: fn(&mut Value, i64),
    pub(super) signing: Signing,
    pub(super) token: fn(Value) -> Response,
    pub(super) user_info: fn(&mut Value),
}

impl Default for Act {
    fn default() -> Self {
        Act {
            metadata: |_, _| {},
            keys: |_| {},
            header: |_| {},
            claims: |_, _| {},
            signing: Signing::Key("first"),
            token: |answer| Json(answer).into_response(),
            user_info: |_| {},
        }
    }
}

/// What it was asked and told.
#[derive(Default)]
pub(super) struct Seen {
    /// The parameters with which a browser came last.
    pub(super) asked: Map<String, Value>,
    /// What came to the token endpoint.
    pub(super) exchanges: Vec<Map<String, Value>>,
    /// The last id_token that it gave.
    pub(super) id_token: String,
}

pub(super) struct Shared {
    pub(super) act: Mutex<Act>,
    pub(super) seen: Mutex<Seen>,
    pub(super) keys_fetched: AtomicUsize,
    clock: ManualClock,
    url: String,
}

/// It listens until it is dropped.
pub(super) struct TestProvider {
    pub(super) url: String,
    pub(super) shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for TestProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestProvider {
    pub(super) async fn start(clock: &ManualClock) -> TestProvider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            act: Mutex::default(),
            seen: Mutex::default(),
            keys_fetched: AtomicUsize::new(0),
            clock: clock.clone(),
            url: url.clone(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/me", get(user_info))
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        TestProvider { url, shared, task }
    }

    /// Answers nobody any more.
    pub(super) async fn stop(&self) {
        self.task.abort();
        let address = self.url.trim_start_matches("http://").to_owned();
        crate::support::until("nobody listens there", async || tokio::net::TcpStream::connect(&address).await.is_err())
            .await;
    }

    pub(super) fn acts(&self, act: Act) {
        *self.shared.act.lock().unwrap() = act;
    }

    /// What the browser asks it, and what an honest provider would send it back with.
    pub(super) async fn visited(&self, browser: &Visitor<'_>, key: &str) -> Result<Vec<(String, String)>, Answer> {
        self.visited_for(browser, &format!("/login/{key}?to=/alerts")).await
    }

    pub(super) async fn visited_for(&self, browser: &Visitor<'_>, path: &str) -> Result<Vec<(String, String)>, Answer> {
        let away = browser.get(path).await;
        if away.status != 303 {
            return Err(away);
        }
        let address = url::Url::parse(away.header("location")).unwrap();
        assert!(address.as_str().starts_with(&format!("{}/authorize?", self.url)), "{address}");
        let asked: Map<String, Value> =
            address.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
        let state = asked["state"].as_str().unwrap().to_owned();
        self.shared.seen.lock().unwrap().asked = asked;
        Ok(vec![("code".to_owned(), "a-code".to_owned()), ("state".to_owned(), state)])
    }
}

/// Comes back from the provider.
pub(super) async fn back(browser: &Visitor<'_>, key: &str, params: &[(String, String)]) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    browser.get(&format!("/login/{key}/callback?{query}")).await
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    let mut metadata = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/me"),
        "jwks_uri": format!("{url}/keys"),
        "end_session_endpoint": format!("{url}/end"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    let act = *shared.act.lock().unwrap();
    (act.metadata)(&mut metadata, url);
    Json(metadata)
}

async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.keys_fetched.fetch_add(1, Ordering::SeqCst);
    let mut keys = vec![public("first", "first")];
    let act = *shared.act.lock().unwrap();
    (act.keys)(&mut keys);
    Json(json!({ "keys": keys }))
}

async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<Map<String, Value>>,
) -> Response {
    let seen = {
        let mut seen = shared.seen.lock().unwrap();
        seen.exchanges.push(form.clone());
        seen.asked.clone()
    };
    let login = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}")));
    let challenge = BASE64.encode(Sha256::digest(form["code_verifier"].as_str().unwrap()));
    if headers[header::AUTHORIZATION] != login.as_str()
        || seen["code_challenge"] != challenge.as_str()
        || form["code"] != "a-code"
        || form["redirect_uri"] != seen["redirect_uri"]
    {
        let answer = json!({"error": "invalid_grant", "error_description": "no such code"});
        return (StatusCode::BAD_REQUEST, Json(answer)).into_response();
    }
    let now = shared.clock.now().as_second();
    let act = *shared.act.lock().unwrap();
    let mut claims = json!({
        "iss": shared.url, "sub": "4711", "aud": CLIENT, "exp": now + 600, "iat": now, "nonce": seen["nonce"],
        "hd": "corp.example", "email": "alice@corp.example", "email_verified": true,
    });
    (act.claims)(&mut claims, now);
    let mut head = json!({"alg": "RS256", "typ": "JWT", "kid": "first"});
    (act.header)(&mut head);
    let signed = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
    let signature = match act.signing {
        Signing::Key(name) => {
            key(name, name).sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes()).unwrap()
        }
        Signing::Shared(secret) => {
            CoreHmacKey::new(secret).sign(&CoreJwsSigningAlgorithm::HmacSha256, signed.as_bytes()).unwrap()
        }
        Signing::Bytes(bytes) => bytes.to_vec(),
    };
    let id_token = format!("{signed}.{}", BASE64.encode(signature));
    shared.seen.lock().unwrap().id_token.clone_from(&id_token);
    (act.token)(
        json!({"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 600, "id_token": id_token}),
    )
}

async fn user_info(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if headers[header::AUTHORIZATION] != "Bearer an-access-token" {
        return (StatusCode::UNAUTHORIZED, Body::empty()).into_response();
    }
    let mut claims = json!({"sub": "4711", "groups": ["staff"], "name": "Alice"});
    let act = *shared.act.lock().unwrap();
    (act.user_info)(&mut claims);
    Json(claims).into_response()
}

fn key(name: &str, id: &str) -> CoreRsaPrivateSigningKey {
    let pem = match name {
        "first" => include_str!("keys/first.pem"),
        "second" => include_str!("keys/second.pem"),
        _ => include_str!("keys/short.pem"),
    };
    CoreRsaPrivateSigningKey::from_pem(pem, Some(JsonWebKeyId::new(id.to_owned()))).unwrap()
}

/// The public half of a key, under an id.
pub(super) fn public(name: &str, id: &str) -> Value {
    serde_json::to_value(key(name, id).as_verification_key()).unwrap()
}
