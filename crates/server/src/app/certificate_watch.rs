//! Looks after the certificate that the server shows: takes up another one, and says what a person has to see to.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use revere_model::Clock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::Metrics,
    tls::{Looked, ServerCertificate},
};

/// How often its files are looked at: two calls of the system.
const EVERY: Duration = Duration::from_secs(5);

/// How often its end is said again.
const SAID_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Looks at the files again and again, and at once when `asked`, until `stopping`.
pub(super) async fn watch(
    certificate: Arc<ServerCertificate>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    asked: Arc<Notify>,
    stopping: CancellationToken,
) {
    let mut said_at: Option<Timestamp> = None;
    loop {
        let now = clock.now();
        let state = certificate.state(now);
        // One without an end takes the place of the end of the one before.
        metrics.set_certificate_end(state.end.unwrap_or(Timestamp::MAX));
        match &state.fault {
            None => said_at = None,
            Some(_) if said_at.is_some_and(|at| now.duration_since(at) < SAID_EVERY) => {}
            Some(fault) => {
                tracing::warn!("{fault}");
                said_at = Some(now);
            }
        }
        let at_once = tokio::select! {
            () = stopping.cancelled() => return,
            () = asked.notified() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        let looking = certificate.clone();
        let Ok(looked) = tokio::task::spawn_blocking(move || looking.look(at_once)).await else { continue };
        match looked {
            Looked::Same if at_once => tracing::info!("the certificate is the same as before"),
            Looked::Same => {}
            Looked::Exchanged => {
                let state = certificate.state(clock.now());
                let end = state.end.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
                tracing::info!("the certificate was exchanged; the new one is valid {end}");
                said_at = None;
            }
            // The next round says it, with what is in force meanwhile.
            Looked::Broken(_) => said_at = None,
        }
    }
}
