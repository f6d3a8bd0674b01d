//! Administrators: one must stay who can come in.

use jiff::Timestamp;
use revere_model::UserId;

use crate::store::{
    StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
};

/// The ways in which people may come in, as far as an administrator counts who has one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaysIn {
    /// By a password that is kept here.
    pub passwords: bool,
    /// At these providers; `None` is any.
    pub issuers: Option<Vec<String>>,
}

impl Default for WaysIn {
    /// All there are.
    fn default() -> Self {
        WaysIn { passwords: true, issuers: None }
    }
}

impl WaysIn {
    /// Whether people of this provider may come in; `None` are those whose password is kept here.
    pub(in crate::store) fn are_open_to(&self, issuer: Option<&str>) -> bool {
        match (issuer, &self.issuers) {
            (None, _) => self.passwords,
            (Some(_), None) => true,
            (Some(issuer), Some(issuers)) => issuers.iter().any(|one| one == issuer),
        }
    }
}

/// An administrator who is not disabled, and what they could come in by.
pub(super) struct Administrator {
    pub(super) id: UserId,
    issuer: Option<String>,
    has_password: bool,
    /// A link to choose a password by, which nobody has used yet.
    has_link: bool,
}

impl Administrator {
    /// Whether they can come in as it is now.
    pub(super) fn can_come_in(&self, ways: &WaysIn) -> bool {
        ways.are_open_to(self.issuer.as_deref()) && (self.issuer.is_some() || self.has_password)
    }

    /// Whether they can, or could if they used their link.
    pub(super) fn could_come_in(&self, ways: &WaysIn) -> bool {
        self.can_come_in(ways) || (self.issuer.is_none() && ways.passwords && self.has_link)
    }
}

/// The administrators who are not disabled; `keeping` is what keeps them as they are until the end of the transaction.
pub(super) fn administrators(keeping: &str) -> String {
    format!(
        "select id, issuer, cast(case when password_hash is null then 0 else 1 end as bigint) as has_password,
             (select count(*) from one_time_links l where l.user_id = users.id and l.ends_at > $1) as links
         from users where role = 'administrator' and disabled_at is null and put_out_at is null order by id {keeping}"
    )
}

pub(super) fn administrator(row: &DbRow) -> Result<Administrator, StoreError> {
    Ok(Administrator {
        id: UserId(row.int("id")?),
        issuer: row.text_or_none("issuer")?,
        has_password: row.int("has_password")? != 0,
        has_link: row.int("links")? != 0,
    })
}

/// Whether nobody else could manage people who can now: others count who can come in as it is.
pub(super) async fn is_last_administrator(
    connection: &mut DbConnection,
    id: UserId,
    ways: &WaysIn,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (all, _) = who_can_come_in(connection, ways, now).await?;
    let counts = all.iter().any(|one| one.id == id && one.could_come_in(ways));
    Ok(counts && !all.iter().any(|one| one.id != id && one.can_come_in(ways)))
}

/// The administrators, kept as they are until the end of the transaction, and whether one of them can come in.
pub(super) async fn who_can_come_in(
    connection: &mut DbConnection,
    ways: &WaysIn,
    now: Timestamp,
) -> Result<(Vec<Administrator>, bool), StoreError> {
    let rows = db::query(db::AssertSqlSafe(administrators(sql_pieces::KEEPING)))
        .bind(micros(now))
        .fetch_all(connection)
        .await?;
    let all = rows.iter().map(administrator).collect::<Result<Vec<_>, _>>()?;
    let any = all.iter().any(|one| one.could_come_in(ways));
    Ok((all, any))
}
