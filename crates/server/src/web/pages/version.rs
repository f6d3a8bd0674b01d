//! `/monitor/{id}/versions/{version}`: one version, what restoring it would change, and restoring it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{MonitorId, Operation};

use super::{
    changes::{Changes, DifferenceRow, author_in_words},
    display::When,
    form::Form,
    highlight::Listing,
    layout::{Layout, Place, sentence},
    monitor_form,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Failure, monitors,
        versions::{self, Difference},
    },
    web::{Problem, params::Keys},
};

#[derive(Template)]
#[template(path = "pages/version.html")]
struct VersionPage {
    layout: Layout,
    id: MonitorId,
    /// What the monitor is called now.
    name: String,
    version: i64,
    /// The version that is stored.
    current: i64,
    saved: When,
    author: Option<String>,
    note: String,
    restored: Option<i64>,
    /// From what is stored to this version.
    changes: Changes,
    /// Why it cannot be restored by who looks at it.
    why_not: Option<String>,
    /// What became of a try to restore it.
    notice: String,
    /// What was typed for it.
    typed: String,
    facts: Vec<(&'static str, String)>,
    script: Listing,
}

/// The page.
pub(super) async fn show(request: PageRequest, Keys(id, version): Keys<MonitorId, i64>) -> Result<Response, Problem> {
    answer(&request, id, version, StatusCode::OK, String::new(), "").await
}

/// `/monitor/{id}/versions/{version}/restore`
pub(super) async fn restore(
    request: PageRequest,
    Keys(id, version): Keys<MonitorId, i64>,
    form: Form,
) -> Result<Response, Problem> {
    let stored = form.text("stored").parse().ok();
    let note = form.text("note");
    match versions::restore(&request.context, id, version, stored, note.to_owned()).await {
        Ok(_) => Ok(see(format!("/monitor/{id}"))),
        Err(Failure::Conflict(_)) => {
            let notice = "Someone else saved this monitor meanwhile, so nothing was restored yet. What restoring would change \
                          is shown anew.";
            answer(&request, id, version, StatusCode::CONFLICT, notice.to_owned(), note).await
        }
        Err(Failure::Refused(refusal) | Failure::TooLarge(refusal)) => {
            let faults: Vec<String> = refusal.faults.iter().map(|fault| fault.message.clone()).collect();
            let notice = format!("Not restored: {}", sentence(&faults.join("; ")));
            answer(&request, id, version, StatusCode::UNPROCESSABLE_ENTITY, notice, note).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn answer(
    request: &PageRequest,
    id: MonitorId,
    version: i64,
    status: StatusCode,
    notice: String,
    typed: &str,
) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    let Difference { from, to, changes } =
        versions::difference(&request.context, id, Some(monitor.version), Some(version)).await?;
    let difference = Difference { from, to, changes };
    let saved = &difference.to;
    let tags = &monitor.spec.tags;
    // Those it has, and those it would have again.
    let may = |tags: &[String]| request.context.might_with(Operation::RestoreVersion, tags);
    let denied = may(tags).and_then(|()| may(&saved.spec.tags));
    let page = VersionPage {
        layout: request.layout(format!("Version {version} of {}", monitor.spec.name), Place::Monitors).await?,
        id,
        name: monitor.spec.name,
        version,
        current: monitor.version,
        saved: When { at: saved.saved_at, now: request.now() },
        author: author_in_words(saved.author.as_ref()),
        note: saved.note.clone(),
        restored: saved.restored,
        changes: Changes::of(&difference),
        why_not: denied.err().map(|denial| sentence(&denial.to_string())),
        notice,
        typed: typed.to_owned(),
        facts: monitor_form::all_facts(&saved.spec),
        script: Listing { script: saved.spec.script.clone(), marked: None },
    };
    request.answer(status, &page.layout, &page)
}
