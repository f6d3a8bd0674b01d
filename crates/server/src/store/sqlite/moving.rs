//! A file that everything is moved out of, or into.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteRow, SqliteSynchronous},
};
use tokio::sync::mpsc;

use super::{lock::LockFile, migrate, new_file};
use crate::store::{
    OpenError,
    moving::{
        MoveError,
        rows::{Kind, Row, Sequences, Table, Value, send_rows, tables_of},
    },
};

/// Values of one statement.
const AT_ONCE: usize = 2_000;

/// A file, with its lock.
pub(in crate::store) struct FileSide {
    connection: SqliteConnection,
    /// What makes the indexes that were taken away.
    indexes: Vec<String>,
    /// Where it is while it is written, and how it is to be called.
    made: Option<(PathBuf, PathBuf)>,
    /// Nobody else writes to it; nor begins a database of the name that it is to have.
    _locks: Vec<LockFile>,
}

impl FileSide {
    /// A file that no server uses. Nobody writes to it meanwhile.
    pub(in crate::store) async fn source(path: &Path) -> Result<FileSide, MoveError> {
        if !path.is_file() {
            return Err(MoveError::Missing(path.display().to_string()));
        }
        let found = migrate::inspect(path).await?;
        let lock = LockFile::take(path).map_err(|error| match error {
            OpenError::InUse { path, holder } => {
                let by = format!("a server{holder}");
                MoveError::SourceInUse { place: path.display().to_string(), by }
            }
            other => other.into(),
        })?;
        let known = migrate::MIGRATIONS.len() as i64;
        match found {
            found if found > known => {
                return Err(OpenError::NewerSchema { path: path.to_owned(), found, known }.into());
            }
            0 => return Err(MoveError::Missing(path.display().to_string())),
            found if found < known => {
                return Err(MoveError::OlderSchema { place: path.display().to_string(), found, known });
            }
            _ => {}
        }
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        let options =
            SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(5)).disable_statement_logging();
        let mut connection = options.connect().await.map_err(unreadable)?;
        // A command that adds a user, say, is kept out as well.
        sqlx::raw_sql("begin immediate").execute(&mut connection).await.map_err(unreadable)?;
        Ok(FileSide { connection, indexes: Vec::new(), made: None, _locks: vec![lock] })
    }

    /// A file that is not there yet. It is made under another name, which what an earlier move left has, too.
    pub(in crate::store) async fn target(path: &Path) -> Result<FileSide, MoveError> {
        refuse_what_is_there(path)?;
        let name = LockFile::take(path).map_err(|error| match error {
            OpenError::InUse { path, holder } => {
                MoveError::TargetInUse { place: path.display().to_string(), by: format!("a server{holder}") }
            }
            other => other.into(),
        })?;
        let moving = with_ending(path, ".moving");
        let lock = LockFile::take(&moving).map_err(|error| match error {
            OpenError::InUse { path, holder } => {
                MoveError::TargetInUse { place: path.display().to_string(), by: format!("another move{holder}") }
            }
            other => other.into(),
        })?;
        let failed = |source| MoveError::File { path: path.to_owned(), source };
        remove(&moving).map_err(failed)?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&moving).map_err(failed)?;
        let options = SqliteConnectOptions::new()
            .filename(&moving)
            // Nothing of it is kept if it is not finished, and it is brought to the disk as a whole.
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .locking_mode(SqliteLockingMode::Exclusive)
            .foreign_keys(false)
            .disable_statement_logging()
            .pragma("cache_size", "-65536");
        let connection = migrate::open(&options, &moving).await?;
        Ok(FileSide {
            connection,
            indexes: Vec::new(),
            made: Some((moving, path.to_owned())),
            _locks: vec![lock, name],
        })
    }

    pub(in crate::store) async fn instance(&mut self) -> Result<String, sqlx::Error> {
        sqlx::query_scalar("select value from meta where key = 'instance'").fetch_one(&mut self.connection).await
    }

    pub(in crate::store) async fn tables(&mut self) -> Result<Vec<Table>, sqlx::Error> {
        let columns: Vec<(String, String, String, i64)> = sqlx::query_as(
            "select t.name, c.name, c.type, c.pk from sqlite_schema t, pragma_table_info(t.name) c
             where t.type = 'table' and t.name not like 'sqlite%' order by t.name, c.cid",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let column = |(table, name, kind, place): (String, String, String, i64)| {
            let kind = match kind.to_lowercase().as_str() {
                "integer" => Kind::Int,
                "real" => Kind::Real,
                _ => Kind::Text,
            };
            (table, name, kind, (place > 0).then_some(place))
        };
        Ok(tables_of(columns.into_iter().map(column)))
    }

    pub(in crate::store) async fn count(&mut self, table: &Table) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(AssertSqlSafe(table.count())).fetch_one(&mut self.connection).await
    }

    pub(in crate::store) async fn read(
        &mut self,
        table: &Table,
        send: mpsc::Sender<Vec<Row>>,
    ) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(table.select())).fetch(&mut self.connection);
        send_rows(table, rows, value, send).await
    }

    pub(in crate::store) async fn make_room(&mut self) -> Result<(), sqlx::Error> {
        let indexes: Vec<(String, String)> =
            sqlx::query_as("select name, sql from sqlite_schema where type = 'index' and sql is not null")
                .fetch_all(&mut self.connection)
                .await?;
        for (name, sql) in indexes {
            sqlx::raw_sql(AssertSqlSafe(format!("drop index {name}"))).execute(&mut self.connection).await?;
            self.indexes.push(sql);
        }
        sqlx::raw_sql("delete from meta").execute(&mut self.connection).await?;
        Ok(())
    }

    pub(in crate::store) async fn write(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("begin").execute(&mut self.connection).await?;
        let at_once = (AT_ONCE / table.columns.len()).max(1);
        let one = format!("({})", vec!["?"; table.columns.len()].join(","));
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let piece: Vec<Row> = rows.by_ref().take(at_once).collect();
            let values = vec![one.as_str(); piece.len()].join(",");
            let sql = format!("insert into {} ({}) values {values}", table.name, table.names());
            let mut insert = sqlx::query(AssertSqlSafe(sql)).persistent(piece.len() == at_once);
            for value in piece.into_iter().flatten() {
                insert = match value {
                    Value::Null => insert.bind(None::<i64>),
                    Value::Int(number) => insert.bind(number),
                    Value::Real(number) => insert.bind(number),
                    Value::Text(text) | Value::Mended(text) => insert.bind(text),
                };
            }
            insert.execute(&mut self.connection).await?;
        }
        sqlx::raw_sql("commit").execute(&mut self.connection).await?;
        Ok(())
    }

    pub(in crate::store) async fn put_in_order(&mut self) -> Result<Option<(String, String)>, sqlx::Error> {
        for sql in std::mem::take(&mut self.indexes) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        }
        sqlx::query_as("select \"table\", parent from pragma_foreign_key_check limit 1")
            .fetch_optional(&mut self.connection)
            .await
    }

    pub(in crate::store) async fn sequences(&mut self) -> Result<Sequences, sqlx::Error> {
        let all: Vec<(String, i64)> =
            sqlx::query_as("select name, seq from sqlite_sequence").fetch_all(&mut self.connection).await?;
        Ok(all.into_iter().collect())
    }

    pub(in crate::store) async fn go_on_after(&mut self, sequences: &Sequences) -> Result<(), sqlx::Error> {
        let numbered: Vec<String> =
            sqlx::query_scalar("select name from sqlite_schema where type = 'table' and sql like '%autoincrement%'")
                .fetch_all(&mut self.connection)
                .await?;
        // Rows with greater numbers have been seen to by themselves.
        for (table, last) in sequences.iter().filter(|(table, _)| numbered.contains(table)) {
            for sql in [
                "insert into sqlite_sequence (name, seq)
                     select $1, 0 where not exists (select 1 from sqlite_sequence where name = $1)",
                "update sqlite_sequence set seq = max(seq, $2) where name = $1",
            ] {
                sqlx::query(sql).bind(table).bind(last).execute(&mut self.connection).await?;
            }
        }
        Ok(())
    }

    pub(in crate::store) async fn let_go(self) {
        // Nothing was written.
        let _ = self.connection.close().await;
    }

    pub(in crate::store) async fn finish(self) -> Result<(), MoveError> {
        let Some((moving, path)) = self.made else { return Ok(()) };
        let failed = |source| MoveError::File { path: path.clone(), source };
        let closed = self.connection.close().await;
        closed.map_err(|source| MoveError::Write { place: path.display().to_string(), source })?;
        File::open(&moving).and_then(|file| file.sync_all()).map_err(failed)?;
        refuse_what_is_there(&path)?;
        match new_file::give_name(&moving, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(MoveError::Exists(path)),
            named => named.map_err(failed)?,
        }
        // It is of no use any more.
        let _ = fs::remove_file(with_ending(&moving, ".lock"));
        Ok(())
    }

    pub(in crate::store) async fn throw_away(self) {
        let _ = self.connection.close().await;
        if let Some((moving, _)) = self.made {
            // What went wrong before is what matters.
            let _ = fs::remove_file(&moving);
            let _ = fs::remove_file(with_ending(&moving, ".lock"));
        }
    }
}

/// Refuses a file of that name, and what belonged to an earlier one of that name: SQLite would take it for the new one's.
fn refuse_what_is_there(path: &Path) -> Result<(), MoveError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let there = with_ending(path, ending);
        if fs::symlink_metadata(&there).is_ok() {
            return Err(MoveError::Exists(there));
        }
    }
    Ok(())
}

fn value(row: &SqliteRow, place: usize, kind: Kind) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Kind::Int | Kind::Flag => row.try_get::<Option<i64>, _>(place)?.map_or(Value::Null, Value::Int),
        Kind::Real => row.try_get::<Option<f64>, _>(place)?.map_or(Value::Null, Value::Real),
        Kind::Text => match row.try_get::<Option<Vec<u8>>, _>(place)? {
            None => Value::Null,
            Some(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Value::Text(text),
                // Bytes that are no text stop nothing: whoever reads it sees where they were.
                Err(error) => Value::Mended(String::from_utf8_lossy(error.as_bytes()).into_owned()),
            },
        },
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
