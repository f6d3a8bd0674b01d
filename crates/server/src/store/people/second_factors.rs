//! Second factors: the key of an authenticator, which steps of it were taken, and recovery codes.

use revere_model::{Act, Asked, SessionId, UserId};

use super::{
    login_failures::{self, failures_of_codes},
    users::{end_others, fetch, fetch_and_keep, target},
};
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    database::{self as db, DbConnection},
};

impl Store {
    /// Keeps a key for a second factor until a code confirms it.
    pub async fn offer_second_factor(&self, id: UserId, key: String, asked: &Asked) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let offer = db::query("update users set totp_offered = $2 where id = $1");
                offer.bind(id.0).bind(key).execute(&mut *connection).await?;
                let user = fetch(connection, id).await?;
                Ok(Acted::done((), AuditEntry::new(Act::SecondFactorOffered, &asked).about(target(&user))))
            })
        })
        .await
    }

    /// The key that was offered is the second factor from now on, with these recovery codes. All sessions but `keep` end.
    /// False where another key was offered meanwhile.
    pub async fn confirm_second_factor(
        &self,
        id: UserId,
        key: String,
        step: i64,
        code_hashes: Vec<String>,
        keep: Option<SessionId>,
        asked: &Asked,
    ) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let confirmed = db::query(
                    "update users set totp_key = totp_offered, totp_offered = null, totp_step = $3
                     where id = $1 and totp_offered = $2",
                )
                .bind(id.0)
                .bind(key)
                .bind(step)
                .execute(&mut *connection)
                .await?;
                if confirmed.rows_affected() == 0 {
                    return Ok(Acted::nothing(false));
                }
                replace_codes(connection, id, &code_hashes).await?;
                end_others(connection, id, keep).await?;
                login_failures::forget(connection, failures_of_codes(id)).await?;
                let user = fetch(connection, id).await?;
                Ok(Acted::done(true, AuditEntry::new(Act::SecondFactorSetUp, &asked).about(target(&user))))
            })
        })
        .await
    }

    /// Takes the second factor away, with its recovery codes. All sessions but `keep` end.
    pub async fn remove_second_factor(
        &self,
        id: UserId,
        keep: Option<SessionId>,
        act: Act,
        asked: &Asked,
    ) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let was = fetch_and_keep(connection, id).await?;
                db::query("update users set totp_key = null, totp_offered = null, totp_step = null where id = $1")
                    .bind(id.0)
                    .execute(&mut *connection)
                    .await?;
                replace_codes(connection, id, &[]).await?;
                end_others(connection, id, keep).await?;
                if was.totp_key.is_none() && was.totp_offered.is_none() {
                    return Ok(Acted::nothing(()));
                }
                Ok(Acted::done((), AuditEntry::new(act, &asked).about(target(&was))))
            })
        })
        .await
    }

    /// Takes the code of a step, once: false where it or a later one was taken before.
    pub async fn take_code(&self, id: UserId, step: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let taken = db::query(
                    "update users set totp_step = $2 where id = $1 and (totp_step is null or totp_step < $2)",
                )
                .bind(id.0)
                .bind(step)
                .execute(connection)
                .await?;
                Ok(taken.rows_affected() == 1)
            })
        })
        .await
    }

    /// Whether a recovery code is one of a person's that was not taken yet.
    pub async fn has_recovery_code(&self, id: UserId, code_hash: &str) -> Result<bool, StoreError> {
        let found: Option<i64> =
            db::query_scalar("select user_id from recovery_codes where code_hash = $2 and user_id = $1")
                .bind(id.0)
                .bind(code_hash)
                .fetch_optional(self.readers())
                .await?;
        Ok(found.is_some())
    }

    /// Takes a recovery code, once.
    pub async fn take_recovery_code(&self, id: UserId, code_hash: String, asked: &Asked) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let taken = db::query("delete from recovery_codes where code_hash = $2 and user_id = $1")
                    .bind(id.0)
                    .bind(code_hash)
                    .execute(&mut *connection)
                    .await?;
                if taken.rows_affected() == 0 {
                    return Ok(Acted::nothing(false));
                }
                let user = fetch(connection, id).await?;
                Ok(Acted::done(true, AuditEntry::new(Act::RecoveryCodeUsed, &asked).about(target(&user))))
            })
        })
        .await
    }

    /// How many recovery codes a person has left.
    pub async fn recovery_codes_left(&self, id: UserId) -> Result<u64, StoreError> {
        let left: i64 = db::query_scalar("select count(*) from recovery_codes where user_id = $1")
            .bind(id.0)
            .fetch_one(self.readers())
            .await?;
        Ok(left.unsigned_abs())
    }
}

async fn replace_codes(connection: &mut DbConnection, id: UserId, hashes: &[String]) -> Result<(), StoreError> {
    db::query("delete from recovery_codes where user_id = $1").bind(id.0).execute(&mut *connection).await?;
    for hash in hashes {
        db::query("insert into recovery_codes (code_hash, user_id) values ($1, $2)")
            .bind(hash)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
