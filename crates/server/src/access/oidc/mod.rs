//! Log-in by OpenID Connect: where a browser is sent, and what is believed of what comes back.
//!
//! The library `openidconnect` reads metadata, keys and tokens, and checks signature, issuer, audience, nonce and end. What
//! it leaves to its caller is here: that the browser that comes back is the one that was sent, that endpoints and keys are
//! such as may be used, when keys are fetched anew, and the claims it does not look at. Everything that is asked is asked
//! through `outbound`, without redirects and of the provider's own hosts alone.
//!
//! Whatever is not as it should be is a [`Refused`], with its reason for the log and what its person is told. Knows nothing
//! of people, sessions or HTTP answers.

mod claims;
mod discovery;
mod http_client;
mod id_token;
mod query;
mod refused;
mod settings;
mod under_way;

use std::{collections::HashMap, sync::Mutex};

use jiff::Timestamp;
use openidconnect::{
    AccessToken, AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, TokenResponse as _,
    core::{CoreClient, CoreClientAuthMethod, CoreResponseType, CoreTokenType},
};
use tokio::sync::Semaphore;

pub use claims::Identity;
pub(crate) use discovery::is_local;
pub use refused::{Refused, Told};
pub use settings::{Granted, ProviderSettings};
pub use under_way::GOOD_FOR;

use super::AddressLimits;
use crate::outbound::{Outbound, Url};
use discovery::Discovery;
use http_client::ProviderClient;
use under_way::UnderWay;

/// A provider of identities, and what is known of it at this moment.
pub struct Provider {
    /// What the operator decided.
    pub settings: ProviderSettings,
    /// How often each address came back from it.
    pub returns: AddressLimits,
    http: ProviderClient,
    /// Where people reach this server, and where the provider sends them back to.
    address: String,
    redirect: RedirectUrl,
    discovery: Discovery,
    /// The states that came back, until they would be too old anyway.
    used: Mutex<HashMap<String, Timestamp>>,
    /// Places of exchanges.
    exchanges: Semaphore,
}

/// Where a browser goes to log in.
pub struct Departure {
    /// The provider's page.
    pub address: Url,
    /// What the browser keeps until it comes back.
    pub cookie: String,
}

/// A browser that came back with what was begun in it.
pub struct Returned {
    answer: query::Answer,
    under_way: UnderWay,
}

/// Somebody who came back, and is who the provider says.
pub struct Arrival {
    /// Who it is there.
    pub identity: Identity,
    /// Where they wanted to.
    pub to: String,
}

/// The client as it is after discovery: a token endpoint and one for claims may be there.
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// So many states are remembered; a server that has more is under attack, and forgets the oldest.
const MOST_USED: usize = 50_000;
/// So many codes are exchanged at once; others wait.
const MOST_EXCHANGES: usize = 8;
/// And no longer than this.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

impl Provider {
    /// The provider of `settings`, for a server that people reach at `address`.
    pub fn new(settings: ProviderSettings, outbound: &Outbound, address: &str) -> Provider {
        let redirect = format!("{address}/login/{}/callback", settings.key);
        Provider {
            returns: AddressLimits::default(),
            http: ProviderClient::new(outbound, &settings),
            address: address.to_owned(),
            redirect: RedirectUrl::new(redirect).expect("a server's own address is one"),
            discovery: Discovery::default(),
            used: Mutex::default(),
            exchanges: Semaphore::new(MOST_EXCHANGES),
            settings,
        }
    }

    /// Sends a browser there, that comes back and goes on to `to`. With `again` the provider asks anew who they are, where
    /// it can.
    pub async fn depart(&self, to: &str, again: bool, now: Timestamp) -> Result<Departure, Refused> {
        let known = self.discovery.current(self, now).await?;
        let under_way = UnderWay::begin(self.settings.key, to, again, now);
        let keys = under_way.derive(&self.settings.secret_key);
        let client = self.client(&known);
        let verifier = PkceCodeVerifier::new(keys.verifier);
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new(keys.state),
                || Nonce::new(keys.nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(domain) = &self.settings.hosted_domain {
            // A hint for the choice of an account; what counts is in the token.
            request = request.add_extra_param("hd", domain.clone());
        }
        if again && self.settings.asks_again {
            request = request.set_max_age(std::time::Duration::ZERO);
        } else if let Some(age) = self.settings.max_age {
            request = request.set_max_age(age.unsigned_abs());
        }
        let (address, _, _) = request.url();
        Ok(Departure { address, cookie: under_way.cookie() })
    }

    /// What came back: the query of the address, and what the browser kept. Nobody is asked for anything.
    pub fn returned(&self, query: &str, cookie: Option<&str>, now: Timestamp) -> Result<Returned, Refused> {
        let answer = query::read(query)?;
        let under_way = UnderWay::read(self.settings.key, cookie, now)?;
        under_way.check_state(&self.settings.secret_key, &answer.state)?;
        Ok(Returned { answer, under_way })
    }

    /// Who it is that came back.
    pub async fn arrive(&self, returned: Returned, now: Timestamp) -> Result<Arrival, Refused> {
        let Returned { answer, under_way } = returned;
        let keys = under_way.derive(&self.settings.secret_key);
        // Before the state is used up, so that the same may come back once more.
        let place = tokio::time::timeout(LONGEST_WAIT, self.exchanges.acquire()).await;
        let _place = place.map_err(|_| Refused::unreachable("too many log-ins wait for it to answer"))?;
        self.take_state(&answer.state, now)?;
        let known = self.discovery.current(self, now).await?;
        query::check_issuer(&answer, &known.metadata, &self.settings.issuer)?;
        let code = answer.outcome.map_err(|error| Refused::answered(&error))?;

        let client = self.client(&known);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| Refused::unreachable("the provider's metadata name no token_endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(keys.verifier));
        let tokens = exchange.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(error) => Refused::failed(format!(
                "the token endpoint refused the code: {}{}",
                error.error().as_ref(),
                error.error_description().map(|words| format!(", {words}")).unwrap_or_default()
            )),
            RequestTokenError::Request(error) => Refused::unreachable(format!("the token endpoint: {error}")),
            RequestTokenError::Parse(_, body) if id_token::has_text_for_a_switch(&body) => Refused::failed(
                "the id_token has email_verified as a text, where the standard has true or false; it takes a setting of the \
                 provider to change that",
            ),
            RequestTokenError::Parse(error, _) => {
                Refused::failed(format!("the token endpoint's answer cannot be read: {}: {}", error.path(), error.inner()))
            }
            RequestTokenError::Other(what) => Refused::failed(format!("the token endpoint's answer is no answer: {what}")),
        })?;
        if *tokens.token_type() != CoreTokenType::Bearer {
            return Err(Refused::failed(format!("the token_type is {:?}, not Bearer", tokens.token_type().as_ref())));
        }
        let token = tokens.id_token().ok_or_else(|| Refused::failed("the token endpoint's answer has no id_token"))?;
        let expected = id_token::Expected {
            nonce: &keys.nonce,
            access_token: tokens.access_token(),
            asked_anew_at: under_way.asked_anew_at().filter(|_| self.settings.asks_again),
        };
        let mut verified = id_token::verify(self, &known, token, &expected, now);
        if matches!(&verified, Err(fault) if fault.key_is_unknown) {
            let known = self.discovery.with_keys_anew(self, now).await?;
            verified = id_token::verify(self, &known, token, &expected, now);
        }
        let claims = verified.map_err(|fault| fault.refused)?;
        let identity = claims::identity(self, &known, claims, tokens.access_token()).await?;
        Ok(Arrival { identity, to: under_way.to })
    }

    /// Where a browser goes to log out at the provider too, where it has a page for that, as far as it is known already. It
    /// comes back to the page of log-ins.
    pub fn log_out_address(&self) -> Option<Url> {
        let mut address = self.discovery.known()?.metadata.additional_metadata().end_session_endpoint.clone()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/login", self.address));
        Some(address)
    }

    /// Asks the provider for its metadata and keys, to see whether it can be used.
    pub async fn probe(&self, now: Timestamp) -> Result<(), Refused> {
        self.discovery.current(self, now).await.map(drop)
    }

    fn client(&self, known: &discovery::Known) -> Client {
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let offers = |method| methods.is_none_or(|methods| methods.contains(&method));
        let auth_type = match offers(CoreClientAuthMethod::ClientSecretBasic) {
            true => AuthType::BasicAuth,
            false => AuthType::RequestBody,
        };
        let (id, secret) = (self.settings.client_id.clone(), self.settings.client_secret.clone());
        let client = CoreClient::from_provider_metadata(
            known.metadata.clone(),
            ClientId::new(id),
            Some(ClientSecret::new(secret)),
        );
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(auth_type)
    }

    /// Notes that a state came back; each does once.
    fn take_state(&self, state: &str, now: Timestamp) -> Result<(), Refused> {
        let mut used = self.used.lock().expect("no code panics while it holds this lock");
        used.retain(|_, at| now.duration_since(*at) < GOOD_FOR);
        if used.len() >= MOST_USED && !used.contains_key(state) {
            let oldest = used.iter().min_by_key(|(_, at)| **at).map(|(state, _)| state.clone());
            oldest.and_then(|state| used.remove(&state));
        }
        match used.insert(state.to_owned(), now) {
            None => Ok(()),
            Some(_) => Err(Refused::stale("this state came back before: each is good once")),
        }
    }
}

/// The provider's answer to "who is this?", asked with the token that came with the identity.
async fn user_info(
    provider: &Provider,
    known: &discovery::Known,
    access_token: &AccessToken,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, Refused> {
    let Some(endpoint) = known.metadata.userinfo_endpoint() else { return Ok(None) };
    provider.http.user_info(endpoint.url(), access_token.secret()).await.map(Some)
}
