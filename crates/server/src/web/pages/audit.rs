//! `/audit`: who did what, when and from where, and what was refused to whom; for administrators.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, tz::TimeZone};
use revere_model::{Act, Target};

use super::{
    audit_details::{Detail, Told, details},
    display::ClockTime,
    layout::{Layout, Place},
    mutes::without_a_name,
    page_request::{PageClock, PageRequest},
    page_zone,
    runs::day_in_zone,
};
use crate::{
    operations::audit,
    store::{AuditFilter, AuditRow, AuditWho},
    web::{Problem, params::Params},
};

/// Rows of one page.
const PAGE: u32 = 100;
/// What they say is shown with them: a page ends after so many bytes of it.
const MOST_BYTES: usize = 1 << 20;

/// Kinds of those who ask, as the form has them.
const KINDS: [(&str, &str); 6] = [
    ("person", "people"),
    ("token", "API tokens"),
    ("stranger", "strangers"),
    ("everybody", "somebody, where nobody logs in"),
    ("command_line", "the command line"),
    ("server", "the server itself"),
];

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage {
    layout: Layout,
    kinds: Vec<Choice>,
    acts: Vec<Choice>,
    target: String,
    from: String,
    to: String,
    /// The zone of the page's times, and of those in the form.
    zone: String,
    filtered: bool,
    fault: String,
    rows: Vec<RowView>,
    paged: bool,
    first: String,
    next: Option<String>,
}

/// Something to choose in the form.
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

struct RowView {
    id: i64,
    at: ClockTime,
    /// The day, where it is not that of the row above.
    day: Option<String>,
    words: String,
    refusal: bool,
    who: String,
    /// What else they did.
    by_them: Option<String>,
    about: Option<About>,
    address: String,
    door: String,
    request_id: String,
    details: Vec<Detail>,
}

/// What a row is about.
struct About {
    words: String,
    /// Its page, if it has one.
    page: Option<String>,
    /// What else was done to it.
    filter: String,
}

/// What the address asks for.
#[derive(Clone, Default)]
struct Asked {
    who: Option<String>,
    act: Option<String>,
    target: Option<String>,
    from: Option<String>,
    to: Option<String>,
    /// What `from` and `to` are in: it stands in the address, so that whoever is sent it sees the same.
    zone: Option<String>,
    before: Option<i64>,
}

/// The page.
pub(super) async fn show(request: PageRequest, params: Params) -> Result<Response, Problem> {
    let asked = Asked::read(params)?;
    let mut clock = request.clock();
    if let Some(zone) = &asked.zone {
        clock.zone = revere_model::zone(zone).unwrap_or(TimeZone::UTC);
    }
    // What was typed wrong is said beside the form, which keeps it.
    let (filter, fault) = match asked.filter(&clock.zone) {
        Ok(filter) => (Some(filter), String::new()),
        Err(fault) => (None, fault),
    };
    let (found, more) = match &filter {
        Some(filter) => audit::list(&request.context, filter, MOST_BYTES).await?,
        None => (Vec::new(), false),
    };
    let next = found.last().filter(|_| more).map(|last| Asked { before: Some(last.id), ..asked.clone() }.address());
    let mut layout = request.layout("Audit", Place::Account).await?;
    layout.live = false;
    let zone = clock.zone.iana_name().unwrap_or("UTC").to_owned();
    if asked.zone.is_some() {
        layout.zone.chosen = Some(zone.clone());
        // Another zone shows the same stretch of time.
        layout.zone.here = filter.as_ref().map(|filter| asked.in_no_zone(filter).address());
    }
    let page = AuditPage {
        layout,
        kinds: asked.kinds(),
        acts: asked.acts(),
        target: asked.target.clone().unwrap_or_default(),
        from: page_zone::typed(asked.from.as_deref(), &clock.zone),
        to: page_zone::typed(asked.to.as_deref(), &clock.zone),
        zone,
        filtered: asked.filters(),
        fault,
        rows: rows(found, &clock),
        paged: asked.before.is_some(),
        first: Asked { before: None, ..asked }.address(),
        next,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

impl Asked {
    fn read(mut params: Params) -> Result<Asked, Problem> {
        let mut asked = Asked {
            who: params.text("who"),
            act: params.text("act"),
            target: params.text("target"),
            from: params.text("from"),
            to: params.text("to"),
            zone: params.text("zone").map(|typed| revere_model::zone_name(&typed).unwrap_or(typed)),
            before: params.cursor("before"),
        };
        // It says something of times alone.
        asked.zone.take_if(|_| asked.from.is_none() && asked.to.is_none());
        Ok(params.finish(asked)?)
    }

    fn filters(&self) -> bool {
        [&self.who, &self.act, &self.target, &self.from, &self.to].iter().any(|given| given.is_some())
    }

    /// The same whatever the zone.
    fn in_no_zone(&self, filter: &AuditFilter) -> Asked {
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Asked { from: instant(filter.from), to: instant(filter.to), zone: None, before: None, ..self.clone() }
    }

    fn filter(&self, zone: &TimeZone) -> Result<AuditFilter, String> {
        self.zone.as_deref().map(revere_model::zone).transpose().map_err(|fault| fault.to_string())?;
        let instant = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => page_zone::instant(text, zone).map(Some),
        };
        let acts = match self.act.as_deref() {
            None => Vec::new(),
            Some("refusals") => Act::ALL.iter().copied().filter(|act| act.is_refusal()).collect(),
            Some(act) => vec![act.parse::<Act>().map_err(|fault| fault.to_string())?],
        };
        Ok(AuditFilter {
            who: self
                .who
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|fault: <AuditWho as std::str::FromStr>::Err| fault.to_string())?,
            acts,
            target: self
                .target
                .as_deref()
                .map(|text| text.trim().parse::<Target>())
                .transpose()
                .map_err(|fault| fault.to_string())?,
            from: instant(&self.from)?,
            to: instant(&self.to)?,
            before: self.before,
            limit: PAGE,
        })
    }

    fn kinds(&self) -> Vec<Choice> {
        let chosen = self.who.as_deref().unwrap_or_default();
        let choice = |value: &str, words: &str| Choice {
            value: value.to_owned(),
            words: words.to_owned(),
            chosen: value == chosen,
        };
        let mut all: Vec<Choice> = KINDS.iter().map(|(value, words)| choice(value, words)).collect();
        if !chosen.is_empty() && !all.iter().any(|choice| choice.chosen) {
            all.push(choice(chosen, chosen));
        }
        all
    }

    fn acts(&self) -> Vec<Choice> {
        let chosen = self.act.as_deref().unwrap_or_default();
        let one = |act: &Act| (act.as_str(), act.words());
        [("refusals", "everything that was refused")]
            .into_iter()
            .chain(Act::ALL.iter().map(one))
            .map(|(value, words)| Choice { value: value.to_owned(), words: words.to_owned(), chosen: value == chosen })
            .collect()
    }

    fn address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let before = self.before.map(|id| id.to_string());
        for (name, value) in [
            ("who", &self.who),
            ("act", &self.act),
            ("target", &self.target),
            ("from", &self.from),
            ("to", &self.to),
            ("zone", &self.zone),
            ("before", &before),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/audit?{}", query.finish())
    }
}

/// Newest first, each day named above its first.
fn rows(found: Vec<AuditRow>, clock: &PageClock) -> Vec<RowView> {
    let mut above = None;
    let mut rows: Vec<RowView> = found.into_iter().map(|row| RowView::of(row, clock)).collect();
    for row in &mut rows {
        let day = row.at.at.date();
        row.day = (above.replace(day) != Some(day)).then(|| day_in_zone(&row.at.at));
    }
    rows
}

impl RowView {
    fn of(row: AuditRow, clock: &PageClock) -> RowView {
        let act = row.act.parse::<Act>().ok();
        let filtered = |who: String| Some(Asked { who: Some(who), ..Asked::default() }.address());
        let by_them = match (row.who.kind.as_str(), row.who.id) {
            (kind @ ("person" | "token"), Some(id)) => filtered(format!("{kind}:{id}")),
            _ => None,
        };
        let who = match row.who.kind.as_str() {
            "person" | "token" => row.who.name,
            kind => without_a_name(kind),
        };
        let about = row.target.map(|target| {
            let page = match target.kind.as_str() {
                "monitor" => Some(format!("/monitor/{}", target.id)),
                "person" => Some(format!("/people/{}", target.id)),
                _ => None,
            };
            let name = if target.name.is_empty() { &target.id } else { &target.name };
            let words = format!("{} {name}", target.kind);
            let filter = Asked { target: Some(format!("{}:{}", target.kind, target.id)), ..Asked::default() }.address();
            About { words, page, filter }
        });
        RowView {
            id: row.id,
            at: ClockTime { at: row.at.to_zoned(clock.zone.clone()), now: clock.now },
            day: None,
            words: act.map_or_else(|| row.act.replace('_', " "), |act| act.words().to_owned()),
            refusal: act.is_some_and(Act::is_refusal),
            who,
            by_them,
            about,
            address: row.address,
            door: row.door.replace('_', " "),
            request_id: row.request_id,
            details: details(&row.details),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::monitors::tests::HOSTILE;
    use super::*;
    use crate::store::{AuditedTarget, AuditedWho};

    #[test]
    fn what_others_wrote_is_inert() {
        let clock = PageClock { now: "2026-07-01T12:00:00Z".parse().unwrap(), zone: TimeZone::UTC };
        let row = AuditRow {
            id: 1,
            at: clock.now,
            act: HOSTILE.into(),
            who: AuditedWho { kind: "token".into(), id: Some(1), name: HOSTILE.into(), owner_id: None },
            door: HOSTILE.into(),
            address: HOSTILE.into(),
            request_id: HOSTILE.into(),
            target: Some(AuditedTarget { kind: "monitor".into(), id: HOSTILE.into(), name: HOSTILE.into() }),
            details: json!({"why": HOSTILE, HOSTILE: [HOSTILE], "changes": {
                "name": {"from": HOSTILE, "to": HOSTILE}, "script": {"difference": format!("+{HOSTILE}\n")}}})
            .as_object()
            .cloned()
            .unwrap(),
        };
        let asked = Asked { who: Some(HOSTILE.into()), act: Some(HOSTILE.into()), ..Asked::default() };
        let page = AuditPage {
            layout: Layout::new("Audit", Place::Account, 0, "t"),
            kinds: asked.kinds(),
            acts: asked.acts(),
            target: HOSTILE.into(),
            from: HOSTILE.into(),
            to: HOSTILE.into(),
            zone: HOSTILE.into(),
            filtered: true,
            fault: asked.filter(&clock.zone).unwrap_err(),
            rows: rows(vec![row], &clock),
            paged: true,
            first: asked.address(),
            next: Some(asked.address()),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }
}
