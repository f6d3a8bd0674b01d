//! What a monitor's last recorded run left: the `previous` of the next one.

use jiff::Timestamp;
use revere_model::{Monitor, ReturnValue, State};

use crate::store::{
    Store, StoreError,
    columns::word,
    database::{self as db},
};

/// What the last recorded run left.
#[derive(Clone, PartialEq, Debug)]
pub struct PreviousRun {
    /// The monitor's state after it.
    pub state: State,
    /// Its value.
    pub return_value: Option<ReturnValue>,
    /// Its message.
    pub message: String,
    /// When it began.
    pub at: Timestamp,
}

/// The state that the last recorded run of the monitor of `states s` left: the run that the row shows. The monitor's own
/// is the same, unless it has been switched off since.
pub(in crate::store) const LAST_STATE: &str =
    "case when s.state <> 'INACTIVE' or s.last_run_at is null then s.state else
    coalesce((select r.new_state from runs r where r.monitor_id = s.monitor_id and r.started_at = s.last_run_at
        order by r.id desc limit 1), s.state) end";

impl Store {
    /// What the last recorded run of a monitor left; `None` if there was none.
    pub async fn previous_run(&self, monitor: &Monitor) -> Result<Option<PreviousRun>, StoreError> {
        let Some(at) = monitor.last_run_at else { return Ok(None) };
        let sql = format!("select {LAST_STATE} from states s where s.monitor_id = $1");
        let state: String =
            db::query_scalar(db::AssertSqlSafe(sql)).bind(monitor.id.0).fetch_one(self.readers()).await?;
        Ok(Some(PreviousRun {
            state: word(&state)?,
            return_value: monitor.last_value.clone(),
            message: monitor.last_message.clone().unwrap_or_default(),
            at,
        }))
    }
}
