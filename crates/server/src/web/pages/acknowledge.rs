//! `/acknowledge/{secret}`: the link of a message, by which somebody says without a log-in that they look after a problem.
//! Fetching it shows a button and does nothing; messengers and mail scanners fetch links. And the same from a monitor's page.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{MonitorId, Operation, Who};

use super::{
    display::{Badge, When},
    form::Form,
    layout::{Layout, Place},
    mutes::called,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Context,
        acknowledgements::{self, Linked, Stands},
        monitors,
    },
    store::Acknowledgement,
    web::{Problem, params::Key},
};

#[derive(Template)]
#[template(path = "pages/acknowledge.html")]
struct AcknowledgePage {
    layout: Layout,
    /// The end of this page's own address.
    link: String,
    name: String,
    /// What the message told.
    told: Badge,
    at: When,
    message: String,
    acknowledged: Option<AcknowledgedView>,
    /// The state that it is in now, where that is another.
    over: Option<Badge>,
    /// Whether that is a problem, too.
    another: bool,
}

/// Who looks after a problem, as pages show it.
#[derive(Clone, Debug)]
pub(super) struct AcknowledgedView {
    pub(super) by: String,
    pub(super) at: When,
    pub(super) note: String,
    /// The monitor at which whoever looks may take it back.
    pub(super) taken_back_at: Option<MonitorId>,
}

/// Asks before an acknowledgement is taken back.
#[derive(Template)]
#[template(path = "pages/take_back.html")]
struct TakeBackPage {
    layout: Layout,
    id: MonitorId,
    name: String,
    acknowledged: Option<AcknowledgedView>,
}

/// `/acknowledge/{secret}`
pub(super) async fn show(request: PageRequest, Key(link): Key<String>) -> Result<Response, Problem> {
    let linked = acknowledgements::linked(&request.context, &link).await?;
    answer(&request, link, linked).await
}

/// `/acknowledge/{secret}`, with the button pressed.
pub(super) async fn pressed(request: PageRequest, Key(link): Key<String>, form: Form) -> Result<Response, Problem> {
    let linked = acknowledgements::acknowledge_by_link(&request.context, &link, form.text("note")).await?;
    answer(&request, link, linked).await
}

/// `/monitor/{id}/acknowledge`
pub(super) async fn acknowledge(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    acknowledgements::acknowledge(&context, id, form.text("note")).await?;
    Ok(see(format!("/monitor/{id}")))
}

/// `/monitor/{id}/take-back`: asks first.
pub(super) async fn ask_to_take_back(request: PageRequest, Key(id): Key<MonitorId>) -> Result<Response, Problem> {
    let monitor = monitors::get(&request.context, id).await?;
    request.context.must_with(Operation::Acknowledge, id, &monitor.spec.tags)?;
    let made = acknowledgements::get(&request.context, id).await?;
    let page = TakeBackPage {
        layout: request.layout("Take an acknowledgement back", Place::Monitors).await?,
        id,
        name: monitor.spec.name,
        acknowledged: made.map(|made| AcknowledgedView::of(made, request.now())),
    };
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/monitor/{id}/take-back`, with the button pressed.
pub(super) async fn take_back(context: Context, Key(id): Key<MonitorId>, form: Form) -> Result<Response, Problem> {
    acknowledgements::take_back(&context, id, form.text("note")).await?;
    Ok(see(format!("/monitor/{id}")))
}

async fn answer(request: &PageRequest, link: String, linked: Linked) -> Result<Response, Problem> {
    let now = request.now();
    let layout = match request.context.actor().who {
        Who::Stranger => request.layout_for_a_stranger("Acknowledge"),
        _ => request.layout("Acknowledge", Place::Nowhere).await?,
    };
    let told = linked.delivery.notification;
    let (acknowledged, over) = match linked.stands {
        Stands::Open => (None, None),
        Stands::Acknowledged(made) => (Some(AcknowledgedView::of(made, now)), None),
        Stands::Over(state) => (None, Some(Badge::State(state))),
    };
    let page = AcknowledgePage {
        another: matches!(over, Some(Badge::State(state)) if state.is_problem()),
        layout,
        link,
        name: told.monitor.name,
        told: Badge::State(told.new_state),
        at: When { at: linked.delivery.created_at, now },
        message: told.message.chars().take(2000).collect(),
        acknowledged,
        over,
    };
    // Nobody else is to find it in a browser's store.
    super::once(request.answer(StatusCode::OK, &page.layout, &page)?)
}

impl AcknowledgedView {
    pub(super) fn of(made: Acknowledgement, now: jiff::Timestamp) -> AcknowledgedView {
        let by = match (&made.alert, made.author.kind.as_str()) {
            (Some(alert), "stranger") => format!("somebody by the link of the alert {alert}"),
            _ => called(&made.author),
        };
        AcknowledgedView { by, at: When { at: made.at, now }, note: made.note, taken_back_at: None }
    }
}

#[cfg(test)]
mod tests {
    use revere_model::State;

    use super::{super::monitors::tests::HOSTILE, *};

    #[test]
    fn what_a_message_said_is_inert() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for open in [true, false] {
            let made = AcknowledgedView {
                by: HOSTILE.into(),
                at: When { at: now, now },
                note: HOSTILE.into(),
                taken_back_at: Some(MonitorId(7)),
            };
            let asks = TakeBackPage {
                layout: Layout::new("Take back", Place::Monitors, 0, "t"),
                id: MonitorId(7),
                name: HOSTILE.into(),
                acknowledged: open.then_some(made.clone()),
            };
            let html = asks.render().unwrap();
            assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
            let page = AcknowledgePage {
                layout: Layout::new("Acknowledge", Place::Nowhere, 0, "t").for_a_stranger(),
                link: HOSTILE.into(),
                name: HOSTILE.into(),
                told: Badge::State(State::Alarm),
                at: When { at: now, now },
                message: HOSTILE.into(),
                acknowledged: (!open).then_some(made),
                over: (!open).then_some(Badge::State(State::Ok)),
                another: !open,
            };
            let html = page.render().unwrap();
            assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        }
    }
}
