//! `/deleted`: monitors that were deleted and can be brought back; and the way to undo a deletion at once.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, tz::TimeZone};
use revere_model::{MonitorId, Operation, far_day};

use super::{
    changes::author_in_words,
    display::When,
    form::Form,
    layout::{Layout, Place, sentence},
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{Context, Failure, deleted_monitors},
    store::DeletedMonitor,
    web::{Problem, params::Params},
};

/// Monitors of one page.
const PAGE: u32 = 100;

/// More are brought back from the page of deleted monitors.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "pages/deleted.html")]
struct DeletedPage {
    layout: Layout,
    days: u32,
    rows: Vec<DeletedRow>,
    authors: bool,
    paged: bool,
    next: Option<MonitorId>,
}

struct DeletedRow {
    id: MonitorId,
    name: String,
    tags: Vec<String>,
    deleted: When,
    author: Option<String>,
    until: When,
    /// Why who looks at it may not bring it back.
    why_not: Option<String>,
}

/// What was just deleted, and can be had back at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Undo {
    pub(super) ids: Vec<MonitorId>,
    /// What it was called, if it was one.
    pub(super) name: Option<String>,
    pub(super) until: String,
}

impl Undo {
    /// Of these those that are still deleted and may be brought back by who asks; `None` if none is. Times are in `zone`.
    pub(super) async fn of(context: &Context, ids: &[MonitorId], zone: &TimeZone) -> Result<Option<Undo>, Failure> {
        let mut deleted = deleted_monitors::of_these(context, ids).await?;
        deleted.retain(|one| context.might_with(Operation::UndeleteMonitor, &one.tags).is_ok());
        let Some(first) = deleted.first() else { return Ok(None) };
        let until = deleted.iter().map(|one| one.kept_until).min().unwrap_or(first.kept_until);
        Ok(Some(Undo {
            ids: deleted.iter().map(|one| one.id).collect(),
            name: Some(first.name.clone()).filter(|_| deleted.len() == 1),
            until: far_day(until, zone),
        }))
    }

    /// The ids in an address.
    pub(super) fn read(text: Option<&str>) -> Vec<MonitorId> {
        text.unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).take(MOST).collect()
    }

    /// An address that offers to undo the deletion of these.
    pub(super) fn address(back: &str, ids: &[MonitorId]) -> String {
        let ids = ids.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(",");
        let joint = if back.contains('?') { '&' } else { '?' };
        format!("{back}{joint}deleted={ids}")
    }
}

/// The page.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let after = params.parsed::<MonitorId>("after", "the id of a monitor");
    let after = params.finish(after)?;
    let mut found = deleted_monitors::list(&request.context, after, PAGE + 1).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| more).map(|last| last.id);
    let now = request.now();
    let rows: Vec<DeletedRow> =
        found.into_iter().map(|deleted| DeletedRow::of(deleted, &request.context, now)).collect();
    let page = DeletedPage {
        layout: request.layout("Deleted monitors", Place::Monitors).await?,
        days: deleted_monitors::days_kept(&request.context)?,
        authors: rows.iter().any(|row| row.author.is_some()),
        paged: after.is_some(),
        next,
        rows,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// Brings back what was chosen. One that is there again, or is kept no longer, is passed over.
pub(super) async fn bring_back(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let ids: Vec<MonitorId> = form.all("pick").take(MOST).filter_map(|id| id.parse().ok()).collect();
    // All or none: half of them done is worse than a refusal that says why.
    for deleted in deleted_monitors::of_these(&request.context, &ids).await? {
        request.context.must_with(Operation::UndeleteMonitor, deleted.id, &deleted.tags)?;
    }
    for id in &ids {
        match deleted_monitors::undelete(&request.context, *id).await {
            Ok(_) | Err(Failure::NotFound { .. }) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    match ids.as_slice() {
        [] => Ok(see("/deleted")),
        [id] => Ok(see(format!("/monitor/{id}"))),
        _ => Ok(see("/")),
    }
}

impl DeletedRow {
    fn of(deleted: DeletedMonitor, context: &Context, now: Timestamp) -> DeletedRow {
        let denied = context.might_with(Operation::UndeleteMonitor, &deleted.tags);
        DeletedRow {
            id: deleted.id,
            name: deleted.name,
            tags: deleted.tags,
            deleted: When { at: deleted.deleted_at, now },
            author: author_in_words(deleted.deleted_by.as_ref()),
            until: When { at: deleted.kept_until, now },
            why_not: denied.err().map(|denial| sentence(&denial.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn what_was_deleted_is_inert() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let row = |why_not: Option<String>| DeletedRow {
            id: MonitorId(7),
            name: HOSTILE.into(),
            tags: vec![HOSTILE.into()],
            deleted: When { at: now, now },
            author: Some(HOSTILE.into()),
            until: When { at: now, now },
            why_not,
        };
        let page = DeletedPage {
            layout: Layout::new("Deleted monitors", Place::Monitors, 0, "t"),
            days: 30,
            rows: vec![row(None), row(Some(HOSTILE.into()))],
            authors: true,
            paged: true,
            next: Some(MonitorId(7)),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }

    #[test]
    fn the_way_to_undo_stands_in_the_address() {
        let ids = [MonitorId(3), MonitorId(5)];
        assert_eq!(Undo::address("/", &ids), "/?deleted=3,5");
        assert_eq!(Undo::address("/?tag=a", &ids[..1]), "/?tag=a&deleted=3");
        assert_eq!(Undo::read(Some("3,x,5")), ids);
        assert!(Undo::read(None).is_empty());
    }
}
