//! Links that are good once: to be the first administrator, or for a person to choose a password.

use jiff::Timestamp;
use revere_model::UserId;

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
};

/// What a link is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Being the first administrator.
    FirstAdministrator,
    /// Choosing this person's password.
    Password(UserId),
}

impl Store {
    /// Keeps the hash of a link. Earlier links for the same are gone.
    pub async fn create_link(
        &self,
        secret_hash: String,
        link: Link,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let user = match link {
            Link::FirstAdministrator => None,
            Link::Password(user) => Some(user.0),
        };
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("delete from one_time_links where user_id is not distinct from $1")
                    .bind(user)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "insert into one_time_links (secret_hash, user_id, created_at, ends_at) values ($1, $2, $3, $4)",
                )
                .bind(secret_hash)
                .bind(user)
                .bind(micros(now))
                .bind(micros(ends_at))
                .execute(&mut *connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// What the link with this hash is good for, if it still is. Looking does not use it up.
    pub async fn link(&self, secret_hash: &str, now: Timestamp) -> Result<Option<Link>, StoreError> {
        let row = sqlx::query(
            "select l.user_id from one_time_links l left join users u on u.id = l.user_id
             where l.secret_hash = $1 and l.ends_at > $2 and u.disabled_at is null",
        )
        .bind(secret_hash)
        .bind(micros(now))
        .fetch_optional(self.readers())
        .await?;
        let user = row.map(|row| row.int_or_none("user_id")).transpose()?;
        Ok(user.map(|user| user.map_or(Link::FirstAdministrator, |user| Link::Password(UserId(user)))))
    }

    /// Uses a link up to keep a password; all sessions of the person end. False where it is good no longer.
    pub async fn use_password_link(
        &self,
        secret_hash: String,
        user: UserId,
        password_hash: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let used =
                    sqlx::query("delete from one_time_links where secret_hash = $1 and user_id = $2 and ends_at > $3")
                        .bind(secret_hash)
                        .bind(user.0)
                        .bind(micros(now))
                        .execute(&mut *connection)
                        .await?;
                if used.rows_affected() == 0 {
                    return Ok(false);
                }
                sqlx::query("update users set password_hash = $2 where id = $1")
                    .bind(user.0)
                    .bind(password_hash)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("delete from sessions where user_id = $1").bind(user.0).execute(&mut *connection).await?;
                Ok(true)
            })
        })
        .await
    }
}
