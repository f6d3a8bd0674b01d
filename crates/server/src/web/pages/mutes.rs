//! `/mutes`: what is held back for a time, by whom and until when; and muting one monitor from its own page.

use std::collections::HashMap;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use revere_model::{
    MonitorId, MuteDraft, MuteId, MuteScope, Recurrence, Severity, calendar, lasted, read_duration, zone, zone_names,
};

use super::{
    display::{Badge, When},
    form::{Form, FormTexts},
    layout::{Layout, Place, sentence},
    log_in::Said,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Context, Failure, FieldFault, alerts, monitors,
        mutes::{self, MuteInput},
        overview,
    },
    store::{Author, HeldBack, MuteFilter, MuteRecord},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Mutes that are over on one page.
const PAGE: u32 = 50;
/// Changes of state on the page of one.
const HELD: u32 = 100;
/// Monitors that a row names.
const NAMED: usize = 4;
/// Tags offered.
const TAGS: u32 = 500;

#[derive(Template)]
#[template(path = "pages/mutes.html")]
struct MutesPage {
    layout: Layout,
    over: bool,
    rows: Vec<MuteRow>,
    next: Option<MuteId>,
    form: MuteForm,
    tags: Vec<String>,
    alerts: Vec<String>,
    zones: Vec<String>,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "pages/mute.html")]
struct MutePage {
    layout: Layout,
    row: MuteRow,
    held: Vec<HeldRow>,
    next: Option<i64>,
}

/// A mute as a row shows it.
pub(super) struct MuteRow {
    pub(super) id: MuteId,
    pub(super) monitors: Vec<(MonitorId, String)>,
    /// Monitors beyond those that are named.
    pub(super) more: usize,
    pub(super) tag: Option<String>,
    pub(super) alert: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) everything: bool,
    /// In force until then.
    pub(super) until: Option<When>,
    /// Not in force, and begins then.
    pub(super) begins: Option<When>,
    pub(super) ended: Option<(When, String)>,
    pub(super) ends: Option<When>,
    /// When it recurs, in words.
    pub(super) recurs: Option<String>,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) made: When,
    pub(super) held: u64,
    pub(super) last_held: Option<When>,
    pub(super) unused: Option<When>,
    pub(super) may_end: bool,
}

struct HeldRow {
    at: When,
    monitor: MonitorId,
    name: String,
    old: Badge,
    new: Badge,
    message: String,
    alerts: String,
}

/// What was typed.
#[derive(Default)]
struct MuteForm {
    monitors: Vec<(MonitorId, String)>,
    tag: String,
    alert: String,
    severity: String,
    /// Whether it is meant to mute everything.
    everything: bool,
    lasts: String,
    until: String,
    schedule: String,
    timezone: String,
    reason: String,
}

impl MutesPage {
    fn fault(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.root() == field).map(|fault| fault.message.as_str())
    }
}

/// The page; with `monitor` a mute of those monitors is begun.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let over = params.flag("over").unwrap_or(false);
    let before = params.cursor("before");
    let chosen = params.several::<MonitorId>("monitor").unwrap_or_default();
    let (before, chosen) = params.finish((before, chosen))?;
    let form = MuteForm {
        monitors: named(&request.context, &chosen).await?,
        timezone: request.context.defaults().timezone.clone(),
        ..MuteForm::default()
    };
    let page = page(&request, over, before, form).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// The page, sent: adds a mute.
pub(super) async fn add(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let mut typed = read(&form);
    let input = input(&typed);
    match mutes::add(&request.context, input).await {
        Ok(_) => Ok(see("/mutes")),
        Err(failure @ (Failure::Refused(_) | Failure::NotPossible(_) | Failure::Denied(_))) => {
            let ids: Vec<MonitorId> = typed.monitors.iter().map(|(id, _)| *id).collect();
            typed.monitors = named(&request.context, &ids).await?;
            let mut page = page(&request, false, None, typed).await?;
            let status = match failure {
                Failure::Refused(refusal) => {
                    page.faults = refusal.faults;
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                other => {
                    let status = match other {
                        Failure::Denied(_) => StatusCode::FORBIDDEN,
                        _ => StatusCode::CONFLICT,
                    };
                    page.said = Some(Said { class: "bad", words: sentence(&other.to_string()) });
                    status
                }
            };
            request.answer(status, &page.layout, &page)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `/mutes/{id}`: one, with what it held back.
pub(super) async fn one(request: PageRequest, Key(id): Key<MuteId>, mut params: Params) -> Result<Response, Problem> {
    let before = params.cursor("before");
    let before = params.finish(before)?;
    let (context, now) = (&request.context, request.now());
    let record = mutes::get(context, id).await?;
    let mut held = mutes::held_back(context, id, before, HELD + 1).await?;
    let more = held.len() > HELD as usize;
    held.truncate(HELD as usize);
    let page = MutePage {
        layout: request.layout("Mute", Place::Alerts).await?,
        row: rows(context, vec![record], now).await?.remove(0),
        next: held.last().filter(|_| more).map(|last| last.flip.id.0),
        held: held.into_iter().map(|held| HeldRow::of(held, now)).collect(),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/mutes/{id}/end`
pub(super) async fn end(context: Context, Key(id): Key<MuteId>, form: Form) -> Result<Response, Problem> {
    mutes::end(&context, id).await?;
    Ok(see(back(&form, "/mutes")))
}

/// `/monitor/{id}/mute`: this monitor, from now on, for as long as the button says.
pub(super) async fn mute_monitor(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    monitors::get(&context, id).await?;
    mutes::add(&context, of_monitors(vec![id], &form)).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// A mute of these monitors, from now on, for as long as a button says.
pub(super) fn of_monitors(monitors: Vec<MonitorId>, form: &FormTexts) -> MuteInput {
    let mut faults = Vec::new();
    let duration_s = match read_duration(form.text("for")) {
        Ok(duration) => Some(duration.as_secs()),
        Err(message) => {
            faults.push(FieldFault::new("duration_s", message));
            None
        }
    };
    let draft = MuteDraft { monitors, duration_s, reason: form.text("reason").to_owned(), ..MuteDraft::default() };
    MuteInput { draft, faults }
}

/// The mutes that bear on one monitor now, whatever the alert.
pub(super) async fn of_monitor(context: &Context, id: MonitorId, tags: &[String]) -> Result<Vec<MuteRow>, Failure> {
    let records = mutes::of_monitor(context, id, tags).await?;
    rows(context, records, context.now()).await
}

async fn page(request: &PageRequest, over: bool, before: Option<MuteId>, form: MuteForm) -> Result<MutesPage, Problem> {
    let (context, now) = (&request.context, request.now());
    let mut records = match over {
        true => mutes::list(context, &MuteFilter { over: Some(true), before, limit: PAGE + 1 }).await?,
        false => mutes::not_over(context).await?,
    };
    let more = over && records.len() > PAGE as usize;
    if over {
        records.truncate(PAGE as usize);
    }
    let next = records.last().filter(|_| more).map(|last| last.mute.id);
    Ok(MutesPage {
        layout: request.layout("Mutes", Place::Alerts).await?,
        over,
        rows: rows(context, records, now).await?,
        next,
        form,
        tags: overview::tags(context, TAGS).await?.into_iter().map(|(tag, _)| tag).collect(),
        alerts: alerts::settings(context).await?.into_iter().filter(|row| row.in_config).map(|row| row.key).collect(),
        zones: zone_names(),
        said: None,
        faults: Vec::new(),
    })
}

fn read(form: &FormTexts) -> MuteForm {
    let text = |name: &str| form.text(name).trim().to_owned();
    MuteForm {
        monitors: form.all("monitor").filter_map(|id| Some((id.parse().ok()?, String::new()))).collect(),
        tag: text("tag"),
        alert: form.text("alert").to_owned(),
        severity: text("severity"),
        everything: form.has("everything"),
        lasts: text("for"),
        until: text("until"),
        schedule: text("schedule"),
        timezone: text("timezone"),
        reason: text("reason"),
    }
}

fn input(typed: &MuteForm) -> MuteInput {
    let mut faults = Vec::new();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    // A form that is sent as it came would silence all there is.
    let chosen = [&typed.tag, &typed.alert, &typed.severity].iter().any(|text| !text.is_empty());
    if typed.monitors.is_empty() && !chosen && !typed.everything {
        let message = "nothing is chosen above, so this would mute everything; tick it if that is meant";
        faults.push(FieldFault::new("everything", message));
    }
    if typed.everything && (chosen || !typed.monitors.is_empty()) {
        let message = "this is ticked, and something is chosen above: untick it, or choose nothing";
        faults.push(FieldFault::new("everything", message));
    }
    // Whether or not anything is reckoned by it: who typed it means something.
    let in_zone = match zone(if typed.timezone.is_empty() { "UTC" } else { &typed.timezone }) {
        Ok(zone) => Some(zone),
        Err(fault) => {
            faults.push(FieldFault::new("timezone", fault.to_string()));
            None
        }
    };
    let duration_s = given(&typed.lasts).and_then(|text| match read_duration(&text) {
        Ok(duration) => Some(duration.as_secs()),
        Err(message) => {
            faults.push(FieldFault::new("duration_s", message));
            None
        }
    });
    let ends_at = given(&typed.until).and_then(|text| match moment(&text, &in_zone.unwrap_or(TimeZone::UTC)) {
        Ok(at) => Some(at),
        Err(message) => {
            faults.push(FieldFault::new("ends_at", message));
            None
        }
    });
    let severity = given(&typed.severity).and_then(|text| {
        text.parse::<Severity>().map_err(|error| faults.push(FieldFault::new("severity", error.to_string()))).ok()
    });
    let schedule = given(&typed.schedule);
    let draft = MuteDraft {
        monitors: typed.monitors.iter().map(|(id, _)| *id).collect(),
        tag: given(&typed.tag),
        alert: given(&typed.alert),
        severity,
        starts_at: None,
        ends_at,
        duration_s,
        timezone: given(&typed.timezone).filter(|_| schedule.is_some()),
        schedule,
        reason: typed.reason.clone(),
    };
    MuteInput { draft, faults }
}

/// What a browser's field for date and time holds, as a clock in that zone shows it.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let at = text.parse::<DateTime>().map(|at| calendar::instant(at, zone));
    at.map_err(|_| "expected a date and a time such as 2026-07-01 18:00".to_owned())
}

/// Where a form leads back to: an address of ours that it names.
fn back<'a>(form: &'a Form, usual: &'a str) -> &'a str {
    if form.has("back") { super::own_address(form.text("back")) } else { usual }
}

async fn named(context: &Context, ids: &[MonitorId]) -> Result<Vec<(MonitorId, String)>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(overview::rows(context, ids).await?.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The rows of these, in their order. However many they are, the monitors that they name are asked for at once.
async fn rows(context: &Context, records: Vec<MuteRecord>, now: Timestamp) -> Result<Vec<MuteRow>, Failure> {
    let first = |record: &MuteRecord| {
        let mut first = record.mute.scope.monitors.clone();
        first.truncate(NAMED);
        first
    };
    let mut ids: Vec<MonitorId> = records.iter().flat_map(first).collect();
    ids.sort_unstable();
    ids.dedup();
    let names: HashMap<MonitorId, String> = named(context, &ids).await?.into_iter().collect();
    let scopes: Vec<&MuteScope> = records.iter().map(|record| &record.mute.scope).collect();
    let may_end = mutes::might_end(context, &scopes).await?;
    let row = |(record, may_end): (MuteRecord, bool)| {
        let monitors = first(&record).into_iter().filter_map(|id| Some((id, names.get(&id)?.clone()))).collect();
        let may_end = may_end && !record.is_over(now);
        MuteRow::of(record, monitors, may_end, now)
    };
    Ok(records.into_iter().zip(may_end).map(row).collect())
}

impl MuteRow {
    fn of(record: MuteRecord, monitors: Vec<(MonitorId, String)>, may_end: bool, now: Timestamp) -> MuteRow {
        let when = |at| When { at, now };
        let period = &record.mute.period;
        let over = record.is_over(now);
        let until = record.until(now).map(when);
        let unused = record.unused_since(now).map(when);
        MuteRow {
            id: record.mute.id,
            more: record.mute.scope.monitors.len() - record.mute.scope.monitors.len().min(NAMED),
            monitors,
            everything: record.mute.scope.is_everything(),
            until,
            begins: period.next_start(now).filter(|_| !over).map(when),
            ends: period.ends_at.map(when),
            recurs: period.recurs.as_ref().map(in_words),
            ended: record.ended.as_ref().map(|(at, by)| (when(*at), called(by))),
            tag: record.mute.scope.tag,
            alert: record.mute.scope.alert,
            severity: record.mute.scope.severity,
            reason: record.reason,
            owner: called(&record.owner),
            made: when(record.created_at),
            held: record.held_back,
            last_held: record.last_held_at.map(when),
            unused,
            may_end,
        }
    }
}

/// `At 22:00 every day (Europe/Berlin), for 8 h`
fn in_words(recurs: &Recurrence) -> String {
    let words = recurs.schedule.in_words();
    let mut chars = words.chars();
    let words: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    format!("{words} ({}), for {}", recurs.timezone(), lasted(recurs.duration.as_secs()))
}

/// Who asked, in a word.
pub(super) fn called(author: &Author) -> String {
    match (&author.name, author.kind.as_str()) {
        (Some(name), _) => name.clone(),
        (None, kind) => without_a_name(kind),
    }
}

/// What somebody is called who has no name, by what kind of actor they are.
pub(super) fn without_a_name(kind: &str) -> String {
    match kind {
        "everybody" => "somebody (nobody logs in here)".to_owned(),
        "command_line" => "the command line".to_owned(),
        "server" => "the server".to_owned(),
        kind => kind.replace('_', " "),
    }
}

impl HeldRow {
    fn of(held: HeldBack, now: Timestamp) -> HeldRow {
        HeldRow {
            at: When { at: held.flip.at, now },
            monitor: held.flip.monitor_id,
            name: held.monitor_name,
            old: Badge::State(held.flip.old_state),
            new: Badge::State(held.flip.new_state),
            message: held.flip.message.chars().take(400).collect(),
            alerts: held.alerts.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use revere_model::State;

    use super::{super::monitors::tests::HOSTILE, *};

    fn hostile_row(now: Timestamp) -> MuteRow {
        let when = || When { at: now, now };
        MuteRow {
            id: MuteId(1),
            monitors: vec![(MonitorId(1), HOSTILE.into())],
            more: 3,
            tag: Some(HOSTILE.into()),
            alert: Some(HOSTILE.into()),
            severity: Some(Severity::Warning),
            everything: false,
            until: Some(when()),
            begins: Some(when()),
            ended: Some((when(), HOSTILE.into())),
            ends: Some(when()),
            recurs: Some(HOSTILE.into()),
            reason: HOSTILE.into(),
            owner: HOSTILE.into(),
            made: when(),
            held: 2,
            last_held: Some(when()),
            unused: Some(when()),
            may_end: true,
        }
    }

    #[test]
    fn reasons_and_names_are_inert() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let page = MutesPage {
            layout: Layout::new("Mutes", Place::Alerts, 0, "t"),
            over: true,
            rows: vec![hostile_row(now)],
            next: Some(MuteId(1)),
            form: MuteForm {
                monitors: vec![(MonitorId(1), HOSTILE.into())],
                tag: HOSTILE.into(),
                lasts: HOSTILE.into(),
                until: HOSTILE.into(),
                schedule: HOSTILE.into(),
                reason: HOSTILE.into(),
                ..MuteForm::default()
            },
            tags: vec![HOSTILE.into()],
            alerts: vec![HOSTILE.into()],
            zones: vec!["UTC".into()],
            said: Some(Said { class: "bad", words: HOSTILE.into() }),
            faults: vec![FieldFault::new("duration_s", HOSTILE)],
        };
        let held = HeldRow {
            at: When { at: now, now },
            monitor: MonitorId(1),
            name: HOSTILE.into(),
            old: Badge::State(State::Ok),
            new: Badge::State(State::Alarm),
            message: HOSTILE.into(),
            alerts: HOSTILE.into(),
        };
        let one = MutePage {
            layout: Layout::new("Mute", Place::Alerts, 0, "t"),
            row: hostile_row(now),
            held: vec![held],
            next: Some(1),
        };
        for html in [page.render().unwrap(), one.render().unwrap()] {
            assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        }
    }

    #[test]
    fn a_moment_is_read_as_a_clock_shows_it() {
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(moment("2026-07-01T18:00", &berlin), Ok("2026-07-01T16:00:00Z".parse().unwrap()));
        assert_eq!(moment("2026-07-01T18:00:30", &TimeZone::UTC), Ok("2026-07-01T18:00:30Z".parse().unwrap()));
        assert_eq!(moment("9999-12-31T23:59", &TimeZone::UTC), Ok(Timestamp::MAX), "what people write for never");
        assert!(moment("tomorrow", &TimeZone::UTC).unwrap_err().contains("2026-07-01 18:00"));
    }
}
