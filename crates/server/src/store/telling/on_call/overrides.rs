//! Overrides: somebody takes another one's place in a rota for a time.

use jiff::Timestamp;
use revere_model::{Act, Asked, OverrideId, Target, TargetKind, on_call::Override};

use crate::store::{
    Author, Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, QueryBuilder},
    telling::asked_for,
};

/// An override, with who asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OverrideRecord {
    /// Who, instead of whom, and when.
    pub change: Override,
    /// Of which rota.
    pub rota: String,
    /// Why, in one line; empty if they did not say.
    pub reason: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub owner: Author,
    /// When somebody ended it before its time, and who.
    pub ended: Option<(Timestamp, Author)>,
}

impl OverrideRecord {
    /// Whether it never comes again.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ended.is_some() || now >= self.change.ends_at
    }
}

/// Which overrides, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OverrideFilter {
    /// Only of this rota.
    pub rota: Option<String>,
    /// Only those that are over, or only those that are not.
    pub over: Option<bool>,
    /// Only before this one: the last of the page before.
    pub before: Option<OverrideId>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Overrides, newest first, filtered.
    pub async fn overrides(&self, filter: &OverrideFilter, now: Timestamp) -> Result<Vec<OverrideRecord>, StoreError> {
        let mut query = QueryBuilder::new("select * from on_call_overrides where id < ");
        query.push_bind(filter.before.map_or(i64::MAX, |id| id.0));
        if let Some(rota) = &filter.rota {
            query.push(" and rota = ").push_bind(rota);
        }
        match filter.over {
            Some(true) => {
                query.push(" and (ended_at is not null or ends_at <= ").push_bind(micros(now)).push(")");
            }
            Some(false) => {
                query.push(" and ended_at is null and ends_at > ").push_bind(micros(now));
            }
            None => {}
        }
        query.push(" order by id desc limit ").push_bind(i64::from(filter.limit));
        query.build().fetch_all(self.readers()).await?.iter().map(record).collect()
    }

    /// One override.
    pub async fn override_record(&self, id: OverrideId) -> Result<OverrideRecord, StoreError> {
        let row =
            db::query("select * from on_call_overrides where id = $1").bind(id.0).fetch_one(self.readers()).await?;
        record(&row)
    }

    /// Puts somebody in another one's place. From then on they are told what comes to be owed.
    pub async fn add_override(
        &self,
        rota: &str,
        change: &Override,
        asked: &Asked,
    ) -> Result<OverrideRecord, StoreError> {
        let (rota, change, asked) = (rota.to_owned(), change.clone(), asked.clone());
        let id = self.act(move |connection| {
            Box::pin(async move {
                let who = Author::of(&asked.by.who);
                let id: i64 = db::query_scalar(
                    "insert into on_call_overrides
                         (rota, person, instead_of, starts_at, ends_at, reason, created_at, who, who_id, who_name)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
                )
                .bind(&rota)
                .bind(&change.person)
                .bind(&change.instead_of)
                .bind(micros(change.starts_at))
                .bind(micros(change.ends_at))
                .bind(&asked.note)
                .bind(micros(asked.at))
                .bind(&who.kind)
                .bind(who.id)
                .bind(&who.name)
                .fetch_one(connection)
                .await?;
                let change = Override { id: OverrideId(id), ..change };
                Ok(Acted::done(change.id, entry(Act::OverrideAdded, &rota, &change, &asked)))
            })
        });
        self.override_record(id.await?).await
    }

    /// Ends an override before its time. One that is over stays as it is.
    pub async fn end_override(&self, id: OverrideId, asked: &Asked) -> Result<OverrideRecord, StoreError> {
        let was = self.override_record(id).await?;
        if was.is_over(asked.at) {
            return Ok(was);
        }
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                if !asked_for::end(connection, "on_call_overrides", id.0, &asked).await? {
                    return Ok(Acted::nothing(()));
                }
                Ok(Acted::done((), entry(Act::OverrideEnded, &was.rota, &was.change, &asked)))
            })
        })
        .await?;
        self.override_record(id).await
    }
}

/// The overrides of a rota that were not ended and reach beyond `at`, in the order in which they were made.
pub(super) async fn in_force_at(
    connection: &mut DbConnection,
    rota: &str,
    at: Timestamp,
) -> Result<Vec<Override>, StoreError> {
    let rows =
        db::query("select * from on_call_overrides where rota = $1 and ends_at > $2 and ended_at is null order by id")
            .bind(rota)
            .bind(micros(at))
            .fetch_all(connection)
            .await?;
    rows.iter().map(change).collect()
}

fn change(row: &DbRow) -> Result<Override, StoreError> {
    Ok(Override {
        id: OverrideId(row.int("id")?),
        person: row.text("person")?,
        instead_of: row.text_or_none("instead_of")?,
        starts_at: row.at("starts_at")?,
        ends_at: row.at("ends_at")?,
    })
}

fn record(row: &DbRow) -> Result<OverrideRecord, StoreError> {
    Ok(OverrideRecord {
        change: change(row)?,
        rota: row.text("rota")?,
        reason: row.text("reason")?,
        created_at: row.at("created_at")?,
        owner: asked_for::owner(row)?,
        ended: asked_for::ended(row)?,
    })
}

fn entry(act: Act, rota: &str, change: &Override, asked: &Asked) -> AuditEntry {
    let mut entry = AuditEntry::new(act, asked)
        .about(Target::new(TargetKind::Alert, rota, ""))
        .saying("override", change.id.0)
        .saying("person", change.person.as_str());
    if let Some(instead_of) = &change.instead_of {
        entry = entry.saying("instead_of", instead_of.as_str());
    }
    if act == Act::OverrideAdded {
        entry = entry.saying("starts_at", change.starts_at.to_string()).saying("ends_at", change.ends_at.to_string());
    }
    entry.noting(asked)
}
