//! `/api/v1/audit`: who did what, when and from where, and what was refused to whom.

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    pagination::{self, NewestFirst, Page},
    schemas::{ActWord, AuditWhoText, InstantText, TargetText},
};
use crate::{
    operations::{Context, audit},
    store::{AuditFilter, AuditRow, AuditWho, AuditedTarget, AuditedWho},
    web::{Problem, params::Params},
};

/// Something that was done, or that was refused. It is never changed, and goes when its time is over (`AUDIT_DAYS`).
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(crate) struct AuditView {
    /// Its id.
    id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What was done, or refused.
    #[schema(value_type = ActWord)]
    act: String,
    /// Who asked.
    who: WhoView,
    /// By which door: `page`, `api`, `command_line`, or `inside` for the server itself.
    door: String,
    /// The address it was asked from; empty where nothing was far.
    address: String,
    /// The `X-Request-Id` of the request; empty where nothing was requested.
    request_id: String,
    /// What it is about; null where it is about nothing in particular.
    #[schema(value_type = Option<TargetView>, required)]
    target: Option<TargetView>,
    /// What changed, or why it was refused. Of a monitor `changes` has each field with what it was (`from`) and is (`to`),
    /// and texts as a difference of lines. Never a secret.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

/// Who asked, as they were then.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditedWho)]
pub(crate) struct WhoView {
    /// `person`, `token`, `everybody` (where nobody has to log in), `stranger`, `command_line` or `server`.
    kind: String,
    /// Which person or token.
    #[schema(required)]
    id: Option<i64>,
    /// What they were called.
    name: String,
    /// Of a token: the person it belonged to.
    #[schema(required)]
    owner_id: Option<i64>,
}

/// What an act was about, as it was then.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditedTarget)]
pub(crate) struct TargetView {
    /// `monitor`, `alert`, `mute`, `person`, `token` or `session`.
    kind: String,
    /// Its id or key.
    id: String,
    /// What it was called; empty where it has no name.
    name: String,
}

/// List who did what
///
/// Newest first: whatever changed something, log-ins, and what was refused to whom. For administrators. The next page ends
/// before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    operation_id = "list_audit",
    tag = "server",
    params(
        NewestFirst,
        ("who" = inline(Option<AuditWhoText>), Query, description = "Only what they asked for: `person:1` with the tokens of theirs, `token:2`, or everyone of a kind, as `stranger`."),
        ("act" = Option<Vec<ActWord>>, Query, style = Form, explode = false, description = "Only these acts, separated by commas."),
        ("target" = inline(Option<TargetText>), Query, description = "Only what is about this: `monitor:2`, `alert:ops`, `mute:5`, `person:1`, `token:3`, `session:4`."),
        ("from" = inline(Option<InstantText>), Query, description = "Only from then on."),
        ("to" = inline(Option<InstantText>), Query, description = "Only before then."),
    ),
    responses((status = 200, description = "One page.", body = Page<AuditView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<AuditView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = AuditFilter {
        who: params.read::<AuditWho>("who"),
        acts: params.several("act").unwrap_or_default(),
        target: params.read("target"),
        from: params.instant("from", "a time such as 2026-07-01T12:00:00Z"),
        to: params.instant("to", "a time such as 2026-07-01T12:00:00Z"),
        before: params.cursor("before"),
        limit,
    };
    let filter = params.finish(filter)?;
    let (rows, more) = audit::list(&context, &filter, pagination::MOST_BYTES).await?;
    Ok(Json(Page::cut(rows, more, |row| row.id, AuditView::from)))
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        let AuditedWho { kind, id, name, owner_id } = row.who;
        AuditView {
            id: row.id,
            at: row.at,
            act: row.act,
            who: WhoView { kind, id, name, owner_id },
            door: row.door,
            address: row.address,
            request_id: row.request_id,
            target: row.target.map(|AuditedTarget { kind, id, name }| TargetView { kind, id, name }),
            details: row.details,
        }
    }
}
