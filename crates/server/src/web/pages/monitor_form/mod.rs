//! `/create` and `/monitor/{id}/edit`: the author's page. A refused save shows the same page, its fields kept.

mod create_once;
mod draft;
mod faults;
mod form_fields;
mod read_back;

use axum::{http::StatusCode, response::Response};
use revere_model::MonitorId;

use self::{
    create_once::is_once,
    draft::{Draft, draft},
    form_fields::Typed,
};
pub(super) use self::{
    create_once::{create_once, once},
    read_back::{in_words, read_back},
};
use super::{examples, form::Form, form_token::FormToken, see};
use crate::{
    operations::{Context, monitors},
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// `/create`, empty, or with `from=ID` or `example=NAME` to begin with.
pub(super) async fn create(context: Context, token: FormToken, mut params: Params) -> Result<Response, Problem> {
    let from = params.parsed::<MonitorId>("from", "the id of a monitor");
    let example = params.text("example");
    let (from, example) = params.finish((from, example))?;
    let mut form = Typed::blank(&context);
    if let Some(id) = from {
        let monitor = monitors::get(&context, id).await?;
        form = Typed::of(&monitor.spec);
        form.name = format!("{} (copy)", monitor.spec.name).chars().take(revere_model::MAX_NAME).collect();
    } else if let Some(example) = example.as_deref().and_then(examples::find) {
        form.name = example.name.to_owned();
        form.description = example.description.to_owned();
        form.script = example.script.to_owned();
        form.schedule = example.schedule.to_owned();
        form.tags = example.tags.to_owned();
    }
    draft(form).answer(&context, &token, StatusCode::OK).await
}

/// `/create`, sent.
pub(super) async fn created(context: Context, token: FormToken, form: Form) -> Result<Response, Problem> {
    let typed = Typed::read(&form);
    let mut draft = draft(typed.clone());
    let once_text = form.text("once");
    if is_once(once_text) {
        draft.once = once_text.to_owned();
    }
    if !form.ours {
        return draft.lost(&context, &token).await;
    }
    if form.text("do") == "try" {
        return draft.tried(&context, &token).await;
    }
    match create_once(&context, once_text, typed.input()).await {
        Ok(id) => Ok(see(format!("/monitor/{id}"))),
        Err(failure) => draft.refused(&context, &token, failure).await,
    }
}

/// `/monitor/{id}/edit`
pub(super) async fn edit(context: Context, Key(id): Key<MonitorId>, token: FormToken) -> Result<Response, Problem> {
    let monitor = monitors::get(&context, id).await?;
    let form = Typed::of(&monitor.spec);
    let version = monitor.version;
    Draft { edited: Some((monitor, version)), ..draft(form) }.answer(&context, &token, StatusCode::OK).await
}

/// `/monitor/{id}/edit`, sent.
pub(super) async fn edited(
    context: Context,
    Key(id): Key<MonitorId>,
    token: FormToken,
    form: Form,
) -> Result<Response, Problem> {
    let monitor = monitors::get(&context, id).await?;
    let typed = Typed::read(&form);
    // A form without a version began from nothing that is known: it is told what is stored before it replaces it.
    let version = form.text("version").parse().unwrap_or(0);
    let draft = Draft { edited: Some((monitor, version)), ..draft(typed.clone()) };
    if !form.ours {
        return draft.lost(&context, &token).await;
    }
    if form.text("do") == "try" {
        return draft.tried(&context, &token).await;
    }
    match monitors::replace(&context, id, Some(version), &typed.input()).await {
        Ok(monitor) => Ok(see(format!("/monitor/{}", monitor.id))),
        Err(failure) => draft.refused(&context, &token, failure).await,
    }
}
