//! `/monitor/{id}/who`: who would be told.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::civil;
use revere_model::{MonitorId, Severity, State, Verdict, calendar, typed_time};

use super::{
    display::{Badge, Severe},
    layout::{Layout, Place},
    monitors::SeverityOption,
    page_request::PageRequest,
};
use crate::{
    operations::{
        monitors,
        who::{self, Answer, Supposed, Trouble},
    },
    web::{
        Problem,
        params::{Key, Params},
    },
};

#[derive(Template)]
#[template(path = "pages/who.html")]
struct WhoPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    states: Vec<StateOption>,
    severities: Vec<SeverityOption>,
    at: String,
    zone: String,
    told: ToldPart,
}

/// Who would be told, as the monitor's page shows it too.
pub(super) struct ToldPart {
    badge: Badge,
    severity: Severe,
    alerts: Vec<AlertVerdict>,
    /// Alerts that the monitor chose and that the configuration does not have.
    gone: Vec<String>,
}

impl ToldPart {
    /// Whether anybody would be told.
    fn is_told(&self) -> bool {
        self.alerts.iter().any(|alert| alert.told)
    }
}

struct AlertVerdict {
    key: String,
    told: bool,
    words: &'static str,
    on_call: Option<String>,
    trouble: Option<String>,
}

struct StateOption {
    state: State,
    chosen: bool,
}

/// The page.
pub(super) async fn show(
    request: PageRequest,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Response, Problem> {
    let state = params.parsed("state", "OK, ALARM, ERROR or INACTIVE").unwrap_or(State::Alarm);
    let severity: Option<Severity> = params.parsed("severity", "critical or warning");
    let zone = request.clock().zone;
    let at: Option<civil::DateTime> = params.parsed("at", "a time such as 2026-11-30T22:00");
    let at = at.map(|at| calendar::instant(at, &zone));
    let typed = at.map(|at| typed_time(&at.to_zoned(zone.clone())));
    let supposed = params.finish(Supposed { at, state, severity })?;
    let monitor = monitors::get(&request.context, id).await?;
    let answer = who::would_be_told(&request.context, id, supposed).await?;
    let page = WhoPage {
        layout: request.layout(format!("Who would be notified of {}", monitor.spec.name), Place::Monitors).await?,
        id,
        name: monitor.spec.name.clone(),
        states: State::ALL.into_iter().map(|one| StateOption { state: one, chosen: one == state }).collect(),
        severities: SeverityOption::all(severity),
        at: typed.unwrap_or_default(),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        told: ToldPart::of(answer, monitor.spec.alerts.as_deref().unwrap_or_default()),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

impl ToldPart {
    pub(super) fn of(answer: Answer, chosen: &[String]) -> ToldPart {
        let known = |key: &&String| answer.alerts.iter().any(|alert| alert.row.key == **key);
        ToldPart {
            badge: Badge::State(answer.state),
            severity: Severe(answer.severity),
            gone: chosen.iter().filter(|key| !known(key)).cloned().collect(),
            alerts: answer
                .alerts
                .into_iter()
                .map(|alert| AlertVerdict {
                    key: alert.row.key,
                    told: alert.verdict == Verdict::Owed,
                    words: alert.verdict.words(),
                    on_call: alert.on_call.map(|on_call| on_call.words()),
                    trouble: alert.trouble.map(Trouble::words),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn names_are_inert() {
        let alert = AlertVerdict {
            key: HOSTILE.into(),
            told: true,
            words: "it notifies of this",
            on_call: Some(HOSTILE.into()),
            trouble: Some("it is failing".into()),
        };
        let page = WhoPage {
            layout: Layout::new("Who", Place::Monitors, 0, "t"),
            id: MonitorId(3),
            name: HOSTILE.into(),
            states: vec![StateOption { state: State::Ok, chosen: true }],
            severities: SeverityOption::all(Some(Severity::Warning)),
            at: HOSTILE.into(),
            zone: "UTC".into(),
            told: ToldPart {
                badge: Badge::State(State::Alarm),
                severity: Severe(Some(Severity::Warning)),
                alerts: vec![alert],
                gone: vec![HOSTILE.into()],
            },
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }
}
