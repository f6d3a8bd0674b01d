//! Browsers that alerts tell: which there are, by which key the server is known to them, and what one alone has not taken.

use jiff::Timestamp;
use revere_model::{Act, Asked, Target, TargetKind, UserId};

use crate::{
    store::{
        Author, Store, StoreError, WaysIn,
        audit::{Acted, AuditEntry},
        columns::{Columns, micros},
        database::{self as db, DbConnection, DbRow, sql_pieces},
    },
    web_push::{Became, Browser, BrowserKeys, Message, ServerKey},
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

/// What a browser alone is owed.
#[derive(Clone, PartialEq, Debug)]
pub struct BrowserOwed {
    /// The browser.
    pub browser: Browser,
    /// The alert.
    pub alert: String,
    /// What it is to be told.
    pub message: Message,
    /// Since when.
    pub created_at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// Until when whoever has it in hand has it.
    claimed_until: Timestamp,
}

/// When a browser is told again that did not take a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrowserNext {
    /// Then.
    At(Timestamp),
    /// Never.
    Never,
}

impl Store {
    /// The key by which browsers know this server, and any other one that shares the database; made when it is asked for the
    /// first time.
    pub async fn web_push_key(&self) -> Result<ServerKey, StoreError> {
        let kept = async || -> Result<Option<String>, StoreError> {
            let query = db::query_scalar("select value from meta where key = $1").bind(KEY);
            Ok(query.fetch_optional(self.engine_readers()).await?)
        };
        if kept().await?.is_none() {
            let key = ServerKey::new().private();
            self.write(move |connection| {
                Box::pin(async move {
                    db::query("insert into meta (key, value) values ($1, $2) on conflict (key) do nothing")
                        .bind(KEY)
                        .bind(key)
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        }
        let key = kept().await?.as_deref().and_then(ServerKey::read);
        key.ok_or_else(|| StoreError::internal("the key of Web Push in the database cannot be read"))
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
                    tracing::error!(browser = row.int("id")?, %error, "a browser cannot be read; the others are told");
                }
            }
        }
        Ok(found)
    }

    /// Writes down what became of a message to each browser, and when it is told again where it was not taken. What follows of
    /// the same topic takes the place of what was owed.
    pub async fn note_browsers(
        &self,
        message: Message,
        of_each: Vec<(i64, Became, BrowserNext)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_patiently(move |connection| {
            Box::pin(async move {
                for (browser, became, next) in of_each {
                    db::query("delete from browser_owed where browser_id = $1 and topic = $2")
                        .bind(browser)
                        .bind(&message.topic)
                        .execute(&mut *connection)
                        .await?;
                    note(connection, browser, &became, now).await?;
                    let BrowserNext::At(at) = next else { continue };
                    // One that was removed meanwhile is owed nothing.
                    db::query(
                        "insert into browser_owed (browser_id, topic, message, created_at, attempts, next_attempt_at)
                         select id, $2, $3, $4, 1, $5 from browsers where id = $1",
                    )
                    .bind(browser)
                    .bind(&message.topic)
                    .bind(written(&message))
                    .bind(micros(now))
                    .bind(micros(at))
                    .execute(&mut *connection)
                    .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// When a browser alone is told again, the next time.
    pub async fn next_browser_owed(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> =
            db::query_scalar("select min(next_attempt_at) from browser_owed").fetch_one(self.engine_readers()).await?;
        next.map(crate::store::columns::instant).transpose()
    }

    /// Claims what browsers alone are owed and is due: counts an attempt and hides it until `until`.
    pub async fn claim_browsers_owed(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<BrowserOwed>, StoreError> {
        let ways = self.0.ways_in.clone();
        self.write(move |connection| {
            Box::pin(async move {
                let sql = format!(
                    "with chosen as materialized (select browser_id as chosen_id, topic as chosen_topic from browser_owed
                         where next_attempt_at <= $1 order by next_attempt_at limit $2 {})
                     update browser_owed set attempts = attempts + 1, next_attempt_at = $3 from chosen
                     where browser_id = chosen_id and topic = chosen_topic and next_attempt_at <= $1
                     returning browser_id, topic",
                    sql_pieces::PASSING_OVER_KEPT
                );
                let rows = db::query(db::AssertSqlSafe(sql))
                    .bind(micros(now))
                    .bind(i64::from(limit))
                    .bind(micros(until))
                    .fetch_all(&mut *connection)
                    .await?;
                let mut claimed = Vec::with_capacity(rows.len());
                for row in &rows {
                    claimed.extend(owed(connection, &ways, row.int("browser_id")?, &row.text("topic")?, until).await?);
                }
                Ok(claimed)
            })
        })
        .await
    }

    /// Writes down what became of what a browser alone was owed. Nothing, where something newer took its place meanwhile.
    pub async fn settle_browser(
        &self,
        owed: BrowserOwed,
        became: Became,
        next: BrowserNext,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let sql = match next {
                    BrowserNext::At(_) => {
                        "update browser_owed set next_attempt_at = $4
                         where browser_id = $1 and topic = $2 and next_attempt_at = $3"
                    }
                    BrowserNext::Never => {
                        "delete from browser_owed
                         where browser_id = $1 and topic = $2 and next_attempt_at = $3 and $4 = 0"
                    }
                };
                let at = match next {
                    BrowserNext::At(at) => micros(at),
                    BrowserNext::Never => 0,
                };
                let settled = db::query(sql)
                    .bind(owed.browser.id)
                    .bind(&owed.message.topic)
                    .bind(micros(owed.claimed_until))
                    .bind(at)
                    .execute(&mut *connection)
                    .await?;
                if settled.rows_affected() > 0 {
                    note(connection, owed.browser.id, &became, now).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// What a browser is known by: when it was told last, or why not; one that takes no more is gone.
async fn note(connection: &mut DbConnection, id: i64, became: &Became, now: Timestamp) -> Result<(), StoreError> {
    let (told_at, error) = match became {
        Became::Gone(said) => {
            let gone: Option<String> = db::query_scalar("delete from browsers where id = $1 returning alert_key")
                .bind(id)
                .fetch_optional(connection)
                .await?;
            if let Some(alert) = gone {
                tracing::info!(browser = id, alert, said, "a browser asked for no more, and is removed");
            }
            return Ok(());
        }
        Became::Taken => (Some(micros(now)), None),
        Became::Refused(said) | Became::Later(_, said) => (None, Some(said.as_str())),
    };
    db::query("update browsers set told_at = coalesce($2, told_at), last_error = $3 where id = $1")
        .bind(id)
        .bind(told_at)
        .bind(error)
        .execute(connection)
        .await?;
    Ok(())
}

/// A claimed row with its browser; one that cannot be read, or whose person may not come in any more, is gone.
async fn owed(
    connection: &mut DbConnection,
    ways: &WaysIn,
    browser: i64,
    topic: &str,
    claimed_until: Timestamp,
) -> Result<Option<BrowserOwed>, StoreError> {
    let row = db::query(
        "select b.*, u.issuer as owner_issuer, o.message, o.created_at as owed_since, o.attempts from browser_owed o
             join browsers b on b.id = o.browser_id left join users u on u.id = b.user_id
         where o.browser_id = $1 and o.topic = $2 and u.disabled_at is null and u.put_out_at is null",
    )
    .bind(browser)
    .bind(topic)
    .fetch_optional(&mut *connection)
    .await?;
    let read = |row: DbRow| -> Result<Option<BrowserOwed>, StoreError> {
        let Some(browser) = told_browser(&row, ways)? else { return Ok(None) };
        let message = serde_json::from_str(&row.text("message")?);
        Ok(Some(BrowserOwed {
            alert: row.text("alert_key")?,
            message: message.map_err(|fault| StoreError::internal(format!("what it is owed: {fault}")))?,
            created_at: row.at("owed_since")?,
            attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
            browser,
            claimed_until,
        }))
    };
    match row.map(read).transpose().map(Option::flatten) {
        Ok(Some(owed)) => Ok(Some(owed)),
        Err(error) if error.is_passing() => Err(error),
        unread => {
            if let Err(error) = unread {
                tracing::error!(browser, %error, "what a browser is owed cannot be read and is given up");
            }
            db::query("delete from browser_owed where browser_id = $1 and topic = $2")
                .bind(browser)
                .bind(topic)
                .execute(connection)
                .await?;
            Ok(None)
        }
    }
}

fn written(message: &Message) -> String {
    serde_json::to_string(message).expect("texts and numbers always have a JSON form")
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
