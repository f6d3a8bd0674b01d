//! The one HTTP client of the program.
//!
//! Every request has a deadline and a largest answer, goes only to hosts it may go to, and fails in words that a person
//! can act on and that hold no secret. Redirects are followed here, not below, so that each hop is checked like the
//! first, and so that headers that may hold a credential never travel to another origin.
//!
//! Every address is judged by the rules of the configuration ([`AddressRules`]), written out or after name resolution, on
//! every hop, and it is the address that was judged that is connected to. What speaks no HTTP connects by [`Dialer`], under
//! the same rules. Behind an HTTP proxy (`HTTP_PROXY` and kin are honoured) the proxy resolves names, and its rules take the
//! place of ours for them; the proxy itself is where the environment says, and not judged.
//!
//! A request is sent once. The one exception: a server may close an idle connection at the very moment at which the next
//! request leaves on it; what may be repeated without harm is then sent once more, on a new connection.

mod address;
mod address_rules;
mod content_coding;
mod cookies;
mod dialer;
mod exchange;
mod fault;
mod http_date;
mod network;
mod new_connection;
mod proxy;
mod redirects;
mod reply;
mod request;
mod resolver;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub use address::HostPattern;
pub use address_rules::{AddressClass, AddressRules, CLASSES, RefusedAddress};
pub use dialer::Dialer;
use exchange::{Exchange, Wanted};
pub use fault::{OutboundError, OutboundKind};
pub use network::Network;
use proxy::Proxies;
pub use reply::Reply;
pub use request::{Request, shown_url};
pub use reqwest::{Method, StatusCode, Url, header};
use resolver::{GuardedResolver, Names};

use crate::{redact::Secrets, tls::Trust};

/// How much of an address messages show.
const SHOWN_CHARS: usize = 400;

/// A connection that has not come about after so long is not only late.
pub(crate) const TIME_TO_CONNECT: Duration = Duration::from_millis(500);

/// Asks over HTTP. Clones are cheap and share connections; [`Outbound::with`] gives one with other options.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
    options: Arc<Options>,
}

/// How one target is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The longest one exchange may take, redirects and the whole answer included.
    pub timeout: Duration,
    /// The hosts that may be asked, redirects included; `None` for any.
    pub allowed_hosts: Option<Vec<HostPattern>>,
    /// Whether link-local and cloud metadata addresses may be asked, whatever the rules of the configuration are.
    pub allow_link_local: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            trust: Trust::default(),
            timeout: Duration::from_secs(30),
            allowed_hosts: None,
            allow_link_local: false,
        }
    }
}

/// What one exchange may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// When the answer must be complete. The target's own timeout holds beside it.
    pub deadline: Instant,
    /// The largest answer, in bytes after decompression.
    pub max_bytes: usize,
}

impl Limits {
    /// `timeout` from now, and at most `max_bytes`.
    pub fn within(timeout: Duration, max_bytes: usize) -> Self {
        Limits { deadline: Instant::now() + timeout, max_bytes }
    }
}

struct Shared {
    secrets: Secrets,
    dialer: Dialer,
    proxies: Proxies,
    /// One pair of clients per way of connecting: each has its own pool of connections.
    clients: Mutex<Vec<(Connecting, Clients)>>,
}

/// Two clients that connect in the same way.
#[derive(Clone)]
struct Clients {
    /// Keeps connections, and uses them again.
    keeping: reqwest::Client,
    /// Connects for each request.
    connecting: reqwest::Client,
}

/// The options that need a client of their own; the others are checked per request.
#[derive(Clone, PartialEq)]
struct Connecting {
    trust: Trust,
    allow_link_local: bool,
    /// Through the proxy of the environment, and to nobody else.
    proxied: bool,
}

impl Outbound {
    /// With default options and rules. Texts of errors are cleared of `secrets`.
    pub fn new(secrets: Secrets) -> Self {
        Self::ruled(secrets, AddressRules::default())
    }

    /// With these rules of addresses.
    pub fn ruled(secrets: Secrets, rules: AddressRules) -> Self {
        let dialer = Dialer { rules: Arc::new(rules), names: Names::default() };
        // What a run of this program was started with; a change of it takes a restart, as everything there.
        Self::of(secrets, dialer, Proxies::from_variables(|name| std::env::var(name).ok()))
    }

    /// The same client for a target with `options` of its own.
    pub fn with(&self, options: Options) -> Self {
        Outbound { shared: self.shared.clone(), options: Arc::new(options) }
    }

    /// The secrets that are taken out of what this client says.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// Connects to what speaks no HTTP.
    pub fn dialer(&self) -> Dialer {
        self.shared.dialer.clone()
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Sends `request` and reads the whole answer. An HTTP error status is an answer like any other.
    pub async fn send(&self, request: Request, limits: Limits) -> Result<Reply, OutboundError> {
        self.exchange(request, limits, Wanted::Whole).await
    }

    /// Sends `request` for the status of its answer. Of the body only the beginning is kept, `max_bytes` of it at most: one
    /// that is longer, breaks off or comes too late changes nothing, because what was asked for has been answered.
    pub async fn send_for_status(&self, request: Request, limits: Limits) -> Result<Reply, OutboundError> {
        self.exchange(request, limits, Wanted::Status).await
    }

    async fn exchange(&self, request: Request, limits: Limits, wanted: Wanted) -> Result<Reply, OutboundError> {
        let started = Instant::now();
        let asked = self.shown(&request);
        let deadline = limits.deadline.min(started + self.options.timeout);
        let exchange = Exchange { outbound: self, started, deadline, max_bytes: limits.max_bytes, wanted };
        exchange.run(request).await.map_err(|error| OutboundError {
            kind: error.kind,
            asked,
            what: self.shared.secrets.redact(&error.what).into_owned(),
        })
    }

    /// `GET https://example.org/path` for messages, without secrets, and not too long.
    pub(crate) fn shown(&self, request: &Request) -> String {
        let text = self.shared.secrets.redact(&request.shown()).into_owned();
        match text.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }

    fn of(secrets: Secrets, dialer: Dialer, proxies: Proxies) -> Self {
        let shared = Shared { secrets, dialer, proxies, clients: Mutex::default() };
        Outbound { shared: Arc::new(shared), options: Arc::default() }
    }

    fn clients(&self, url: &Url) -> Result<Clients, fault::Failure> {
        let key = Connecting {
            trust: self.options.trust.clone(),
            allow_link_local: self.options.allow_link_local,
            proxied: self.shared.proxies.for_url(url).is_some(),
        };
        let mut clients = self.shared.clients.lock().expect("no code panics while it holds this lock");
        if let Some((_, known)) = clients.iter().find(|(known, _)| *known == key) {
            return Ok(known.clone());
        }
        let made = build(&key, &self.shared)?;
        clients.push((key, made.clone()));
        Ok(made)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that makes clients")]
fn build(key: &Connecting, shared: &Shared) -> Result<Clients, fault::Failure> {
    let mut handshake = key.trust.client_config();
    handshake.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let Connecting { proxied, allow_link_local, .. } = *key;
    let client = |most_idle: usize| {
        let proxies = shared.proxies.clone();
        let Dialer { rules, names } = shared.dialer.clone();
        let rules = Some(rules).filter(|_| !proxied);
        reqwest::Client::builder()
            .user_agent(concat!("revere/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tls_info(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(most_idle)
            .tls_backend_preconfigured(handshake.clone())
            .proxy(reqwest::Proxy::custom(move |url| proxies.for_url(url).filter(|_| proxied)))
            .connector_layer(new_connection::Watch)
            .dns_resolver(GuardedResolver { names, rules, allow_link_local })
            .build()
            .map_err(|error| fault::Failure::from_chain(&error))
    };
    Ok(Clients { keeping: client(usize::MAX)?, connecting: client(0)? })
}

#[cfg(test)]
mod tests;
