//! `/create` and `/monitor/{id}/edit`: the author's page. A refused save shows the same page, its fields kept.

use std::{
    collections::VecDeque,
    fmt::{self, Display, Formatter},
    sync::{Arc, LazyLock, Mutex},
};

use askama::{Template, filters::HtmlSafe};
use axum::{extract::State as Extract, http::StatusCode, response::Response};
use revere_model::{Monitor, MonitorId, MonitorSpec};
use tokio::sync::OnceCell;

use super::{
    examples, failing,
    form::Form,
    form_token::FormToken,
    outcome::{self, OutcomeView},
    parts::{Escaped, When},
    see,
    shell::{self, Place, Shell},
};
use crate::web::{
    FieldFault, Problem, WebState,
    operations::{
        Failure,
        monitors::{self, MonitorInput},
        of, schedule,
    },
    params::{Key, Params},
};

#[derive(Template)]
#[template(path = "pages/monitor_form.html")]
struct FormPage {
    shell: Shell,
    nonce: String,
    /// The monitor that is edited.
    id: Option<MonitorId>,
    stored_name: String,
    version: Option<i64>,
    action: String,
    once: String,
    form: Typed,
    faults: Faults,
    notice: String,
    theirs: Option<Theirs>,
    outcome: Option<OutcomeView>,
    read_back: Option<ReadBack>,
    zones: Vec<String>,
}

/// What stands in the fields, as it was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Typed {
    name: String,
    description: String,
    script: String,
    schedule: String,
    timezone: String,
    active: bool,
    tags: String,
    alarm_after: String,
    recover_after: String,
    retain_days: String,
    timeout_s: String,
}

/// What is wrong, for each field.
#[derive(Clone, Debug, Default)]
struct Faults(Vec<FieldFault>);

/// The schedule in words.
struct ReadBack {
    words: String,
    ticks: Vec<String>,
}

/// What someone else saved meanwhile.
struct Theirs {
    id: MonitorId,
    version: i64,
    at: When,
    changed: String,
    script: Option<String>,
}

/// `/create`, empty, or with `from=ID` or `example=NAME` to begin with.
pub(super) async fn create(
    Extract(state): Extract<WebState>,
    token: FormToken,
    mut params: Params,
) -> Result<Response, Problem> {
    let from = params.parsed::<MonitorId>("from", "the id of a monitor");
    let example = params.text("example");
    let (from, example) = params.finish((from, example))?;
    let mut form = Typed::blank(&state);
    if let Some(id) = from {
        let monitor = state.store.monitor(id).await.map_err(of("monitor", id))?;
        form = Typed::of(&monitor.spec);
        form.name = format!("{} (copy)", monitor.spec.name).chars().take(revere_model::MAX_NAME).collect();
    } else if let Some(example) = example.as_deref().and_then(examples::find) {
        form.name = example.name.to_owned();
        form.description = example.description.to_owned();
        form.script = example.script.to_owned();
        form.schedule = example.schedule.to_owned();
        form.tags = example.tags.to_owned();
    }
    draft(form).answer(&state, &token, StatusCode::OK).await
}

/// `/create`, sent.
pub(super) async fn created(
    Extract(state): Extract<WebState>,
    token: FormToken,
    form: Form,
) -> Result<Response, Problem> {
    let typed = Typed::read(&form);
    let mut draft = draft(typed.clone());
    let once_text = form.text("once");
    if is_once(once_text) {
        draft.once = once_text.to_owned();
    }
    if !form.ours {
        return draft.lost(&state, &token).await;
    }
    if form.text("do") == "try" {
        return draft.tried(&state, &token).await;
    }
    match create_once(&state, once_text, typed.input()).await {
        Ok(id) => Ok(see(format!("/monitor/{id}"))),
        Err(failure) => draft.refused(&state, &token, failure).await,
    }
}

/// `/monitor/{id}/edit`
pub(super) async fn edit(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    token: FormToken,
) -> Result<Response, Problem> {
    let monitor = state.store.monitor(id).await.map_err(of("monitor", id))?;
    let form = Typed::of(&monitor.spec);
    let version = monitor.version;
    Draft { edited: Some((monitor, version)), ..draft(form) }.answer(&state, &token, StatusCode::OK).await
}

/// `/monitor/{id}/edit`, sent.
pub(super) async fn edited(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    token: FormToken,
    form: Form,
) -> Result<Response, Problem> {
    let monitor = state.store.monitor(id).await.map_err(of("monitor", id))?;
    let typed = Typed::read(&form);
    // A form without a version began from nothing that is known: it is told what is stored before it replaces it.
    let version = form.text("version").parse().unwrap_or(0);
    let draft = Draft { edited: Some((monitor, version)), ..draft(typed.clone()) };
    if !form.ours {
        return draft.lost(&state, &token).await;
    }
    if form.text("do") == "try" {
        return draft.tried(&state, &token).await;
    }
    match monitors::replace(&state, id, Some(version), &typed.input()).await {
        Ok(monitor) => Ok(see(format!("/monitor/{}", monitor.id))),
        Err(failure) => draft.refused(&state, &token, failure).await,
    }
}

/// Marks one showing of a form, so that sending it twice makes one monitor.
pub(super) fn once() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn is_once(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a monitor, or answers the one that the same showing of the form has made, or is making right now.
pub(super) async fn create_once(state: &WebState, once: &str, input: MonitorInput) -> Result<MonitorId, Failure> {
    type Made = VecDeque<(String, Arc<OnceCell<MonitorId>>)>;
    /// As many forms as could be sent twice at about the same time.
    const REMEMBERED: usize = 10_000;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);

    if !is_once(once) {
        return Ok(monitors::create(state, input).await?.id);
    }
    let cell = {
        let mut made = MADE.lock().expect("no code panics while it holds this lock");
        match made.iter().find(|(known, _)| known == once) {
            Some((_, cell)) => cell.clone(),
            None => {
                let cell = Arc::new(OnceCell::new());
                made.push_back((once.to_owned(), cell.clone()));
                if made.len() > REMEMBERED {
                    made.pop_front();
                }
                cell
            }
        }
    };
    cell.get_or_try_init(|| async { Ok(monitors::create(state, input).await?.id) }).await.copied()
}

/// A page on its way.
struct Draft {
    /// The monitor that is edited, as it is stored, and the version the edit began from.
    edited: Option<(Monitor, i64)>,
    form: Typed,
    once: String,
    faults: Faults,
    notice: String,
    conflict: bool,
    outcome: Option<OutcomeView>,
}

fn draft(form: Typed) -> Draft {
    Draft {
        edited: None,
        form,
        once: once(),
        faults: Faults::default(),
        notice: String::new(),
        conflict: false,
        outcome: None,
    }
}

impl Draft {
    /// The browser's cookie is gone, or the page is older than it.
    async fn lost(mut self, state: &WebState, token: &FormToken) -> Result<Response, Problem> {
        self.notice =
            "This page had lost touch with your browser, so nothing was saved yet. What you typed is all here: \
                       press save again."
                .to_owned();
        self.answer(state, token, StatusCode::FORBIDDEN).await
    }

    async fn tried(mut self, state: &WebState, token: &FormToken) -> Result<Response, Problem> {
        let monitor = self.edited.as_ref().map(|(monitor, _)| monitor.id);
        match outcome::run(state, &self.form.script, &self.form.timeout_s, monitor).await {
            Ok(outcome) => self.outcome = Some(outcome),
            Err(problem) => {
                self.notice = problem.detail.clone();
                self.faults = Faults(problem.faults);
            }
        }
        self.answer(state, token, StatusCode::OK).await
    }

    async fn refused(mut self, state: &WebState, token: &FormToken, failure: Failure) -> Result<Response, Problem> {
        match failure {
            Failure::Refused(refusal) | Failure::TooLarge(refusal) => {
                self.faults = Faults(refusal.faults);
                self.notice = self.faults.in_words();
                self.answer(state, token, StatusCode::UNPROCESSABLE_ENTITY).await
            }
            Failure::Conflict(_) => {
                self.conflict = true;
                if let Some((monitor, _)) = &self.edited {
                    let id = monitor.id;
                    let current = state.store.monitor(id).await.map_err(of("monitor", id))?;
                    self.edited = Some((current, 0));
                }
                self.answer(state, token, StatusCode::CONFLICT).await
            }
            Failure::NotFound { .. } | Failure::Internal(_) | Failure::NotPossible(_) => Err(failure.into()),
            // The store is busy or full: what was typed must not be lost over that.
            Failure::NotNow { .. } | Failure::Store(_) => {
                let problem = Problem::from(failure);
                self.notice = format!("Not saved yet: {}. What you typed is all here.", problem.detail);
                self.answer(state, token, problem.status).await
            }
        }
    }

    async fn answer(self, state: &WebState, token: &FormToken, status: StatusCode) -> Result<Response, Problem> {
        let now = state.clock.now();
        let title = match &self.edited {
            Some((monitor, _)) => format!("Edit {}", monitor.spec.name),
            None => "Create a monitor".to_owned(),
        };
        // The number in the tab is not worth losing a form over.
        let failing = failing(state).await.unwrap_or(0);
        let shell = Shell::new(title, Place::Monitors, failing, token).with_editor();
        let theirs = match &self.edited {
            Some((monitor, _)) if self.conflict => Some(Theirs::of(monitor, &self.form, now)),
            _ => None,
        };
        let page = FormPage {
            nonce: shell.nonce.clone().unwrap_or_default(),
            shell,
            id: self.edited.as_ref().map(|(monitor, _)| monitor.id),
            stored_name: self.edited.as_ref().map(|(monitor, _)| monitor.spec.name.clone()).unwrap_or_default(),
            // After a conflict the page goes on from what is stored now: who saves again has seen it.
            version: self.edited.as_ref().map(|(monitor, began)| if self.conflict { monitor.version } else { *began }),
            action: match &self.edited {
                Some((monitor, _)) => format!("/monitor/{}/edit", monitor.id),
                None => "/create".to_owned(),
            },
            once: self.once,
            read_back: ReadBack::of(&self.form, now),
            form: self.form,
            faults: self.faults,
            notice: self.notice,
            theirs,
            outcome: self.outcome,
            zones: zones(),
        };
        let mut response = shell::page(status, &page.shell, &page)?;
        token.keep(&mut response);
        Ok(response)
    }
}

fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

impl Typed {
    fn blank(state: &WebState) -> Typed {
        Typed {
            name: String::new(),
            description: String::new(),
            script: String::new(),
            schedule: "*/5 * * * *".to_owned(),
            timezone: state.defaults.timezone.clone(),
            active: true,
            tags: String::new(),
            alarm_after: "1".to_owned(),
            recover_after: "1".to_owned(),
            retain_days: state.defaults.retain_days.map_or_else(String::new, |days| days.to_string()),
            timeout_s: String::new(),
        }
    }

    fn of(spec: &MonitorSpec) -> Typed {
        Typed {
            name: spec.name.clone(),
            description: spec.description.clone(),
            script: spec.script.clone(),
            schedule: spec.schedule.clone(),
            timezone: spec.timezone.clone(),
            active: spec.active,
            tags: spec.tags.join(", "),
            alarm_after: spec.alarm_after.to_string(),
            recover_after: spec.recover_after.to_string(),
            retain_days: spec.retain_days.map_or_else(String::new, |days| days.to_string()),
            timeout_s: spec.timeout_s.map_or_else(String::new, |seconds| seconds.to_string()),
        }
    }

    fn read(form: &Form) -> Typed {
        let line = |name| form.text(name).trim().to_owned();
        Typed {
            name: line("name"),
            description: form.text("description").to_owned(),
            script: form.text("script").to_owned(),
            schedule: line("schedule"),
            timezone: line("timezone"),
            active: form.has("active"),
            tags: line("tags"),
            alarm_after: line("alarm_after"),
            recover_after: line("recover_after"),
            retain_days: line("retain_days"),
            timeout_s: line("timeout_s"),
        }
    }

    /// What was typed, with a fault for each number that is none.
    fn input(&self) -> MonitorInput {
        let mut faults = Vec::new();
        let mut wrong = |field: &str, text: &str, expected: &str| {
            let short: String = text.chars().take(40).collect();
            faults.push(FieldFault::new(field, format!("{short:?} is not {expected}")));
        };
        let streak = |field: &str, text: &str, wrong: &mut dyn FnMut(&str, &str, &str)| match text.parse::<u32>() {
            Ok(runs) => Some(runs),
            Err(_) => {
                wrong(field, text, "a whole number of runs, such as 1 or 3");
                None
            }
        };
        let alarm_after = streak("alarm_after", &self.alarm_after, &mut wrong);
        let recover_after = streak("recover_after", &self.recover_after, &mut wrong);
        let retain_days = match self.retain_days.as_str() {
            "" => Some(None),
            text => match text.parse::<u32>() {
                Ok(days) => Some(Some(days)),
                Err(_) => {
                    wrong("retain_days", text, "a whole number of days; leave it empty to keep runs for ever");
                    None
                }
            },
        };
        let timeout_s = match self.timeout_s.replace(',', ".").as_str() {
            "" => Some(None),
            text => match text.parse::<f64>() {
                Ok(seconds) => Some(Some(seconds)),
                Err(_) => {
                    wrong("timeout_s", text, "a number of seconds; leave it empty for the server's limit");
                    None
                }
            },
        };
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        MonitorInput {
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            script: Some(self.script.clone()),
            schedule: Some(self.schedule.clone()),
            timezone: Some(self.timezone.clone()),
            active: Some(self.active),
            retain_days,
            timeout_s,
            tags: Some(tags),
            alarm_after,
            recover_after,
            faults,
        }
    }
}

impl ReadBack {
    fn of(form: &Typed, now: jiff::Timestamp) -> Option<ReadBack> {
        let preview = schedule::preview(&form.schedule, &form.timezone, now).ok()?;
        Some(ReadBack { words: preview.words, ticks: preview.ticks.iter().map(tick_words).collect() })
    }
}

/// A tick as a person reads it, in its zone.
pub(super) fn tick_words(tick: &jiff::Zoned) -> String {
    let form = if tick.second() == 0 { "%a %-d %b %Y, %H:%M %Z" } else { "%a %-d %b %Y, %H:%M:%S %Z" };
    tick.strftime(form).to_string()
}

impl Theirs {
    fn of(stored: &Monitor, mine: &Typed, now: jiff::Timestamp) -> Theirs {
        let theirs = Typed::of(&stored.spec);
        let fields = [
            ("name", theirs.name != mine.name),
            ("description", theirs.description != mine.description),
            ("script", theirs.script != mine.script),
            ("schedule", theirs.schedule != mine.schedule),
            ("time zone", theirs.timezone != mine.timezone),
            ("on or off", theirs.active != mine.active),
            ("tags", theirs.tags != mine.tags),
            ("alarm after", theirs.alarm_after != mine.alarm_after),
            ("recover after", theirs.recover_after != mine.recover_after),
            ("days kept", theirs.retain_days != mine.retain_days),
            ("time limit", theirs.timeout_s != mine.timeout_s),
        ];
        let changed: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
        Theirs {
            id: stored.id,
            version: stored.version,
            at: When { at: stored.updated_at, now },
            changed: if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") },
            script: (theirs.script != mine.script).then_some(theirs.script),
        }
    }
}

/// What a field says of its fault: attributes of the field, and the words beneath it.
struct Attributes(Option<String>);
struct Words<'a>(&'a str, Vec<&'a str>);

impl Faults {
    fn of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a FieldFault> {
        self.0.iter().filter(move |fault| fault.field.split('[').next() == Some(field))
    }

    fn attributes(&self, field: &str) -> Attributes {
        Attributes(self.of(field).next().map(|_| field.to_owned()))
    }

    fn shown<'a>(&'a self, field: &'a str) -> Words<'a> {
        Words(field, self.of(field).map(|fault| fault.message.as_str()).collect())
    }

    fn line(&self) -> Option<u32> {
        self.of("script").find_map(|fault| fault.line)
    }

    fn in_words(&self) -> String {
        match self.0.as_slice() {
            [fault] if fault.field.is_empty() => format!("Not saved: {}.", fault.message),
            [_] => "Not saved: one field needs another look. What you typed is all here.".to_owned(),
            faults => format!("Not saved: {} fields need another look. What you typed is all here.", faults.len()),
        }
    }
}

impl Display for Attributes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(field) => write!(f, r#" aria-invalid="true" aria-describedby="{field}-fault""#),
            None => Ok(()),
        }
    }
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.1.is_empty() {
            return Ok(());
        }
        write!(f, r#"<p class="fault" id="{}-fault"><span>{}</span></p>"#, self.0, Escaped(&self.1.join("; ")))
    }
}

impl HtmlSafe for Attributes {}
impl HtmlSafe for Words<'_> {}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use revere_model::State;

    use super::*;

    fn typed() -> Typed {
        Typed {
            name: "<Queue>".into(),
            description: "</textarea><script>".into(),
            script: "\nif a < b:\n    pass".into(),
            schedule: "*/5 * * * *".into(),
            timezone: "Europe/Berlin".into(),
            active: true,
            tags: "a, , b".into(),
            alarm_after: "three".into(),
            recover_after: "1".into(),
            retain_days: String::new(),
            timeout_s: "2,5".into(),
        }
    }

    #[test]
    fn numbers_that_are_none_are_faults_at_their_field() {
        let input = typed().input();
        assert_eq!(input.faults.len(), 1);
        assert_eq!(input.faults[0].field, "alarm_after");
        assert_eq!(input.tags.unwrap(), ["a", "b"]);
        assert_eq!((input.retain_days, input.timeout_s), (Some(None), Some(Some(2.5))));
    }

    #[test]
    fn a_refused_save_keeps_every_field_and_marks_the_wrong_ones() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let token = FormToken::of(&HeaderMap::new(), false);
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
                description: String::new(),
                script: "theirs < ours".into(),
                schedule: spec.schedule.unwrap(),
                timezone: spec.timezone.unwrap(),
                active: true,
                retain_days: None,
                timeout_s: None,
                tags: vec![],
                alarm_after: 1,
                recover_after: 1,
            },
            state: State::Ok,
            state_since: now,
            created_at: now,
            updated_at: now,
            last_run_at: None,
            last_message: None,
            last_value: None,
            next_run_at: None,
            missed_ticks: 0,
            overlapped_ticks: 0,
            fault: None,
        };
        let page = FormPage {
            shell: Shell::new("Edit", Place::Monitors, 1, &token).with_editor(),
            nonce: "n".into(),
            id: Some(MonitorId(7)),
            stored_name: "<old>".into(),
            version: Some(4),
            action: "/monitor/7/edit".into(),
            once: once(),
            form: typed(),
            notice: faults.in_words(),
            theirs: Some(Theirs::of(&stored, &typed(), now)),
            outcome: None,
            read_back: ReadBack::of(&typed(), now),
            faults,
            zones: vec!["Europe/Berlin".into()],
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
        assert!(html.contains("Wed 1 Jul 2026, 14:05 CEST"), "{html}");
    }
}
