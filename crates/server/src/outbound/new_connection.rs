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
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tower::{Layer, Service};

tokio::task_local! {
    static MADE: Arc<AtomicBool>;
}

/// Runs `exchange`; answers with it whether a connection was made for it.
pub(super) async fn watch<T>(exchange: impl Future<Output = T>) -> (T, bool) {
    let made = Arc::new(AtomicBool::new(false));
    let done = MADE.scope(Arc::clone(&made), exchange).await;
    (done, made.load(Ordering::Relaxed))
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
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connected = connecting.await;
            // Outside of a request, the connection is finished for the next one: this one found another meanwhile.
            let _ = MADE.try_with(|made| made.store(connected.is_ok(), Ordering::Relaxed));
            connected
        })
    }
}
