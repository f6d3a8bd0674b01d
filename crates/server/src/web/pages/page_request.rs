//! What every page needs of the request it answers: who asks, the time, the token of its forms, the number in its tab.
//!
//! Taken once, by the type; a page that has it can neither forget the browser's cookie nor the count. The login
//! is read before, by the guard.

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, request::Parts},
    response::Response,
};
use jiff::{Timestamp, tz::TimeZone};
use revere_model::Operation;

use super::{
    form_token::FormToken,
    layout::{self, Layout, LayoutZone, Place},
    page_zone::ChosenZone,
};
use crate::{
    operations::{Context, alerts, mutes, overview},
    store::StateCounts,
    web::{Problem, WebState},
};

/// A request that is answered with a page.
pub(super) struct PageRequest {
    /// Who asks, and what can be asked.
    pub(super) context: Context,
    /// Alerts of which nothing arrives any more, as far as who asks may know.
    alerts_failing: Vec<String>,
    /// In which zone they read times.
    pub(super) zone: ChosenZone,
    token: FormToken,
    /// The address of the page, where it can be asked for again.
    here: Option<String>,
}

/// What time it is, and the zone in which a page of no monitor shows its times.
pub(super) struct PageClock {
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
}

impl FromRequestParts<WebState> for PageRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let token = FormToken::of(&parts.headers, state.site.is_secure());
        let zone = ChosenZone::of(&parts.headers, state.site.is_secure());
        let here = (parts.method == Method::GET).then(|| parts.uri.path_and_query().map(ToString::to_string)).flatten();
        let context = Context::from_request_parts(parts, state).await?;
        // A page is not worth losing over what its navigation shows.
        let alerts_failing = alerts::failing(&context).await.unwrap_or_default();
        Ok(PageRequest { context, alerts_failing, zone, token, here })
    }
}

impl PageRequest {
    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// What time it is, in the zone of a page of no monitor.
    pub(super) fn clock(&self) -> PageClock {
        PageClock { now: self.now(), zone: self.zone.zone(&self.context.defaults().timezone) }
    }

    /// What surrounds the page, with the number of monitors in a problem, and of mutes in force, as they are now.
    pub(super) async fn layout(&self, title: impl Into<String>, place: Place) -> Result<Layout, Problem> {
        let counts = overview::counts(&self.context).await?;
        let mut layout = self.layout_with(&counts, title, place);
        if self.context.might(Operation::SeeAlerts).is_ok() {
            layout.muting = mutes::in_force(&self.context).await?.len();
        }
        Ok(layout)
    }

    /// What surrounds the page, where what it shows is not worth losing over a number in its tab.
    pub(super) async fn layout_at_any_rate(&self, title: impl Into<String>, place: Place) -> Layout {
        let counts = overview::counts(&self.context).await.unwrap_or_default();
        self.layout_with(&counts, title, place)
    }

    /// What surrounds the page, where the monitors were counted already.
    pub(super) fn layout_with(&self, counts: &StateCounts, title: impl Into<String>, place: Place) -> Layout {
        let mut layout = Layout::new(title, place, failing(counts), self.token.text());
        layout.who = self.context.actor().who.clone();
        layout.alerts_failing.clone_from(&self.alerts_failing);
        layout.zone = LayoutZone {
            chosen: self.zone.0.clone(),
            own: self.context.defaults().timezone.clone(),
            of_monitor: false,
            here: self.here.clone(),
        };
        layout.anyone_may_everything = self.context.log_in_settings().anyone_may_everything;
        layout.only_looks = self.context.log_in_settings().only_looks;
        layout
    }

    /// What surrounds a page for somebody who has not said who they are: it tells them nothing, but what they may by the
    /// operator's words.
    pub(super) fn layout_for_a_stranger(&self, title: impl Into<String>) -> Layout {
        let mut layout = Layout::new(title, Place::Nowhere, 0, self.token.text()).for_a_stranger();
        layout.anyone_may_everything = self.context.log_in_settings().anyone_may_everything;
        layout
    }

    /// The page as an answer. A browser that has no token yet is given the one that the page's forms hold.
    pub(super) fn answer(
        &self,
        status: StatusCode,
        layout: &Layout,
        template: &impl Template,
    ) -> Result<Response, Problem> {
        let mut response = layout::page(status, layout.nonce.as_deref(), template)?;
        self.token.keep(&mut response);
        Ok(response)
    }
}

/// How many monitors are in a problem: the number in the tab.
fn failing(counts: &StateCounts) -> u64 {
    counts.iter().filter(|(state, _)| state.is_problem()).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use revere_model::State;

    use super::*;

    #[test]
    fn alarms_and_errors_are_counted_in_the_tab() {
        let counts = StateCounts::from([(State::Alarm, 2), (State::Error, 1), (State::Ok, 9), (State::Inactive, 4)]);
        assert_eq!(failing(&counts), 3);
    }
}
