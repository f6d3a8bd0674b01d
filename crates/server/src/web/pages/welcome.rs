//! The first page of an empty installation: what a monitor is, and three to adopt.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    deleted::Undo,
    examples::{self, Example},
    form::Form,
    layout::{Layout, Place},
    monitor_form,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{Context, deleted_monitors, monitors::MonitorInput, schedule, sources},
    store::StateCounts,
    web::{Problem, params::Key},
};

#[derive(Template)]
#[template(path = "pages/welcome.html")]
struct WelcomePage {
    layout: Layout,
    examples: Vec<Card>,
    of_sources: Vec<Example>,
    source_names: Vec<String>,
    /// What was just deleted.
    undo: Option<Undo>,
    /// Whether something can be brought back.
    deleted: bool,
}

struct Card {
    slug: String,
    name: String,
    description: String,
    script: String,
    words: String,
    once: String,
}

/// In place of an empty list.
pub(super) async fn show(request: &PageRequest, counts: &StateCounts, undo: Option<Undo>) -> Result<Response, Problem> {
    let page = WelcomePage {
        layout: request.layout_with(counts, "Welcome", Place::Monitors),
        examples: cards(&request.context),
        of_sources: examples::all(&request.context).await.into_iter().filter(|example| example.of_source).collect(),
        source_names: sources::names(&request.context)?,
        deleted: undo.is_none() && !deleted_monitors::list(&request.context, None, 1).await?.is_empty(),
        undo,
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// Makes an example a monitor, once for each time the page was shown.
pub(super) async fn adopt(context: Context, Key(slug): Key<String>, form: Form) -> Result<Response, Problem> {
    let example = examples::find(&context, &slug).await.ok_or_else(|| Problem::not_found("example", &slug))?;
    let input = MonitorInput {
        name: Some(example.name),
        description: Some(example.description),
        script: Some(example.script),
        schedule: Some(example.schedule.to_owned()),
        tags: Some(Some(example.tags).filter(|tag| !tag.is_empty()).into_iter().collect()),
        ..MonitorInput::default()
    };
    let id = monitor_form::create_once(&context, form.text("once"), input).await?;
    Ok(see(format!("/monitor/{id}")))
}

fn cards(context: &Context) -> Vec<Card> {
    examples::plain()
        .into_iter()
        .map(|example| Card {
            slug: example.slug,
            name: example.name,
            description: example.description,
            script: example.script,
            words: schedule::preview(example.schedule, &context.defaults().timezone, context.now())
                .map_or_else(|_| example.schedule.to_owned(), |preview| preview.words),
            once: monitor_form::once(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_teaches() {
        let page = WelcomePage {
            layout: Layout::new("Welcome", Place::Monitors, 0, "t"),
            examples: vec![Card {
                slug: "queue".into(),
                name: "Queue".into(),
                description: "One".into(),
                script: "if 1 < 2: pass".into(),
                words: "every minute".into(),
                once: "x".into(),
            }],
            of_sources: vec![Example {
                slug: "rows.<shop>".into(),
                name: "<shop>: rows".into(),
                description: String::new(),
                schedule: "* * * * *",
                tags: String::new(),
                script: String::new(),
                of_source: true,
            }],
            source_names: vec!["<graphite>".into()],
            undo: None,
            deleted: true,
        };
        let html = page.render().unwrap();
        assert!(
            html.contains("if 1 &#60; 2") && html.contains("&#60;graphite&#62;") && html.contains("/examples/queue")
        );
    }
}
