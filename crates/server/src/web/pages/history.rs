//! `/monitor/{id}/history`: every run, filtered, page by page, and as CSV.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use jiff::{Timestamp, tz::TimeZone};
use revere_model::{MonitorId, Run, RunId, Severity, State, StateSet};

use super::{
    chart,
    display::When,
    layout::{Layout, Place},
    monitors::SeverityOption,
    page_request::PageRequest,
    page_zone,
    runs::{self, RunDisplay, RunView},
};
use crate::{
    operations::{self, Context, Failure, monitors, versions},
    store::RunFilter,
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Runs of one page.
const PAGE: u32 = 100;
/// What they print is shown with them: a page ends after so many bytes of it.
const MOST_BYTES: usize = 8 << 20;
/// Gaps beside them.
const GAPS: u32 = 20;

#[derive(Template)]
#[template(path = "pages/history.html")]
struct HistoryPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    states: Vec<StateOption>,
    severities: Vec<SeverityOption>,
    flips: bool,
    from: String,
    to: String,
    /// The zone of the page's times, and of those in the form.
    zone: String,
    filtered: bool,
    fault: String,
    runs: Vec<RunView>,
    paged: bool,
    first: String,
    next: Option<String>,
    csv: String,
    gaps: Vec<GapView>,
}

struct StateOption {
    state: State,
    chosen: bool,
}

struct GapView {
    why: &'static str,
    from: When,
    to: When,
    count: i64,
}

/// What the address asks for.
#[derive(Clone, Debug, Default)]
struct Asked {
    state: Option<State>,
    severity: Option<Severity>,
    flips: bool,
    /// As the field of the form has it: `2026-07-01 12:00`, in `zone`; or an instant.
    from: Option<String>,
    to: Option<String>,
    /// It stands in the address, so that whoever is sent it sees the same.
    zone: Option<String>,
    before: Option<RunId>,
}

/// The page.
pub(super) async fn show(request: PageRequest, Key(id): Key<MonitorId>, params: Params) -> Result<Response, Problem> {
    let asked = Asked::read(params)?;
    let monitor = monitors::get(&request.context, id).await?;
    let now = request.now();
    let chosen_zone = asked.zone.clone().unwrap_or_else(|| request.zone.name(&monitor.spec.timezone).to_owned());
    let (window, fault) = match asked.window(&chosen_zone) {
        Ok(window) => (window, String::new()),
        Err(fault) => ((None, None), fault),
    };
    let (found, more) = found_runs(&request.context, id, &asked, window, PAGE).await?;
    let next = found.last().filter(|_| more).map(|run| asked.address(id, "history", Some(run.id)));
    let gaps = if asked.before.is_none() && asked.state.is_none() && asked.severity.is_none() && !asked.flips {
        let (from, to) = (window.0.unwrap_or(Timestamp::UNIX_EPOCH), window.1.unwrap_or(Timestamp::MAX));
        operations::runs::gaps_between(&request.context, id, from, to, GAPS).await?
    } else {
        Vec::new()
    };
    let mut layout = request.layout(format!("History of {}", monitor.spec.name), Place::Monitors).await?;
    layout.live = false;
    layout = layout.of_monitor_in(&monitor.spec.timezone);
    let zone = revere_model::zone(&chosen_zone).unwrap_or(TimeZone::UTC);
    if asked.zone.is_some() {
        layout.zone.chosen = zone.iana_name().map(str::to_owned);
    }
    // Another zone shows the same stretch of time.
    layout.zone.here = fault.is_empty().then(|| asked.in_no_zone(window).address(id, "history", None));
    let versions = versions(&request.context, id, &monitor.spec.script, &found).await?;
    let of_runs: Vec<Option<i64>> =
        found.iter().map(|run| versions.get(run.script_version.as_ref()?).copied()).collect();
    let numbers = monitor.spec.number_format();
    let rows = runs::rows(found, RunDisplay { now, zone: &zone, numbers: &numbers });
    let runs = rows.into_iter().zip(of_runs).map(|(run, version)| run.of_version(version)).collect();
    let page = HistoryPage {
        layout,
        id,
        name: monitor.spec.name,
        states: State::ALL.into_iter().map(|state| StateOption { state, chosen: asked.state == Some(state) }).collect(),
        severities: SeverityOption::all(asked.severity),
        flips: asked.flips,
        from: page_zone::typed(asked.from.as_deref(), &zone),
        to: page_zone::typed(asked.to.as_deref(), &zone),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        filtered: asked.filters(),
        fault,
        runs,
        paged: asked.before.is_some(),
        first: asked.address(id, "history", None),
        next,
        csv: asked.address(id, "history.csv", None),
        gaps: gaps
            .into_iter()
            .rev()
            .map(|gap| GapView {
                why: chart::why(gap.reason),
                from: When { at: gap.first_tick_at, now },
                to: When { at: gap.last_tick_at, now },
                count: gap.count,
            })
            .collect(),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// For each script that is not the one of now, the version that had it first.
async fn versions(
    context: &Context,
    id: MonitorId,
    script: &str,
    runs: &[Run],
) -> Result<HashMap<String, i64>, Failure> {
    let current = versions::script_version(script);
    let scripts: BTreeSet<&str> = runs.iter().filter_map(|run| run.script_version.as_deref()).collect();
    let others: Vec<&str> = scripts.into_iter().filter(|script| *script != current).collect();
    versions::of_scripts(context, id, &others).await
}

/// The same runs as CSV, all of them, as they are read.
pub(super) async fn csv(context: Context, Key(id): Key<MonitorId>, params: Params) -> Result<Response, Problem> {
    let asked = Asked::read(params)?;
    let monitor = monitors::get(&context, id).await?;
    let zone = asked.zone.clone().unwrap_or_else(|| monitor.spec.timezone.clone());
    let window = asked.window(&zone).map_err(|fault| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, fault))?;
    let head = "id,kind,tick_at,started_at,duration_ms,outcome,old_state,new_state,return_value,message,severity\r\n"
        .to_owned();
    let pages = stream::try_unfold((context, asked, Some(head)), move |(context, mut asked, head)| async move {
        if let Some(head) = head {
            return Ok::<_, std::io::Error>(Some((head, (context, asked, None))));
        }
        let (rows, _) = found_runs(&context, id, &asked, window, 500)
            .await
            .map_err(|_| std::io::Error::other("the store failed"))?;
        let Some(last) = rows.last() else { return Ok(None) };
        asked.before = Some(last.id);
        let text: String = rows.iter().map(csv_line).collect();
        Ok(Some((text, (context, asked, None))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"monitor-{id}.csv\"")),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// Runs that fit, newest first, and whether there are more. A window in time is cut out of the ids, which grow with time.
async fn found_runs(
    context: &Context,
    id: MonitorId,
    asked: &Asked,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    limit: u32,
) -> Result<(Vec<Run>, bool), Failure> {
    let states = asked.state.map(|state| StateSet::EMPTY.with(state));
    let Asked { severity, flips, before, .. } = *asked;
    let filter = RunFilter { states, severity, flips, from, until: to, before, limit };
    operations::runs::list(context, id, filter, MOST_BYTES).await
}

fn csv_line(run: &Run) -> String {
    let kind =
        serde_json::to_value(run.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let value = run.return_value.as_ref().map(ToString::to_string).unwrap_or_default();
    format!(
        "{},{kind},{},{},{},{},{},{},{},{},{}\r\n",
        run.id,
        run.tick_at,
        run.started_at,
        run.duration_ms,
        run.outcome,
        run.old_state,
        run.new_state,
        csv_text(&value),
        csv_text(&run.message),
        run.severity.map_or("", Severity::as_str)
    )
}

/// Quoted, and with a mark in front of what a spreadsheet would take for a formula.
fn csv_text(text: &str) -> String {
    let number = text.parse::<f64>().is_ok();
    let formula = !number && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

impl Asked {
    fn read(mut params: Params) -> Result<Asked, Problem> {
        let asked = Asked {
            state: params.parsed("state", "OK, ALARM, ERROR or INACTIVE"),
            severity: params.parsed("severity", "critical or warning"),
            flips: params.flag("flips").unwrap_or(false),
            from: params.text("from"),
            to: params.text("to"),
            zone: params.text("zone").map(|typed| revere_model::zone_name(&typed).unwrap_or(typed)),
            before: params.parsed("before", "the `next` of the page before"),
        };
        Ok(params.finish(asked)?)
    }

    fn filters(&self) -> bool {
        self.state.is_some() || self.severity.is_some() || self.flips || self.from.is_some() || self.to.is_some()
    }

    /// The same whatever the zone.
    fn in_no_zone(&self, (from, to): (Option<Timestamp>, Option<Timestamp>)) -> Asked {
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Asked { from: instant(from), to: instant(to), zone: None, ..self.clone() }
    }

    /// The times as instants.
    fn window(&self, zone: &str) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
        let zone = revere_model::zone(zone).map_err(|fault| fault.to_string())?;
        let instant = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => page_zone::instant(text, &zone).map(Some),
        };
        let (from, to) = (instant(&self.from)?, instant(&self.to)?);
        if from.is_some() && to.is_some() && from >= to {
            return Err("the time it begins lies after the time it ends".to_owned());
        }
        Ok((from, to))
    }

    fn address(&self, id: MonitorId, page: &str, before: Option<RunId>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(state) = self.state {
            query.append_pair("state", state.as_str());
        }
        if let Some(severity) = self.severity {
            query.append_pair("severity", severity.as_str());
        }
        if self.flips {
            query.append_pair("flips", "true");
        }
        for (name, value) in [("from", &self.from), ("to", &self.to), ("zone", &self.zone)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("/monitor/{id}/{page}?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_quoted_and_starts_no_formula() {
        assert_eq!(csv_text("a \"b\"\n"), "\"a \"\"b\"\"\n\"");
        assert_eq!(csv_text("=cmd()"), "\"'=cmd()\"");
        assert_eq!(csv_text("-1.5"), "\"-1.5\"");
    }

    #[test]
    fn a_window_is_read_in_its_zone() {
        let asked = Asked { from: Some("2026-07-01T12:00".into()), ..Asked::default() };
        assert_eq!(asked.window("Europe/Berlin").unwrap().0.unwrap().to_string(), "2026-07-01T10:00:00Z");
        let wrong = Asked { to: Some("yesterday".into()), ..Asked::default() };
        assert!(wrong.window("UTC").unwrap_err().contains("yesterday"));
        assert!(asked.window("Mars/Base").is_err());
        let back = Asked { to: Some("2026-06-30T12:00".into()), ..asked.clone() };
        assert!(back.window("UTC").unwrap_err().contains("after"));
        // Who chooses another zone goes on seeing the same stretch of time.
        let berlin = Asked { zone: Some("Europe/Berlin".into()), ..asked };
        let anywhere = berlin.in_no_zone(berlin.window("Europe/Berlin").unwrap());
        assert_eq!(anywhere.window("America/New_York"), berlin.window("Europe/Berlin"));
        assert_eq!((anywhere.zone, anywhere.from.as_deref()), (None, Some("2026-07-01T10:00:00Z")));
    }
}
