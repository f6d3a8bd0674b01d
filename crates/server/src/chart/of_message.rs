//! The chart that goes with a message: of the monitor's numbers up to now, with the change that is told.
//!
//! A message never waits long for it, and is told without it where it cannot be made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use revere_model::MonitorId;

use crate::{
    chart::{self, Mark},
    notification::{Notification, Picture},
    plain_text,
    store::{Store, StoreError},
};

/// So long a message waits for its chart.
const PATIENCE: Duration = Duration::from_secs(2);

/// Points of the line: about one for each pixel.
const POINTS: usize = 640;

/// The longest description of it, in characters.
const WORDS: usize = 500;

/// The chart of what `notification` tells, if its monitor has numbers.
pub async fn of_message(store: &Store, notification: &Notification, now: Timestamp) -> Option<Picture> {
    let made = tokio::time::timeout(PATIENCE, make(store, notification, now)).await;
    let fault = match made {
        Ok(Ok(picture)) => return picture,
        Ok(Err(fault)) => fault,
        Err(_) => format!("not made within {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(monitor = %notification.monitor.id, fault, "a message is sent without its chart");
    None
}

async fn make(store: &Store, notification: &Notification, now: Timestamp) -> Result<Option<Picture>, String> {
    let monitor = &notification.monitor;
    let changed = notification.tick_at.or(notification.started_at).unwrap_or(now).min(now);
    // A reminder is about now, and what it reminds of may be long ago.
    let about = if notification.reminder.is_some() { now } else { changed };
    let opened = notification.incident.as_ref().map(|incident| incident.opened_at);
    let marked = opened.filter(|_| notification.reminder.is_some()).unwrap_or(changed);
    let unread = |error: StoreError| error.to_string();
    let Some(stretch) = stretch(store, monitor.id, about, now).await.map_err(unread)? else { return Ok(None) };
    let series = chart::series(store, monitor.id, stretch, POINTS, monitor.number_format()).await.map_err(unread)?;
    let zone = revere_model::zone(&monitor.timezone).unwrap_or(TimeZone::UTC);
    let mark = Mark { at: marked, state: notification.new_state };
    let until = revere_model::exact_time(series.to, &zone);
    let hours = series.to.duration_since(series.from).as_hours();
    let words = format!("Chart of the value, {} until {until}: {}", span(hours), series.in_words());
    let words = plain_text::cut(&plain_text::one_line(&words), WORDS).into_owned();
    let drawn = tokio::task::spawn_blocking(move || chart::draw(&series, &zone, Some(mark))).await;
    let drawn = drawn.map_err(|error| error.to_string())?;
    Ok(drawn.map(|png| Picture { png: png.into(), words }))
}

/// What it shows: as a monitor's page, the shortest time that has all there is, a day at most; where the last day has next to
/// nothing, the shortest that has more. It goes from so long before what it is about until now, and for what is told late not
/// further behind it.
async fn stretch(
    store: &Store,
    monitor: MonitorId,
    about: Timestamp,
    now: Timestamp,
) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let newest = store.series(monitor, 2).await?;
    let (Some(last), Some(oldest)) = (newest.first(), store.oldest_run(monitor).await?) else { return Ok(None) };
    let within = |at: Timestamp, hours: i64| now.duration_since(at) <= SignedDuration::from_hours(hours);
    let hours = match within(oldest, 1) {
        true => Some(1),
        false => [24, 7 * 24, 30 * 24].into_iter().find(|hours| within(last.at, *hours)),
    };
    let Some(hours) = hours else { return Ok(None) };
    let from = about.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(about);
    // The run that begins now is in it.
    let behind = SignedDuration::from_hours(hours).min(now.duration_since(about)) + SignedDuration::from_secs(1);
    let to = about.checked_add(behind).unwrap_or(about);
    Ok(Some((from, to)))
}

/// `1 h`, `24 h`, `7 d`
fn span(hours: i64) -> String {
    if hours < 72 { format!("{hours} h") } else { format!("{} d", hours / 24) }
}
