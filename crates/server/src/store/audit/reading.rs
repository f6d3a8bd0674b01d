//! Reads the audit: the newest first, filtered.

use jiff::Timestamp;
use revere_model::{Act, MonitorId, Target, TargetKind};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbRow, QueryBuilder},
    page_cut::fitting,
};

/// A row, as it was written. Words are kept as they are: an older or newer program may have written others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AuditRow {
    /// Names it.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What was done, or refused.
    pub act: String,
    /// Who asked.
    pub who: AuditedWho,
    /// By which door.
    pub door: String,
    /// From where; empty where nothing was far.
    pub address: String,
    /// Which request it was; empty where nothing was requested.
    pub request_id: String,
    /// What it is about.
    pub target: Option<AuditedTarget>,
    /// What changed.
    pub details: Map<String, Value>,
}

/// Who asked, as they were then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AuditedWho {
    /// `person`, `token`, `everybody`, `stranger`, `command_line`, `server`.
    pub kind: String,
    /// Which person or token.
    pub id: Option<i64>,
    /// What they were called.
    pub name: String,
    /// Of a token: the person it belonged to.
    pub owner_id: Option<i64>,
}

/// What an act was about, as it was then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AuditedTarget {
    /// `monitor`, `alert`, `person`, `token`, `session`.
    pub kind: String,
    /// Its id or key.
    pub id: String,
    /// What it was called; empty where it has no name.
    pub name: String,
}

/// Who asked, as it is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuditWho {
    /// This person, or a token of theirs.
    Person(i64),
    /// This token.
    Token(i64),
    /// Everyone of this kind.
    Kind(String),
}

/// The text names nobody.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} names nobody; expected person:1, token:2, or one of person, token, everybody, stranger, command_line, server"
)]
pub struct ParseAuditWhoError(String);

/// As in an address: `person:1`.
impl std::fmt::Display for AuditWho {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AuditWho::Person(id) => write!(f, "person:{id}"),
            AuditWho::Token(id) => write!(f, "token:{id}"),
            AuditWho::Kind(kind) => f.write_str(kind),
        }
    }
}

impl std::str::FromStr for AuditWho {
    type Err = ParseAuditWhoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseAuditWhoError(text.chars().take(100).collect());
        let number = |id: &str| {
            let digits = (1..=18).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
            id.parse().ok().filter(|_| digits).ok_or_else(error)
        };
        match text.split_once(':') {
            Some(("person", id)) => number(id).map(AuditWho::Person),
            Some(("token", id)) => number(id).map(AuditWho::Token),
            None if ["person", "token", "everybody", "stranger", "command_line", "server"].contains(&text) => {
                Ok(AuditWho::Kind(text.to_owned()))
            }
            _ => Err(error()),
        }
    }
}

/// Which rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Only what these asked for.
    pub who: Option<AuditWho>,
    /// Only one of these acts; empty is all.
    pub acts: Vec<Act>,
    /// Only what is about this.
    pub target: Option<Target>,
    /// Only from then on.
    pub from: Option<Timestamp>,
    /// Only before then.
    pub to: Option<Timestamp>,
    /// Only what is older than this row: the last of the page before.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// A page of the audit, the newest first, and whether there are more. It ends before its details have more than `bytes`
    /// bytes, with one row at least.
    pub async fn audit(&self, filter: &AuditFilter, bytes: usize) -> Result<(Vec<AuditRow>, bool), StoreError> {
        let mut query = QueryBuilder::new("select a.id, octet_length(a.details) from audit a where 1 = 1");
        push_conditions(&mut query, filter);
        query.push(" order by a.at desc, a.id desc limit ").push_bind(i64::from(filter.limit) + 1);
        let sizes: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        let (ids, more) = fitting(&sizes, filter.limit, bytes);
        let sql = format!(
            "select * from audit where id {} order by at desc, id desc",
            crate::store::database::sql_pieces::among("$1")
        );
        let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(self.readers()).await?;
        Ok((rows.iter().map(row).collect::<Result<_, _>>()?, more))
    }

    /// What was asked for about monitors since then: the number of each row, and which monitor it is about; of the newest `limit`.
    pub async fn acts_on_monitors(&self, since: Timestamp, limit: u32) -> Result<Vec<(i64, MonitorId)>, StoreError> {
        let rows = db::query(
            "select id, target_id from audit where at >= $1 and target_kind = $2 order by at desc, id desc limit $3",
        )
        .bind(micros(since))
        .bind(TargetKind::Monitor.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.engine_readers())
        .await?;
        let act = |row: &DbRow| -> Result<Option<(i64, MonitorId)>, StoreError> {
            let (id, monitor) = (row.int("id")?, row.text_or_none("target_id")?);
            Ok(monitor.and_then(|monitor| monitor.parse().ok()).map(|monitor| (id, MonitorId(monitor))))
        };
        rows.iter().filter_map(|row| act(row).transpose()).collect()
    }
}

fn push_conditions(query: &mut QueryBuilder, filter: &AuditFilter) {
    match &filter.who {
        None => {}
        Some(AuditWho::Person(id)) => {
            query.push(" and (a.who_kind = 'person' and a.who_id = ").push_bind(*id);
            query.push(" or a.owner_id = ").push_bind(*id).push(")");
        }
        Some(AuditWho::Token(id)) => {
            query.push(" and a.who_kind = 'token' and a.who_id = ").push_bind(*id);
        }
        Some(AuditWho::Kind(kind)) => {
            query.push(" and a.who_kind = ").push_bind(kind.clone());
        }
    }
    if !filter.acts.is_empty() {
        query.push(" and a.act in (");
        let mut list = query.separated(",");
        for act in &filter.acts {
            list.push_bind(act.as_str());
        }
        query.push(")");
    }
    if let Some(target) = &filter.target {
        query.push(" and a.target_kind = ").push_bind(target.kind.as_str());
        query.push(" and a.target_id = ").push_bind(target.id.clone());
    }
    if let Some(from) = filter.from {
        query.push(" and a.at >= ").push_bind(micros(from));
    }
    if let Some(to) = filter.to {
        query.push(" and a.at < ").push_bind(micros(to));
    }
    if let Some(before) = filter.before {
        query.push(" and exists (select 1 from audit b where b.id = ").push_bind(before);
        query.push(" and (a.at < b.at or (a.at = b.at and a.id < b.id)))");
    }
}

pub(super) fn row(row: &DbRow) -> Result<AuditRow, StoreError> {
    let target = match row.text_or_none("target_kind")? {
        None => None,
        Some(kind) => Some(AuditedTarget {
            kind,
            id: row.text_or_none("target_id")?.unwrap_or_default(),
            name: row.text_or_none("target_name")?.unwrap_or_default(),
        }),
    };
    // A row that cannot be read hides no other.
    let details = serde_json::from_str(&row.text("details")?)
        .unwrap_or_else(|fault| Map::from_iter([("unreadable".to_owned(), Value::from(fault.to_string()))]));
    Ok(AuditRow {
        id: row.int("id")?,
        at: row.at("at")?,
        act: row.text("act")?,
        who: AuditedWho {
            kind: row.text("who_kind")?,
            id: row.int_or_none("who_id")?,
            name: row.text("who_name")?,
            owner_id: row.int_or_none("owner_id")?,
        },
        door: row.text("door")?,
        address: row.text("address")?,
        request_id: row.text("request_id")?,
        target,
        details,
    })
}
