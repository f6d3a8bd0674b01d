//! The address the server listens on: taken first, so that a taken one is known at once, and answering from then on.
//!
//! Nobody can hold it up: a connection on which nothing comes, or half a request, or whose answer is not taken, ends after
//! some seconds, and gives way to others before that where there are many.

mod admission;
mod connection;
mod encryption;
mod request_framing;
mod timed_stream;

use std::{
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use admission::Admission;
use encryption::Encryption;

use crate::{descriptors, tls::ServerCertificate};

/// What one connection, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct ListenerBounds {
    /// From the first byte of a request's head to its last, and from the beginning of a connection to its first request.
    pub head_time: Duration,
    /// From the end of a head to that of its body. Longer than a handler waits for it, which can say why it is refused.
    pub body_time: Duration,
    /// How long a connection may be kept without a request. Longer than proxies keep theirs: they should end first.
    pub idle_time: Duration,
    /// How long an answer may wait for somebody to take the next part of it.
    pub write_time: Duration,
    /// The largest head of a request.
    pub head_bytes: usize,
    /// The most headers of a request.
    pub headers: usize,
    /// The most connections.
    pub connections: usize,
    /// The most connections from one address.
    pub connections_by_address: usize,
}

impl Default for ListenerBounds {
    fn default() -> Self {
        // Half of the descriptors are for what is asked of others.
        let connections = descriptors::limit().map_or(4096, |limit| limit / 2).clamp(32, 4096) as usize;
        ListenerBounds {
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(35),
            idle_time: Duration::from_secs(75),
            write_time: Duration::from_secs(30),
            head_bytes: 32 << 10,
            headers: 100,
            connections,
            // A proxy has one address, and a team behind it.
            connections_by_address: connections / 2,
        }
    }
}

/// A taken address.
pub struct Listener {
    address: SocketAddr,
    router: Arc<OnceLock<Router>>,
    closing: CancellationToken,
    cut: CancellationToken,
    encryption: watch::Sender<Encryption>,
    /// Holds what went wrong once the server has ended.
    ended: watch::Receiver<Option<String>>,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// The address cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name of the host means nothing here.
    #[error("cannot listen on {0}: no address has that name; use --host with an address of this machine")]
    Unknown(String, #[source] io::Error),
    /// Someone has it.
    #[error(
        "cannot listen on {0}: another program does already, perhaps another Revere; stop it, or choose another port with \
         --port"
    )]
    InUse(String),
    /// It is not for everyone.
    #[error("cannot listen on {0}: this user may not; choose a port from 1024 up with --port")]
    Denied(String),
    /// Something else.
    #[error("cannot listen on {0}; use --host with an address of this machine")]
    Other(String, #[source] io::Error),
}

fn shown(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl Listener {
    /// Takes the address, port 0 being any free one, and answers 503 from now on.
    pub async fn bind(host: &str, port: u16) -> Result<Listener, BindError> {
        Listener::bind_within(host, port, ListenerBounds::default()).await
    }

    /// The addresses that would be taken, without taking them.
    pub async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, BindError> {
        match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(BindError::Unknown(shown(host, port), error)),
        }
    }

    /// The same within other bounds.
    pub async fn bind_within(host: &str, port: u16, bounds: ListenerBounds) -> Result<Listener, BindError> {
        let addresses = Listener::addresses(host, port).await?;
        let shown = shown(host, port);
        let listener = TcpListener::bind(&addresses[..]).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(shown.clone()),
            io::ErrorKind::PermissionDenied => BindError::Denied(shown.clone()),
            _ => BindError::Other(shown.clone(), error),
        })?;
        let address = listener.local_addr().map_err(|error| BindError::Other(shown, error))?;
        let router = Arc::new(OnceLock::new());
        let closing = CancellationToken::new();
        let cut = CancellationToken::new();
        let (tell, ended) = watch::channel(None);
        let (encryption, encrypted) = watch::channel(Encryption::Unknown);
        let behind = Behind { router: router.clone(), cut: cut.clone(), encryption: encrypted, is_encrypted: false };
        let closed = closing.clone();
        let server = tokio::spawn(async move {
            let accepting = accept(listener, behind, bounds, closed);
            let words = match AssertUnwindSafe(accepting).catch_unwind().await {
                Ok(()) => "it ended",
                Err(_) => "it panicked",
            };
            // Nobody may be waiting for it.
            let _ = tell.send(Some(format!("the HTTP server: {words}")));
        });
        Ok(Listener { address, router, closing, cut, encryption, ended, server: Mutex::new(Some(server)) })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a person on this machine, or where it is reached from outside one near it, gets there.
    pub fn link(&self) -> String {
        let scheme = self.scheme();
        if !self.address.ip().is_unspecified() {
            return format!("{scheme}://{}", self.address);
        }
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = if name.trim().is_empty() { "localhost" } else { name.trim() };
        format!("{scheme}://{name}:{}", self.address.port())
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> &'static str {
        if matches!(*self.encryption.borrow(), Encryption::On(_)) { "https" } else { "http" }
    }

    /// Speaks TLS with this certificate from now on, or none. Until one of the two is said, who begins with TLS waits.
    pub fn encrypt(&self, certificate: Option<&Arc<ServerCertificate>>) {
        self.encryption.send_replace(match certificate {
            Some(certificate) => Encryption::On(Arc::new(certificate.server_config()).into()),
            None => Encryption::Off,
        });
    }

    /// Answers with `router` from now on, unencrypted unless something else was said.
    pub fn open(&self, router: Router) {
        if matches!(*self.encryption.borrow(), Encryption::Unknown) {
            self.encrypt(None);
        }
        // A listener opens once; a second router would be a mistake in this crate, and the first one stays.
        let _ = self.router.set(router);
    }

    /// Waits for the server to end by itself, which it must not; says why.
    pub async fn failed(&self) -> String {
        let mut ended = self.ended.clone();
        let words = ended.wait_for(Option::is_some).await.ok().and_then(|words| words.clone());
        words.unwrap_or_else(|| "the HTTP server: it ended".to_owned())
    }

    /// Takes no more requests, and lets those that are being answered finish for `grace`.
    pub async fn close(&self, grace: Duration) {
        self.closing.cancel();
        let server = self.server.lock().expect("no code panics while it holds this lock").take();
        if let Some(mut server) = server
            && tokio::time::timeout(grace, &mut server).await.is_err()
        {
            tracing::warn!("requests were still being answered; they are cut off");
            self.cut.cancel();
            // The answers that say so go out, unless nobody reads them.
            if tokio::time::timeout(CUT, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

/// How long those whose requests are cut off have to read that.
const CUT: Duration = Duration::from_millis(500);

impl Drop for Listener {
    fn drop(&mut self) {
        self.closing.cancel();
        self.cut.cancel();
    }
}

/// Takes connections until it is to close, and answers on each; returns when the last has ended.
async fn accept(listener: TcpListener, behind: Behind, bounds: ListenerBounds, closing: CancellationToken) {
    let admission = Admission::new(bounds.connections, bounds.connections_by_address);
    let connections = TaskTracker::new();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => {
                if std::mem::take(&mut failing) {
                    tracing::info!("connections are taken again");
                }
                accepted
            }
            // One that ended before it was taken.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    let words = descriptors::shortage(&error).unwrap_or_else(|| error.to_string());
                    tracing::error!("no connection can be taken: {words}");
                }
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let Some(admitted) = admission.admit(peer.ip()) else {
            refuse(&stream);
            continue;
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let (behind, closing) = (behind.clone(), closing.clone());
        connections.spawn(async move { encryption::serve(stream, peer, admitted, behind, &bounds, closing).await });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// How soon it is tried again where connections cannot be taken.
const AGAIN: Duration = Duration::from_millis(200);

/// Says why, as far as that goes without waiting.
fn refuse(stream: &TcpStream) {
    let answer =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = stream.try_write(answer);
}

/// What answers.
#[derive(Clone)]
struct Behind {
    router: Arc<OnceLock<Router>>,
    /// Requests that are still being answered are dropped.
    cut: CancellationToken,
    /// How the server is to be spoken to, and whether this connection does.
    encryption: watch::Receiver<Encryption>,
    is_encrypted: bool,
}

async fn answer(behind: Behind, request: Request) -> Response {
    // Also where it was not known yet when the connection began.
    if !behind.is_encrypted && matches!(*behind.encryption.borrow(), Encryption::On(_)) {
        return encryption::only_encrypted(&request);
    }
    let Some(router) = behind.router.get() else { return not_now("Revere is starting; ask again in a moment") };
    tokio::select! {
        biased;
        answered = router.clone().oneshot(request) => answered.unwrap_or_else(|never| match never {}),
        () = behind.cut.cancelled() => not_now("Revere is stopping; ask the next one in a moment"),
    }
}

fn not_now(detail: &'static str) -> Response {
    let problem = format!(r#"{{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"{detail}"}}"#);
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::RETRY_AFTER, "2")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Body::from(problem)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_at_once_and_a_taken_address_is_said_to_be_taken() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.address()).await.unwrap();
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = stream;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 2"), "{text}");

        let taken = Listener::bind("127.0.0.1", listener.address().port()).await.map(|_| ()).unwrap_err();
        assert!(matches!(taken, BindError::InUse(_)), "{taken:?}");
        listener.close(Duration::from_secs(5)).await;
        Listener::bind("127.0.0.1", listener.address().port()).await.unwrap();
    }

    #[tokio::test]
    async fn closing_ends_what_does_not_end_by_itself() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        /// Tells that the request it belongs to was dropped.
        struct Dropped(Option<tokio::sync::oneshot::Sender<()>>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                let _ = self.0.take().map(|tell| tell.send(()));
            }
        }
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (tell, dropped) = tokio::sync::oneshot::channel();
        let once = Arc::new(Mutex::new(Some((begun, Dropped(Some(tell))))));
        listener.open(Router::new().fallback(async move || {
            let (begun, _held) = once.lock().unwrap().take().expect("one request");
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        }));
        let mut stream = tokio::net::TcpStream::connect(listener.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        has_begun.await.unwrap();
        listener.close(Duration::from_millis(10)).await;
        dropped.await.expect("the request was dropped");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("Revere is stopping"), "{text}");
        assert_eq!(listener.failed().await, "the HTTP server: it ended");
    }

    #[tokio::test]
    async fn a_host_that_means_nothing_is_named() {
        let unknown = Listener::bind("no.such.host.invalid", 5000).await.map(|_| ()).unwrap_err();
        assert!(unknown.to_string().contains("no.such.host.invalid:5000"), "{unknown}");
    }
}
