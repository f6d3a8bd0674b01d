//! Brings the schema up to date: each step in one transaction with its number, and all of them in one where there is nothing yet, so
//! a kill at any point leaves the old schema or the new one. Servers that start at once do it one after the other.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;

use super::{address::PostgresAddress, chart_indexes, faults};
use crate::store::{OpenError, migrations::OF_POSTGRESQL as MIGRATIONS, name_order::name_order};

/// The step after which the monitors that it found get their place in the order of names.
const NAMES_ORDERED: i64 = 17;

/// The step that puts runs into partitions.
const PARTITIONED: i64 = 36;

/// The step that has charts drawn from an index alone.
const CHARTS_FROM_AN_INDEX: i64 = 38;

/// Held by whoever changes the schema: `REVR` in ASCII. It keeps two servers from tripping over each other; where a
/// database knows no such locks, the second one's step fails, and is tried again.
const CHANGING_THE_SCHEMA: i64 = 0x5245_5652;

/// How often a step is tried that another server may be making, or that somebody keeps from its tables.
const TRIES: usize = 3;

/// How long a step waits for a table that somebody else holds. Whoever comes after it waits as long: servers of the version
/// before, with all that they write. No shorter than it takes PostgreSQL to send its own tidying away from a table
/// (`deadlock_timeout`).
const STEP_WAITS: &str = "set local lock_timeout = '2s'";

/// How long everybody is left alone then. A dump holds all tables for as long as it takes.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// Has the newest schema there, or says why not. `patient` connects once more, for what may take long.
pub(super) async fn bring_up_to_date<Connecting>(
    connection: &mut PgConnection,
    address: &PostgresAddress,
    patient: impl Fn() -> Connecting,
) -> Result<(), OpenError>
where
    Connecting: Future<Output = Result<PgConnection, sqlx::Error>>,
{
    let mut tries = 0;
    // From where on it was done here.
    let mut done = None;
    loop {
        let found = look(connection, address).await?;
        let mut steps = &MIGRATIONS[MIGRATIONS.partition_point(|(version, _)| *version <= found)..];
        if found > 0 {
            // Other servers go on between them.
            steps = &steps[..steps.len().min(1)];
        }
        let Some((version, _)) = steps.last() else {
            match done {
                Some(0) => tracing::info!(database = %address, "made the tables"),
                Some(from) => tracing::info!(from, to = found, database = %address, "schema brought up to date"),
                None => {}
            }
            return Ok(());
        };
        let prepared = match *version {
            PARTITIONED if found > 0 => look_through(connection).await,
            CHARTS_FROM_AN_INDEX if found > 0 => match patient().await {
                Ok(connection) => chart_indexes::make_ahead(connection).await,
                Err(error) => Err(error),
            },
            _ => Ok(()),
        };
        let applied = match prepared {
            Ok(()) => apply(connection, found, steps).await,
            Err(error) => Err(error),
        };
        match applied {
            Ok(true) => {
                tracing::debug!(version, database = %address, "a step of the schema");
                done.get_or_insert(found);
            }
            // Another one did it.
            Ok(false) => {}
            Err(error) if tries < TRIES && is_anothers(&error) => tries += 1,
            Err(error) if tries < TRIES && is_held(&error) => {
                if tries == 0 {
                    tracing::warn!(
                        version, database = %address,
                        "somebody holds a table that is to be changed, as a dump does until it is written (pg_stat_activity says who); \
                         this start waits for that, and other servers go on meanwhile"
                    );
                }
                tries += 1;
                sleep(LEFT_ALONE).await;
            }
            // It may be that another one takes its time: that passes, and whoever waits for the database comes again.
            Err(source) => {
                return Err(match faults::cannot_open(address, source) {
                    OpenError::Server { place, fault, passing, source } => {
                        let fault = format!("cannot be brought to schema {version}; it is unchanged: {fault}");
                        OpenError::Server { place, fault, passing, source }
                    }
                    other => other,
                });
            }
        }
    }
}

/// Refuses a schema that is not this program's: servers of another version may be using it. One that is not there yet
/// nobody uses.
pub(super) async fn refuse_other_schema(
    connection: &mut PgConnection,
    address: &PostgresAddress,
) -> Result<(), OpenError> {
    let known = newest();
    let found = look(connection, address).await?;
    if found == 0 || found == known {
        return Ok(());
    }
    let fault = format!(
        "has schema {found}, and this program's is {known}; start a server of this version, which brings it up to date, or use the \
         program of the version that runs"
    );
    Err(OpenError::Server { place: address.to_string(), fault, passing: false, source: None })
}

/// The schema that is there, where it is one that this program knows.
pub(super) async fn look(connection: &mut PgConnection, address: &PostgresAddress) -> Result<i64, OpenError> {
    let known = newest();
    let found = inspect(connection, address).await?;
    if found > known {
        let fault = format!("has schema {found}, this program knows up to {known}; use the newer Revere that made it");
        return Err(OpenError::Server { place: address.to_string(), fault, passing: false, source: None });
    }
    Ok(found)
}

/// This program's schema.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, _)| *version)
}

/// What two servers come to that make the same step at once: unique_violation, duplicate_table, duplicate_column, an index, a
/// constraint or a table that is gone or there already, or another sort of table.
fn is_anothers(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| {
        ["23505", "42P07", "42701", "42704", "42710", "42809", "42P01", "40001", "40P01"].contains(&&*code)
    })
}

/// Whether a table could not be had in time: lock_not_available.
fn is_held(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some("55P03")
}

/// The schema that is there, 0 where there is none. Refuses tables that are not ours.
async fn inspect(connection: &mut PgConnection, address: &PostgresAddress) -> Result<i64, OpenError> {
    let failed = |source: sqlx::Error| faults::cannot_open(address, source);
    let (ours, others): (bool, bool) =
        sqlx::query_as("select to_regclass('meta') is not null, to_regclass('monitors') is not null")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
    let foreign = |table: &str| OpenError::Server {
        place: address.to_string(),
        fault: format!(
            "has a table `{table}` that is not Revere's; name a database of its own, as made by `createdb --encoding=UTF8 NAME`"
        ),
        passing: false,
        source: None,
    };
    if !ours {
        return if others { Err(foreign("monitors")) } else { Ok(0) };
    }
    let found: Result<Option<String>, sqlx::Error> =
        sqlx::query_scalar("select value from meta where key = 'schema'").fetch_optional(connection).await;
    match found {
        Ok(Some(version)) => version.parse().map_err(|_| foreign("meta")),
        Ok(None) => Err(foreign("meta")),
        // Undefined_column: a table of that name with other columns.
        Err(error) if error.as_database_error().and_then(|error| error.code()).as_deref() == Some("42703") => {
            Err(foreign("meta"))
        }
        Err(error) => Err(failed(error)),
    }
}

/// Makes these steps from the schema `from` in one transaction; false where another server has made one meanwhile.
async fn apply(connection: &mut PgConnection, from: i64, steps: &[(i64, &'static str)]) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("set local statement_timeout = 0; set local lock_timeout = '1min'")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(CHANGING_THE_SCHEMA).execute(&mut *transaction).await?;
    let is_there: bool =
        sqlx::query_scalar("select to_regclass('meta') is not null").fetch_one(&mut *transaction).await?;
    let found: i64 = match is_there {
        true => {
            sqlx::query_scalar("select cast(value as bigint) from meta where key = 'schema'")
                .fetch_one(&mut *transaction)
                .await?
        }
        false => 0,
    };
    if found != from {
        return Ok(false);
    }
    sqlx::raw_sql(STEP_WAITS).execute(&mut *transaction).await?;
    for (version, step) in steps {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        if *version == NAMES_ORDERED {
            order_names(&mut transaction).await?;
        }
        let mark = format!(
            "insert into meta (key, value) values ('schema', '{version}') on conflict (key) do update set value = excluded.value"
        );
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Before runs are put into partitions: a rule that says until when those go that are there, in five weeks or so, and
/// that none is beyond. What is looked at here, while other servers go on reading and writing, the step need not look
/// at while it keeps them out. All runs are read twice, which takes minutes where there are many millions. Stopped in
/// the middle, the next start goes on from there.
async fn look_through(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let has_many: bool = sqlx::query_scalar("select coalesce(pg_relation_size(to_regclass('runs')), 0) > 100000000")
        .fetch_one(&mut *connection)
        .await?;
    if has_many {
        tracing::info!(
            "all runs are looked through once, before they are put into partitions; with many millions this takes minutes, and \
             other servers go on meanwhile"
        );
    }
    for step in [
        "do $$
         declare
             bound bigint;
         begin
             -- It may be that another server made the step meanwhile.
             if (select relkind from pg_class where oid = to_regclass('runs')) = 'r'
                     and not exists (select 1 from pg_constraint
                         where conrelid = to_regclass('runs') and conname = 'runs_before_bound') then
                 select (extract(epoch from date_trunc('week', to_timestamp(greatest(max(started_at) / 1000000,
                         extract(epoch from now())::bigint)) at time zone 'UTC') + interval '35 days') * 1000000)::bigint
                     into bound from runs having count(*) > 0;
                 if bound is not null then
                     execute format('alter table runs add constraint runs_before_bound check (started_at < %s) not valid', bound);
                 end if;
             end if;
         end $$",
        "do $$
         begin
             if exists (select 1 from pg_constraint where conrelid = to_regclass('runs') and conname = 'runs_before_bound') then
                 alter table runs validate constraint runs_before_bound;
             end if;
         end $$",
    ] {
        let mut transaction = connection.begin().await?;
        // One server at a time. Nobody who reads or writes runs waits for this lock.
        sqlx::raw_sql(
            "set local statement_timeout = 0; set local lock_timeout = '1min';
             lock table runs in share update exclusive mode",
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::raw_sql(step).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Gives monitors that were found in the database their place in the order of names.
async fn order_names(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let found: Vec<(i64, String)> = sqlx::query_as("select id, name from monitors").fetch_all(&mut *connection).await?;
    for (id, name) in found {
        let update = sqlx::query("update monitors set name_order = $1 where id = $2").bind(name_order(&name)).bind(id);
        update.execute(&mut *connection).await?;
    }
    Ok(())
}
