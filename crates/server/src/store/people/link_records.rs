//! Rows of links that are good once.

use jiff::Timestamp;
use revere_model::UserId;

use crate::store::{
    StoreError,
    columns::micros,
    database::{self as db, DbConnection},
};

/// What a link is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Being the first administrator.
    FirstAdministrator,
    /// Choosing this person's password.
    Password(UserId),
}

/// Keeps the hash of a link in place of earlier ones for the same.
pub(super) async fn insert(
    connection: &mut DbConnection,
    secret_hash: &str,
    link: Link,
    ends_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let user = match link {
        Link::FirstAdministrator => None,
        Link::Password(user) => Some(user.0),
    };
    db::query("delete from one_time_links where user_id is not distinct from $1")
        .bind(user)
        .execute(&mut *connection)
        .await?;
    db::query("insert into one_time_links (secret_hash, user_id, created_at, ends_at) values ($1, $2, $3, $4)")
        .bind(secret_hash)
        .bind(user)
        .bind(micros(now))
        .bind(micros(ends_at))
        .execute(connection)
        .await?;
    Ok(())
}
