//! `/api/v1/monitors/{id}/run`, `/runs`, `/flips` and `/gaps`: what happened to a monitor.

use axum::Json;
use jiff::Timestamp;
use revere_model::{FlipId, Gap, GapReason, MonitorId, ReturnValue, Run, RunId, RunKind, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    monitors::states,
    pagination::{self, NewestFirst, Page},
    schemas::{GapReasonWord, ReturnValueShape, RunKindWord, SeverityWord, StateWord},
};
use crate::{
    operations::{Context, Failure, Refusal, monitors, runs},
    store::{RecordedFlip, RunFilter},
    web::{
        Problem,
        body::OptionalBody,
        params::{Key, Params},
    },
};

/// A recorded run.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(crate) struct RunView {
    /// Its id. Ids grow with the order in which runs were recorded.
    #[schema(value_type = i64)]
    id: RunId,
    /// Whose run.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// Why it happened.
    #[schema(value_type = RunKindWord)]
    kind: RunKind,
    /// The scheduled instant; for a manual run, when it was asked for.
    #[schema(value_type = String, format = DateTime)]
    tick_at: Timestamp,
    /// When the script began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: f64,
    /// What the script did. Differs from `new_state` while failing or passing runs are still being counted.
    #[schema(value_type = StateWord)]
    outcome: State,
    /// How severe the problem is that it found; null where it found none.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// The monitor's state before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// The monitor's state after.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// The failure's text, or `Monitor Passed`.
    message: String,
    /// What the script left in `return_value`.
    #[schema(value_type = Option<ReturnValueShape>, required)]
    return_value: Option<ReturnValue>,
    /// What the script left in `threshold`: the number that it compares its value with, drawn in the chart.
    #[schema(required)]
    threshold: Option<f64>,
    /// What the script printed, bounded.
    output: String,
    /// Python's traceback, for an `ERROR`.
    #[schema(required)]
    traceback: Option<String>,
    /// Which script it was: runs of the same text have the same version. Null for runs recorded by a Revere that did not keep
    /// it, and for imported ones.
    #[schema(required)]
    script_version: Option<String>,
}

/// A change of state, or of how severe a problem is. Kept for ever, also when its run is purged.
#[derive(Serialize, ToSchema)]
#[schema(as = Flip)]
pub(crate) struct FlipView {
    /// Its id.
    #[schema(value_type = i64)]
    id: FlipId,
    /// Whose state.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// When it was found.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// After.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// How severe it was before; null where that was no problem.
    #[schema(required)]
    old_severity: Option<SeverityWord>,
    /// How severe it is after; null where that is no problem.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// What the run said that found it, or what a person did.
    message: String,
    /// The value of that run.
    #[schema(value_type = Option<ReturnValueShape>, required)]
    return_value: Option<ReturnValue>,
    /// That run, which may have been purged since; null where a person caused the change.
    #[schema(value_type = Option<i64>, required)]
    run_id: Option<RunId>,
}

/// Consecutive ticks without a run of their own.
#[derive(Serialize, ToSchema)]
#[schema(as = Gap)]
pub(crate) struct GapView {
    /// Its id.
    id: i64,
    /// Whose ticks.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// Why they had none.
    #[schema(value_type = GapReasonWord)]
    reason: GapReason,
    /// The first of them.
    #[schema(value_type = String, format = DateTime)]
    first_tick_at: Timestamp,
    /// The last of them.
    #[schema(value_type = String, format = DateTime)]
    last_tick_at: Timestamp,
    /// How many.
    count: i64,
}

/// Run a monitor now
///
/// Whether or not it is active, and beside a scheduled run that may be going on. It is recorded and judged as any other;
/// the answer comes when it is over.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/run",
    operation_id = "run_monitor",
    tag = "runs",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    responses(
        (status = 200, description = "The run, as it was recorded.", body = RunView),
        (status = 404, description = "There is none with that id."),
        (status = 503, description = "The database cannot be written now. What the script did is recorded as soon as it can."),
    )
)]
pub(crate) async fn run(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Json<RunView>, Problem> {
    params.finish(())?;
    Refusal::unless_clean(fields.finish(), ())?;
    Ok(Json(runs::run_now(&context, id).await?.into()))
}

/// Runs of a monitor
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/runs",
    operation_id = "list_runs",
    tag = "runs",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        NewestFirst,
        ("state" = Option<Vec<StateWord>>, Query, style = Form, explode = false, description = "Only runs that left the monitor in these states, separated by commas."),
        ("severity" = Option<SeverityWord>, Query, description = "Only runs that found a problem of this severity."),
        ("flips" = Option<bool>, Query, description = "Only runs that changed the state."),
    ),
    responses(
        (status = 200, description = "One page.", body = Page<RunView>),
        (status = 404, description = "There is no monitor with that id."),
    )
)]
pub(crate) async fn list(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<Page<RunView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = RunFilter {
        states: states(&mut params),
        severity: params.exactly("severity", "critical or warning"),
        flips: params.exactly("flips", "true or false").unwrap_or(false),
        before: params.cursor("before"),
        limit,
        ..RunFilter::default()
    };
    let filter = params.finish(filter)?;
    exists(&context, id).await?;
    let (runs, more) = runs::list(&context, id, filter, pagination::MOST_BYTES).await?;
    Ok(Json(Page::cut(runs, more, |run| run.id.0, RunView::from)))
}

/// Changes of a monitor's state
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/flips",
    operation_id = "list_flips",
    tag = "runs",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        NewestFirst,
    ),
    responses(
        (status = 200, description = "One page.", body = Page<FlipView>),
        (status = 404, description = "There is no monitor with that id."),
    )
)]
pub(crate) async fn flips(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<Page<FlipView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let before = params.cursor("before");
    let before = params.finish(before)?;
    exists(&context, id).await?;
    let flips = runs::flips(&context, id, before, limit + 1).await?;
    Ok(Json(Page::of(flips, limit, |flip| flip.id.0, FlipView::from)))
}

/// Ticks without a run
///
/// Newest first. Together with the runs, every tick is accounted for. Give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/gaps",
    operation_id = "list_gaps",
    tag = "runs",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        NewestFirst,
    ),
    responses(
        (status = 200, description = "One page.", body = Page<GapView>),
        (status = 404, description = "There is no monitor with that id."),
    )
)]
pub(crate) async fn gaps(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<Page<GapView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let before = params.cursor("before");
    let before = params.finish(before)?;
    exists(&context, id).await?;
    let gaps = runs::gaps(&context, id, before, limit + 1).await?;
    Ok(Json(Page::of(gaps, limit, |(id, _)| *id, GapView::from)))
}

/// An empty list of a monitor that does not exist would look like a quiet one.
async fn exists(context: &Context, id: MonitorId) -> Result<(), Failure> {
    monitors::get(context, id).await.map(drop)
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        RunView {
            id: run.id,
            monitor_id: run.monitor_id,
            kind: run.kind,
            tick_at: run.tick_at,
            started_at: run.started_at,
            duration_ms: run.duration_ms,
            outcome: run.outcome,
            severity: run.severity.map(SeverityWord::from),
            old_state: run.old_state,
            new_state: run.new_state,
            message: run.message,
            return_value: run.return_value,
            threshold: run.threshold,
            output: run.output,
            traceback: run.traceback,
            script_version: run.script_version,
        }
    }
}

impl From<RecordedFlip> for FlipView {
    fn from(flip: RecordedFlip) -> Self {
        FlipView {
            id: flip.id,
            monitor_id: flip.monitor_id,
            at: flip.at,
            old_state: flip.old_state,
            new_state: flip.new_state,
            old_severity: flip.old_severity.map(SeverityWord::from),
            severity: flip.severity.map(SeverityWord::from),
            message: flip.message,
            return_value: flip.return_value,
            run_id: flip.run_id,
        }
    }
}

impl From<(i64, Gap)> for GapView {
    fn from((id, gap): (i64, Gap)) -> Self {
        GapView {
            id,
            monitor_id: gap.monitor_id,
            reason: gap.reason,
            first_tick_at: gap.first_tick_at,
            last_tick_at: gap.last_tick_at,
            count: gap.count,
        }
    }
}
