//! `/sources`: where data comes from, how each source does, and a place to ask one.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::Operation;

use super::{
    display::{Span, When},
    form::Form,
    layout::{Layout, Place},
    outcome::{self, OutcomeView},
    page_request::PageRequest,
    see,
    source_names::{self, FoundNames},
    source_outages::OutageView,
    source_user::User,
};
use crate::{
    operations::{
        Context, Failure,
        sources::{self, Prefix, SourceOff, SourceReport},
    },
    web::{Problem, params::Params},
};

/// Monitors named beside a source.
const USERS: u32 = 8;

/// Methods named beside a source.
const METHODS_SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "pages/sources.html")]
struct SourcesPage {
    layout: Layout,
    sources: Vec<SourceView>,
    /// Those that the configuration has switched off.
    off: Vec<SourceOff>,
    /// Whether whoever looks may acknowledge that a source is down.
    may_acknowledge: bool,
}

struct SourceView {
    name: String,
    kind: String,
    /// Where it is; empty where nothing is known of that.
    place: String,
    description: String,
    class: &'static str,
    sign: &'static str,
    health: &'static str,
    latency: Option<Span>,
    answered: Option<When>,
    error: Option<String>,
    failed: Option<When>,
    /// The outage that goes on.
    outage: Option<OutageView>,
    calls: u64,
    failures: u64,
    users: Vec<User>,
    more_users: u64,
    methods: Vec<MethodView>,
    /// Their names in a line: the first, and how many there are.
    folded: String,
    /// What it can name, as a heading.
    names_of: Option<&'static str>,
    names: Option<FoundNames>,
    query: String,
    tried: Option<OutcomeView>,
}

struct MethodView {
    name: String,
    signature: String,
    doc: String,
}

/// The page.
pub(super) async fn show(request: PageRequest, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    answer(&request, Asked::Nothing).await
}

/// `/sources/probe`: asks each whether it is there.
pub(super) async fn probe(context: Context, _: Form) -> Result<Response, Problem> {
    sources::list(&context, true).await?;
    Ok(see("/sources"))
}

/// `/sources/try`: asks one something, through a script that is run once.
pub(super) async fn ask(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let script = form.text("script").to_owned();
    let outcome = outcome::run(&request.context, &script, "", None).await?;
    answer(&request, Asked::Once(form.text("source").to_owned(), script, Box::new(outcome))).await
}

/// `/sources/names`: what one can be asked about.
pub(super) async fn names(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let (source, typed) = (form.text("source"), form.text("prefix"));
    let prefix = typed.parse::<Prefix>().map_err(|what| Failure::refused("prefix", what))?;
    let found = FoundNames::of(sources::named_by(&request.context, source, prefix).await?, typed);
    answer(&request, Asked::Names(source.to_owned(), found)).await
}

/// What was asked, and of which source.
enum Asked {
    Nothing,
    Once(String, String, Box<OutcomeView>),
    Names(String, FoundNames),
}

async fn answer(request: &PageRequest, mut asked: Asked) -> Result<Response, Problem> {
    let now = request.now();
    let mut views = Vec::new();
    for report in sources::list(&request.context, false).await? {
        let (users, all) = sources::users(&request.context, &report.name, USERS).await?;
        let mut view = SourceView::of(report, now);
        view.more_users = all - users.len() as u64;
        view.users = users.into_iter().map(|(id, name)| User { id, name }).collect();
        match std::mem::replace(&mut asked, Asked::Nothing) {
            Asked::Once(name, script, outcome) if name == view.name => {
                view.query = script;
                view.tried = Some(*outcome);
            }
            Asked::Names(name, found) if name == view.name => view.names = Some(found),
            another => asked = another,
        }
        views.push(view);
    }
    let layout = request.layout("Sources", Place::Sources).await?;
    let may_ask = layout.may(Operation::TryScripts);
    let page = SourcesPage {
        layout: if may_ask { layout.with_code() } else { layout },
        sources: views,
        off: sources::switched_off(&request.context)?,
        may_acknowledge: request.context.might_with(Operation::Acknowledge, &[]).is_ok(),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// A first question that this source can answer.
fn sample(report: &SourceReport) -> String {
    let methods = &report.description.methods;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let source = format!("sources[{}]", quoted(&report.name));
    let call = match (methods.first().map(|method| method.name.as_str()), &report.example_address) {
        (Some(method), Some(address)) => format!("{method}({}).status", quoted(address)),
        (Some("execute"), None) => "execute('select 1')".to_owned(),
        (Some("query"), None) => "query('up')".to_owned(),
        (Some("get_datapoints"), None) if methods.iter().any(|method| method.name == "names") => "names()".to_owned(),
        (Some("get_datapoints"), None) => "get_avg('path.of.a.series', '-10min')".to_owned(),
        (Some("get"), None) => "get('/').status".to_owned(),
        (Some(other), None) => format!("{other}()"),
        (None, _) => return source,
    };
    format!("{source}.{call}")
}

/// `get, head, post, … 9 methods`
fn folded(names: &[&str]) -> String {
    match names {
        // One that has not described itself yet.
        [] | ["*"] => String::new(),
        few if few.len() <= METHODS_SHOWN => few.join(", "),
        many => format!("{}, … {} methods", many[..METHODS_SHOWN].join(", "), many.len()),
    }
}

impl SourceView {
    fn of(report: SourceReport, now: jiff::Timestamp) -> SourceView {
        let query = format!("print({})", sample(&report));
        let health = report.health;
        let (class, sign, word) = match (health.failing_since, health.last_answer_at) {
            (Some(_), _) => ("bad", "✕", "down"),
            (None, Some(_)) => ("good", "●", "up"),
            (None, None) => ("dim", "○", "not asked yet"),
        };
        let outage = report.outage.map(|outage| OutageView::of(outage, now));
        let names: Vec<&str> = report.description.methods.iter().map(|method| method.name.as_str()).collect();
        let folded = folded(&names);
        SourceView {
            class,
            sign,
            health: word,
            latency: health.last_duration.map(|took| Span::Took(took.as_secs_f64() * 1e3)),
            answered: health.last_answer_at.map(|at| When { at, now }),
            error: health.last_error.filter(|_| health.failing_since.is_some()),
            failed: health.last_failure_at.map(|at| When { at, now }),
            outage,
            calls: health.calls,
            failures: health.failures,
            users: Vec::new(),
            more_users: 0,
            methods: report
                .description
                .methods
                .into_iter()
                .map(|method| MethodView { name: method.name, signature: method.signature, doc: method.doc })
                .collect(),
            folded,
            place: report.place.unwrap_or_default(),
            names_of: report.names_of.map(source_names::heading),
            names: None,
            query,
            tried: None,
            name: report.name,
            kind: report.description.kind,
            description: report.description.description,
        }
    }
}

#[cfg(test)]
mod tests {
    use revere_model::MonitorId;
    use revere_sandbox::{MethodDescription, SourceDescription};

    use super::super::{acknowledge::AcknowledgedView, monitors::tests::HOSTILE};
    use super::*;
    use crate::sources::{
        names::{Name, NameKind, NamesOf},
        source_health::SourceHealth,
    };

    #[test]
    fn many_methods_are_folded_into_a_line() {
        assert_eq!(folded(&["query", "query_range"]), "query, query_range");
        assert_eq!(folded(&["get", "head", "post", "put"]), "get, head, post, … 4 methods");
        assert_eq!((folded(&["*"]), folded(&[])), (String::new(), String::new()));
    }

    #[test]
    fn the_first_question_asks_a_host_that_the_source_may() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let one =
            SourceReport { name: "hosts".into(), example_address: Some("https://a.example/".into()), ..plain(now) };
        assert_eq!(sample(&one), "sources[\"hosts\"].get(\"https://a.example/\").status");
        assert_eq!(sample(&SourceReport { example_address: None, ..one }), "sources[\"hosts\"].get('/').status");
    }

    /// One about which everything is foreign, and that is down.
    fn plain(now: jiff::Timestamp) -> SourceReport {
        SourceReport {
            name: HOSTILE.into(),
            description: SourceDescription {
                kind: "graphite".into(),
                description: HOSTILE.into(),
                methods: vec![MethodDescription {
                    name: "get".into(),
                    signature: "(path='<x>')".into(),
                    doc: HOSTILE.into(),
                }],
            },
            place: Some(HOSTILE.into()),
            example_address: None,
            names_of: Some(NamesOf::Tables),
            health: SourceHealth {
                calls: 3,
                failures: 1,
                last_failure_at: Some(now),
                last_error: Some(HOSTILE.into()),
                failing_since: Some(now),
                ..SourceHealth::default()
            },
            outage: Some(sources::OutageReport {
                since: now,
                reason: HOSTILE.into(),
                monitors: vec![(MonitorId(2), HOSTILE.into())],
                all: 7,
                told: true,
                acknowledgement: None,
            }),
        }
    }

    #[test]
    fn sources_are_shown_with_their_faults() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let report = plain(now);
        let mut view = SourceView::of(report, now);
        let made = AcknowledgedView {
            by: HOSTILE.into(),
            at: When { at: now, now },
            note: HOSTILE.into(),
            taken_back_at: None,
        };
        let looked_after = OutageView {
            since: When { at: now, now },
            reason: HOSTILE.into(),
            waiting: Vec::new(),
            more: 0,
            told: true,
            acknowledged: Some(made),
        };
        view.users = vec![User { id: MonitorId(1), name: HOSTILE.into() }];
        view.more_users = 3;
        let column = Name { of: HOSTILE.into(), detail: HOSTILE.into(), ..Name::plain(NameKind::Column, HOSTILE) };
        let told = sources::NamesReport { of: Some(NamesOf::Tables), names: vec![column], ..Default::default() };
        view.names = Some(FoundNames::of(told, HOSTILE));
        let off = SourceOff { name: HOSTILE.into(), kind: "http".into(), description: HOSTILE.into() };
        let page = |view: SourceView| {
            let layout = Layout::new("Sources", Place::Sources, 0, "t");
            SourcesPage { layout, sources: vec![view], off: vec![off.clone()], may_acknowledge: true }.render().unwrap()
        };
        let mut after = SourceView::of(plain(now), now);
        after.outage = Some(looked_after);
        let after = page(after);
        assert!(!after.contains("<script>") && !after.contains("<x>"), "{after}");
        assert!(after.contains("Acknowledged") && after.contains("/sources/take-back"), "{after}");
        let html = page(view);
        assert!(html.contains("/sources/acknowledge"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<x>"), "{html}");
        assert!(html.contains("down") && html.contains("and 3 more") && html.contains("and 6 more"));
    }
}
