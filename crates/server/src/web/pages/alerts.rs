//! `/alerts`: who is told of what, and what became of it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, MuteId, Severity, State};

use super::{
    browsers::{self, BrowsersView},
    display::{Badge, ClockTime, Span, Status, When, seen},
    form::Form,
    layout::{Layout, Place},
    monitors::SeverityOption,
    page_request::{PageClock, PageRequest},
    runs::day_in_zone,
    see,
};
use crate::{
    alerts::recipients,
    operations::{
        Context, Failure,
        alerts::{self, AlertInput, AlertReport, TestResult},
        deliveries, on_call,
    },
    store::{AlertSeen, Delivery, DeliveryFilter, DeliveryStatus},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Deliveries of one page of the log.
const PAGE: u32 = 50;
/// Deliveries on the page of one alert.
const LAST: u32 = 20;
/// What was settled sooner was settled at once.
const A_WHILE: SignedDuration = SignedDuration::from_secs(60);
/// Owed deliveries among which one is looked for that was tried.
const LOOKED_AT: u32 = 20;

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

/// An alert as the page shows it.
struct AlertView {
    number: usize,
    key: String,
    kind: String,
    description: String,
    enabled: bool,
    in_config: bool,
    on: bool,
    why_off: &'static str,
    /// Whom it tells, as far as the configuration shows it without a secret.
    recipients: String,
    /// Since when nothing of it arrives.
    failing: Option<Span>,
    owed: u64,
    states: Vec<StateOption>,
    severities: Vec<SeverityOption>,
    /// The tags it is for, as one would type them.
    tags: String,
    /// The same as they are kept, whatever was typed.
    kept_tags: String,
    /// Why it tells nothing by what is chosen.
    tells_nothing: Option<&'static str>,
    /// What is wrong with the tags that were typed.
    tags_fault: String,
    fared: PastResult,
    test: Option<TestView>,
}

/// What became of what an alert owed, at its newest.
struct PastResult {
    sent: Option<DeliveryView>,
    failed: Option<DeliveryView>,
    /// One that was tried in vain, and is tried again.
    trying: Option<DeliveryView>,
}

struct StateOption {
    state: State,
    chosen: bool,
}

struct StatusOption {
    word: &'static str,
    chosen: bool,
}

/// A delivery as the page shows it.
struct DeliveryView {
    status: Status,
    /// When it came to be owed.
    at: When,
    clock: ClockTime,
    /// The day, where it is not that of the row above.
    day: Option<String>,
    /// When it was settled, where that took a while.
    settled: Option<When>,
    next: Option<When>,
    /// It is owed, and its turn comes when what the same alert owes of the same monitor is settled.
    waits: bool,
    /// The mute that holds it back.
    held: Option<MuteId>,
    alert: String,
    monitor: MonitorId,
    monitor_name: String,
    old: Badge,
    new: Badge,
    attempts: u32,
    /// What was told: in a line, and whole.
    message: String,
    text: String,
    /// It was owed because another alert could not tell.
    instead: bool,
    answer: String,
}

/// Tags that were typed and cannot be saved, and why.
struct Wrong {
    tags: String,
    fault: String,
}

/// What the receiver of a test said.
struct TestView {
    class: &'static str,
    words: &'static str,
    reply: String,
    took: Span,
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

/// Newest first, each day named above its first.
fn log(deliveries: Vec<Delivery>, clock: &PageClock) -> Vec<DeliveryView> {
    let mut above = None;
    let mut rows: Vec<DeliveryView> =
        deliveries.into_iter().map(|delivery| DeliveryView::of(delivery, clock)).collect();
    for row in &mut rows {
        let day = row.clock.at.date();
        row.day = (above.replace(day) != Some(day)).then(|| day_in_zone(&row.clock.at));
    }
    rows
}

async fn fared(context: &Context, key: &str, clock: &PageClock) -> Result<PastResult, Failure> {
    let newest = async |status, limit| {
        let filter =
            DeliveryFilter { alert: Some(key.to_owned()), status: Some(status), limit, ..DeliveryFilter::default() };
        deliveries::list(context, &filter).await
    };
    let view = |delivery| DeliveryView::of(delivery, clock);
    // Most of what is owed may wait behind something else, and was never tried.
    let owed = newest(DeliveryStatus::Owed, LOOKED_AT).await?;
    Ok(PastResult {
        sent: newest(DeliveryStatus::Sent, 1).await?.pop().map(view),
        failed: newest(DeliveryStatus::Failed, 1).await?.pop().map(view),
        trying: owed.into_iter().find(|delivery| delivery.last_error.is_some()).map(view),
    })
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

impl AlertView {
    /// Whether it says something by itself: a rota has others say it.
    fn says_itself(&self) -> bool {
        self.in_config && self.kind != crate::on_call::KIND
    }

    /// Which monitors and problems it is for, in few words.
    fn scope(&self) -> String {
        let severities: Vec<&str> =
            self.severities.iter().filter(|option| option.chosen).map(|option| option.severity.as_str()).collect();
        let problems = match severities.as_slice() {
            [] => Some("no problems".to_owned()),
            [only] if self.severities.len() > 1 => Some(format!("{only} only")),
            _ => None,
        };
        let tags = Some(self.tags.clone()).filter(|tags| !tags.is_empty());
        let words: Vec<String> = tags.into_iter().chain(problems).collect();
        if words.is_empty() { "all".to_owned() } else { words.join("; ") }
    }

    fn of(index: usize, report: AlertReport, fared: PastResult, now: Timestamp) -> AlertView {
        let row = report.row;
        let failing = fared.failing_since().filter(|_| row.is_on()).map(|since| Span::Since(since, now));
        AlertView {
            number: index + 1,
            kind: report.entry.as_ref().map(|entry| entry.kind.clone()).unwrap_or_default(),
            recipients: report.entry.as_ref().map(recipients).unwrap_or_default(),
            description: report.entry.map(|entry| entry.description).unwrap_or_default(),
            failing,
            enabled: row.enabled,
            in_config: row.in_config && row.enabled_in_config,
            on: row.is_on(),
            why_off: match (row.in_config, row.enabled_in_config) {
                (false, _) => "no longer in the configuration",
                (true, false) => "switched off in the configuration",
                (true, true) => "switched off",
            },
            owed: report.owed,
            states: State::ALL
                .into_iter()
                .map(|state| StateOption { state, chosen: row.states.contains(state) })
                .collect(),
            severities: Severity::ALL
                .into_iter()
                .map(|severity| SeverityOption { severity, chosen: row.severities.contains(severity) })
                .collect(),
            tags: row.tags.join(", "),
            kept_tags: row.tags.join(", "),
            tells_nothing: row.tells_nothing(),
            tags_fault: String::new(),
            fared,
            test: None,
            key: row.key,
        }
    }
}

impl PastResult {
    /// Since when nothing has arrived any more, if the newest that is known of did not.
    fn failing_since(&self) -> Option<Timestamp> {
        let sent = self.sent.as_ref().map(|sent| sent.at.at);
        let failed = self.failed.as_ref().filter(|failed| sent.is_none_or(|sent| failed.at.at > sent));
        failed.or(self.trying.as_ref()).map(|delivery| delivery.at.at)
    }
}

impl DeliveryView {
    fn of(delivery: Delivery, clock: &PageClock) -> DeliveryView {
        let now = clock.now;
        let held = delivery.held_by.filter(|_| delivery.status == DeliveryStatus::Owed);
        DeliveryView {
            held,
            clock: ClockTime { at: delivery.created_at.to_zoned(clock.zone.clone()), now },
            day: None,
            message: seen(delivery.notification.message.lines().next().unwrap_or_default()),
            text: delivery.notification.said.clone().unwrap_or_else(|| delivery.notification.text()),
            status: Status(delivery.status),
            at: When { at: delivery.created_at, now },
            settled: delivery
                .settled_at
                .filter(|settled| settled.duration_since(delivery.created_at) > A_WHILE)
                .map(|at| When { at, now }),
            next: delivery
                .next_attempt_at
                .filter(|_| delivery.attempts > 0 && held.is_none())
                .map(|at| When { at, now }),
            waits: delivery.status == DeliveryStatus::Owed && delivery.next_attempt_at.is_none(),
            alert: delivery.alert_key,
            monitor: delivery.monitor_id,
            monitor_name: seen(&delivery.notification.monitor.name),
            old: Badge::State(delivery.notification.old_state),
            new: Badge::State(delivery.notification.new_state),
            attempts: delivery.attempts,
            instead: delivery.instead_of.is_some(),
            answer: delivery
                .last_error
                .filter(|_| delivery.status != DeliveryStatus::Sent)
                .or(delivery.reply)
                .unwrap_or_default(),
        }
    }
}

impl From<TestResult> for TestView {
    fn from(result: TestResult) -> Self {
        TestView {
            class: if result.reply.is_ok() { "good" } else { "bad" },
            words: if result.reply.is_ok() { "The test was taken." } else { "The test was not taken." },
            reply: result.reply.unwrap_or_else(|error| error),
            took: Span::Took(result.took.as_secs_f64() * 1e3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    fn alert() -> AlertView {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let delivery = || DeliveryView {
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
