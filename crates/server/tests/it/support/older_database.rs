//! SQLite files as older versions left them.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// Makes the file of a version whose schema had so many steps, with the rows that `rows` adds, and leaves it open.
pub(crate) async fn open_older_database(path: &Path, steps: usize, rows: &str) -> SqliteConnection {
    let mut database = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let last = files[steps - 1].file_name().unwrap().to_str().unwrap();
    assert!(last.starts_with(&format!("{steps:04}_")), "each step has its number: {last}");
    let mut sql: Vec<String> = files[..steps].iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    sql.push(format!("pragma application_id = 0x52455652; pragma user_version = {steps}"));
    sql.push(rows.to_owned());
    for step in sql {
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut database).await.unwrap();
    }
    database
}

/// The same, closed.
pub(crate) async fn older_database(path: &Path, steps: usize, rows: &str) {
    open_older_database(path, steps, rows).await.close().await.unwrap();
}
