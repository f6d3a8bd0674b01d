//! The pages: what a person sees and does. One file or folder per page, with a template of the
//! same stem.
//!
//! Pages ask the same operations as the API and hold nothing of their own. Every page reads and saves without
//! JavaScript; scripts add what moves. Forms change something and are answered with 303, or with the same page, its
//! fields kept and each fault at its field.

mod account;
mod acknowledge;
mod alert_preview;
mod alerts;
mod assets;
mod audit;
mod audit_details;
pub(super) mod browser_words;
mod browsers;
mod bulk;
mod bulk_setting;
mod changes;
mod chart;
mod chart_svg;
mod deleted;
mod difference;
mod display;
mod events;
mod examples;
mod foreign_text;
mod form;
mod form_token;
mod guide_html;
mod guide_texts;
mod guides;
mod highlight;
mod history;
mod home_screen;
mod layout;
mod list_address;
mod list_order;
mod list_sort;
mod log_in;
mod monitor;
mod monitor_actions;
mod monitor_form;
mod monitors;
mod mutes;
mod not_told;
mod on_call;
mod outcome;
mod page_request;
mod page_zone;
mod people;
pub(super) mod problem_page;
mod proof;
mod provider_log_in;
mod run;
mod runs;
mod saved_filters;
mod server;
mod source_names;
mod source_outages;
mod source_user;
mod sources;
mod sparkline;
mod tokens;
mod version;
mod versions;
mod welcome;
mod who;

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Problem, WebState,
    method_table::{get, get_and_post, post},
};

/// The table of pages.
pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/", get(monitors::show))
        .route("/monitors/change", post(bulk::change))
        .route("/counts", get(monitors::counts))
        .route("/create/read-back", get(monitor_form::read_back))
        .route("/create", get_and_post(monitor_form::create, monitor_form::created))
        .route("/examples/{slug}", post(welcome::adopt))
        .route("/monitor/{id}", get(monitor::show))
        .route("/monitor/{id}/edit", get_and_post(monitor_form::edit, monitor_form::edited))
        .route("/monitor/{id}/delete", get_and_post(monitor_actions::ask_delete, monitor_actions::delete))
        .route("/monitor/{id}/run", post(monitor_actions::run))
        .route("/monitor/{id}/pause", post(monitor_actions::pause))
        .route("/monitor/{id}/resume", post(monitor_actions::resume))
        .route("/monitor/{id}/who", get(who::show))
        .route("/monitor/{id}/acknowledge", post(acknowledge::acknowledge))
        .route("/monitor/{id}/take-back", get_and_post(acknowledge::ask_to_take_back, acknowledge::take_back))
        .route("/acknowledge/{secret}", get_and_post(acknowledge::show, acknowledge::pressed))
        .route("/monitor/{id}/mute", post(mutes::mute_monitor))
        .route("/monitor/{id}/chart", get(chart::data))
        .route("/monitor/{id}/run/{run}", get(run::show))
        .route("/monitor/{id}/run-at", get(run::nearest))
        .route("/monitor/{id}/history", get(history::show))
        .route("/monitor/{id}/history.csv", get(history::csv))
        .route("/monitor/{id}/versions", get(versions::show))
        .route("/monitor/{id}/versions/{version}", get(version::show))
        .route("/monitor/{id}/versions/{version}/restore", post(version::restore))
        .route("/monitor/{id}/difference", get(difference::show))
        .route("/deleted", get_and_post(deleted::show, deleted::bring_back))
        .route("/try", post(outcome::try_it))
        .route("/zone", post(page_zone::choose))
        .route("/filters", post(saved_filters::save))
        .route("/filters/delete", post(saved_filters::delete))
        .route("/alerts", get(alerts::show))
        .route("/alerts/not-told", get(not_told::show))
        .route("/alert/{key}/edit", get_and_post(alerts::edit, alerts::edited))
        .route("/alert/{key}/browsers", post(browsers::add))
        .route("/browsers/{id}/remove", post(browsers::remove))
        .route("/alert/{key}/test", post(alerts::test))
        .route("/alert/{key}/preview", get_and_post(alert_preview::show, alert_preview::tried))
        .route("/mutes", get_and_post(mutes::show, mutes::add))
        .route("/mutes/{id}", get(mutes::one))
        .route("/mutes/{id}/end", post(mutes::end))
        .route("/on-call", get_and_post(on_call::show, on_call::add))
        .route("/on-call/overrides/{id}/end", post(on_call::end))
        .route("/server", get(server::show))
        .route("/guides/{name}", get(guides::show))
        .route("/sources", get(sources::show))
        .route("/sources/probe", post(sources::probe))
        .route("/sources/try", post(sources::ask))
        .route("/sources/names", post(sources::names))
        .route("/sources/acknowledge", post(source_outages::acknowledge))
        .route("/sources/take-back", post(source_outages::take_back))
        .route("/static/{file}", get(assets::fetch))
        .route("/icon.svg", get(assets::icon))
        .route("/push.js", get(assets::push_worker))
        .route("/manifest.webmanifest", get(home_screen::manifest))
        .route("/apple-touch-icon.png", get(home_screen::icon_180))
        .route("/icon-192.png", get(home_screen::icon_192))
        .route("/icon-512.png", get(home_screen::icon_512))
        .route("/favicon.ico", get(assets::icon))
        .route("/events", get(events::events))
        .route("/login", get_and_post(log_in::show, log_in::sent))
        .route("/login/{provider}", get(provider_log_in::depart))
        .route("/login/{provider}/callback", get(provider_log_in::arrive))
        .route("/logout", post(log_in::log_out))
        .route("/logout/{provider}", get(provider_log_in::log_out_there))
        .route("/link/{secret}", get_and_post(log_in::link, log_in::link_sent))
        .route("/account", get(account::show))
        .route("/account/prove", post(account::prove))
        .route("/account/password", post(account::password))
        .route("/account/second-factor", post(account::second_factor))
        .route("/account/second-factor/confirm", post(account::confirm_second_factor))
        .route("/account/second-factor/remove", post(account::remove_second_factor))
        .route("/account/sessions/{id}/end", post(account::end_session))
        .route("/account/sessions/end", post(account::end_sessions))
        .route("/tokens", get_and_post(tokens::show, tokens::create))
        .route("/tokens/{id}/delete", post(tokens::delete))
        .route("/audit", get(audit::show))
        .route("/people", get_and_post(people::show, people::add))
        .route("/people/{id}", get_and_post(people::one, people::change))
        .route("/people/{id}/link", post(people::link))
        .route("/people/{id}/sessions/end", post(people::end_sessions))
        .route("/people/{id}/second-factor/remove", post(people::remove_second_factor))
}

/// What follows a form that did its work: the page to see it on.
fn see(address: impl AsRef<str>) -> Response {
    Redirect::to(address.as_ref()).into_response()
}

/// An answer that holds what nobody sees again: no browser keeps it.
fn once(mut response: Response) -> Result<Response, Problem> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Browsers and proxies take no longer ones.
const LONGEST_ADDRESS: usize = 8000;

/// An address of ours out of a form; anything else leads to the list.
fn own_address(given: &str) -> &str {
    // Browsers drop tabs and line ends from an address before they read it, and take `\` for `/`.
    let plain = given.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\');
    let own = given.starts_with('/') && !given.starts_with("//") && plain && given.len() <= LONGEST_ADDRESS;
    if own { given } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_address;

    #[test]
    fn a_form_leads_nowhere_else() {
        assert_eq!(own_address("/?state=ALARM"), "/?state=ALARM");
        assert_eq!(own_address(&format!("/?q={}", "a".repeat(8000))), "/");
        for foreign in [
            "//evil.example/",
            "https://evil.example/",
            "/\\evil.example",
            "javascript:x",
            "",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
        ] {
            assert_eq!(own_address(foreign), "/", "{foreign}");
        }
    }
}
