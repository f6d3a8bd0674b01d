//! `/api/v1/sources`: where data comes from, and how each source does.

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::pagination::Page;
use crate::{
    operations::{
        Context,
        sources::{self, SourceReport},
    },
    web::{Problem, params::Params},
};

/// A configured source.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub(crate) struct SourceView {
    /// Its name in scripts: `sources['name']`.
    name: String,
    /// Its type in the configuration.
    #[serde(rename = "type")]
    kind: String,
    /// What an operator wrote about it.
    description: String,
    /// What scripts can ask it.
    methods: Vec<MethodView>,
    /// How it does: `up` if its last call was answered, `down` if it failed, `unknown` if there was none since the start.
    health: &'static str,
    /// Since when it has only failed; null is well.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    failing_since: Option<Timestamp>,
    /// How long the last answered call took, in milliseconds.
    #[schema(required)]
    latency_ms: Option<f64>,
    /// When it last answered.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_answer_at: Option<Timestamp>,
    /// When it last failed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_failure_at: Option<Timestamp>,
    /// What came back then, without secrets.
    #[schema(required)]
    last_error: Option<String>,
    /// Calls and probes since the server began.
    calls: u64,
    /// Those of them that failed.
    failures: u64,
}

/// One method of a source.
#[derive(Serialize, ToSchema)]
#[schema(as = Method)]
pub(crate) struct MethodView {
    /// Its Python name.
    name: String,
    /// Its parameters, as Python shows them.
    signature: String,
    /// What it answers.
    doc: String,
}

/// List sources
///
/// By name, with what calls showed of each since the server began. All on one page.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    operation_id = "list_sources",
    tag = "sources",
    params(("probe" = Option<bool>, Query, description = "Ask each source first whether it is there; takes up to 10 s.")),
    responses((status = 200, description = "All sources.", body = Page<SourceView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<SourceView>>, Problem> {
    let probe = params.exactly("probe", "true or false").unwrap_or(false);
    let probe = params.finish(probe)?;
    let reports = sources::list(&context, probe).await?;
    Ok(Json(Page::whole(reports.into_iter().map(SourceView::from))))
}

impl From<SourceReport> for SourceView {
    fn from(report: SourceReport) -> Self {
        let health = report.health;
        SourceView {
            name: report.name,
            kind: report.description.kind,
            description: report.description.description,
            methods: report
                .description
                .methods
                .into_iter()
                .map(|method| MethodView { name: method.name, signature: method.signature, doc: method.doc })
                .collect(),
            health: match (health.failing_since, health.last_answer_at) {
                (Some(_), _) => "down",
                (None, Some(_)) => "up",
                (None, None) => "unknown",
            },
            failing_since: health.failing_since,
            latency_ms: health.last_duration.map(|took| (took.as_secs_f64() * 1e6).round() / 1e3),
            last_answer_at: health.last_answer_at,
            last_failure_at: health.last_failure_at,
            last_error: health.last_error,
            calls: health.calls,
            failures: health.failures,
        }
    }
}
