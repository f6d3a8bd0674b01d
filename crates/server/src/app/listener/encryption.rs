//! Whether a connection is encrypted: by its first byte, and by what the configuration says.
//!
//! The address is taken before the configuration is read. Whoever begins with TLS before that is known waits for it; whoever
//! asks in the clear hears that the server is starting. Where a certificate is configured, what comes in the clear is
//! answered with the way to go, and nothing else.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, Response, StatusCode, header},
    response::IntoResponse,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Behind, ListenerBounds, admission::Admitted, connection};

/// What is known of it.
#[derive(Clone)]
pub(super) enum Encryption {
    /// Nothing yet.
    Unknown,
    /// There is none.
    Off,
    /// Everything is.
    On(TlsAcceptor),
}

/// How the first message of TLS begins. No request does.
const HANDSHAKE: u8 = 0x16;

/// Answers what comes over `stream`, encrypted or not.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    admitted: Arc<Admitted>,
    behind: Behind,
    bounds: &ListenerBounds,
    closing: CancellationToken,
) {
    if matches!(*behind.encryption.borrow(), Encryption::Off) {
        return connection::serve(stream, peer, admitted, behind, bounds, closing).await;
    }
    let begun = async {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        let speaks_tls = first[0] == HANDSHAKE;
        let mut known = behind.encryption.clone();
        let encryption = if speaks_tls {
            known.wait_for(|encryption| !matches!(encryption, Encryption::Unknown)).await.ok()?.clone()
        } else {
            known.borrow_and_update().clone()
        };
        Some((speaks_tls, encryption))
    };
    let begun = tokio::select! {
        begun = tokio::time::timeout(bounds.head_time, begun) => begun.ok().flatten(),
        () = admitted.cut() => None,
        () = closing.cancelled() => None,
    };
    match begun {
        None => {}
        Some((true, Encryption::On(acceptor))) => {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(bounds.head_time, acceptor.accept(stream)) => shaken.ok(),
                () = admitted.cut() => None,
                () = closing.cancelled() => None,
            };
            // What is wrong with a handshake is its client's concern.
            if let Some(Ok(stream)) = shaken {
                let behind = Behind { is_encrypted: true, ..behind };
                connection::serve(stream, peer, admitted, behind, bounds, closing).await;
            }
        }
        Some((_, _)) => connection::serve(stream, peer, admitted, behind, bounds, closing).await,
    }
}

/// Where to go, for what came in the clear to a server that is encrypted. Pages lead there by themselves; a program is told,
/// so that it does not go on sending its token for all to read.
pub(super) fn only_encrypted(request: &Request) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let wants_page = request.headers().get(header::ACCEPT).is_some_and(|accept| {
        accept.as_bytes().windows(b"text/html".len()).any(|part| part.eq_ignore_ascii_case(b"text/html"))
    });
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if matches!(*request.method(), Method::GET | Method::HEAD) && wants_page && !host.is_empty() {
        let headers = [(header::LOCATION, format!("https://{host}{path}")), (header::CONNECTION, "close".to_owned())];
        return (StatusCode::PERMANENT_REDIRECT, headers).into_response();
    }
    let problem = concat!(
        r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"this server speaks HTTPS here; use https:// "#,
        r#"instead of http://"}"#
    );
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CONNECTION, "close")];
    (StatusCode::BAD_REQUEST, headers, problem).into_response()
}
