//! `/`: what is wrong now, since when, how bad.

mod list_cursor;
mod row;

use std::collections::BTreeMap;

use askama::Template;
use axum::{Json, http::StatusCode, response::Response};
use list_cursor::{cursor, place};
use revere_model::{Severity, State, StateSet};
use row::Row;
pub(super) use row::{RowPart, TAGS_SHOWN, rows};

use super::{
    bulk::Done,
    deleted::Undo,
    display::{Badge, BadgeMark, When},
    layout::{Layout, Place},
    list_address::Asked,
    list_order::{Headers, SortOption},
    list_sort::Sort,
    page_request::PageRequest,
    saved_filters::{self, FilterView, InBrowser},
    welcome,
};
use crate::{
    operations::{
        Context, alerts, mutes,
        overview::{self, ListCounts},
    },
    store::OverviewFilter,
    web::{Problem, params::Params},
};

/// Rows of one page: more than anyone reads, few enough to be there at once.
const PAGE: u32 = 100;

/// Tags offered in the filter.
const TAGS: u32 = 500;

#[derive(Template)]
#[template(path = "pages/monitors.html")]
struct MonitorsPage {
    layout: Layout,
    counts: Vec<Count>,
    /// Whether they are of some monitors only.
    counts_filtered: bool,
    saved: Vec<FilterView>,
    headers: Headers,
    rows: Vec<Row>,
    query: String,
    state: Option<String>,
    sorts: Vec<SortOption>,
    severities: Vec<SeverityOption>,
    tags: Vec<TagOption>,
    filtered: bool,
    paged: bool,
    first: String,
    next: Option<String>,
    here: String,
    /// Whether no alert is switched on.
    nobody_is_told: bool,
    /// Until when everything is muted.
    all_muted: Option<When>,
    /// What was just deleted.
    undo: Option<Undo>,
    /// What was just done to many.
    done: Option<Done>,
}

/// The part that a search as one types replaces.
#[derive(Template)]
#[template(path = "pages/monitors_list.html")]
struct ListPart<'a> {
    layout: &'a Layout,
    counts: &'a [Count],
    counts_filtered: bool,
    headers: &'a Headers,
    rows: &'a [Row],
    filtered: bool,
    paged: bool,
    first: &'a str,
    next: Option<&'a str>,
    here: &'a str,
}

/// How many monitors are in a state, and the way to see only those.
#[derive(Clone, Debug)]
struct Count {
    class: &'static str,
    mark: BadgeMark,
    word: &'static str,
    number: u64,
    href: String,
    current: bool,
}

pub(super) struct SeverityOption {
    pub(super) severity: Severity,
    pub(super) chosen: bool,
}

impl SeverityOption {
    pub(super) fn all(chosen: Option<Severity>) -> Vec<SeverityOption> {
        Severity::ALL.into_iter().map(|one| SeverityOption { severity: one, chosen: chosen == Some(one) }).collect()
    }
}

struct TagOption {
    name: String,
    count: u64,
    chosen: bool,
}

/// The page; with `part=list` only the rows of it.
pub(super) async fn show(request: PageRequest, in_browser: InBrowser, mut params: Params) -> Result<Response, Problem> {
    let states = params.several::<Badge>("state");
    let part = params.text("part");
    let deleted = Undo::read(params.text("deleted").as_deref());
    let done = params.text("done").as_deref().and_then(Done::read);
    let asked = Asked {
        state: states.as_ref().map(|states| states.iter().map(|state| state.word()).collect::<Vec<_>>().join(",")),
        severity: params.parsed("severity", "critical or warning"),
        tag: params.text("tag"),
        query: params.text("q"),
        sort: params.parsed("sort", Sort::EXPECTED),
        after: params.text("after"),
    };
    let (states, asked, part) = params.finish((states, asked, part))?;
    let filter = OverviewFilter {
        paused: states.as_deref().and_then(of_inactive),
        states: states.map(|states| states.into_iter().map(Badge::state).collect::<StateSet>()),
        severity: asked.severity,
        tag: asked.tag.clone(),
        search: asked.query.clone(),
        order: asked.sort.map(|sort| sort.0),
        after: place(&request.context, asked.after.as_deref(), asked.sort).await?,
        limit: PAGE + 1,
    };
    let counts = overview::counts(&request.context).await?;
    let undo = Undo::of(&request.context, &deleted, &request.clock().zone).await?;
    if counts.values().sum::<u64>() == 0 && part.is_none() {
        return welcome::show(&request, &counts, undo).await;
    }
    let mut found = overview::list(&request.context, &filter).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| more).map(|row| asked.address(Some(cursor(row, asked.sort))));
    let rows = rows(&request.context, found).await?;
    let mut layout = request.layout_with(&counts, "Monitors", Place::Monitors);
    let muting = mutes::in_force(&request.context).await?;
    layout.muting = muting.len();
    // The page is not worth losing over them.
    let alerts = alerts::settings(&request.context).await;
    let page = MonitorsPage {
        all_muted: mutes::all_muted_until(&muting, request.now()).map(|at| When { at, now: request.now() }),
        nobody_is_told: alerts.is_ok_and(|rows| !rows.iter().any(|row| row.in_config && row.enabled)),
        counts: count(&overview::counts_fitting(&request.context, &filter).await?, &asked),
        counts_filtered: asked.tag.is_some() || asked.query.is_some(),
        saved: saved_filters::all(&request.context, &in_browser, &asked.address(None)).await?,
        headers: Headers::of(&asked),
        sorts: SortOption::all(asked.sort),
        rows,
        query: asked.query.clone().unwrap_or_default(),
        state: asked.state.clone(),
        severities: SeverityOption::all(asked.severity),
        tags: tags(&request.context, asked.tag.as_deref()).await?,
        filtered: asked.filters(),
        paged: asked.after.is_some(),
        first: asked.address(None),
        next,
        here: asked.address(asked.after.clone()),
        undo,
        done,
        layout,
    };
    if part.as_deref() == Some("list") {
        let part = ListPart {
            layout: &page.layout,
            counts: &page.counts,
            counts_filtered: page.counts_filtered,
            headers: &page.headers,
            rows: &page.rows,
            filtered: page.filtered,
            paged: page.paged,
            first: &page.first,
            next: page.next.as_deref(),
            here: &page.here,
        };
        return request.answer(StatusCode::OK, &page.layout, &part);
    }
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/counts`: how many are in each state, for a tab that nobody looks at.
pub(super) async fn counts(context: Context) -> Result<Json<BTreeMap<&'static str, u64>>, Problem> {
    Ok(Json(numbers(&overview::list_counts(&context).await?)))
}

/// The numbers that the list shows, by their words.
pub(super) fn numbers(counts: &ListCounts) -> BTreeMap<&'static str, u64> {
    Badge::ALL.into_iter().map(|badge| (badge.word(), number(counts, badge))).collect()
}

fn number(counts: &ListCounts, badge: Badge) -> u64 {
    let of = |state: State| counts.by_state.get(&state).copied().unwrap_or(0);
    match badge {
        Badge::Paused => counts.paused,
        Badge::State(State::Inactive) => of(State::Inactive).saturating_sub(counts.paused),
        Badge::State(state) => of(state),
    }
}

/// Which of the `INACTIVE` monitors are asked for: the paused ones, those that have only not run yet, or both.
fn of_inactive(states: &[Badge]) -> Option<bool> {
    match (states.contains(&Badge::Paused), states.contains(&Badge::State(State::Inactive))) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn count(counts: &ListCounts, asked: &Asked) -> Vec<Count> {
    Badge::ALL
        .into_iter()
        .map(|badge| {
            let current = asked.state.as_deref() == Some(badge.word());
            let chosen = if current { None } else { Some(badge.word().to_owned()) };
            Count {
                class: badge.class(),
                mark: BadgeMark(badge),
                word: badge.word(),
                number: number(counts, badge),
                href: Asked { state: chosen, after: None, ..asked.clone() }.address(None),
                current,
            }
        })
        .collect()
}

async fn tags(context: &Context, chosen: Option<&str>) -> Result<Vec<TagOption>, Problem> {
    let tags = overview::tags(context, TAGS).await?;
    Ok(tags.into_iter().map(|(name, count)| TagOption { chosen: chosen == Some(name.as_str()), name, count }).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use revere_model::{MonitorId, NumberFormat, ReturnValue};

    use super::{super::sparkline::Sparkline, *};
    use crate::store::OverviewRow;

    /// What people would type to break a page.
    pub(in super::super) const HOSTILE: &str = "\"><script>alert(1)</script>' onload='x \u{202e}rtl\u{2066} <!-- 🧨";

    fn row(state: State, text: &str) -> Row {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let row = OverviewRow {
            id: MonitorId(7),
            name: text.to_owned(),
            tags: vec![text.to_owned()],
            active: true,
            state,
            severity: state.is_problem().then_some(Severity::Warning),
            state_since: now,
            last_run_at: Some(now),
            last_message: Some(text.to_owned()),
            last_value: Some(ReturnValue::Text(text.to_owned())),
            numbers: NumberFormat { unit: text.chars().take(20).collect(), decimals: None },
            next_run_at: Some(now),
            fault: None,
            waits_for: Some(text.to_owned()),
            key: None,
        };
        let trend = Sparkline { points: vec![(state, Some(1.0)), (state, Some(2.0))], numbers: row.numbers.clone() };
        Row::of(row, trend, now)
    }

    #[test]
    fn rows_keep_hostile_text_inert() {
        for state in State::ALL {
            let html = RowPart { row: &row(state, HOSTILE) }.render().unwrap();
            assert!(!html.contains("<script") && !html.contains("<!--"), "{html}");
            assert_eq!(html.matches("onload=").count(), html.matches("&#39; onload=&#39;").count(), "{html}");
            assert!(html.contains(state.as_str()), "the state is a word: {html}");
        }
    }

    #[test]
    fn the_page_renders_with_and_without_rows() {
        let counts = ListCounts { by_state: [(State::Alarm, 2), (State::Ok, 5)].into(), paused: 0 };
        let mut page = MonitorsPage {
            layout: Layout::new("Monitors", Place::Monitors, 2, "t"),
            counts: count(&counts, &Asked::default()),
            counts_filtered: true,
            nobody_is_told: true,
            all_muted: None,
            saved: vec![FilterView { key: HOSTILE.into(), name: HOSTILE.into(), href: "/?q=a".into(), current: true }],
            headers: Headers::of(&Asked::default()),
            sorts: SortOption::all(None),
            rows: vec![row(State::Alarm, "disk"), row(State::Inactive, "new")],
            query: HOSTILE.into(),
            state: Some("ALARM".into()),
            severities: SeverityOption::all(Some(Severity::Warning)),
            tags: vec![TagOption { name: HOSTILE.into(), count: 1, chosen: true }],
            filtered: true,
            paged: true,
            first: "/".into(),
            next: Some("/?after=OK.7".into()),
            here: "/".into(),
            undo: Some(Undo { ids: vec![MonitorId(7)], name: Some(HOSTILE.into()), until: "1 July 2026".into() }),
            done: Done::read("pause.2"),
        };
        let html = page.render().unwrap();
        assert!(html.contains("<title>(2) Monitors · Revere</title>"));
        assert!(html.contains("disk") && html.contains("Next page"));
        assert!(!html.contains("<script>") && !html.contains("style="), "no inline script or style: {html}");
        page.rows.clear();
        assert!(page.render().unwrap().contains("No monitor fits"));
    }
}
