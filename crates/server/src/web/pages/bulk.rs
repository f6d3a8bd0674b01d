//! Many monitors at once: pause, resume, mute, tag, delete, or another schedule, time zone, retention or time limit.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{Monitor, MonitorId, Operation};

use super::{
    bulk_setting::Setting,
    deleted::Undo,
    form::Form,
    layout::{Layout, Place},
    mutes::of_monitors,
    own_address,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Context, Failure, deleted_monitors,
        monitors::{self, MonitorInput},
        mutes,
    },
    web::Problem,
};

/// What the page's buttons ask for.
const ACTIONS: [&str; 7] = ["pause", "resume", "mute", "tag", "untag", "set", "delete"];

/// More than a page holds are not chosen by hand.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "pages/delete_many.html")]
struct DeleteManyPage {
    layout: Layout,
    chosen: Vec<Chosen>,
    back: String,
    /// How long they can be brought back.
    days: u32,
    wrong: bool,
}

/// What was done to how many, as an address says it to the page that follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Done {
    pub(super) words: String,
}

impl Done {
    fn address(back: &str, action: &str, number: usize) -> String {
        let joint = if back.contains('?') { '&' } else { '?' };
        format!("{back}{joint}done={action}.{number}")
    }

    /// `pause.2`
    pub(super) fn read(text: &str) -> Option<Done> {
        let (action, number) = text.split_once('.')?;
        let number: u32 = number.parse().ok()?;
        let monitors = if number == 1 { "1 monitor".to_owned() } else { format!("{number} monitors") };
        let words = match (action, number) {
            ("none", _) => "No monitor was chosen: nothing was changed.".to_owned(),
            ("tag" | "untag", 0) => {
                "Nothing was changed: name a tag that the chosen monitors do not have yet, or one that they have."
                    .to_owned()
            }
            (_, 0) => "Nothing was changed: the chosen monitors are gone.".to_owned(),
            ("pause", _) => format!("{monitors} paused."),
            ("resume", _) => format!("{monitors} resumed."),
            ("tag", _) => format!("{monitors} tagged."),
            ("set", _) => format!("{monitors} changed."),
            ("untag", _) => format!("A tag was removed from {monitors}."),
            _ => return None,
        };
        Some(Done { words })
    }
}

struct Chosen {
    id: MonitorId,
    name: String,
}

/// What was asked for, for each monitor that was chosen. One that is gone meanwhile is passed over.
pub(super) async fn change(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let back = own_address(form.text("back")).to_owned();
    let Some(action) = ACTIONS.into_iter().find(|action| *action == form.text("do")) else {
        let detail = format!("there is no such thing to do with many monitors; `do` is one of {}", ACTIONS.join(", "));
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    let mut chosen = Vec::new();
    for id in form.all("pick").take(MOST).filter_map(|id| id.parse::<MonitorId>().ok()) {
        match monitor(&request.context, id).await? {
            Some(monitor) => chosen.push(monitor),
            None => continue,
        }
    }
    if chosen.is_empty() {
        return Ok(see(Done::address(&back, "none", 0)));
    }
    if action == "delete" && form.text("typed").trim() != format!("delete {}", chosen.len()) {
        let wrong = form.has("typed");
        return ask(&request, chosen, back, wrong).await;
    }
    // All or none: half of them done is worse than a refusal that says why.
    let operation = match action {
        "delete" => Operation::DeleteMonitor,
        "mute" => Operation::Mute,
        _ => Operation::EditMonitor,
    };
    for monitor in &chosen {
        request.context.must_with(operation, monitor.id, &monitor.spec.tags)?;
    }
    let ids: Vec<MonitorId> = chosen.iter().map(|monitor| monitor.id).collect();
    if action == "mute" {
        // One mute for all of them, which one click ends.
        mutes::add(&request.context, of_monitors(ids, &form)).await?;
        return Ok(see(back));
    }
    let tag = form.text("tag").trim().to_owned();
    let set = match action {
        "set" => match Setting::read(&form) {
            // Its page asks for the value, or says what is wrong with the one that was typed.
            Err(setting) => return setting.ask(&request, chosen, back).await,
            Ok(input) => Some(input),
        },
        _ => None,
    };
    if action == "delete" {
        for id in &ids {
            unless_gone(monitors::delete(&request.context, *id, None).await)?;
        }
        return Ok(see(Undo::address(&back, &ids)));
    }
    // What one of them may not become is found before another one is changed.
    let mut inputs = Vec::with_capacity(chosen.len());
    for monitor in &chosen {
        let Some(input) = set.clone().or_else(|| input(action, &tag, monitor)) else { continue };
        monitors::would_update(&request.context, monitor, &input).await?;
        inputs.push((monitor.id, input));
    }
    let mut changed = 0;
    for (id, input) in inputs {
        let done = monitors::update(&request.context, id, None, &input).await.map(drop);
        changed += usize::from(unless_gone(done)?);
    }
    Ok(see(Done::address(&back, action, changed)))
}

/// Whether it was done; not, if the monitor is gone meanwhile.
fn unless_gone(done: Result<(), Failure>) -> Result<bool, Failure> {
    match done {
        Ok(()) => Ok(true),
        Err(Failure::NotFound { .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn input(action: &str, tag: &str, monitor: &Monitor) -> Option<MonitorInput> {
    let tags = &monitor.spec.tags;
    let has = tags.iter().any(|one| one.to_lowercase() == tag.to_lowercase());
    match action {
        "pause" => Some(MonitorInput { active: Some(false), ..MonitorInput::default() }),
        "resume" => Some(MonitorInput { active: Some(true), ..MonitorInput::default() }),
        "tag" if !tag.is_empty() && !has => {
            let tags = tags.iter().cloned().chain([tag.to_owned()]).collect();
            Some(MonitorInput { tags: Some(tags), ..MonitorInput::default() })
        }
        "untag" if has => {
            let tags = tags.iter().filter(|one| one.to_lowercase() != tag.to_lowercase()).cloned().collect();
            Some(MonitorInput { tags: Some(tags), ..MonitorInput::default() })
        }
        _ => None,
    }
}

async fn ask(request: &PageRequest, chosen: Vec<Monitor>, back: String, wrong: bool) -> Result<Response, Problem> {
    let page = DeleteManyPage {
        layout: request.layout("Delete monitors", Place::Monitors).await?,
        chosen: chosen.into_iter().map(|monitor| Chosen { id: monitor.id, name: monitor.spec.name }).collect(),
        back,
        days: deleted_monitors::days_kept(&request.context)?,
        wrong,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    request.answer(status, &page.layout, &page)
}

async fn monitor(context: &Context, id: MonitorId) -> Result<Option<Monitor>, Failure> {
    match monitors::get(context, id).await {
        Ok(monitor) => Ok(Some(monitor)),
        Err(Failure::NotFound { .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}
