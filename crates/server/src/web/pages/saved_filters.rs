//! Filters of the list under names: `/filters` keeps one, `/filters/delete` forgets one. Where nobody logs in they are kept in a
//! cookie of the browser.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::Response,
};

use super::{form::Form, own_address, see};
use crate::{
    operations::{Context, Refusal, saved_filters},
    web::{Problem, WebState},
};

/// Where people come by HTTPS, with the prefix that keeps neighbouring names from setting it.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-revere_filters" } else { "revere_filters" }
}

/// The most that a browser keeps in one.
const COOKIE_BYTES: usize = 3500;
/// What of an address is a filter.
const PARTS: [&str; 5] = ["state", "severity", "tag", "q", "sort"];

/// A filter as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FilterView {
    /// What it is deleted by.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) href: String,
    /// Whether the list shows it now.
    pub(super) current: bool,
}

/// The filters that the browser keeps: names with queries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct InBrowser(Vec<(String, String)>);

impl InBrowser {
    fn of(headers: &HeaderMap, secure: bool) -> InBrowser {
        let name = cookie_name(secure);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        let text = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
        let kept = url::form_urlencoded::parse(text.as_bytes()).take(saved_filters::MOST);
        // Anybody may write a cookie: what it leads to is a filter and nothing else.
        let kept = kept.map(|(name, query)| (name.into_owned(), filter_of(&query)));
        InBrowser(kept.filter(|(name, query)| saved_filters::checked(name, query).is_ok()).collect())
    }

    fn cookie(&self, secure: bool) -> Result<HeaderValue, Refusal> {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        for (name, query) in &self.0 {
            text.append_pair(name, query);
        }
        let text = text.finish();
        if text.len() > COOKIE_BYTES {
            return Err(Refusal::one(
                "name",
                "a browser keeps no more than these; delete one first, or have people log in",
            ));
        }
        let name = cookie_name(secure);
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000{secure}");
        HeaderValue::from_str(&cookie).map_err(|_| Refusal::one("name", "cannot be kept; take another name"))
    }
}

impl FromRequestParts<WebState> for InBrowser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Infallible> {
        Ok(InBrowser::of(&parts.headers, state.site.is_secure()))
    }
}

/// The filters of whoever asks, of which `here` is the one that is shown.
pub(super) async fn all(context: &Context, in_browser: &InBrowser, here: &str) -> Result<Vec<FilterView>, Problem> {
    let here = filter_of(here.split_once('?').map_or("", |(_, query)| query));
    let view = |key: String, name: &str, query: &str| FilterView {
        key,
        name: name.to_owned(),
        href: format!("/?{query}"),
        current: query == here,
    };
    Ok(match saved_filters::list(context).await? {
        Some(kept) => kept.iter().map(|one| view(one.id.to_string(), &one.name, &filter_of(&one.query))).collect(),
        None => in_browser.0.iter().map(|(name, query)| view(name.clone(), name, query)).collect(),
    })
}

/// Keeps the filter that the list shows, under a name.
pub(super) async fn save(
    State(state): State<WebState>,
    context: Context,
    in_browser: InBrowser,
    form: Form,
) -> Result<Response, Problem> {
    let query = filter_of(form.text("query").trim_start_matches(['/', '?']));
    if saved_filters::list(&context).await?.is_some() {
        saved_filters::save(&context, form.text("name"), &query).await?;
        return Ok(see(format!("/?{query}")));
    }
    let name = saved_filters::checked(form.text("name"), &query)?;
    let mut kept = in_browser;
    kept.0.retain(|(other, _)| *other != name);
    if kept.0.len() >= saved_filters::MOST {
        return Err(saved_filters::too_many().into());
    }
    kept.0.push((name, query.clone()));
    kept.0.sort();
    answer(&kept, &state, format!("/?{query}"))
}

/// Forgets one.
pub(super) async fn delete(
    State(state): State<WebState>,
    context: Context,
    in_browser: InBrowser,
    form: Form,
) -> Result<Response, Problem> {
    let back = own_address(form.text("back")).to_owned();
    if saved_filters::list(&context).await?.is_some() {
        if let Ok(id) = form.text("key").parse() {
            saved_filters::delete(&context, id).await?;
        }
        return Ok(see(back));
    }
    let mut kept = in_browser;
    kept.0.retain(|(name, _)| name != form.text("key"));
    answer(&kept, &state, back)
}

fn answer(kept: &InBrowser, state: &WebState, to: String) -> Result<Response, Problem> {
    let mut response = see(to);
    response.headers_mut().append(header::SET_COOKIE, kept.cookie(state.site.is_secure())?);
    Ok(response)
}

/// The parts of a query that filter or order, in one order, so that two that mean the same are the same.
fn filter_of(query: &str) -> String {
    let mut filter = url::form_urlencoded::Serializer::new(String::new());
    for part in PARTS {
        let mut given =
            url::form_urlencoded::parse(query.as_bytes()).filter(|(name, value)| name == part && !value.is_empty());
        if let Some((_, value)) = given.next() {
            filter.append_pair(part, &value);
        }
    }
    filter.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: &str, secure: bool) -> InBrowser {
        let cookie = HeaderValue::from_str(cookie).unwrap();
        InBrowser::of(&HeaderMap::from_iter([(header::COOKIE, cookie)]), secure)
    }

    fn of(cookie: &str) -> InBrowser {
        read(cookie, false)
    }

    #[test]
    fn what_a_cookie_keeps_reads_back_and_leads_nowhere_else() {
        let kept = InBrowser(vec![("Über; alles=".into(), "tag=a+b&sort=-value".into())]);
        let cookie = kept.cookie(false).unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(of(&format!("a=b; {pair}")), kept);
        assert_eq!(read(&format!("__Host-{pair}"), true), kept);
        assert_eq!(read(&pair, true), InBrowser::default(), "a neighbour could have set it");
        assert!(kept.cookie(true).unwrap().to_str().unwrap().starts_with("__Host-revere_filters="));
        assert_eq!(of("revere_filters=x=%2F%2Fevil.example&y=after%3DOK.7&=tag%3Da"), InBrowser::default());
        let many = InBrowser((0..30).map(|number| (format!("{number}"), format!("q={}", "x".repeat(300)))).collect());
        assert!(many.cookie(false).is_err());
    }

    #[test]
    fn filters_that_mean_the_same_are_the_same() {
        assert_eq!(filter_of("sort=name&q=a&after=OK.7&done=pause.2&tag="), "q=a&sort=name");
        assert_eq!(filter_of("part=list"), "");
    }
}
