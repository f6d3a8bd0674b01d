//! Servers on raw sockets: what they send is exactly what a test says.

use std::{future::Future, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// Serves each connection with `serve` and answers the address.
pub(super) async fn listen<F, Fut>(serve: F) -> String
where
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    address
}

/// Answers every request by `answer`, which sees its head and its body.
pub(super) async fn http(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let answer = Arc::new(answer);
    let address = listen(move |mut socket| {
        let answer = answer.clone();
        async move {
            let (head, body) = request(&mut socket).await;
            let _ = socket.write_all(&answer(&head, &body)).await;
        }
    });
    format!("http://{}", address.await)
}

pub(super) fn ok(kind: &str, body: &str) -> Vec<u8> {
    status("200 OK", kind, body)
}

pub(super) fn status(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// The head of a request, and as much of a body as it announces.
pub(super) async fn request(socket: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = socket.read_exact(&mut body).await;
    (head, String::from_utf8_lossy(&body).into_owned())
}

/// An address where nothing listens, now and for as long as this test lives: the port is taken, and not opened.
pub(crate) async fn nobody() -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::mem::forget(socket);
    address
}

/// A certificate for `name` that is valid between two years, signed by its own key; whether it says that it is an
/// authority.
pub(super) fn certificate(name: &str, years: (i32, i32), authority: bool) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    if authority {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    (params.self_signed(&key).unwrap(), key)
}

/// A server with a certificate of its own making, for `localhost`, that answers everything with `answer`. Gives its port
/// and the certificate.
pub(super) fn https(answer: Vec<u8>, not_after: (i32, u8, u8)) -> (u16, String) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(not_after.0, not_after.1, not_after.2);
    https_as(answer, &params)
}

/// The same until the last second of 9999, which is what RFC 5280 has for "never".
pub(super) fn https_without_end(answer: Vec<u8>) -> (u16, String) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
    https_as(answer, &params)
}

fn https_as(answer: Vec<u8>, params: &rcgen::CertificateParams) -> (u16, String) {
    revere::tls::install();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let port = https_with(answer, certificate.pem().as_bytes(), key.serialize_pem().as_bytes());
    (port, certificate.pem())
}

/// The same with a certificate and a key of another's making, in PEM.
pub(super) fn https_with(answer: Vec<u8>, certificate: &[u8], key: &[u8]) -> u16 {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    revere::tls::install();
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap());
    let config = Arc::new(config.unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket.unwrap());
            // A client that does not like the certificate hangs up, which is its right.
            if std::io::Read::read(&mut stream, &mut [0; 4096]).is_ok() {
                let _ = std::io::Write::write_all(&mut stream, &answer);
            }
        }
    });
    port
}
