//! What is known of a provider: its metadata and keys. Asked for when somebody logs in, kept for an hour, and judged before
//! anything of it is used.
//!
//! A token whose key is not known has the keys fetched anew, once a minute at most: providers change keys whenever they
//! like, and nobody can have them asked for all the time.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, JsonWebKey as _, JsonWebKeySet, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};

use super::{Provider, Refused};
use crate::{
    error_words,
    outbound::{OutboundError, OutboundKind, Url},
};

/// What a provider says of itself beyond what the library reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct More {
    pub(super) end_session_endpoint: Option<Url>,
    code_challenge_methods_supported: Option<Vec<String>>,
    pub(super) authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for More {}

/// What a provider says of itself.
pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A provider's metadata and keys, judged.
pub(super) struct Known {
    pub(super) metadata: Metadata,
    /// The keys that may sign.
    pub(super) keys: CoreJsonWebKeySet,
    /// Ids of keys that may not, and why.
    pub(super) unfit_keys: Vec<(Option<String>, &'static str)>,
    /// The ways of signing that both sides take.
    pub(super) algorithms: Vec<CoreJwsSigningAlgorithm>,
    since: Timestamp,
}

/// What is known, and when it was asked for.
#[derive(Default)]
pub(super) struct Discovery {
    state: Mutex<State>,
    /// Held by the one who asks the provider.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    /// When keys were last fetched because one was missing.
    keys_asked_at: Option<Timestamp>,
    /// When it last went wrong, and how: nobody is asked all the time while it does.
    failed: Option<(Timestamp, Refused)>,
}

/// Metadata are asked for again after this.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Where the provider cannot be reached they are good for so long.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
const KEYS_EVERY: SignedDuration = SignedDuration::from_secs(60);
const AFTER_A_FAILURE: SignedDuration = SignedDuration::from_secs(5);
/// Shorter keys of RSA can be broken.
const LEAST_RSA_BITS: usize = 2048;

/// The ways of signing that are taken, where the provider says that it uses them. None with a shared secret: what is public
/// must not be one.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

impl Discovery {
    /// What is known now, asked for where it is not, or no more.
    pub(super) async fn current(&self, provider: &Provider, now: Timestamp) -> Result<Arc<Known>, Refused> {
        let old = match self.settled(now) {
            Settled::Known(known) => return Ok(known),
            Settled::Failed(refused) => return Err(refused),
            Settled::Old(old) => old,
        };
        let _asking = match (self.asking.try_lock(), &old) {
            (Ok(asking), _) => asking,
            // Somebody asks already: nobody waits for that who has what will do.
            (Err(_), Some(old)) => return Ok(old.clone()),
            (Err(_), None) => {
                let asking = self.asking.lock().await;
                match self.settled(now) {
                    Settled::Known(known) => return Ok(known),
                    Settled::Failed(refused) => return Err(refused),
                    Settled::Old(_) => asking,
                }
            }
        };
        let began = std::time::Instant::now();
        let fetched = fetch(provider, now).await;
        let mut state = self.state.lock().expect("no code panics while it holds this lock");
        match fetched {
            Ok(known) => {
                state.failed = None;
                Ok(state.known.insert(Arc::new(known)).clone())
            }
            Err(Fault { refused, may_pass }) => {
                // From when it failed, which may be long after it was asked.
                let took = SignedDuration::from_secs(began.elapsed().as_secs().try_into().unwrap_or_default());
                state.failed = Some((now.saturating_add(took).unwrap_or(now), refused.clone()));
                match old.filter(|_| may_pass) {
                    Some(known) => {
                        tracing::warn!(provider = provider.settings.key, reason = %refused, "the provider of log-ins cannot be reached; what was known of it is used");
                        Ok(known)
                    }
                    None => {
                        state.known = None;
                        Err(refused)
                    }
                }
            }
        }
    }

    /// What is known without asking anybody.
    fn settled(&self, now: Timestamp) -> Settled {
        let state = self.state.lock().expect("no code panics while it holds this lock");
        let age = |since| now.duration_since(since);
        let old = state.known.clone().filter(|known| age(known.since) < GOOD_FOR);
        match (old, &state.failed) {
            (Some(known), _) if age(known.since) < FRESH_FOR => Settled::Known(known),
            (Some(known), Some((at, _))) if age(*at) < AFTER_A_FAILURE => Settled::Known(known),
            (None, Some((at, refused))) if age(*at) < AFTER_A_FAILURE => Settled::Failed(refused.clone()),
            (old, _) => Settled::Old(old),
        }
    }

    /// The same with keys that were just fetched, if none were for the same reason a minute ago.
    pub(super) async fn with_keys_anew(&self, provider: &Provider, now: Timestamp) -> Result<Arc<Known>, Refused> {
        let known = self.current(provider, now).await?;
        // Whoever comes meanwhile waits for these keys, and does not go on with the old ones.
        let _asking = self.asking.lock().await;
        {
            let mut state = self.state.lock().expect("no code panics while it holds this lock");
            if state.keys_asked_at.is_some_and(|at| now.duration_since(at) < KEYS_EVERY) {
                return Ok(state.known.clone().unwrap_or(known));
            }
            // One that fails is made good sooner.
            let again_in = KEYS_EVERY - AFTER_A_FAILURE;
            state.keys_asked_at = now.checked_sub(again_in).ok();
        }
        let keys = JsonWebKeySet::fetch_async(known.metadata.jwks_uri(), &provider.http).await;
        let (keys, unfit_keys) = sorted(keys.map_err(|error| fault("keys", &error).refused)?);
        let mut state = self.state.lock().expect("no code panics while it holds this lock");
        state.keys_asked_at = Some(now);
        let Known { metadata, algorithms, since, .. } = &**state.known.as_ref().unwrap_or(&known);
        let known =
            Known { metadata: metadata.clone(), keys, unfit_keys, algorithms: algorithms.clone(), since: *since };
        Ok(state.known.insert(Arc::new(known)).clone())
    }

    /// What is known already.
    pub(super) fn known(&self) -> Option<Arc<Known>> {
        self.state.lock().expect("no code panics while it holds this lock").known.clone()
    }
}

/// What can be answered without asking the provider.
enum Settled {
    /// This.
    Known(Arc<Known>),
    /// That it cannot be reached.
    Failed(Refused),
    /// It has to be asked; where that fails, this may do.
    Old(Option<Arc<Known>>),
}

struct Fault {
    refused: Refused,
    /// Whether the same may go right another time, without anybody changing anything.
    may_pass: bool,
}

async fn fetch(provider: &Provider, now: Timestamp) -> Result<Known, Fault> {
    let issuer = IssuerUrl::new(provider.settings.issuer.clone()).expect("an issuer was checked when it was read");
    let metadata = Metadata::discover_async(issuer, &provider.http).await.map_err(|error| fault("metadata", &error))?;
    let algorithms = check(provider, &metadata).map_err(|reason| Fault {
        refused: Refused::unreachable(format!("the provider's metadata: {reason}")),
        may_pass: false,
    })?;
    let (keys, unfit_keys) = sorted(metadata.jwks().clone());
    Ok(Known { metadata, keys, unfit_keys, algorithms, since: now })
}

fn fault(what: &str, error: &DiscoveryError<OutboundError>) -> Fault {
    let may_pass = match error {
        DiscoveryError::Request(error) => error.kind != OutboundKind::NotAllowed,
        DiscoveryError::Response(status, ..) => status.is_server_error() || [408, 429].contains(&status.as_u16()),
        _ => false,
    };
    let words = match error {
        DiscoveryError::Response(_, _, words) | DiscoveryError::Validation(words) => words.clone(),
        other => error_words::with_causes(other),
    };
    let next = match error {
        DiscoveryError::Request(error) => next_step(error),
        _ => "",
    };
    Fault { refused: Refused::unreachable(format!("the provider's {what}: {words}{next}")), may_pass }
}

/// What to do where a host may not be asked.
pub(super) fn next_step(error: &OutboundError) -> &'static str {
    match error.kind {
        OutboundKind::NotAllowed => "; if that host is the provider's, add it to OIDC_HOSTS",
        _ => "",
    }
}

/// What is wrong with metadata, or the ways of signing that both sides take.
fn check(provider: &Provider, metadata: &Metadata) -> Result<Vec<CoreJwsSigningAlgorithm>, String> {
    let issuer: &Url = metadata.issuer().url();
    let token = metadata.token_endpoint().ok_or("there is no token_endpoint")?;
    let more = metadata.additional_metadata();
    let asked = [("token_endpoint", Some(token.url())), ("jwks_uri", Some(metadata.jwks_uri().url()))];
    let visited = [
        ("authorization_endpoint", Some(metadata.authorization_endpoint().url())),
        ("userinfo_endpoint", metadata.userinfo_endpoint().map(|endpoint| endpoint.url())),
        ("end_session_endpoint", more.end_session_endpoint.as_ref()),
    ];
    for (name, url) in asked.into_iter().chain(visited) {
        let Some(url) = url else { continue };
        if !(url.scheme() == "https" || is_local(url) && is_local(issuer)) {
            return Err(format!("{name} is {url}, which is not https"));
        }
    }
    let allowed = provider.settings.allowed_hosts();
    for (name, url) in asked {
        let Some(url) = url else { continue };
        if !allowed.iter().any(|host| host.matches(url)) {
            let host = url.host_str().unwrap_or_default();
            return Err(format!(
                "{name} is at {host}, which is not the issuer's host; if that is right, add '{host}' to OIDC_HOSTS"
            ));
        }
    }
    if let Some(methods) = &more.code_challenge_methods_supported
        && !methods.iter().any(|method| method == "S256")
    {
        return Err(format!("code_challenge_methods_supported are {methods:?}, without S256"));
    }
    let offered = metadata.id_token_signing_alg_values_supported();
    let algorithms: Vec<_> = ALGORITHMS.into_iter().filter(|one| offered.contains(one)).collect();
    match algorithms.is_empty() {
        true => {
            Err("id_token_signing_alg_values_supported has nothing that is taken here: RS256 is the usual one"
                .to_owned())
        }
        false => Ok(algorithms),
    }
}

/// Whether an address leads to this machine by plain HTTP, as only somebody trying things out has it.
pub(crate) fn is_local(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && loopback
}

/// The keys that may sign, and those that may not.
fn sorted(keys: CoreJsonWebKeySet) -> (CoreJsonWebKeySet, Vec<(Option<String>, &'static str)>) {
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for key in keys.keys() {
        let id = key.key_id().map(|id| id.to_string());
        match why_unfit(key) {
            None => fit.push(key.clone()),
            Some(why) => unfit.push((id, why)),
        }
    }
    (JsonWebKeySet::new(fit), unfit)
}

fn why_unfit(key: &CoreJsonWebKey) -> Option<&'static str> {
    let shown = serde_json::to_value(key).unwrap_or_default();
    if shown.get("use").is_some_and(|of| of != "sig") {
        return Some("is not for signatures");
    }
    let modulus = shown.get("n").and_then(serde_json::Value::as_str)?;
    let bytes = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, modulus).unwrap_or_default();
    let bits = bytes.iter().skip_while(|byte| **byte == 0).count() * 8;
    (bits < LEAST_RSA_BITS).then_some("has fewer than 2048 bits")
}
