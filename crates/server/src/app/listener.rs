//! The address the server listens on: taken first, so that a taken one is known at once, and answering from then on.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A taken address.
pub struct Listener {
    address: SocketAddr,
    router: Arc<OnceLock<Router>>,
    closing: CancellationToken,
    cut: CancellationToken,
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

impl Listener {
    /// Takes the address, port 0 being any free one, and answers 503 from now on.
    pub async fn bind(host: &str, port: u16) -> Result<Listener, BindError> {
        let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(BindError::Unknown(shown, error)),
        };
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
        let service = Router::new().fallback(answer).with_state(Behind { router: router.clone(), cut: cut.clone() });
        let closed = closing.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, service).with_graceful_shutdown(closed).into_future();
            let words = match AssertUnwindSafe(serving).catch_unwind().await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it panicked".to_owned(),
            };
            // Nobody may be waiting for it.
            let _ = tell.send(Some(format!("the HTTP server: {words}")));
        });
        Ok(Listener { address, router, closing, cut, ended, server: Mutex::new(Some(server)) })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a person on this machine, or where it is reached from outside one near it, gets there.
    pub fn link(&self) -> String {
        if !self.address.ip().is_unspecified() {
            return format!("http://{}", self.address);
        }
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = if name.trim().is_empty() { "localhost" } else { name.trim() };
        format!("http://{name}:{}", self.address.port())
    }

    /// Answers with `router` from now on.
    pub fn open(&self, router: Router) {
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

/// What answers.
#[derive(Clone)]
struct Behind {
    router: Arc<OnceLock<Router>>,
    /// Requests that are still being answered are dropped.
    cut: CancellationToken,
}

async fn answer(State(behind): State<Behind>, request: Request) -> Result<Response, Infallible> {
    let Some(router) = behind.router.get() else { return Ok(not_now("Revere is starting; ask again in a moment")) };
    tokio::select! {
        biased;
        answered = router.clone().oneshot(request) => answered,
        () = behind.cut.cancelled() => Ok(not_now("Revere is stopping; ask the next one in a moment")),
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
