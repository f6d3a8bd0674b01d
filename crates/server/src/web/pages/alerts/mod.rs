//! `/alerts`: who is told of what, and what became of it.

mod alert_view;
mod delivery_view;

use alert_view::{AlertView, TestView, fared};
use askama::Template;
use axum::{http::StatusCode, response::Response};
use delivery_view::{DeliveryView, log};
use revere_model::{MonitorId, Severity, State};

use super::{
    browsers::{self, BrowsersView},
    form::Form,
    layout::{Layout, Place},
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Failure,
        alerts::{self, AlertInput, TestResult},
        deliveries, on_call,
    },
    store::{AlertSeen, DeliveryFilter, DeliveryStatus},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Deliveries of one page of the log.
const PAGE: u32 = 50;
/// Deliveries on the page of one alert.
const LAST: u32 = 20;

#[derive(Template)]
#[template(path = "pages/alerts.html")]
struct AlertsPage {
    layout: Layout,
    alerts: Vec<AlertView>,
    chosen_alert: String,
    statuses: Vec<StatusOption>,
    monitor: Option<MonitorId>,
    filtered: bool,
    deliveries: Vec<DeliveryView>,
    next: Option<String>,
    /// Whether there are rotas.
    on_call: bool,
    /// Those in which nobody is on call at some time soon.
    on_call_gaps: Vec<String>,
    /// Those whose calendar cannot be fetched.
    calendars_failing: Vec<String>,
    /// The alerts that notify browsers.
    browsers: Vec<BrowsersView>,
}

#[derive(Template)]
#[template(path = "pages/alert.html")]
struct AlertPage {
    layout: Layout,
    /// The one.
    alerts: Vec<AlertView>,
    deliveries: Vec<DeliveryView>,
}

struct StatusOption {
    word: &'static str,
    chosen: bool,
}

/// Tags that were typed and cannot be saved, and why.
struct Wrong {
    tags: String,
    fault: String,
}

/// The page.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let filter = DeliveryFilter {
        monitor: params.parsed("monitor", "the id of a monitor"),
        alert: params.text("alert"),
        status: params.parsed("status", "queued, delivered, failed or cancelled"),
        before: params.parsed("before", "the `next` of the page before"),
        limit: PAGE + 1,
    };
    let filter = params.finish(filter)?;
    let clock = request.clock();
    let mut views = Vec::new();
    for report in alerts::list(&request.context).await? {
        let fared = fared(&request.context, &report.row.key, &clock).await?;
        views.push(AlertView::of(views.len(), report, fared, clock.now));
    }
    let mut deliveries = deliveries::list(&request.context, &filter).await?;
    let more = deliveries.len() > PAGE as usize;
    deliveries.truncate(PAGE as usize);
    let next = deliveries.last().filter(|_| more).map(|last| older(&filter, last.id.0));
    let rotas = on_call::list(&request.context).await?;
    let page = AlertsPage {
        on_call: !rotas.is_empty(),
        calendars_failing: rotas
            .iter()
            .filter(|rota| rota.calendar.as_ref().is_some_and(|calendar| calendar.fault.is_some()))
            .map(|rota| rota.key.clone())
            .collect(),
        on_call_gaps: rotas.into_iter().filter(|rota| rota.gaps().next().is_some()).map(|rota| rota.key).collect(),
        layout: request.layout("Alerts", Place::Alerts).await?,
        alerts: views,
        chosen_alert: filter.alert.clone().unwrap_or_default(),
        statuses: DeliveryStatus::ALL
            .into_iter()
            .map(|status| StatusOption { word: status.word(), chosen: filter.status == Some(status) })
            .collect(),
        monitor: filter.monitor,
        filtered: filter.monitor.is_some() || filter.alert.is_some() || filter.status.is_some(),
        deliveries: log(deliveries, &clock),
        next,
        browsers: browsers::of_all(&request.context, clock.now).await?,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/alert/{key}/edit`
pub(super) async fn edit(request: PageRequest, Key(key): Key<String>) -> Result<Response, Problem> {
    one(&request, &key, None, None, StatusCode::OK).await
}

/// `/alert/{key}/edit`, sent: what it tells, and whether it is on.
pub(super) async fn edited(request: PageRequest, Key(key): Key<String>, form: Form) -> Result<Response, Problem> {
    // A form that has no such fields leaves them alone.
    let routing = form.has("tags");
    let input = AlertInput {
        enabled: Some(form.has("enabled")),
        states: Some(form.all("states").map(str::to_owned).collect()),
        severities: routing.then(|| form.all("severities").map(str::to_owned).collect()),
        tags: routing.then(|| typed_tags(form.text("tags"))),
        seen: form.has("seen").then(|| AlertSeen {
            enabled: form.has("seen_enabled"),
            states: form.all("seen_states").filter_map(|state| state.parse::<State>().ok()).collect(),
            severities: form.all("seen_severities").filter_map(|severity| severity.parse::<Severity>().ok()).collect(),
            tags: typed_tags(form.text("seen_tags")),
        }),
        faults: Vec::new(),
    };
    match alerts::set(&request.context, &key, input).await {
        Ok(_) => Ok(see("/alerts")),
        Err(Failure::Refused(refusal)) => {
            let faults: Vec<String> = refusal.faults.into_iter().map(|fault| fault.message).collect();
            let wrong = Wrong { tags: form.text("tags").to_owned(), fault: faults.join("; ") };
            one(&request, &key, None, Some(wrong), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `/alert/{key}/test`: sends a test and shows what the receiver said.
pub(super) async fn test(request: PageRequest, Key(key): Key<String>, _: Form) -> Result<Response, Problem> {
    let result = alerts::test(&request.context, &key).await?;
    one(&request, &key, Some(result), None, StatusCode::OK).await
}

async fn one(
    request: &PageRequest,
    key: &str,
    test: Option<TestResult>,
    wrong: Option<Wrong>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let report = alerts::get(&request.context, key).await?;
    let clock = request.clock();
    let mut alert = AlertView::of(0, report, fared(&request.context, key, &clock).await?, clock.now);
    alert.test = test.map(TestView::from);
    if let Some(wrong) = wrong {
        (alert.tags, alert.tags_fault) = (wrong.tags, wrong.fault);
    }
    let filter = DeliveryFilter { alert: Some(key.to_owned()), limit: LAST, ..DeliveryFilter::default() };
    let deliveries = log(deliveries::list(&request.context, &filter).await?, &clock);
    let layout = request.layout(format!("Alert {key}"), Place::Alerts).await?;
    let page = AlertPage { layout, alerts: vec![alert], deliveries };
    request.answer(status, &page.layout, &page)
}

fn typed_tags(typed: &str) -> Vec<String> {
    typed.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn older(filter: &DeliveryFilter, before: i64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(monitor) = filter.monitor {
        query.append_pair("monitor", &monitor.to_string());
    }
    if let Some(alert) = &filter.alert {
        query.append_pair("alert", alert);
    }
    if let Some(status) = filter.status {
        query.append_pair("status", status.word());
    }
    query.append_pair("before", &before.to_string());
    format!("/alerts?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use revere_model::{DeliveryId, MuteId};

    use super::{
        super::{
            display::{Badge, ClockTime, Span, Status, When},
            monitors::{SeverityOption, tests::HOSTILE},
        },
        alert_view::{PastResult, StateOption},
        *,
    };

    fn alert() -> AlertView {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let delivery = || DeliveryView {
            id: DeliveryId(5),
            status: Status(DeliveryStatus::Failed),
            at: When { at: now, now },
            clock: ClockTime { at: now.to_zoned(jiff::tz::TimeZone::UTC), now },
            day: Some("Wed 1 Jul 2026, UTC".into()),
            message: HOSTILE.into(),
            text: HOSTILE.into(),
            settled: Some(When { at: now, now }),
            next: Some(When { at: now, now }),
            waits: false,
            held: Some(MuteId(7)),
            alert: HOSTILE.into(),
            monitor: MonitorId(3),
            monitor_name: HOSTILE.into(),
            old: Badge::State(State::Ok),
            new: Badge::State(State::Alarm),
            attempts: 2,
            instead: true,
            answer: HOSTILE.into(),
        };
        AlertView {
            number: 1,
            key: HOSTILE.into(),
            kind: "log".into(),
            description: HOSTILE.into(),
            enabled: true,
            in_config: true,
            on: true,
            why_off: "",
            recipients: HOSTILE.into(),
            failing: Some(Span::Since(now, now)),
            owed: 2,
            states: vec![StateOption { state: State::Ok, chosen: true }],
            severities: SeverityOption::all(Some(Severity::Warning)),
            tags: HOSTILE.into(),
            kept_tags: HOSTILE.into(),
            tells_nothing: Some("no state is chosen"),
            tags_fault: HOSTILE.into(),
            fared: PastResult { sent: Some(delivery()), failed: Some(delivery()), trying: Some(delivery()) },
            test: Some(TestView { class: "bad", words: "No.", reply: HOSTILE.into(), took: Span::Took(3.0) }),
        }
    }

    #[test]
    fn receivers_replies_are_inert() {
        let layout = || Layout::new("Alerts", Place::Alerts, 0, "t");
        let page = AlertsPage {
            layout: layout(),
            alerts: vec![alert()],
            chosen_alert: HOSTILE.into(),
            statuses: vec![StatusOption { word: "delivered", chosen: true }],
            monitor: Some(MonitorId(3)),
            filtered: true,
            deliveries: alert().fared.sent.into_iter().collect(),
            next: Some("/alerts?before=3".into()),
            on_call: true,
            on_call_gaps: vec![HOSTILE.into()],
            calendars_failing: vec![HOSTILE.into()],
            browsers: vec![browsers::tests::view()],
        };
        let one = AlertPage { layout: layout(), alerts: vec![alert()], deliveries: vec![] };
        for html in [page.render().unwrap(), one.render().unwrap()] {
            assert!(!html.contains("<script>") && !html.contains("<!-- "), "{html}");
            assert!(!html.contains("style="), "{html}");
        }
    }
}
