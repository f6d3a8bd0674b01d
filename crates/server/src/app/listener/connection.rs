//! One connection: HTTP/1.1 within bounds, until either side has had enough.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    extract::ConnectInfo,
    http::{Request, Response, StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::{
    Behind, ListenerBounds,
    admission::{Admitted, Answering},
    answer,
    timed_stream::TimedStream,
};

/// Answers what comes over `stream` until it ends, is cut, or `closing` lets it finish what it is answering.
pub(super) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    admitted: Arc<Admitted>,
    behind: Behind,
    bounds: &ListenerBounds,
    closing: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TimedStream::new(stream, bounds);
    let ambiguous = stream.ambiguous();
    let service = service_fn(|mut request: Request<Incoming>| {
        let answering = admitted.answering();
        let is_ambiguous = ambiguous.load(Ordering::Acquire);
        let behind = behind.clone();
        request.extensions_mut().insert(ConnectInfo(peer));
        async move {
            let response = if is_ambiguous { two_lengths() } else { answer(behind, request.map(Body::new)).await };
            Ok::<_, Infallible>(response.map(|body| Answer { body, _answering: answering }))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // A head that has begun has less time than this: the stream sees to it.
            .header_read_timeout(bounds.idle_time)
            .max_header_size(bounds.head_bytes)
            .max_buf_size(bounds.head_bytes.max(64 << 10))
            .max_headers(bounds.headers)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut is_closing = false;
    loop {
        tokio::select! {
            // What is wrong with a connection is its client's concern.
            _ = connection.as_mut() => return,
            () = admitted.cut() => return,
            () = closing.cancelled(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The length of the body is said in two ways: whoever stands between may have read the other one.
fn two_lengths() -> Response<Body> {
    let problem = concat!(
        r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"the request has a Content-Length and a "#,
        r#"Transfer-Encoding, and only one can be true; send one of them"}"#
    );
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CONNECTION, "close")];
    (StatusCode::BAD_REQUEST, headers, problem).into_response()
}

/// An answer on its way out.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
