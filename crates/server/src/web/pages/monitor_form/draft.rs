//! The author's page on its way: shown, tried, refused, in conflict. Nothing that was typed is lost on any of them.

use std::time::Duration;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{Monitor, MonitorId};

use super::{
    super::{
        examples::{self, Example},
        layout::{Layout, Place},
        outcome::{self, OutcomeView},
        page_request::PageRequest,
    },
    create_once::once,
    faults::Faults,
    form_fields::{Theirs, Typed},
    read_back::ReadBack,
};
use crate::{
    operations::{
        Failure, alerts,
        monitors::{self, MonitorInput},
    },
    web::Problem,
};

#[derive(Template)]
#[template(path = "pages/monitor_form.html")]
struct FormPage {
    layout: Layout,
    nonce: String,
    /// The monitor that is edited.
    id: Option<MonitorId>,
    stored_name: String,
    version: Option<i64>,
    action: String,
    once: String,
    form: Typed,
    /// Why it is saved.
    note: String,
    faults: Faults,
    notice: String,
    theirs: Option<Theirs>,
    outcome: Option<OutcomeView>,
    read_back: Option<ReadBack>,
    zones: Vec<String>,
    alerts: Vec<AlertOption>,
    /// To begin with.
    examples: Vec<Example>,
    /// What a script looks like.
    placeholder: String,
    /// The server's limit of one run.
    run_limit: Duration,
}

/// An alert that can be chosen.
struct AlertOption {
    key: String,
    chosen: bool,
    /// It is not in the configuration, and tells nothing now.
    gone: bool,
}

/// A page on its way.
pub(super) struct Draft {
    /// The monitor that is edited, as it is stored, and the version the edit began from.
    pub(super) edited: Option<(Monitor, i64)>,
    pub(super) form: Typed,
    /// Why it is saved.
    pub(super) note: String,
    pub(super) once: String,
    pub(super) faults: Faults,
    pub(super) notice: String,
    pub(super) conflict: bool,
    pub(super) outcome: Option<OutcomeView>,
}

pub(super) fn draft(form: Typed) -> Draft {
    Draft {
        edited: None,
        form,
        note: String::new(),
        once: once(),
        faults: Faults::default(),
        notice: String::new(),
        conflict: false,
        outcome: None,
    }
}

impl Draft {
    /// What was typed asks for.
    pub(super) fn input(&self) -> MonitorInput {
        MonitorInput { note: self.note.clone(), ..self.form.input() }
    }

    /// The browser's cookie is gone, or the page is older than it.
    pub(super) async fn lost(mut self, request: &PageRequest) -> Result<Response, Problem> {
        self.notice =
            "This page had lost touch with your browser, so nothing was saved yet. What you typed is all here: \
                       press save again."
                .to_owned();
        self.answer(request, StatusCode::FORBIDDEN).await
    }

    pub(super) async fn tried(mut self, request: &PageRequest) -> Result<Response, Problem> {
        let monitor = self.edited.as_ref().map(|(monitor, _)| monitor.id);
        match outcome::run(&request.context, &self.form.script, &self.form.timeout_s, monitor).await {
            Ok(outcome) => self.outcome = Some(outcome),
            Err(problem) => {
                self.notice = problem.detail.clone();
                self.faults = Faults(problem.faults);
            }
        }
        self.answer(request, StatusCode::OK).await
    }

    pub(super) async fn refused(mut self, request: &PageRequest, failure: Failure) -> Result<Response, Problem> {
        match failure {
            Failure::Refused(refusal) | Failure::TooLarge(refusal) => {
                self.faults = Faults(refusal.faults);
                self.notice = self.faults.in_words();
                self.answer(request, StatusCode::UNPROCESSABLE_ENTITY).await
            }
            Failure::Conflict(_) => {
                self.conflict = true;
                if let Some((monitor, began)) = &self.edited {
                    let (id, began) = (monitor.id, *began);
                    let current = monitors::get(&request.context, id).await?;
                    self.edited = Some((current, began));
                }
                self.answer(request, StatusCode::CONFLICT).await
            }
            Failure::NotFound { .. } | Failure::Internal(_) | Failure::NotPossible(_) | Failure::UnderWay(_) => {
                Err(failure.into())
            }
            // The store is busy or full, or whoever typed may not: what was typed must not be lost over that.
            Failure::NotNow { .. }
            | Failure::Store(_)
            | Failure::Denied(_)
            | Failure::NotLetIn
            | Failure::NotProved
            | Failure::TooOften { .. } => {
                let problem = Problem::from(failure);
                self.notice = format!("Not saved yet: {}. What you typed is all here.", problem.detail);
                self.answer(request, problem.status).await
            }
        }
    }

    pub(super) async fn answer(self, request: &PageRequest, status: StatusCode) -> Result<Response, Problem> {
        let now = request.now();
        let title = match &self.edited {
            Some((monitor, _)) => format!("Edit {}", monitor.spec.name),
            None => "Create a monitor".to_owned(),
        };
        // The number in the tab is not worth losing a form over.
        let layout = request.layout_at_any_rate(title, Place::Monitors).await.with_editor();
        let examples = match self.edited {
            None => examples::all(&request.context).await,
            Some(_) => Vec::new(),
        };
        let theirs = match &self.edited {
            Some((monitor, began)) if self.conflict => Some(Theirs::of(monitor, *began, &self.form, now)),
            _ => None,
        };
        let page = FormPage {
            nonce: layout.nonce.clone().unwrap_or_default(),
            layout,
            id: self.edited.as_ref().map(|(monitor, _)| monitor.id),
            stored_name: self.edited.as_ref().map(|(monitor, _)| monitor.spec.name.clone()).unwrap_or_default(),
            // After a conflict the page goes on from what is stored now: who saves again has seen it.
            version: self.edited.as_ref().map(|(monitor, began)| if self.conflict { monitor.version } else { *began }),
            action: match &self.edited {
                Some((monitor, _)) => format!("/monitor/{}/edit", monitor.id),
                None => "/create".to_owned(),
            },
            once: self.once,
            read_back: ReadBack::of(&self.form.schedule, &self.form.timezone, now),
            alerts: alert_options(request, &self.form.alerts).await,
            form: self.form,
            note: self.note,
            faults: self.faults,
            notice: self.notice,
            theirs,
            outcome: self.outcome,
            zones: revere_model::zone_names(),
            run_limit: request.context.defaults().run_limit,
            placeholder: examples.first().map(|example| example.script.clone()).unwrap_or_default(),
            examples,
        };
        request.answer(status, &page.layout, &page)
    }
}

/// The alerts that can be chosen. The page is not worth losing over them.
async fn alert_options(request: &PageRequest, chosen: &[String]) -> Vec<AlertOption> {
    let rows = alerts::settings(&request.context).await.unwrap_or_default();
    let option = |key: &String, gone| AlertOption { key: key.clone(), chosen: chosen.contains(key), gone };
    let configured = rows.iter().filter(|row| row.in_config || chosen.contains(&row.key));
    let mut options: Vec<AlertOption> = configured.map(|row| option(&row.key, !row.in_config)).collect();
    options.extend(chosen.iter().filter(|key| !rows.iter().any(|row| row.key == **key)).map(|key| option(key, true)));
    options
}

#[cfg(test)]
mod tests {
    use revere_model::{MonitorSpec, State};

    use super::{super::form_fields::tests::typed, *};
    use crate::operations::FieldFault;

    #[test]
    fn a_refused_save_keeps_every_field_and_marks_the_wrong_ones() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let faults = Faults(vec![
            FieldFault::new("alarm_after", "\"three\" is not a number"),
            FieldFault { line: Some(3), ..FieldFault::new("script", "line 3: <SyntaxError>") },
            FieldFault::new("tags[1]", "a tag is empty"),
        ]);
        let spec = typed().input();
        let stored = Monitor {
            id: MonitorId(7),
            version: 4,
            spec: MonitorSpec {
                name: spec.name.unwrap(),
                script: "theirs < ours".into(),
                schedule: spec.schedule.unwrap(),
                timezone: spec.timezone.unwrap(),
                ..MonitorSpec::default()
            },
            state: State::Ok,
            severity: None,
            state_since: now,
            created_at: now,
            updated_at: now,
            last_run_at: None,
            last_message: None,
            last_value: None,
            next_run_at: None,
            missed_ticks: 0,
            overlapped_ticks: 0,
            pending: None,
            fault: None,
            waits_for: None,
        };
        let page = FormPage {
            layout: Layout::new("Edit", Place::Monitors, 1, "t").with_editor(),
            nonce: "n".into(),
            id: Some(MonitorId(7)),
            stored_name: "<old>".into(),
            version: Some(4),
            action: "/monitor/7/edit".into(),
            once: once(),
            form: typed(),
            note: "<note>".into(),
            notice: faults.in_words(),
            theirs: Some(Theirs::of(&stored, 3, &typed(), now)),
            outcome: None,
            read_back: ReadBack::of("*/5 * * * *", "Europe/Berlin", now),
            faults,
            zones: vec!["Europe/Berlin".into()],
            alerts: vec![AlertOption { key: "<pager>".into(), chosen: true, gone: true }],
            examples: vec![],
            run_limit: Duration::from_secs(30),
            placeholder: "return_value = \"<1>\"".into(),
        };
        let html = page.render().unwrap();
        assert!(html.contains(">\n\nif a &#60; b:"), "the first newline of a script survives: {html}");
        assert!(html.contains("&#60;/textarea&#62;&#60;script&#62;") && !html.contains("<script>"), "{html}");
        assert!(html.contains(r#"value="three" aria-invalid="true" aria-describedby="alarm_after-fault""#), "{html}");
        assert!(html.contains("data-fault-line=\"3\"") && html.contains("id=\"tags-fault\""));
        assert!(
            html.contains("theirs &#60; ours") && html.contains("description, script, tags, alarm after, time limit"),
            "{html}"
        );
        assert!(html.contains("every 5 minutes") || html.contains("*/5"), "read back in words");
        assert!(html.contains("Wed 1 Jul 2026, 14:05 UTC+2"), "{html}");
    }
}
