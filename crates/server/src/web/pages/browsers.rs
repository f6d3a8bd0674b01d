//! Browsers that alerts notify, on the page of the alerts: `/alert/{key}/browsers` adds the one that asks,
//! `/browsers/{id}/remove` takes one away.

use axum::{http::HeaderMap, response::Response};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    browser_words,
    display::{When, seen},
    form::Form,
    mutes::called,
    see,
};
use crate::{
    hexadecimal::hex,
    operations::{
        Context,
        browsers::{self, BrowserInput, ToldBrowsers},
    },
    store::BrowserRecord,
    web::{Problem, params::Key},
};

/// An alert that notifies browsers, as the page shows it.
pub(super) struct BrowsersView {
    pub(super) number: usize,
    pub(super) alert: String,
    pub(super) public_key: String,
    /// Where its service worker stands: each alert has one of its own, so that each has its own key and its own end.
    pub(super) scope: String,
    pub(super) browsers: Vec<BrowserView>,
}

/// A browser as the page shows it.
pub(super) struct BrowserView {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) by: String,
    pub(super) since: When,
    pub(super) told: Option<When>,
    pub(super) error: Option<String>,
    /// By which the browser's script finds itself; nobody gets at the address by it.
    pub(super) digest: String,
    pub(super) outdated: bool,
    pub(super) removable: bool,
}

/// The alerts that notify browsers, with those.
pub(super) async fn of_all(context: &Context, now: Timestamp) -> Result<Vec<BrowsersView>, Problem> {
    let told = browsers::of_all(context).await?;
    Ok(told.into_iter().enumerate().map(|(index, told)| BrowsersView::of(index + 1, told, context, now)).collect())
}

/// `/alert/{key}/browsers`: the browser that sends it is notified from now on.
pub(super) async fn add(
    context: Context,
    Key(key): Key<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let input = BrowserInput {
        name: browser_words::name_of(&headers),
        endpoint: form.text("endpoint").to_owned(),
        p256dh: form.text("p256dh").to_owned(),
        auth: form.text("auth").to_owned(),
        faults: Vec::new(),
    };
    browsers::add(&context, &key, input).await?;
    Ok(see("/alerts#browsers"))
}

/// `/browsers/{id}/remove`: it is notified no more.
pub(super) async fn remove(context: Context, Key(id): Key<i64>, _: Form) -> Result<Response, Problem> {
    browsers::remove(&context, id).await?;
    Ok(see("/alerts#browsers"))
}

impl BrowsersView {
    fn of(number: usize, told: ToldBrowsers, context: &Context, now: Timestamp) -> BrowsersView {
        let view = |record: BrowserRecord| BrowserView {
            removable: browsers::might_remove(context, &record),
            outdated: record.server_key != told.public_key,
            digest: digest(&record.browser.endpoint),
            id: record.browser.id,
            name: seen(&record.browser.name),
            by: seen(&called(&record.author)),
            since: When { at: record.created_at, now },
            told: record.told_at.map(|at| When { at, now }),
            error: record.last_error,
        };
        let browsers = told.browsers.into_iter().map(view).collect();
        let scope = format!("/push/{}/", &digest(&told.alert)[..16]);
        BrowsersView { number, alert: told.alert, public_key: told.public_key.clone(), scope, browsers }
    }
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::web::pages::monitors::tests::HOSTILE;

    /// One of which everything is hostile.
    pub(in crate::web::pages) fn view() -> BrowsersView {
        let at = When { at: Timestamp::UNIX_EPOCH, now: Timestamp::UNIX_EPOCH };
        let browser = |outdated| BrowserView {
            id: 1,
            name: HOSTILE.to_owned(),
            by: HOSTILE.to_owned(),
            since: at,
            told: Some(at),
            error: Some(HOSTILE.to_owned()),
            digest: HOSTILE.to_owned(),
            outdated,
            removable: true,
        };
        BrowsersView {
            number: 1,
            alert: HOSTILE.to_owned(),
            public_key: HOSTILE.to_owned(),
            scope: HOSTILE.to_owned(),
            browsers: vec![browser(false), browser(true)],
        }
    }
}
