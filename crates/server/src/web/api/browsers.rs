//! `/api/v1/alerts/{key}/browsers`: browsers that an alert tells by Web Push.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::version_schemas::AuthorView;
use crate::{
    operations::{
        Context,
        browsers::{self, BrowserInput, ToldBrowsers},
    },
    store::BrowserRecord,
    web::{
        Problem,
        body::{JsonBody, created},
        pages::browser_words,
        params::{Key, Params},
    },
};

/// A browser that asked to be notified. The address of its push service is shown to nobody.
#[derive(Serialize, ToSchema)]
#[schema(as = Browser)]
pub(crate) struct BrowserView {
    /// Its id.
    id: i64,
    /// The alert that notifies it.
    alert: String,
    /// What it is called.
    name: String,
    /// Since when it is notified.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who asked for it.
    author: AuthorView,
    /// When it was notified last; null if it never was.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    told_at: Option<Timestamp>,
    /// Why the last notification did not reach it; null if it did.
    #[schema(required)]
    last_error: Option<String>,
    /// Whether it knows the server by another key and has to ask once more: it is not notified.
    outdated: bool,
}

/// The browsers that an alert notifies, and what another one needs to ask for it.
#[derive(Serialize, ToSchema)]
#[schema(as = Browsers)]
pub(crate) struct BrowsersView {
    /// What a browser is given as `applicationServerKey`: a point of the curve P-256 in base64url.
    public_key: String,
    /// Those that asked, oldest first.
    items: Vec<BrowserView>,
}

/// A browser that asks to be notified: what `PushSubscription.toJSON()` says of it.
#[derive(ToSchema)]
#[schema(as = BrowserInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct BrowserBody {
    /// What people will call it; what its `User-Agent` says where it is left out.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 80)]
    name: Option<String>,
    /// The address of its push service.
    #[schema(max_length = 2000)]
    endpoint: String,
    /// `keys.p256dh` of its subscription.
    p256dh: String,
    /// `keys.auth` of its subscription.
    auth: String,
}

/// Browsers of an alert
///
/// Those that an alert of the type `web_push` notifies.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{key}/browsers",
    operation_id = "list_browsers",
    tag = "alerts",
    params(("key" = String, Path, description = "The alert's name in the configuration.")),
    responses(
        (status = 200, description = "All of them.", body = BrowsersView),
        (status = 404, description = "There is no alert with that key that notifies browsers."),
    )
)]
pub(crate) async fn list(
    context: Context,
    Key(key): Key<String>,
    params: Params,
) -> Result<Json<BrowsersView>, Problem> {
    params.finish(())?;
    let ToldBrowsers { public_key, browsers, .. } = browsers::list(&context, &key).await?;
    let items = browsers.into_iter().map(|browser| BrowserView::of(browser, &public_key)).collect();
    Ok(Json(BrowsersView { public_key, items }))
}

/// Notify a browser
///
/// From now on. One whose address is known already is known anew.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{key}/browsers",
    operation_id = "add_browser",
    tag = "alerts",
    params(("key" = String, Path, description = "The alert's name in the configuration.")),
    request_body = BrowserBody,
    responses(
        (status = 201, description = "Added.", body = BrowserView, headers(("Location" = String, description = "Its address."))),
        (status = 404, description = "There is no alert with that key that notifies browsers."),
        (status = 409, description = "There are too many."),
        (status = 422, description = "Something is wrong with it; it is not notified."),
    )
)]
pub(crate) async fn add(
    context: Context,
    Key(key): Key<String>,
    params: Params,
    headers: HeaderMap,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    for (name, expected) in [
        ("endpoint", "the address of a push service"),
        ("p256dh", "a key in base64url"),
        ("auth", "a secret in base64url"),
    ] {
        fields.require(name, expected);
    }
    let mut text = |name, most| fields.text(name, most).unwrap_or_default();
    let (endpoint, p256dh, auth) = (text("endpoint", 8000), text("p256dh", 400), text("auth", 400));
    let name = fields.text("name", 400).unwrap_or_else(|| browser_words::name_of(&headers));
    let faults = fields.finish();
    let added = browsers::add(&context, &key, BrowserInput { name, endpoint, p256dh, auth, faults }).await?;
    let location = format!("/api/v1/browsers/{}", added.browser.id);
    let public_key = added.server_key.clone();
    let view = BrowserView::of(added, &public_key);
    Ok(created(location, Json(view)))
}

/// Notify a browser no more
///
/// One's own, or anybody's by whoever may change alerts.
#[utoipa::path(
    delete,
    path = "/api/v1/browsers/{id}",
    operation_id = "remove_browser",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which browser.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn remove(context: Context, Key(id): Key<i64>, params: Params) -> Result<StatusCode, Problem> {
    params.finish(())?;
    browsers::remove(&context, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl BrowserView {
    fn of(record: BrowserRecord, public_key: &str) -> BrowserView {
        BrowserView {
            id: record.browser.id,
            alert: record.alert,
            name: record.browser.name,
            created_at: record.created_at,
            author: record.author.into(),
            told_at: record.told_at,
            last_error: record.last_error,
            outdated: record.server_key != public_key,
        }
    }
}
