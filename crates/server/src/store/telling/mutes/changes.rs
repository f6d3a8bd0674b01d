//! Mutes that people ask for, and end.

use revere_model::{Act, Asked, MonitorId, MuteId, MutePeriod, MuteScope, Severity, Target, TargetKind};
use serde_json::Value;

use super::MuteRecord;
use crate::store::{
    Author, Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::micros,
    database as db,
    telling::{asked_for, owing},
};

impl Store {
    /// Mutes this. What is held back is told at its end by [`Store::tell_held`].
    pub async fn add_mute(
        &self,
        scope: &MuteScope,
        period: &MutePeriod,
        asked: &Asked,
    ) -> Result<MuteRecord, StoreError> {
        let (scope, period, asked) = (scope.clone(), period.clone(), asked.clone());
        let id = self.act(move |connection| {
            Box::pin(async move {
                let who = Author::of(&asked.by.who);
                let monitors: Vec<i64> = scope.monitors.iter().map(|monitor| monitor.0).collect();
                let monitors = serde_json::to_string(&monitors).expect("a list of numbers always has a JSON form");
                let id: i64 = db::query_scalar(
                    "insert into mutes (monitor_ids, tag, alert_key, severity, starts_at, ends_at, schedule, timezone, duration_s,
                         reason, created_at, who, who_id, who_name)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id",
                )
                .bind(&monitors)
                .bind(&scope.tag)
                .bind(&scope.alert)
                .bind(scope.severity.map(Severity::as_str))
                .bind(micros(period.starts_at))
                .bind(period.ends_at.map(micros))
                .bind(period.recurs.as_ref().map(|recurs| recurs.schedule.to_string()))
                .bind(period.recurs.as_ref().map(|recurs| recurs.timezone().to_owned()))
                .bind(period.recurs.as_ref().map(|recurs| recurs.duration.as_secs()))
                .bind(&asked.note)
                .bind(micros(asked.at))
                .bind(&who.kind)
                .bind(who.id)
                .bind(&who.name)
                .fetch_one(connection)
                .await?;
                let entry = entry(Act::MuteAdded, MuteId(id), &scope, &period, &asked);
                Ok(Acted::done(MuteId(id), entry))
            })
        });
        self.mute(id.await?).await
    }

    /// Ends a mute before its time. What it held back and is not over is told as soon as nothing else holds it. One that is
    /// over stays as it is.
    pub async fn end_mute(&self, id: MuteId, asked: &Asked) -> Result<MuteRecord, StoreError> {
        let was = self.mute(id).await?;
        if was.is_over(asked.at) {
            return Ok(was);
        }
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let is_ended = asked_for::end(connection, "mutes", id.0, &asked).await?;
                owing::let_go_of(connection, id, asked.at).await?;
                if !is_ended {
                    return Ok(Acted::nothing(()));
                }
                Ok(Acted::done((), entry(Act::MuteEnded, id, &was.mute.scope, &was.mute.period, &asked)))
            })
        })
        .await?;
        self.mute(id).await
    }
}

fn entry(act: Act, id: MuteId, scope: &MuteScope, period: &MutePeriod, asked: &Asked) -> AuditEntry {
    let mut entry = AuditEntry::new(act, asked).about(Target::new(TargetKind::Mute, id, ""));
    if !scope.monitors.is_empty() {
        let ids = scope.monitors.iter().map(|MonitorId(id)| Value::from(*id));
        entry = entry.saying("monitors", Value::from_iter(ids));
    }
    if let Some(tag) = &scope.tag {
        entry = entry.saying("tag", tag.as_str());
    }
    if let Some(alert) = &scope.alert {
        entry = entry.saying("alert", alert.as_str());
    }
    if let Some(severity) = scope.severity {
        entry = entry.saying("severity", severity.as_str());
    }
    if act == Act::MuteAdded {
        entry = entry.saying("starts_at", period.starts_at.to_string());
        if let Some(end) = period.ends_at {
            entry = entry.saying("ends_at", end.to_string());
        }
        if let Some(recurs) = &period.recurs {
            let words = format!("{} ({}), {} s each", recurs.schedule, recurs.timezone(), recurs.duration.as_secs());
            entry = entry.saying("recurs", words);
        }
    }
    entry.noting(asked)
}
