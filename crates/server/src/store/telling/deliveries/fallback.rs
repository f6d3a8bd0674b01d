//! What one alert could not tell, told through another one.

use jiff::Timestamp;
use revere_model::{MuteSubject, Subject};

use super::{Delivery, handed_on};
use crate::{
    notification::Notification,
    store::{
        StoreError,
        columns::ids_text,
        database::{self as db, DbConnection},
        telling::{
            alert_records,
            mutes::held::Mutes,
            owing::owe,
            told_monitors::{chosen_alerts, hold},
        },
    },
};

/// What one alert could not tell, another one tells, once, saying so.
pub(in crate::store) async fn tell_instead(
    connection: &mut DbConnection,
    failed: &Delivery,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold(connection, failed.monitor_id).await?;
    let Some((other, _)) = stand_in(connection, failed, now).await? else {
        tracing::error!(alert = failed.alert_key, delivery = %failed.id, "given up, and no other alert is on to deliver it");
        return Ok(());
    };
    let notification = instead(&failed.notification, &failed.alert_key, error);
    owe(connection, failed.flip_id, &other, &notification, Some(failed.id.0), now).await?;
    Ok(())
}

/// The alert that tells instead, and whether it can now: one that is on and has no quiet hours now, rather one that no mute holds back
/// (else it tells when that ends), then one that such a problem of that monitor is for, then one that tells such states, then one
/// whose receiver took the last thing it was told; of several, the one that reached somebody last. Of what a rota handed on it is
/// none that failed at it; the problem goes back to that rota, which has the next ones, and the end to nobody whom only rotas tell:
/// they may never have heard of the problem.
pub(in crate::store) async fn stand_in(
    connection: &mut DbConnection,
    failed: &Delivery,
    now: Timestamp,
) -> Result<Option<(String, bool)>, StoreError> {
    let ids = ids_text([failed.monitor_id].into_iter());
    let chosen = chosen_alerts(connection, &ids).await?.remove(&failed.monitor_id);
    let subject = Subject {
        tags: &failed.notification.monitor.tags,
        alerts: chosen.as_deref(),
        state: failed.notification.new_state,
        severity: failed.notification.severity().or(failed.notification.old_severity),
    };
    let mutes = Mutes::read(connection, now).await?;
    let is_problem = failed.notification.new_state.is_problem();
    let rota = handed_on::handed_on_by(connection, failed).await?;
    let in_vain = match rota.is_some() || failed.instead_of.is_some() {
        true => handed_on::failed(connection, failed.flip_id).await?,
        false => Vec::new(),
    };
    let mut best = None;
    for row in alert_records::read_all(connection).await? {
        let about =
            MuteSubject { monitor: failed.monitor_id, tags: subject.tags, alert: &row.key, severity: subject.severity };
        let quiet = row.quiet(subject.severity, now).is_some();
        if !row.is_on() || row.key == failed.alert_key || quiet || in_vain.contains(&row.key) {
            continue;
        }
        let free = mutes.holding(&about, now).is_none();
        let is_its_rota = rota.as_ref() == Some(&row.key);
        let is_for = row.rules().elsewhere(&subject).is_none();
        if !is_problem && (is_its_rota || (row.on_call_only && !is_for)) {
            continue;
        }
        // What is settled late has an older number than what was settled before it, so that the newest so many are looked at.
        let last: Option<(bool, i64)> = db::query_as(
            "select is_sent, settled_at from
                 (select * from (select status = 'sent' as is_sent, settled_at from deliveries
                      where alert_key = $1 and status = 'sent' order by id desc limit 500) sent
                  union all
                  select * from (select status = 'sent' as is_sent, settled_at from deliveries
                      where alert_key = $1 and status = 'failed' order by id desc limit 500) failed) newest
             order by settled_at desc limit 1",
        )
        .bind(&row.key)
        .fetch_optional(&mut *connection)
        .await?;
        let tells = row.states.contains(failed.notification.new_state);
        let (works, since) = last.map_or((true, i64::MIN), |(sent, at)| (sent, at));
        let rank = (free, is_its_rota, is_for, tells, works, since);
        if best.as_ref().is_none_or(|(other, _)| *other < rank) {
            best = Some((rank, row.key));
        }
    }
    Ok(best.map(|((free, ..), key)| (key, free)))
}

/// What another alert tells of what `alert_key` could not.
pub(in crate::store) fn instead(was: &Notification, alert_key: &str, error: &str) -> Notification {
    Notification {
        message: format!("{} (the alert '{alert_key}' could not deliver this: {error})", was.message),
        key: format!("{}-instead", was.key),
        on_call: None,
        ..was.clone()
    }
}
