//! What runs show of sources, and what that does to the monitors whose runs they are.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use revere_model::{Found, InOutage, MonitorId, OutageId, Waits};

use super::{
    Outage,
    records::{end, outage},
};
use crate::store::{
    StoreError,
    claiming::results::RunResult,
    columns::micros,
    database::{self as db, DbConnection, sql_pieces},
};

/// What a run showed of the sources that it asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourcesMet {
    /// Those that answered it.
    pub answered: Vec<String>,
    /// The one that it failed by: it asked that last, and was not answered at all.
    pub down: Option<SourceDown>,
}

/// A source that a run failed by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceDown {
    /// Its name.
    pub source: String,
    /// Why it gave no answer.
    pub reason: String,
}

/// What a run means for outages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Met {
    /// The outage that begins with it, or with another one of these results, and its source: not written yet, with an id below 0.
    begins: Option<(OutageId, String)>,
    /// Those that it ends, each with its source.
    ends: Vec<(String, OutageId)>,
    /// The source whose outage made what it does to the state.
    pub(in crate::store) by_source: Option<String>,
    /// Whether what it does to the state is held back.
    pub(in crate::store) holds: bool,
    /// Whether what was held back is told now, although the state has not changed.
    pub(in crate::store) lets_go: bool,
    at: Timestamp,
    reason: String,
}

/// The outages that bear on results that are recorded together.
pub(in crate::store) struct Outages(Vec<Outage>);

impl Outages {
    /// Those that go on, those that monitors wait for, and those that ended since the first of these runs began.
    pub(in crate::store) async fn read<'a>(
        connection: &mut DbConnection,
        waited_for: impl Iterator<Item = OutageId>,
        results: impl Iterator<Item = &'a RunResult>,
    ) -> Result<Outages, StoreError> {
        let waited_for: Vec<i64> = waited_for.map(|id| id.0).collect();
        let met = |result: &&RunResult| result.sources != SourcesMet::default();
        let first = results.filter(met).map(|result| result.started_at).min();
        if first.is_none() && waited_for.is_empty() {
            return Ok(Outages(Vec::new()));
        }
        let ids = serde_json::to_string(&waited_for).expect("a list of numbers always has a JSON form");
        let sql = format!(
            "select * from source_outages where ended_at is null or ended_at > $1 or id {} order by id",
            sql_pieces::among("$2")
        );
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(first.map_or(i64::MAX, micros))
            .bind(ids)
            .fetch_all(connection)
            .await?;
        Ok(Outages(rows.iter().map(outage).collect::<Result<_, _>>()?))
    }

    fn find(&self, id: OutageId) -> Option<&Outage> {
        self.0.iter().find(|outage| outage.id == id)
    }

    /// The outage that a run which failed by that source met, if there is one: it goes on, or did when the run began.
    fn current(&self, down: &SourceDown, result: &RunResult) -> Option<&Outage> {
        let met = |outage: &&Outage| {
            outage.source == down.source && outage.ended_at.is_none_or(|ended| ended > result.started_at)
        };
        self.0.iter().rfind(met)
    }

    /// What a run ends: the outages of what answered it, that were known before it began.
    pub(in crate::store) fn ended_by(&mut self, result: &RunResult) -> Vec<(String, OutageId)> {
        let mut ends = Vec::new();
        for outage in &mut self.0 {
            let answered = result.sources.answered.contains(&outage.source);
            if answered && outage.ended_at.is_none() && outage.began_at <= result.started_at {
                outage.ended_at = Some(result.finished_at);
                ends.push((outage.source.clone(), outage.id));
            }
        }
        ends
    }

    /// What a run shows to a monitor that stood so to an outage.
    pub(in crate::store) fn found(&self, before: Option<(OutageId, Waits)>, result: &RunResult) -> Found {
        let Some(down) = &result.sources.down else { return Found::Nothing };
        let current = self.current(down, result);
        let Some((id, _)) = before else { return Found::Outage { unbroken: false } };
        if current.is_some_and(|current| current.id == id) {
            return Found::SameOutage;
        }
        let Some(waited_for) = self.find(id) else { return Found::Outage { unbroken: false } };
        if waited_for.source == down.source {
            // Another monitor's run found it down once more: it answered for a moment, and is not this one's affair alone.
            return Found::Outage { unbroken: current.is_some() };
        }
        let unbroken = waited_for
            .ended_at
            .is_none_or(|ended| ended >= result.started_at || current.is_some_and(|current| current.began_at <= ended));
        Found::Outage { unbroken }
    }

    /// Notes what was decided about a run, and answers what is to be written for it.
    pub(in crate::store) fn note(
        &mut self,
        before: Option<(OutageId, Waits)>,
        result: &RunResult,
        is: &InOutage,
        ends: Vec<(String, OutageId)>,
    ) -> (Option<(OutageId, Waits)>, Met) {
        let met = Met { ends, lets_go: is.lets_go, at: result.finished_at, ..Met::default() };
        let new_state = is.transition.status.state;
        match (&result.sources.down, is.waits) {
            (Some(down), Some(waits)) if is.joins => {
                let id = self.current(down, result).map(|outage| outage.id).unwrap_or_else(|| self.begin(down, result));
                let (by_source, holds) = (Some(down.source.clone()), waits.holds());
                let begins = Some((id, down.source.clone())).filter(|(id, _)| id.0 < 0);
                (Some((id, waits)), Met { begins, by_source, holds, reason: down.reason.clone(), ..met })
            }
            (_, waits) => {
                // The first that is refused after the source was back is told by itself; should it refuse more, those wait.
                let first = |was: Waits| was != Waits::NoLonger && waits == Some(Waits::NoLonger);
                let down = result.sources.down.as_ref().filter(|_| before.is_some_and(|(_, was)| first(was)));
                let met = match down.filter(|down| self.current(down, result).is_none()) {
                    Some(down) => {
                        let begins = Some((self.begin(down, result), down.source.clone()));
                        Met { begins, reason: down.reason.clone(), ..met }
                    }
                    None => met,
                };
                // What the outage did to the state is over with it.
                let was_held = before.filter(|(_, was)| was.holds() && !new_state.is_problem());
                let by_source = was_held.and_then(|(id, _)| Some(self.find(id)?.source.clone()));
                (before.zip(waits).map(|((id, _), waits)| (id, waits)), Met { by_source, ..met })
            }
        }
    }

    /// One that begins with this run.
    fn begin(&mut self, down: &SourceDown, result: &RunResult) -> OutageId {
        let id = OutageId(-1 - self.0.len() as i64);
        self.0.push(Outage {
            id,
            source: down.source.clone(),
            began_at: result.finished_at,
            reason: down.reason.clone(),
            ended_at: None,
            ended_by: None,
            told_at: None,
        });
        id
    }
}

/// One thing that runs did to the outages of a source.
enum Step<'m> {
    Ends(OutageId, Timestamp),
    Begins(OutageId, &'m Met),
}

/// Writes what runs that are recorded did to outages, and how their monitors stand to those from now on: `waits` has those where
/// that changed.
pub(in crate::store) async fn write<'a>(
    connection: &mut DbConnection,
    met: impl Iterator<Item = &'a Met>,
    waits: &[(MonitorId, Option<(OutageId, Waits)>)],
) -> Result<(), StoreError> {
    // By sources, so that two servers which meet several at once wait for each other and never in a circle; those of one source
    // in the order of the runs.
    let mut steps: BTreeMap<&str, Vec<Step<'_>>> = BTreeMap::new();
    for met in met {
        for (source, id) in &met.ends {
            steps.entry(source).or_default().push(Step::Ends(*id, met.at));
        }
        if let Some((id, source)) = &met.begins {
            steps.entry(source).or_default().push(Step::Begins(*id, met));
        }
    }
    let mut begun: HashMap<OutageId, OutageId> = HashMap::new();
    for (source, steps) in steps {
        for step in steps {
            match step {
                Step::Ends(id, at) => end(connection, begun.get(&id).copied().unwrap_or(id), at, None).await?,
                Step::Begins(id, met) if !begun.contains_key(&id) => {
                    begun.insert(id, begin(connection, source, &met.reason, met.at).await?);
                }
                Step::Begins(..) => {}
            }
        }
    }
    for (monitor, waits) in waits {
        let outage = waits.map(|(id, _)| begun.get(&id).copied().unwrap_or(id).0);
        db::query("update states set outage_id = $1, waits = $2 where monitor_id = $3")
            .bind(outage.filter(|id| *id > 0))
            .bind(waits.filter(|_| outage.is_some_and(|id| id > 0)).map(|(_, waits)| waits.as_str()))
            .bind(monitor.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Begins an outage, unless another server has begun it at the same moment; which it is.
async fn begin(
    connection: &mut DbConnection,
    source: &str,
    reason: &str,
    at: Timestamp,
) -> Result<OutageId, StoreError> {
    // Another one may end it between the two statements, and then it begins anew.
    for _ in 0..3 {
        let made: Option<i64> = db::query_scalar(
            "insert into source_outages (source, going_on, began_at, reason) values ($1, $1, $2, $3)
             on conflict (going_on) do nothing returning id",
        )
        .bind(source)
        .bind(micros(at))
        .bind(reason)
        .fetch_optional(&mut *connection)
        .await?;
        let there: Option<i64> = match made {
            Some(id) => {
                tracing::warn!(source, reason, "a source is down");
                Some(id)
            }
            None => {
                db::query_scalar("select id from source_outages where going_on = $1")
                    .bind(source)
                    .fetch_optional(&mut *connection)
                    .await?
            }
        };
        if let Some(id) = there {
            return Ok(OutageId(id));
        }
    }
    Err(StoreError::Busy { retry_after: std::time::Duration::from_secs(1) })
}
