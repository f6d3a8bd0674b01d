//! At the end of an outage: what waited for the source runs once more, so that nobody is said to wait for what is back, and what
//! is left is told now and not when a monitor that is seldom due runs the next time.

use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;

use crate::store::{
    Store, StoreError,
    columns::{Columns, ids_text, micros},
    database::{self as db, DbConnection, sql_pieces},
    many_rows::in_pieces,
};

/// Between one such run and the next: a source that has just come back is not asked everything at once.
const APART: SignedDuration = SignedDuration::from_millis(100);

/// The last of them is due so long after the first at most, however many there are.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// So many are written in one transaction.
const PIECE: usize = 500;

/// Those that wait for an outage that is over, and for no run that is coming by itself: one that goes on, one that was handed back,
/// or one more that is due already. A run that began after the end leaves none of them waiting so.
const WAITING_STILL: &str = "select s.monitor_id, d.next_tick_at
     from states s join source_outages o on o.id = s.outage_id join monitors m on m.id = s.monitor_id
         join dues d on d.monitor_id = s.monitor_id
     where s.outage_id is not null and o.ended_at is not null and s.waits in ('held', 'as_it_was')
         and m.active and m.deleted_at is null
         and d.claimed_by is null and d.owed_tick_at is null and d.fault is null and d.next_tick_at is not null
         and (d.catch_up_at is null or d.due_at is null or d.due_at > d.catch_up_at)
     order by s.outage_id, s.monitor_id";

/// A monitor, and when its run is due.
type Due = (MonitorId, Timestamp);

impl Store {
    /// Makes due once more what waits for an outage that is over; how many monitors.
    pub(super) async fn catch_up(&self, now: Timestamp) -> Result<u64, StoreError> {
        let rows = db::query(WAITING_STILL).fetch_all(self.engine_readers()).await?;
        let apart = apart(rows.len());
        let (mut at, mut due) = (now, Vec::new());
        for row in &rows {
            // The next tick does as well.
            if row.at_or_none("next_tick_at")?.is_some_and(|next| next > at) {
                due.push((MonitorId(row.int("monitor_id")?), at));
            }
            at = at.saturating_add(apart).unwrap_or(at);
        }
        let mut all = 0;
        for piece in due.chunks(PIECE) {
            let (monitors, piece) = (piece.iter().map(|(monitor, _)| *monitor).collect(), piece.to_vec());
            let write = self.write_patiently_about(monitors, move |connection| Box::pin(make_due(connection, piece)));
            all += write.await?;
        }
        Ok(all)
    }
}

/// How long after one of so many the next is due.
fn apart(count: usize) -> SignedDuration {
    let count = i32::try_from(count).unwrap_or(i32::MAX).max(1);
    APART.min(LONGEST / count)
}

/// Makes these due, where they still wait so.
async fn make_due(connection: &mut DbConnection, due: Vec<Due>) -> Result<u64, StoreError> {
    // In the order in which everybody keeps them.
    let keeping = format!(
        "select s.monitor_id from states s join dues d on d.monitor_id = s.monitor_id where s.monitor_id {} {}",
        sql_pieces::among("$1"),
        sql_pieces::KEEPING_THE_STATES
    );
    db::query(db::AssertSqlSafe(keeping))
        .bind(ids_text(due.iter().map(|(monitor, _)| *monitor)))
        .fetch_all(&mut *connection)
        .await?;
    let mut all = 0;
    for piece in in_pieces(connection, &due) {
        let sql = format!(
            "with more (id, due_at) as ({})
             update dues set catch_up_at = more.due_at, due_at = more.due_at
             from more join states s on s.monitor_id = more.id
             where dues.monitor_id = more.id and s.waits in ('held', 'as_it_was')
                 and dues.claimed_by is null and dues.owed_tick_at is null and dues.fault is null
                 and dues.next_tick_at > more.due_at
                 and exists (select 1 from source_outages o where o.id = s.outage_id and o.ended_at is not null)
                 and exists (select 1 from monitors m where m.id = s.monitor_id and m.active and m.deleted_at is null)",
            sql_pieces::rows(piece.len(), &["bigint", "bigint"])
        );
        let mut query = db::query(db::AssertSqlSafe(sql));
        for (monitor, at) in piece {
            query = query.bind(monitor.0).bind(micros(*at));
        }
        all += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_a_tenth_of_a_second_apart_and_however_many_all_within_a_minute() {
        for (count, millis) in [(0, 100), (1, 100), (600, 100), (1200, 50), (10_000, 6)] {
            assert_eq!(apart(count), SignedDuration::from_millis(millis), "{count}");
        }
        assert!(apart(usize::MAX) < SignedDuration::from_micros(1));
    }
}
