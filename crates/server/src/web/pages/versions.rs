//! `/monitor/{id}/versions`: what a monitor was, since when, by whom and why.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use revere_model::{MonitorField, MonitorId};

use super::{
    changes::author_in_words,
    display::When,
    layout::{Layout, Place},
    page_request::PageRequest,
};
use crate::{
    operations::{
        Context, Failure, monitors,
        versions::{self, ListedVersion},
    },
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Versions of one page, and versions that are offered to be compared.
const PAGE: u32 = 50;
const OFFERED: u32 = 200;

#[derive(Template)]
#[template(path = "pages/versions.html")]
struct VersionsPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    current: i64,
    rows: Vec<VersionRow>,
    /// Whether it is known of one of them who saved it.
    authors: bool,
    paged: bool,
    next: Option<i64>,
    compare: Compare,
}

/// A version in the list.
struct VersionRow {
    version: i64,
    saved: When,
    author: Option<String>,
    note: String,
    restored: Option<i64>,
    /// What was changed by it, in words; empty for the first.
    changed: String,
    /// The version before it.
    before: Option<i64>,
}

/// Two versions to be compared: a form.
pub(super) struct Compare {
    pub(super) from: Vec<VersionOption>,
    pub(super) to: Vec<VersionOption>,
}

/// A version that may be chosen.
#[derive(Clone)]
pub(super) struct VersionOption {
    pub(super) version: i64,
    pub(super) chosen: bool,
}

/// The page.
pub(super) async fn show(
    request: PageRequest,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Response, Problem> {
    let before = params.parsed::<i64>("before", "the number of a version");
    let before = params.finish(before)?;
    let monitor = monitors::get(&request.context, id).await?;
    let (found, more) = versions::list(&request.context, id, before, PAGE).await?;
    let next = found.last().filter(|_| more).map(|last| last.saved.version);
    let numbers: Vec<i64> = found.iter().map(|listed| listed.saved.version).chain(next.map(|next| next - 1)).collect();
    let now = request.now();
    let rows: Vec<VersionRow> = found
        .into_iter()
        .enumerate()
        .map(|(at, listed)| VersionRow::of(listed, numbers.get(at + 1).copied(), now))
        .collect();
    let from = rows.first().and_then(|row| row.before);
    let page = VersionsPage {
        layout: request.layout(format!("Versions of {}", monitor.spec.name), Place::Monitors).await?,
        id,
        name: monitor.spec.name,
        current: monitor.version,
        authors: rows.iter().any(|row| row.author.is_some()),
        paged: before.is_some(),
        next,
        compare: compare(&request.context, id, from.unwrap_or(monitor.version), monitor.version).await?,
        rows,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// The form, with these two chosen.
pub(super) async fn compare(context: &Context, id: MonitorId, from: i64, to: i64) -> Result<Compare, Failure> {
    let mut numbers = versions::numbers(context, id, OFFERED).await?;
    numbers.extend([from, to]);
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
    let options = |chosen: i64| {
        numbers.iter().map(|version| VersionOption { version: *version, chosen: *version == chosen }).collect()
    };
    Ok(Compare { from: options(from), to: options(to) })
}

impl VersionRow {
    fn of(listed: ListedVersion, before: Option<i64>, now: Timestamp) -> VersionRow {
        let ListedVersion { saved, changed } = listed;
        VersionRow {
            version: saved.version,
            saved: When { at: saved.saved_at, now },
            author: author_in_words(saved.author.as_ref()),
            note: saved.note,
            restored: saved.restored,
            changed: changed.as_deref().map(labels).unwrap_or_default(),
            before: before.filter(|_| changed.is_some()),
        }
    }
}

/// `Script, schedule`
fn labels(fields: &[&MonitorField]) -> String {
    let all = fields.iter().map(|field| field.words.label.to_lowercase()).collect::<Vec<_>>().join(", ");
    let mut chars = all.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn notes_and_names_are_inert() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let options = vec![VersionOption { version: 2, chosen: true }];
        let page = VersionsPage {
            layout: Layout::new("Versions", Place::Monitors, 0, "t"),
            id: MonitorId(7),
            name: HOSTILE.into(),
            current: 2,
            rows: vec![VersionRow {
                version: 2,
                saved: When { at: now, now },
                author: Some(HOSTILE.into()),
                note: HOSTILE.into(),
                restored: Some(1),
                changed: labels(&revere_model::MONITOR_FIELDS[2..4].iter().collect::<Vec<_>>()),
                before: Some(1),
            }],
            authors: true,
            paged: true,
            next: Some(2),
            compare: Compare { from: options.clone(), to: options },
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        assert!(html.contains("Script, schedule"), "{html}");
    }
}
