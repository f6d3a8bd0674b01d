//! `/events`: what a page shows, sent again when it changes.
//!
//! The page names the monitors it shows. What changes is collected and sent at most twice a second, as pieces of HTML
//! with the id they replace: the same templates that made the page. The engine never waits for a browser; one that is
//! slow is sent less often, and what it lost is sent as it stands by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use axum::{
    extract::State as Extract,
    response::{
        IntoResponse, Sse,
        sse::{self, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use revere_model::MonitorId;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{
    layout,
    monitor::{
        self, AcknowledgedPart, DeliveryLogPart, EditedPart, RunsPart, StatusPanel, StatusPart, StoryPart, WhenPart,
    },
    monitors::{self, RowPart},
    page_zone::ChosenZone,
};
use crate::{
    engine::Event,
    operations::{self, Context, Failure, Refusal, events, overview},
    web::{Problem, WebState, caller::Caller, params::Params},
};

/// Between two messages to one page.
const PACE: Duration = Duration::from_millis(500);
/// After so long everything is sent anew: what is set for many at once, as a mute, makes no event.
const ANEW: Duration = Duration::from_secs(20);
/// A page shows no more.
const MOST: usize = 200;

/// What one page watches.
struct Watcher {
    context: Context,
    zone: ChosenZone,
    events: Receiver<Event>,
    shown: Vec<MonitorId>,
    /// Whether the page is that of one monitor rather than the list.
    single: bool,
    /// The version of that one that the page was made of, where it says so.
    version: Option<i64>,
    changed: BTreeSet<MonitorId>,
    counts: bool,
    /// Whether the page shows deliveries of all monitors, and whether there is news of them.
    deliveries: bool,
    told: bool,
    sent: Map<String, Value>,
    anew_at: tokio::time::Instant,
    _counted: Box<dyn Send + Sync>,
}

/// `/events?monitors=1,2,3` for the list, `/events?monitor=1&version=7` for a monitor's page, `/events?deliveries=true` for the
/// alerts, `/events` for the rest.
pub(super) async fn events(
    Extract(state): Extract<WebState>,
    context: Context,
    zone: ChosenZone,
    caller: Caller,
    mut params: Params,
) -> Result<impl IntoResponse, Problem> {
    let shown = params.several::<MonitorId>("monitors").unwrap_or_default();
    let one = params.parsed::<MonitorId>("monitor", "the id of a monitor");
    let version = params.whole("version", 1..=i64::MAX);
    let deliveries = params.flag("deliveries").unwrap_or_default();
    let (mut shown, one, version, deliveries) = params.finish((shown, one, version, deliveries))?;
    if shown.len() > MOST {
        return Err(Refusal::one("monitors", format!("{} of them: {MOST} at most", shown.len())).into());
    }
    shown.extend(one);
    let stopping = state.stopping.clone();
    let watcher = Watcher {
        events: events::watch(&context)?,
        zone,
        changed: shown.iter().copied().collect(),
        single: one.is_some(),
        version,
        shown,
        counts: true,
        deliveries,
        told: deliveries,
        sent: Map::new(),
        anew_at: tokio::time::Instant::now() + ANEW,
        _counted: Box::new(state.metrics.listening()),
        context,
    };
    let stream = futures_util::StreamExt::take_until(watcher.told(), async move {
        tokio::select! { () = stopping.cancelled() => {}, () = caller.until_changed() => {} }
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Watcher {
    fn told(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        stream::unfold(self, |mut watcher| async move {
            loop {
                // The first message says at once how things stand: the page may be older than the stream.
                if let Some(message) = watcher.message().await {
                    return Some((Ok(message), watcher));
                }
                watcher.wait().await.ok()?;
            }
        })
    }

    /// Waits for a change, then a little for more of them.
    async fn wait(&mut self) -> Result<(), ()> {
        let pace = tokio::time::sleep(PACE);
        tokio::pin!(pace);
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) => self.note(&event),
                    Err(RecvError::Lagged(_)) => self.all(),
                    Err(RecvError::Closed) => return Err(()),
                },
                () = tokio::time::sleep_until(self.anew_at) => self.all(),
                () = &mut pace, if self.counts || self.told || !self.changed.is_empty() => return Ok(()),
            }
        }
    }

    fn note(&mut self, event: &Event) {
        let id = match event {
            Event::Run { run, flip } => {
                self.counts |= flip.is_some();
                run.monitor_id
            }
            Event::Delivery { monitor_id, .. } => {
                self.told |= self.deliveries;
                *monitor_id
            }
            Event::Fault { monitor_id, .. } => *monitor_id,
            Event::Changed { monitor_id } => {
                // It may have been paused, deleted or brought back.
                self.counts = true;
                *monitor_id
            }
        };
        if self.shown.contains(&id) {
            self.changed.insert(id);
        }
    }

    fn all(&mut self) {
        self.changed.extend(self.shown.iter().copied());
        self.counts = true;
        self.told = self.deliveries;
        self.anew_at = tokio::time::Instant::now() + ANEW;
    }

    /// What has changed since the last message; `None` if nothing has after all.
    async fn message(&mut self) -> Option<sse::Event> {
        let changed: Vec<MonitorId> = std::mem::take(&mut self.changed).into_iter().collect();
        let counts = std::mem::take(&mut self.counts);
        let told = std::mem::take(&mut self.told);
        if changed.is_empty() && !counts && !told {
            return None;
        }
        match self.parts(&changed, counts).await {
            Ok((parts, counts)) => {
                let mut news = Map::new();
                for (id, html) in parts {
                    if self.sent.get(&id) != Some(&html) {
                        self.sent.insert(id.clone(), html.clone());
                        news.insert(id, html);
                    }
                }
                let message = json!({ "parts": news, "counts": counts, "changed": changed, "told": told });
                Some(sse::Event::default().data(message.to_string()))
            }
            // Ours to log elsewhere; the page hears of it and tries again.
            Err(_) => Some(sse::Event::default().event("fault").data("the server could not read its store")),
        }
    }

    async fn parts(
        &self,
        changed: &[MonitorId],
        counts: bool,
    ) -> Result<(Map<String, Value>, Option<BTreeMap<&'static str, u64>>), Problem> {
        let context = &self.context;
        let mut parts = Map::new();
        let counts = match counts {
            true => Some(monitors::numbers(&overview::list_counts(context).await?)),
            false => None,
        };
        if self.single {
            if let Some(id) = changed.first() {
                let found = operations::monitors::get(context, *id).await;
                if let Some(version) = self.version {
                    let edited = match &found {
                        Ok(monitor) if monitor.version != version => Some("Somebody has edited this monitor."),
                        Err(Failure::NotFound { .. }) => Some("Somebody has deleted this monitor."),
                        _ => None,
                    };
                    let part = EditedPart { id: *id, version, edited };
                    parts.insert("edited".to_owned(), Value::String(layout::render(&part)?));
                }
                let monitor = match found {
                    Err(Failure::NotFound { .. }) if self.version.is_some() => return Ok((parts, counts)),
                    found => found?,
                };
                let now = context.now();
                let stand = StatusPart { stand: StatusPanel::of(&monitor, now) };
                let when = WhenPart { when: monitor::Schedule::of(&monitor, &self.zone, now) };
                parts.insert("when".to_owned(), Value::String(layout::render(&when)?));
                parts.insert("stand".to_owned(), Value::String(layout::render(&stand)?));
                let runs = RunsPart { runs: monitor::last_runs(context, &monitor, &self.zone).await?, filtered: false };
                parts.insert("runs".to_owned(), Value::String(layout::render(&runs)?));
                let story = StoryPart { id: *id, story: monitor::last_story(context, &monitor).await? };
                parts.insert("story".to_owned(), Value::String(layout::render(&story)?));
                let told = DeliveryLogPart {
                    id: *id,
                    deliveries: monitor::last_told(context, *id).await?,
                    not_told: monitor::last_not_told(context, *id).await?,
                };
                parts.insert("told".to_owned(), Value::String(layout::render(&told)?));
                let acknowledged = monitor::acknowledged(context, &monitor).await?;
                let known = self.sent.get("acknowledged").and_then(Value::as_str);
                let taken_back = known.is_some_and(|html| html.contains("<p")).then_some(*id);
                if acknowledged.is_some() || taken_back.is_some() || !monitor.state.is_problem() {
                    let taken_back = taken_back.filter(|_| monitor.state.is_problem());
                    let part = AcknowledgedPart { acknowledged, taken_back };
                    parts.insert("acknowledged".to_owned(), Value::String(layout::render(&part)?));
                }
            }
        } else {
            let found = overview::rows(context, changed).await?;
            for row in monitors::rows(context, found).await? {
                let html = layout::render(&RowPart { row: &row })?;
                parts.insert(format!("m{}", row.id), Value::String(html));
            }
        }
        Ok((parts, counts))
    }
}
