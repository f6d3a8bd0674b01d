//! What people choose about an alert, what a configuration brings, and what either does to what is owed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use revere_model::{
    Act, Asked, FlipId, MonitorId, MuteSubject, QuietHours, Severity, Silence, State, Subject, Target, TargetKind,
    Told, Verdict, Waits, tell,
};
use serde_json::Value;

use super::{
    alert_choices::AlertChange,
    alert_records::{self, AlertRow, read_all, write_choice, write_configured},
    incidents::Heard,
    mutes::held::{self, Mutes},
};
use crate::notification::Notification;
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, alerts_from, micros, tags_to_tell_by, word},
    database::{self as db, DbConnection, sql_pieces},
    telling::{
        deliveries::handed_on,
        owing::owe_last_flip,
        told_monitors::IS_TOLD_OF,
        told_records::{remember, told},
    },
};

/// An alert as the configuration has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConfiguredAlert {
    /// Its name.
    pub key: String,
    /// Whether it is switched on there.
    pub enabled: bool,
    /// Whether it tells by itself only of monitors that name it: it reaches somebody of a rota.
    pub on_call_only: bool,
    /// When it holds back what can wait.
    pub quiet_hours: Option<QuietHours>,
}

impl Store {
    /// Takes over the alerts of the configuration, at start. New ones tell the default states. Those that are gone keep
    /// their settings and what they owe until it is given up. One that comes back first sends what it still owes, tells
    /// the ends of the problems it told before, and follows all else in silence; one that comes back switched off owes
    /// nothing any more. Where nothing has changed nothing is written, so a full disk prevents no start.
    pub async fn sync_alerts(
        &self,
        configured: &[ConfiguredAlert],
        now: Timestamp,
    ) -> Result<Vec<AlertRow>, StoreError> {
        let before = self.alerts().await?;
        if changes(&before, configured).is_empty() {
            return Ok(before);
        }
        let configured = configured.to_vec();
        self.write(move |connection| {
            Box::pin(async move {
                alert_records::hold_all(connection).await?;
                let before = read_all(connection).await?;
                for is in changes(&before, &configured) {
                    let is = write_configured(connection, &is).await?;
                    let Some(was) = before.iter().find(|row| row.key == is.key) else { continue };
                    if is.in_config {
                        settle_change(connection, was, &is, now).await?;
                    }
                }
                read_all(connection).await
            })
        })
        .await
    }

    /// Changes what people chose about an alert. Switching it off cancels what it owes; once it is on again it tells what has
    /// become of the problems that it told before, and nothing else of what is past.
    pub async fn set_alert(
        &self,
        key: &str,
        change: impl Into<AlertChange>,
        asked: &Asked,
    ) -> Result<AlertRow, StoreError> {
        let (key, change, asked) = (key.to_owned(), change.into(), asked.clone());
        self.act(move |connection| {
            Box::pin(async move {
                alert_records::hold_all(connection).await?;
                let was = read_all(connection).await?.into_iter().find(|row| row.key == key);
                let was = was.ok_or(StoreError::NotFound)?;
                let is = write_choice(connection, &key, &change.of(&was.seen())).await?;
                settle_change(connection, &was, &is, asked.at).await?;
                let states = |row: &AlertRow| Value::from_iter(row.states.iter().map(State::as_str));
                let severities = |row: &AlertRow| Value::from_iter(row.severities.iter().map(Severity::as_str));
                let entry = AuditEntry::new(Act::AlertChanged, &asked)
                    .about(Target::new(TargetKind::Alert, &is.key, ""))
                    .changing("enabled", was.enabled.into(), is.enabled.into())
                    .changing("states", states(&was), states(&is))
                    .changing("severities", severities(&was), severities(&is))
                    .changing("tags", was.tags.clone().into(), is.tags.clone().into());
                Ok(if entry.details.is_empty() { Acted::nothing(is) } else { Acted::done(is, entry) })
            })
        })
        .await
    }
}

/// The rows that a configuration changes, as they are to be.
fn changes(before: &[AlertRow], configured: &[ConfiguredAlert]) -> Vec<AlertRow> {
    let gone = before.iter().filter(|row| row.in_config && !configured.iter().any(|alert| alert.key == row.key));
    let mut changes: Vec<AlertRow> = gone.map(|row| AlertRow { in_config: false, ..row.clone() }).collect();
    for alert in configured {
        let was = before.iter().find(|row| row.key == alert.key);
        let known = was.cloned().unwrap_or_else(|| AlertRow::new(&alert.key));
        let is = AlertRow {
            in_config: true,
            enabled_in_config: alert.enabled,
            on_call_only: alert.on_call_only,
            quiet_hours: alert.quiet_hours.clone(),
            ..known
        };
        if was != Some(&is) {
            changes.push(is);
        }
    }
    changes
}

/// What a change of an alert does to what it owes and told.
pub(in crate::store) async fn settle_change(
    connection: &mut DbConnection,
    was: &AlertRow,
    is: &AlertRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let returns = is.in_config && !was.in_config;
    match is.is_on() {
        true if returns || !was.is_on() => returned(connection, is, None, now).await,
        // It left the configuration and may owe something; nobody will send that now.
        false if was.is_on() || returns || (was.enabled && !is.enabled) => switched_off(connection, &is.key, now).await,
        _ => Ok(()),
    }
}

/// Keeps the rows of all monitors that the alert told of until the end of the transaction, as [`hold`] does that of one:
/// what is read of them afterwards stays so, and whoever changes one of them next sees the alert as it is now.
///
/// [`hold`]: crate::store::telling::told_monitors::hold
async fn hold_told(connection: &mut DbConnection, key: &str) -> Result<(), StoreError> {
    // In the order in which everybody keeps them.
    let keeping = format!(
        "select monitor_id from states where monitor_id in (select monitor_id from told where alert_key = $1)
         order by monitor_id {}",
        sql_pieces::KEEPING
    );
    let _: Vec<i64> = db::query_scalar(db::AssertSqlSafe(keeping)).bind(key).fetch_all(&mut *connection).await?;
    db::query(
        "update states set failing_streak = failing_streak
         where monitor_id in (select monitor_id from told where alert_key = $1)",
    )
    .bind(key)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing stays owed. What people were told stays open, so that they hear what became of it once the alert is on again.
async fn switched_off(connection: &mut DbConnection, key: &str, now: Timestamp) -> Result<(), StoreError> {
    hold_told(connection, key).await?;
    handed_on::switched_off(connection, key, now).await?;
    let cancelled: Vec<i64> = db::query_scalar(
        "update deliveries set status = 'cancelled', settled_at = $1, next_attempt_at = null, claimed_by = null,
             last_error = coalesce(last_error || '; ', '') || 'the alert was switched off'
         where alert_key = $2 and status = 'owed' returning monitor_id",
    )
    .bind(micros(now))
    .bind(key)
    .fetch_all(&mut *connection)
    .await?;
    let monitors: BTreeSet<MonitorId> = cancelled.into_iter().map(MonitorId).collect();
    for monitor in monitors {
        as_sent(connection, key, monitor).await?;
    }
    held::forget_alert(connection, key).await?;
    db::query(
        "update told set open_severity = null, incident_id = null,
             (state, severity) = (select s.state, s.severity from states s where s.monitor_id = told.monitor_id)
         where alert_key = $1 and open is null",
    )
    .bind(key)
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets what the alert told of a monitor back to what reached anybody: what was owed besides was cancelled.
async fn as_sent(connection: &mut DbConnection, key: &str, monitor: MonitorId) -> Result<(), StoreError> {
    let rows = db::query(
        "select f.new_state, f.severity, d.incident_id, d.notification from deliveries d join flips f on f.id = d.flip_id
         where d.alert_key = $1 and d.monitor_id = $2 and d.status = 'sent' and d.instead_of is null
         order by d.id desc limit 50",
    )
    .bind(key)
    .bind(monitor.0)
    .fetch_all(&mut *connection)
    .await?;
    let mut sent = Heard::default();
    for row in &rows {
        let notification: Option<Notification> = serde_json::from_str(&row.text("notification")?).ok();
        if notification.is_some_and(|told| told.on_call.is_some()) {
            // Not by itself, but because of a rota, which knows whom it told.
            continue;
        }
        let state = row.state("new_state")?;
        if state != State::Ok {
            let severity = row.severity("severity", Some(state))?.filter(|_| state.is_problem());
            let told = Told { state: Some(state), severity, open: Some(state), open_severity: severity };
            sent = Heard { told, incident: row.int_or_none("incident_id")?.map(FlipId) };
        }
        break;
    }
    match sent.told.state {
        Some(_) => remember(connection, key, monitor, sent).await,
        None => {
            db::query("update told set open = null where alert_key = $1 and monitor_id = $2")
                .bind(key)
                .bind(monitor.0)
                .execute(connection)
                .await?;
            Ok(())
        }
    }
}

/// A monitor is back, and alerts that were away meanwhile may have told of it what is long over.
pub(in crate::store) async fn monitor_returned(
    connection: &mut DbConnection,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    for alert in alert_records::read_all(connection).await? {
        if alert.is_on() {
            returned(connection, &alert, Some(monitor), now).await?;
        }
    }
    Ok(())
}

/// An alert is back in the configuration or switched on, or one monitor is back: problems it told before get their end, unless a
/// mute holds it back; the rest is followed in silence. What is held back stays so, until nothing holds it any more.
async fn returned(
    connection: &mut DbConnection,
    alert: &AlertRow,
    monitor: Option<MonitorId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold_told(connection, &alert.key).await?;
    let mutes = Mutes::read(connection, now).await?;
    let sql = format!(
        "select t.monitor_id, t.state as told_state, t.open, t.severity, t.open_severity, t.incident_id, s.state,
             s.severity as severity_now, s.incident_id as going_on, m.tags, m.alerts, s.waits
         from told t join states s on s.monitor_id = t.monitor_id join monitors m on m.id = t.monitor_id
         where t.alert_key = $1 and t.open is not null and {IS_TOLD_OF} and (t.state <> s.state
             or coalesce(t.severity, 'critical') <> coalesce(s.severity, 'critical'))
             and ($2 = 0 or t.monitor_id = $2)"
    );
    let rows = db::query(db::AssertSqlSafe(sql))
        .bind(&alert.key)
        .bind(monitor.map_or(0, |monitor| monitor.0))
        .fetch_all(&mut *connection)
        .await?;
    db::query(
        "update told set (state, severity) =
             (select s.state, s.severity from states s where s.monitor_id = told.monitor_id)
         where alert_key = $1 and open is null and ($2 = 0 or monitor_id = $2) and not exists
             (select 1 from held h where h.alert_key = told.alert_key and h.monitor_id = told.monitor_id)",
    )
    .bind(&alert.key)
    .bind(monitor.map_or(0, |monitor| monitor.0))
    .execute(&mut *connection)
    .await?;
    for row in &rows {
        let monitor = MonitorId(row.int("monitor_id")?);
        let heard = Heard { told: told(row, "told_state")?, incident: row.int_or_none("incident_id")?.map(FlipId) };
        let (current, going_on) = (row.state("state")?, row.int_or_none("going_on")?.map(FlipId));
        let severity = row.severity("severity_now", Some(current))?;
        let (tags, chosen) =
            (tags_to_tell_by(monitor.0, &row.text("tags")?), alerts_from(monitor.0, row.text_or_none("alerts")?));
        let subject = Subject { tags: &tags, alerts: chosen.as_deref(), state: current, severity };
        let severity = severity.or(heard.told.open_severity);
        let about = MuteSubject { monitor, tags: &tags, alert: &alert.key, severity };
        let quiet = alert.quiet(severity, now).map(|_| Silence::QuietHours);
        let waits: Option<Waits> = row.text_or_none("waits")?.map(|waits| word(&waits)).transpose()?;
        let waits = waits.filter(|waits| waits.holds()).map(|_| Silence::WaitsForSource);
        let held = waits.or(mutes.holding(&about, now).map(|_| Silence::Muted)).or(quiet);
        let decision = tell(&heard.told, &alert.rules(), &subject, held);
        if matches!(decision.verdict, Verdict::Silent(why) if Some(why) == held) {
            held::keep(connection, &alert.key, monitor, heard, now).await?;
        }
        if decision.told != heard.told {
            remember(connection, &alert.key, monitor, heard.then(decision.told, going_on)).await?;
        }
        if decision.verdict == Verdict::Owed {
            owe_last_flip(connection, &alert.key, monitor, heard, now).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_store::with_a_claim;

    /// What another server commits while this one waits for the row of a monitor is there once it holds that row: here
    /// the end of a problem, which nobody else will tell.
    #[tokio::test]
    async fn a_flip_that_came_before_the_row_was_held_is_told_by_an_alert_that_returns() {
        let (_folder, store, mut connection, claimed) = with_a_claim().await;
        let now = claimed.tick_at;
        let ops = [ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() }];
        store.sync_alerts(&ops, now).await.unwrap();
        store.sync_alerts(&[], now).await.unwrap();
        db::raw_sql(
            "update states set state = 'ALARM', state_since = 1;
             insert into told (alert_key, monitor_id, state, open) values ('ops', 1, 'ALARM', 'ALARM');
             create trigger another after update of failing_streak on states begin
                 insert into flips (monitor_id, at, old_state, new_state, message) values (1, 2, 'ALARM', 'OK', 'well');
                 update states set state = 'OK', state_since = 2;
             end",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        store.sync_alerts(&ops, now).await.unwrap();
        let owed: Vec<String> =
            db::query_scalar("select json_extract(notification, '$.new_state') from deliveries where status = 'owed'")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        assert_eq!(owed, ["OK"]);
        let told: (String, Option<String>) =
            db::query_as("select state, open from told").fetch_optional(&mut connection).await.unwrap().unwrap();
        assert_eq!(told, ("OK".to_owned(), None));
    }
}
