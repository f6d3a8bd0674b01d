//! Which monitors name which source, as far as the text of their scripts shows. Kept beside the scripts, so that nobody who
//! asks reads them all.

use std::collections::BTreeSet;

use revere_model::MonitorId;

use crate::store::{
    Store, StoreError,
    database::{self as db, DbConnection},
};

/// The longest name that is looked for, in bytes.
const LONGEST: usize = 200;

/// A script that names more has something else in mind.
const MOST: usize = 100;

impl Store {
    /// Monitors whose script names a source, by id, at most `limit`, and how many there are in all.
    pub async fn naming_source(&self, name: &str, limit: u32) -> Result<(Vec<(MonitorId, String)>, u64), StoreError> {
        let rows: Vec<(i64, String)> = db::query_as(
            "select m.id, m.name from uses u join monitors m on m.id = u.monitor_id
             where u.source = $1 order by u.monitor_id limit $2",
        )
        .bind(name)
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        let all: i64 = db::query_scalar("select count(*) from uses where source = $1")
            .bind(name)
            .fetch_one(self.readers())
            .await?;
        Ok((rows.into_iter().map(|(id, name)| (MonitorId(id), name)).collect(), all.unsigned_abs()))
    }
}

/// Notes the sources that a script names, in place of those that were noted before.
pub(in crate::store) async fn note(
    connection: &mut DbConnection,
    monitor: MonitorId,
    script: &str,
) -> Result<(), StoreError> {
    db::query("delete from uses where monitor_id = $1").bind(monitor.0).execute(&mut *connection).await?;
    for source in named(script) {
        db::query("insert into uses (source, monitor_id) values ($1, $2)")
            .bind(source)
            .bind(monitor.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The names in `sources['...']` and `sources["..."]`. The migration that made the table reads scripts the same way.
fn named(script: &str) -> BTreeSet<&str> {
    let names = script.split("sources[").skip(1).filter_map(|rest| {
        let end = match rest.chars().next()? {
            '\'' => "']",
            '"' => "\"]",
            _ => return None,
        };
        let name = &rest[1..];
        let length = name.find(end).filter(|length| (1..=LONGEST).contains(length))?;
        Some(&name[..length])
    });
    names.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_scripts_have_them() {
        let script =
            "a = sources['graphite'].get_sum('x')\nb = sources[\"web shop\"] ; c = sources[name]; d = sources['";
        assert_eq!(named(script).into_iter().collect::<Vec<_>>(), ["graphite", "web shop"]);
        assert_eq!(named("sources['ü\u{1f9e8}']").into_iter().collect::<Vec<_>>(), ["ü\u{1f9e8}"]);
        assert!(named("sources['']").is_empty() && named("resources").is_empty());
        assert!(named(&format!("sources['{}']", "x".repeat(LONGEST + 1))).is_empty());
        let many: String = (0..1000).map(|n| format!("sources['{n}']")).collect();
        assert_eq!(named(&many).len(), MOST);
    }
}
