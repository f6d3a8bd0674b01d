//! What a person does with one monitor from its page: run it now, pause it, let it go on, delete it.

use askama::Template;
use axum::{extract::State as Extract, http::StatusCode, response::Response};
use revere_model::MonitorId;

use super::{
    failing,
    form::Form,
    form_token::FormToken,
    layout::{self, Place, Shell},
    see,
};
use crate::web::{
    Problem, WebState,
    operations::{
        monitors::{self, MonitorInput},
        of, runs,
    },
    params::Key,
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
pub(super) async fn run(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    form: Form,
) -> Result<Response, Problem> {
    form.must_be_ours()?;
    runs::run_now(&state, id).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/pause`
pub(super) async fn pause(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    form: Form,
) -> Result<Response, Problem> {
    switch(&state, id, &form, false).await
}

/// `/monitor/{id}/resume`
pub(super) async fn resume(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    form: Form,
) -> Result<Response, Problem> {
    switch(&state, id, &form, true).await
}

async fn switch(state: &WebState, id: MonitorId, form: &Form, active: bool) -> Result<Response, Problem> {
    form.must_be_ours()?;
    let input = MonitorInput { active: Some(active), ..MonitorInput::default() };
    monitors::update(state, id, None, &input).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/delete`: asks first.
pub(super) async fn ask_delete(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    token: FormToken,
) -> Result<Response, Problem> {
    delete_page(&state, &token, id, false).await
}

/// `/monitor/{id}/delete`, with the name typed.
pub(super) async fn delete(
    Extract(state): Extract<WebState>,
    Key(id): Key<MonitorId>,
    token: FormToken,
    form: Form,
) -> Result<Response, Problem> {
    form.must_be_ours()?;
    let monitor = state.store.monitor(id).await.map_err(of("monitor", id))?;
    if form.text("typed").trim() != monitor.spec.name.trim() {
        return delete_page(&state, &token, id, true).await;
    }
    monitors::delete(&state, id, None).await?;
    Ok(see("/"))
}

async fn delete_page(state: &WebState, token: &FormToken, id: MonitorId, wrong: bool) -> Result<Response, Problem> {
    let monitor = state.store.monitor(id).await.map_err(of("monitor", id))?;
    let page = DeletePage {
        shell: Shell::new("Delete a monitor", Place::Monitors, failing(state).await?, token),
        id,
        name: monitor.spec.name,
        wrong,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = layout::page(status, &page.shell, &page)?;
    token.keep(&mut response);
    Ok(response)
}
