//! A server that keeps a connection open after an answer, and closes it at the moment at which the next request comes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// All the ways of closing.
pub(crate) const CLOSINGS: [Closing; 3] = [Closing::AfterReading, Closing::AfterReadingAbruptly, Closing::Unread];

/// How it leaves the second request of a connection without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It has read it; the connection is closed in order.
    AfterReading,
    /// It has read it; the connection ends, and TLS without its last word.
    AfterReadingAbruptly,
    /// It has not read it, which the other side sees as a reset.
    Unread,
}

/// Answers the first request of each connection, and closes it when a second one comes.
pub(crate) struct ClosingServer {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    answered: Arc<Mutex<Vec<String>>>,
    dropped: Arc<AtomicUsize>,
}

impl ClosingServer {
    /// Every answer is `200` with `body` as JSON.
    pub(crate) async fn start(body: &'static str, closing: Closing) -> ClosingServer {
        ClosingServer::listen("http://127.0.0.1", body, closing, None).await
    }

    /// The same over TLS, and the certificate to trust, in PEM.
    pub(crate) async fn start_tls(body: &'static str, closing: Closing) -> (ClosingServer, String) {
        revere::tls::install();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        );
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        (ClosingServer::listen("https://localhost", body, closing, Some(acceptor)).await, certificate.pem())
    }

    async fn listen(origin: &str, body: &'static str, closing: Closing, tls: Option<TlsAcceptor>) -> ClosingServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = ClosingServer {
            url: format!("{origin}:{}", listener.local_addr().unwrap().port()),
            connections: Arc::default(),
            answered: Arc::default(),
            dropped: Arc::default(),
        };
        let (connections, answered, dropped) =
            (server.connections.clone(), server.answered.clone(), server.dropped.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (tls, answered, dropped) = (tls.clone(), answered.clone(), dropped.clone());
                tokio::spawn(async move {
                    let socket: Box<dyn Socket> = match tls {
                        None => Box::new(socket),
                        Some(tls) => Box::new(tls.accept(socket).await.unwrap()),
                    };
                    serve(socket, body, closing, &answered, &dropped).await;
                });
            }
        });
        server
    }

    /// How many connections were made to it, and how many requests it left without an answer.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.dropped.load(Ordering::SeqCst))
    }

    /// The first lines of the requests that it answered.
    pub(crate) fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }
}

/// A connection, with or without TLS.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {
    /// What the bytes come over.
    fn below(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn below(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn below(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn serve(
    mut socket: Box<dyn Socket>,
    body: &'static str,
    closing: Closing,
    answered: &Mutex<Vec<String>>,
    dropped: &AtomicUsize,
) {
    let Some(first) = request(&mut socket).await else { return };
    answered.lock().unwrap().push(first.lines().next().unwrap_or_default().to_owned());
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
    let asked_again = match closing {
        // Whoever is done says so over TLS, in 24 bytes at most; a request is longer.
        Closing::Unread => socket.below().peek(&mut [0; 64]).await.is_ok_and(|length| length > 24),
        Closing::AfterReading | Closing::AfterReadingAbruptly => request(&mut socket).await.is_some(),
    };
    if asked_again {
        dropped.fetch_add(1, Ordering::SeqCst);
    }
    if closing == Closing::AfterReading {
        let _ = socket.shutdown().await;
    }
}

/// A request with as much of a body as it announces; `None` where the connection ends.
async fn request(socket: &mut Box<dyn Socket>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    socket.read_exact(&mut vec![0; length]).await.ok()?;
    Some(head)
}
