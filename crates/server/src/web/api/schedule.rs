//! `/api/v1/schedule`: a schedule read back before it is saved.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::ScheduleText;
use crate::{
    operations::{Context, Refusal, schedule::preview},
    web::{Problem, body::JsonBody, params::Params},
};

/// A schedule to read back.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct ScheduleInput {
    /// Crontab syntax: five fields, or six with seconds first, or `@hourly` and kin; several, one a line, tick together.
    #[schema(example = "*/5 * * * *", value_type = ScheduleText)]
    schedule: String,
    /// IANA time zone; the server's own if left out, or null.
    #[schema(example = "Europe/Berlin", value_type = Option<String>, format = "timezone", min_length = 1)]
    timezone: Option<String>,
}

/// A schedule, read back.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleAnswer {
    /// In words, as after "runs".
    #[schema(example = "every 5 minutes")]
    words: String,
    /// The time zone it was read in.
    timezone: String,
    /// The next five ticks, in UTC.
    #[schema(value_type = Vec<String>, format = DateTime)]
    ticks: Vec<jiff::Timestamp>,
    /// The same ticks as a clock in that zone shows them, with the offset from UTC.
    #[schema(value_type = Vec<String>, example = json!(["2026-07-01T09:00:00+02:00"]))]
    local_ticks: Vec<String>,
}

/// Read a schedule back
///
/// Answers the next five ticks and the schedule in words, or what is wrong with it. Stores nothing.
#[utoipa::path(
    post,
    path = "/api/v1/schedule",
    operation_id = "read_schedule",
    tag = "trying",
    request_body = ScheduleInput,
    responses(
        (status = 200, description = "It will tick so.", body = ScheduleAnswer),
        (status = 422, description = "It cannot be read, or never comes."),
    )
)]
pub(crate) async fn schedule(
    context: Context,
    params: Params,
    JsonBody(mut fields): JsonBody,
) -> Result<Json<ScheduleAnswer>, Problem> {
    params.finish(())?;
    fields.require("schedule", "crontab syntax, for instance \"*/5 * * * *\"");
    let schedule = fields.text("schedule", 1 << 16);
    let timezone = fields.text_or_null("timezone", 1 << 16);
    let mut faults = fields.finish();
    let timezone = timezone.as_deref().unwrap_or(&context.defaults().timezone);
    // With the schedule missing, the zone is still judged, so that both faults are told at once.
    let preview = match preview(schedule.as_deref().unwrap_or("@daily"), timezone, context.now()) {
        Ok(preview) if faults.is_empty() => preview,
        Ok(_) => return Err(Refusal { faults }.into()),
        Err(refusal) => {
            faults.extend(refusal.faults);
            return Err(Refusal { faults }.into());
        }
    };
    Ok(Json(ScheduleAnswer {
        words: preview.words,
        timezone: preview.timezone,
        ticks: preview.ticks.iter().map(jiff::Zoned::timestamp).collect(),
        local_ticks: preview.ticks.iter().map(|tick| tick.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()).collect(),
    }))
}
