//! `/api/v1/check`: whether a script compiles.

use axum::Json;
use revere_model::MAX_SCRIPT_BYTES;
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::TriedScript;
use crate::{
    operations::{
        Context, FieldFault, Refusal,
        script::{self, Checked},
    },
    web::{Problem, body::JsonBody, params::Params},
};

/// A script to check.
#[derive(ToSchema)]
#[schema(as = CheckInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct CheckBody {
    /// Python, at most 256 KiB.
    #[schema(example = "return_value = 1 +", value_type = TriedScript)]
    script: String,
}

/// What Python says of a script.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// Empty if it compiles.
    errors: Vec<FieldFault>,
    /// What compiles and yet hardly does what is meant, with its line: a failure that the script itself catches, a value
    /// that stays inside a function. Nothing is refused for it.
    warnings: Vec<FieldFault>,
}

/// Check a script
///
/// Compiles it, looks for common mistakes, and runs nothing. A script that does not compile is an answer too: 200 with the
/// error and its line.
#[utoipa::path(
    post,
    path = "/api/v1/check",
    operation_id = "check_script",
    tag = "trying",
    request_body = CheckBody,
    responses(
        (status = 200, description = "What Python says of it.", body = CheckAnswer),
        (status = 422, description = "The body is not as described."),
    )
)]
pub(crate) async fn check(
    context: Context,
    params: Params,
    JsonBody(mut fields): JsonBody,
) -> Result<Json<CheckAnswer>, Problem> {
    params.finish(())?;
    fields.require("script", "Python");
    let script = fields.text("script", MAX_SCRIPT_BYTES).unwrap_or_default();
    Refusal::unless_clean(fields.finish(), ())?;
    let Checked { errors, warnings } = script::check(&context, &script).await?;
    Ok(Json(CheckAnswer { errors, warnings }))
}
