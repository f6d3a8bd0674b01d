//! People.

use jiff::Timestamp;
use revere_model::{Act, Asked, Rights, Role, SessionId, Target, TargetKind, UserId};

use super::{
    administrators::{administrator, administrators, is_last_administrator, who_can_come_in},
    link_records::{self, Link},
};
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros, tags_text, word},
    database::{self as db, DbConnection, DbRow, sql_pieces},
};

/// A person.
#[derive(Clone)]
pub struct User {
    /// Names them for ever.
    pub id: UserId,
    /// What they are called, and log in by.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// For an editor: the tags whose monitors they edit; all where it is empty.
    pub tags: Vec<String>,
    /// How their password is kept, if they have one.
    pub password_hash: Option<String>,
    /// The key of their second factor, if they have one.
    pub totp_key: Option<String>,
    /// A key that was shown and not yet confirmed.
    pub totp_offered: Option<String>,
    /// The last step whose code was taken.
    pub totp_step: Option<i64>,
    /// The provider they come from, and who they are there.
    pub identity: Option<(String, String)>,
    /// Since when there is such a person.
    pub created_at: Timestamp,
    /// When they last came in.
    pub logged_in_at: Option<Timestamp>,
    /// Since when they may not come in any more.
    pub disabled_at: Option<Timestamp>,
    /// Since when they have no role at their provider; the next log-in that gives them one ends it.
    pub put_out_at: Option<Timestamp>,
}

impl User {
    /// What they may do.
    pub fn rights(&self) -> Rights {
        Rights { role: self.role, tags: self.tags.clone(), scope: None, token: false }
    }
}

/// A person to be.
#[derive(Clone)]
pub struct NewUser {
    /// What they will be called.
    pub name: String,
    /// What they will be.
    pub role: Role,
    /// For an editor: the tags whose monitors they edit.
    pub tags: Vec<String>,
    /// How their password is kept, if they have one already.
    pub password_hash: Option<String>,
    /// The provider they come from, and who they are there.
    pub identity: Option<(String, String)>,
    /// The hash of a link by which they choose a password, and when it ends.
    pub link: Option<(String, Timestamp)>,
}

/// What changes about a person; `None` leaves it as it is.
#[derive(Clone, Default)]
pub struct UserChange {
    /// What they are.
    pub role: Option<Role>,
    /// For an editor: the tags whose monitors they edit.
    pub tags: Option<Vec<String>>,
    /// Whether they may not come in any more.
    pub disabled: Option<bool>,
}

/// How a person is found.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// By their id.
    Id(UserId),
    /// By their name, in either case.
    Name(String),
    /// By the provider they come from and who they are there.
    Identity(String, String),
}

/// A name as it is compared.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}

impl Store {
    /// Everybody, by name; at most `limit`, after the name `after`.
    pub async fn users(&self, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let rows = db::query("select * from users where name_key > $1 order by name_key limit $2")
            .bind(name_key(after))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(user).collect()
    }

    /// One person.
    pub async fn user(&self, lookup: Lookup) -> Result<Option<User>, StoreError> {
        let row = match lookup {
            Lookup::Id(id) => {
                db::query("select * from users where id = $1").bind(id.0).fetch_optional(self.readers()).await?
            }
            Lookup::Name(name) => {
                let by_name = db::query("select * from users where name_key = $1").bind(name_key(&name));
                by_name.fetch_optional(self.readers()).await?
            }
            Lookup::Identity(issuer, subject) => {
                let by_identity = db::query("select * from users where issuer = $1 and subject = $2");
                by_identity.bind(issuer).bind(subject).fetch_optional(self.readers()).await?
            }
        };
        row.as_ref().map(user).transpose()
    }

    /// Whether anybody is an administrator who may come in, if only by a link that is still good.
    pub async fn has_administrator(&self, now: Timestamp) -> Result<bool, StoreError> {
        let rows = db::query(db::AssertSqlSafe(administrators(""))).bind(micros(now)).fetch_all(self.readers()).await?;
        for row in &rows {
            if administrator(row)?.could_come_in(&self.0.ways_in) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a person; `None` where somebody has that name or identity.
    pub async fn create_user(&self, new: NewUser, asked: &Asked) -> Result<Option<User>, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let Some(made) = insert(connection, &new, asked.at).await? else { return Ok(Acted::nothing(None)) };
                if let Some((secret_hash, ends_at)) = &new.link {
                    link_records::insert(connection, secret_hash, Link::Password(made.id), *ends_at, asked.at).await?;
                }
                let entry = AuditEntry::new(Act::PersonAdded, &asked).about(target(&made));
                let entry = entry.saying("role", made.role.as_str()).saying("tags", made.tags.clone());
                let entry = match &made.identity {
                    Some((issuer, subject)) => {
                        entry.saying("from", issuer.as_str()).saying("subject", subject.as_str())
                    }
                    None => entry,
                };
                Ok(Acted::done(Some(made), entry))
            })
        })
        .await
    }

    /// Makes the first administrator, if the link with that hash is still good and there is none; the link is used up.
    pub async fn create_first_administrator(
        &self,
        link_hash: String,
        new: NewUser,
        asked: &Asked,
    ) -> Result<Option<User>, StoreError> {
        let (asked, ways) = (asked.clone(), self.0.ways_in.clone());
        self.act(move |connection| {
            Box::pin(async move {
                let used =
                    db::query("delete from one_time_links where secret_hash = $1 and user_id is null and ends_at > $2")
                        .bind(link_hash)
                        .bind(micros(asked.at))
                        .execute(&mut *connection)
                        .await?;
                if used.rows_affected() == 0 || who_can_come_in(connection, &ways, asked.at).await?.1 {
                    return Ok(Acted::nothing(None));
                }
                let made = insert(connection, &new, asked.at).await?;
                Ok(match made {
                    Some(made) => {
                        let entry = AuditEntry::new(Act::FirstAdministratorMade, &asked).about(target(&made));
                        Acted::done(Some(made), entry)
                    }
                    // The link stays good.
                    None => return Err(StoreError::internal("somebody has that name already: choose another one")),
                })
            })
        })
        .await
    }

    /// Changes a person. Whoever is disabled is out at once: their sessions end, their tokens are good for nothing, and links
    /// for them are gone. The last administrator who may come in stays one: then the answer is `None`.
    pub async fn change_user(&self, id: UserId, change: UserChange, asked: &Asked) -> Result<Option<User>, StoreError> {
        let (asked, ways) = (asked.clone(), self.0.ways_in.clone());
        self.act(move |connection| {
            Box::pin(async move {
                // All that count are kept before anybody is looked at: another server may be changing one of them.
                let last = match change.role.is_some_and(|role| role != Role::Administrator)
                    || change.disabled == Some(true)
                {
                    true => is_last_administrator(connection, id, &ways, asked.at).await?,
                    false => false,
                };
                let was = fetch_and_keep(connection, id).await?;
                let role = change.role.unwrap_or(was.role);
                let tags = change.tags.as_ref().unwrap_or(&was.tags);
                let disabled_at = match change.disabled {
                    None => was.disabled_at,
                    Some(false) => None,
                    Some(true) => was.disabled_at.or(Some(asked.at)),
                };
                if last && (role != Role::Administrator || disabled_at.is_some()) {
                    return Ok(Acted::nothing(None));
                }
                db::query("update users set role = $2, tags = $3, disabled_at = $4 where id = $1")
                    .bind(id.0)
                    .bind(role.as_str())
                    .bind(tags_text(tags))
                    .bind(disabled_at.map(micros))
                    .execute(&mut *connection)
                    .await?;
                if disabled_at.is_some() {
                    for sql in
                        ["delete from sessions where user_id = $1", "delete from one_time_links where user_id = $1"]
                    {
                        db::query(sql).bind(id.0).execute(&mut *connection).await?;
                    }
                }
                let is = fetch(connection, id).await?;
                let entry = AuditEntry::new(Act::PersonChanged, &asked)
                    .about(target(&is))
                    .changing("role", was.role.as_str().into(), is.role.as_str().into())
                    .changing("tags", was.tags.into(), is.tags.clone().into())
                    .changing("disabled", was.disabled_at.is_some().into(), is.disabled_at.is_some().into());
                Ok(if entry.details.is_empty() { Acted::nothing(Some(is)) } else { Acted::done(Some(is), entry) })
            })
        })
        .await
    }

    /// Notes when a person came in who has no session.
    pub async fn came_in(&self, id: UserId, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let came = db::query("update users set logged_in_at = $2 where id = $1 and disabled_at is null");
                came.bind(id.0).bind(micros(now)).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Gives a person another name; false where somebody else has it.
    pub async fn rename_user(&self, id: UserId, name: String, asked: &Asked) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let was = fetch_and_keep(connection, id).await?;
                let renamed = db::query(
                    "update users set name = $2, name_key = $3 where id = $1
                         and not exists (select 1 from users where name_key = $3 and id <> $1)",
                )
                .bind(id.0)
                .bind(&name)
                .bind(name_key(&name))
                .execute(connection)
                .await?;
                if renamed.rows_affected() == 0 {
                    return Ok(Acted::nothing(false));
                }
                let entry = AuditEntry::new(Act::PersonChanged, &asked).about(target(&was));
                let entry = entry.changing("name", was.name.into(), name.into());
                Ok(if entry.details.is_empty() { Acted::nothing(true) } else { Acted::done(true, entry) })
            })
        })
        .await
    }

    /// Keeps another password. All sessions but `keep` end, and links are gone.
    pub async fn set_password(
        &self,
        id: UserId,
        password_hash: String,
        keep: Option<SessionId>,
        act: Act,
        asked: &Asked,
    ) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                db::query("update users set password_hash = $2 where id = $1")
                    .bind(id.0)
                    .bind(password_hash)
                    .execute(&mut *connection)
                    .await?;
                db::query("delete from one_time_links where user_id = $1").bind(id.0).execute(&mut *connection).await?;
                end_others(connection, id, keep).await?;
                Ok(Acted::done((), AuditEntry::new(act, &asked).about(target(&fetch(&mut *connection, id).await?))))
            })
        })
        .await
    }

    /// Keeps the same password hashed anew, if it was not changed meanwhile.
    pub async fn rehash_password(&self, id: UserId, was: String, is: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                db::query("update users set password_hash = $3 where id = $1 and password_hash = $2")
                    .bind(id.0)
                    .bind(was)
                    .bind(is)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

async fn insert(connection: &mut DbConnection, new: &NewUser, now: Timestamp) -> Result<Option<User>, StoreError> {
    let row = db::query(
        "insert into users (name, name_key, role, tags, password_hash, issuer, subject, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning *",
    )
    .bind(&new.name)
    .bind(name_key(&new.name))
    .bind(new.role.as_str())
    .bind(tags_text(&new.tags))
    .bind(&new.password_hash)
    .bind(new.identity.as_ref().map(|(issuer, _)| issuer))
    .bind(new.identity.as_ref().map(|(_, subject)| subject))
    .bind(micros(now))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(user).transpose()
}

/// A person, as the audit names them.
pub(super) fn target(user: &User) -> Target {
    Target::new(TargetKind::Person, user.id, &user.name)
}

pub(super) async fn fetch(connection: &mut DbConnection, id: UserId) -> Result<User, StoreError> {
    user(&db::query("select * from users where id = $1").bind(id.0).fetch_one(connection).await?)
}

/// The same, kept as it is for this transaction: what is written of it is what was read or what was asked for.
pub(super) async fn fetch_and_keep(connection: &mut DbConnection, id: UserId) -> Result<User, StoreError> {
    let sql = format!("select * from users where id = $1 {}", sql_pieces::KEEPING);
    user(&db::query(db::AssertSqlSafe(sql)).bind(id.0).fetch_one(connection).await?)
}

pub(super) async fn end_others(
    connection: &mut DbConnection,
    id: UserId,
    keep: Option<SessionId>,
) -> Result<(), StoreError> {
    db::query("delete from sessions where user_id = $1 and id <> $2")
        .bind(id.0)
        .bind(keep.map_or(0, |session| session.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Tags that somebody is an editor of. Where they cannot be read the person is refused, and not made an editor of all.
pub(super) fn tags(row: &DbRow, column: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&row.text(column)?).map_err(|fault| StoreError::internal(format!("stored tags: {fault}")))
}

fn user(row: &DbRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId(row.int("id")?),
        name: row.text("name")?,
        role: word(&row.text("role")?)?,
        tags: tags(row, "tags")?,
        password_hash: row.text_or_none("password_hash")?,
        totp_key: row.text_or_none("totp_key")?,
        totp_offered: row.text_or_none("totp_offered")?,
        totp_step: row.int_or_none("totp_step")?,
        identity: row.text_or_none("issuer")?.zip(row.text_or_none("subject")?),
        created_at: row.at("created_at")?,
        logged_in_at: row.at_or_none("logged_in_at")?,
        disabled_at: row.at_or_none("disabled_at")?,
        put_out_at: row.at_or_none("put_out_at")?,
    })
}
