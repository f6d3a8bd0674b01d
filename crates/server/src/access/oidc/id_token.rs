//! Judges a token that says who somebody is: what the library checks, and what it leaves to us.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreIdToken, CoreIdTokenVerifier},
};
use serde_json::{Map, Value};

use super::{Provider, Refused, discovery::Known};

/// What a token must fit.
pub(super) struct Expected<'a> {
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a AccessToken,
    /// Since when the provider must have asked who it is, where it was asked to.
    pub(super) asked_anew_at: Option<Timestamp>,
}

/// A token that is not taken.
pub(super) struct TokenFault {
    pub(super) refused: Refused,
    /// Whether no key that is known made its signature.
    pub(super) key_is_unknown: bool,
}

impl From<Refused> for TokenFault {
    fn from(refused: Refused) -> Self {
        TokenFault { refused, key_is_unknown: false }
    }
}

/// Two clocks differ by less.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);
/// What the standard allows.
const LONGEST_SUBJECT: usize = 255;

/// The claims of a token that is what it says.
pub(super) fn verify(
    provider: &Provider,
    known: &Known,
    token: &CoreIdToken,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Map<String, Value>, TokenFault> {
    let text = token.to_string();
    let unreadable = || refused("is not made of JSON objects");
    let header = part(&text, 0).ok_or_else(unreadable)?;
    let claims = part(&text, 1).ok_or_else(unreadable)?;
    for key in ["jwk", "jku", "x5u"] {
        if header.contains_key(key) {
            return Err(refused(format!("brings its own key along ({key} in its header)")).into());
        }
    }
    let settings = &provider.settings;
    let issuer = IssuerUrl::new(settings.issuer.clone()).expect("an issuer was checked when it was read");
    // As for a client without a secret: then no signature with a shared one is taken, whatever the token says.
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(settings.client_id.clone()), issuer, known.keys.clone())
            .set_allowed_algs(known.algorithms.iter().cloned())
            .set_time_fn(move || std::time::SystemTime::from(now).into());
    let nonce = Nonce::new(expected.nonce.to_owned());
    let read = token.claims(&verifier, &nonce).map_err(|error| of_library(&error, known, &header))?;
    if let Some(hash) = read.access_token_hash() {
        let made = (|| {
            AccessTokenHash::from_token(
                expected.access_token,
                token.signing_alg().ok()?,
                token.signing_key(&verifier).ok()?,
            )
            .ok()
        })();
        if made.as_ref().map(|made| made.as_str()) != Some(hash.as_str()) {
            return Err(refused("is for another access token (at_hash)").into());
        }
    }
    let latest = now.as_second() + CLOCKS_DIFFER.as_secs();
    if read.issue_time().timestamp() > latest {
        return Err(refused("was issued in the future (iat)").into());
    }
    match claims.get("nbf").map(Value::as_f64) {
        None => {}
        Some(Some(at)) if at <= latest as f64 => {}
        Some(_) => return Err(refused("is not good yet (nbf)").into()),
    }
    if let Some(party) = read.authorized_party()
        && **party != settings.client_id
    {
        return Err(refused(format!("was made for the client {:?} (azp)", party.as_str())).into());
    }
    let subject = read.subject().as_str();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
        return Err(refused(format!("has a sub of {} bytes; 1 to 255 are allowed", subject.len())).into());
    }
    let asked_at = read.auth_time().map(|at| at.timestamp());
    let since =
        [settings.max_age.map(|age| now.as_second() - age.as_secs()), expected.asked_anew_at.map(Timestamp::as_second)];
    if let Some(since) = since.into_iter().flatten().max() {
        match asked_at {
            Some(at) if at >= since - CLOCKS_DIFFER.as_secs() => {}
            Some(_) => return Err(refused("is of somebody who was asked too long ago who they are (auth_time)").into()),
            None => return Err(refused("does not say when somebody was asked who they are (auth_time)").into()),
        }
    }
    Ok(claims)
}

/// A part of a token, as it stands there.
fn part(token: &str, index: usize) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether what could not be read is a token that says `"true"` where it should say `true`.
pub(super) fn has_text_for_a_switch(body: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let claims = answer.get("id_token").and_then(Value::as_str).and_then(|token| part(token, 1));
    claims.is_some_and(|claims| claims.get("email_verified").is_some_and(Value::is_string))
}

fn refused(reason: impl std::fmt::Display) -> Refused {
    Refused::failed(format!("the id_token {reason}"))
}

/// What the library found, in words that name the fault.
fn of_library(error: &ClaimsVerificationError, known: &Known, header: &Map<String, Value>) -> TokenFault {
    let unknown =
        matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey));
    let id = header.get("kid").and_then(Value::as_str);
    let words = match error {
        ClaimsVerificationError::SignatureVerification(_) if unknown => {
            let unfit = known.unfit_keys.iter().find(|(unfit, _)| unfit.as_deref() == id);
            match unfit {
                Some((_, why)) => format!("is signed with the key {id:?}, which {why}"),
                None => format!("is signed with the key {id:?}, which the provider does not have"),
            }
        }
        ClaimsVerificationError::SignatureVerification(error) => format!("has no good signature: {error}"),
        other => format!("is not good: {other}"),
    };
    TokenFault { refused: refused(words), key_is_unknown: unknown }
}
