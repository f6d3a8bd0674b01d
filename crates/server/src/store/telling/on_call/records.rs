//! What is kept of problems that a rota told: who was told, and when the next one is.

use jiff::Timestamp;
use revere_model::{MonitorId, MuteSubject, Severity};

use super::known::{Known, Usable};
use crate::store::{
    StoreError,
    columns::{Columns, micros, tags_to_tell_by},
    database::{self as db, DbConnection, DbRow},
    telling::{
        flapping,
        told_monitors::{IS_TOLD_OF, last_change_of},
    },
};

/// Somebody who was told of a problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ToldPerson {
    pub(super) person: String,
    /// The alert that told them; empty where none could.
    pub(super) alert: String,
    /// Whether since the last change that began to ask from the beginning.
    pub(super) in_round: bool,
    /// What the rota owed of the end, where a mute holds that back.
    pub(super) ends_with: Option<i64>,
}

impl ToldPerson {
    /// Whether they were told of the problem that goes on, and are told its end with all others.
    pub(super) fn hears(&self) -> bool {
        !self.alert.is_empty() && self.ends_with.is_none()
    }
}

/// A problem of which the next one is to be told, unless something holds that back.
pub(super) struct DueStep {
    pub(super) monitor: MonitorId,
    pub(super) tags: Vec<String>,
    /// Whether the monitor still is in a problem.
    pub(super) is_problem: bool,
    pub(super) severity: Option<Severity>,
    /// Whether somebody looks after it.
    pub(super) acknowledged: bool,
    /// Whether the rota has told a problem that goes on.
    pub(super) open: bool,
    /// What the rota owed and was told because of it.
    pub(super) delivery: i64,
}

/// The problems of which the next one may have to be told: all of the rota, or that of one monitor.
pub(super) async fn due_steps(
    connection: &mut DbConnection,
    rota: &str,
    now: Timestamp,
    monitor: Option<MonitorId>,
) -> Result<Vec<DueStep>, StoreError> {
    // Where the state changed meanwhile, what the rota owes of that comes first.
    let sql = format!(
        "select r.monitor_id, r.delivery_id, m.tags, s.state, s.severity as severity_now, t.open,
             (select k.flip_id from acknowledgements k
                 where k.monitor_id = r.monitor_id and k.flip_id = {}) as acknowledged
         from on_call_rounds r join monitors m on m.id = r.monitor_id join states s on s.monitor_id = r.monitor_id
         left join told t on t.monitor_id = r.monitor_id and t.alert_key = r.rota
         where r.rota = $1 and r.next_at <= $2 and ($3 = 0 or r.monitor_id = $3) and {IS_TOLD_OF}
             and not exists (select 1 from deliveries d
                 where d.monitor_id = r.monitor_id and d.alert_key = r.rota and d.status = 'owed')
         order by r.next_at, r.monitor_id",
        last_change_of("r.monitor_id")
    );
    let rows = db::query(db::AssertSqlSafe(sql))
        .bind(rota)
        .bind(micros(now))
        .bind(monitor.map_or(0, |monitor| monitor.0))
        .fetch_all(connection)
        .await?;
    let read = |row: &DbRow| {
        // One that cannot be read keeps no other from being told.
        step(row).inspect_err(
            |error| tracing::error!(alert = rota, %error, "whether the next one is notified cannot be read"),
        )
    };
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

fn step(row: &DbRow) -> Result<DueStep, StoreError> {
    let (monitor, state) = (row.int("monitor_id")?, row.state("state")?);
    Ok(DueStep {
        monitor: MonitorId(monitor),
        tags: tags_to_tell_by(monitor, &row.text("tags")?),
        is_problem: state.is_problem(),
        severity: row.severity("severity_now", Some(state))?,
        acknowledged: row.int_or_none("acknowledged")?.is_some(),
        open: matches!(row.text_or_none("open")?.as_deref(), Some("ALARM" | "ERROR")),
        delivery: row.int("delivery_id")?,
    })
}

/// Those of them that nothing holds back now: no mute, no quiet hours, and neither flaps the monitor nor is the rota off.
pub(super) async fn not_held(
    connection: &mut DbConnection,
    known: &Known,
    rota: &str,
    steps: Vec<DueStep>,
    now: Timestamp,
) -> Result<Vec<DueStep>, StoreError> {
    let flapping = flapping::of_these(connection, steps.iter().map(|step| step.monitor), now).await?;
    let is_free = |step: &DueStep| {
        let about = MuteSubject { monitor: step.monitor, tags: &step.tags, alert: rota, severity: step.severity };
        step.is_problem && known.usable(&about, now) == Usable::Yes && !flapping.contains_key(&step.monitor)
    };
    // What is over or looked after is no longer waited for, whatever holds it.
    let free = |step: &DueStep| !step.open || step.acknowledged || is_free(step);
    Ok(steps.into_iter().filter(free).collect())
}

/// Whether somebody looks after the problem of a monitor, as it is since its last change.
pub(super) async fn is_acknowledged(connection: &mut DbConnection, monitor: MonitorId) -> Result<bool, StoreError> {
    let sql = format!(
        "select count(*) from acknowledgements k where k.monitor_id = $1 and k.flip_id = {}",
        last_change_of("$1")
    );
    let known: i64 = db::query_scalar(db::AssertSqlSafe(sql)).bind(monitor.0).fetch_one(connection).await?;
    Ok(known > 0)
}

/// Who was told of the problem of a monitor.
pub(super) async fn told(
    connection: &mut DbConnection,
    rota: &str,
    monitor: MonitorId,
) -> Result<Vec<ToldPerson>, StoreError> {
    let rows = db::query("select * from on_call_told where rota = $1 and monitor_id = $2 order by person, alert_key")
        .bind(rota)
        .bind(monitor.0)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(ToldPerson {
                person: row.text("person")?,
                alert: row.text("alert_key")?,
                in_round: row.flag("in_round")?,
                ends_with: row.int_or_none("ends_with")?,
            })
        })
        .collect()
}

/// Notes that somebody was told in this round, or could not be where `alert` is empty.
pub(super) async fn remember(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    person: &str,
    alert: &str,
) -> Result<(), StoreError> {
    db::query(
        "insert into on_call_told (rota, monitor_id, person, alert_key, in_round) values ($1, $2, $3, $4, $5)
         on conflict (rota, monitor_id, person, alert_key) do update set in_round = excluded.in_round, ends_with = null",
    )
    .bind(rota)
    .bind(monitor.0)
    .bind(person)
    .bind(alert)
    .bind(true)
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins to ask from the beginning: of another problem, or of one that changed.
pub(super) async fn begin(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    delivery: i64,
    incident: Option<i64>,
) -> Result<(), StoreError> {
    let going_on = going_on(connection, (rota, monitor)).await?;
    if going_on.is_some_and(|going_on| going_on != incident) {
        // Whoever heard of another problem, whose end is not told, has heard nothing of this one.
        let step = "delete from on_call_told where rota = $1 and monitor_id = $2 and ends_with is null";
        db::query(step).bind(rota).bind(monitor.0).execute(&mut *connection).await?;
    }
    // Whoever has not heard the end of the one before yet hears that of this one.
    let step = "update on_call_told set in_round = $3, ends_with = null where rota = $1 and monitor_id = $2";
    db::query(step).bind(rota).bind(monitor.0).bind(false).execute(&mut *connection).await?;
    db::query(
        "insert into on_call_rounds (rota, monitor_id, delivery_id, incident_id, next_at) values ($1, $2, $3, $4, null)
         on conflict (rota, monitor_id) do update set delivery_id = excluded.delivery_id,
             incident_id = excluded.incident_id, next_at = null",
    )
    .bind(rota)
    .bind(monitor.0)
    .bind(delivery)
    .bind(incident)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes when the next one is told; `None` is never.
pub(super) async fn next_at(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    db::query("update on_call_rounds set next_at = $1 where rota = $2 and monitor_id = $3")
        .bind(at.map(micros))
        .bind(rota)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The incident of the problem that the rota has told and that goes on; `None` if none does.
pub(super) async fn going_on(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
) -> Result<Option<Option<i64>>, StoreError> {
    let query = db::query_scalar("select incident_id from on_call_rounds where rota = $1 and monitor_id = $2");
    Ok(query.bind(rota).bind(monitor.0).fetch_optional(connection).await?)
}

/// What the rota owed of the end of an incident, if it has come to that.
pub(super) async fn end_of(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    incident: Option<i64>,
) -> Result<Option<i64>, StoreError> {
    let query = db::query_scalar(
        "select max(d.id) from deliveries d join flips f on f.id = d.flip_id
         where d.monitor_id = $1 and d.alert_key = $2 and d.incident_id = $3 and d.instead_of is null
             and d.status <> 'owed' and f.new_state in ('OK', 'INACTIVE')",
    );
    Ok(query.bind(monitor.0).bind(rota).bind(incident).fetch_one(connection).await?)
}

/// The problem is over: nobody is told any more, but for those whose end something holds back.
pub(super) async fn over(connection: &mut DbConnection, (rota, monitor): (&str, MonitorId)) -> Result<(), StoreError> {
    closed(connection, (rota, monitor)).await?;
    db::query("delete from on_call_told where rota = $1 and monitor_id = $2 and ends_with is null")
        .bind(rota)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The next ones are not told any more. Who hears of it still stays.
pub(super) async fn closed(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
) -> Result<(), StoreError> {
    db::query("delete from on_call_rounds where rota = $1 and monitor_id = $2")
        .bind(rota)
        .bind(monitor.0)
        .execute(&mut *connection)
        .await?;
    db::query("delete from on_call_told where rota = $1 and monitor_id = $2 and alert_key = ''")
        .bind(rota)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that somebody is told the end with `delivery` of the rota, once nothing holds it back; with `None`, that they hear the
/// next end with all others.
pub(super) async fn end_held(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    (person, alert): (&str, &str),
    delivery: Option<i64>,
) -> Result<(), StoreError> {
    db::query(
        "update on_call_told set ends_with = $5, in_round = $6
         where rota = $1 and monitor_id = $2 and person = $3 and alert_key = $4",
    )
    .bind(rota)
    .bind(monitor.0)
    .bind(person)
    .bind(alert)
    .bind(delivery)
    .bind(false)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing more is told to somebody.
pub(super) async fn forget(
    connection: &mut DbConnection,
    (rota, monitor): (&str, MonitorId),
    (person, alert): (&str, &str),
) -> Result<(), StoreError> {
    db::query("delete from on_call_told where rota = $1 and monitor_id = $2 and person = $3 and alert_key = $4")
        .bind(rota)
        .bind(monitor.0)
        .bind(person)
        .bind(alert)
        .execute(connection)
        .await?;
    Ok(())
}
