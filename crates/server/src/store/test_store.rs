//! A store with a claim in it, for tests of statements that compare what was read.

use std::time::Duration;

use revere_model::{Asked, MonitorSpec};
use sqlx::ConnectOptions;
use tempfile::TempDir;

use super::{
    ClaimRequest, Claimed, DatabasePlace, Store, StoreOptions,
    database::{self as db, DbConnection},
    sqlite::connection,
};

/// A store, another connection to it, and a tick that is claimed.
pub(super) async fn with_a_claim() -> (TempDir, Store, DbConnection, Claimed) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::new(folder.path().join("revere.db"));
    let store = Store::open(options.clone()).await.unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let spec = MonitorSpec {
        name: "a".to_owned(),
        script: "pass".to_owned(),
        schedule: "* * * * *".to_owned(),
        ..MonitorSpec::default()
    };
    store.create_monitor(&spec, &Asked::by_the_server(now)).await.unwrap();
    let request = ClaimRequest {
        node: "one".to_owned(),
        now: "2026-01-01T00:01:00Z".parse().unwrap(),
        up_since: now,
        run_limit: Duration::from_secs(30),
        limit: 10,
        places: 10,
    };
    let claimed = store.claim_due(&request).await.unwrap().runs.remove(0);
    let DatabasePlace::File(path) = &options.place else { unreachable!("it is a file") };
    let connection = connection::options(&options, path).connect().await.unwrap();
    (folder, store, DbConnection::Sqlite(connection), claimed)
}

/// What `write` answers after another writer did `sql`, and what it answers if nobody did; neither is kept.
pub(super) async fn moved_by_another<T>(
    connection: &mut DbConnection,
    sql: &str,
    write: impl AsyncFn(&mut DbConnection) -> T,
) -> (T, T) {
    db::raw_sql("begin immediate").execute(&mut *connection).await.unwrap();
    db::raw_sql(db::AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await.unwrap();
    let moved = write(connection).await;
    db::raw_sql("rollback; begin immediate").execute(&mut *connection).await.unwrap();
    let still = write(connection).await;
    db::raw_sql("rollback").execute(connection).await.unwrap();
    (moved, still)
}
