//! Opens the file and brings its schema up to date: each step in one transaction with its number, and all of them in one where
//! the file is new, so a kill at any point leaves the old schema or the new one.

use std::{path::Path, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

pub(in crate::store) use crate::store::migrations::OF_SQLITE as MIGRATIONS;
use crate::store::{OpenError, name_order::name_order};

/// `REVR` in ASCII: marks a file as ours.
const APPLICATION_ID: i64 = 0x5245_5652;

/// The oldest SQLite that is safe in WAL mode.
const OLDEST_LIBRARY: (u32, u32, u32) = (3, 51, 3);

/// The step after which the scripts that it found get their checksums, which SQL cannot reckon.
const VERSIONS_KEPT: i64 = 11;

/// The step after which the monitors that it found get their place in the order of names.
const NAMES_ORDERED: i64 = 17;

/// Connects for writing, with the newest schema.
pub(in crate::store) async fn open(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, OpenError> {
    let found = inspect(path).await?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    let mut connection = options.connect().await.map_err(unreadable)?;
    let steps: Vec<(i64, &'static str)> = (1..).zip(MIGRATIONS.iter().copied()).skip(found as usize).collect();
    // Nothing is in a new one that a step could take long for: it waits for the disk once.
    for steps in steps.chunks(if found == 0 { steps.len() } else { 1 }) {
        let version = steps[steps.len() - 1].0;
        let failed = |source| OpenError::Migration { path: path.to_owned(), version, source };
        let say = |took: Duration| {
            let (path, seconds) = (path.display(), took.as_secs());
            tracing::info!(
                "bringing {path} to schema {version} of {known}, for {seconds} s now; a large database takes minutes. If it is \
                 stopped, the next start begins this step again, and nothing is lost"
            );
        };
        say_while(apply(&mut connection, steps), tokio::time::sleep, say).await.map_err(failed)?;
        tracing::debug!(version, path = %path.display(), "a step of the schema");
    }
    match found {
        0 => tracing::info!(path = %path.display(), "made a database"),
        _ if found < known => {
            tracing::info!(from = found, to = known, path = %path.display(), "schema brought up to date")
        }
        _ => {}
    }
    Ok(connection)
}

/// Whoever waits for a start should know why: said after a second, and then now and then, each time with how long it has
/// taken by then.
async fn say_while<T, Rest: Future<Output = ()>>(
    work: impl Future<Output = T>,
    rest: impl Fn(Duration) -> Rest,
    mut say: impl FnMut(Duration),
) -> T {
    let mut work = std::pin::pin!(work);
    let (mut took, mut pause) = (Duration::ZERO, Duration::from_secs(1));
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = rest(pause) => {}
        }
        took += pause;
        say(took);
        pause = Duration::from_secs(10);
    }
}

/// Whether the file has this program's schema.
pub(in crate::store) async fn is_current(path: &Path) -> Result<bool, OpenError> {
    Ok(inspect(path).await? == MIGRATIONS.len() as i64)
}

/// The schema of the file, which must be a database of this program or of an older one. Changes nothing.
pub(in crate::store) async fn look(path: &Path) -> Result<i64, OpenError> {
    let (found, known) = (inspect(path).await?, MIGRATIONS.len() as i64);
    match found {
        0 => {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            Err(OpenError::Missing { place: whole.display().to_string() })
        }
        found if found > known => Err(OpenError::NewerSchema { path: path.to_owned(), found, known }),
        found => Ok(found),
    }
}

/// The schema of the file, 0 for a new one or none. Changes nothing: the file may be somebody else's.
pub(in crate::store) async fn inspect(path: &Path) -> Result<i64, OpenError> {
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(0);
    }
    let plain = SqliteConnectOptions::new().filename(path);
    let mut connection = plain.connect().await.map_err(unreadable)?;
    check_library(&mut connection).await.map_err(unreadable)??;
    let mut ask = async |question: &'static str| {
        sqlx::query_scalar::<_, i64>(question).fetch_one(&mut connection).await.map_err(unreadable)
    };
    let found = ask("pragma user_version").await?;
    let application = ask("pragma application_id").await?;
    let tables = ask("select count(*) from sqlite_schema").await?;
    if application != APPLICATION_ID && (tables > 0 || application != 0 || found != 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    connection.close().await.map_err(unreadable)?;
    Ok(found)
}

/// Makes these steps in one transaction.
async fn apply(connection: &mut SqliteConnection, steps: &[(i64, &'static str)]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    for (version, step) in steps {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        if *version == VERSIONS_KEPT {
            name_scripts(&mut transaction).await?;
        }
        if *version == NAMES_ORDERED {
            order_names(&mut transaction).await?;
        }
        // Pragmas take no parameters; both are numbers of our own, and both are part of the transaction.
        let mark = format!("pragma user_version = {version}; pragma application_id = {APPLICATION_ID};");
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Gives scripts that were found in the database the versions by which runs know them.
async fn name_scripts(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    loop {
        // Bytes that are no text stop no start: their monitor is set aside, as it was before.
        let unnamed: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select monitor_id, script from monitor_scripts where script_version = '' limit 100")
                .fetch_all(&mut *connection)
                .await?;
        if unnamed.is_empty() {
            return Ok(());
        }
        for (monitor, script) in unnamed {
            let version = revere_sandbox::script_version(&String::from_utf8_lossy(&script));
            for table in ["monitor_scripts", "monitor_versions"] {
                let sql =
                    format!("update {table} set script_version = $1 where monitor_id = $2 and script_version = ''");
                sqlx::query(AssertSqlSafe(sql)).bind(&version).bind(monitor).execute(&mut *connection).await?;
            }
        }
    }
}

/// Gives monitors that were found in the database their place in the order of names.
async fn order_names(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let found: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, name from monitors").fetch_all(&mut *connection).await?;
    for (id, name) in found {
        let order = name_order(&String::from_utf8_lossy(&name));
        let update = sqlx::query("update monitors set name_order = $1 where id = $2").bind(order).bind(id);
        update.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn check_library(connection: &mut SqliteConnection) -> Result<Result<(), OpenError>, sqlx::Error> {
    let found: String = sqlx::query_scalar("select sqlite_version()").fetch_one(connection).await?;
    let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    let version = (part(), part(), part());
    Ok(if version >= OLDEST_LIBRARY { Ok(()) } else { Err(OpenError::OldLibrary { found }) })
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::*;

    #[tokio::test]
    async fn a_step_that_takes_long_says_so_after_a_second_and_then_now_and_then() {
        for (rests, expected) in [(0, &[][..]), (1, &[1]), (4, &[1, 11, 21, 31])] {
            let mut left = rests;
            let work = poll_fn(|_| {
                left -= 1;
                if left < 0 { Poll::Ready("done") } else { Poll::Pending }
            });
            let mut said = Vec::new();
            let done = say_while(work, |_| std::future::ready(()), |took| said.push(took.as_secs())).await;
            assert_eq!((done, said.as_slice()), ("done", expected));
        }
    }
}
