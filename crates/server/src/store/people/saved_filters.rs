//! Filters of the list of monitors that somebody keeps for themselves.

use revere_model::{Act, Asked, Target, TargetKind, UserId};

use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::Columns,
    database::{self as db},
};

/// A filter that somebody keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedFilter {
    /// Its row.
    pub id: i64,
    /// What they call it.
    pub name: String,
    /// The query of the list's address.
    pub query: String,
}

impl Store {
    /// The filters of a person, by name.
    pub async fn saved_filters(&self, person: UserId) -> Result<Vec<SavedFilter>, StoreError> {
        let rows = db::query("select id, name, query from saved_filters where user_id = $1 order by name");
        let rows = rows.bind(person.0).fetch_all(self.readers()).await?;
        let filter = |row: &db::DbRow| {
            Ok(SavedFilter { id: row.int("id")?, name: row.text("name")?, query: row.text("query")? })
        };
        rows.iter().map(filter).collect()
    }

    /// Keeps a filter for whoever asks, in the place of one of the same name; false where they have `most` others.
    pub async fn save_filter(
        &self,
        person: UserId,
        name: &str,
        query: &str,
        most: usize,
        asked: &Asked,
    ) -> Result<bool, StoreError> {
        let (name, query, asked) = (name.to_owned(), query.to_owned(), asked.clone());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.act(move |connection| {
            Box::pin(async move {
                let others: i64 =
                    db::query_scalar("select count(*) from saved_filters where user_id = $1 and name <> $2")
                        .bind(person.0)
                        .bind(&name)
                        .fetch_one(&mut *connection)
                        .await?;
                if others >= most {
                    return Ok(Acted::nothing(false));
                }
                db::query(
                    "insert into saved_filters (user_id, name, query) values ($1, $2, $3)
                     on conflict (user_id, name) do update set query = excluded.query",
                )
                .bind(person.0)
                .bind(&name)
                .bind(&query)
                .execute(&mut *connection)
                .await?;
                let entry = AuditEntry::new(Act::FilterSaved, &asked).saying("name", name).saying("query", query);
                Ok(Acted::done(true, about(entry, &asked, person)))
            })
        })
        .await
    }

    /// Forgets a filter of a person; false where they have none such.
    pub async fn delete_filter(&self, person: UserId, id: i64, asked: &Asked) -> Result<bool, StoreError> {
        let asked = asked.clone();
        self.act(move |connection| {
            Box::pin(async move {
                let sql = "delete from saved_filters where id = $1 and user_id = $2 returning name";
                let gone: Option<String> =
                    db::query_scalar(sql).bind(id).bind(person.0).fetch_optional(connection).await?;
                let Some(name) = gone else { return Ok(Acted::nothing(false)) };
                let entry = AuditEntry::new(Act::FilterDeleted, &asked).saying("name", name);
                Ok(Acted::done(true, about(entry, &asked, person)))
            })
        })
        .await
    }
}

/// It is about whoever asks.
fn about(entry: AuditEntry, asked: &Asked, person: UserId) -> AuditEntry {
    entry.about(Target::new(TargetKind::Person, person, asked.by.who.name().unwrap_or_default()))
}
