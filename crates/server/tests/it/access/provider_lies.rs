//! A hostile provider, and hostile browsers: each lie is refused with its own reason in the log, and leaves neither a session
//! nor a person.

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect},
};
use futures_util::{StreamExt as _, stream};
use revere::access::{LogInSettings, oidc::ProviderSettings};
use serde_json::{Value, json};

use super::{
    Visitor,
    refusals::{Log, Refusals},
    test_provider::{Act, CLIENT, CLIENT_SECRET, Signing, TestProvider, back, public},
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

/// One way to lie, and what the log says of it.
#[derive(Clone, Copy)]
struct Lie {
    what: &'static str,
    said: &'static str,
    act: Act,
    /// What the browser brings back.
    params: fn(&mut Vec<(String, String)>),
    settings: fn(&mut ProviderSettings),
}

/// A lie of the provider.
fn lie(what: &'static str, said: &'static str, act: Act) -> Lie {
    Lie { what, said, act, params: |_| {}, settings: |_| {} }
}

/// A lie in the address that a browser comes back to.
fn param(what: &'static str, said: &'static str, params: fn(&mut Vec<(String, String)>)) -> Lie {
    Lie { params, ..lie(what, said, Act::default()) }
}

/// A lie in the claims.
fn claim(what: &'static str, said: &'static str, claims: fn(&mut Value, i64)) -> Lie {
    lie(what, said, Act { claims, ..Act::default() })
}

/// A lie in the metadata.
fn meta(what: &'static str, said: &'static str, metadata: fn(&mut Value, &str)) -> Lie {
    lie(what, said, Act { metadata, ..Act::default() })
}

/// A server and a provider, with what the log said.
struct Scene {
    server: Server,
    provider: TestProvider,
    log: Log,
    refusals: Refusals,
}

impl Scene {
    async fn new(settings: fn(&mut ProviderSettings)) -> Scene {
        let log = Log::begin();
        let clock = revere_model::ManualClock::at(crate::api::server::BEGIN.parse().unwrap());
        let provider = TestProvider::start(&clock).await;
        let mut ours = google(&provider.url);
        settings(&mut ours);
        let log_in = LogInSettings { providers: vec![ours, oidc(&provider.url)], ..LogInSettings::default() };
        Scene { server: Server::with_log_in(log_in, clock).await, provider, log, refusals: Refusals::default() }
    }

    /// Refused, for this reason, and nothing is left of it.
    async fn refused(&self, what: &str, answer: &Answer, said: &str) {
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
}

/// Each is refused.
async fn all_refused(lies: impl IntoIterator<Item = Lie>) {
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

fn token(what: &'static str, said: &'static str, token: fn(Value) -> axum::response::Response) -> Lie {
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

fn signed(what: &'static str, said: &'static str, signing: Signing, header: fn(&mut Value)) -> Lie {
    lie(what, said, Act { signing, header, ..Act::default() })
}

#[tokio::test]
async fn lies_in_a_signature() {
    all_refused([
        signed("19 alg none", "No signature found", Signing::Bytes(b""), |header| header["alg"] = json!("none")),
        signed(
            "20 the public key as a secret",
            "Disallowed signature algorithm: algorithm `HS256`",
            Signing::Shared("-----BEGIN PUBLIC KEY-----"),
            |header| header["alg"] = json!("HS256"),
        ),
        Lie {
            act: Act {
                metadata: |metadata, _| metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "HS256"]),
                signing: Signing::Shared(CLIENT_SECRET),
                header: |header| header["alg"] = json!("HS256"),
                ..Act::default()
            },
            ..lie("21 the client secret", "Disallowed signature algorithm: algorithm `HS256`", Act::default())
        },
        meta("21 nothing but shared secrets", "has nothing that is taken here", |metadata, _| {
            metadata["id_token_signing_alg_values_supported"] = json!(["HS256"]);
        }),
        signed("22 right kid, wrong key", "bad signature", Signing::Key("second"), |_| {}),
        signed("23 an unknown kid", "which the provider does not have", Signing::Key("first"), |header| {
            header["kid"] = json!("third");
        }),
        lie(
            "24 no kid and two keys",
            "Ambiguous key identification",
            Act {
                keys: |keys| keys.push(public("second", "second")),
                header: |header| drop(header.as_object_mut().unwrap().remove("kid")),
                ..Act::default()
            },
        ),
        signed("25 jwk", "brings its own key along (jwk", Signing::Key("second"), |header| {
            header["jwk"] = public("second", "first");
        }),
        signed("25 jku", "brings its own key along (jku", Signing::Key("second"), |header| {
            header["jku"] = json!("https://evil.example/keys");
        }),
        signed("25 x5u", "brings its own key along (x5u", Signing::Key("second"), |header| {
            header["x5u"] = json!("https://evil.example/certificate");
        }),
        lie(
            "26 512 bits",
            "has fewer than 2048 bits",
            Act {
                keys: |keys| *keys = vec![public("short", "first")],
                signing: Signing::Key("short"),
                ..Act::default()
            },
        ),
        lie(
            "27 a key for encryption",
            "is not for signatures",
            Act { keys: |keys| keys[0]["use"] = json!("enc"), ..Act::default() },
        ),
        signed("28 crit", "critical JWT header fields are unsupported", Signing::Key("first"), |header| {
            header["crit"] = json!(["exp"]);
        }),
        token("29 an encrypted token", "found 5 parts (expected 3)", |mut answer| {
            answer["id_token"] = json!("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d");
            axum::Json(answer).into_response()
        }),
        lie(
            "30 zeros",
            "Invalid signature",
            Act {
                keys: |keys| {
                    keys.push(json!({"kty": "EC", "crv": "P-256", "kid": "curve", "use": "sig",
                        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
                        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}));
                },
                header: |header| *header = json!({"alg": "ES256", "kid": "curve"}),
                signing: Signing::Bytes(&[0; 64]),
                ..Act::default()
            },
        ),
    ])
    .await;
}

#[tokio::test]
async fn lies_in_the_claims() {
    all_refused([
        claim("31 another iss", "Invalid issuer: expected", |claims, _| claims["iss"] = json!("https://evil.example")),
        claim("31 a slash more", "Invalid issuer: expected", |claims, _| {
            claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap()));
        }),
        claim("31 in capitals", "Invalid issuer: expected", |claims, _| {
            claims["iss"] = json!(claims["iss"].as_str().unwrap().to_uppercase());
        }),
        claim("31 https", "Invalid issuer: expected", |claims, _| {
            claims["iss"] = json!(claims["iss"].as_str().unwrap().replace("http:", "https:"));
        }),
        claim("32 no aud", "Invalid audiences: must contain", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("aud"))
        }),
        claim("32 another aud", "Invalid audiences: must contain", |claims, _| claims["aud"] = json!("another")),
        claim("32 another aud beside", "`another` is not a trusted audience", |claims, _| {
            claims["aud"] = json!([CLIENT, "another"]);
        }),
        claim("33 another azp", "was made for the client \"another\" (azp)", |claims, _| {
            claims["azp"] = json!("another")
        }),
        claim("34 exp past", "Expired: ID token expired", |claims, now| claims["exp"] = json!(now)),
        claim("35 iat ahead", "was issued in the future (iat)", |claims, now| claims["iat"] = json!(now + 3600)),
        claim("35 nbf ahead", "is not good yet (nbf)", |claims, now| claims["nbf"] = json!(now + 3600)),
        claim("35 nbf no time", "is not good yet (nbf)", |claims, _| claims["nbf"] = json!("now")),
        claim("36 no nonce", "missing nonce claim", |claims, _| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        claim("36 another nonce", "nonce mismatch", |claims, _| claims["nonce"] = json!("another")),
        claim("37 no sub", "missing field `sub`", |claims, _| drop(claims.as_object_mut().unwrap().remove("sub"))),
        claim("37 an empty sub", "has a sub of 0 bytes", |claims, _| claims["sub"] = json!("")),
        claim("37 10 KB of sub", "has a sub of 10240 bytes", |claims, _| claims["sub"] = json!("x".repeat(10_240))),
        Lie {
            settings: |settings| {
                let staff = revere::access::oidc::Granted { role: revere_model::Role::Viewer, tags: vec![] };
                settings.roles = vec![("staff".to_owned(), staff)];
            },
            ..lie(
                "37 another sub at userinfo",
                "the userinfo endpoint speaks of \"0815\"",
                Act { user_info: |claims| claims["sub"] = json!("0815"), ..Act::default() },
            )
        },
        claim("38 no hd", "the account is of no domain (hd)", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("hd"))
        }),
        claim("38 another hd", "of the domain \"evil.example\" (hd)", |claims, _| claims["hd"] = json!("evil.example")),
        claim("38 hd in capitals", "of the domain \"CORP.example\"", |claims, _| claims["hd"] = json!("CORP.example")),
        claim("38 a twin", "of the domain \"xn--crp-0na.example\"", |claims, _| {
            claims["hd"] = json!("xn--crp-0na.example")
        }),
        claim("38 many", "of the domain [\"corp.example\"", |claims, _| {
            claims["hd"] = json!(["corp.example", "evil.example"])
        }),
        claim("39 not verified", "did not verify the address", |claims, _| claims["email_verified"] = json!(false)),
        claim("39 verified as a text", "has email_verified as a text", |claims, _| {
            claims["email_verified"] = json!("false")
        }),
        claim("39 not said to be verified", "email_verified is missing", |claims, _| {
            claims.as_object_mut().unwrap().remove("email_verified");
        }),
        claim("39 no address", "has no address (email)", |claims, _| {
            drop(claims.as_object_mut().unwrap().remove("email"))
        }),
        claim("39 two at-signs", "is no address (email)", |claims, _| claims["email"] = json!("a@evil@corp.example")),
        claim("39 a line end", "is no address (email)", |claims, _| claims["email"] = json!("a\nb@corp.example")),
        claim("39 a NUL", "is no address (email)", |claims, _| claims["email"] = json!("a\0@corp.example")),
        Lie {
            settings: |settings| settings.max_age = Some(jiff::SignedDuration::from_hours(8)),
            ..claim("40 asked too long ago", "is of somebody who was asked too long ago", |claims, now| {
                claims["auth_time"] = json!(now - 9 * 3600);
            })
        },
        Lie {
            settings: |settings| settings.max_age = Some(jiff::SignedDuration::from_hours(8)),
            ..claim("40 nobody says when", "does not say when somebody was asked", |_, _| {})
        },
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

#[tokio::test]
async fn a_browser_that_comes_back_twice_late_or_from_elsewhere_is_refused() {
    let scene = Scene::new(|_| {}).await;
    let (alice, thief) = (Visitor::of(&scene.server), Visitor::of(&scene.server));

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&thief, "google", &params).await;
    scene
        .refused("4 the state of a browser, in one that began nothing", &answer, "no log-in was begun in this browser")
        .await;
    scene.provider.visited(&thief, "google").await.unwrap();
    let answer = back(&thief, "google", &params).await;
    scene.refused("4 the state of another browser", &answer, "the state is not that of the log-in").await;

    scene.server.clock.advance(jiff::SignedDuration::from_secs(600));
    let answer = back(&alice, "google", &params).await;
    scene.refused("5 an old state", &answer, "begun 600 seconds ago").await;

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&alice, "oidc", &params).await;
    scene.refused("10 a code of one provider at another", &answer, "was begun at \"google\" and came back from").await;

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let kept = alice.cookies.lock().unwrap().clone();
    scene.provider.acts(Act { claims: |claims, _| claims["hd"] = json!("evil.example"), ..Act::default() });
    let answer = back(&alice, "google", &params).await;
    scene.refused("a refusal", &answer, "evil.example").await;
    scene.provider.acts(Act::default());
    *alice.cookies.lock().unwrap() = kept;
    let answer = back(&alice, "google", &params).await;
    scene.refused("3 a state that came back before", &answer, "this state came back before").await;

    // The same after one that succeeded.
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let kept = alice.cookies.lock().unwrap().clone();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    *thief.cookies.lock().unwrap() = kept;
    let answer = back(&thief, "google", &params).await;
    assert_eq!(answer.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("this state came back before"));
    assert!(thief.session().is_none());
}

#[tokio::test]
async fn keys_are_fetched_anew_once_a_minute_at_most() {
    let scene = Scene::new(|_| {}).await;
    let fetched = || scene.provider.shared.keys_fetched.load(std::sync::atomic::Ordering::SeqCst);
    scene.provider.acts(Act { header: |header| header["kid"] = json!("third"), ..Act::default() });
    let browser = Visitor::of(&scene.server);
    for (number, expected) in [(1, 2), (2, 2), (3, 2)] {
        let params = scene.provider.visited(&browser, "google").await.unwrap();
        let answer = back(&browser, "google", &params).await;
        scene.refused("23 an unknown kid", &answer, "\"third\"), which the provider does not have").await;
        assert_eq!(fetched(), expected, "attempt {number}");
    }
    scene.server.clock.advance(jiff::SignedDuration::from_secs(60));
    // 45: they were changed meanwhile, and the new one is good.
    scene.provider.acts(Act {
        keys: |keys| *keys = vec![public("second", "second")],
        header: |header| header["kid"] = json!("second"),
        signing: Signing::Key("second"),
        ..Act::default()
    });
    let params = scene.provider.visited(&browser, "google").await.unwrap();
    assert_eq!(back(&browser, "google", &params).await.status, 303, "{}", scene.log.said());
    assert_eq!(fetched(), 3);
}

#[tokio::test]
async fn a_provider_that_becomes_another_lets_nobody_in_and_nobody_out() {
    let scene = Scene::new(|_| {}).await;
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    scene
        .provider
        .acts(Act { metadata: |metadata, _| metadata["issuer"] = json!("https://evil.example"), ..Act::default() });
    scene.server.clock.advance(jiff::SignedDuration::from_hours(1));
    let refused = scene.provider.visited(&Visitor::of(&scene.server), "google").await.unwrap_err();
    assert_eq!(refused.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("unexpected issuer URI `https://evil.example`"));
    assert_eq!(alice.get("/").await.status, 200, "who is in stays in");
    // 45: no keys at all.
    scene.provider.acts(Act { keys: Vec::clear, ..Act::default() });
    scene.server.clock.advance(jiff::SignedDuration::from_secs(5));
    let bob = Visitor::of(&scene.server);
    let params = scene.provider.visited(&bob, "google").await.unwrap();
    assert_eq!(back(&bob, "google", &params).await.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("which the provider does not have"));
    assert_eq!(alice.get("/").await.status, 200);
}

#[tokio::test]
async fn an_end_in_the_year_9999_is_no_end_of_a_session() {
    let scene = Scene::new(|_| {}).await;
    scene.provider.acts(Act { claims: |claims, _| claims["exp"] = json!(253_402_300_799_i64), ..Act::default() });
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&alice, "google", &params).await;
    assert_eq!(answer.status, 303);
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    assert!(cookies.any(|cookie| cookie.starts_with("revere_session=") && cookie.contains("Max-Age=604800")));
    scene.server.clock.advance(jiff::SignedDuration::from_hours(25));
    assert!(alice.get("/").await.header("location").starts_with("/login"));
}

#[tokio::test]
async fn another_persons_address_makes_nobody_that_person() {
    let scene = Scene::new(|_| {}).await;
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    scene.provider.acts(Act { claims: |claims, _| claims["sub"] = json!("0815"), ..Act::default() });
    let mallory = Visitor::of(&scene.server);
    let params = scene.provider.visited(&mallory, "google").await.unwrap();
    let answer = back(&mallory, "google", &params).await;
    assert_eq!((answer.status, mallory.session()), (StatusCode::UNPROCESSABLE_ENTITY.as_u16(), None));
    assert!(answer.text.contains("Somebody else has your name here"), "{}", answer.text);
    assert!(scene.refusals.why(&scene.server).await.contains("somebody else has this name here"));
    assert_eq!(scene.server.store.users("", 9).await.unwrap().len(), 1);
}
