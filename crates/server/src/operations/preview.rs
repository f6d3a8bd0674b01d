//! What an alert would say: of a run there was, in the words it has or in words that are only being written. Nothing is sent,
//! and nothing kept.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use revere_model::{FlipId, Monitor, MonitorId, Operation, ReturnValue, Run, RunId, Severity, State};
use tokio::sync::Semaphore;

use super::{Context, Failure, FieldFault, Refusal, alerts, failure::of, monitors};
use crate::{
    alerts::{Incident, MessagePreview, MonitorSummary, Notification, own_templates, template_faults},
    building::ConfiguredEntry,
    chart,
    engine::PreviewAlertError,
    store::{RecordedFlip, RunFilter, Store, StoreError},
    wording::{MOST_DRAFT_BYTES, OwnText, TemplateError, Templates, on_a_deep_stack},
};

/// Previews that are made at the same time: templates may take a while, many times over.
const AT_A_TIME: usize = 2;
static PLACES: Semaphore = Semaphore::const_new(AT_A_TIME);
/// How long one waits for its place.
const PATIENCE: Duration = Duration::from_secs(5);

/// Changes of state among which the run's own is looked for, and the beginning of its episode.
const FLIPS: u32 = 200;

/// How long a problem lasted that is only an example.
const EXAMPLE_LASTED: SignedDuration = SignedDuration::from_mins(32);

/// What is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Of this monitor.
    pub monitor: MonitorId,
    /// That it is now in this state; `None` is what the run found.
    pub state: Option<State>,
    /// How severe that is; `None` is what the run found, or what the monitor says.
    pub severity: Option<Severity>,
    /// What this run found; `None` is the newest that found such a state, or the newest.
    pub run: Option<RunId>,
}

/// Words that are only being written: `None` are those of the configuration, and an empty text is the default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draft {
    /// A template for the text.
    pub text: Option<String>,
    /// A template for one line.
    pub subject: Option<String>,
    /// A template for one text message.
    pub short: Option<String>,
}

/// What an alert would say.
#[derive(Clone)]
pub struct Preview {
    /// The type of the alert.
    pub kind: String,
    /// What is told.
    pub notification: Notification,
    /// Whether the monitor was never so, as far as its runs are kept, and what it says is made up.
    pub is_example: bool,
    /// In which words; `None` where the type takes none.
    pub templates: Option<Templates>,
    /// What is said.
    pub message: MessagePreview,
}

/// What an alert would say in the words it has.
pub async fn show(context: &Context, key: &str, told: Told) -> Result<Preview, Failure> {
    context.may(Operation::SeeAlerts)?;
    made(context, key, told, None).await
}

/// What an alert would say in words that are only being written. What is wrong with them is refused, as the configuration would
/// be.
pub async fn try_words(
    context: &Context,
    key: &str,
    told: Told,
    draft: Draft,
    faults: Vec<FieldFault>,
) -> Result<Preview, Failure> {
    context.may(Operation::ChangeAlerts)?;
    Refusal::unless_clean(faults, ())?;
    made(context, key, told, Some(draft)).await
}

async fn made(context: &Context, key: &str, told: Told, draft: Option<Draft>) -> Result<Preview, Failure> {
    // Both what there is to see of the alert, and of the monitor, are looked at by whoever may see them.
    let entry = alerts::get(context, key).await?.entry;
    let monitor = monitors::get(context, told.monitor).await?;
    let services = context.may(Operation::SeeAlerts)?;
    let entry = entry.ok_or_else(|| gone(key))?;
    if let Some(rota) = services.rotas.get(key) {
        let mut by: Vec<&str> = rota.people.iter().flat_map(|one| &one.alerts).map(String::as_str).collect();
        by.sort_unstable();
        by.dedup();
        let detail =
            format!("'{key}' is a rota, and notifies by the alerts of its people: look at those ({})", by.join(", "));
        return Err(Failure::NotPossible(detail));
    }
    let templates = words(&entry, draft.as_ref())?;
    let place = tokio::time::timeout(PATIENCE, PLACES.acquire()).await;
    let mut place = place.map_err(|_| Failure::NotNow {
        detail: format!("{AT_A_TIME} previews are being made, as many as may be at a time; try again in a moment"),
        retry_after: PATIENCE,
    })?;
    // Reading what the chart is of, and drawing it, are part of the work.
    let (notification, is_example) = notification(&services.store, &monitor, told, key, context.now())
        .await
        .map_err(of("run", told.run.map_or_else(String::new, |run| run.to_string())))?;
    // It is held until the work is done, also where nobody waits for it any more.
    if let (Some(_), Some(templates)) = (&draft, &templates) {
        let templates = templates.clone();
        let found = tokio::task::spawn_blocking(move || (on_a_deep_stack(|| template_faults(&templates)), place)).await;
        let faults;
        (faults, place) = found.map_err(|panicked| Failure::Internal(Box::new(panicked)))?;
        Refusal::unless_clean(faults.into_iter().map(fault).collect(), ())?;
    }
    let takes_words = templates.is_some();
    let in_words = templates.unwrap_or_default();
    let (notification, templates, message) =
        services.engine.preview_alert(key, notification, in_words, place).await.map_err(|error| match error {
            PreviewAlertError::Unknown(_) => {
                let detail = format!("the alert '{key}' is switched off in the configuration; switch it on there");
                Failure::NotPossible(detail)
            }
            PreviewAlertError::Unsayable(why) => Failure::NotPossible(format!("it could not be sent: {why}")),
            PreviewAlertError::Panicked(panicked) => Failure::Internal(Box::new(panicked)),
        })?;
    if draft.is_some() {
        // They do for the examples, and not for this.
        Refusal::unless_clean(message.failed.iter().cloned().map(fault).collect(), ())?;
    }
    Ok(Preview { kind: entry.kind, notification, is_example, templates: takes_words.then_some(templates), message })
}

fn gone(key: &str) -> Failure {
    Failure::NotPossible(format!("the alert '{key}' is no longer in the configuration, so nothing would be said"))
}

fn fault((one, error): (OwnText, TemplateError)) -> FieldFault {
    let mut fault = FieldFault::new(one.as_str(), format!("the template fails: {}", error.what));
    fault.line = error.line;
    fault
}

/// The words of the configuration, and over them those that are being written.
pub fn words(entry: &ConfiguredEntry, draft: Option<&Draft>) -> Result<Option<Templates>, Refusal> {
    let own = own_templates(entry);
    let Some(Draft { text, subject, short }) = draft else { return Ok(own) };
    let written = [(OwnText::Text, text), (OwnText::Subject, subject), (OwnText::Short, short)];
    let Some(mut templates) = own else {
        let given = written.into_iter().filter(|(_, given)| given.as_ref().is_some_and(|text| !text.is_empty()));
        let message = format!("the type '{}' takes no words: its class says what it says", entry.kind);
        let faults = given.map(|(one, _)| FieldFault::new(one.as_str(), message.clone())).collect();
        return Refusal::unless_clean(faults, None);
    };
    let mut faults = Vec::new();
    for (one, given) in written {
        let Some(given) = given else { continue };
        if given.len() > MOST_DRAFT_BYTES {
            let message = format!("has {} bytes; at most {MOST_DRAFT_BYTES} can be tried", given.len());
            faults.push(FieldFault::new(one.as_str(), message));
        }
        templates.set(one, Some(given.clone()).filter(|text| !text.trim().is_empty()));
    }
    Refusal::unless_clean(faults, Some(templates))
}

/// What an alert has to tell, and whether it is made up. An error that nothing is there is about the run.
pub async fn notification(
    store: &Store,
    monitor: &Monitor,
    told: Told,
    alert: &str,
    now: Timestamp,
) -> Result<(Notification, bool), StoreError> {
    let flips = store.flips(monitor.id, None, FLIPS).await?;
    let newest = async |states: Option<State>| {
        let states = states.map(|state| [state].into_iter().collect());
        let filter = RunFilter { states, limit: 1, ..RunFilter::default() };
        Ok::<_, StoreError>(store.runs(monitor.id, filter).await?.pop())
    };
    let run = match (told.run, told.state) {
        (Some(id), _) => {
            let run = store.run(id).await?;
            if run.monitor_id != monitor.id {
                return Err(StoreError::NotFound);
            }
            Some(run)
        }
        (None, Some(State::Inactive)) => None,
        (None, state) => newest(state).await?,
    };
    // A run that is made up has the value of the last one.
    let value = match &run {
        None if told.state != Some(State::Inactive) => newest(None).await?.and_then(|run| run.return_value),
        _ => None,
    };
    let (notification, is_example) = compose(monitor, told, alert, now, &flips, run, value);
    // As it would have been sent then.
    let then = notification.tick_at.or(notification.started_at).unwrap_or(now).min(now);
    let chart = chart::of_message(store, &notification, then).await;
    Ok((chart.into_iter().fold(notification, Notification::with_chart), is_example))
}

fn compose(
    monitor: &Monitor,
    told: Told,
    alert: &str,
    now: Timestamp,
    flips: &[RecordedFlip],
    run: Option<Run>,
    value: Option<ReturnValue>,
) -> (Notification, bool) {
    let new_state = told.state.or(run.as_ref().map(|run| run.outcome)).unwrap_or(State::Alarm);
    let at = |flip: &RecordedFlip| match &run {
        Some(run) => flip.run_id == Some(run.id),
        None => flip.new_state == new_state,
    };
    let place = flips.iter().position(at).filter(|place| flips[*place].new_state == new_state);
    let flip = place.map(|place| &flips[place]);
    let is_example = match &run {
        Some(run) => run.outcome != new_state,
        None => flip.is_none(),
    };
    // The problem that came before it, if there was one: the last change to one, and where that began. What happened since a run
    // has nothing to do with it.
    let since = |run: &Run| {
        let after = |flip: &&RecordedFlip| flip.at > run.started_at && flip.run_id != Some(run.id);
        flips.iter().take_while(after).count()
    };
    let first = place.map_or_else(|| run.as_ref().map_or(0, since), |place| place + 1);
    let earlier = &flips[first..];
    let problem = earlier.iter().position(|flip| flip.new_state.is_problem());
    let began = problem.map(|last| {
        let episode = earlier[last..].iter().take_while(|flip| flip.new_state.is_problem());
        episode.last().unwrap_or(&earlier[last])
    });
    let moment = run.as_ref().map(|run| run.tick_at).or(flip.map(|flip| flip.at)).unwrap_or(now);
    let is_end = matches!(new_state, State::Ok | State::Inactive);
    let before = flip.map(|flip| (flip.old_state, flip.old_severity)).filter(|(old, _)| old.is_problem() || !is_end);
    let (old_state, old_severity) = match (before, problem.map(|last| &earlier[last])) {
        (Some(before), _) => before,
        (None, Some(problem)) if is_end => (problem.new_state, problem.severity),
        (None, _) if new_state == State::Ok => (State::Alarm, Some(monitor.spec.default_severity)),
        (None, _) => (State::Ok, None),
    };
    // It is over already, and another run says what its end said.
    let over = earlier.first().filter(|last| place.is_none() && !last.new_state.is_problem()).map(|last| last.at);
    let opened_at = match began {
        Some(began) if is_end => {
            let lasted = over.unwrap_or(moment).duration_since(began.at);
            moment.checked_sub(lasted).unwrap_or(began.at)
        }
        _ if is_end => moment.checked_sub(EXAMPLE_LASTED).unwrap_or(moment),
        Some(began) if old_state.is_problem() => began.at,
        _ => moment,
    };
    let of_run = run.as_ref().and_then(|run| run.severity);
    let severity = told.severity.or(of_run).unwrap_or(monitor.spec.default_severity);
    let (message, return_value) = match (&run, flip) {
        (Some(run), _) => (run.message.clone(), run.return_value.clone()),
        (None, Some(flip)) => (flip.message.clone(), flip.return_value.clone()),
        (None, None) => (made_up(new_state).to_owned(), value),
    };
    let spec = &monitor.spec;
    let summary = MonitorSummary {
        tags: spec.tags.clone(),
        description: spec.description.clone(),
        timezone: spec.timezone.clone(),
        unit: spec.unit.clone(),
        decimals: spec.decimals,
        ..MonitorSummary::named(monitor.id, spec.name.clone())
    };
    let notification = Notification {
        old_state,
        old_severity,
        new_state,
        severity: new_state.is_problem().then_some(severity),
        message,
        return_value,
        tick_at: run.as_ref().map(|run| run.tick_at).or((new_state != State::Inactive).then_some(moment)),
        started_at: run.as_ref().map(|run| run.started_at),
        run_id: run.as_ref().map(|run| run.id),
        incident: Some(Incident {
            id: began.map_or(FlipId(0), |flip| flip.id),
            opened_at,
            key: format!("preview-{}", monitor.id),
        }),
        ..Notification::about(summary, format!("preview-{}-{alert}", monitor.id))
    };
    (notification, is_example)
}

/// What is said of a run there never was.
fn made_up(state: State) -> &'static str {
    match state {
        State::Ok => "Monitor Passed",
        State::Alarm => "An example: what the script raises stands here.",
        State::Error => "ExampleError: what went wrong stands here.",
        State::Inactive => "Switched off",
    }
}
