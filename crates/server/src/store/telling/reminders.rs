//! Reminders: what alerts tell again of problems that go on, through the same queue and in the same order as everything else.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, MuteSubject, Reminders, RunId, Severity, Subject, Told};

use super::{
    alert_records::{self, AlertRow},
    flapping,
    incidents::Described,
    keys,
    mutes::held::Mutes,
    owing::{late, owe},
    told_monitors::{IS_TOLD_OF, hold, last_change_of, summaries},
    told_records::told,
};
use crate::store::{
    Store, StoreError,
    columns::{Columns, alerts_from, ids_text, instant, micros, readable, tags_to_tell_by},
    database::{self as db, DbConnection, DbRow},
    reading::flips::flip,
};

/// What [`Store::remind`] came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reminded {
    /// How many deliveries came to be owed.
    pub owed: usize,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When the next is due; `None` if no problem is told that goes on.
    pub next_due: Option<Timestamp>,
}

/// A problem that was told, goes on, and that nobody looks after: what an alert may have to remind of. Where something is held back
/// of it, that says more, and comes first.
fn going_on() -> String {
    format!(
        "select t.monitor_id, t.state as told_state, t.open, t.severity, t.open_severity, t.reminded, m.tags,
         m.source, coalesce(t.told_at, s.state_since) as told_at,
         m.alerts, s.state, s.severity as severity_now,
         (select max(d.settled_at) from deliveries d
          where d.monitor_id = t.monitor_id and d.alert_key = t.alert_key and d.status = 'sent') as sent_at
     from told t join states s on s.monitor_id = t.monitor_id join monitors m on m.id = t.monitor_id
     where t.alert_key = $1 and t.open in ('ALARM', 'ERROR') and t.state = t.open and s.state = t.open
         and {IS_TOLD_OF} and coalesce(s.waits, '') not in ('held', 'recovering')
         and not exists (select 1 from deliveries d
             where d.monitor_id = t.monitor_id and d.alert_key = t.alert_key and d.status = 'owed')
         and not exists (select 1 from held h where h.monitor_id = t.monitor_id and h.alert_key = t.alert_key)
         and not exists (select 1 from acknowledgements k where k.monitor_id = t.monitor_id
             and k.flip_id = {})",
        last_change_of("t.monitor_id")
    )
}

/// One that may be due.
struct Candidate {
    monitor: MonitorId,
    /// Whether it stands for a source: whoever heard of the outage is reminded of it.
    is_source: bool,
    tags: Vec<String>,
    chosen: Option<Vec<String>>,
    told: Told,
    /// How bad it is by now.
    severity: Option<Severity>,
    due: Timestamp,
}

impl Candidate {
    fn about<'a>(&'a self, alert: &'a str) -> MuteSubject<'a> {
        MuteSubject { monitor: self.monitor, tags: &self.tags, alert, severity: self.severity }
    }

    /// Whether the alert is on, out of its quiet hours, and still for it: one that is for others by now tells the end, and
    /// reminds of nothing.
    fn is_for(&self, alerts: &[AlertRow], alert_key: &str, now: Timestamp) -> bool {
        let subject = Subject {
            tags: &self.tags,
            alerts: self.chosen.as_deref(),
            state: self.told.last_heard(),
            severity: self.severity.or(self.told.open_severity),
        };
        let here = |alert: &AlertRow| {
            let quiet = alert.quiet(subject.severity, now).is_some();
            alert.is_on() && !quiet && (self.is_source || alert.rules().elsewhere(&subject).is_none())
        };
        alerts.iter().any(|alert| alert.key == alert_key && here(alert))
    }
}

impl Store {
    /// Has an alert tell again what goes on and is due to be told again, of at most `limit` monitors.
    pub async fn remind(
        &self,
        alert: &str,
        reminders: Reminders,
        now: Timestamp,
        limit: usize,
    ) -> Result<Reminded, StoreError> {
        let (due, next_due) = {
            let mut connection = self.engine_readers().acquire().await?;
            let sql = format!("{} order by t.monitor_id", going_on());
            let rows = db::query(db::AssertSqlSafe(sql)).bind(alert).fetch_all(&mut connection).await?;
            let mut all = Vec::with_capacity(rows.len());
            for row in &rows {
                all.extend(readable(row, candidate(row, reminders))?);
            }
            let next_due = all.iter().map(|one| one.due).filter(|due| *due > now).min();
            let mutes = Mutes::read(&mut connection, now).await?;
            let alerts = alert_records::read_all(&mut connection).await?;
            let reminds = |one: &&Candidate| {
                one.due <= now && one.is_for(&alerts, alert, now) && mutes.holding(&one.about(alert), now).is_none()
            };
            let due: Vec<MonitorId> = all.iter().filter(reminds).map(|one| one.monitor).collect();
            let flapping = flapping::of_these(&mut connection, due.iter().copied(), now).await?;
            let due: Vec<MonitorId> = due.into_iter().filter(|monitor| !flapping.contains_key(monitor)).collect();
            (due, next_due)
        };
        if due.is_empty() {
            return Ok(Reminded { next_due, ..Reminded::default() });
        }
        let more = due.len() > limit;
        let alert = alert.to_owned();
        let due: Vec<MonitorId> = due.into_iter().take(limit).collect();
        let owed = self.write_patiently_about(due.clone(), move |connection| {
            Box::pin(async move {
                let mut owed = 0;
                for monitor in due {
                    owed += usize::from(tell_again(connection, &alert, monitor, reminders, now).await?);
                }
                Ok(owed)
            })
        });
        Ok(Reminded { owed: owed.await?, more, next_due })
    }
}

fn candidate(row: &DbRow, reminders: Reminders) -> Result<Candidate, StoreError> {
    let monitor = row.int("monitor_id")?;
    let told_at = row.at("told_at")?;
    // What arrived late was told then.
    let sent_at = row.int_or_none("sent_at")?.map(instant).transpose()?;
    let told_at = sent_at.map_or(told_at, |sent| sent.max(told_at));
    let due = reminders.due(told_at, row.number("reminded")?);
    let (tags, told) = (tags_to_tell_by(monitor, &row.text("tags")?), told(row, "told_state")?);
    let chosen = alerts_from(monitor, row.text_or_none("alerts")?);
    let severity = row.severity("severity_now", Some(row.state("state")?))?;
    let is_source = row.text_or_none("source")?.is_some();
    Ok(Candidate { monitor: MonitorId(monitor), is_source, tags, chosen, told, severity, due })
}

/// Writes that the alert owes a reminder, if it still is as it was looked at; whether it does.
async fn tell_again(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    reminders: Reminders,
    now: Timestamp,
) -> Result<bool, StoreError> {
    hold(connection, monitor).await?;
    let sql = format!("{} and t.monitor_id = $2", going_on());
    let row =
        db::query(db::AssertSqlSafe(sql)).bind(alert_key).bind(monitor.0).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(false) };
    let Some(candidate) = readable(&row, candidate(&row, reminders))? else { return Ok(false) };
    let muted = Mutes::read(connection, now).await?.holding(&candidate.about(alert_key), now).is_some();
    let flaps = flapping::of_these(connection, [monitor].into_iter(), now).await?.contains_key(&monitor);
    let alerts = alert_records::read_all(connection).await?;
    if candidate.due > now || muted || flaps || !candidate.is_for(&alerts, alert_key, now) {
        return Ok(false);
    }
    let reminded = row.number("reminded")?.saturating_add(1);
    let last = db::query(
        "select f.*, s.last_message, s.last_value, s.last_run_at, t.incident_id,
             (select max(r.id) from runs r where r.monitor_id = f.monitor_id and r.started_at = s.last_run_at) as last_run
         from flips f
         join states s on s.monitor_id = f.monitor_id
         join told t on t.monitor_id = f.monitor_id and t.alert_key = $2
         where f.monitor_id = $1 order by f.id desc limit 1",
    )
    .bind(monitor.0)
    .bind(alert_key)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(last) = last else { return Ok(false) };
    let Some(began) = readable(&last, flip(&last))? else { return Ok(false) };
    let Some(summary) = summaries(connection, &ids_text([monitor].into_iter())).await?.remove(&monitor) else {
        return Ok(false);
    };
    let instance = keys::instance(connection).await?;
    let incident = last.int_or_none("incident_id")?.map(FlipId);
    let incident = Described::new(&instance).get(connection, incident).await?;
    let key = keys::reminder(&instance, monitor, began.id, began.at, alert_key, row.at("told_at")?);
    let mut notification = late(&began, summary, &candidate.told, key, incident);
    // How it is now, not how it was when it began.
    if let Some(message) = last.text_or_none("last_message")? {
        notification.message = message;
        notification.return_value = last.value_shown("last_value")?;
    }
    notification.started_at = last.at_or_none("last_run_at")?;
    notification.run_id = last.int_or_none("last_run")?.map(RunId);
    notification.reminder = Some(reminded);
    owe(connection, began.id, alert_key, &notification, None, now).await?;
    db::query("update told set told_at = $1, reminded = $2 where alert_key = $3 and monitor_id = $4")
        .bind(micros(now))
        .bind(i64::from(reminded))
        .bind(alert_key)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(true)
}
