//! A database of PostgreSQL that everything is moved out of, or into.
//!
//! Out of it: read in one transaction that keeps every writer out. Into it: written in one transaction that keeps everybody out,
//! so that a server that is started too early waits, and finds all or nothing.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, postgres::PgRow};
use tokio::sync::mpsc;

use super::{address::PostgresAddress, connection, faults, migrate, partitions};
use crate::store::moving::{
    MoveError,
    rows::{Kind, Row, Sequences, Table, Value, send_rows, tables_of},
};

/// A move takes its time; what is in the order of a key is read by the key's index.
const SESSION: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set enable_sort = off; \
    set lock_timeout = '60s'; set tcp_user_timeout = 0";

/// Tables that this engine alone has.
const OF_ITS_OWN: &str = "'nodes', 'commits'";

/// A database of PostgreSQL, in a transaction.
pub(in crate::store) struct PostgresSide {
    connection: PgConnection,
    address: PostgresAddress,
    /// What makes the indexes and references that were taken away.
    taken_away: Vec<String>,
    /// The tables that were written.
    filled: Vec<String>,
    /// Servers that ended without a word.
    pub(in crate::store) silent: Vec<String>,
}

impl PostgresSide {
    /// A database that no server uses. Nobody writes to it meanwhile.
    pub(in crate::store) async fn source(address: &PostgresAddress) -> Result<PostgresSide, MoveError> {
        let mut side = PostgresSide::connect(address).await?;
        let (found, known) = (migrate::look(&mut side.connection, address).await?, migrate::newest());
        match found {
            0 => return Err(MoveError::Missing(address.to_string())),
            found if found < known => {
                return Err(MoveError::OlderSchema { place: address.to_string(), found, known });
            }
            _ => {}
        }
        if let Some(by) = side.servers().await? {
            return Err(MoveError::SourceInUse { place: address.to_string(), by });
        }
        // Every transaction that writes begins with a row of `commits`, every change of the schema ends with one of `meta`.
        let begin = "begin isolation level repeatable read; lock table commits, meta in share mode";
        side.ask(begin).await.map_err(|fault| match is_waited_for(&fault) {
            true => MoveError::SourceInUse { place: address.to_string(), by: "somebody who writes to it".to_owned() },
            false => side.failed(fault),
        })?;
        Ok(side)
    }

    /// A database that nothing is in, or that a copy of the one with this name is in: which of the two.
    pub(in crate::store) async fn target(
        address: &PostgresAddress,
        instance: &str,
    ) -> Result<(PostgresSide, bool), MoveError> {
        let mut side = PostgresSide::connect(address).await?;
        // Where a move was stopped while it made the tables, they go on being made.
        if migrate::look(&mut side.connection, address).await? > 0 && side.table_with_rows().await?.is_some() {
            migrate::refuse_other_schema(&mut side.connection, address).await?;
        }
        let mut is_copy = false;
        if migrate::look(&mut side.connection, address).await? > 0 {
            if let Some(by) = side.servers().await? {
                return Err(MoveError::TargetInUse { place: address.to_string(), by });
            }
            is_copy = side.instance().await.map_err(|fault| side.failed(fault))? == instance;
        }
        migrate::bring_up_to_date(&mut side.connection, address, || connection::patient(address)).await?;
        if is_copy {
            // It is held, if it is the one that is to be moved.
            side.ask("set lock_timeout = '2s'").await.map_err(|fault| side.failed(fault))?;
        }
        let tables = side.tables().await.map_err(|fault| side.failed(fault))?;
        let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        let lock = format!("begin; lock table {}, nodes, commits in access exclusive mode", names.join(", "));
        side.ask(&lock).await.map_err(|fault| match (is_waited_for(&fault), is_copy) {
            (true, true) => MoveError::Same(address.to_string()),
            (true, false) => {
                let by = "somebody (a move that was stopped just now lets go after some seconds)".to_owned();
                MoveError::TargetInUse { place: address.to_string(), by }
            }
            _ => side.failed(fault),
        })?;
        if is_copy {
            return Ok((side, true));
        }
        if let Some(table) = side.table_with_rows().await? {
            return Err(MoveError::HoldsData { place: address.to_string(), table });
        }
        Ok((side, false))
    }

    /// A table that somebody's data is in, if there is one.
    async fn table_with_rows(&mut self) -> Result<Option<String>, MoveError> {
        let tables = self.tables().await.map_err(|fault| self.failed(fault))?;
        for table in tables.into_iter().filter(|table| table.name != "meta") {
            let any = format!("select exists (select 1 from \"{}\")", table.name);
            let any: bool = sqlx::query_scalar(AssertSqlSafe(any))
                .fetch_one(&mut self.connection)
                .await
                .map_err(|fault| self.failed(fault))?;
            if any {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }

    async fn connect(address: &PostgresAddress) -> Result<PostgresSide, MoveError> {
        let connection = connection::checked(address).await?;
        let mut side = PostgresSide {
            connection,
            address: address.clone(),
            taken_away: Vec::new(),
            filled: vec!["meta".to_owned()],
            silent: Vec::new(),
        };
        side.ask(SESSION).await.map_err(|fault| side.failed(fault))?;
        Ok(side)
    }

    fn failed(&self, fault: sqlx::Error) -> MoveError {
        faults::cannot_open(&self.address, fault).into()
    }

    async fn ask(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection).await.map(drop)
    }

    /// The servers that use it, if any do. Others that ended without a word are noted.
    async fn servers(&mut self) -> Result<Option<String>, MoveError> {
        let nodes: Vec<(String, i64)> = sqlx::query_as(
            "select host || ' (' || name || ')',
                 cast(extract(epoch from clock_timestamp()) as bigint) - seen_at / 1000000 from nodes order by started_at, name",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(|fault| self.failed(fault))?;
        let (alive, silent): (Vec<_>, Vec<_>) = nodes.into_iter().partition(|(_, ago)| *ago < 30);
        self.silent = silent.into_iter().map(|(name, _)| name).collect();
        let alive: Vec<String> = alive.into_iter().map(|(name, ago)| format!("{name}, seen {ago} s ago")).collect();
        Ok((!alive.is_empty()).then(|| format!("the server {}", alive.join(" and the server "))))
    }

    pub(in crate::store) async fn instance(&mut self) -> Result<String, sqlx::Error> {
        sqlx::query_scalar("select value from meta where key = 'instance'").fetch_one(&mut self.connection).await
    }

    pub(in crate::store) async fn tables(&mut self) -> Result<Vec<Table>, sqlx::Error> {
        let sql = format!(
            "select cast(c.relname as text), cast(a.attname as text), format_type(a.atttypid, null),
                 cast(array_position(cast(i.indkey as int2[]), a.attnum) as bigint)
             from pg_class c
             join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
             join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             left join pg_index i on i.indrelid = c.oid and i.indisprimary
             where c.relkind in ('r', 'p') and not c.relispartition and c.relname not in ({OF_ITS_OWN}) order by c.relname, a.attnum"
        );
        let columns: Vec<(String, String, String, Option<i64>)> =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        let column = |(table, name, kind, place): (String, String, String, Option<i64>)| {
            let kind = match kind.as_str() {
                "bigint" => Kind::Int,
                "boolean" => Kind::Flag,
                "double precision" => Kind::Real,
                _ => Kind::Text,
            };
            (table, name, kind, place)
        };
        let mut tables = tables_of(columns.into_iter().map(column));
        // Only each partition of a table has a key.
        for table in tables.iter_mut().filter(|table| table.key.is_empty()) {
            table.key.push("id".to_owned());
        }
        Ok(tables)
    }

    pub(in crate::store) async fn count(&mut self, table: &Table) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(AssertSqlSafe(table.count())).fetch_one(&mut self.connection).await
    }

    pub(in crate::store) async fn read(
        &mut self,
        table: &Table,
        send: mpsc::Sender<Vec<Row>>,
    ) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(table.select())).persistent(false).fetch(&mut self.connection);
        send_rows(table, rows, value, send).await
    }

    pub(in crate::store) async fn make_room(&mut self) -> Result<(), sqlx::Error> {
        let all: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(format!(
            "select format('alter table %I drop constraint %I', t.relname, c.conname),
                 format('alter table %I add constraint %I %s', t.relname, c.conname, pg_get_constraintdef(c.oid))
             from pg_constraint c join pg_class t on t.oid = c.conrelid
             join pg_namespace n on n.oid = t.relnamespace and n.nspname = current_schema()
             where c.contype = 'f' and t.relname not in ({OF_ITS_OWN})
             union all
             select format('drop index %I', ix.relname), replace(pg_get_indexdef(ix.oid), ' ON ONLY ', ' ON ')
             from pg_index i join pg_class ix on ix.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
             where t.relnamespace = current_schema()::regnamespace and not i.indisunique and not t.relispartition
                 and t.relname not in ({OF_ITS_OWN})"
        )))
        .fetch_all(&mut self.connection)
        .await?;
        for (take, put) in all {
            self.ask(&take).await?;
            // Indexes first: references are looked after with them.
            let place = if put.starts_with("alter") { self.taken_away.len() } else { 0 };
            self.taken_away.insert(place, put);
        }
        // All of them are empty. They are made anew as runs come, by when those began.
        for partition in partitions::all(&mut self.connection).await? {
            self.ask(&format!("drop table {}", partition.name)).await?;
        }
        self.ask("delete from meta where key <> 'schema'").await
    }

    pub(in crate::store) async fn write(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), sqlx::Error> {
        let mut text = Vec::new();
        for row in &rows {
            for (place, (value, column)) in row.iter().zip(&table.columns).enumerate() {
                if place > 0 {
                    text.push(b'\t');
                }
                put(&mut text, value, column.kind);
            }
            text.push(b'\n');
        }
        if self.filled.last() != Some(&table.name) {
            self.filled.push(table.name.clone());
        }
        if table.name == "runs" {
            let began = table.columns.iter().position(|column| column.name == "started_at");
            let time = |row: &Row| match row.get(began?) {
                Some(Value::Int(at)) => Some(*at),
                _ => None,
            };
            let times: Vec<i64> = rows.iter().filter_map(time).collect();
            partitions::months(&mut self.connection, &times).await?;
        }
        let copy = format!("copy {} ({}) from stdin", table.name, table.names());
        let mut copying = self.connection.copy_in_raw(&copy).await?;
        copying.send(text).await?;
        copying.finish().await.map(drop)
    }

    pub(in crate::store) async fn put_in_order(&mut self) -> Result<Option<(String, String)>, sqlx::Error> {
        partitions::first(&mut self.connection).await?;
        for sql in std::mem::take(&mut self.taken_away) {
            self.ask(&sql).await?;
        }
        // A reference to what is not there would have been refused.
        Ok(None)
    }

    pub(in crate::store) async fn sequences(&mut self) -> Result<Sequences, sqlx::Error> {
        let all: Vec<(String, Option<i64>)> = sqlx::query_as(
            "select cast(sequencename as text), last_value from pg_sequences where schemaname = current_schema()",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let table = |(name, last): (String, Option<i64>)| Some((name.strip_suffix("_id_seq")?.to_owned(), last?));
        Ok(all.into_iter().filter_map(table).collect())
    }

    pub(in crate::store) async fn go_on_after(&mut self, sequences: &Sequences) -> Result<(), sqlx::Error> {
        let numbered: Vec<String> = sqlx::query_scalar(
            "select cast(sequencename as text) from pg_sequences where schemaname = current_schema()",
        )
        .fetch_all(&mut self.connection)
        .await?;
        for sequence in numbered {
            let Some(table) = sequence.strip_suffix("_id_seq") else { continue };
            let last = sequences.get(table).copied().unwrap_or(0);
            let sql = format!(
                "select setval('{sequence}', greatest(last, 1), last > 0)
                 from (select greatest($1, coalesce(max(id), 0)) as last from {table}) found"
            );
            sqlx::query(AssertSqlSafe(sql)).bind(last).execute(&mut self.connection).await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn let_go(mut self) {
        // Nothing was written.
        let _ = self.ask("rollback").await;
        let _ = self.connection.close().await;
    }

    pub(in crate::store) async fn finish(mut self) -> Result<(), MoveError> {
        let place = self.address.to_string();
        if let Err(source) = self.ask("commit").await {
            return Err(match source {
                sqlx::Error::Database(_) => MoveError::Write { place, source },
                _ => MoveError::Unanswered { place, source },
            });
        }
        // The planner knows nothing of it yet. It would find out by itself, later.
        let analyze = format!("analyze {}", self.filled.join(", "));
        if let Err(error) = self.ask(&analyze).await {
            tracing::debug!(%error, "the copy was not analyzed");
        }
        let _ = self.connection.close().await;
        Ok(())
    }

    pub(in crate::store) async fn throw_away(self) {
        // What went wrong before is what matters. It may be in the middle of a copy, which ends with the connection.
        drop(self.connection);
    }
}

fn is_waited_for(fault: &sqlx::Error) -> bool {
    fault.as_database_error().and_then(|error| error.code()).as_deref() == Some("55P03")
}

fn value(row: &PgRow, place: usize, kind: Kind) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Kind::Int => row.try_get::<Option<i64>, _>(place)?.map_or(Value::Null, Value::Int),
        Kind::Flag => row.try_get::<Option<bool>, _>(place)?.map_or(Value::Null, |flag| Value::Int(i64::from(flag))),
        Kind::Real => row.try_get::<Option<f64>, _>(place)?.map_or(Value::Null, Value::Real),
        Kind::Text => row.try_get::<Option<String>, _>(place)?.map_or(Value::Null, Value::Text),
    })
}

/// A value as `copy` reads it.
fn put(text: &mut Vec<u8>, value: &Value, kind: Kind) {
    match value {
        Value::Null => text.extend_from_slice(b"\\N"),
        Value::Int(number) if kind == Kind::Flag => text.push(if *number == 0 { b'f' } else { b't' }),
        Value::Int(number) => text.extend_from_slice(number.to_string().as_bytes()),
        Value::Real(number) if number.is_infinite() => {
            text.extend_from_slice(if *number > 0.0 { b"Infinity" } else { b"-Infinity" });
        }
        Value::Real(number) => text.extend_from_slice(format!("{number:?}").as_bytes()),
        Value::Text(said) | Value::Mended(said) => {
            for byte in said.bytes() {
                match byte {
                    b'\\' => text.extend_from_slice(b"\\\\"),
                    b'\n' => text.extend_from_slice(b"\\n"),
                    b'\r' => text.extend_from_slice(b"\\r"),
                    b'\t' => text.extend_from_slice(b"\\t"),
                    byte => text.push(byte),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_copy_reads_them() {
        let said = |value: Value, kind| {
            let mut text = Vec::new();
            put(&mut text, &value, kind);
            String::from_utf8(text).unwrap()
        };
        let text = |text: &str| said(Value::Text(text.to_owned()), Kind::Text);
        assert_eq!(text("a\\N\tb\r\n\\."), "a\\\\N\\tb\\r\\n\\\\.");
        assert_eq!(text(""), "");
        assert_eq!(said(Value::Null, Kind::Text), "\\N");
        assert_eq!(said(Value::Int(i64::MIN), Kind::Int), "-9223372036854775808");
        assert_eq!(said(Value::Int(1), Kind::Flag), "t");
        assert_eq!(said(Value::Int(0), Kind::Flag), "f");
        for (number, expected) in [
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(said(Value::Real(number), Kind::Real), expected);
        }
    }
}
