//! The calendars that rotas go by: where they are, and fetching them.

use std::{path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use revere_model::on_call::{Calendar, Turns};

use super::calendar_address::by_https;
use crate::{
    building::ConfiguredEntry,
    outbound::{Limits, Outbound, Request, Url},
    store::CalendarCopy,
};

/// How long fetching one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// So much of what was and of what will be is kept.
const KEPT_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 31);
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(24 * 400);

/// No calendar is larger.
const MOST_BYTES: usize = 4 << 20;

/// The calendar of a rota.
#[derive(Clone)]
pub struct CalendarSource {
    /// The rota.
    pub rota: String,
    place: Place,
    zone: TimeZone,
}

#[derive(Clone)]
enum Place {
    Address(Url),
    File(PathBuf),
}

impl CalendarSource {
    /// How long to wait before it is fetched anew.
    pub fn every(&self) -> Duration {
        match self.place {
            Place::Address(_) => Duration::from_secs(300),
            Place::File(_) => Duration::from_secs(60),
        }
    }

    /// Fetches it, and reads what takes place from `now` on. `Err` says why it cannot be used: one without any event is taken for
    /// a fault, for nobody would be on call.
    pub async fn fetch(&self, outbound: &Outbound, now: Timestamp) -> Result<CalendarCopy, String> {
        let text = match &self.place {
            Place::Address(url) => {
                let request = Request::get(url.clone());
                let reply = outbound.send(request, Limits::within(PATIENCE, MOST_BYTES)).await;
                let reply = reply.map_err(|error| error.to_string())?;
                if !reply.status.is_success() {
                    return Err(reply.summary());
                }
                reply.text().await
            }
            Place::File(path) => {
                let shown = path.display();
                let size = tokio::fs::metadata(path).await.map_err(|error| format!("{shown}: {error}"))?.len();
                if size > MOST_BYTES as u64 {
                    return Err(format!("{shown} has {size} bytes: {MOST_BYTES} at most"));
                }
                let bytes = tokio::fs::read(path).await.map_err(|error| format!("{shown}: {error}"))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        let zone = self.zone.clone();
        // It may take a while, which others are not to wait for.
        let read = tokio::task::spawn_blocking(move || copy_of(&text, &zone, now));
        read.await.unwrap_or_else(|fault| Err(format!("fault of Revere: {fault}")))
    }
}

fn copy_of(text: &str, zone: &TimeZone, now: Timestamp) -> Result<CalendarCopy, String> {
    let calendar = Calendar::read(text, zone)?;
    if calendar.is_empty() {
        return Err("it has no events".to_owned());
    }
    let from = now.saturating_sub(KEPT_BEFORE).unwrap_or(now);
    let until = now.saturating_add(KEPT_AFTER).unwrap_or(now);
    Ok(CalendarCopy { events: calendar.between(from, until)?, faults: calendar.faults })
}

/// The calendars of the rotas that are switched on; paths count from `folder`.
pub fn calendars(entries: &[ConfiguredEntry], folder: &std::path::Path) -> Vec<CalendarSource> {
    let mut found = Vec::new();
    for (rota, read) in super::rotas(entries) {
        let Turns::Calendar(turns) = read.turns else { continue };
        let Some(entry) = entries.iter().find(|entry| entry.name == rota) else { continue };
        let text = |name: &str| entry.config.get(name).and_then(serde_json::Value::as_str);
        let place = match (text("ical_url"), text("ical_file")) {
            (Some(url), _) => by_https(url).parse().ok().map(Place::Address),
            (None, Some(path)) => Some(Place::File(folder.join(path))),
            (None, None) => None,
        };
        found.extend(place.map(|place| CalendarSource { rota, place, zone: turns.zone }));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::building::read_entries;

    #[test]
    fn a_calendar_is_asked_for_by_https_where_a_program_was_meant_to_open_it() {
        for (given, asked) in [
            ("webcal://calendar.example.com/ops.ics?x=1", "https://calendar.example.com/ops.ics?x=1"),
            ("WEBCALS://calendar.example.com/ops.ics", "https://calendar.example.com/ops.ics"),
            ("http://calendar.example.com/ops.ics", "http://calendar.example.com/ops.ics"),
        ] {
            let rota = json!({"type": "on_call", "config": {"people": {"alice": "sms"}, "ical_url": given}});
            let (entries, faults) = read_entries("REVERE_ALERTS", &json!({"sms": {"type": "log"}, "ops": rota}));
            assert_eq!(faults, []);
            let found = calendars(&entries, std::path::Path::new("."));
            let [CalendarSource { place: Place::Address(url), .. }] = found.as_slice() else { panic!("{given}") };
            assert_eq!(url.as_str(), asked);
        }
    }
}
