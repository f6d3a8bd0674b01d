//! `/api/v1/events`: what happens, as it happens, as server-sent events.
//!
//! A convenience for watchers, not a record: everything in it is in the store first. A slow watcher loses the oldest and
//! is told how many; it never holds up the engine. Every connection begins with `hello`, which is the time to read anew
//! whatever one shows, so a watcher that was cut off needs nothing else to be right again.

use std::convert::Infallible;

use axum::{
    extract::State as Extract,
    response::{
        IntoResponse, Sse,
        sse::{self, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt as _, stream};
use revere_model::MonitorId;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::ToSchema;

use crate::{
    engine::Event,
    operations::{Context, events},
    web::{Problem, WebState, caller::Caller, params::Params},
};

/// One event of the stream.
#[derive(ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "describes an event, which is written line by line")]
pub(crate) struct EventView {
    /// What happened.
    event: EventName,
    /// An object, as JSON; see the operation.
    data: String,
}

/// What happened: the stream began, a run was recorded, a monitor could not be run, an attempt to deliver is over, or
/// events were lost.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum EventName {
    Hello,
    Run,
    Fault,
    Delivery,
    Lagged,
}

/// Watch what happens
///
/// Server-sent events: `hello` first (read anew what you show), then `run` with every recorded run and the change of
/// state it made, `fault` where a monitor could not be run by a fault of the server, `delivery` after every attempt to
/// deliver, and `lagged` with the number of events that a slow watcher lost.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "watch_events",
    tag = "runs",
    params(("monitor" = Option<i64>, Query, minimum = 1, description = "Only of the monitor with this id.")),
    responses((status = 200, description = "A stream that goes on until one side ends it.", body = EventView, content_type = "text/event-stream"))
)]
pub(crate) async fn events(
    Extract(state): Extract<WebState>,
    context: Context,
    caller: Caller,
    mut params: Params,
) -> Result<impl IntoResponse, Problem> {
    let only = params.whole("monitor", 1..=i64::MAX).map(MonitorId);
    let only = params.finish(only)?;
    let hello = json!({ "at": context.now(), "version": env!("CARGO_PKG_VERSION") });
    let counted = state.metrics.listening();
    let stopping = state.stopping.clone();
    let stream = stream::once(std::future::ready(event("hello", &hello)))
        .chain(told(events::watch(&context)?, only))
        .map(move |event| {
            // Counted until the stream is dropped.
            let _ = &counted;
            Ok::<_, Infallible>(event)
        })
        .take_until(async move {
            tokio::select! { () = stopping.cancelled() => {}, () = caller.until_changed() => {} }
        });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

fn told(receiver: Receiver<Event>, only: Option<MonitorId>) -> impl Stream<Item = sse::Event> {
    stream::unfold(receiver, move |mut receiver| async move {
        loop {
            match receiver.recv().await {
                Ok(happened) => {
                    if let Some(event) = shown(&happened).filter(|_| only.is_none_or(|only| only == whose(&happened))) {
                        return Some((event, receiver));
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    return Some((event("lagged", &json!({ "missed": missed })), receiver));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

fn whose(happened: &Event) -> MonitorId {
    match happened {
        Event::Run { run, .. } => run.monitor_id,
        Event::Fault { monitor_id, .. } | Event::Delivery { monitor_id, .. } | Event::Changed { monitor_id } => {
            *monitor_id
        }
    }
}

/// Without output and traceback: many watch, few read those. What people do is for open pages alone.
fn shown(happened: &Event) -> Option<sse::Event> {
    Some(match happened {
        Event::Changed { .. } => return None,
        Event::Run { run, flip } => event(
            "run",
            &json!({
                "id": run.id,
                "monitor_id": run.monitor_id,
                "kind": run.kind,
                "tick_at": run.tick_at,
                "started_at": run.started_at,
                "duration_ms": run.duration_ms,
                "outcome": run.outcome,
                "old_state": run.old_state,
                "new_state": run.new_state,
                "message": run.message,
                "return_value": run.return_value,
                "flip_id": flip.as_ref().map(|flip| flip.id),
            }),
        ),
        Event::Fault { monitor_id, fault } => event("fault", &json!({ "monitor_id": monitor_id, "fault": fault })),
        Event::Delivery { id, alert_key, monitor_id, status } => {
            event("delivery", &json!({ "id": id, "alert": alert_key, "monitor_id": monitor_id, "status": status }))
        }
    })
}

fn event(name: &str, data: &Value) -> sse::Event {
    sse::Event::default().event(name).data(data.to_string())
}
