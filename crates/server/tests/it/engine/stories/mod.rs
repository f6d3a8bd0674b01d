//! Random stories, on simulated time: monitors fail, get worse and recover, people mute, acknowledge and change settings, receivers
//! are away, refuse, or take what nobody hears of, servers are started again and cut off, and on PostgreSQL a second one comes and
//! goes. Whatever happens, as each receiver hears it:
//!
//! - every problem told gets exactly one end told, and no end is told of nothing;
//! - nothing muted is told, and nobody is reminded of what somebody looks after;
//! - of one monitor, nothing is told out of order, and nothing twice but what its receiver took without a word, or took while the
//!   server that told it was ended, which says so;
//! - nothing owed is forgotten: once all is well again, everybody knows how each monitor is, and is reminded of what goes on;
//! - each change of state was told, or its silence has a reason on record, which was so at that moment;
//! - where a source is down from time to time, nothing that waits for it is told, and the source is told as everything is.
//!
//! The suite tells the same few each time, so that it turns red for what was changed and not by chance. `REVERE_STORIES` asks for as
//! many new ones, `REVERE_STORY` for one alone, by the number that a failure says.

mod cutting_off;
mod hearing;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use jiff::SignedDuration;
use rand_core::{Rng, SeedableRng};
use revere::{
    alerts::{Retry, SendError},
    engine::EngineSettings,
    store::{AcknowledgedBy, AlertChange, RunResult, SourceDown, SourcesMet, Store},
};
use revere_model::{
    DeliveryId, Flapping, FlipId, MonitorId, MonitorSpec, MutePeriod, MuteScope, Reminders, Severity, SeveritySet,
    Silence, State, StateInOutage,
};

use self::hearing::Ears;
use super::second_server::{self, Beside};
use crate::support::{Scratch, Sql, TestEngine, by_server, spec, switched, test_engine::RecordingChannel};

const MONITORS: usize = 4;
const EVENTS: usize = 60;
/// A pager that is told each by itself and reminds, a chat that gathers, and one that forgets what it has seen.
const ALERTS: [&str; 3] = ["pager", "chat", "sms"];
const HOURLY: Reminders = Reminders { after: SignedDuration::from_hours(1) };
const WINDOW: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_secs(90);
/// The first of the stories that are told each time, and how many. The third is one of a backlog longer than six crowds.
const KNOWN: (u64, u64) = (992_166_181, 5);

#[tokio::test]
async fn whatever_happens_each_problem_told_gets_one_end_and_nothing_is_forgotten() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("REVERE_STORY") {
        return World::new(seed).await.tell().await;
    }
    let (first, count) = match number("REVERE_STORIES") {
        Some(count) => (u64::from(uuid::Uuid::new_v4().as_fields().0), count),
        None => KNOWN,
    };
    for seed in first..first + count {
        World::new(seed).await.tell().await;
    }
}

#[tokio::test]
async fn so_it_is_where_a_source_is_down_from_time_to_time() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match (number("REVERE_STORY"), number("REVERE_STORIES")) {
        (Some(seed), _) => (seed, 1),
        (None, Some(count)) => (u64::from(uuid::Uuid::new_v4().as_fields().0), count),
        (None, None) => KNOWN,
    };
    for seed in first..first + count {
        World::asking_a_source(seed).await.tell().await;
    }
}

struct World {
    seed: u64,
    /// Whether runs ask a source, which is down from time to time.
    source: bool,
    random: rand_chacha::ChaCha8Rng,
    /// `None` while it is being started again.
    test: Option<TestEngine>,
    beside: Beside,
    sql: Sql,
    ids: Vec<MonitorId>,
    ears: HashMap<(String, MonitorId), Ears>,
    heard: BTreeMap<String, usize>,
    /// What was given up, and whether another alert was on to tell it instead.
    given_up: HashMap<DeliveryId, bool>,
    /// How much has happened.
    event: usize,
    /// The last event after which an alert's receiver answered to nobody, or whoever told it was ended: what it was told then may have
    /// arrived.
    in_doubt: HashMap<String, usize>,
    /// The alerts that were telling something when their server was ended last.
    cut_off: Vec<String>,
    flapping: Option<Flapping>,
    /// The silences whose reasons were looked at.
    looked_at: HashSet<(FlipId, Silence, String)>,
    story: Vec<String>,
}

impl World {
    async fn new(seed: u64) -> World {
        let chat = RecordingChannel { window: WINDOW, forgetful: true, ..RecordingChannel::default() };
        let sms = RecordingChannel { forgetful: true, ..RecordingChannel::default() };
        let alerts =
            [("pager".to_owned(), RecordingChannel::default()), ("chat".to_owned(), chat), ("sms".to_owned(), sms)];
        let settings =
            EngineSettings { reminders: BTreeMap::from([("pager".to_owned(), HOURLY)]), ..EngineSettings::default() };
        let test = TestEngine::telling_through(Scratch::new().await, settings, alerts.into()).await;
        let mut ids = Vec::new();
        for number in 0..MONITORS {
            // Only the test makes it run.
            let tags = if number % 2 == 0 { vec!["even".to_owned()] } else { Vec::new() };
            let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), tags, ..spec(&format!("m{number}")) };
            ids.push(test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id);
        }
        let sql = test.scratch.sql().await;
        World {
            seed,
            source: false,
            random: rand_chacha::ChaCha8Rng::seed_from_u64(seed),
            test: Some(test),
            beside: None,
            sql,
            ids,
            ears: HashMap::new(),
            heard: BTreeMap::new(),
            given_up: HashMap::new(),
            event: 0,
            in_doubt: HashMap::new(),
            cut_off: Vec::new(),
            flapping: None,
            looked_at: HashSet::new(),
            story: Vec::new(),
        }
    }

    /// Monitors that ask a source: two as they are made, one that stays as it was while the source is down, and one that is told
    /// by itself.
    async fn asking_a_source(seed: u64) -> World {
        let world = World { source: true, ..World::new(seed).await };
        for (id, keeps) in [(world.ids[2], true), (world.ids[3], false)] {
            let monitor = world.store().monitor(id).await.unwrap();
            let state_in_outage = if keeps { StateInOutage::Keep } else { StateInOutage::Error };
            let spec = MonitorSpec { state_in_outage, told_in_outage: !keeps, ..monitor.spec };
            let by = by_server(world.test().now());
            world.store().update_monitor(id, monitor.version, &spec, &by).await.unwrap();
        }
        world
    }

    fn test(&self) -> &TestEngine {
        self.test.as_ref().expect("it is there between the events")
    }

    fn store(&self) -> &Store {
        self.test().store()
    }

    fn below(&mut self, number: usize) -> usize {
        (self.random.next_u64() % number as u64) as usize
    }

    fn monitor(&mut self) -> MonitorId {
        let place = self.below(MONITORS);
        self.ids[place]
    }

    fn alert(&mut self) -> String {
        ALERTS[self.below(ALERTS.len())].to_owned()
    }

    fn wrong(&self, what: &str) -> String {
        format!("{what}\nstory {}:\n{}", self.seed, self.story.join("\n"))
    }

    async fn tell(mut self) {
        for _ in 0..EVENTS {
            let what = self.happens().await;
            self.story.push(format!("{} {what}", self.test().now()));
            self.event += 1;
            self.doubts();
            self.at_rest().await;
            self.listen().await;
            self.reasons().await;
        }
        self.all_is_well().await;
        self.reminded().await;
        self.judge().await;
        if let Some((_, engine)) = self.beside.take() {
            engine.stop(Duration::from_secs(5)).await;
        }
        self.test().scratch.assert_sound().await;
    }

    /// One thing happens; answers what.
    async fn happens(&mut self) -> String {
        let now = self.test().now();
        match self.below(24) {
            0..=8 => {
                let (monitor, way) = (self.monitor(), self.below(5));
                let (state, severity) = [
                    (State::Ok, None),
                    (State::Ok, None),
                    (State::Alarm, Some(Severity::Warning)),
                    (State::Alarm, Some(Severity::Critical)),
                    (State::Error, Some(Severity::Critical)),
                ][way];
                if self.source {
                    let down = state == State::Error || self.below(4) == 0;
                    return self.asks(monitor, if down { None } else { Some((state, severity)) }).await;
                }
                self.test().scratch.manual_as(monitor, state, severity).await;
                format!("{monitor} is {state} {severity:?}")
            }
            9..=12 => {
                let seconds = [1, 31, 65, 700, 3700, 3 * 3600][self.below(6)];
                self.test().scratch.clock.advance(SignedDuration::from_secs(seconds));
                format!("{seconds} s pass")
            }
            13..=15 => self.receiver(),
            16 | 17 => {
                let scope = match self.below(4) {
                    0 => MuteScope { monitors: vec![self.monitor()], ..MuteScope::default() },
                    1 => MuteScope { alert: Some(self.alert()), ..MuteScope::default() },
                    2 => MuteScope { severity: Some(Severity::Warning), ..MuteScope::default() },
                    _ => MuteScope { tag: Some("even".to_owned()), ..MuteScope::default() },
                };
                let minutes = [2, 20, 200][self.below(3)];
                let period = MutePeriod::once(now, now + SignedDuration::from_mins(minutes));
                self.store().add_mute(&scope, &period, &by_server(now)).await.unwrap();
                format!("{scope:?} is muted for {minutes} min")
            }
            18 => {
                let mutes = self.store().mutes_not_over(now).await.unwrap();
                let Some(mute) = mutes.first() else { return "no mute to be ended".to_owned() };
                self.store().end_mute(mute.id, &by_server(now)).await.unwrap();
                format!("mute {} ends", mute.id)
            }
            19 => {
                let (monitor, by) = (self.monitor(), by_server(now));
                if self.store().acknowledgements(&[monitor]).await.unwrap().is_empty() {
                    self.store().acknowledge(monitor, None, AcknowledgedBy::Request, &by).await.unwrap();
                    return format!("somebody looks after {monitor}");
                }
                self.store().take_back_acknowledgement(monitor, Vec::new(), &by).await.unwrap();
                format!("nobody looks after {monitor} any more")
            }
            20 => self.settings().await,
            21 => {
                let (monitor, active) = (self.monitor(), self.below(3) > 0);
                switched(self.store(), monitor, active, now).await;
                format!("{monitor} is active: {active}")
            }
            22 => {
                let grace = [Duration::ZERO, Duration::from_secs(5)][self.below(2)];
                let being_sent = if grace.is_zero() { Some(self.is_being_sent().await) } else { None };
                if let Some((_, engine)) = self.beside.take() {
                    engine.stop(Duration::ZERO).await;
                }
                let test = self.test.take().expect("it is there between the events");
                self.test = Some(test.restarted(grace).await);
                match being_sent {
                    Some((what, unanswered)) => {
                        self.were_cut_off(&unanswered).await;
                        format!("{what}, and the server is cut off; in doubt: {:?}", self.cut_off)
                    }
                    None => format!("the server is started again, within {grace:?}"),
                }
            }
            _ => self.second_server().await,
        }
    }

    /// A run that asks the source, which answers so that it comes out like that, or does not.
    async fn asks(&mut self, monitor: MonitorId, answer: Option<(State, Option<Severity>)>) -> String {
        let (outcome, severity) = answer.unwrap_or((State::Error, None));
        let source = "graphite".to_owned();
        let sources = match answer {
            Some(_) => SourcesMet { answered: vec![source], down: None },
            None => {
                let reason = "connection refused".to_owned();
                SourcesMet { answered: Vec::new(), down: Some(SourceDown { source, reason }) }
            }
        };
        let test = self.test();
        let result = RunResult { severity, sources, ..test.scratch.manual_result(monitor, outcome) };
        test.store().commit_run(result).await.unwrap();
        format!("{monitor} asks the source, and is {outcome} {severity:?}; answered: {}", answer.is_some())
    }

    /// A receiver becomes well or fails, in one way or another.
    fn receiver(&mut self) -> String {
        let (alert, way) = (self.alert(), self.below(8));
        let channel = &self.test().alerts[&alert];
        channel.fails(match way {
            0 | 1 => Some(SendError::later("503 Service Unavailable")),
            2 => Some(SendError { retry: Retry::After(Duration::from_secs(900)), ..SendError::later("429") }),
            3 => Some(SendError::never("404 Not Found")),
            _ => None,
        });
        *channel.unheard.lock().unwrap() = way == 4;
        let ways = ["is away", "is away", "asks to wait", "is gone", "answers to nobody"];
        format!("{alert} {}", ways.get(way).unwrap_or(&"is well"))
    }

    async fn settings(&mut self) -> String {
        let (now, alert) = (self.test().now(), self.alert());
        let change = match self.below(7) {
            0 => {
                let flapping = [None, Some(Flapping { changes: 4 })][self.below(2)];
                self.store().set_flapping(flapping).await.unwrap();
                self.flapping = flapping;
                return format!("flapping is {flapping:?}");
            }
            1 | 2 => {
                let chosen = [None, Some(vec!["chat".to_owned()])][self.below(2)].clone();
                let id = self.monitor();
                let monitor = self.store().monitor(id).await.unwrap();
                let spec = MonitorSpec { alerts: chosen.clone(), ..monitor.spec };
                self.store().update_monitor(id, monitor.version, &spec, &by_server(now)).await.unwrap();
                return format!("{id} is told by {chosen:?}");
            }
            3 => AlertChange { enabled: Some(false), ..AlertChange::default() },
            4 => AlertChange { tags: Some(vec!["even".to_owned()]), ..AlertChange::default() },
            5 => {
                AlertChange { severities: Some(SeveritySet::EMPTY.with(Severity::Critical)), ..AlertChange::default() }
            }
            _ => anything(),
        };
        let words = format!("{alert} changes: {change:?}");
        if change.enabled == Some(false) {
            // With what stands for a source as with a monitor.
            let heard_of =
                self.ears.keys().filter(|(key, id)| *key == alert && !self.ids.contains(id)).map(|(_, id)| *id);
            let ids: Vec<MonitorId> = self.ids.iter().copied().chain(heard_of).collect();
            for id in ids {
                // What is owed now is cancelled: whether it was heard all the same nobody knows.
                let owed = format!(
                    "select count(*) from deliveries where alert_key = '{alert}' and monitor_id = {id} and status = 'owed'"
                );
                let owed = self.sql.number(owed.as_str()).await > 0;
                let ears = self.ears.entry((alert.clone(), id)).or_default();
                (ears.passed_over, ears.unsure) = (true, ears.unsure || owed);
            }
        }
        self.store().set_alert(&alert, change, &by_server(now)).await.unwrap();
        words
    }

    /// Another server of the same database comes, or goes without a word.
    async fn second_server(&mut self) -> String {
        let test = self.test.as_ref().expect("it is there between the events");
        second_server::comes_or_goes(test, &mut self.beside).await
    }

    /// Lets everything happen that is due now.
    async fn at_rest(&mut self) {
        let (test, beside) = (self.test.as_ref().expect("it is there between the events"), &self.beside);
        let sql = tokio::sync::Mutex::new(&mut self.sql);
        let (store, now) = (test.store(), test.now());
        second_server::come_to_rest(test, beside, async || {
            if !store.tell_outages(now).await.unwrap().owed.is_empty()
                || store.tell_held(now, 0).await.unwrap().more
                || store.remind("pager", HOURLY, now, 0).await.unwrap().more
            {
                return false;
            }
            let mut gathers = vec!["''".to_owned()];
            for (alert, channel) in test.alerts.iter().filter(|(_, channel)| !channel.window.is_zero()) {
                gathers.push(format!("'{alert}'"));
                let waits = format!(
                    "select count(*) from deliveries where alert_key = '{alert}' and status = 'owed' and claimed_by is null
                         and next_attempt_at <= {}",
                    now.as_microsecond()
                );
                if sql.lock().await.number(waits).await > 0 {
                    let window = SignedDuration::try_from(channel.window).unwrap();
                    if store.last_message(alert, LEASE).await.unwrap().is_none_or(|last| last + window <= now) {
                        return false;
                    }
                }
            }
            // All at once: what is settled makes the next one due. What waited for the source runs once more when that is back.
            let under_way = format!(
                "select (select count(*) from dues where claimed_by is not null or due_at <= {now})
                     + (select count(*) from deliveries where status = 'owed'
                            and (claimed_by is not null or (next_attempt_at <= {now} and alert_key not in ({}))))",
                gathers.join(", "),
                now = now.as_microsecond()
            );
            sql.lock().await.number(under_way).await == 0
        })
        .await;
    }

    /// Receivers are mended, mutes end, time passes: whatever is owed is told.
    async fn all_is_well(&mut self) {
        self.story.push("all is well again".to_owned());
        for channel in self.test().alerts.values() {
            channel.fails(None);
            *channel.unheard.lock().unwrap() = false;
        }
        let now = self.test().now();
        for mute in self.store().mutes_not_over(now).await.unwrap() {
            self.store().end_mute(mute.id, &by_server(now)).await.unwrap();
        }
        if self.source {
            for id in self.ids.clone() {
                let outcome = if self.below(3) == 0 { State::Alarm } else { State::Ok };
                self.test().scratch.clock.advance(SignedDuration::from_secs(1));
                let what = self.asks(id, Some((outcome, None))).await;
                self.story.push(what);
            }
        }
        // Within six rounds whoever asked to wait is tried again, and what flaps is told. A crowd takes one change of each monitor
        // along, and a round sends one crowd: who was away for long has more to hear.
        for round in 0..6 + EVENTS {
            if round >= 6 && self.sql.number("select count(*) from deliveries where status = 'owed'").await == 0 {
                break;
            }
            self.at_rest().await;
            self.listen().await;
            self.test().scratch.clock.advance(SignedDuration::from_mins(25));
        }
        self.at_rest().await;
        self.listen().await;
    }
}

/// For all monitors and all problems, and on.
fn anything() -> AlertChange {
    AlertChange {
        enabled: Some(true),
        severities: Some(SeveritySet::ALL),
        tags: Some(Vec::new()),
        ..AlertChange::default()
    }
}
