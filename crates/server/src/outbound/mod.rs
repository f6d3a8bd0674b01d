//! The one HTTP client of the program.
//!
//! Every request has a deadline and a largest answer, goes only to hosts it may go to, and fails in words that a person
//! can act on and that hold no secret. Redirects are followed here, not below, so that each hop is checked like the
//! first, and so that headers that may hold a credential never travel to another origin.
//!
//! Link-local and cloud metadata addresses are refused unless allowed, by literal address and after name resolution, so
//! that a monitor's author cannot ask the machine for the machine's own keys. Behind an HTTP proxy (`HTTP_PROXY` and kin
//! are honoured) the proxy resolves names, and its rules take the place of that second check.

mod address;
mod certificate;
mod fault;
mod reply;
mod request;

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

pub use address::HostPattern;
use address::{GuardedResolver, Names};
use bytes::{Bytes, BytesMut};
pub use certificate::not_after;
pub use fault::{OutboundError, OutboundKind};
pub use reply::Reply;
pub use request::{Request, shown_url};
pub use reqwest::{Method, StatusCode, Url, header};

use crate::redact::Secrets;

/// How much of an address messages show.
const SHOWN_CHARS: usize = 400;

/// Asks over HTTP. Clones are cheap and share connections; [`Outbound::with`] gives one with other options.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
    options: Arc<Options>,
}

/// How one target is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a server must show a certificate that this machine trusts.
    pub verify_ssl: bool,
    /// The longest one exchange may take, redirects and the whole answer included.
    pub timeout: Duration,
    /// The hosts that may be asked, redirects included; `None` for any.
    pub allowed_hosts: Option<Vec<HostPattern>>,
    /// Whether link-local and cloud metadata addresses may be asked.
    pub allow_link_local: bool,
    /// Certificate authorities to trust beside the machine's own, as PEM.
    pub extra_roots: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            verify_ssl: true,
            timeout: Duration::from_secs(30),
            allowed_hosts: None,
            allow_link_local: false,
            extra_roots: None,
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

/// Installs the TLS implementation of this process, once. Harmless to repeat.
pub fn install_tls() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // An error says that some library was first with one; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

struct Shared {
    secrets: Secrets,
    names: Names,
    /// One client per way of connecting: each has its own pool, and its own copy of the machine's trusted certificates.
    clients: Mutex<Vec<(Connecting, reqwest::Client)>>,
}

/// The options that need a client of their own; the others are checked per request.
#[derive(Clone, PartialEq)]
struct Connecting {
    verify_ssl: bool,
    allow_link_local: bool,
    extra_roots: Option<String>,
}

impl Outbound {
    /// With default options. Texts of errors are cleared of `secrets`.
    pub fn new(secrets: Secrets) -> Self {
        Self::with_names(secrets, Names::System)
    }

    /// The same client for a target with `options` of its own.
    pub fn with(&self, options: Options) -> Self {
        Outbound { shared: self.shared.clone(), options: Arc::new(options) }
    }

    /// The secrets that are taken out of what this client says.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
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

    fn with_names(secrets: Secrets, names: Names) -> Self {
        let shared = Shared { secrets, names, clients: Mutex::default() };
        Outbound { shared: Arc::new(shared), options: Arc::default() }
    }

    fn client(&self) -> Result<reqwest::Client, fault::Failure> {
        let key = Connecting {
            verify_ssl: self.options.verify_ssl,
            allow_link_local: self.options.allow_link_local,
            extra_roots: self.options.extra_roots.clone(),
        };
        let mut clients = self.shared.clients.lock().expect("no code panics while it holds this lock");
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == key) {
            return Ok(client.clone());
        }
        let client = build(&key, &self.shared.names)?;
        clients.push((key, client.clone()));
        Ok(client)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that makes a client")]
fn build(key: &Connecting, names: &Names) -> Result<reqwest::Client, fault::Failure> {
    install_tls();
    let base = || {
        reqwest::Client::builder()
            .user_agent(concat!("revere/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tls_info(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .tls_danger_accept_invalid_certs(!key.verify_ssl)
            .dns_resolver(GuardedResolver { names: names.clone(), allow_link_local: key.allow_link_local })
    };
    let roots = match &key.extra_roots {
        None => Vec::new(),
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| fault::Failure {
            kind: OutboundKind::BadRequest,
            what: format!("the certificate authorities of this target are no PEM certificates: {error}"),
        })?,
    };
    match base().tls_certs_merge(roots).build() {
        Ok(client) => Ok(client),
        // A machine without any certificate authority can still ask over plain HTTP; https:// then says what is missing.
        Err(_) => base().tls_certs_only([]).build().map_err(|error| fault::Failure::from_chain(&error)),
    }
}

/// One `send`: the hops of one request, under one deadline.
struct Exchange<'a> {
    outbound: &'a Outbound,
    started: Instant,
    deadline: Instant,
    max_bytes: usize,
    wanted: Wanted,
}

/// What of an answer matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All of it: anything less is a failure.
    Whole,
    /// The status; the body is as good as it comes.
    Status,
}

impl Exchange<'_> {
    async fn run(&self, mut request: Request) -> Result<Reply, fault::Failure> {
        let client = self.outbound.client()?;
        request.take_url_credentials();
        let mut hops = request.redirects;
        loop {
            address::check(&request.url, &self.outbound.options)?;
            let response = self.within(client.execute(request.to_reqwest()), "no answer").await?;
            let Some(target) = request::redirect_target(&request.url, &response) else {
                return self.read(request.url, response).await;
            };
            if request.redirects == 0 {
                return self.read(request.url, response).await;
            }
            hops = hops.checked_sub(1).ok_or_else(|| fault::Failure {
                kind: OutboundKind::Protocol,
                what: format!("redirected more than {} times, last to {}", request.redirects, shown_url(&target)),
            })?;
            request.redirect(target, response.status());
        }
    }

    async fn read(&self, url: Url, mut response: reqwest::Response) -> Result<Reply, fault::Failure> {
        let too_large = || fault::Failure {
            kind: OutboundKind::TooLarge(self.max_bytes),
            what: format!("the answer is larger than {} bytes", self.max_bytes),
        };
        let announced = response.content_length();
        let whole = self.wanted == Wanted::Whole;
        if whole && announced.is_some_and(|length| length > self.max_bytes as u64) {
            return Err(too_large());
        }
        let peer = response.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = peer.and_then(|tls| tls.peer_certificate()).map(Bytes::copy_from_slice);
        let mut body = BytesMut::new();
        loop {
            let late = format!("the answer stopped after {} bytes", body.len());
            let chunk = match self.within(response.chunk(), &late).await {
                Ok(chunk) => chunk,
                Err(_) if !whole => break,
                Err(failure) => return Err(failure.while_reading(body.len(), announced)),
            };
            let Some(chunk) = chunk else { break };
            let room = self.max_bytes - body.len();
            if chunk.len() > room {
                if whole {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk[..room]);
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status(),
            headers: response.headers().clone(),
            body: body.freeze(),
            elapsed: self.started.elapsed(),
            url,
            certificate,
            secrets: self.outbound.shared.secrets.clone(),
        })
    }

    async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, reqwest::Error>>,
        late: &str,
    ) -> Result<T, fault::Failure> {
        match tokio::time::timeout_at(self.deadline.into(), step).await {
            Ok(done) => done.map_err(|error| fault::Failure::from_chain(&error)),
            Err(_) => {
                let seconds = self.deadline.saturating_duration_since(self.started).as_secs_f64();
                Err(fault::Failure {
                    kind: OutboundKind::TimedOut,
                    what: format!("timed out after {}: {late}", fault::seconds(seconds)),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
