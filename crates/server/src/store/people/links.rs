//! Links that are good once: to be the first administrator, or for a person to choose a password.

use jiff::Timestamp;
use revere_model::{Act, Asked, UserId};

use super::{
    link_records::{self, Link},
    users,
};
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros},
    database::{self as db},
};

impl Store {
    /// Keeps the hash of a link. Earlier links for the same are gone.
    pub async fn create_link(
        &self,
        secret_hash: String,
        link: Link,
        ends_at: Timestamp,
        asked: &Asked,
    ) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let entry = match link {
                    Link::FirstAdministrator => AuditEntry::new(Act::FirstLinkMade, &asked),
                    Link::Password(user) => {
                        let user = users::fetch(connection, user).await?;
                        AuditEntry::new(Act::LinkMade, &asked).about(users::target(&user))
                    }
                };
                link_records::insert(connection, &secret_hash, link, ends_at, asked.at).await?;
                Ok(Acted::done((), entry))
            })
        })
        .await
    }

    /// What the link with this hash is good for, if it still is. Looking does not use it up.
    pub async fn link(&self, secret_hash: &str, now: Timestamp) -> Result<Option<Link>, StoreError> {
        let row = db::query(
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
        asked: &Asked,
    ) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let used =
                    db::query("delete from one_time_links where secret_hash = $1 and user_id = $2 and ends_at > $3")
                        .bind(secret_hash)
                        .bind(user.0)
                        .bind(micros(asked.at))
                        .execute(&mut *connection)
                        .await?;
                if used.rows_affected() == 0 {
                    return Ok(Acted::nothing(false));
                }
                db::query("update users set password_hash = $2 where id = $1")
                    .bind(user.0)
                    .bind(password_hash)
                    .execute(&mut *connection)
                    .await?;
                db::query("delete from sessions where user_id = $1").bind(user.0).execute(&mut *connection).await?;
                let user = users::fetch(connection, user).await?;
                Ok(Acted::done(true, AuditEntry::new(Act::PasswordChosen, &asked).about(users::target(&user))))
            })
        })
        .await
    }
}
