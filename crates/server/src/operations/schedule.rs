//! Reads a schedule back: in words, and with its next ticks, or says what is wrong with it.

use jiff::{Timestamp, Zoned};
use revere_model::{Schedule, zone};

use super::{FieldFault, Refusal};

/// How many ticks are shown: enough to see a pattern, few enough to read.
const SHOWN: usize = 5;

/// A schedule that will come.
#[derive(Clone, PartialEq, Debug)]
pub struct Preview {
    /// As one would say it after "runs".
    pub words: String,
    /// The zone's name, as the database of zones spells it.
    pub timezone: String,
    /// The next ticks, in that zone.
    pub ticks: Vec<Zoned>,
}

/// The next ticks of `schedule` in `timezone` after `now`.
pub fn preview(schedule: &str, timezone: &str, now: Timestamp) -> Result<Preview, Refusal> {
    match (Schedule::parse(schedule), zone(timezone)) {
        (Ok(schedule), Ok(zone)) => Ok(Preview {
            words: schedule.in_words(),
            timezone: zone.iana_name().unwrap_or(timezone).to_owned(),
            ticks: schedule.ticks(now, &zone).take(SHOWN).map(|tick| tick.to_zoned(zone.clone())).collect(),
        }),
        (schedule, zone) => {
            let schedule = schedule.err().map(|fault| FieldFault::new("schedule", fault.to_string()));
            let zone = zone.err().map(|fault| FieldFault::new("timezone", fault.to_string()));
            Err(Refusal { faults: schedule.into_iter().chain(zone).collect() })
        }
    }
}
