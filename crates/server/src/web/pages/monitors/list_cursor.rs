//! Where a page of the list begins: after the last row of the page before.

use revere_model::{MonitorId, Severity, State};

use super::super::list_sort::Sort;
use crate::{
    operations::{Context, overview},
    store::{OverviewPlace, OverviewRow},
    web::Problem,
};

/// What a place among warnings ends with.
const WARNING: &str = "-warning";

/// The place after which a page begins: `OK.17` or `ALARM-warning.17`, the last row of the page before, or `97.5.17`
/// where it was ordered by a number. A monitor that is gone begins anew.
pub(super) async fn place(
    context: &Context,
    after: Option<&str>,
    sort: Option<Sort>,
) -> Result<Option<OverviewPlace>, Problem> {
    let Some((was, id)) = after.and_then(|after| after.rsplit_once('.')) else { return Ok(None) };
    let Ok(id) = id.parse::<MonitorId>() else { return Ok(None) };
    // An address of before severities counted says none, and is taken for the critical one.
    let (word, severity) = was.strip_suffix(WARNING).map_or((was, None), |word| (word, Some(Severity::Warning)));
    let (state, key) = match sort {
        None => (word.parse::<State>().ok(), None),
        Some(_) => (Some(State::Ok), was.parse::<f64>().ok().filter(|key| key.is_finite())),
    };
    let Some(state) = state else { return Ok(None) };
    let rows = overview::rows(context, &[id]).await?;
    Ok(rows.into_iter().next().map(|row| OverviewPlace {
        state,
        severity,
        since: row.state_since,
        key,
        name: row.name,
        id,
    }))
}

/// The place of a row, as an address has it.
pub(super) fn cursor(row: &OverviewRow, sort: Option<Sort>) -> String {
    match (sort, row.key) {
        (None, _) if row.severity == Some(Severity::Warning) => format!("{}{WARNING}.{}", row.state, row.id),
        (None, _) => format!("{}.{}", row.state, row.id),
        (Some(_), Some(key)) => format!("{key}.{}", row.id),
        (Some(_), None) => format!("none.{}", row.id),
    }
}
