//! Forms that made a monitor: each makes one, however often it is sent, and to whichever server.

use jiff::Timestamp;
use revere_model::{Asked, MonitorId, MonitorSpec};

use super::made;
use crate::store::{Store, StoreError, audit::Acted, columns::micros, database as db, database::sql_pieces};

impl Store {
    /// Stores a new monitor as [`Store::create_monitor`] does, unless the form has made one already. Answers which, and whether
    /// it is new.
    pub async fn create_monitor_once(
        &self,
        form: &str,
        spec: &MonitorSpec,
        asked: &Asked,
    ) -> Result<(MonitorId, bool), StoreError> {
        let (form, spec, asked) = (form.to_owned(), spec.clone(), asked.clone());
        let created = self.act(move |connection| {
            Box::pin(async move {
                // Waits for another server that is at it.
                let first = db::query("insert into forms (form, at) values ($1, $2) on conflict (form) do nothing")
                    .bind(&form)
                    .bind(micros(asked.at))
                    .execute(&mut *connection)
                    .await?;
                if first.rows_affected() == 0 {
                    // Kept: where the monitor was deleted and two servers make it again, the second sees what the first made.
                    let kept = format!("select monitor_id from forms where form = $1 {}", sql_pieces::KEEPING);
                    db::query(db::AssertSqlSafe(kept)).bind(&form).fetch_optional(&mut *connection).await?;
                    let id: Option<i64> = db::query_scalar(
                        "select m.id from forms f join monitors m on m.id = f.monitor_id and m.deleted_at is null where f.form = $1",
                    )
                    .bind(&form)
                    .fetch_optional(&mut *connection)
                    .await?;
                    // One that was deleted meanwhile is made again: it was asked for again.
                    if let Some(id) = id {
                        return Ok(Acted::nothing((MonitorId(id), false)));
                    }
                }
                let (monitor, entry) = made(connection, &spec, &asked).await?;
                db::query("update forms set monitor_id = $2 where form = $1")
                    .bind(&form)
                    .bind(monitor.id.0)
                    .execute(connection)
                    .await?;
                Ok(Acted::done((monitor.id, true), entry))
            })
        });
        let (id, is_new) = created.await?;
        if is_new {
            self.0.counted.changed(());
        }
        Ok((id, is_new))
    }

    /// Forgets forms that were sent before then.
    pub async fn forget_forms(&self, before: Timestamp) -> Result<(), StoreError> {
        let before = micros(before);
        let any: Option<i64> = db::query_scalar("select monitor_id from forms where at < $1 limit 1")
            .bind(before)
            .fetch_optional(self.readers())
            .await?;
        if any.is_none() {
            return Ok(());
        }
        self.write(move |connection| {
            Box::pin(async move {
                db::query("delete from forms where at < $1").bind(before).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }
}
