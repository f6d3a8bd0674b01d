//! That something was used: noted now and then, beside the request.

use std::time::Duration;

use jiff::Timestamp;

use crate::store::StoreError;

/// Uses are noted so seldom.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Whether what was last noted then is to be noted again.
pub(super) fn is_due(noted: Option<Timestamp>, now: Timestamp) -> bool {
    noted.is_none_or(|noted| now.duration_since(noted).unsigned_abs() >= NOTED_EVERY)
}

/// Writes something that no request waits for, and that none fails for.
pub(super) fn note(write: impl Future<Output = Result<(), StoreError>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = write.await {
            tracing::debug!(%error, "a use was not noted");
        }
    });
}
