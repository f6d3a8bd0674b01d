//! `/mutes`: what is held back for a time, by whom and until when; and muting one monitor from its own page.

mod mute_form;
mod mute_row;

use askama::Template;
use axum::{http::StatusCode, response::Response};
pub(super) use mute_form::of_monitors;
use mute_form::{MuteForm, input, read};
use mute_row::{HeldRow, named, rows};
pub(super) use mute_row::{MuteRow, called, without_a_name};
use revere_model::{MonitorId, MuteId, zone_names};

use super::{
    form::Form,
    layout::{Layout, Place, sentence},
    log_in::Said,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{Context, Failure, FieldFault, alerts, monitors, mutes, overview},
    store::MuteFilter,
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Mutes that are over on one page.
const PAGE: u32 = 50;
/// Changes of state on the page of one.
const HELD: u32 = 100;
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

impl MutesPage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
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

/// Where a form leads back to: an address of ours that it names.
fn back<'a>(form: &'a Form, usual: &'a str) -> &'a str {
    if form.has("back") { super::own_address(form.text("back")) } else { usual }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use revere_model::{Severity, State};

    use super::{
        super::{
            display::{Badge, When},
            monitors::tests::HOSTILE,
        },
        *,
    };

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
}
