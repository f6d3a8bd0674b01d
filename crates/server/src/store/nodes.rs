//! The servers that share a database, as each says of itself. For people alone: who may run what is decided by claims.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, Run};

use crate::store::{
    RecordedFlip, Store, StoreError,
    columns::{Columns, ids_text, instant, micros},
    database::{self as db, DbRow, sql_pieces},
    reading::{flips::flip, runs::run},
};

/// A server, as it says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name in claims: another one at every start.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// Where it answers people.
    pub address: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// When it last said that it does.
    pub seen_at: Timestamp,
    /// Runs that it recorded in the minute before.
    pub runs_a_minute: u64,
}

/// A server that said nothing for so long is gone, or cut off.
pub const SILENT: SignedDuration = SignedDuration::from_secs(30);

/// One that is gone is missed for so long; then nobody expects it any more.
pub const MISSED_FOR: SignedDuration = SignedDuration::from_hours(1);

impl Node {
    /// Whether it has said nothing for so long that it is gone, or cut off.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) > SILENT
    }
}

/// Who takes the place of a server that is gone without a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Successor {
    /// The same one, begun anew: at the same address of the same machine.
    TheSame,
    /// Any that began since, wherever it runs: there are as many as there were.
    Any,
}

impl Successor {
    /// Whether `other` may have taken the place of `gone`, whose last sign of life may be some seconds older than its end: what began
    /// since, elsewhere, may have been there beside it.
    fn fits(self, gone: &Node, other: &Node) -> bool {
        let is_the_same = other.host == gone.host && other.address == gone.address;
        // Later, and not at the same instant: no two are the successors of each other. And none is its own: by a clock that was set back,
        // or by the database's, it may have begun after it was seen last.
        other.name != gone.name && other.started_at > gone.seen_at && (is_the_same || self == Successor::Any)
    }
}

/// The servers that said nothing since `silent`, the one that was seen last first, but for those in whose place another one began: each
/// is in the place of one at most, and may be gone as well by now.
fn missing(all: Vec<Node>, silent: Timestamp, successor: Successor) -> Vec<Node> {
    let mut gone: Vec<Node> = all.iter().filter(|node| node.seen_at < silent).cloned().collect();
    let mut others = all;
    // The one that was seen last has the fewest that may have taken its place.
    gone.sort_by_key(|node| std::cmp::Reverse(node.seen_at));
    gone.retain(|gone| match others.iter().position(|other| successor.fits(gone, other)) {
        Some(place) => {
            others.swap_remove(place);
            false
        }
        None => true,
    });
    gone
}

/// What a server has in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Holding {
    /// Runs that it has claimed.
    pub runs: u64,
    /// Deliveries that it has claimed.
    pub deliveries: u64,
}

/// A server that is gone is shown for so long.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What becomes due, wherever it was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// The next tick.
    pub tick: Option<Timestamp>,
    /// The next delivery of each alert that owes one.
    pub deliveries: Vec<(String, Timestamp)>,
}

impl Store {
    /// Whether other servers may have this database open.
    pub fn is_shared(&self) -> bool {
        self.0.shared
    }

    /// Notes that a server runs, and forgets those that are long gone.
    pub async fn node_seen(&self, node: &Node) -> Result<(), StoreError> {
        let node = node.clone();
        let long_ago = node.seen_at.saturating_sub(SHOWN_FOR).unwrap_or(Timestamp::MIN);
        self.write(move |connection| {
            Box::pin(async move {
                db::query(
                    "insert into nodes (name, host, version, address, started_at, seen_at, runs_a_minute)
                         values ($1, $2, $3, $4, $5, $6, $7)
                     on conflict (name) do update set seen_at = excluded.seen_at, runs_a_minute = excluded.runs_a_minute",
                )
                .bind(node.name)
                .bind(node.host)
                .bind(node.version)
                .bind(node.address)
                .bind(micros(node.started_at))
                .bind(micros(node.seen_at))
                .bind(i64::try_from(node.runs_a_minute).unwrap_or(i64::MAX))
                .execute(&mut *connection)
                .await?;
                db::query("delete from nodes where seen_at < $1").bind(micros(long_ago)).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Notes that a server has stopped in order.
    pub async fn node_left(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                db::query("delete from nodes where name = $1").bind(name).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// How many servers were seen since then.
    pub async fn nodes_seen(&self, since: Timestamp) -> Result<u64, StoreError> {
        let seen: i64 = db::query_scalar("select count(*) from nodes where seen_at >= $1")
            .bind(micros(since))
            .fetch_one(self.engine_readers())
            .await?;
        Ok(seen.unsigned_abs())
    }

    /// The servers that share this database, the one that runs for the longest time first, each with what it holds; those that
    /// are gone without a word for a day, too.
    pub async fn nodes(&self) -> Result<Vec<(Node, Holding)>, StoreError> {
        let rows = db::query(
            "select n.*, (select count(*) from dues d where d.claimed_by = n.name) as runs,
                 (select count(*) from deliveries d where d.claimed_by = n.name and d.status = 'owed') as deliveries
             from nodes n order by n.started_at, n.name",
        )
        .fetch_all(self.readers())
        .await?;
        let node = |row: &DbRow| {
            let node = Node {
                name: row.text("name")?,
                host: row.text("host")?,
                version: row.text("version")?,
                address: row.text("address")?,
                started_at: row.at("started_at")?,
                seen_at: row.at("seen_at")?,
                runs_a_minute: row.int("runs_a_minute")?.unsigned_abs(),
            };
            let holding =
                Holding { runs: row.int("runs")?.unsigned_abs(), deliveries: row.int("deliveries")?.unsigned_abs() };
            Ok((node, holding))
        };
        rows.iter().map(node).collect()
    }

    /// What the server of this name holds.
    pub async fn holding(&self, name: &str) -> Result<Holding, StoreError> {
        let rows: Vec<(i64, i64)> = db::query_as(
            "select (select count(*) from dues where claimed_by = $1),
                 (select count(*) from deliveries where claimed_by = $1 and status = 'owed')",
        )
        .bind(name)
        .fetch_all(self.readers())
        .await?;
        let count = |(runs, deliveries): &(i64, i64)| Holding {
            runs: runs.unsigned_abs(),
            deliveries: deliveries.unsigned_abs(),
        };
        Ok(rows.first().map(count).unwrap_or_default())
    }

    /// Servers of the last day that did not stop in order and said nothing since `silent`, but for those in whose place another one
    /// began.
    pub async fn nodes_missing(&self, silent: Timestamp, successor: Successor) -> Result<Vec<Node>, StoreError> {
        let all = self.nodes().await?.into_iter().map(|(node, _)| node).collect();
        Ok(missing(all, silent, successor))
    }

    /// What becomes due next: one question, so that many servers may ask it often.
    pub async fn due(&self, now: Timestamp) -> Result<Due, StoreError> {
        let from = self.due_from(now);
        let rows: Vec<(Option<String>, Option<i64>)> = db::query_as(
            "select null, min(due_at) from dues where due_at is not null and due_at >= $1
             union all
             select alert_key, min(next_attempt_at) from deliveries
             where status = 'owed' and next_attempt_at is not null group by alert_key",
        )
        .bind(from)
        .fetch_all(self.engine_readers())
        .await?;
        let mut due = Due::default();
        for (alert, at) in rows {
            match (alert, at.map(instant).transpose()?) {
                (Some(alert), Some(at)) => due.deliveries.push((alert, at)),
                (None, at) => due.tick = at,
                (Some(_), None) => {}
            }
        }
        self.looked_at_due(from, due.tick, now);
        Ok(due)
    }

    /// When the last recorded run of each monitor began, of those that may have ended since then: a run may take `limit`, where
    /// its monitor does not say more.
    pub async fn last_runs(
        &self,
        since: Timestamp,
        limit: SignedDuration,
    ) -> Result<Vec<(MonitorId, Timestamp)>, StoreError> {
        let rows: Vec<(i64, i64)> = db::query_as(
            "select monitor_id, last_run_at from states where last_run_at >= $1
             union all
             select s.monitor_id, s.last_run_at from monitors m join states s on s.monitor_id = m.id
             where m.timeout_s > $2 and s.last_run_at < $1 and s.last_run_at >= $3 - cast(m.timeout_s * 1000000 as bigint)",
        )
        .bind(micros(since.saturating_sub(limit).unwrap_or(Timestamp::MIN)))
        .bind(limit.as_secs_f64())
        .bind(micros(since))
        .fetch_all(self.engine_readers())
        .await?;
        rows.into_iter().map(|(monitor, at)| Ok((MonitorId(monitor), instant(at)?))).collect()
    }

    /// The runs of these monitors that began then, the oldest first, each with the change of state it made: of the newest `limit`.
    pub async fn runs_that_began(
        &self,
        wanted: &[(MonitorId, Timestamp)],
        limit: u32,
    ) -> Result<Vec<(Run, Option<RecordedFlip>)>, StoreError> {
        let mut wanted = wanted.to_vec();
        wanted.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        wanted.truncate(limit as usize);
        let (Some((_, until)), Some((_, since))) = (wanted.first().copied(), wanted.last().copied()) else {
            return Ok(Vec::new());
        };
        let ids = ids_text(wanted.iter().map(|(monitor, _)| *monitor));
        let starts: Vec<i64> = wanted.iter().map(|(_, at)| micros(*at)).collect();
        let starts = serde_json::to_string(&starts).expect("a list of numbers always has a JSON form");
        let sql = format!(
            "select * from runs where monitor_id {} and started_at {} and started_at >= $3 and started_at <= $4
             order by started_at, id",
            sql_pieces::among("$1"),
            sql_pieces::among("$2")
        );
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(&ids)
            .bind(starts)
            .bind(micros(since))
            .bind(micros(until))
            .fetch_all(self.engine_readers())
            .await?;
        let wanted: HashSet<(MonitorId, Timestamp)> = wanted.into_iter().collect();
        let runs = rows.iter().map(run).collect::<Result<Vec<Run>, _>>()?;
        let runs = runs.into_iter().filter(|run| wanted.contains(&(run.monitor_id, run.started_at)));
        let sql = format!("select * from flips where monitor_id {} and at >= $2", sql_pieces::among("$1"));
        let rows =
            db::query(db::AssertSqlSafe(sql)).bind(ids).bind(micros(since)).fetch_all(self.engine_readers()).await?;
        let flips = rows.iter().map(flip).collect::<Result<Vec<RecordedFlip>, _>>()?;
        Ok(runs
            .map(|run| {
                let made = flips.iter().find(|flip| flip.run_id == Some(run.id)).cloned();
                (run, made)
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, host: &str, address: &str, started: i64, seen: i64) -> Node {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        Node {
            name: name.to_owned(),
            host: host.to_owned(),
            version: "0.1.0".to_owned(),
            address: address.to_owned(),
            started_at: at(started),
            seen_at: at(seen),
            runs_a_minute: 0,
        }
    }

    /// Who of these is missing at the hundredth second.
    fn missed(nodes: &[Node], successor: Successor) -> Vec<String> {
        let silent = Timestamp::from_second(1_800_000_100).unwrap() - SILENT;
        missing(nodes.to_vec(), silent, successor).into_iter().map(|node| node.name).collect()
    }

    #[test]
    fn who_began_beside_a_server_that_is_gone_is_not_taken_for_it() {
        // Killed in the ninth second, and last seen at its start.
        let killed = node("killed", "web1", "http://web1:5000", 0, 0);
        for (host, address, started, of_the_same, of_any) in [
            ("web1", "http://web1:5000", 12, true, true),
            ("web1", "http://web1:5001", 3, false, true),
            ("web2", "http://web1:5000", 3, false, true),
            ("web2", "http://web2:5000", 40, false, true),
            ("web1", "http://web1:5000", 0, false, false),
            ("web2", "http://web2:5000", -60, false, false),
        ] {
            // It began by its own clock, and was seen by the database's.
            let killed = Node { started_at: killed.started_at + SignedDuration::from_millis(3), ..killed.clone() };
            let nodes = [killed, node("other", host, address, started, 99)];
            let seen = [Successor::TheSame, Successor::Any].map(|successor| missed(&nodes, successor).is_empty());
            assert_eq!(seen, [of_the_same, of_any], "{host} {address} {started}");
        }
    }

    #[test]
    fn each_stands_for_one_that_is_gone_and_the_last_for_all_that_it_was_before() {
        let one = |name: &str, started, seen| node(name, "web1", "http://web1:5000", started, seen);
        let again = [one("a", 0, 10), one("b", 12, 20), one("c", 25, 99)];
        let gone = [one("a", 0, 10), one("b", 12, 20), one("c", 25, 30)];
        let two = [one("a", 0, 10), one("b", 0, 11), one("c", 25, 99)];
        for successor in [Successor::TheSame, Successor::Any] {
            assert_eq!(missed(&again, successor), [""; 0], "it was killed twice, and is there");
            assert_eq!(missed(&gone, successor), ["c"]);
            assert_eq!(missed(&two, successor), ["a"], "one of two is there again");
        }
    }
}
