//! Sessions: from log-in to log-out, to an idle end, or to an end that nothing puts off.

use jiff::Timestamp;
use revere_model::{Act, Asked, Rights, SessionId, Target, TargetKind, UserId, Who};

use super::{
    login_failures::{self, failures_of_codes},
    users::{self, tags},
};
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros, word},
    database::{self as db, DbConnection, DbRow},
};

/// A session, with who is in it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names it in lists; opens nothing.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What they are called.
    pub user_name: String,
    /// The provider they come from, if they come from one.
    pub user_issuer: Option<String>,
    /// What they may do now.
    pub rights: Rights,
    /// How they came in.
    pub method: String,
    /// From where.
    pub address: String,
    /// By which browser, as far as it says.
    pub user_agent: String,
    /// When they came in.
    pub created_at: Timestamp,
    /// When they last showed who they are.
    pub proved_at: Timestamp,
    /// When they last asked for something, to a minute.
    pub seen_at: Timestamp,
    /// When it ends, whatever they do.
    pub ends_at: Timestamp,
}

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of what the browser will show.
    pub secret_hash: String,
    /// Whose it is.
    pub user: UserId,
    /// Their password's hash and the key of their second factor, as they were when they showed them.
    pub password_hash: Option<String>,
    /// See `password_hash`.
    pub totp_key: Option<String>,
    /// How they came in.
    pub method: &'static str,
    /// From where.
    pub address: String,
    /// By which browser, as far as it says.
    pub user_agent: String,
    /// When they showed who they are.
    pub proved_at: Timestamp,
    /// When it ends, whatever they do.
    pub ends_at: Timestamp,
    /// The session that it takes the place of: whoever logs in again, or as somebody else, leaves nothing open behind.
    pub instead_of: Option<(UserId, SessionId)>,
}

/// So many sessions of one person stay; the oldest give way.
const MOST: i64 = 50;
/// So many addresses of one person are remembered.
const ADDRESSES: i64 = 50;

impl Store {
    /// Begins a session of a person who may come in; `None` where they may not any more, or where what they showed was
    /// changed meanwhile. Their failures under this name are forgotten, the address is remembered.
    pub async fn begin_session(
        &self,
        new: NewSession,
        name_hash: String,
        asked: &Asked,
    ) -> Result<Option<SessionId>, StoreError> {
        let (mut asked, now) = (asked.clone(), asked.at);
        self.act(move |connection| {
            Box::pin(async move {
                let come_in = db::query(
                    "update users set logged_in_at = $2, put_out_at = null where id = $1 and disabled_at is null
                         and password_hash is not distinct from $3 and totp_key is not distinct from $4",
                )
                .bind(new.user.0)
                .bind(micros(now))
                .bind(&new.password_hash)
                .bind(&new.totp_key)
                .execute(&mut *connection)
                .await?;
                if come_in.rows_affected() == 0 {
                    return Ok(Acted::nothing(None));
                }
                if let Some((user, session)) = new.instead_of {
                    end(connection, user, session).await?;
                }
                let id: i64 = db::query_scalar(
                    "insert into sessions (secret_hash, user_id, method, address, user_agent, created_at, proved_at, seen_at,
                         ends_at) values ($1, $2, $3, $4, $5, $6, $8, $6, $7) returning id",
                )
                .bind(&new.secret_hash)
                .bind(new.user.0)
                .bind(new.method)
                .bind(&new.address)
                .bind(&new.user_agent)
                .bind(micros(now))
                .bind(micros(new.ends_at))
                .bind(micros(new.proved_at))
                .fetch_one(&mut *connection)
                .await?;
                login_failures::forget(connection, name_hash).await?;
                login_failures::forget(connection, failures_of_codes(new.user)).await?;
                db::query(
                    "insert into login_addresses (user_id, address, seen_at) values ($1, $2, $3)
                     on conflict (user_id, address) do update set seen_at = excluded.seen_at",
                )
                .bind(new.user.0)
                .bind(&new.address)
                .bind(micros(now))
                .execute(&mut *connection)
                .await?;
                db::query(
                    "delete from login_addresses where user_id = $1 and address not in
                         (select address from login_addresses where user_id = $1 order by seen_at desc limit $2)",
                )
                .bind(new.user.0)
                .bind(ADDRESSES)
                .execute(&mut *connection)
                .await?;
                db::query(
                    "delete from sessions where user_id = $1 and id not in
                         (select id from sessions where user_id = $1 order by seen_at desc, id desc limit $2)",
                )
                .bind(new.user.0)
                .bind(MOST)
                .execute(&mut *connection)
                .await?;
                let (user, session) = (users::fetch(connection, new.user).await?, SessionId(id));
                // Who they are is known from here on.
                asked.by.who = Who::Person { id: user.id, rights: user.rights(), name: user.name, session: Some(session) };
                let entry = AuditEntry::new(Act::LoggedIn, &asked)
                    .about(target(session))
                    .saying("method", new.method)
                    .saying("second_factor", user.totp_key.is_some());
                Ok(Acted::done(Some(session), entry))
            })
        })
        .await
    }

    /// The session whose secret has this hash, if it goes on and its person may come in.
    pub async fn session(
        &self,
        secret_hash: &str,
        seen_since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let row = db::query(
            "select s.*, u.name, u.role, u.tags, u.issuer from sessions s join users u on u.id = s.user_id
             where s.secret_hash = $1 and s.seen_at >= $2 and s.ends_at > $3 and u.disabled_at is null",
        )
        .bind(secret_hash)
        .bind(micros(seen_since))
        .bind(micros(now))
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(session).transpose()
    }

    /// The sessions of a person that go on, the one seen last first.
    pub async fn sessions_of(
        &self,
        user: UserId,
        seen_since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let rows = db::query(
            "select s.*, u.name, u.role, u.tags, u.issuer from sessions s join users u on u.id = s.user_id
             where s.user_id = $1 and s.seen_at >= $2 and s.ends_at > $3 order by s.seen_at desc, s.id desc limit $4",
        )
        .bind(user.0)
        .bind(micros(seen_since))
        .bind(micros(now))
        .bind(MOST)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(session).collect()
    }

    /// In which way the one in a session came in, if it is one of this person.
    pub async fn session_method(&self, user: UserId, id: SessionId) -> Result<Option<String>, StoreError> {
        let found = db::query_scalar("select method from sessions where id = $1 and user_id = $2");
        Ok(found.bind(id.0).bind(user.0).fetch_optional(self.readers()).await?)
    }

    /// Notes that a session was seen.
    pub async fn session_seen(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let seen = db::query("update sessions set seen_at = $2 where id = $1 and seen_at < $2");
                seen.bind(id.0).bind(micros(now)).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Notes that the one in a session showed again who they are. Their wrong codes are forgotten.
    pub async fn session_proved(&self, user: UserId, id: SessionId, asked: &Asked) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                login_failures::forget(connection, failures_of_codes(user)).await?;
                let proved = db::query("update sessions set proved_at = $2 where id = $1");
                if proved.bind(id.0).bind(micros(asked.at)).execute(connection).await?.rows_affected() == 0 {
                    return Ok(Acted::nothing(()));
                }
                Ok(Acted::done((), AuditEntry::new(Act::Proved, &asked).about(target(id))))
            })
        })
        .await
    }

    /// Ends one session of a person; false where there is none such.
    pub async fn end_session(&self, user: UserId, id: SessionId, act: Act, asked: &Asked) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                Ok(match end(connection, user, id).await? {
                    true => Acted::done(true, AuditEntry::new(act, &asked).about(target(id))),
                    false => Acted::nothing(false),
                })
            })
        })
        .await
    }

    /// Puts out somebody who may not come in any more, until they come in again: their sessions end, and their API tokens are
    /// good for nothing meanwhile.
    pub async fn put_out(&self, user: UserId, asked: &Asked) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let put_out = db::query("update users set put_out_at = $2 where id = $1 and put_out_at is null")
                    .bind(user.0)
                    .bind(micros(asked.at));
                let put_out = put_out.execute(&mut *connection).await?.rows_affected();
                let ended = db::query("delete from sessions where user_id = $1").bind(user.0);
                let ended = ended.execute(&mut *connection).await?.rows_affected();
                if put_out + ended == 0 {
                    return Ok(Acted::nothing(()));
                }
                let user = users::fetch(connection, user).await?;
                let entry = AuditEntry::new(Act::PersonPutOut, &asked).about(users::target(&user));
                Ok(Acted::done((), entry.saying("ended", ended).saying("tokens", "suspended")))
            })
        })
        .await
    }

    /// Ends all sessions of a person.
    pub async fn end_sessions_of(&self, user: UserId, act: Act, asked: &Asked) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let ended = db::query("delete from sessions where user_id = $1").bind(user.0);
                let ended = ended.execute(&mut *connection).await?.rows_affected();
                if ended == 0 {
                    return Ok(Acted::nothing(()));
                }
                let user = users::fetch(connection, user).await?;
                let entry = AuditEntry::new(act, &asked).about(users::target(&user)).saying("ended", ended);
                Ok(Acted::done((), entry))
            })
        })
        .await
    }

    /// Whether a person came in from there before.
    pub async fn came_from(&self, user: UserId, address: &str, since: Timestamp) -> Result<bool, StoreError> {
        let found: Option<i64> = db::query_scalar(
            "select user_id from login_addresses where user_id = $1 and address = $2 and seen_at >= $3",
        )
        .bind(user.0)
        .bind(address)
        .bind(micros(since))
        .fetch_optional(self.readers())
        .await?;
        Ok(found.is_some())
    }

    /// Forgets sessions, links and failures that are over.
    pub async fn forget_log_ins(
        &self,
        seen_since: Timestamp,
        failed_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Looking is free of locks: most of the time there is nothing to do.
        let over: bool = db::query_scalar(
            "select exists (select 1 from sessions where ends_at <= $1 or seen_at < $2)
                 or exists (select 1 from one_time_links where ends_at <= $1)
                 or exists (select 1 from login_failures where failed_at < $3)",
        )
        .bind(micros(now))
        .bind(micros(seen_since))
        .bind(micros(failed_since))
        .fetch_one(self.readers())
        .await?;
        if !over {
            return Ok(());
        }
        self.write(move |connection| {
            Box::pin(async move {
                db::query("delete from sessions where ends_at <= $1 or seen_at < $2")
                    .bind(micros(now))
                    .bind(micros(seen_since))
                    .execute(&mut *connection)
                    .await?;
                db::query("delete from one_time_links where ends_at <= $1")
                    .bind(micros(now))
                    .execute(&mut *connection)
                    .await?;
                db::query("delete from login_failures where failed_at < $1")
                    .bind(micros(failed_since))
                    .execute(&mut *connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

async fn end(connection: &mut DbConnection, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let ended = db::query("delete from sessions where id = $1 and user_id = $2")
        .bind(id.0)
        .bind(user.0)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected() == 1)
}

fn target(id: SessionId) -> Target {
    Target::new(TargetKind::Session, id, "")
}

fn session(row: &DbRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId(row.int("id")?),
        user: UserId(row.int("user_id")?),
        user_name: row.text("name")?,
        user_issuer: row.text_or_none("issuer")?,
        rights: Rights { role: word(&row.text("role")?)?, tags: tags(row, "tags")?, scope: None, token: false },
        method: row.text("method")?,
        address: row.text("address")?,
        user_agent: row.text("user_agent")?,
        created_at: row.at("created_at")?,
        proved_at: row.at("proved_at")?,
        seen_at: row.at("seen_at")?,
        ends_at: row.at("ends_at")?,
    })
}
