//! Every monitor in a few columns, for the series of each in `/metrics`.

use revere_model::{MonitorId, ReturnValue};

use crate::{
    metrics::MonitorSample,
    store::{
        Store, StoreError,
        columns::Columns,
        database::{self as db},
    },
};

impl Store {
    /// State, last value and last run of every monitor, by id.
    pub async fn monitor_samples(&self) -> Result<Vec<MonitorSample>, StoreError> {
        let rows = db::query(
            "select m.id, m.name, s.state, s.last_value, s.last_run_at
             from monitors m join states s on s.monitor_id = m.id where m.deleted_at is null order by m.id",
        );
        let rows = rows.fetch_all(self.readers()).await?;
        let sample = |row: &db::DbRow| {
            let value = row.value_shown("last_value")?.as_ref().and_then(ReturnValue::as_number);
            Ok(MonitorSample {
                id: MonitorId(row.int("id")?),
                name: row.text("name")?,
                state: row.state("state")?,
                value: value.filter(|number| number.is_finite()),
                last_run_at: row.at_or_none("last_run_at")?,
            })
        };
        rows.iter().map(sample).collect()
    }
}
