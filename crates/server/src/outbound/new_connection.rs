//! Whether a request went over a connection of its own or over one that had been used before.
//!
//! A server may close an idle connection at the very moment at which the next request leaves on it. Then the request dies
//! without an answer, through nobody's fault, and may be sent once more. On a connection made for it, the same is an
//! answer of sorts, and sending again would be guessing. The HTTP library does not say which it was, so this watches
//! whether it connects while it sends.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use tower::{Layer, Service};

tokio::task_local! {
    static OF_THIS: Connecting;
}

/// How far a connection has come that is made for a request.
#[derive(Clone, Default)]
pub(super) struct Connecting(Arc<AtomicU8>);

const NONE: u8 = 0;
const UNDER_WAY: u8 = 1;
const DONE: u8 = 2;

impl Connecting {
    /// Whether one was made.
    pub(super) fn is_done(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DONE
    }

    /// Whether one is being made.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed) == UNDER_WAY
    }

    fn note(how_far: u8) {
        // Outside of a request, the connection is finished for the next one: this one found another meanwhile.
        let _ = OF_THIS.try_with(|connecting| connecting.0.store(how_far, Ordering::Relaxed));
    }
}

/// Runs `exchange`; notes in `connecting` what becomes of a connection that is made for it.
pub(super) async fn watch<T>(connecting: &Connecting, exchange: impl Future<Output = T>) -> T {
    OF_THIS.scope(connecting.clone(), exchange).await
}

/// Around the connecting of a client.
#[derive(Clone)]
pub(super) struct Watch;

/// What [`Watch`] makes of a connector.
#[derive(Clone)]
pub(super) struct Watched<S>(S);

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched(connector)
    }
}

impl<S, Target> Service<Target> for Watched<S>
where
    S: Service<Target>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        Connecting::note(UNDER_WAY);
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connected = connecting.await;
            Connecting::note(if connected.is_ok() { DONE } else { NONE });
            connected
        })
    }
}
