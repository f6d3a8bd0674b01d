//! What one transaction goes by to reach people: the alerts, what holds them back, and who is on call; read once.

use jiff::Timestamp;
use revere_model::{
    Mute, MuteSubject, held_by,
    on_call::{CalendarShift, Changes},
};

use super::overrides;
use crate::store::{
    StoreError,
    database::DbConnection,
    telling::{
        alert_records::{self, AlertRow},
        mutes::in_force_from,
    },
};

/// Whether an alert can be used at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usable {
    /// It can.
    Yes,
    /// A mute or its quiet hours hold it back until then.
    Held(Timestamp),
    /// It is switched off.
    Off,
    /// It is not in the configuration; it may come back.
    Gone,
}

impl Usable {
    /// Whether the alert of that name can be used for what it would tell.
    pub fn of(alerts: &[AlertRow], mutes: &[Mute], about: &MuteSubject<'_>, at: Timestamp) -> Usable {
        match alerts.iter().find(|row| row.key == about.alert) {
            Some(row) if row.is_on() => held(row, mutes, about, at).map_or(Usable::Yes, Usable::Held),
            Some(row) if row.in_config => Usable::Off,
            _ => Usable::Gone,
        }
    }

    /// The same, to follow the name of the alert.
    pub const fn words(self) -> &'static str {
        match self {
            Usable::Yes => "can be used",
            Usable::Held(_) => "is muted",
            Usable::Off => "is switched off",
            Usable::Gone => "is not in the configuration",
        }
    }
}

/// Until when something holds it back, if anything does.
fn held(row: &AlertRow, mutes: &[Mute], about: &MuteSubject<'_>, at: Timestamp) -> Option<Timestamp> {
    held_by(mutes, about, at).map(|(_, until)| until).max(row.quiet(about.severity, at))
}

/// What one transaction goes by.
pub(super) struct Known {
    alerts: Vec<AlertRow>,
    mutes: Vec<Mute>,
    pub(super) changes: Changes,
}

impl Known {
    pub(super) async fn read(
        connection: &mut DbConnection,
        rota: &str,
        calendar: &[CalendarShift],
        now: Timestamp,
    ) -> Result<Known, StoreError> {
        let overrides = overrides::in_force_at(connection, rota, now).await?;
        Ok(Known {
            alerts: alert_records::read_all(connection).await?,
            mutes: in_force_from(connection, now).await?,
            changes: Changes { overrides, calendar: calendar.to_vec() },
        })
    }

    pub(super) fn usable(&self, about: &MuteSubject<'_>, at: Timestamp) -> Usable {
        Usable::of(&self.alerts, &self.mutes, about, at)
    }
}
