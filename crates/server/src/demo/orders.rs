//! The shop's own database: a SQLite file with the orders of the last days and of the next ones, which nobody sees before
//! their time.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::sources::demo::world::World;

const DAY: i64 = 86_400;
/// Monitors look back a day.
const PAST: i64 = 2 * DAY;
/// How far ahead it is filled, and when it is filled again.
const AHEAD: i64 = DAY;

/// Makes the file, filled around `now`.
pub async fn make(path: &Path, world: &World, now: i64) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await?;
    sqlx::raw_sql(
        "pragma journal_mode = wal;
         create table orders (id integer primary key, placed_at integer not null, amount real not null);
         create index orders_placed_at on orders (placed_at);",
    )
    .execute(&mut connection)
    .await?;
    fill(&mut connection, world, now - PAST, now + AHEAD).await?;
    connection.close().await
}

/// Keeps the file filled from `now` on, for a demo that is left running, until it is dropped.
pub async fn go_on(path: &Path, world: &World, mut now: i64) -> Result<(), sqlx::Error> {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(AHEAD.unsigned_abs() / 2)).await;
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
        fill(&mut connection, world, now + AHEAD, now + AHEAD + AHEAD / 2).await?;
        sqlx::query("delete from orders where placed_at < ?").bind(now - PAST).execute(&mut connection).await?;
        connection.close().await?;
        now += AHEAD / 2;
    }
}

async fn fill(connection: &mut SqliteConnection, world: &World, from: i64, to: i64) -> Result<(), sqlx::Error> {
    // One statement, however many there are.
    let orders: Vec<(i64, f64)> = world.orders(from, to).collect();
    let orders = serde_json::to_string(&orders).expect("a list of numbers always has a JSON form");
    sqlx::query("insert into orders (placed_at, amount) select value ->> 0, value ->> 1 from json_each(?)")
        .bind(orders)
        .execute(connection)
        .await?;
    Ok(())
}
