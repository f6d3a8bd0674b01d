//! `/monitor/{id}`: one monitor, how it stands, what it did, and who was told. What can be done with it is in [`super::monitor_actions`].

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, Zoned};
use revere_model::{
    Monitor, MonitorId, MonitorSpec, NumberFormat, Operation, Pending, RunId, Severity, State, Subject,
};

use super::{
    acknowledge::AcknowledgedView,
    chart::{self, Range},
    chart_svg::{self, ChartSvg},
    display::{Badge, Mark, Severe, Shown, Span, Status, When, class, seen},
    foreign_text::{Folded, Linked},
    highlight::Listing,
    layout::{Layout, Place},
    monitor_form::{self, with_default},
    mutes::{self, MuteRow},
    not_told::NotToldRow,
    page_request::PageRequest,
    page_zone::ChosenZone,
    runs::{self, RunDisplay, RunView},
    see,
};
use crate::{
    operations::{
        self, Context, Failure, acknowledgements, alerts, decisions, deliveries, monitors, schedule, sources,
    },
    store::{AlertRow, DeliveryFilter, NotToldFilter, RecordedFlip},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// What a run that passed says; no news beside its state.
const PASSED: &str = "Monitor Passed";
/// Changes of state that the page tells.
const STORY: u32 = 10;
/// Runs that the page lists.
const RUNS: u32 = 10;
/// Runs among which a value is looked for before there is no chart at all.
const LOOKED_AT: u32 = 1000;
/// Deliveries that the page lists, and so many decisions not to tell.
const DELIVERIES: u32 = 5;

#[derive(Template)]
#[template(path = "pages/monitor.html")]
struct MonitorPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    tags: Vec<String>,
    active: bool,
    fault: Option<String>,
    stand: StatusPanel,
    range: &'static str,
    ranges: Vec<RangeOption>,
    /// What was zoomed into, in seconds since 1970.
    zoomed: Option<(i64, i64)>,
    /// Whether the values of the week before are drawn, too.
    last_week: bool,
    chart_words: String,
    /// Whether it never left a value, as far as one looks: then there is no chart.
    valueless: bool,
    /// Whether there is no value to draw: then its states are all.
    flat: bool,
    chart: ChartSvg,
    story: Vec<FlipRow>,
    runs: Vec<RunView>,
    filtered: bool,
    script: Listing,
    when: Schedule,
    /// What the plain fields are set to, with what each is called.
    facts: Vec<(&'static str, String)>,
    version: i64,
    updated: When,
    told: Vec<ToldAlert>,
    deliveries: Vec<Sent>,
    not_told: Vec<NotToldRow>,
    /// What holds back what would be told of it.
    mutes: Vec<MuteRow>,
    /// Until when at least nothing more is told of it, since it changes again and again.
    flapping: Option<When>,
    /// Who looks after its problem.
    acknowledged: Option<AcknowledgedView>,
    /// Whether there is a problem that whoever looks at it may acknowledge.
    acknowledgeable: bool,
}

/// How a monitor stands; sent again when it changes.
#[derive(Clone, Debug)]
pub(super) struct StatusPanel {
    badge: Badge,
    severity: Severe,
    since: Span,
    never: bool,
    paused: bool,
    problem: bool,
    value: Option<Shown>,
    last: Option<When>,
    next: Option<When>,
    /// What is there already of a change that has not come yet.
    pending: Option<Pending>,
    /// The source that it waits for, and since when that is down.
    waits: Option<(String, When)>,
    value_text: Option<Folded>,
    message: Option<Folded>,
    description: Option<Linked>,
}

#[derive(Template)]
#[template(path = "pages/monitor_status.html")]
pub(super) struct StatusPart {
    pub(super) stand: StatusPanel,
}

/// When it runs; sent again as its ticks come.
pub(super) struct Schedule {
    words: String,
    schedule: String,
    timezone: String,
    active: bool,
    ticks: Vec<String>,
    missed: i64,
    overlapped: i64,
}

#[derive(Template)]
#[template(path = "pages/monitor_when.html")]
pub(super) struct WhenPart {
    pub(super) when: Schedule,
}

#[derive(Template)]
#[template(path = "pages/runs.html")]
pub(super) struct RunsPart {
    pub(super) runs: Vec<RunView>,
    pub(super) filtered: bool,
}

#[derive(Template)]
#[template(path = "pages/monitor_story.html")]
pub(super) struct StoryPart {
    pub(super) id: MonitorId,
    pub(super) story: Vec<FlipRow>,
}

#[derive(Template)]
#[template(path = "pages/monitor_deliveries.html")]
pub(super) struct DeliveryLogPart {
    pub(super) id: MonitorId,
    pub(super) deliveries: Vec<Sent>,
    pub(super) not_told: Vec<NotToldRow>,
}

/// Who looks after its problem; sent again when that or the state changes, but for the form to say so.
#[derive(Template)]
#[template(path = "pages/monitor_acknowledged_part.html")]
pub(super) struct AcknowledgedPart {
    pub(super) acknowledged: Option<AcknowledgedView>,
    /// The monitor, where somebody looked after its problem a moment ago and does no more.
    pub(super) taken_back: Option<MonitorId>,
}

struct RangeOption {
    key: &'static str,
    words: &'static str,
    current: bool,
}

/// One change of state.
pub(super) struct FlipRow {
    class: &'static str,
    mark: Mark,
    state: State,
    severity: Severe,
    /// Whether it was this already, and became worse.
    worse: bool,
    at: When,
    lasted: Option<Span>,
    value: Option<Shown>,
    message: Folded,
    /// The run that made it, where it is kept.
    run: Option<RunId>,
    /// Whether the message says nothing that the state does not.
    plain: bool,
}

/// An alert, as it concerns this monitor.
struct ToldAlert {
    key: String,
    words: String,
}

/// One of the last deliveries.
pub(super) struct Sent {
    alert: String,
    old: Badge,
    new: Badge,
    status: Status,
    at: When,
}

/// What an end of a stretch of time is given in.
const SECONDS: &str = "seconds since 1970";

/// The page.
pub(super) async fn show(
    request: PageRequest,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Response, Problem> {
    let range = params.parsed::<Range>("range", "1h, 24h, 7d, 30d or all");
    let ends = (params.parsed::<f64>("from", SECONDS), params.parsed::<f64>("to", SECONDS));
    let last_week = params.flag(chart::LAST_WEEK).unwrap_or(false);
    let (range, (from, to)) = params.finish((range, ends))?;
    let zoomed = chart::zoomed(from, to)?;
    let now = request.now();
    let monitor = match monitors::get(&request.context, id).await {
        // The log leads here from what was told of a source.
        Err(Failure::NotFound { .. }) if matches!(sources::told_under(&request.context, id).await, Ok(Some(_))) => {
            return Ok(see("/sources"));
        }
        found => found?,
    };
    // Who asks for a time is shown it, whatever is in it.
    let asked = range.is_some() || zoomed.is_some();
    let range = match range {
        Some(range) => range,
        None => Range::of_what_is_kept(&request.context, id, now).await?,
    };
    let runs = last_runs(&request.context, &monitor, &request.zone).await?;
    let (begin, end) = match zoomed {
        Some(ends) => ends,
        None => (range.begin(&request.context, id, now).await?, now),
    };
    let zone = last_week.then(|| request.zone.zone(&monitor.spec.timezone));
    let series = chart::drawn(&request.context, id, (begin, end), chart_svg::POINTS, zone).await?;
    let over = if zoomed.is_some() { "the time zoomed into" } else { range.in_words() };
    let spec = &monitor.spec;
    let page = MonitorPage {
        layout: request.layout(spec.name.clone(), Place::Monitors).await?.of_monitor_in(&spec.timezone),
        id,
        name: seen(&spec.name),
        tags: spec.tags.clone(),
        active: spec.active,
        fault: monitor.fault.clone().filter(|_| spec.active),
        stand: StatusPanel::of(&monitor, now),
        range: range.key(),
        ranges: Range::ALL
            .into_iter()
            .map(|one| RangeOption { key: one.key(), words: one.words(), current: one == range && zoomed.is_none() })
            .collect(),
        zoomed: zoomed.map(|(from, to)| (from.as_second(), to.as_second())),
        last_week,
        chart_words: format!("Chart of the value over {over}: {}", chart::in_words(&series)),
        valueless: !asked && series.has_no_values() && left_no_value(&request.context, id).await?,
        flat: series.has_no_values(),
        chart: ChartSvg(series),
        story: last_story(&request.context, &monitor).await?,
        runs,
        filtered: false,
        script: Listing { script: spec.script.clone(), marked: None },
        when: Schedule::of(&monitor, &request.zone, now),
        facts: monitor_form::facts(spec)
            .into_iter()
            .map(|(label, words)| (label, with_default(&words, &request.context.defaults().run_limit)))
            .collect(),
        version: monitor.version,
        updated: When { at: monitor.updated_at, now },
        told: told(&request.context, spec).await?,
        deliveries: last_told(&request.context, id).await?,
        not_told: last_not_told(&request.context, id).await?,
        mutes: mutes::of_monitor(&request.context, id, &spec.tags).await?,
        flapping: operations::runs::flapping(&request.context, &[id]).await?.remove(&id).map(|at| When { at, now }),
        acknowledged: acknowledged(&request.context, &monitor).await?,
        acknowledgeable: monitor.state.is_problem()
            && request.context.might_with(Operation::Acknowledge, &spec.tags).is_ok(),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// Whether there were runs and none of the last left a value.
async fn left_no_value(context: &Context, id: MonitorId) -> Result<bool, Failure> {
    let points = operations::overview::trend(context, id, LOOKED_AT).await?;
    Ok(!points.is_empty() && points.iter().all(|point| point.value.is_none()))
}

/// The last runs, as the page lists them.
pub(super) async fn last_runs(
    context: &Context,
    monitor: &Monitor,
    zone: &ChosenZone,
) -> Result<Vec<RunView>, Failure> {
    let found = operations::runs::newest(context, monitor.id, RUNS).await?;
    let (zone, numbers) = (zone.zone(&monitor.spec.timezone), monitor.spec.number_format());
    Ok(runs::rows(found, RunDisplay { now: context.now(), zone: &zone, numbers: &numbers }))
}

/// The last changes of state, as the page tells them.
pub(super) async fn last_story(context: &Context, monitor: &Monitor) -> Result<Vec<FlipRow>, Failure> {
    let flips = operations::runs::flips(context, monitor.id, None, STORY).await?;
    Ok(story(flips, &monitor.spec.number_format(), context.now()))
}

/// Who looks after the present problem.
pub(super) async fn acknowledged(context: &Context, monitor: &Monitor) -> Result<Option<AcknowledgedView>, Failure> {
    let made = acknowledgements::of_these(context, &[monitor.id]).await?.remove(&monitor.id);
    let may = context.might_with(Operation::Acknowledge, &monitor.spec.tags).is_ok();
    let taken_back_at = may.then_some(monitor.id);
    Ok(made.map(|made| AcknowledgedView { taken_back_at, ..AcknowledgedView::of(made, context.now()) }))
}

/// The alerts that are for this monitor, and those that it chose and nobody has.
async fn told(context: &Context, spec: &MonitorSpec) -> Result<Vec<ToldAlert>, Problem> {
    let rows = alerts::settings(context).await?;
    let subject = Subject { tags: &spec.tags, alerts: spec.alerts.as_deref(), state: State::Inactive, severity: None };
    let here = rows.iter().filter(|row| row.in_config && row.rules().elsewhere(&subject).is_none());
    let mut told: Vec<ToldAlert> = here.map(|row| ToldAlert { key: row.key.clone(), words: tells(row) }).collect();
    let gone = |key: &&String| !rows.iter().any(|row| row.in_config && row.key == **key);
    let gone = spec.alerts.iter().flatten().filter(gone);
    told.extend(gone.map(|key| ToldAlert { key: key.clone(), words: "not in the configuration".to_owned() }));
    Ok(told)
}

fn tells(row: &AlertRow) -> String {
    let states: Vec<&str> = row.states.iter().map(State::as_str).collect();
    let severities: Vec<&str> = row.severities.iter().map(Severity::as_str).collect();
    match (row.is_on(), states.is_empty(), severities.as_slice()) {
        (false, ..) => "switched off".to_owned(),
        (true, true, _) => "of nothing".to_owned(),
        (true, false, [only]) => format!("{}; {only} problems only", states.join(", ")),
        (true, false, []) => format!("{}; no problems", states.join(", ")),
        (true, false, _) => states.join(", "),
    }
}

/// The last that was told, as the page lists it.
pub(super) async fn last_told(context: &Context, id: MonitorId) -> Result<Vec<Sent>, Failure> {
    let now = context.now();
    let filter = DeliveryFilter { monitor: Some(id), limit: DELIVERIES, ..DeliveryFilter::default() };
    let deliveries = deliveries::list(context, &filter).await?;
    Ok(deliveries
        .into_iter()
        .map(|delivery| Sent {
            alert: delivery.alert_key,
            old: Badge::State(delivery.notification.old_state),
            new: Badge::State(delivery.notification.new_state),
            status: Status(delivery.status),
            at: When { at: delivery.settled_at.unwrap_or(delivery.created_at), now },
        })
        .collect())
}

/// The last that was not told, as the page lists it.
pub(super) async fn last_not_told(context: &Context, id: MonitorId) -> Result<Vec<NotToldRow>, Failure> {
    let now = context.now();
    let filter = NotToldFilter { monitor: Some(id), limit: DELIVERIES, ..NotToldFilter::default() };
    let found = decisions::not_told(context, &filter).await?;
    let found = decisions::unheard(context, found).await?;
    Ok(found.into_iter().map(|one| NotToldRow::of(one, now)).collect())
}

/// Newest first; each lasted until the one above it.
fn story(flips: Vec<RecordedFlip>, numbers: &NumberFormat, now: Timestamp) -> Vec<FlipRow> {
    let mut until = None;
    let mut turns = Vec::with_capacity(flips.len());
    for flip in flips {
        turns.push(FlipRow {
            class: class(flip.new_state),
            mark: Mark(flip.new_state),
            state: flip.new_state,
            severity: Severe(flip.severity),
            worse: flip.old_state == flip.new_state && flip.severity > flip.old_severity,
            at: When { at: flip.at, now },
            lasted: until.map(|until| Span::Between(flip.at, until)),
            value: flip.return_value.map(|value| Shown::of(value, numbers)),
            plain: flip.message == PASSED,
            message: Folded(flip.message),
            run: flip.run_id,
        });
        until = Some(flip.at);
    }
    turns
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

impl StatusPanel {
    pub(super) fn of(monitor: &Monitor, now: Timestamp) -> StatusPanel {
        let numbers = monitor.spec.number_format();
        let value = monitor.last_value.clone().map(|value| Shown::wide(value, &numbers));
        let panel = StatusPanel::new(
            (monitor.state, monitor.severity),
            monitor.state_since,
            monitor.spec.active,
            (monitor.last_run_at, monitor.last_message.clone(), value),
            monitor.next_run_at,
            monitor.spec.description.clone(),
            now,
        );
        let waits = monitor.waits_for.clone().filter(|waits| !waits.over);
        let waits = waits.map(|waits| (waits.source, When { at: waits.since, now }));
        StatusPanel { pending: monitor.pending, waits, ..panel }
    }

    fn new(
        (state, severity): (State, Option<Severity>),
        since: Timestamp,
        active: bool,
        last: (Option<Timestamp>, Option<String>, Option<Shown>),
        next: Option<Timestamp>,
        description: String,
        now: Timestamp,
    ) -> StatusPanel {
        let (last_at, message, value) = last;
        StatusPanel {
            badge: Badge::of(state, active),
            severity: Severe(severity),
            since: Span::Since(since, now),
            never: last_at.is_none(),
            paused: !active,
            problem: state.is_problem(),
            value_text: value.as_ref().and_then(Shown::long_text).map(|text| Folded(text.to_owned())),
            value: value.filter(|value| value.long_text().is_none()),
            last: last_at.map(|at| When { at, now }),
            next: next.map(|at| When { at, now }),
            pending: None,
            waits: None,
            // Nothing is said of a state that is well but since when.
            message: message.filter(|message| !(state == State::Ok && message == PASSED)).map(Folded),
            description: Some(description).filter(|text| !text.is_empty()).map(Linked),
        }
    }
}

impl Schedule {
    /// As it stands.
    pub(super) fn of(monitor: &Monitor, chosen: &ChosenZone, now: Timestamp) -> Schedule {
        let spec = &monitor.spec;
        let preview = schedule::preview(&spec.schedule, &spec.timezone, now).ok();
        let zone = chosen.zone(&spec.timezone);
        let ticks = preview.iter().flat_map(|preview| &preview.ticks);
        let ticks: Vec<Zoned> = ticks.map(|tick| tick.with_time_zone(zone.clone())).collect();
        Schedule {
            words: preview.as_ref().map_or_else(|| "cannot be read".to_owned(), |preview| sentence(&preview.words)),
            schedule: spec.schedule.clone(),
            timezone: spec.timezone.clone(),
            active: spec.active,
            ticks: monitor_form::in_words(&ticks),
            missed: monitor.missed_ticks,
            overlapped: monitor.overlapped_ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use revere_model::{FlipId, ReturnValue};

    use super::*;
    use crate::store::DeliveryStatus;

    #[test]
    fn a_story_says_how_long_each_state_lasted() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let flip = |id, minutes: i64, new_state| RecordedFlip {
            id: FlipId(id),
            monitor_id: MonitorId(1),
            at: Timestamp::from_second(now.as_second() - minutes * 60).unwrap(),
            old_state: State::Inactive,
            old_severity: None,
            new_state,
            severity: None,
            message: "<m>".into(),
            return_value: Some(ReturnValue::Float(0.5)),
            run_id: None,
        };
        let turns = story(vec![flip(2, 10, State::Alarm), flip(1, 25, State::Ok)], &NumberFormat::default(), now);
        assert_eq!(turns[0].lasted, None);
        assert_eq!(turns[1].lasted.unwrap().to_string(), "15 min");
        let page = MonitorPage {
            layout: Layout::new("m", Place::Monitors, 1, "t"),
            id: MonitorId(1),
            name: "<name>".into(),
            tags: vec!["<tag>&".into()],
            active: true,
            fault: Some("<fault>".into()),
            stand: StatusPanel::new(
                (State::Alarm, Some(Severity::Warning)),
                now,
                true,
                (Some(now), Some("<said>".into()), None),
                None,
                "<d>".into(),
                now,
            ),
            range: "24h",
            ranges: vec![RangeOption { key: "24h", words: "24 h", current: true }],
            zoomed: None,
            last_week: true,
            chart_words: "x".into(),
            valueless: false,
            flat: true,
            chart: ChartSvg(crate::operations::series::Series::default()),
            story: turns,
            runs: vec![],
            filtered: false,
            script: Listing { script: "a < b".into(), marked: None },
            when: Schedule {
                words: "Every minute".into(),
                schedule: "* * * * *".into(),
                timezone: "UTC".into(),
                active: true,
                ticks: vec!["x".into()],
                missed: 2,
                overlapped: 1,
            },
            facts: vec![("Time limit", "2.5 seconds".into())],
            version: 1,
            updated: When { at: now, now },
            told: vec![ToldAlert { key: "<k>/?".into(), words: "OK".into() }],
            deliveries: vec![Sent {
                alert: "<k>".into(),
                old: Badge::State(State::Ok),
                new: Badge::State(State::Alarm),
                status: Status(DeliveryStatus::Sent),
                at: When { at: now, now },
            }],
            not_told: vec![super::super::not_told::tests::hostile_row()],
            mutes: Vec::new(),
            flapping: None,
            acknowledged: None,
            acknowledgeable: true,
        };
        let html = page.render().unwrap();
        for raw in ["<name>", "<tag>", "<fault>", "<said>", "<d>", "a < b", "<k>", "<m>"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
        assert!(html.contains("/alert/%3Ck%3E%2F%3F/edit"), "{html}");
    }
}
