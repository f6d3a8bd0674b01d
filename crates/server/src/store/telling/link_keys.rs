//! What links in messages are signed with, and its exchange: whoever has an old copy of the database signs nothing with it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    random_secrets::Secret,
    store::{
        Store, StoreError,
        columns::{instant, micros},
        database as db,
        meta_table::keep,
    },
};

/// So long a key is signed with. The one before it is good for as long again, so that a link is good for this long at least.
const LINK_KEY_HOLDS: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The rows of `meta` that this is kept in.
const KEY: &str = "link_key";
const BEFORE: &str = "link_key_before";
const SINCE: &str = "link_key_since";

impl Store {
    /// What links in messages are signed with; made when it is asked for the first time.
    pub async fn link_key(&self) -> Result<String, StoreError> {
        self.meta_value_or(KEY, || Secret::new().reveal().to_owned()).await
    }

    /// All that a link may be signed with that still is good: the present key, and the one before it.
    pub async fn link_keys(&self) -> Result<Vec<String>, StoreError> {
        let mut keys = vec![self.link_key().await?];
        keys.extend(self.meta_value(BEFORE).await?);
        Ok(keys)
    }

    /// Exchanges the key of links where it held long enough: another one signs from now on, and the one before the last is
    /// good for nothing any more. Answers whether it did. Of several servers one does.
    pub async fn exchange_link_key(&self, now: Timestamp) -> Result<bool, StoreError> {
        let Some(old) = self.meta_value(KEY).await? else { return Ok(false) };
        let since = self.meta_value(SINCE).await?.and_then(|since| since.parse().ok()).map(instant).transpose()?;
        let Some(since) = since else {
            // Of a key that was there before, nobody knows since when: servers of the version before know it alone.
            self.write(move |connection| {
                Box::pin(async move { keep(connection, SINCE, micros(now).to_string()).await })
            })
            .await?;
            return Ok(false);
        };
        // A clock that was wrong puts nothing off for ever.
        if now.duration_since(since).abs() < LINK_KEY_HOLDS {
            return Ok(false);
        }
        let new = Secret::new().reveal().to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let exchanged = db::query("update meta set value = $3 where key = $1 and value = $2")
                    .bind(KEY)
                    .bind(&old)
                    .bind(new)
                    .execute(&mut *connection)
                    .await?;
                // Another server was first.
                if exchanged.rows_affected() == 0 {
                    return Ok(false);
                }
                keep(connection, BEFORE, old).await?;
                keep(connection, SINCE, micros(now).to_string()).await?;
                Ok(true)
            })
        })
        .await
    }
}
