//! `/api/v1/sources`: where data comes from, and how each source does.

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{acknowledgements::AcknowledgementView, pagination::Page, schemas::PrefixText};
use crate::{
    operations::{
        Context,
        sources::{self, NamesReport, Prefix, SourceReport},
    },
    sources::names::Name,
    web::{
        Problem,
        params::{Key, Params},
    },
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
    /// Where it is: a host, a file, a program, without anything secret; null is nothing to say.
    #[schema(required)]
    place: Option<String>,
    /// What scripts can ask it.
    methods: Vec<MethodView>,
    /// What it can name to whoever writes a script (`list_source_names`): `tables`, `paths` or `metrics`; null is nothing.
    #[schema(required)]
    names_of: Option<&'static str>,
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
    /// The outage that goes on, whichever server found it, if monitors wait for its end.
    #[schema(required)]
    outage: Option<OutageView>,
}

/// An outage of a source that goes on.
#[derive(Serialize, ToSchema)]
#[schema(as = Outage)]
pub(crate) struct OutageView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Why its first call had no answer.
    reason: String,
    /// How many monitors wait for its end.
    waiting: u64,
    /// Whether anybody was notified of it by now; then it can be acknowledged.
    told: bool,
    /// Who looks after it; null if nobody said so.
    #[schema(required)]
    acknowledgement: Option<AcknowledgementView>,
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

/// What a source can be asked about.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceNames)]
pub(crate) struct NamesView {
    /// What the names are names of: `tables`, `paths` or `metrics`; null for a source that can tell none.
    #[schema(required)]
    names_of: Option<&'static str>,
    /// At most 200 names.
    items: Vec<NameView>,
    /// Whether no others begin so, up to the next dot or brace.
    complete: bool,
    /// Why the source told none; null is well.
    #[schema(required)]
    fault: Option<String>,
}

/// One name that a source told.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceName)]
pub(crate) struct NameView {
    /// The name. That of a branch ends with its dot.
    #[schema(example = "total")]
    name: String,
    /// The same as a question has it, in quotes where it needs some.
    #[schema(example = "total")]
    written: String,
    /// `table`, `column`, `branch`, `series`, `metric` or `label`.
    #[schema(example = "column")]
    kind: &'static str,
    /// The table of a column, the metric of a label; else null.
    #[schema(required, example = "orders")]
    of: Option<String>,
    /// The type of a column, what a series counts; may be empty.
    #[schema(example = "numeric")]
    detail: String,
}

/// List what a source can be asked about
///
/// Tables and columns of a database, paths of Graphite level by level, metrics of Prometheus and after `metric{` its labels:
/// those that begin with `prefix`, as the source tells them to its own user. It is asked within 3 s, and what it said is good
/// for a minute. That a source is away is an answer too: 200 with its fault.
#[utoipa::path(
    get,
    path = "/api/v1/sources/{name}/names",
    operation_id = "list_source_names",
    tag = "sources",
    params(
        ("name" = String, Path, description = "The source's name in scripts."),
        ("prefix" = inline(Option<PrefixText>), Query, description = "How the names begin; all if left out."),
    ),
    responses(
        (status = 200, description = "The names.", body = NamesView),
        (status = 404, description = "No source has this name, or it is switched off."),
    )
)]
pub(crate) async fn names(
    context: Context,
    Key(name): Key<String>,
    mut params: Params,
) -> Result<Json<NamesView>, Problem> {
    let prefix = params.read::<Prefix>("prefix").unwrap_or_default();
    let prefix = params.finish(prefix)?;
    Ok(Json(sources::named_by(&context, &name, prefix).await?.into()))
}

impl From<NamesReport> for NamesView {
    fn from(report: NamesReport) -> Self {
        let view = |name: Name| NameView {
            name: name.name,
            written: name.written,
            kind: name.kind.word(),
            of: Some(name.of).filter(|of| !of.is_empty()),
            detail: name.detail,
        };
        NamesView {
            names_of: report.of.map(|of| of.word()),
            items: report.names.into_iter().map(view).collect(),
            complete: report.complete,
            fault: report.fault,
        }
    }
}

impl From<SourceReport> for SourceView {
    fn from(report: SourceReport) -> Self {
        let health = report.health;
        SourceView {
            name: report.name,
            kind: report.description.kind,
            description: report.description.description,
            place: report.place,
            methods: report
                .description
                .methods
                .into_iter()
                .map(|method| MethodView { name: method.name, signature: method.signature, doc: method.doc })
                .collect(),
            names_of: report.names_of.map(|of| of.word()),
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
            outage: report.outage.map(|outage| OutageView {
                since: outage.since,
                reason: outage.reason,
                waiting: outage.all,
                told: outage.told,
                acknowledgement: outage.acknowledgement.map(AcknowledgementView::from),
            }),
        }
    }
}
