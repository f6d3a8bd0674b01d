//! `/on-call`: who is on call now and next, the coming two weeks, where nobody is, and who takes whose place.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use revere_model::{
    OverrideId,
    on_call::{Because, OnCall, Stretch},
};

use super::{
    display::{Span, When},
    form::{Form, FormTexts},
    layout::{Layout, Place, sentence},
    log_in::Said,
    mutes::called,
    page_request::{PageClock, PageRequest},
    page_zone::of_clock,
    see,
};
use crate::{
    operations::{
        Context, Failure, FieldFault,
        on_call::{self, OverrideInput, RotaReport},
    },
    store::OverrideRecord,
    web::{
        Problem,
        params::{Key, Params},
    },
};

#[derive(Template)]
#[template(path = "pages/on_call.html")]
struct OnCallPage {
    layout: Layout,
    rotas: Vec<RotaPart>,
    form: OverrideForm,
    /// On whose clock times are typed.
    zone: String,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

/// A rota, as the page shows it.
struct RotaPart {
    key: String,
    description: String,
    /// Who is on call now; empty is a fault.
    now: String,
    until: Option<Moment>,
    next: Option<(String, Moment)>,
    gaps: Vec<Row>,
    rows: Vec<Row>,
    people: Vec<String>,
    overrides: Vec<OverrideRow>,
    calendar: Option<CalendarPart>,
}

/// How the calendar of a rota does.
struct CalendarPart {
    fetched: Option<When>,
    fault: Option<(String, When)>,
    faults: Vec<String>,
}

/// A line of the plan.
struct Row {
    starts: Moment,
    ends: Moment,
    lasts: Span,
    who: String,
    why: String,
}

struct OverrideRow {
    id: OverrideId,
    person: String,
    instead_of: Option<String>,
    starts: Moment,
    ends: Moment,
    /// Its time has come.
    begun: bool,
    /// Somebody is on call because of it: nothing newer stands before it, and whom it names belongs to the rota.
    in_force: bool,
    reason: String,
    owner: String,
    made: When,
}

/// An instant by the clock of the page's zone.
struct Moment(Zoned);

/// What was typed.
#[derive(Default)]
struct OverrideForm {
    rota: String,
    person: String,
    instead_of: String,
    from: String,
    until: String,
    reason: String,
}

impl Moment {
    fn of(at: Timestamp, zone: &TimeZone) -> Moment {
        Moment(at.to_zoned(zone.clone()))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let datetime = revere_model::machine_time(self.0.timestamp());
        let title = revere_model::exact_time(self.0.timestamp(), self.0.time_zone());
        let text = revere_model::day_and_minute(&self.0);
        write!(f, r#"<time datetime="{datetime}" title="{title}">{text}</time>"#)
    }
}

impl askama::filters::HtmlSafe for Moment {}

impl OnCallPage {
    fn fault(&self, rota: &RotaPart, field: &str) -> Option<&str> {
        let of_it = self.faults.iter().filter(|_| self.form.rota == rota.key);
        of_it.filter(|fault| fault.root() == field).map(|fault| fault.message.as_str()).next()
    }

    /// What was typed for this rota.
    fn typed<'a>(&'a self, rota: &RotaPart, field: &'a str) -> &'a str {
        if self.form.rota == rota.key { field } else { "" }
    }
}

/// The page.
pub(super) async fn show(request: PageRequest, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    let page = page(&request, OverrideForm::default()).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// The page, sent: puts somebody in another one's place.
pub(super) async fn add(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let typed = read(&form);
    let zone = request.clock().zone;
    match on_call::add(&request.context, input(&typed, &zone)).await {
        Ok(_) => Ok(see("/on-call")),
        Err(failure @ (Failure::Refused(_) | Failure::NotPossible(_))) => {
            let mut page = page(&request, typed).await?;
            let status = match failure {
                Failure::Refused(refusal) => {
                    page.faults = refusal.faults;
                    page.said =
                        Some(Said { class: "bad", words: "Nothing was changed: see below what is wrong.".to_owned() });
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                other => {
                    page.said = Some(Said { class: "bad", words: sentence(&other.to_string()) });
                    StatusCode::CONFLICT
                }
            };
            request.answer(status, &page.layout, &page)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `/on-call/overrides/{id}/end`
pub(super) async fn end(context: Context, Key(id): Key<OverrideId>, _: Form) -> Result<Response, Problem> {
    on_call::end(&context, id).await?;
    Ok(see("/on-call"))
}

async fn page(request: &PageRequest, form: OverrideForm) -> Result<OnCallPage, Problem> {
    let clock = request.clock();
    let overrides = on_call::not_over(&request.context).await?;
    let reports = on_call::list(&request.context).await?;
    Ok(OnCallPage {
        layout: request.layout("On call", Place::Alerts).await?,
        rotas: reports.into_iter().map(|report| RotaPart::of(report, &overrides, &clock)).collect(),
        form,
        zone: clock.zone.iana_name().unwrap_or("UTC").to_owned(),
        said: None,
        faults: Vec::new(),
    })
}

fn read(form: &FormTexts) -> OverrideForm {
    let text = |name: &str| form.text(name).trim().to_owned();
    OverrideForm {
        rota: form.text("rota").to_owned(),
        person: form.text("person").to_owned(),
        instead_of: form.text("instead_of").to_owned(),
        from: text("from"),
        until: text("until"),
        reason: text("reason"),
    }
}

fn input(typed: &OverrideForm, zone: &TimeZone) -> OverrideInput {
    let mut faults = Vec::new();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut moment = |text: &str, field: &str| {
        of_clock(text, zone).map_err(|message| faults.push(FieldFault::new(field, message))).ok()
    };
    let starts_at = given(&typed.from).and_then(|text| moment(&text, "starts_at"));
    let ends_at = given(&typed.until).and_then(|text| moment(&text, "ends_at"));
    OverrideInput {
        rota: given(&typed.rota),
        person: given(&typed.person),
        instead_of: given(&typed.instead_of),
        starts_at,
        ends_at,
        reason: typed.reason.clone(),
        faults,
    }
}

fn names(on_call: &[OnCall]) -> String {
    on_call.iter().map(|one| one.person.as_str()).collect::<Vec<_>>().join(", ")
}

fn why(on_call: &[OnCall]) -> String {
    let words = |one: &OnCall| match &one.because {
        Because::Layer(layer) => layer.clone(),
        Because::Calendar => "calendar".to_owned(),
        Because::Override(_) => "override".to_owned(),
    };
    on_call.iter().map(words).collect::<Vec<_>>().join(", ")
}

impl Row {
    fn of(stretch: &Stretch, zone: &TimeZone) -> Row {
        Row {
            starts: Moment::of(stretch.starts_at, zone),
            ends: Moment::of(stretch.ends_at, zone),
            lasts: Span::Between(stretch.starts_at, stretch.ends_at),
            who: names(&stretch.on_call),
            why: why(&stretch.on_call),
        }
    }
}

impl RotaPart {
    fn of(report: RotaReport, overrides: &[OverrideRecord], clock: &PageClock) -> RotaPart {
        let zone = &clock.zone;
        let next = report.next.as_ref();
        let of_it = overrides.iter().filter(|one| one.rota == report.key);
        RotaPart {
            now: names(&report.now),
            until: next.map(|next| Moment::of(next.starts_at, zone)),
            next: next.map(|next| (names(&next.on_call), Moment::of(next.starts_at, zone))),
            gaps: report.gaps().map(|gap| Row::of(gap, zone)).collect(),
            rows: report.plan.iter().map(|stretch| Row::of(stretch, zone)).collect(),
            people: report.rota.people.iter().map(|person| person.name.clone()).collect(),
            calendar: report.calendar.as_ref().map(|calendar| CalendarPart {
                fetched: calendar.fetched_at.map(|at| When { at, now: clock.now }),
                fault: calendar.fault.clone().map(|(fault, at)| (fault, When { at, now: clock.now })),
                faults: calendar.faults.clone(),
            }),
            overrides: of_it.map(|record| OverrideRow::of(record, &report.now, clock)).collect(),
            key: report.key,
            description: report.description,
        }
    }
}

impl OverrideRow {
    fn of(record: &OverrideRecord, on_call: &[OnCall], clock: &PageClock) -> OverrideRow {
        let change = &record.change;
        OverrideRow {
            id: change.id,
            person: change.person.clone(),
            instead_of: change.instead_of.clone(),
            starts: Moment::of(change.starts_at, &clock.zone),
            ends: Moment::of(change.ends_at, &clock.zone),
            begun: change.starts_at <= clock.now,
            in_force: on_call.iter().any(|one| one.because == Because::Override(change.id)),
            reason: record.reason.clone(),
            owner: called(&record.owner),
            made: When { at: record.created_at, now: clock.now },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::monitors::tests::HOSTILE, *};

    #[test]
    fn names_and_reasons_are_inert() {
        let now: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        let moment = || Moment::of(now, &TimeZone::UTC);
        let row = |who: &str| Row {
            starts: moment(),
            ends: moment(),
            lasts: Span::Between(now, now),
            who: who.into(),
            why: HOSTILE.into(),
        };
        let part = RotaPart {
            key: HOSTILE.into(),
            description: HOSTILE.into(),
            now: HOSTILE.into(),
            until: Some(moment()),
            next: Some((HOSTILE.into(), moment())),
            gaps: vec![row("")],
            rows: vec![row(HOSTILE), row("")],
            people: vec![HOSTILE.into()],
            calendar: Some(CalendarPart {
                fetched: Some(When { at: now, now }),
                fault: Some((HOSTILE.into(), When { at: now, now })),
                faults: vec![HOSTILE.into()],
            }),
            overrides: vec![OverrideRow {
                id: OverrideId(3),
                person: HOSTILE.into(),
                instead_of: Some(HOSTILE.into()),
                starts: moment(),
                ends: moment(),
                begun: true,
                in_force: true,
                reason: HOSTILE.into(),
                owner: HOSTILE.into(),
                made: When { at: now, now },
            }],
        };
        let page = OnCallPage {
            layout: Layout::new("On call", Place::Alerts, 0, "t"),
            form: OverrideForm { rota: HOSTILE.into(), reason: HOSTILE.into(), ..OverrideForm::default() },
            rotas: vec![part],
            zone: "UTC".into(),
            said: None,
            faults: vec![FieldFault::new("reason".to_owned(), HOSTILE.to_owned())],
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }
}
