//! `/api/v1/rights`: what whoever asks may do.

use axum::Json;
use revere_model::{Rights, Role};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    operations::{Context, rights},
    web::{Problem, params::Params},
};

/// What somebody is. Each may do what the one before it may.
#[derive(Serialize, ToSchema)]
#[schema(as = Role, rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleWord {
    Viewer,
    Editor,
    Administrator,
}

/// What whoever asks may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Rights)]
pub(crate) struct RightsView {
    /// What they are called; null where nobody has to say who they are.
    #[schema(required)]
    name: Option<String>,
    /// What they are.
    role: RoleWord,
    /// For an editor: the tags whose monitors they edit; all monitors if it is empty.
    tags: Vec<String>,
    /// Whether nobody may change anything here: this server looks into a copy of a database.
    only_looks: bool,
}

/// See what you may do
///
/// The role of the token, or of whoever is logged in; everything where nobody has to log in.
#[utoipa::path(
    get,
    path = "/api/v1/rights",
    operation_id = "get_rights",
    tag = "server",
    responses((status = 200, description = "What you may do.", body = RightsView))
)]
pub(crate) async fn get(context: Context, params: Params) -> Result<Json<RightsView>, Problem> {
    params.finish(())?;
    let Rights { role, tags, .. } = rights::of_whoever_asks(&context)?;
    let role = match role {
        Role::Viewer => RoleWord::Viewer,
        Role::Editor => RoleWord::Editor,
        Role::Administrator => RoleWord::Administrator,
    };
    let name = context.actor().who.name().map(str::to_owned);
    Ok(Json(RightsView { name, role, tags, only_looks: context.log_in_settings().only_looks }))
}
