//! `/monitor/{id}/difference?from=..&to=..`: what differs between two versions of a monitor.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::MonitorId;

use super::{
    changes::{Changes, DifferenceRow, author_in_words},
    display::When,
    layout::{Layout, Place},
    page_request::PageRequest,
    versions::{Compare, compare},
};
use crate::{
    operations::{
        monitors,
        versions::{self, Difference},
    },
    store::SavedVersion,
    web::{
        Problem,
        params::{Key, Params},
    },
};

#[derive(Template)]
#[template(path = "pages/difference.html")]
struct DifferencePage {
    layout: Layout,
    id: MonitorId,
    name: String,
    sides: [Side; 2],
    changes: Changes,
    compare: Compare,
    /// The address of the other way round.
    turned: String,
}

/// One of the two.
struct Side {
    version: i64,
    saved: When,
    author: Option<String>,
    note: String,
    current: bool,
}

/// The page.
pub(super) async fn show(
    request: PageRequest,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Response, Problem> {
    let ends = (params.parsed("from", "the number of a version"), params.parsed("to", "the number of a version"));
    let (from, to) = params.finish(ends)?;
    let monitor = monitors::get(&request.context, id).await?;
    let difference = versions::difference(&request.context, id, from, to).await?;
    let changes = Changes::of(&difference);
    let Difference { from, to, .. } = difference;
    let (one, other) = (from.version, to.version);
    let side = |saved: SavedVersion| Side {
        version: saved.version,
        saved: When { at: saved.saved_at, now: request.now() },
        author: author_in_words(saved.author.as_ref()),
        note: saved.note,
        current: saved.version == monitor.version,
    };
    let page = DifferencePage {
        layout: request.layout(format!("Versions {one} and {other}"), Place::Monitors).await?,
        id,
        name: monitor.spec.name.clone(),
        sides: [side(from), side(to)],
        changes,
        compare: compare(&request.context, id, one, other).await?,
        turned: format!("/monitor/{id}/difference?from={other}&to={one}"),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}
