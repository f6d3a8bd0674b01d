//! Browsers that alerts tell: which there are, and by which key the server is known to them.

mod owed;

use jiff::Timestamp;
pub use owed::{BrowserNext, BrowserOwed};
use revere_model::{Act, Asked, Target, TargetKind, UserId};

use crate::{
    store::{
        Author, Store, StoreError, WaysIn,
        audit::{Acted, AuditEntry},
        columns::{Columns, micros},
        database::{self as db, DbRow},
    },
    web_push::{Browser, BrowserKeys, ServerKey},
};

/// The row of `meta` that has the server's private key.
const KEY: &str = "web_push_key";

/// So many one alert tells.
const MOST: i64 = 500;
/// So many one person has, so that whoever may only look takes nobody's place.
const MOST_OF_ONE: i64 = 20;

/// A browser that asked to be told, for people to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrowserRecord {
    /// Whom to tell.
    pub browser: Browser,
    /// The alert that tells it.
    pub alert: String,
    /// The key by which it knows the server.
    pub server_key: String,
    /// Whose it is, where people log in.
    pub owner: Option<UserId>,
    /// Who asked for it.
    pub author: Author,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was told something last.
    pub told_at: Option<Timestamp>,
    /// Why the last message did not reach it.
    pub last_error: Option<String>,
}

/// A browser to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBrowser {
    /// The alert.
    pub alert: String,
    /// What people will call it.
    pub name: String,
    /// Where its push service takes messages.
    pub endpoint: String,
    /// The keys it seals by.
    pub keys: BrowserKeys,
    /// The key by which it knows the server.
    pub server_key: String,
    /// Whose it is, where people log in.
    pub owner: Option<UserId>,
}

impl Store {
    /// The key by which browsers know this server, and any other one that shares the database; made when it is asked for the
    /// first time.
    pub async fn web_push_key(&self) -> Result<ServerKey, StoreError> {
        let key = self.meta_value_or(KEY, || ServerKey::new().private()).await?;
        ServerKey::read(&key).ok_or_else(|| StoreError::internal("the key of Web Push in the database cannot be read"))
    }

    /// Has an alert tell a browser from now on; one that is known by its address is known anew. `None` where there are too many.
    pub async fn add_browser(&self, new: NewBrowser, asked: &Asked) -> Result<Option<BrowserRecord>, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let others: i64 =
                    db::query_scalar("select count(*) from browsers where alert_key = $1 and endpoint <> $2")
                        .bind(&new.alert)
                        .bind(&new.endpoint)
                        .fetch_one(&mut *connection)
                        .await?;
                let own: i64 = db::query_scalar("select count(*) from browsers where user_id = $1 and endpoint <> $2")
                    .bind(new.owner.map_or(0, |owner| owner.0))
                    .bind(&new.endpoint)
                    .fetch_one(&mut *connection)
                    .await?;
                if others >= MOST || own >= MOST_OF_ONE {
                    return Ok(Acted::nothing(None));
                }
                let author = Author::of(&asked.by.who);
                let row = db::query(
                    "insert into browsers (alert_key, endpoint, p256dh, auth, server_key, name, user_id, who, who_id,
                         who_name, created_at)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                     on conflict (endpoint) do update set alert_key = excluded.alert_key, p256dh = excluded.p256dh,
                         auth = excluded.auth, server_key = excluded.server_key, name = excluded.name,
                         user_id = excluded.user_id, who = excluded.who, who_id = excluded.who_id,
                         who_name = excluded.who_name, created_at = excluded.created_at, last_error = null
                     returning *",
                )
                .bind(&new.alert)
                .bind(&new.endpoint)
                .bind(new.keys.p256dh())
                .bind(new.keys.auth())
                .bind(&new.server_key)
                .bind(&new.name)
                .bind(new.owner.map(|owner| owner.0))
                .bind(&author.kind)
                .bind(author.id)
                .bind(&author.name)
                .bind(micros(asked.at))
                .fetch_one(&mut *connection)
                .await?;
                let record = record(&row)?;
                let entry = about(AuditEntry::new(Act::BrowserAdded, &asked), &record);
                Ok(Acted::done(Some(record), entry))
            })
        })
        .await
    }

    /// Has a browser told no more.
    pub async fn remove_browser(&self, id: i64, asked: &Asked) -> Result<(), StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let row =
                    db::query("delete from browsers where id = $1 returning *").bind(id).fetch_optional(connection);
                let record = record(&row.await?.ok_or(StoreError::NotFound)?)?;
                let entry = about(AuditEntry::new(Act::BrowserRemoved, &asked), &record);
                Ok(Acted::done((), entry))
            })
        })
        .await
    }

    /// The browsers of an alert, or of all, oldest first.
    pub async fn browsers(&self, alert: Option<&str>) -> Result<Vec<BrowserRecord>, StoreError> {
        let rows = db::query("select * from browsers where alert_key = $1 or $1 = '' order by alert_key, id");
        let rows = rows.bind(alert.unwrap_or_default()).fetch_all(self.readers()).await?;
        rows.iter().map(record).collect()
    }

    /// One browser.
    pub async fn browser(&self, id: i64) -> Result<BrowserRecord, StoreError> {
        record(&db::query("select * from browsers where id = $1").bind(id).fetch_one(self.readers()).await?)
    }

    /// The browsers that an alert tells now: those that know the server by `server_key`, of people who may come in.
    pub async fn browsers_to_tell(&self, alert: &str, server_key: &str) -> Result<Vec<Browser>, StoreError> {
        let rows = db::query(
            "select b.*, u.issuer as owner_issuer from browsers b left join users u on u.id = b.user_id
             where b.alert_key = $1 and b.server_key = $2 and u.disabled_at is null and u.put_out_at is null
             order by b.id",
        )
        .bind(alert)
        .bind(server_key)
        .fetch_all(self.engine_readers())
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            match told_browser(row, &self.0.ways_in) {
                Ok(browser) => found.extend(browser),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    tracing::error!(browser = row.int("id")?, %error, "a browser cannot be read; the others are notified");
                }
            }
        }
        Ok(found)
    }
}

fn about(entry: AuditEntry, record: &BrowserRecord) -> AuditEntry {
    entry.about(Target::new(TargetKind::Alert, &record.alert, "")).saying("browser", record.browser.name.as_str())
}

/// The browser of a row, unless it is of somebody who came in by a way that there is none of any more.
fn told_browser(row: &DbRow, ways: &WaysIn) -> Result<Option<Browser>, StoreError> {
    let BrowserRecord { browser, owner, .. } = record(row)?;
    let may = owner.is_none() || ways.are_open_to(row.text_or_none("owner_issuer")?.as_deref());
    Ok(Some(browser).filter(|_| may))
}

fn record(row: &DbRow) -> Result<BrowserRecord, StoreError> {
    let keys = BrowserKeys::read(&row.text("p256dh")?, &row.text("auth")?);
    Ok(BrowserRecord {
        browser: Browser {
            id: row.int("id")?,
            name: row.text("name")?,
            endpoint: row.text("endpoint")?,
            keys: keys.map_err(|(what, why)| StoreError::internal(format!("{what} of a browser: {why}")))?,
        },
        alert: row.text("alert_key")?,
        server_key: row.text("server_key")?,
        owner: row.int_or_none("user_id")?.map(UserId),
        author: Author { kind: row.text("who")?, id: row.int_or_none("who_id")?, name: row.text_or_none("who_name")? },
        created_at: row.at("created_at")?,
        told_at: row.at_or_none("told_at")?,
        last_error: row.text_or_none("last_error")?,
    })
}
