//! Trying an alert: one notification that says it is a test, sent once.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use revere_model::{
    MonitorId, ReturnValue, Severity, State,
    on_call::{Changes, Rota},
};

use super::{Channel, MonitorSummary, Notification, Receipt, SendError};
use crate::{
    chart::{self, Band, Mark, Picture, Series, ThresholdBand},
    error_words,
};

/// How long a test from the command line waits for its receiver.
pub const TEST_LIMIT: Duration = Duration::from_secs(30);

/// What a test of an alert says: `number` tells it from other tests.
pub fn test_notification(alert: &str, address: String, at: Timestamp, number: u64) -> Notification {
    let monitor = MonitorSummary { url: address, ..MonitorSummary::named(MonitorId(0), "Test of an alert".to_owned()) };
    Notification {
        old_state: State::Ok,
        new_state: State::Alarm,
        severity: Some(Severity::Critical),
        message: format!("This is only a test of the alert '{alert}': nothing is wrong."),
        return_value: Some(ReturnValue::Int(42)),
        started_at: Some(at),
        test: true,
        ..Notification::about(monitor, format!("test-{number:016x}"))
    }
}

/// A day of a value that rose above its threshold at `at`.
fn example_chart(at: Timestamp) -> Option<Picture> {
    let before = |minutes: i64| at.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(at);
    let value = |step: u32| if step < 96 { 18.0 + 6.0 * (f64::from(step) / 11.0).sin() } else { 42.0 };
    let points = (0..=96_u32).map(|step| (before(15 * i64::from(96 - step)), Some(value(step)))).collect();
    let to = at.checked_add(SignedDuration::from_mins(10)).unwrap_or(at);
    let band = |from, to, state| Band { from, to, state };
    let from = before(15 * 96);
    let series = Series {
        from,
        to,
        points,
        bands: vec![band(from, at, State::Ok), band(at, to, State::Alarm)],
        thresholds: vec![ThresholdBand { from, to, value: 35.0 }],
        runs: 97,
        ..Series::default()
    };
    let png = chart::draw(&series, &TimeZone::UTC, Some(Mark { at, state: State::Alarm }))?;
    Some(Picture { png: png.into(), words: "Chart of an example: its values are made up".to_owned() })
}

/// Whom a rota tells at an instant, each with the alerts that reach them.
pub fn reached(rota: &Rota, changes: &Changes, at: Timestamp) -> Vec<(String, Vec<String>)> {
    let on_call = rota.on_call(at, changes).into_iter();
    on_call.filter_map(|one| Some((one.person.clone(), rota.person(&one.person)?.alerts.clone()))).collect()
}

/// Sends a test to `people`, by all of their alerts. The receivers' words are those of each; one that took nothing is a failure.
pub async fn test_on_call(
    people: Vec<(String, Vec<String>)>,
    channels: &BTreeMap<String, Arc<dyn Channel>>,
    notification: &Notification,
    limit: Duration,
) -> Result<Receipt, SendError> {
    if people.is_empty() {
        return Err(SendError::never("nobody is on call now"));
    }
    let mut said = Vec::new();
    let mut is_taken = true;
    for (person, alerts) in people {
        for alert in alerts {
            let sent = match channels.get(&alert) {
                Some(channel) => send_once(&**channel, notification, limit).await,
                None => Err(SendError::never("the alert is not in the configuration, or switched off there")),
            };
            is_taken &= sent.is_ok();
            let words = sent.map_or_else(|error| error.message, |receipt| receipt.reply);
            said.push(format!("{person} by {alert}: {words}"));
        }
    }
    let reply = said.join("; ");
    if is_taken { Ok(Receipt::saying(reply)) } else { Err(SendError::later(reply)) }
}

/// Sends a notification, once, within `limit`; a panic of the channel is a fault of ours, and no end of anything else. A test has
/// the chart of an example, where the channel shows charts.
pub async fn send_once(
    channel: &dyn Channel,
    notification: &Notification,
    limit: Duration,
) -> Result<Receipt, SendError> {
    let with_example;
    let mut notification = notification;
    if let Some(at) = notification.started_at.filter(|_| notification.test && channel.takes_chart()) {
        // Drawing takes longer than what others wait for should.
        if let Ok(Some(chart)) = tokio::task::spawn_blocking(move || example_chart(at)).await {
            with_example = notification.clone().with_chart(chart);
            notification = &with_example;
        }
    }
    let sending = AssertUnwindSafe(async { channel.send(notification, limit).await }).catch_unwind();
    match tokio::time::timeout(limit + Duration::from_secs(1), sending).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(panic)) => Err(SendError::unanswered(format!("fault of Revere: {}", error_words::of_panic(&*panic)))),
        Err(_) => Err(SendError::unanswered(format!("no answer within {} s", limit.as_secs_f64()))),
    }
}
