//! `/monitor/{id}/run/{run}`: one run, with everything that is kept of it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use revere_model::{
    Monitor, MonitorId, ReturnValue, Run, RunId, RunKind, calendar::instant_of_seconds, exact_time, lasted,
};

use super::{
    display::{Badge, Severe, Shown, seen, took},
    foreign_text::Linked,
    layout::{Layout, Place},
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{Context, Failure, Refusal, monitors, runs, versions},
    store::RunFilter,
    web::{
        Problem,
        params::{Key, Keys, Params},
    },
};

/// On either side of a run, in the chart that leads from it.
const AROUND: SignedDuration = SignedDuration::from_mins(30);
/// A run that begins so much after its tick is late.
const LATE: SignedDuration = SignedDuration::from_secs(2);

#[derive(Template)]
#[template(path = "pages/run.html")]
struct RunPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    run: RunId,
    badge: Badge,
    old: Badge,
    severity: Severe,
    flip: bool,
    /// What the script did, where that does not count yet.
    outcome: Option<Badge>,
    facts: Vec<(&'static str, String)>,
    value: Option<Shown>,
    long_value: Option<String>,
    threshold: Option<Shown>,
    message: Linked,
    output: String,
    traceback: Option<String>,
    version: Option<i64>,
    is_script_of_now: bool,
    earlier: Option<RunId>,
    later: Option<RunId>,
    /// The stretch of the chart around it, in seconds since 1970.
    around: (i64, i64),
}

/// The page.
pub(super) async fn show(
    request: PageRequest,
    Keys(id, run): Keys<MonitorId, RunId>,
    params: Params,
) -> Result<Response, Problem> {
    params.finish(())?;
    let monitor = monitors::get(&request.context, id).await?;
    let run = runs::get(&request.context, id, run).await?;
    let zone = request.zone.zone(&monitor.spec.timezone);
    let title = format!("Run {} of {}", run.id, monitor.spec.name);
    let layout = request.layout(title, Place::Monitors).await?.of_monitor_in(&monitor.spec.timezone);
    let (earlier, later) = neighbours(&request.context, &run).await?;
    let version = version(&request.context, &monitor, &run).await?;
    let numbers = monitor.spec.number_format();
    let value = run.return_value.clone().map(|value| Shown::wide(value, &numbers));
    let around = |by: SignedDuration| run.started_at.checked_add(by).unwrap_or(run.started_at).as_second();
    let page = RunPage {
        id,
        name: seen(&monitor.spec.name),
        run: run.id,
        badge: Badge::State(run.new_state),
        old: Badge::State(run.old_state),
        severity: Severe(run.severity),
        flip: run.old_state != run.new_state,
        outcome: (run.outcome != run.new_state).then_some(Badge::State(run.outcome)),
        facts: facts(&run, &zone),
        threshold: run.threshold.map(|number| Shown::wide(ReturnValue::Float(number), &numbers)),
        long_value: value.as_ref().and_then(Shown::long_text).map(seen),
        value,
        message: Linked(run.message.clone()),
        output: run.output.clone(),
        traceback: run.traceback.clone(),
        version,
        is_script_of_now: run.script_version.as_deref() == Some(&*versions::script_version(&monitor.spec.script)),
        earlier,
        later,
        around: (around(-AROUND), around(AROUND)),
        layout,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/monitor/{id}/run-at?at=SECONDS`: leads to the run that began then, or last before.
pub(super) async fn nearest(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Response, Problem> {
    let at = params.parsed::<f64>("at", "seconds since 1970");
    let at = params.finish(at)?.ok_or_else(|| Refusal::one("at", "is missing: say when, in seconds since 1970"))?;
    let at = instant_of_seconds(at).ok_or_else(|| Refusal::one("at", "that is no time"))?;
    // A chart has milliseconds, a run microseconds.
    let until = at.checked_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
    let filter = RunFilter { until: Some(until), limit: 1, ..RunFilter::default() };
    let (found, _) = runs::list(&context, id, filter, 0).await?;
    match found.first() {
        Some(run) => Ok(see(format!("/monitor/{id}/run/{}", run.id))),
        None => Ok(see(format!("/monitor/{id}/history"))),
    }
}

/// The run before and the one after.
async fn neighbours(context: &Context, run: &Run) -> Result<(Option<RunId>, Option<RunId>), Failure> {
    let before = RunFilter { before: Some(run.id), limit: 1, ..RunFilter::default() };
    let (earlier, _) = runs::list(context, run.monitor_id, before, 0).await?;
    let later = runs::after(context, run).await?;
    Ok((earlier.first().map(|run| run.id), later))
}

/// The version that had its script first, if it is not the script of now.
async fn version(context: &Context, monitor: &Monitor, run: &Run) -> Result<Option<i64>, Failure> {
    let Some(script) = run.script_version.as_deref() else { return Ok(None) };
    if script == versions::script_version(&monitor.spec.script) {
        return Ok(None);
    }
    Ok(versions::of_scripts(context, monitor.id, &[script]).await?.remove(script))
}

fn facts(run: &Run, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Began", exact_time(run.started_at, zone))];
    let late = run.started_at.duration_since(run.tick_at);
    if run.kind == RunKind::Scheduled || run.kind == RunKind::CatchUp {
        let late = if late >= LATE { format!(", {} late", lasted(late.as_secs())) } else { String::new() };
        facts.push(("Tick", exact_time(run.tick_at, zone) + &late));
    }
    facts.push(("Took", took(run.duration_ms)));
    facts.push((
        "Why",
        match run.kind {
            RunKind::Scheduled => "scheduled",
            RunKind::CatchUp => "caught up: it stands for ticks that were missed, or for runs while a source was down",
            RunKind::Manual => "run by hand",
            RunKind::Imported => "imported from the original program",
        }
        .to_owned(),
    ));
    if let Some(seed) = run.seed {
        facts.push(("Seed", seed.to_string()));
    }
    facts
}
