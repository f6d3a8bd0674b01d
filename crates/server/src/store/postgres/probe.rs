//! Whether a database of PostgreSQL can be used as it is, by this user. Nothing of it is changed.

use sqlx::{Connection, PgConnection};

use super::{address::PostgresAddress, connection, faults, migrate};
use crate::store::{Found, OpenError};

/// What is there, if a server could use it.
pub(in crate::store) async fn probe(address: &PostgresAddress) -> Result<Found, OpenError> {
    let mut connection = connection::checked(address).await?;
    let found = look(&mut connection, address).await;
    // It was looked at; how it lets go is no fault.
    let _ = connection.close().await;
    found
}

async fn look(connection: &mut PgConnection, address: &PostgresAddress) -> Result<Found, OpenError> {
    let failed = |source: sqlx::Error| faults::cannot_open(address, source);
    let refused = |fault: String| OpenError::Server { place: address.to_string(), fault, passing: false, source: None };
    let (user, schema, may_make, is_standby): (String, String, bool, bool) = sqlx::query_as(
        "select current_user::text, current_schema()::text, has_schema_privilege(current_schema(), 'CREATE'), pg_is_in_recovery()",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if is_standby {
        let fault = "may only be read: it is a standby; let DATABASE_URL lead to the one that can be written";
        return Err(refused(fault.to_owned()));
    }
    // What each statement needs; asked with commas any of them would do. A partition is reached by its table.
    let closed =
        "not c.relispartition and not (has_table_privilege(c.oid, 'SELECT') and has_table_privilege(c.oid, 'INSERT')
        and has_table_privilege(c.oid, 'UPDATE') and has_table_privilege(c.oid, 'DELETE'))";
    let closed = tables(connection, closed).await.map_err(failed)?;
    if !closed.is_empty() {
        return Err(refused(format!(
            "does not let {user} read and write all its tables ({closed}): as their owner say GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO \
             {user}; GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {user}"
        )));
    }
    let found = migrate::look(connection, address).await?;
    // Partitions of runs are made and taken away as time goes on.
    let owner: Option<String> = sqlx::query_scalar(
        "select pg_get_userbyid(relowner)::text from pg_class where oid = to_regclass('runs') and not pg_has_role(relowner, 'USAGE')",
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    if let Some(owner) = owner.filter(|_| found == migrate::newest()) {
        return Err(refused(format!(
            "has runs in partitions that {user} may not make, since they are {owner}'s: as an administrator say GRANT {owner} TO {user}, \
             or use {owner} in DATABASE_URL"
        )));
    }
    if found == migrate::newest() && may_make {
        return Ok(Found::Current);
    }
    if !may_make {
        return Err(refused(format!(
            "does not let {user} make tables in the schema {schema}: as its owner say GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}, or \
             make that user the owner of the database"
        )));
    }
    if found == 0 {
        return Ok(Found::Nothing);
    }
    let of_others = tables(connection, "not pg_has_role(c.relowner, 'USAGE')").await.map_err(failed)?;
    if of_others.is_empty() {
        return Ok(Found::Older);
    }
    Err(refused(format!(
        "has tables of an older version that are not {user}'s ({of_others}), so they cannot be brought up to date: as their owner say \
         REASSIGN OWNED BY the old owner TO {user}, or use that user in DATABASE_URL"
    )))
}

/// The first tables of which this holds; empty where there are none.
async fn tables(connection: &mut PgConnection, condition: &str) -> Result<String, sqlx::Error> {
    let sql = format!(
        "select c.relname::text from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
             and {condition} order by c.relname limit 4"
    );
    let mut names: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    if names.len() > 3 {
        names[3] = "...".to_owned();
    }
    Ok(names.join(", "))
}
