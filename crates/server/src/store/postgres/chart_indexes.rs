//! The indexes that charts are drawn from, of the partitions that there are, before the step that has them for all (0038): made while
//! other servers go on reading and writing, for with many million runs it takes minutes.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;

/// The end of each index's name, after that of its partition, and what it is of. As in the step.
const INDEXES: [(&str, &str); 3] = [
    ("_time", "(monitor_id, started_at)"),
    (
        "_points",
        "(monitor_id, started_at, id) include (new_state, return_value) where coalesce(octet_length(return_value), 0) <= 1000",
    ),
    ("_long_points", "(monitor_id, started_at, id) where coalesce(octet_length(return_value), 0) > 1000"),
];

/// Held by whoever makes them: `REVI` in ASCII.
const MAKING: i64 = 0x5245_5649;

/// How often is asked whether another server has done with it. Not by waiting for the lock: whoever waits within a statement is what
/// an index that is made beside others waits for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long nothing is tried after one could not be made.
const AFTER_A_FAILURE: Duration = Duration::from_secs(30);

/// A partition that takes more bytes has them made ahead; of a smaller one the step makes them within moments.
const LARGE: i64 = 8 << 20;

/// Of one that takes more bytes it is said beforehand that this takes a while.
const TAKES_A_WHILE: i64 = 100 << 20;

/// Makes those that are missing, by a connection of its own. Stopped in the middle, the next start goes on from there.
pub(super) async fn make_ahead(mut connection: PgConnection) -> Result<(), sqlx::Error> {
    // It goes through all rows, and waits until nobody reads any longer who began before.
    sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut connection).await?;
    let mut has_told = false;
    while !asks(&mut connection, "select pg_try_advisory_lock($1)").await? {
        if !has_told {
            has_told = true;
            tracing::info!(
                "another server makes indexes that this version needs; this start waits until it has done with it or is gone"
            );
        }
        sleep(LOOK_EVERY).await;
    }
    let made = make_missing(&mut connection).await;
    // Its end gives the lock back, too; but not where a pooler keeps the connection.
    asks(&mut connection, "select pg_advisory_unlock($1)").await.ok();
    connection.close().await.ok();
    if let Err(error) = &made
        && lacks_room(error)
    {
        // A start that this keeps from going on is tried again within moments, and would fill the disk again and again.
        tracing::error!(%error, "indexes that this version needs cannot be made; that is tried again in half a minute");
        sleep(AFTER_A_FAILURE).await;
    }
    made
}

/// Whether the database had no room for it, on its disk or elsewhere: insufficient_resources, a class of errors.
fn lacks_room(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("53"))
}

async fn asks(connection: &mut PgConnection, question: &'static str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(question).bind(MAKING).fetch_one(connection).await
}

async fn make_missing(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut has_told = false;
    for (partition, size) in large_partitions(connection).await? {
        for (suffix, of) in INDEXES {
            let name = format!("{partition}{suffix}");
            match is_valid(connection, &name).await? {
                Some(true) => continue,
                // Half of one, by whoever was stopped in the middle.
                Some(false) => go(connection, format!("drop index concurrently {name}")).await?,
                None => {}
            }
            if size > TAKES_A_WHILE && !has_told {
                has_told = true;
                tracing::info!(
                    "indexes of all runs are made, from which charts are drawn; with many millions this takes minutes, and waits for \
                     whoever reads for long, as a dump does; other servers go on meanwhile"
                );
            }
            if let Err(error) = go(connection, format!("create index concurrently {name} on {partition} {of}")).await {
                // Half of one would be kept up to date for nothing. What made it fail is what is told.
                if let Ok(Some(false)) = is_valid(connection, &name).await {
                    go(connection, format!("drop index concurrently {name}")).await.ok();
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The names of large partitions, and how many bytes each takes.
async fn large_partitions(connection: &mut PgConnection) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select cast(c.relname as text), pg_relation_size(c.oid)
         from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass('runs') and not i.inhdetachpending and pg_relation_size(c.oid) > $1
         order by c.relname",
    )
    .bind(LARGE)
    .fetch_all(connection)
    .await
}

/// Whether an index is there, and whether it was made to its end.
async fn is_valid(connection: &mut PgConnection, name: &str) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar("select indisvalid from pg_index where indexrelid = to_regclass($1)")
        .bind(name)
        .fetch_optional(connection)
        .await
}

/// By itself, in no transaction.
async fn go(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}
