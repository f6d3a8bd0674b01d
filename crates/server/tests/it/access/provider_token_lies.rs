//! The token of a hostile provider: its signature, and what it claims.

use axum::response::IntoResponse as _;
use revere::access::oidc::Granted;
use revere_model::Role;
use serde_json::{Value, json};

use super::{
    provider_lies::{Lie, all_refused, lie, meta, token},
    test_provider::{Act, CLIENT, CLIENT_SECRET, Signing, public},
};

/// A lie in the claims.
fn claim(what: &'static str, said: &'static str, claims: fn(&mut Value, i64)) -> Lie {
    lie(what, said, Act { claims, ..Act::default() })
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
                let staff = Granted { role: Role::Viewer, tags: vec![] };
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
