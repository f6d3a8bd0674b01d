//! API tokens: what programs come in with.

use jiff::Timestamp;
use revere_model::{Act, Asked, Rights, Scope, Target, TargetKind, TokenId, UserId};

use super::users::tags;
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros, tags_text, word},
    database::{self as db, DbRow},
};

/// An API token, with whose it is.
#[derive(Clone, Debug)]
pub struct Token {
    /// Names it in lists; opens nothing.
    pub id: TokenId,
    /// What its owner called it.
    pub name: String,
    /// Whose it is.
    pub owner: UserId,
    /// What they are called.
    pub owner_name: String,
    /// The provider they come from, if they come from one.
    pub owner_issuer: Option<String>,
    /// What it was made for.
    pub given: Rights,
    /// What it may do now: never more than its owner.
    pub rights: Rights,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is good no longer; `None` is never.
    pub ends_at: Option<Timestamp>,
    /// When it was last used, to a minute.
    pub used_at: Option<Timestamp>,
    /// From where.
    pub used_from: Option<String>,
}

/// A token to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The hash of what the program will show.
    pub secret_hash: String,
    /// Whose it will be.
    pub owner: UserId,
    /// What they call it.
    pub name: String,
    /// What it is for.
    pub rights: Rights,
    /// When it is good no longer; `None` is never.
    pub ends_at: Option<Timestamp>,
}

/// So many one person may have.
const MOST: i64 = 200;

const SELECT: &str = "select t.*, u.name as owner_name, u.role as owner_role, u.tags as owner_tags,
     u.issuer as owner_issuer from api_tokens t
     join users u on u.id = t.user_id";

impl Store {
    /// Keeps a token; `None` where its owner has as many as may be.
    pub async fn create_token(&self, new: NewToken, asked: &Asked) -> Result<Option<TokenId>, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let has: i64 = db::query_scalar("select count(*) from api_tokens where user_id = $1")
                    .bind(new.owner.0)
                    .fetch_one(&mut *connection)
                    .await?;
                if has >= MOST {
                    return Ok(Acted::nothing(None));
                }
                let id: i64 = db::query_scalar(
                    "insert into api_tokens (secret_hash, user_id, name, role, tags, scope, created_at, ends_at)
                     values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
                )
                .bind(&new.secret_hash)
                .bind(new.owner.0)
                .bind(&new.name)
                .bind(new.rights.role.as_str())
                .bind(tags_text(&new.rights.tags))
                .bind(new.rights.scope.map(Scope::as_str))
                .bind(micros(asked.at))
                .bind(new.ends_at.map(micros))
                .fetch_one(&mut *connection)
                .await?;
                let Rights { role, tags, scope, .. } = new.rights;
                let entry = AuditEntry::new(Act::TokenMade, &asked)
                    .about(Target::new(TargetKind::Token, id, new.name))
                    .saying("role", role.as_str())
                    .saying("tags", tags)
                    .saying("scope", scope.map(Scope::as_str))
                    .saying("ends_at", new.ends_at.map(|at| at.to_string()));
                Ok(Acted::done(Some(TokenId(id)), entry))
            })
        })
        .await
    }

    /// The token whose secret has this hash, if it is still good and its owner may come in.
    pub async fn token(&self, secret_hash: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let sql = format!(
            "{SELECT} where t.secret_hash = $1 and (t.ends_at is null or t.ends_at > $2)
                 and u.disabled_at is null and u.put_out_at is null"
        );
        let row = db::query(db::AssertSqlSafe(sql))
            .bind(secret_hash)
            .bind(micros(now))
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(token).transpose()
    }

    /// The tokens of a person, or everybody's, the newest first; those that are good no longer too. At most `limit`, of those
    /// before `before` where it names one.
    pub async fn tokens(
        &self,
        owner: Option<UserId>,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<Token>, StoreError> {
        let sql = format!("{SELECT} where (t.user_id = $1 or $1 = 0) and t.id < $2 order by t.id desc limit $3");
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(owner.map_or(0, |owner| owner.0))
            .bind(before.map_or(i64::MAX, |before| before.0))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(token).collect()
    }

    /// Notes that a token was used.
    pub async fn token_used(&self, id: TokenId, from: String, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                db::query("update api_tokens set used_at = $2, used_from = $3 where id = $1")
                    .bind(id.0)
                    .bind(micros(now))
                    .bind(from)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Takes a token back: one of `owner`'s, or anybody's. False where there is none such.
    pub async fn delete_token(&self, id: TokenId, owner: Option<UserId>, asked: &Asked) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let gone: Option<(String, i64)> = db::query_as(
                    "delete from api_tokens where id = $1 and (user_id = $2 or $2 = 0) returning name, user_id",
                )
                .bind(id.0)
                .bind(owner.map_or(0, |owner| owner.0))
                .fetch_optional(connection)
                .await?;
                let Some((name, owner)) = gone else { return Ok(Acted::nothing(false)) };
                let entry = AuditEntry::new(Act::TokenDeleted, &asked).about(Target::new(TargetKind::Token, id, name));
                Ok(Acted::done(true, entry.saying("owner", owner)))
            })
        })
        .await
    }
}

fn token(row: &DbRow) -> Result<Token, StoreError> {
    let scope = match row.text_or_none("scope")?.as_deref() {
        None => None,
        Some(text) => {
            let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
            Some(known.ok_or_else(|| StoreError::internal(format!("a stored scope: {text}")))?)
        }
    };
    let given = Rights { role: word(&row.text("role")?)?, tags: tags(row, "tags")?, scope, token: true };
    let owner =
        Rights { role: word(&row.text("owner_role")?)?, tags: tags(row, "owner_tags")?, scope: None, token: false };
    Ok(Token {
        id: TokenId(row.int("id")?),
        name: row.text("name")?,
        owner: UserId(row.int("user_id")?),
        owner_name: row.text("owner_name")?,
        owner_issuer: row.text_or_none("owner_issuer")?,
        rights: given.clone().within(&owner),
        given,
        created_at: row.at("created_at")?,
        ends_at: row.at_or_none("ends_at")?,
        used_at: row.at_or_none("used_at")?,
        used_from: row.text_or_none("used_from")?,
    })
}
