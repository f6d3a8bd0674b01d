//! `/alert/{key}/preview`: what an alert would say, and words for it that are only being written.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{MonitorId, State};

use super::{
    display::{Badge, Severe, seen},
    form::{FormTexts, TypedForm},
    layout::{Layout, Place, sentence},
    monitors::SeverityOption,
    page_request::PageRequest,
};
use crate::{
    alerts::{Cut, PreviewPart},
    operations::{
        Context, Failure, FieldFault, Refusal, alerts, deliveries, monitors, overview,
        preview::{self, Draft, Preview, Told},
    },
    store::{DeliveryFilter, MonitorFilter, OverviewFilter},
    web::{
        Problem,
        params::{Key, Params},
    },
    wording::{OwnText, Templates},
};

/// Monitors that can be chosen from a list; any other is typed.
const NAMES: u32 = 200;

#[derive(Template)]
#[template(path = "pages/alert_preview.html")]
struct PreviewPage {
    layout: Layout,
    key: String,
    kind: String,
    /// What is told, as the form has it.
    monitor: String,
    /// Names to choose from.
    names: Vec<String>,
    run: String,
    states: Vec<StateOption>,
    severities: Vec<SeverityOption>,
    said: Option<SaidPart>,
    /// The boxes for words; none where the type takes none.
    boxes: Vec<WordsBox>,
    /// What was typed, as the configuration would have it.
    for_config: Option<String>,
    /// What is wrong and belongs to no box.
    notice: Option<String>,
}

/// What would be said.
struct SaidPart {
    monitor: MonitorId,
    monitor_name: String,
    old: Badge,
    new: Badge,
    severity: Severe,
    run: Option<String>,
    is_example: bool,
    /// What is made of the alert's words; all there is, where nothing is.
    words: Vec<PreviewPart>,
    /// What else is sent.
    others: Vec<PreviewPart>,
    cuts: Vec<String>,
    /// Templates that fail, and why.
    failed: Vec<(&'static str, String)>,
}

/// A box for a template.
struct WordsBox {
    name: &'static str,
    label: &'static str,
    rows: usize,
    template: String,
    fault: Option<String>,
}

struct StateOption {
    state: State,
    chosen: bool,
}

/// The page.
pub(super) async fn show(request: PageRequest, Key(key): Key<String>, mut params: Params) -> Result<Response, Problem> {
    let wanted = params.text("monitor").unwrap_or_default();
    let told = Told {
        monitor: MonitorId(0),
        state: params.parsed("state", "OK, ALARM, ERROR or INACTIVE"),
        severity: params.parsed("severity", "critical or warning"),
        run: params.parsed("run", "the id of a run"),
    };
    let told = params.finish(told)?;
    // What there is to see without a monitor, too.
    let entry = alerts::get(&request.context, &key).await?.entry;
    let found = match wanted.trim() {
        "" => a_monitor(&request.context, &key).await,
        words => monitors::named(&request.context, words).await.map(Some),
    };
    let found = match found {
        Err(Failure::NotPossible(why)) => {
            let mut page = PreviewPage::new(&request, &key, &Typed { monitor: wanted, ..Typed::of(&told) }).await?;
            page.kind = entry.map(|entry| entry.kind).unwrap_or_default();
            page.notice = Some(sentence(&why));
            return request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page);
        }
        found => found?,
    };
    let Some(monitor) = found else {
        let mut page = PreviewPage::new(&request, &key, &Typed::of(&told)).await?;
        page.kind = entry.map(|entry| entry.kind).unwrap_or_default();
        page.monitor = String::new();
        page.notice = Some("There is no monitor yet of which something could be said.".to_owned());
        return request.answer(StatusCode::OK, &page.layout, &page);
    };
    let told = Told { monitor, ..told };
    let preview = preview::show(&request.context, &key, told).await?;
    let mut page = PreviewPage::new(&request, &key, &Typed::of(&told)).await?;
    page.boxes = preview.templates.as_ref().map(WordsBox::all).unwrap_or_default();
    page.say(preview);
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/alert/{key}/preview`, sent: words that are only being written.
pub(super) async fn tried(request: PageRequest, Key(key): Key<String>, form: TypedForm) -> Result<Response, Problem> {
    let (form, lost) = match &form {
        TypedForm::Ours(form) => (&**form, false),
        TypedForm::Lost(texts) => (texts, true),
    };
    let typed = Typed::read(form);
    let mut page = PreviewPage::new(&request, &key, &typed).await?;
    let written = |one: OwnText| form.text(one.as_str()).to_owned();
    let mut templates = Templates::default();
    for one in OwnText::ALL {
        templates.set(one, Some(written(one)).filter(|text| !text.trim().is_empty()));
    }
    page.boxes = WordsBox::all(&templates);
    if lost {
        page.notice =
            Some("Nothing was tried: this page was out of date. Your words are still here; try them again.".to_owned());
        return request.answer(StatusCode::FORBIDDEN, &page.layout, &page);
    }
    let draft = Draft {
        text: Some(written(OwnText::Text)),
        subject: Some(written(OwnText::Subject)),
        short: Some(written(OwnText::Short)),
    };
    let (told, faults) = typed.told();
    match preview::try_words(&request.context, &key, told, draft, faults).await {
        Ok(preview) => {
            page.for_config = Some(for_config(&templates)).filter(|lines| !lines.is_empty());
            page.say(preview);
            request.answer(StatusCode::OK, &page.layout, &page)
        }
        Err(Failure::Refused(refusal)) => {
            page.refuse(refusal);
            request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
        }
        Err(failure @ (Failure::NotFound { .. } | Failure::NotPossible(_) | Failure::NotNow { .. })) => {
            page.notice = Some(sentence(&failure.to_string()));
            request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// One of which the alert told last, or any.
async fn a_monitor(context: &Context, key: &str) -> Result<Option<MonitorId>, Failure> {
    let filter = DeliveryFilter { alert: Some(key.to_owned()), limit: 1, ..DeliveryFilter::default() };
    if let Some(last) = deliveries::list(context, &filter).await?.pop()
        && monitors::get(context, last.monitor_id).await.is_ok()
    {
        return Ok(Some(last.monitor_id));
    }
    let filter = MonitorFilter { limit: 1, ..MonitorFilter::default() };
    Ok(monitors::list(context, &filter, usize::MAX).await?.0.pop().map(|monitor| monitor.id))
}

/// Names of monitors to choose from, as many as a list of them is good for.
async fn names(context: &Context) -> Result<Vec<String>, Failure> {
    let filter = OverviewFilter { limit: NAMES, ..OverviewFilter::default() };
    Ok(overview::list(context, &filter).await?.into_iter().map(|row| row.name).collect())
}

/// What is told, as it was typed or chosen.
struct Typed {
    monitor: String,
    state: String,
    severity: String,
    run: String,
}

impl Typed {
    fn of(told: &Told) -> Typed {
        Typed {
            monitor: told.monitor.to_string(),
            state: told.state.map(|state| state.to_string()).unwrap_or_default(),
            severity: told.severity.map(|severity| severity.to_string()).unwrap_or_default(),
            run: told.run.map(|run| run.to_string()).unwrap_or_default(),
        }
    }

    fn read(form: &FormTexts) -> Typed {
        let text = |name| form.text(name).trim().to_owned();
        Typed { monitor: text("monitor"), state: text("state"), severity: text("severity"), run: text("run") }
    }

    fn told(&self) -> (Told, Vec<FieldFault>) {
        fn read<T: std::str::FromStr>(
            text: &str,
            field: &str,
            expected: &str,
            faults: &mut Vec<FieldFault>,
        ) -> Option<T> {
            let read = (!text.is_empty()).then(|| text.parse().ok());
            if read.as_ref().is_some_and(Option::is_none) {
                faults.push(FieldFault::new(field, format!("expected {expected}")));
            }
            read.flatten()
        }
        let mut faults = Vec::new();
        let monitor = read(&self.monitor, "monitor", "the number of a monitor", &mut faults);
        if self.monitor.is_empty() {
            faults.push(FieldFault::new("monitor", "missing; expected the number of a monitor"));
        }
        let told = Told {
            monitor: monitor.unwrap_or(MonitorId(0)),
            state: read(&self.state, "state", "OK, ALARM, ERROR or INACTIVE", &mut faults),
            severity: read(&self.severity, "severity", "critical or warning", &mut faults),
            run: read(&self.run, "run", "the number of a run", &mut faults),
        };
        (told, faults)
    }
}

impl PreviewPage {
    async fn new(request: &PageRequest, key: &str, typed: &Typed) -> Result<PreviewPage, Problem> {
        Ok(PreviewPage {
            layout: request.layout(format!("Preview of {key}"), Place::Alerts).await?,
            key: key.to_owned(),
            kind: String::new(),
            monitor: typed.monitor.clone(),
            names: names(&request.context).await?,
            run: typed.run.clone(),
            states: State::ALL
                .into_iter()
                .map(|state| StateOption { state, chosen: state.as_str() == typed.state })
                .collect(),
            severities: SeverityOption::all(typed.severity.parse().ok()),
            said: None,
            boxes: Vec::new(),
            for_config: None,
            notice: None,
        })
    }

    fn say(&mut self, preview: Preview) {
        let Preview { kind, notification, is_example, message, .. } = preview;
        self.kind = kind;
        let is_said = message.parts.iter().any(|part| !part.made_of.is_empty());
        let (words, others) = message.parts.into_iter().partition(|part| !is_said || !part.made_of.is_empty());
        self.said = Some(SaidPart {
            monitor: notification.monitor.id,
            monitor_name: seen(&notification.monitor.name),
            old: Badge::State(notification.old_state),
            new: Badge::State(notification.new_state),
            severity: Severe(notification.severity()),
            run: notification.run_id.map(|run| run.to_string()),
            is_example,
            words,
            others,
            cuts: message.cuts.iter().map(in_words).collect(),
            failed: message.failed.into_iter().map(|(one, error)| (one.as_str(), error.to_string())).collect(),
        });
    }

    /// Shows what is wrong where it stands.
    fn refuse(&mut self, refusal: Refusal) {
        let mut elsewhere = Vec::new();
        for fault in refusal.faults {
            let words = match fault.line {
                Some(line) => format!("Line {line}: {}", fault.message),
                None => fault.message,
            };
            match self.boxes.iter_mut().find(|one| one.name == fault.field) {
                Some(one) => one.fault = Some(words),
                None => elsewhere.push(format!("{}: {words}", fault.field)),
            }
        }
        self.notice = (!elsewhere.is_empty()).then(|| elsewhere.join("; "));
    }
}

impl WordsBox {
    fn all(templates: &Templates) -> Vec<WordsBox> {
        let one = |one: OwnText, label, rows| WordsBox {
            name: one.as_str(),
            label,
            rows,
            template: templates.get(one).unwrap_or_default().to_owned(),
            fault: None,
        };
        vec![
            one(OwnText::Text, "Text", 6),
            one(OwnText::Subject, "One line: the subject of a mail, a title", 2),
            one(OwnText::Short, "One text message", 2),
        ]
    }
}

fn in_words(cut: &Cut) -> String {
    let what = match cut.what {
        "message" => "The run’s message",
        "return_value" => "The value",
        "name" => "The monitor’s name",
        "subject" => "The line",
        "short" => "The text message",
        _ => "The text",
    };
    format!("{what} is cut to {} of {} characters", cut.kept, cut.of)
}

/// The templates as `config.py` has them: a line of Python for each line of them.
fn for_config(templates: &Templates) -> String {
    let mut lines = String::new();
    for (one, template) in templates.all() {
        let name = format!("'{}': ", one.as_str());
        let mut pieces: Vec<String> = template.split_inclusive('\n').map(python_text).collect();
        if pieces.is_empty() {
            pieces.push(python_text(""));
        }
        let indent = format!("\n{}", " ".repeat(name.len()));
        lines.push_str(&format!("{name}{},\n", pieces.join(&indent)));
    }
    lines
}

/// A text as Python writes it.
fn python_text(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || crate::alerts::plain_text::turns_direction(c) => {
                quoted.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use revere_model::Severity;

    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn what_is_said_and_typed_is_inert() {
        let part = || PreviewPart { name: HOSTILE.into(), text: HOSTILE.into(), made_of: vec![OwnText::Text] };
        let page = PreviewPage {
            layout: Layout::new("Preview", Place::Alerts, 0, "t"),
            key: HOSTILE.into(),
            kind: HOSTILE.into(),
            monitor: HOSTILE.into(),
            names: vec![HOSTILE.into()],
            run: HOSTILE.into(),
            states: vec![StateOption { state: State::Ok, chosen: true }],
            severities: SeverityOption::all(Some(Severity::Warning)),
            said: Some(SaidPart {
                monitor: MonitorId(3),
                monitor_name: HOSTILE.into(),
                old: Badge::State(State::Ok),
                new: Badge::State(State::Alarm),
                severity: Severe(Some(Severity::Warning)),
                run: Some(HOSTILE.into()),
                is_example: true,
                words: vec![part()],
                others: vec![part()],
                cuts: vec![HOSTILE.into()],
                failed: vec![("text", HOSTILE.into())],
            }),
            boxes: vec![WordsBox {
                name: "text",
                label: "Text",
                rows: 2,
                template: HOSTILE.into(),
                fault: Some(HOSTILE.into()),
            }],
            for_config: Some(HOSTILE.into()),
            notice: Some(HOSTILE.into()),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }

    #[test]
    fn words_are_written_as_python_has_them() {
        let templates =
            Templates { text: Some("it's\n{{ x }}\\".into()), short: Some("\u{202e}".into()), subject: None };
        assert_eq!(for_config(&templates), "'text': 'it\\'s\\n'\n        '{{ x }}\\\\',\n'short': '\\U0000202e',\n");
    }
}
