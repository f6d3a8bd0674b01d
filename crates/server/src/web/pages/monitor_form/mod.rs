//! `/create` and `/monitor/{id}/edit`: the author's page. A refused save shows the same page, its fields kept.

mod create_once;
mod draft;
mod faults;
mod form_fields;
mod form_kinds;
mod read_back;
mod setting_input;

use axum::{http::StatusCode, response::Response};
use revere_model::{Monitor, MonitorId, Operation};

use self::{
    create_once::is_once,
    draft::{Draft, draft},
    form_fields::Typed,
};
pub(super) use self::{
    create_once::{create_once, once},
    form_fields::{all_facts, facts, in_words_of},
    form_kinds::with_default,
    read_back::{in_words, read_back},
    setting_input::{SettingInput, setting_input, typed_of},
};
use super::{
    examples,
    form::{FormTexts, TypedForm},
    page_request::PageRequest,
    see,
};
use crate::{
    operations::monitors,
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// `/create`, empty, or with `from=ID` or `example=NAME` to begin with.
pub(super) async fn create(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let from = params.parsed::<MonitorId>("from", "the id of a monitor");
    let example = params.text("example");
    let (from, example) = params.finish((from, example))?;
    let mut form = Typed::blank(&request.context);
    if let Some(id) = from {
        let monitor = monitors::get(&request.context, id).await?;
        form = Typed::of(&monitor.spec);
        form.name = format!("{} (copy)", monitor.spec.name).chars().take(revere_model::MAX_NAME).collect();
    } else if let Some(slug) = example
        && let Some(example) = examples::find(&request.context, &slug).await
    {
        form.name = example.name;
        form.description = example.description;
        form.script = example.script;
        form.schedule = example.schedule.to_owned();
        form.tags = example.tags;
    }
    draft(form).answer(&request, StatusCode::OK).await
}

/// `/create`, sent.
pub(super) async fn created(request: PageRequest, form: TypedForm) -> Result<Response, Problem> {
    let form = match form {
        TypedForm::Ours(form) => form,
        TypedForm::Lost(texts) => return new_draft(&texts).lost(&request).await,
    };
    let draft = new_draft(&form);
    if form.text("do") == "try" {
        return draft.tried(&request).await;
    }
    match create_once(&request.context, form.text("once"), draft.input()).await {
        Ok(id) => Ok(see(format!("/monitor/{id}"))),
        Err(failure) => draft.refused(&request, failure).await,
    }
}

/// A new monitor, as it was typed.
fn new_draft(texts: &FormTexts) -> Draft {
    let mut draft = draft(Typed::read(texts));
    draft.note = texts.text("note").to_owned();
    if is_once(texts.text("once")) {
        draft.once = texts.text("once").to_owned();
    }
    draft
}

/// `/monitor/{id}/edit`
pub(super) async fn edit(request: PageRequest, Key(id): Key<MonitorId>) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    request.context.must_with(Operation::EditMonitor, id, &monitor.spec.tags)?;
    let form = Typed::of(&monitor.spec);
    let version = monitor.version;
    Draft { edited: Some((monitor, version)), ..draft(form) }.answer(&request, StatusCode::OK).await
}

/// `/monitor/{id}/edit`, sent.
pub(super) async fn edited(
    request: PageRequest,
    Key(id): Key<MonitorId>,
    form: TypedForm,
) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    let form = match form {
        TypedForm::Ours(form) => form,
        TypedForm::Lost(texts) => return edit_draft(monitor, &texts).lost(&request).await,
    };
    let draft = edit_draft(monitor, &form);
    if form.text("do") == "try" {
        return draft.tried(&request).await;
    }
    match monitors::replace(&request.context, id, Some(version(&form)), &draft.input()).await {
        Ok(monitor) => Ok(see(format!("/monitor/{}", monitor.id))),
        Err(failure) => draft.refused(&request, failure).await,
    }
}

/// An edit of `stored`, as it was typed.
fn edit_draft(stored: Monitor, texts: &FormTexts) -> Draft {
    let note = texts.text("note").to_owned();
    Draft { edited: Some((stored, version(texts))), note, ..draft(Typed::read(texts)) }
}

/// The version that an edit began from. A form without one began from nothing that is known: it is told what is stored
/// before it replaces it.
fn version(texts: &FormTexts) -> i64 {
    texts.text("version").parse().unwrap_or(0)
}
