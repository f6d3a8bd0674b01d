//! The calendars of rotas, as they could be fetched last: the copy outlives whatever holds the calendar.

use jiff::Timestamp;
use revere_model::on_call::{Changes, Occurrence, Rota, Turns};
use serde::{Deserialize, Serialize};

use super::overrides;
use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database as db,
};

/// What a calendar said when it was read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CalendarCopy {
    /// What takes place in the year after.
    pub events: Vec<Occurrence>,
    /// What is wrong with some of its events, a sentence each.
    pub faults: Vec<String>,
}

/// A calendar as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptCalendar {
    /// As it was when it could be fetched last; `None` if it never could.
    pub copy: Option<CalendarCopy>,
    /// When that was.
    pub fetched_at: Option<Timestamp>,
    /// Why it cannot be fetched, and since when, if it cannot.
    pub fault: Option<(String, Timestamp)>,
}

impl Store {
    /// Keeps what fetching the calendar of a rota came to. A fault leaves the copy as it was.
    pub async fn keep_calendar(
        &self,
        rota: &str,
        fetched: Result<CalendarCopy, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rota = rota.to_owned();
        let fetched = fetched.and_then(|copy| serde_json::to_string(&copy).map_err(|fault| fault.to_string()));
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let (content, fault) = match &fetched {
                    Ok(content) => (Some(content.as_str()), None),
                    Err(fault) => (None, Some(fault.as_str())),
                };
                db::query(
                    "insert into on_call_calendars (rota, content, fetched_at, fault, fault_since)
                     values ($1, $2, $3, $4, $5)
                     on conflict (rota) do update set content = coalesce(excluded.content, on_call_calendars.content),
                         fetched_at = coalesce(excluded.fetched_at, on_call_calendars.fetched_at),
                         fault = excluded.fault,
                         fault_since = case when excluded.fault is null then null
                             else coalesce(on_call_calendars.fault_since, excluded.fault_since) end",
                )
                .bind(&rota)
                .bind(content)
                .bind(content.map(|_| micros(now)))
                .bind(fault)
                .bind(fault.map(|_| micros(now)))
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The calendar of a rota as it is kept.
    pub async fn kept_calendar(&self, rota: &str) -> Result<KeptCalendar, StoreError> {
        let row = db::query("select * from on_call_calendars where rota = $1")
            .bind(rota)
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(KeptCalendar::default()) };
        let copy = row.text_or_none("content")?.and_then(|text| {
            let read = serde_json::from_str(&text);
            read.inspect_err(|fault| tracing::error!(rota, %fault, "the copy of its calendar cannot be read")).ok()
        });
        Ok(KeptCalendar {
            copy,
            fetched_at: row.at_or_none("fetched_at")?,
            fault: row.text_or_none("fault")?.zip(row.at_or_none("fault_since")?),
        })
    }

    /// What changes a rota between two instants: overrides, and the events of its calendar.
    pub async fn on_call_changes(
        &self,
        key: &str,
        rota: &Rota,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Changes, StoreError> {
        let overrides = {
            let mut connection = self.readers().acquire().await?;
            overrides::in_force_at(&mut connection, key, from).await?
        };
        let calendar = match &rota.turns {
            Turns::Layers(_) => Vec::new(),
            Turns::Calendar(_) => {
                let copy = self.kept_calendar(key).await?.copy.unwrap_or_default();
                rota.shifts(&copy.events, from, until).0
            }
        };
        Ok(Changes { overrides, calendar })
    }
}
