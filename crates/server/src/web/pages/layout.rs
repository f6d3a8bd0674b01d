//! What surrounds every page: the head of the document, the navigation, and the headers it is sent with.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use revere_model::{Denial, Operation, Who};

use super::assets;
use crate::web::{Problem, security_headers};

/// The program's.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where in the navigation a page stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Monitors,
    Alerts,
    Sources,
    Account,
    Nowhere,
}

/// What the layout needs; every page's template holds one as `layout`.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The page's own title; the program's name follows it.
    pub(super) title: String,
    pub(super) place: Place,
    /// How many monitors are in a problem now.
    pub(super) failing: u64,
    /// How many mutes are in force now.
    pub(super) muting: usize,
    /// For the forms of the page.
    pub(super) token: String,
    /// The one style element that the editor makes for itself; only pages with an editor have one.
    pub(super) nonce: Option<String>,
    /// Whether the browser is to hear what changes.
    pub(super) live: bool,
    /// Who looks at it.
    pub(super) who: Who,
    /// Alerts of which nothing arrives any more.
    pub(super) alerts_failing: Vec<String>,
    /// In which zone its times stand.
    pub(super) zone: LayoutZone,
    /// Whether the operator said that anybody may do everything, for others to reach.
    pub(super) anyone_may_everything: bool,
    /// Whether a copy of a database is looked into.
    pub(super) only_looks: bool,
}

/// The time zone of a page, and what can be chosen in its place.
#[derive(Clone, Debug, Default)]
pub(super) struct LayoutZone {
    /// The one that somebody chose for all pages.
    pub(super) chosen: Option<String>,
    /// The monitor's or the server's.
    pub(super) own: String,
    pub(super) of_monitor: bool,
    /// Where to come back to; `None` where nothing is to be chosen.
    pub(super) here: Option<String>,
}

impl LayoutZone {
    pub(super) fn name(&self) -> &str {
        self.chosen.as_deref().unwrap_or(&self.own)
    }

    /// Whether to offer UTC as one to choose.
    pub(super) fn offers_utc(&self) -> bool {
        self.own != "UTC" && self.chosen.as_deref() != Some("UTC")
    }
}

impl Layout {
    /// For pages of a monitor with this zone.
    pub(super) fn of_monitor_in(mut self, zone: &str) -> Layout {
        zone.clone_into(&mut self.zone.own);
        self.zone.of_monitor = true;
        self
    }

    pub(super) fn new(title: impl Into<String>, place: Place, failing: u64, token: &str) -> Layout {
        Layout {
            title: title.into(),
            place,
            failing,
            muting: 0,
            token: token.to_owned(),
            nonce: None,
            live: true,
            who: Who::Everybody,
            alerts_failing: Vec::new(),
            zone: LayoutZone::default(),
            anyone_may_everything: false,
            only_looks: false,
        }
    }

    /// For pages with code to write, which has a style of its own.
    pub(super) fn with_code(mut self) -> Layout {
        self.nonce = Some(uuid::Uuid::new_v4().simple().to_string());
        self
    }

    /// For pages that are an editor.
    pub(super) fn with_editor(mut self) -> Layout {
        self = self.with_code();
        // Choosing a zone would lose what was typed.
        self.zone.here = None;
        self
    }

    pub(super) fn asset(&self, name: &str) -> &'static str {
        assets::address(name)
    }

    pub(super) fn at(&self, place: Place) -> bool {
        self.place == place
    }

    /// For pages of somebody who has not said who they are: nothing to go to, nothing to hear.
    pub(super) fn for_a_stranger(mut self) -> Layout {
        self.who = Who::Stranger;
        self.live = false;
        self
    }

    pub(super) fn is_for_a_stranger(&self) -> bool {
        self.who == Who::Stranger
    }

    /// The name of the person who looks at it, if they logged in.
    pub(super) fn person(&self) -> Option<&str> {
        match &self.who {
            Who::Person { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The first letter of it, for where there is no room.
    pub(super) fn initial(&self) -> String {
        self.person().and_then(|name| name.chars().next()).map(|c| c.to_uppercase().to_string()).unwrap_or_default()
    }

    pub(super) fn may(&self, operation: Operation) -> bool {
        self.judged(operation, self.who.might(operation)).is_ok()
    }

    /// What is said of an operation, unless nothing but looking is possible here.
    fn judged(&self, operation: Operation, judged: Result<(), Denial>) -> Result<(), Denial> {
        if self.only_looks && !operation.only_looks() { Err(Denial::OnlyLooks(operation)) } else { judged }
    }

    /// Why who looks at it may not do something, as a sentence.
    pub(super) fn why_not(&self, operation: Operation) -> Option<String> {
        self.judged(operation, self.who.might(operation)).err().map(|denial| sentence(&denial.to_string()))
    }

    /// Why they may not change, run or delete a monitor with these tags, as a sentence.
    pub(super) fn why_not_edit(&self, tags: &[String]) -> Option<String> {
        let judged = self.judged(Operation::EditMonitor, self.who.may_with(Operation::EditMonitor, tags));
        judged.err().map(|denial| sentence(&denial.to_string()))
    }

    /// As the tab shows it.
    pub(super) fn tab_title(&self) -> String {
        match self.failing {
            0 => format!("{} · Revere", self.title),
            failing => format!("({failing}) {} · Revere", self.title),
        }
    }
}

/// A page, or a part of one, as an answer: rendered, with its content policy.
pub(super) fn page(status: StatusCode, nonce: Option<&str>, template: &impl Template) -> Result<Response, Problem> {
    let html = render(template)?;
    let mut response = (status, Html(html)).into_response();
    set_headers(response.headers_mut(), nonce);
    Ok(response)
}

/// A message of a program as a sentence of a page.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    if !sentence.ends_with(['.', '?', '!', '…', ')']) {
        sentence.push('.');
    }
    sentence
}

/// A template that cannot be written is a fault of the program.
pub(super) fn render(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|error| Problem::internal(std::sync::Arc::new(error)))
}

fn set_headers(headers: &mut HeaderMap, nonce: Option<&str>) {
    headers.insert(header::CONTENT_SECURITY_POLICY, security_headers::page_policy(nonce));
    // The browser may keep a page to go back to, with what was typed in it, but asks before it shows it anew.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    );
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
}
