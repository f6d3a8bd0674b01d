//! `/alerts/not-told`: what was not told, and why.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use revere_model::MonitorId;

use super::{
    display::{Badge, When},
    layout::{Layout, Place},
    page_request::PageRequest,
};
use crate::{
    operations::{alerts, decisions},
    store::{NotTold, NotToldFilter},
    web::{Problem, params::Params},
};

/// Decisions of one page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "pages/not_told.html")]
struct NotToldPage {
    layout: Layout,
    alerts: Vec<String>,
    chosen_alert: String,
    monitor: Option<MonitorId>,
    filtered: bool,
    rows: Vec<NotToldRow>,
    next: Option<String>,
}

/// A change of state that some alerts did not tell.
pub(super) struct NotToldRow {
    pub(super) at: When,
    monitor: MonitorId,
    monitor_name: String,
    pub(super) old: Badge,
    pub(super) new: Badge,
    pub(super) alerts: Vec<String>,
    pub(super) words: &'static str,
}

/// The page.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let filter = NotToldFilter {
        monitor: params.parsed("monitor", "the id of a monitor"),
        alert: params.text("alert"),
        before: params.parsed("before", "the `next` of the page before"),
        limit: PAGE + 1,
    };
    let filter = params.finish(filter)?;
    let now = request.now();
    let mut found = decisions::not_told(&request.context, &filter).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let page = NotToldPage {
        layout: request.layout("What alerts did not notify of", Place::Alerts).await?,
        alerts: alerts::settings(&request.context).await?.into_iter().map(|row| row.key).collect(),
        chosen_alert: filter.alert.clone().unwrap_or_default(),
        monitor: filter.monitor,
        filtered: filter.monitor.is_some() || filter.alert.is_some(),
        next: found.last().filter(|_| more).map(|last| older(&filter, last.id.0)),
        rows: found.into_iter().map(|one| NotToldRow::of(one, now)).collect(),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

fn older(filter: &NotToldFilter, before: i64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(monitor) = filter.monitor {
        query.append_pair("monitor", &monitor.to_string());
    }
    if let Some(alert) = &filter.alert {
        query.append_pair("alert", alert);
    }
    query.append_pair("before", &before.to_string());
    format!("/alerts/not-told?{}", query.finish())
}

impl NotToldRow {
    pub(super) fn of(one: NotTold, now: Timestamp) -> NotToldRow {
        NotToldRow {
            at: When { at: one.at, now },
            monitor: one.monitor_id,
            monitor_name: one.monitor_name,
            old: Badge::State(one.old_state),
            new: Badge::State(one.new_state),
            alerts: one.alerts,
            words: one.reason.words(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use revere_model::{DecisionId, FlipId, Silence, State};

    use super::super::monitors::tests::HOSTILE;
    use super::*;

    /// A row whose texts are as bad as texts can be.
    pub(in super::super) fn hostile_row() -> NotToldRow {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let one = NotTold {
            id: DecisionId(1),
            flip_id: FlipId(2),
            monitor_id: MonitorId(3),
            monitor_name: HOSTILE.into(),
            at: now,
            old_state: State::Ok,
            new_state: State::Alarm,
            reason: Silence::OtherTags,
            alerts: vec![HOSTILE.into(), "ops".into()],
        };
        NotToldRow::of(one, now)
    }

    #[test]
    fn names_are_inert() {
        let page = NotToldPage {
            layout: Layout::new("What alerts did not notify of", Place::Alerts, 0, "t"),
            alerts: vec![HOSTILE.into()],
            chosen_alert: HOSTILE.into(),
            monitor: Some(MonitorId(3)),
            filtered: true,
            rows: vec![hostile_row()],
            next: Some("/alerts/not-told?before=3".into()),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        assert!(html.contains("the alert is for monitors with other tags"), "{html}");
    }
}
