//! What a person does with one monitor from its page: run it now, pause it, let it go on, delete it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{MonitorId, Operation};

use super::{
    deleted::Undo,
    form::Form,
    layout::{Layout, Place},
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Context, deleted_monitors,
        monitors::{self, MonitorInput},
        runs,
    },
    web::{Problem, params::Key},
};

#[derive(Template)]
#[template(path = "pages/delete.html")]
struct DeletePage {
    layout: Layout,
    id: MonitorId,
    name: String,
    /// How long it can be brought back.
    days: u32,
    wrong: bool,
}

/// `/monitor/{id}/run`
pub(super) async fn run(context: Context, Key(id): Key<MonitorId>, _: Form) -> Result<Response, Problem> {
    runs::run_now(&context, id).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/pause`
pub(super) async fn pause(context: Context, Key(id): Key<MonitorId>, _: Form) -> Result<Response, Problem> {
    switch(&context, id, false).await
}

/// `/monitor/{id}/resume`
pub(super) async fn resume(context: Context, Key(id): Key<MonitorId>, _: Form) -> Result<Response, Problem> {
    switch(&context, id, true).await
}

async fn switch(context: &Context, id: MonitorId, active: bool) -> Result<Response, Problem> {
    let input = MonitorInput { active: Some(active), ..MonitorInput::default() };
    monitors::update(context, id, None, &input).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/delete`: asks first.
pub(super) async fn ask_delete(request: PageRequest, Key(id): Key<MonitorId>) -> Result<Response, Problem> {
    delete_page(&request, id, false).await
}

/// `/monitor/{id}/delete`, with the name typed.
pub(super) async fn delete(request: PageRequest, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    if form.text("typed").trim() != monitor.spec.name.trim() {
        return delete_page(&request, id, true).await;
    }
    monitors::delete(&request.context, id, None).await?;
    Ok(see(Undo::address("/", &[id])))
}

async fn delete_page(request: &PageRequest, id: MonitorId, wrong: bool) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    request.context.must_with(Operation::DeleteMonitor, id, &monitor.spec.tags)?;
    let page = DeletePage {
        layout: request.layout("Delete a monitor", Place::Monitors).await?,
        id,
        name: monitor.spec.name,
        days: deleted_monitors::days_kept(&request.context)?,
        wrong,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    request.answer(status, &page.layout, &page)
}
