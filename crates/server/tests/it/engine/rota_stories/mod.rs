//! Random stories of a rota, on simulated time: monitors fail, get worse and recover while turns pass, the layers change, overrides
//! come and end, people leave and come back with their alerts or leave them to others, receivers are away, somebody acknowledges,
//! servers are started again and cut off, and on PostgreSQL a second one comes and goes. Whatever happens:
//!
//! - whoever was told of a problem is told one end of it, whoever is on call by then, and nobody is told an end of nothing;
//! - whoever is told that it is their turn is on call at that moment, and nobody is notified next of what somebody acknowledged;
//! - nobody is told twice of one change but what their receiver took without a word, nor out of order;
//! - each change reaches somebody, where somebody is on call, or says why it does not, and nothing is owed for ever.
//!
//! The suite tells the same few each time; `REVERE_STORIES` asks for as many new ones, `REVERE_STORY` for one alone, by the number
//! that a failure says.

mod hearing;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::time};
use rand_core::{Rng, SeedableRng};
use revere::{
    alerts::{Channel, Retry, SendError},
    engine::{EngineConfigured, EngineSettings},
    store::{AcknowledgedBy, ConfiguredAlert, OverrideFilter, Store},
};
use revere_model::{
    DeliveryId, MonitorId, MonitorSpec, OverrideId, Severity, State,
    on_call::{Hours, Layer, Override, Person, Rota, Turns, Weekdays},
    zone,
};

use self::hearing::Ears;
use super::second_server::{self, Beside};
use crate::support::{Scratch, Sql, TestEngine, by_server, spec, test_engine::RecordingChannel};

const MONITORS: usize = 2;
const EVENTS: usize = 60;
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// An end waits so long for an alert that is not in the configuration.
const GONE_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The first of the stories that are told each time, and how many.
const KNOWN: (u64, u64) = (41_970_305, 5);

#[tokio::test]
async fn whoever_a_rota_tells_of_a_problem_is_told_its_end_whatever_becomes_of_the_rota() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match (number("REVERE_STORY"), number("REVERE_STORIES")) {
        (Some(seed), _) => (seed, 1),
        (None, Some(count)) => (u64::from(uuid::Uuid::new_v4().as_fields().0), count),
        (None, None) => KNOWN,
    };
    let mut met = Met::default();
    for seed in first..first + count {
        World::new(seed, &mut met).await.tell().await;
    }
    // Otherwise they show nothing.
    let all = [met.overrides, met.next, met.handed_over, met.left_in_a_problem, met.heirs];
    assert!(count < KNOWN.1 || all.iter().all(|number| *number > 0), "{met:?}");
}

/// What there was in the stories.
#[derive(Default, Debug)]
struct Met {
    /// Somebody was told because of an override.
    overrides: usize,
    /// Somebody was told next.
    next: usize,
    /// Somebody was told an end who was not on call any more.
    handed_over: usize,
    /// Somebody left who knew of a problem that went on.
    left_in_a_problem: usize,
    /// Somebody left and another one has their alert now.
    heirs: usize,
}

struct World<'a> {
    seed: u64,
    random: rand_chacha::ChaCha8Rng,
    met: &'a mut Met,
    /// `None` while it is being started again.
    test: Option<TestEngine>,
    beside: Beside,
    sql: Sql,
    ids: Vec<MonitorId>,
    /// The alerts of everybody, in the configuration or not.
    channels: BTreeMap<String, RecordingChannel>,
    /// Since when an alert is not in the configuration.
    gone: BTreeMap<String, Timestamp>,
    ears: HashMap<(String, MonitorId), Ears>,
    heard: BTreeMap<String, usize>,
    seen: HashSet<DeliveryId>,
    /// How much has happened.
    event: usize,
    /// The last event after which an alert's receiver answered to nobody: what it was told then may have arrived.
    in_doubt: HashMap<String, usize>,
    story: Vec<String>,
}

impl<'a> World<'a> {
    async fn new(seed: u64, met: &'a mut Met) -> World<'a> {
        let channel = |forgetful| RecordingChannel { forgetful, ..RecordingChannel::default() };
        // The first half of them take no note of keys.
        let channels = PEOPLE.iter().enumerate().map(|(place, name)| (alert_of(name), channel(place < 2)));
        let channels: BTreeMap<String, RecordingChannel> = channels.collect();
        let rotas = BTreeMap::from([("rota".to_owned(), whole())]);
        let settings = EngineSettings { rotas, ..EngineSettings::default() };
        let test = TestEngine::telling_through(Scratch::new().await, settings, channels.clone()).await;
        test.store().set_flapping(None).await.unwrap();
        let mut ids = Vec::new();
        for number in 0..MONITORS {
            // Only the test makes it run.
            let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec(&format!("m{number}")) };
            ids.push(test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id);
        }
        World {
            seed,
            random: rand_chacha::ChaCha8Rng::seed_from_u64(seed),
            met,
            sql: test.scratch.sql().await,
            test: Some(test),
            beside: None,
            ids,
            channels,
            gone: BTreeMap::new(),
            ears: HashMap::new(),
            heard: BTreeMap::new(),
            seen: HashSet::new(),
            event: 0,
            in_doubt: HashMap::new(),
            story: Vec::new(),
        }
    }

    fn test(&self) -> &TestEngine {
        self.test.as_ref().expect("it is there between the events")
    }

    fn store(&self) -> &Store {
        self.test().store()
    }

    fn rota(&self) -> &Rota {
        &self.test().settings.rotas["rota"]
    }

    fn below(&mut self, number: usize) -> usize {
        (self.random.next_u64() % number as u64) as usize
    }

    fn monitor(&mut self) -> MonitorId {
        let place = self.below(MONITORS);
        self.ids[place]
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
            self.look().await;
        }
        self.all_is_well().await;
        self.judge().await;
        if let Some((_, engine)) = self.beside.take() {
            engine.stop(Duration::from_secs(5)).await;
        }
        self.test().scratch.assert_sound().await;
    }

    /// From now on, nobody knows what becomes of what is told by those whose receivers are not heard. Nothing else puts anything in
    /// doubt: servers end while nothing is under way, as the clock goes on.
    fn doubts(&mut self) {
        for (alert, channel) in &self.channels {
            if *channel.unheard.lock().unwrap() {
                self.in_doubt.insert(alert.clone(), self.event);
            }
        }
    }

    async fn look(&mut self) {
        self.at_rest().await;
        self.read_the_log().await;
        self.listen().await;
    }

    /// One thing happens; answers what.
    async fn happens(&mut self) -> String {
        let now = self.test().now();
        match self.below(24) {
            0..=5 => {
                let (monitor, way) = (self.monitor(), self.below(5));
                let (state, severity) = [
                    (State::Ok, None),
                    (State::Ok, None),
                    (State::Alarm, Some(Severity::Warning)),
                    (State::Alarm, Some(Severity::Critical)),
                    (State::Error, Some(Severity::Critical)),
                ][way];
                self.test().scratch.manual_as(monitor, state, severity).await;
                format!("{monitor} is {state} {severity:?}")
            }
            6..=10 => {
                let minutes = [1, 16, 46, 9 * 60, 25 * 60][self.below(5)];
                self.test().scratch.clock.advance(SignedDuration::from_mins(minutes));
                format!("{minutes} min pass")
            }
            11..=13 => self.overridden().await,
            14 => {
                let filter = OverrideFilter { over: Some(false), limit: 1, ..OverrideFilter::default() };
                let found = self.store().overrides(&filter, now).await.unwrap();
                let Some(one) = found.first() else { return "no override to be ended".to_owned() };
                self.store().end_override(one.change.id, &by_server(now)).await.unwrap();
                format!("override {} ends", one.change.id)
            }
            15..=17 => {
                let rota = self.another_rota();
                let words = format!("the rota is {rota:?}");
                self.exchange(rota).await;
                words
            }
            18 => {
                let monitor = self.monitor();
                self.store().acknowledge(monitor, None, AcknowledgedBy::Request, &by_server(now)).await.unwrap();
                format!("somebody looks after {monitor}")
            }
            19..=21 => self.receiver(),
            22 => {
                if let Some((_, engine)) = self.beside.take() {
                    engine.stop(Duration::ZERO).await;
                }
                let grace = [Duration::ZERO, Duration::from_secs(5)][self.below(2)];
                let test = self.test.take().expect("it is there between the events");
                self.test = Some(test.restarted(grace).await);
                format!("the server is started again, within {grace:?}")
            }
            _ => self.second_server().await,
        }
    }

    /// Somebody takes another one's place, or everybody's, now or soon.
    async fn overridden(&mut self) -> String {
        let now = self.test().now();
        let person = PEOPLE[self.below(4)].to_owned();
        let instead_of = [None, Some(PEOPLE[self.below(4)].to_owned())][self.below(2)].clone();
        let starts_at = now + SignedDuration::from_mins([0, 0, 40][self.below(3)]);
        let ends_at = starts_at + SignedDuration::from_mins([30, 600, 3000][self.below(3)]);
        let change = Override { id: OverrideId(0), person, instead_of, starts_at, ends_at };
        self.store().add_override("rota", &change, &by_server(now)).await.unwrap();
        format!("{change:?}")
    }

    /// Other turns of other people.
    fn another_rota(&mut self) -> Rota {
        let mut names = PEOPLE.to_vec();
        let leaver = [None, Some(self.below(4)), Some(self.below(4))][self.below(3)].map(|place| names.remove(place));
        let turns = self.below(names.len());
        names.rotate_left(turns);
        let mut people: Vec<Person> = names.iter().map(|name| person(name)).collect();
        if let Some(leaver) = leaver
            && self.below(2) == 0
        {
            people[0].alerts.push(alert_of(leaver));
            self.met.heirs += 1;
        }
        let first = ["2020-01-01T00:00", "2025-12-31T08:00", "2099-01-01T00:00"][self.below(3)];
        let days = [1, 7][self.below(2)];
        let place = ["UTC", "America/New_York"][self.below(2)];
        let taking_turns = names.iter().map(|name| (*name).to_owned()).collect();
        let base = layer("base", taking_turns, first, days, place);
        let mut layers = vec![base];
        if self.below(2) == 0 {
            let hours = Hours { from: time(9, 0, 0, 0), until: time(17, 0, 0, 0), weekdays: Weekdays::ALL };
            let above = layer("office", vec![names[names.len() - 1].to_owned()], "2020-01-01T00:00", 1, place);
            layers.push(Layer { hours: Some(hours), ..above });
        }
        let escalate_after = [None, Some(15), Some(15), Some(45)][self.below(4)].map(SignedDuration::from_mins);
        let listed = self.below(3);
        let escalation = names.iter().skip(1).take(listed).map(|name| (*name).to_owned()).collect();
        Rota { people, turns: Turns::Layers(layers), escalate_after, escalation }
    }

    /// The servers take up a configuration with this rota, and with the alerts that it names.
    async fn exchange(&mut self, rota: Rota) {
        let now = self.test().now();
        let named: HashSet<&String> = rota.people.iter().flat_map(|person| &person.alerts).collect();
        for key in self.channels.keys() {
            let of_it = self.ears.iter_mut().filter(|((alert, _), _)| alert == key);
            if named.contains(key) {
                let Some(since) = self.gone.remove(key) else { continue };
                if now.duration_since(since) >= GONE_FOR {
                    of_it.for_each(|(_, ears)| ears.gone = true);
                }
            } else if !self.gone.contains_key(key) {
                self.gone.insert(key.clone(), now);
                self.met.left_in_a_problem += of_it.filter(|(_, ears)| ears.open).count();
            }
        }
        let in_it = self.channels.iter().filter(|(key, _)| named.contains(key));
        let alerts: BTreeMap<String, RecordingChannel> = in_it.map(|(key, one)| (key.clone(), one.clone())).collect();
        let keys = alerts.keys().map(|key| (key.clone(), true)).chain([("rota".to_owned(), false)]);
        let configured = |(key, on_call_only)| ConfiguredAlert { key, enabled: true, on_call_only, quiet_hours: None };
        let configured: Vec<ConfiguredAlert> = keys.map(configured).collect();
        let rotas = BTreeMap::from([("rota".to_owned(), rota)]);
        let test = self.test.as_mut().expect("it is there between the events");
        (test.alerts, test.settings.rotas) = (alerts, rotas);
        test.store().sync_alerts(&configured, now).await.unwrap();
        for engine in [Some(&test.engine), self.beside.as_ref().map(|(_, engine)| engine)].into_iter().flatten() {
            let channels =
                test.alerts.iter().map(|(key, one)| (key.clone(), Arc::new(one.clone()) as Arc<dyn Channel>));
            engine.exchange(EngineConfigured {
                runner: Arc::new(test.runner.clone()),
                channels: channels.collect(),
                reminders: BTreeMap::new(),
                rotas: test.settings.rotas.clone(),
                run_limit: test.settings.run_limit,
                source_outages: test.settings.source_outages,
            });
        }
    }

    /// A receiver becomes well or fails, in one way or another.
    fn receiver(&mut self) -> String {
        let (alert, way) = (alert_of(PEOPLE[self.below(4)]), self.below(8));
        let channel = &self.channels[&alert];
        channel.fails(match way {
            0 => Some(SendError::later("503 Service Unavailable")),
            1 => Some(SendError { retry: Retry::After(Duration::from_secs(900)), ..SendError::later("429") }),
            2 => Some(SendError::never("404 Not Found")),
            _ => None,
        });
        *channel.unheard.lock().unwrap() = way == 3;
        let ways = ["is away", "asks to wait", "is gone", "answers to nobody"];
        format!("{alert} {}", ways.get(way).unwrap_or(&"is well"))
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
            let rota = &test.settings.rotas["rota"];
            if store.tell_held(now, 0).await.unwrap().more
                || store.tell_on_call("rota", rota, &[], now, 0).await.unwrap().more
            {
                return false;
            }
            // What an alert owes that is not in the configuration waits for its return.
            let under_way = format!(
                "select count(*) from deliveries d join alerts a on a.key = d.alert_key
                 where a.in_config and d.status = 'owed' and (d.claimed_by is not null or d.next_attempt_at <= {})",
                now.as_microsecond()
            );
            sql.lock().await.number(under_way).await == 0
        })
        .await;
    }

    /// Receivers are mended, everybody is back, monitors are well and time passes: whatever is owed is told.
    async fn all_is_well(&mut self) {
        self.story.push("all is well again".to_owned());
        for channel in self.channels.values() {
            channel.fails(None);
            *channel.unheard.lock().unwrap() = false;
        }
        self.exchange(whole()).await;
        self.look().await;
        for id in self.ids.clone() {
            self.test().scratch.clock.advance(SignedDuration::from_secs(1));
            self.test().scratch.manual(id, State::Ok).await;
            self.look().await;
        }
        for round in 0..4 + EVENTS {
            if round >= 4 && self.sql.number("select count(*) from deliveries where status = 'owed'").await == 0 {
                break;
            }
            self.test().scratch.clock.advance(SignedDuration::from_mins(25));
            self.look().await;
        }
    }
}

fn alert_of(person: &str) -> String {
    format!("{person}_sms")
}

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), alerts: vec![alert_of(name)] }
}

fn layer(name: &str, people: Vec<String>, first: &str, days: u16, place: &str) -> Layer {
    Layer {
        name: name.to_owned(),
        people,
        first: first.parse().unwrap(),
        days,
        zone: zone(place).unwrap(),
        hours: None,
    }
}

/// Everybody, in turns of a day.
fn whole() -> Rota {
    let names = PEOPLE.map(str::to_owned).to_vec();
    Rota {
        people: PEOPLE.map(person).into(),
        turns: Turns::Layers(vec![layer("daily", names, "2020-01-01T00:00", 1, "UTC")]),
        escalate_after: Some(SignedDuration::from_mins(15)),
        escalation: vec!["bob".to_owned(), "carol".to_owned()],
    }
}
