//! The table `meta`: what a database has one of, by its name. All of its servers share it.

use super::{
    Store, StoreError,
    database::{self as db, DbConnection},
};

impl Store {
    /// A value by its name.
    pub(super) async fn meta_value(&self, name: &str) -> Result<Option<String>, StoreError> {
        let query = db::query_scalar("select value from meta where key = $1").bind(name);
        Ok(query.fetch_optional(self.engine_readers()).await?)
    }

    /// A value by its name, made when it is asked for the first time. Of several servers that make one at once, all get the
    /// same.
    pub(super) async fn meta_value_or(
        &self,
        name: &'static str,
        new: impl FnOnce() -> String + Send,
    ) -> Result<String, StoreError> {
        if let Some(value) = self.meta_value(name).await? {
            return Ok(value);
        }
        let value = new();
        self.write(move |connection| {
            Box::pin(async move {
                db::query("insert into meta (key, value) values ($1, $2) on conflict (key) do nothing")
                    .bind(name)
                    .bind(value)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await?;
        let kept = self.meta_value(name).await?;
        kept.ok_or_else(|| StoreError::internal(format!("{name} was not kept in the database")))
    }
}

/// Keeps a value, whatever it was before.
pub(super) async fn keep(connection: &mut DbConnection, name: &str, value: String) -> Result<(), StoreError> {
    db::query("insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value")
        .bind(name)
        .bind(value)
        .execute(connection)
        .await?;
    Ok(())
}
