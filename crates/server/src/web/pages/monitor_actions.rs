//! What a person does with one monitor from its page: run it now, pause it, let it go on, delete it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::MonitorId;

use super::{
    failing,
    form::Form,
    form_token::FormToken,
    layout::{self, Place, Shell},
    see,
};
use crate::{
    operations::{
        Context,
        monitors::{self, MonitorInput},
        runs,
    },
    web::{Problem, params::Key},
};

#[derive(Template)]
#[template(path = "pages/delete.html")]
struct DeletePage {
    shell: Shell,
    id: MonitorId,
    name: String,
    wrong: bool,
}

/// `/monitor/{id}/run`
pub(super) async fn run(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    form.must_be_ours()?;
    runs::run_now(&context, id).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/pause`
pub(super) async fn pause(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    switch(&context, id, &form, false).await
}

/// `/monitor/{id}/resume`
pub(super) async fn resume(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    switch(&context, id, &form, true).await
}

async fn switch(context: &Context, id: MonitorId, form: &Form, active: bool) -> Result<Response, Problem> {
    form.must_be_ours()?;
    let input = MonitorInput { active: Some(active), ..MonitorInput::default() };
    monitors::update(context, id, None, &input).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/delete`: asks first.
pub(super) async fn ask_delete(
    context: Context,
    Key(id): Key<MonitorId>,
    token: FormToken,
) -> Result<Response, Problem> {
    delete_page(&context, &token, id, false).await
}

/// `/monitor/{id}/delete`, with the name typed.
pub(super) async fn delete(
    context: Context,
    Key(id): Key<MonitorId>,
    token: FormToken,
    form: Form,
) -> Result<Response, Problem> {
    form.must_be_ours()?;
    let monitor = monitors::get(&context, id).await?;
    if form.text("typed").trim() != monitor.spec.name.trim() {
        return delete_page(&context, &token, id, true).await;
    }
    monitors::delete(&context, id, None).await?;
    Ok(see("/"))
}

async fn delete_page(context: &Context, token: &FormToken, id: MonitorId, wrong: bool) -> Result<Response, Problem> {
    let monitor = monitors::get(context, id).await?;
    let page = DeletePage {
        shell: Shell::new("Delete a monitor", Place::Monitors, failing(context).await?, token),
        id,
        name: monitor.spec.name,
        wrong,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = layout::page(status, &page.shell, &page)?;
    token.keep(&mut response);
    Ok(response)
}
