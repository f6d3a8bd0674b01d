//! Servers of HTTP/2, which can say of a request that they did not take it, and what becomes of one that may do something.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;

/// What becomes of the second request; every other one is answered.
#[derive(Clone, Copy, Debug)]
enum Second {
    /// The stream is refused: nothing was taken (RFC 9113, 8.7).
    Refused,
    /// The connection ends, and says that this stream was not looked at (RFC 9113, 6.8).
    LeftBehind,
    /// The stream is reset; nobody says what was done before.
    Reset,
    /// The connection ends, and says that this stream may have been worked on.
    Begun,
}

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

/// Starts a server; answers its source, how many requests came and how many connections.
fn server(second: Second) -> (Asked, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    revere::tls::install();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (requests, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = (requests.clone(), connections.clone());
    tokio::spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((socket, _)) = listener.accept().await {
            counts.1.fetch_add(1, Ordering::SeqCst);
            let (acceptor, requests) = (acceptor.clone(), counts.0.clone());
            tokio::spawn(async move { serve(acceptor.accept(socket).await.unwrap(), second, &requests).await });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "ca.pem"});
    (source_in("http", config, folder.path()), requests, connections)
}

async fn serve(mut socket: TlsStream<TcpStream>, second: Second, requests: &AtomicUsize) -> Option<()> {
    socket.read_exact(&mut [0; 24]).await.ok()?;
    frame(&mut socket, SETTINGS, 0, 0, &[]).await;
    let mut last = 0_u32;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, _, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        socket.read_exact(&mut vec![0; length as usize]).await.ok()?;
        if kind != HEADERS {
            continue;
        }
        let (stream, before) = (u32::from_be_bytes(stream), last);
        last = stream;
        match (requests.fetch_add(1, Ordering::SeqCst), second) {
            (1, Second::Refused) => frame(&mut socket, RST_STREAM, 0, stream, &7_u32.to_be_bytes()).await,
            (1, Second::Reset) => frame(&mut socket, RST_STREAM, 0, stream, &2_u32.to_be_bytes()).await,
            (1, Second::LeftBehind | Second::Begun) => {
                let known = if matches!(second, Second::Begun) { stream } else { before };
                let known_and_no_error = [known.to_be_bytes(), [0; 4]].concat();
                frame(&mut socket, GOAWAY, 0, 0, &known_and_no_error).await;
                let _ = socket.shutdown().await;
                return None;
            }
            // `:status: 200` is the eighth of the names that both sides know; the headers end, and so does the stream.
            _ => frame(&mut socket, HEADERS, 0x5, stream, &[0x88]).await,
        }
    }
}

async fn frame(socket: &mut TlsStream<TcpStream>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let bytes = [&[a, b, c, kind, flags][..], &stream.to_be_bytes(), payload].concat();
    // The other side may be gone, which is its right.
    let _ = socket.write_all(&bytes).await;
    let _ = socket.flush().await;
}

#[tokio::test]
async fn what_may_do_something_is_sent_again_where_nothing_was_taken() {
    for (second, connections_made) in [(Second::Refused, 1), (Second::LeftBehind, 2)] {
        let (asked, requests, connections) = server(second);
        for method in ["get", "post", "post"] {
            let answer = asked.call_with(method, [], []).await;
            let status = answer.as_ref().ok().and_then(|answer| answer.get("status"));
            assert_eq!(status, Some(&Value::Int(200)), "{second:?} {method}: {answer:?}");
        }
        assert_eq!(requests.load(Ordering::SeqCst), 4, "{second:?}: one of them twice");
        assert_eq!(connections.load(Ordering::SeqCst), connections_made, "{second:?}");
    }
}

#[tokio::test]
async fn what_may_do_something_is_sent_once_where_something_may_have_been_taken() {
    for second in [Second::Reset, Second::Begun] {
        let (asked, requests, _) = server(second);
        asked.call("get", []).await.unwrap();
        let fault = asked.fails("post", []).await;
        assert_eq!(requests.load(Ordering::SeqCst), 2, "{second:?}: {fault}");
    }
}
