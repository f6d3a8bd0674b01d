//! Finding a text within names, in either case, and a monitor by its name.

use revere_model::MonitorId;

use crate::store::{
    Store, StoreError,
    columns::Columns,
    database::{self as db, DbRow},
};

/// The pattern for "contains", to be compared with what `lower` makes of a column: in either case of the letters of ASCII, in
/// either engine, whatever language a database is in. The words of `like` stand for themselves.
pub(in crate::store) fn contains(text: &str) -> String {
    format!("%{}", begins(text))
}

/// The same for "begins with".
fn begins(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern + "%"
}

impl Store {
    /// The monitors of that name; if there is none, those whose name begins so, in either case. By name, at most `limit`.
    pub async fn monitors_named(&self, name: &str, limit: u32) -> Result<Vec<(MonitorId, String)>, StoreError> {
        let exactly = "select id, name from monitors where deleted_at is null and name = $1 order by id limit $2";
        let beginning = "select id, name from monitors where deleted_at is null and lower(name) like $1 escape '\\'
             order by name_order, id limit $2";
        for (sql, wanted) in [(exactly, name.to_owned()), (beginning, begins(name))] {
            let rows = db::query(sql).bind(wanted).bind(i64::from(limit)).fetch_all(self.engine_readers()).await?;
            if !rows.is_empty() {
                let row = |row: &DbRow| Ok((MonitorId(row.int("id")?), row.text("name")?));
                return rows.iter().map(row).collect();
            }
        }
        Ok(Vec::new())
    }
}
