//! Trying an alert: one notification that says it is a test, sent once.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, Severity, State};

use super::{Channel, MonitorSummary, Notification, Receipt, Retry, SendError};
use crate::error_words;

/// How long a test from the command line waits for its receiver.
pub const TEST_LIMIT: Duration = Duration::from_secs(30);

/// What a test of an alert says: `number` tells it from other tests.
pub fn test_notification(alert: &str, address: String, at: Timestamp, number: u64) -> Notification {
    Notification {
        monitor: MonitorSummary { url: address, ..MonitorSummary::named(MonitorId(0), "Test of an alert".to_owned()) },
        old_state: State::Ok,
        old_severity: None,
        new_state: State::Alarm,
        severity: Some(Severity::Critical),
        message: format!("This is only a test of the alert '{alert}': nothing is wrong."),
        return_value: Some(ReturnValue::Int(42)),
        tick_at: None,
        started_at: Some(at),
        run_id: None,
        key: format!("test-{number:016x}"),
        incident: None,
        test: true,
        reminder: None,
        acknowledge_url: None,
        wording: None,
    }
}

/// Sends a notification, once, within `limit`; a panic of the channel is a fault of ours, and no end of anything else.
pub async fn send_once(
    channel: &dyn Channel,
    notification: &Notification,
    limit: Duration,
) -> Result<Receipt, SendError> {
    let sending = AssertUnwindSafe(async { channel.send(notification, limit).await }).catch_unwind();
    match tokio::time::timeout(limit + Duration::from_secs(1), sending).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(panic)) => Err(SendError {
            message: format!("fault of Revere: {}", error_words::of_panic(&*panic)),
            retry: Retry::Later,
        }),
        Err(_) => {
            Err(SendError { message: format!("no answer within {} s", limit.as_secs_f64()), retry: Retry::Later })
        }
    }
}
