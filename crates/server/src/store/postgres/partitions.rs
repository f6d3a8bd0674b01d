//! Partitions of `runs`: which there are, which are to be made, and which may go.
//!
//! The first (`runs_before`) takes all that is older than the others, so that nothing is ever too old to be written: what is imported,
//! and the last runs of monitors that have long been paused. Each of the others holds a week of UTC or, where runs are kept for more
//! than 400 days, a month, so that there are never many: a question that does not say of when looks into all of them.
//! There is none for what fits nowhere: one that holds rows would have to be read whenever another one is made.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sqlx::{AssertSqlSafe, PgConnection};

use super::connection::WriterConnection;

const DAY: i64 = 86_400_000_000;

/// So far ahead there are partitions: the one of now, and the next one.
const AHEAD: i64 = 8 * DAY;

/// Runs that would go with their partition within so long are not deleted one by one before.
const LEFT: i64 = 8 * DAY;

/// Where runs are kept for more days than this, a partition holds a month.
const LONG: i64 = 400;

/// So much of the first partition is cleared in place; more goes as a whole, and what stays of it is copied.
const CLEARED_IN_PLACE: i64 = 32 << 20;

/// How long whoever reads or writes runs may have to wait until partitions are exchanged; if it would be more, they are another time.
const EXCHANGE_WAITS: &str = "set local lock_timeout = '300ms'";

/// A partition, and the microseconds since 1970 from which on it holds runs, until before others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct Partition {
    pub(super) name: String,
    from: i64,
    until: i64,
}

/// What a connection that writes knows of partitions.
#[derive(Default)]
pub(in crate::store) struct Known {
    /// Those that there are. One that goes is older than what is written, or replaced by one that takes the same.
    there: Vec<Partition>,
    /// Whether the transaction that goes on has made one, which is there for sure only once that is committed.
    is_made_now: bool,
}

impl Known {
    /// A transaction begins.
    pub(in crate::store) fn begin(&mut self) {
        self.is_made_now = false;
    }
}

/// How long runs go into one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Week,
    Month,
}

impl Width {
    /// Where runs are kept so many days, or for ever.
    fn of(longest: Option<i64>) -> Width {
        if longest.is_some_and(|days| days <= LONG) { Width::Week } else { Width::Month }
    }

    /// The week or month of an instant.
    fn around(self, at: i64) -> (i64, i64) {
        let month = match (self, Timestamp::from_microsecond(at)) {
            (Width::Month, Ok(at)) => month(at.to_zoned(TimeZone::UTC).date()),
            _ => None,
        };
        month.unwrap_or_else(|| {
            // Day 0 was a Thursday.
            let day = at.div_euclid(DAY);
            let monday = day - (day + 3).rem_euclid(7);
            (monday.saturating_mul(DAY), (monday + 7).saturating_mul(DAY))
        })
    }
}

/// The month of a date.
fn month(date: Date) -> Option<(i64, i64)> {
    let start = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond());
    Some((start(date.first_of_month())?, start(date.last_of_month().tomorrow().ok()?)?))
}

/// The partition that an instant lacks: its week or month, as far as no other one has a part of that.
fn lacking(there: &[Partition], at: i64, width: Width) -> Option<(i64, i64)> {
    if there.iter().any(|one| one.from <= at && at < one.until) {
        return None;
    }
    let (from, until) = width.around(at);
    let from = there.iter().map(|one| one.until).filter(|end| *end <= at).fold(from, i64::max);
    let until = there.iter().map(|one| one.from).filter(|begin| *begin > at).fold(until, i64::min);
    Some((from, until))
}

/// Until when there is a partition for every instant from this one on.
fn covered(there: &[Partition], from: i64) -> i64 {
    let mut until = from;
    while let Some(one) = there.iter().find(|one| one.from <= until && until < one.until) {
        until = one.until;
    }
    until
}

/// All partitions, the oldest first.
pub(in crate::store) async fn all(connection: &mut PgConnection) -> Result<Vec<Partition>, sqlx::Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select quote_ident(c.relname), pg_get_expr(c.relpartbound, c.oid)
         from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass('runs') and not i.inhdetachpending",
    )
    .fetch_all(connection)
    .await?;
    let partition = |(name, bounds): (String, String)| {
        let (from, until) = bounds_of(&bounds)?;
        Some(Partition { name, from, until })
    };
    let mut there: Vec<Partition> = rows.into_iter().filter_map(partition).collect();
    there.sort_by_key(|one| one.from);
    Ok(there)
}

/// The bounds of a partition, as PostgreSQL says them; `None` for one that has none.
fn bounds_of(text: &str) -> Option<(i64, i64)> {
    let end = |text: &str| match text {
        "MINVALUE" => Some(i64::MIN),
        "MAXVALUE" => Some(i64::MAX),
        number => number.trim_matches('\'').parse().ok(),
    };
    let (from, until) = text.strip_prefix("FOR VALUES FROM (")?.strip_suffix(')')?.split_once(") TO (")?;
    Some((end(from)?, end(until)?))
}

/// For how many days runs are kept that are kept longest; `None` where some are kept for ever. Where there are no monitors, what new
/// ones have that nobody configured. Rows that stand for a source have no runs.
async fn longest(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select case when count(*) = count(retain_days) then coalesce(max(retain_days), 28) end
         from monitors where source is null",
    )
    .fetch_one(connection)
    .await
}

/// Has a partition there for each of these instants, before runs that began then are written in the same transaction. Most times
/// nothing is asked: they were made ahead.
pub(in crate::store) async fn have(writer: &mut WriterConnection, times: &[i64]) -> Result<(), sqlx::Error> {
    let fits = |there: &[Partition]| times.iter().all(|at| there.iter().any(|one| one.from <= *at && *at < one.until));
    if fits(&writer.partitions.there) {
        return Ok(());
    }
    let connection = &mut writer.connection;
    let there = all(connection).await?;
    if !fits(&there) {
        writer.partitions.is_made_now = true;
        make(connection, times).await?;
    } else if !writer.partitions.is_made_now {
        writer.partitions.there = there;
    }
    Ok(())
}

/// Makes those that are missing, in the transaction that goes on. Nobody who reads or writes runs waits for it.
async fn make(connection: &mut PgConnection, times: &[i64]) -> Result<(), sqlx::Error> {
    // Another server makes the same ones.
    sqlx::raw_sql("lock table runs in share update exclusive mode").execute(&mut *connection).await?;
    let mut there = all(connection).await?;
    let width = Width::of(longest(connection).await?);
    for at in times {
        if let Some((from, until)) = lacking(&there, *at, width) {
            let name = one(connection, from, until).await?;
            there.push(Partition { name, from, until });
        }
    }
    Ok(())
}

/// Makes a partition for each month of these instants that has none, where nobody else is at it.
pub(super) async fn months(connection: &mut PgConnection, times: &[i64]) -> Result<(), sqlx::Error> {
    let mut there = all(connection).await?;
    for at in times {
        if let Some((from, until)) = lacking(&there, *at, Width::Month) {
            let name = one(connection, from, until).await?;
            there.push(Partition { name, from, until });
        }
    }
    Ok(())
}

/// Makes the first one, which ends where the others begin; where there are none, with the week before this one.
pub(super) async fn first(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let until = match all(connection).await?.first() {
        Some(oldest) => oldest.from,
        None => {
            let now = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";
            Width::Week.around(sqlx::query_scalar(now).fetch_one(&mut *connection).await?).0
        }
    };
    sqlx::raw_sql("create table runs_before (like runs including defaults)").execute(&mut *connection).await?;
    attach_first(connection, until).await
}

/// Has the new table `runs_before` take all that began before this instant.
async fn attach_first(connection: &mut PgConnection, until: i64) -> Result<(), sqlx::Error> {
    let sql = format!(
        "alter table runs_before add constraint runs_before_pkey primary key (id);
         alter table runs attach partition runs_before for values from (minvalue) to ({until})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// Makes a partition, and answers its name.
async fn one(connection: &mut PgConnection, from: i64, until: i64) -> Result<String, sqlx::Error> {
    let day = Timestamp::from_microsecond(from).map(|at| at.strftime("%Y%m%d").to_string());
    // Bounds are midnights, so no two have one name.
    let name = format!("runs_from_{}", day.unwrap_or_else(|_| from.unsigned_abs().to_string()));
    let sql = format!(
        "create table {name} (like runs including defaults);
         alter table {name} add primary key (id);
         alter table runs attach partition {name} for values from ({from}) to ({until})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(name)
}

/// Makes what is missing from an instant on, in the transaction that goes on.
pub(in crate::store) async fn make_ahead(connection: &mut PgConnection, now: i64) -> Result<(), sqlx::Error> {
    let until = now.saturating_add(AHEAD);
    loop {
        let end = covered(&all(connection).await?, now);
        if end > until {
            return Ok(());
        }
        make(connection, &[end]).await?;
    }
}

/// What there is and what is to be done.
#[derive(Debug)]
pub(in crate::store) struct Standing {
    /// Until when there are partitions, from now on.
    pub(in crate::store) until: i64,
    /// Whether there should be more.
    pub(in crate::store) lacks: bool,
    /// Those whose runs are all older than any monitor keeps them.
    pub(in crate::store) over: Option<Over>,
    /// What began before this goes with its partition soon.
    pub(in crate::store) left_until: i64,
}

/// Partitions that may go.
#[derive(Debug)]
pub(in crate::store) struct Over {
    all: Vec<Partition>,
    /// Whether the first one is exchanged, or cleared in place.
    is_exchanged: bool,
}

/// Looks at the partitions.
pub(in crate::store) async fn look(connection: &mut PgConnection, now: i64) -> Result<Standing, sqlx::Error> {
    let there = all(connection).await?;
    let until = covered(&there, now);
    let lacks = until <= now.saturating_add(AHEAD);
    let Some(days) = longest(connection).await? else {
        return Ok(Standing { until, lacks, over: None, left_until: i64::MIN });
    };
    let kept_from = now.saturating_sub(days.saturating_mul(DAY));
    let ended = |by: i64| there.iter().filter(move |one| one.until <= by);
    let left_until = ended(kept_from.saturating_add(LEFT)).map(|one| one.until).max().unwrap_or(i64::MIN);
    let all: Vec<Partition> = ended(kept_from).cloned().collect();
    let has_others = all.iter().any(|one| one.from != i64::MIN);
    let is_exchanged = has_others
        || sqlx::query_scalar("select coalesce(pg_relation_size(to_regclass('runs_before')), 0) > $1")
            .bind(CLEARED_IN_PLACE)
            .fetch_one(&mut *connection)
            .await?;
    let over = match all.is_empty() || !has_others && !is_anything_over(connection).await? {
        true => None,
        false => Some(Over { all, is_exchanged }),
    };
    Ok(Standing { until, lacks, over, left_until })
}

/// Which runs of the first partition stay when its time is over: the last one of each monitor.
const IS_LAST: &str =
    "exists (select 1 from states s where s.monitor_id = r.monitor_id and s.last_run_at = r.started_at)";

async fn is_anything_over(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let sql = format!("select exists (select 1 from runs_before r where not {IS_LAST})");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await
}

/// Takes away the partitions whose time is over, in the transaction that goes on; what stays of them, the last run of each monitor,
/// goes into the first one, which from then on takes all that began in their time. Answers how many partitions went.
pub(in crate::store) async fn take_away(connection: &mut PgConnection, over: &Over) -> Result<usize, sqlx::Error> {
    if !over.is_exchanged {
        let sql = format!("delete from runs_before r where not {IS_LAST}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
        return Ok(0);
    }
    let Some(until) = over.all.iter().map(|one| one.until).max() else { return Ok(0) };
    // Found by their index, however large what goes is.
    let keep = format!(
        "{EXCHANGE_WAITS}; lock table runs in access exclusive mode;
         set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_seqscan = off;
         create table runs_kept (like runs including defaults);
         insert into runs_kept select r.* from states s
             join runs r on r.monitor_id = s.monitor_id and r.started_at = s.last_run_at and r.started_at < {until}
             where s.last_run_at < {until}"
    );
    sqlx::raw_sql(AssertSqlSafe(keep)).execute(&mut *connection).await?;
    for Partition { name, .. } in &over.all {
        let go = format!("alter table runs detach partition {name}; drop table {name}");
        sqlx::raw_sql(AssertSqlSafe(go)).execute(&mut *connection).await?;
    }
    sqlx::raw_sql("alter table runs_kept rename to runs_before").execute(&mut *connection).await?;
    attach_first(connection, until).await?;
    Ok(over.all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn partition(from: i64, until: i64) -> Partition {
        Partition { name: String::new(), from, until }
    }

    #[test]
    fn weeks_begin_on_mondays_and_months_on_their_first_days() {
        let week = |text: &str| Width::Week.around(at(text));
        let second = (at("2026-11-30T00:00:00Z"), at("2026-12-07T00:00:00Z"));
        assert_eq!(week("2026-11-30T00:00:00Z"), second);
        assert_eq!(week("2026-12-06T23:59:59.999999Z"), second);
        assert_eq!(week("2026-12-07T00:00:00Z").0, second.1);
        assert_eq!(week("1969-12-28T23:00:00Z"), (at("1969-12-22T00:00:00Z"), at("1969-12-29T00:00:00Z")));
        let month = |text: &str| Width::Month.around(at(text));
        assert_eq!(month("2028-02-29T12:00:00Z"), (at("2028-02-01T00:00:00Z"), at("2028-03-01T00:00:00Z")));
        assert_eq!(month("2026-12-31T23:59:59Z"), (at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")));
        // The calendar ends there.
        let last = at("9999-12-30T00:00:00Z");
        for width in [Width::Week, Width::Month] {
            let (from, until) = width.around(last);
            assert!(from <= last && last < until, "{width:?}");
        }
    }

    #[test]
    fn the_longest_that_any_runs_are_kept_says_how_wide_partitions_are() {
        assert_eq!(
            [Some(1), Some(400), Some(401), None].map(Width::of),
            [Width::Week, Width::Week, Width::Month, Width::Month]
        );
    }

    #[test]
    fn what_is_lacking_leaves_others_what_they_have() {
        let there = [
            partition(i64::MIN, at("2026-11-18T00:00:00Z")),
            partition(at("2026-12-03T00:00:00Z"), at("2026-12-14T00:00:00Z")),
        ];
        let lacks = |text: &str, width| lacking(&there, at(text), width);
        assert_eq!(lacks("1970-01-01T00:00:00Z", Width::Week), None);
        assert_eq!(lacks("2026-12-13T23:59:59Z", Width::Month), None);
        let next = Some((at("2026-12-14T00:00:00Z"), at("2026-12-21T00:00:00Z")));
        assert_eq!(lacks("2026-12-14T00:00:00Z", Width::Week), next);
        let rest = Some((at("2026-12-14T00:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert_eq!(lacks("2026-12-31T00:00:00Z", Width::Month), rest);
        let between = Some((at("2026-11-30T00:00:00Z"), at("2026-12-03T00:00:00Z")));
        assert_eq!(lacks("2026-12-01T00:00:00Z", Width::Week), between);
        let cut = Some((at("2026-11-18T00:00:00Z"), at("2026-12-01T00:00:00Z")));
        assert_eq!(lacks("2026-11-20T00:00:00Z", Width::Month), cut);
        assert_eq!(covered(&there, at("2026-12-05T00:00:00Z")), at("2026-12-14T00:00:00Z"));
        assert_eq!(covered(&there, at("2026-11-20T00:00:00Z")), at("2026-11-20T00:00:00Z"));
    }

    #[test]
    fn bounds_are_read_as_postgresql_says_them() {
        assert_eq!(
            bounds_of("FOR VALUES FROM (MINVALUE) TO ('1799020800000000')"),
            Some((i64::MIN, 1_799_020_800_000_000))
        );
        assert_eq!(bounds_of("FOR VALUES FROM ('-5') TO (MAXVALUE)"), Some((-5, i64::MAX)));
        assert_eq!(bounds_of("DEFAULT"), None);
    }
}
