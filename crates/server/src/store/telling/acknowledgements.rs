//! Acknowledgements: somebody said that they look after a problem. It is of one change of state, and over with the next one.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use revere_model::{Act, Asked, DeliveryId, FlipId, MonitorId, State, Target, TargetKind};

use super::{
    deliveries,
    told_monitors::{IS_TOLD_OF, hold, last_change_of},
};
use crate::store::{
    Author, Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, ids_text, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
};

/// Somebody said that they look after a problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement {
    /// The monitor.
    pub monitor_id: MonitorId,
    /// The change of state that made it a problem as it is.
    pub flip_id: FlipId,
    /// When they said so.
    pub at: Timestamp,
    /// Who.
    pub author: Author,
    /// The alert whose message had the link they used.
    pub alert: Option<String>,
    /// What they said, in one line; empty if nothing.
    pub note: String,
}

/// What becomes of an acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acknowledged {
    /// It is written down.
    Now(Acknowledgement),
    /// Somebody had said so already.
    Before(Acknowledgement),
    /// There is no such problem any more: this is the state now.
    Over(State),
}

/// By what somebody acknowledges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AcknowledgedBy {
    /// A page or a program.
    Request,
    /// The link in the message of an alert.
    Link {
        /// The alert.
        alert: String,
    },
}

/// A message that was told, as far as a link in it needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldMessage {
    /// The alert.
    pub alert: String,
    /// The monitor.
    pub monitor: MonitorId,
    /// The change of state it told of.
    pub flip: FlipId,
}

impl Store {
    /// Writes down that whoever asks looks after the problem of a monitor: the one that `flip` began, or the one there is.
    pub async fn acknowledge(
        &self,
        monitor: MonitorId,
        flip: Option<FlipId>,
        by: AcknowledgedBy,
        asked: &Asked,
    ) -> Result<Acknowledged, StoreError> {
        let asked = asked.clone();
        self.act_about(vec![monitor], move |connection| {
            Box::pin(async move {
                let Held { name, state, last } = held(connection, monitor).await?;
                let Some(last) = last.filter(|last| state.is_problem() && flip.is_none_or(|flip| flip >= *last)) else {
                    return Ok(Acted::nothing(Acknowledged::Over(state)));
                };
                if let Some(before) = of_flip(connection, last).await? {
                    return Ok(Acted::nothing(Acknowledged::Before(before)));
                }
                let (act, alert) = match by {
                    AcknowledgedBy::Request => (Act::Acknowledged, None),
                    AcknowledgedBy::Link { alert } => (Act::AcknowledgedByLink, Some(alert)),
                };
                let made = Acknowledgement {
                    monitor_id: monitor,
                    flip_id: last,
                    at: asked.at,
                    author: Author::of(&asked.by.who),
                    alert,
                    note: asked.note.clone(),
                };
                insert(connection, &made).await?;
                deliveries::acknowledged(connection, monitor, asked.at).await?;
                let mut entry = AuditEntry::new(act, &asked)
                    .about(Target::new(TargetKind::Monitor, monitor, name))
                    .saying("state", state.as_str());
                if let Some(alert) = &made.alert {
                    entry = entry.saying("alert", alert.as_str());
                }
                Ok(Acted::done(Acknowledged::Now(made), entry.noting(&asked)))
            })
        })
        .await
    }

    /// Deletes that somebody looks after the problem of a monitor; answers who did, if anybody. Reminders, and the next ones of
    /// `rotas` (each with how long it waits for them), go on as if it had been told now.
    pub async fn take_back_acknowledgement(
        &self,
        monitor: MonitorId,
        rotas: Vec<(String, SignedDuration)>,
        asked: &Asked,
    ) -> Result<Option<Acknowledgement>, StoreError> {
        let asked = asked.clone();
        self.act_about(vec![monitor], move |connection| {
            Box::pin(async move {
                let Held { name, state, last } = held(connection, monitor).await?;
                let Some(last) = last.filter(|_| state.is_problem()) else { return Ok(Acted::nothing(None)) };
                let Some(was) = of_flip(connection, last).await? else { return Ok(Acted::nothing(None)) };
                db::query("delete from acknowledgements where flip_id = $1")
                    .bind(last.0)
                    .execute(&mut *connection)
                    .await?;
                db::query("update told set told_at = $1 where monitor_id = $2 and open in ('ALARM', 'ERROR')")
                    .bind(micros(asked.at))
                    .bind(monitor.0)
                    .execute(&mut *connection)
                    .await?;
                for (rota, after) in &rotas {
                    // Where everybody was told, nobody is left to be told next.
                    let next = asked.at.saturating_add(*after).unwrap_or(asked.at);
                    let step = "update on_call_rounds set next_at = $1 where rota = $2 and monitor_id = $3 and next_at is not null";
                    db::query(step).bind(micros(next)).bind(rota).bind(monitor.0).execute(&mut *connection).await?;
                }
                let entry = AuditEntry::new(Act::AcknowledgementTakenBack, &asked)
                    .about(Target::new(TargetKind::Monitor, monitor, name))
                    .saying("state", state.as_str())
                    .noting(&asked);
                Ok(Acted::done(Some(was), entry))
            })
        })
        .await
    }

    /// Who looks after the present problems of these monitors.
    pub async fn acknowledgements(
        &self,
        monitors: &[MonitorId],
    ) -> Result<HashMap<MonitorId, Acknowledgement>, StoreError> {
        if monitors.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "select k.* from acknowledgements k join states s on s.monitor_id = k.monitor_id
             where k.monitor_id {} and s.state in ('ALARM', 'ERROR') and k.flip_id = {}",
            sql_pieces::among("$1"),
            last_change_of("k.monitor_id")
        );
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(ids_text(monitors.iter().copied()))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(|row| acknowledgement(row).map(|made| (made.monitor_id, made))).collect()
    }

    /// The change that made the problem of a monitor what it is.
    pub async fn last_change(&self, monitor: MonitorId) -> Result<Option<FlipId>, StoreError> {
        let sql = format!("select {}", last_change_of("$1"));
        let id: Option<i64> =
            db::query_scalar(db::AssertSqlSafe(sql)).bind(monitor.0).fetch_one(self.readers()).await?;
        Ok(id.map(FlipId))
    }

    /// What a link in a message needs of it; `None` if it is not kept any more.
    pub async fn told_message(&self, id: DeliveryId) -> Result<Option<ToldMessage>, StoreError> {
        let row = db::query("select alert_key, monitor_id, flip_id from deliveries where id = $1")
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| {
            Ok(ToldMessage {
                alert: row.text("alert_key")?,
                monitor: MonitorId(row.int("monitor_id")?),
                flip: FlipId(row.int("flip_id")?),
            })
        })
        .transpose()
    }
}

/// A monitor that is held for its problem to be acknowledged, or not to be so any more.
struct Held {
    name: String,
    state: State,
    /// The change of state that made it what it is.
    last: Option<FlipId>,
}

async fn held(connection: &mut DbConnection, monitor: MonitorId) -> Result<Held, StoreError> {
    hold(connection, monitor).await?;
    let sql = format!(
        "select s.state, m.name, {} as last_change from states s join monitors m on m.id = s.monitor_id
         where s.monitor_id = $1 and {IS_TOLD_OF}",
        last_change_of("s.monitor_id")
    );
    let row = db::query(db::AssertSqlSafe(sql)).bind(monitor.0).fetch_one(connection).await?;
    Ok(Held { name: row.text("name")?, state: row.state("state")?, last: row.int_or_none("last_change")?.map(FlipId) })
}

async fn of_flip(connection: &mut DbConnection, flip: FlipId) -> Result<Option<Acknowledgement>, StoreError> {
    let row =
        db::query("select * from acknowledgements where flip_id = $1").bind(flip.0).fetch_optional(connection).await?;
    row.as_ref().map(acknowledgement).transpose()
}

async fn insert(connection: &mut DbConnection, made: &Acknowledgement) -> Result<(), StoreError> {
    db::query(
        "insert into acknowledgements (flip_id, monitor_id, at, who, who_id, who_name, alert_key, note)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(made.flip_id.0)
    .bind(made.monitor_id.0)
    .bind(micros(made.at))
    .bind(&made.author.kind)
    .bind(made.author.id)
    .bind(&made.author.name)
    .bind(&made.alert)
    .bind(&made.note)
    .execute(connection)
    .await?;
    Ok(())
}

fn acknowledgement(row: &DbRow) -> Result<Acknowledgement, StoreError> {
    Ok(Acknowledgement {
        monitor_id: MonitorId(row.int("monitor_id")?),
        flip_id: FlipId(row.int("flip_id")?),
        at: row.at("at")?,
        author: Author { kind: row.text("who")?, id: row.int_or_none("who_id")?, name: row.text_or_none("who_name")? },
        alert: row.text_or_none("alert_key")?,
        note: row.text("note")?,
    })
}
