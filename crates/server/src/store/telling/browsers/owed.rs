//! What browsers alone are owed: what one has not taken of a message, and when it is told again.

use jiff::Timestamp;

use super::told_browser;
use crate::{
    store::{
        Store, StoreError, WaysIn,
        columns::{Columns, instant, micros},
        database::{self as db, DbConnection, DbRow, sql_pieces},
    },
    web_push::{Became, Browser, Message},
};

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
        next.map(instant).transpose()
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
