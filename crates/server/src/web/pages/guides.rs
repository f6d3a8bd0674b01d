//! `/guides/{name}`: the documentation of this very version, which Help leads to.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    guide_html::GuideHtml,
    guide_texts::named,
    layout::{Layout, Place},
    page_request::PageRequest,
};
use crate::web::{
    Problem,
    params::{Key, Params},
};

#[derive(Template)]
#[template(path = "pages/guide.html")]
struct GuidePage {
    layout: Layout,
    name: &'static str,
    html: GuideHtml,
}

/// The page.
pub(super) async fn show(request: PageRequest, Key(name): Key<String>, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    let guide = named(&name).ok_or_else(|| Problem::not_found("guide", format!("{name:?}")))?;
    let mut layout = request.layout(guide.title, Place::Nowhere).await?;
    layout.live = false;
    let page = GuidePage { layout, name: guide.name, html: GuideHtml(guide.text) };
    request.answer(StatusCode::OK, &page.layout, &page)
}

#[cfg(test)]
mod tests {
    use super::{super::guide_texts::GUIDES, *};

    /// But for the measurements, which help nobody to use the program.
    #[test]
    fn every_document_is_a_guide() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut documents: Vec<String> =
            files.filter(|file| file.ends_with(".md") && file != "BENCHMARKS.md").collect();
        let mut names: Vec<&str> = GUIDES.iter().map(|guide| guide.name).collect();
        documents.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, documents);
    }

    /// A link within a guide leads to a guide, to a part of one that is there, or out into the world.
    #[test]
    fn links_of_guides_lead_somewhere() {
        let pages: Vec<(&str, String)> =
            GUIDES.iter().map(|guide| (guide.name, GuideHtml(guide.text).to_string())).collect();
        let mut within = 0;
        for (name, html) in &pages {
            for address in html.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let (page, part) = address.split_once('#').unwrap_or((address, ""));
                if page.starts_with("https://") || page == "/api/v1/openapi.json" {
                    continue;
                }
                let to = if page.is_empty() { *name } else { page.strip_prefix("/guides/").unwrap() };
                let (_, text) =
                    pages.iter().find(|(name, _)| *name == to).unwrap_or_else(|| panic!("{name}: {address}"));
                assert!(part.is_empty() || text.contains(&format!("id=\"{part}\"")), "{name}: {address}");
                within += 1;
            }
        }
        assert!(within > 50, "{within}");
    }
}
