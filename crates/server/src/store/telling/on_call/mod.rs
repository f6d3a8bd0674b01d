//! On call: what a rota owes becomes deliveries of the alerts that reach whoever is on call, and of the next ones where nobody
//! acknowledges.
//!
//! A rota owes as every alert does, in the transaction of the change. Nothing is sent for it: in one transaction its delivery
//! is settled and those of people come to be owed, so that no restart and no second server loses or repeats a step.

mod calendars;
mod ends;
mod known;
mod overrides;
mod records;
mod tell;
mod whom;

pub use calendars::{CalendarCopy, KeptCalendar};
use jiff::Timestamp;
pub use known::Usable;
pub use overrides::{OverrideFilter, OverrideRecord};
use revere_model::{
    DeliveryId, MonitorId,
    on_call::{CalendarShift, Rota},
};

use self::known::Known;
use crate::store::{
    DeliveryStatus, Store, StoreError,
    columns::{instant, micros},
    database as db,
    telling::told_monitors::hold,
};

/// What [`Store::tell_on_call`] came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnCallTold {
    /// The alerts that owe a delivery now.
    pub owed: Vec<String>,
    /// What the rota owed and is settled now.
    pub settled: Vec<OnCallSettled>,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When there is something to do next; `None` if nothing is owed or goes on.
    pub next_due: Option<Timestamp>,
}

/// Something that a rota owed, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnCallSettled {
    /// Its row.
    pub id: DeliveryId,
    /// The monitor.
    pub monitor_id: MonitorId,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Who is told and why, or why nobody is.
    pub said: String,
}

/// What there is to do about a monitor, in the order in which it is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Work {
    /// An end that was held back is told.
    Ends,
    /// What the rota owes is told.
    Owed(DeliveryId),
    /// The next one is told.
    NextStep,
}

/// A rota, as one transaction goes by it.
struct Asked<'a> {
    key: &'a str,
    rota: &'a Rota,
    now: Timestamp,
}

impl Store {
    /// Has told what a rota owes and is due, ends that nothing holds back any more, and the next ones of what nobody acknowledged
    /// in time, at most `limit` of them.
    pub async fn tell_on_call(
        &self,
        key: &str,
        rota: &Rota,
        calendar: &[CalendarShift],
        now: Timestamp,
        limit: usize,
    ) -> Result<OnCallTold, StoreError> {
        let (mut work, next_due) = self.on_call_work(key, now, limit).await?;
        let more = work.len() > limit;
        work.truncate(limit);
        if work.is_empty() {
            return Ok(OnCallTold { more, next_due, ..OnCallTold::default() });
        }
        // In the order in which others keep the rows of several monitors.
        work.sort_unstable();
        let (key, rota, calendar) = (key.to_owned(), rota.clone(), calendar.to_vec());
        let mut monitors: Vec<MonitorId> = work.iter().map(|(monitor, _)| *monitor).collect();
        monitors.dedup();
        let told = self.write_patiently_about(monitors.clone(), move |connection| {
            Box::pin(async move {
                let asked = Asked { key: &key, rota: &rota, now };
                let mut told = OnCallTold::default();
                for monitor in monitors {
                    hold(connection, monitor).await?;
                }
                let known = Known::read(connection, &key, &calendar, now).await?;
                for (monitor, what) in work {
                    match what {
                        Work::Ends => ends::held_ends(connection, &asked, &known, monitor, &mut told).await?,
                        Work::Owed(id) => tell::what_is_owed(connection, &asked, &known, id, &mut told).await?,
                        Work::NextStep => tell::next_step(connection, &asked, &known, monitor, &mut told).await?,
                    }
                }
                Ok(told)
            })
        });
        Ok(OnCallTold { more, next_due, ..told.await? })
    }

    /// What there is to do for a rota, a little more than `limit` of each kind at most, and when there is something next.
    async fn on_call_work(
        &self,
        key: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Vec<(MonitorId, Work)>, Option<Timestamp>), StoreError> {
        let mut connection = self.engine_readers().acquire().await?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let due: Vec<(i64, i64)> = db::query_as(
            "select monitor_id, id from deliveries where alert_key = $1 and status = 'owed' and next_attempt_at <= $2
             order by next_attempt_at, id limit $3",
        )
        .bind(key)
        .bind(micros(now))
        .bind(most)
        .fetch_all(&mut connection)
        .await?;
        let owed = due.into_iter().map(|(monitor, id)| (MonitorId(monitor), Work::Owed(DeliveryId(id))));
        let known = Known::read(&mut connection, key, &[], now).await?;
        let steps = records::due_steps(&mut connection, key, now, None).await?;
        let steps = records::not_held(&mut connection, &known, key, steps, now).await?;
        let steps = steps.into_iter().map(|step| (step.monitor, Work::NextStep));
        let ends =
            ends::free(&mut connection, &known, key, now).await?.into_iter().map(|monitor| (monitor, Work::Ends));
        let next: Option<i64> = db::query_scalar(
            "select min(due) from (select min(next_at) as due from on_call_rounds where rota = $1 and next_at > $2
                 union all select min(next_attempt_at) from deliveries
                 where alert_key = $1 and status = 'owed' and next_attempt_at > $2) both_kinds",
        )
        .bind(key)
        .bind(micros(now))
        .fetch_one(&mut connection)
        .await?;
        Ok((owed.chain(steps).chain(ends).collect(), next.map(instant).transpose()?))
    }
}
