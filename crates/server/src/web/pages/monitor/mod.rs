//! `/monitor/{id}`: one monitor, how it stands, what it did, and who was told. What can be done with it is in
//! [`super::monitor_actions`].

mod notifications;
mod recent_changes;
mod schedule_part;
mod status_panel;

use askama::Template;
use axum::{http::StatusCode, response::Response};
pub(super) use notifications::{AcknowledgedPart, DeliveryLogPart, acknowledged, last_not_told, last_told};
use notifications::{Sent, ToldAlert};
use recent_changes::FlipRow;
pub(super) use recent_changes::{StoryPart, last_story};
use revere_model::{Monitor, MonitorId, Operation, State};
pub(super) use schedule_part::{Schedule, WhenPart};
pub(super) use status_panel::{StatusPanel, StatusPart};

use super::{
    acknowledge::AcknowledgedView,
    chart::{self, Range},
    chart_svg::{self, ChartSvg},
    display::{Mark, When, seen},
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
    operations::{self, Context, Failure, monitors, sources},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// What a run that passed says; no news beside its state.
const PASSED: &str = "Monitor Passed";
/// Runs that the page lists.
const RUNS: u32 = 10;
/// Runs among which a value is looked for before there is no chart at all.
const LOOKED_AT: u32 = 1000;

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
    /// What an open page is told of it.
    edited: Option<&'static str>,
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

/// Says that the monitor is no longer what the page was made of: in one sentence, or nothing.
#[derive(Template)]
#[template(path = "pages/monitor_edited.html")]
pub(super) struct EditedPart {
    pub(super) id: MonitorId,
    /// The page's.
    pub(super) version: i64,
    pub(super) edited: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "pages/runs.html")]
pub(super) struct RunsPart {
    pub(super) runs: Vec<RunView>,
    pub(super) filtered: bool,
}

struct RangeOption {
    key: &'static str,
    words: &'static str,
    current: bool,
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
        edited: None,
        updated: When { at: monitor.updated_at, now },
        told: notifications::told(&request.context, spec).await?,
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use revere_model::{FlipId, NumberFormat, ReturnValue, Severity, State};

    use super::{
        super::display::{Badge, Status},
        *,
    };
    use crate::store::{DeliveryStatus, RecordedFlip};

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
        let turns = recent_changes::story(
            vec![flip(2, 10, State::Alarm), flip(1, 25, State::Ok)],
            &NumberFormat::default(),
            now,
        );
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
            edited: None,
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
