//! A monitor in the list, as it is sent when it changes, too.

use askama::Template;
use jiff::Timestamp;
use revere_model::MonitorId;

use super::super::{
    display::{Badge, Severe, Shown, Span, When, seen},
    sparkline::Sparkline,
};
use crate::{
    operations::{Context, acknowledgements, mutes, overview, runs},
    store::OverviewRow,
    web::Problem,
};

/// Runs in a sparkline.
const TREND: u32 = 40;

/// Tags beside a name.
pub(in super::super) const TAGS_SHOWN: usize = 3;

/// One row, as it is sent when it changes.
#[derive(Template)]
#[template(path = "pages/monitors_row.html")]
pub(in super::super) struct RowPart<'a> {
    pub(in super::super) row: &'a Row,
}

/// A monitor in the list.
#[derive(Clone, Debug)]
pub(in super::super) struct Row {
    pub(in super::super) id: MonitorId,
    pub(super) name: String,
    pub(super) tags: Vec<String>,
    /// Tags for which the list has no room.
    pub(super) more_tags: Vec<String>,
    pub(super) badge: Badge,
    pub(super) severity: Severe,
    pub(super) problem: bool,
    pub(super) paused: bool,
    pub(super) since: Span,
    pub(super) message: Option<String>,
    pub(super) fault: Option<String>,
    /// The source that it waits for.
    pub(super) waits_for: Option<String>,
    pub(super) trend: Sparkline,
    pub(super) value: Option<Shown>,
    pub(super) last: Option<When>,
    pub(super) next: Option<When>,
    /// Nobody is told of it until then.
    pub(super) muted: Option<When>,
    /// Whether somebody looks after its problem.
    pub(super) acknowledged: bool,
    /// Whether it changes again and again.
    pub(super) flapping: bool,
}

/// Rows with their sparklines.
pub(in super::super) async fn rows(context: &Context, found: Vec<OverviewRow>) -> Result<Vec<Row>, Problem> {
    let now = context.now();
    let mutes = &mutes::in_force(context).await?;
    let problems: Vec<MonitorId> = found.iter().filter(|row| row.state.is_problem()).map(|row| row.id).collect();
    let acknowledged = &acknowledgements::of_these(context, &problems).await?;
    let ids: Vec<MonitorId> = found.iter().map(|row| row.id).collect();
    let flapping = &runs::flapping(context, &ids).await?;
    let mut trends = overview::trends(context, &ids, TREND).await?;
    let row = |row: OverviewRow| {
        let points = trends.remove(&row.id).unwrap_or_default();
        let points =
            points.into_iter().map(|point| (point.state, point.value.and_then(|value| value.as_number()))).collect();
        let numbers = row.numbers.clone();
        let muted = mutes::muted_until(mutes, row.id, &row.tags, now).map(|at| When { at, now });
        let (acknowledged, flapping) = (acknowledged.contains_key(&row.id), flapping.contains_key(&row.id));
        Row { muted, acknowledged, flapping, ..Row::of(row, Sparkline { points, numbers }, now) }
    };
    Ok(found.into_iter().map(row).collect())
}

impl Row {
    pub(super) fn of(row: OverviewRow, trend: Sparkline, now: Timestamp) -> Row {
        let mut tags = row.tags;
        let more_tags = tags.split_off(tags.len().min(TAGS_SHOWN));
        Row {
            id: row.id,
            badge: Badge::of(row.state, row.active),
            severity: Severe(row.severity),
            problem: row.state.is_problem(),
            paused: !row.active,
            since: Span::Since(row.state_since, now),
            message: row.last_message.map(|message| seen(&message.chars().take(400).collect::<String>())),
            fault: row.fault.filter(|_| row.active),
            waits_for: row.waits_for,
            value: row.last_value.map(|value| Shown::of(value, &row.numbers)),
            last: row.last_run_at.map(|at| When { at, now }),
            next: row.next_run_at.map(|at| When { at, now }),
            muted: None,
            acknowledged: false,
            flapping: false,
            name: seen(&row.name),
            tags,
            more_tags,
            trend,
        }
    }
}
