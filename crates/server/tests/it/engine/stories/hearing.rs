//! What receivers have heard in a story, and whether all of it is right.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use revere::{
    alerts::{Missed, Notification},
    store::{Delivery, DeliveryFilter, DeliveryStatus, NotToldFilter},
};
use revere_model::{FlipId, MuteSubject, Severity, SeveritySet, Silence, State, held_by};

use super::{ALERTS, World};

/// What one receiver has heard of one monitor.
#[derive(Default)]
pub(super) struct Ears {
    /// The problem whose end it has not heard.
    pub(super) open: Option<(State, Severity)>,
    /// The last delivery that arrived, the change that it told, and after which event.
    pub(super) last: i64,
    pub(super) last_flip: i64,
    pub(super) heard_at: usize,
    /// What arrived, each with the event after which it did first.
    pub(super) keys: HashMap<String, usize>,
    /// It was switched off since it heard something: it takes all to be as it was then.
    pub(super) passed_over: bool,
    /// The last of its deliveries that was given up: another receiver heard that instead.
    pub(super) given_up: i64,
    /// Something was cancelled of which nobody knows whether it was heard, and it has heard nothing since.
    pub(super) unsure: bool,
    pub(super) reminders: usize,
}

impl World {
    /// Hears what arrived since the last time, at this very moment.
    pub(super) async fn listen(&mut self) {
        let now = self.test().now();
        let mutes = self.store().mutes_not_over(now).await.unwrap();
        let looked_after = self.store().acknowledgements(&self.ids).await.unwrap();
        let filter = DeliveryFilter { limit: 100_000, ..DeliveryFilter::default() };
        let log = self.store().deliveries(&filter).await.unwrap();
        let rows: HashMap<&str, &Delivery> = log.iter().map(|row| (row.notification.key.as_str(), row)).collect();
        for row in log.iter().filter(|row| row.status == DeliveryStatus::Failed) {
            let ears = self.ears.entry((row.alert_key.clone(), row.monitor_id)).or_default();
            ears.given_up = ears.given_up.max(row.id.0);
            if !self.given_up.contains_key(&row.id) {
                let others = format!("select count(*) from alerts where enabled and key <> '{}'", row.alert_key);
                self.given_up.insert(row.id, self.sql.number(others).await > 0);
            }
        }
        for alert in ALERTS {
            let all = self.test().alerts[alert].taken.lock().unwrap().clone();
            let known = self.heard.insert(alert.to_owned(), all.len()).unwrap_or(0);
            for message in &all[known..] {
                let alone = [message.clone()];
                let crowd = &message.sending.crowd;
                for told in if crowd.is_empty() { &alone[..] } else { crowd } {
                    self.story.push(format!(
                        "    {alert} hears {} -> {} {:?} of {}, reminder {:?}, missed {:?}, repeat {}",
                        told.old_state,
                        told.new_state,
                        told.severity,
                        told.monitor.name,
                        told.reminder,
                        told.sending.missed.iter().map(|missed| missed.state).collect::<Vec<_>>(),
                        message.sending.may_be_repeat
                    ));
                    let muted = |told: &Notification| {
                        let severity = told.severity().or(told.old_severity);
                        let subject =
                            MuteSubject { monitor: told.monitor.id, tags: &told.monitor.tags, alert, severity };
                        held_by(&mutes, &subject, now).is_some()
                    };
                    // What is not muted takes along what waits before it.
                    let row = rows[told.key.as_str()];
                    let behind = |other: &&Delivery| {
                        let at_hand = other.settled_at.is_none_or(|at| at >= now);
                        other.id > row.id && other.monitor_id == row.monitor_id && other.alert_key == alert && at_hand
                    };
                    let taken_along = log.iter().filter(behind).any(|other| !muted(&other.notification));
                    // What was told late goes with the whole of its episode.
                    let whole = |missed: &Missed| {
                        !muted(&Notification { new_state: missed.state, severity: missed.severity, ..told.clone() })
                    };
                    let of_more = told.sending.missed.iter().any(whole);
                    assert!(!muted(told) || taken_along || of_more, "{}", self.wrong("this is muted"));
                    // For so long: an alert that was not told of the source by then tells of its monitors.
                    let waits = format!(
                        "select count(*) from flips f join states s on s.monitor_id = f.monitor_id
                         where f.id = {} and f.by_source is not null and f.new_state = 'ERROR'
                             and s.waits in ('held', 'recovering') and f.at > {}
                             and f.id = (select max(id) from flips where monitor_id = f.monitor_id)",
                        row.flip_id,
                        (now - SignedDuration::from_mins(5)).as_microsecond()
                    );
                    let waits = self.sql.number(waits).await > 0;
                    assert!(!waits, "{}", self.wrong("it waits for a source"));
                    if told.reminder.is_some() {
                        let known = looked_after.contains_key(&told.monitor.id);
                        assert!(!known, "{}", self.wrong("somebody looks after it"));
                    }
                    let change = format!(
                        "select count(*) from flips where id = {} and monitor_id = {} and new_state = '{}'",
                        row.flip_id, told.monitor.id, told.new_state
                    );
                    let changes = self.sql.number(change).await;
                    assert_eq!(changes, 1, "{}", self.wrong("it tells of another change"));
                    if !told.key.ends_with("-instead")
                        && let Err(what) = self.hear(alert, told, row, message.sending.may_be_repeat)
                    {
                        panic!("{}", self.wrong(&what));
                    }
                }
            }
        }
    }

    /// One thing is heard. `Err` is what is wrong with it.
    fn hear(&mut self, alert: &str, told: &Notification, row: &Delivery, may_be_repeat: bool) -> Result<(), String> {
        let knows = !self.test().alerts[alert].forgetful;
        let (event, in_doubt) = (self.event, self.in_doubt.get(alert).copied());
        let ears = self.ears.entry((alert.to_owned(), told.monitor.id)).or_default();
        if let Some(heard_at) = ears.keys.get(&told.key) {
            return match in_doubt.is_some_and(|doubt| doubt >= *heard_at) {
                false => Err("told twice, and nobody could doubt that it had arrived".to_owned()),
                true if knows || may_be_repeat => Ok(()),
                true => Err("told twice, and nothing says so".to_owned()),
            };
        }
        if row.id.0 <= ears.last || row.flip_id.0 < ears.last_flip {
            return Err(format!(
                "delivery {} of change {} after {} of {}",
                row.id, row.flip_id, ears.last, ears.last_flip
            ));
        }
        let (deaf, may_know) = (ears.deaf(), in_doubt.is_some_and(|doubt| doubt >= ears.heard_at));
        if told.sending.may_be_repeat && !may_know {
            return Err("it says that it may be a repeat, and nobody could doubt what became of anything".to_owned());
        }
        ears.keys.insert(told.key.clone(), event);
        (ears.last, ears.last_flip, ears.heard_at, ears.unsure) = (row.id.0, row.flip_id.0, event, false);
        if told.reminder.is_some() {
            ears.reminders += 1;
            if deaf {
                // Now they know.
                ears.open = Some((told.new_state, told.severity().unwrap_or_default()));
            }
            let open = ears.open.map(|(state, _)| state);
            return match open == Some(told.new_state) {
                true => Ok(()),
                false => Err(format!("a reminder of {}, and they heard {open:?}", told.new_state)),
            };
        }
        for (place, missed) in told.sending.missed.iter().enumerate() {
            // What nobody knew to have arrived is said again, with what has come of it.
            let again = place == 0 && may_know;
            ears.state(missed.state, missed.severity, deaf || again)?;
        }
        ears.state(told.new_state, told.severity(), deaf)
    }

    /// From now on, nobody knows what becomes of what is told by those whose receivers are not heard, nor what became of what a server
    /// was telling that was ended. Nothing else puts anything in doubt: whatever else happens does so while nothing is under way.
    pub(super) fn doubts(&mut self) {
        let cut_off = std::mem::take(&mut self.cut_off);
        let test = self.test.as_ref().expect("it is there between the events");
        for (alert, channel) in &test.alerts {
            if cut_off.contains(alert) || *channel.unheard.lock().unwrap() {
                self.in_doubt.insert(alert.clone(), self.event);
            }
        }
    }

    /// Whatever was not told since the last time has a reason that is so at this very moment.
    pub(super) async fn reasons(&mut self) {
        let now = self.test().now();
        let mutes = self.store().mutes_not_over(now).await.unwrap();
        let alerts = self.store().alerts().await.unwrap();
        for id in self.ids.clone() {
            let monitor = self.store().monitor(id).await.unwrap();
            let filter = NotToldFilter { monitor: Some(id), limit: 100_000, ..NotToldFilter::default() };
            let not_told = self.store().not_told(&filter).await.unwrap();
            for one in not_told {
                for key in &one.alerts {
                    if !self.looked_at.insert((one.flip_id, one.reason, key.clone())) {
                        continue;
                    }
                    let alert = alerts.iter().find(|alert| alert.key == *key).expect("all are in the configuration");
                    let muted = [None, Some(Severity::Warning), Some(Severity::Critical)].into_iter().any(|severity| {
                        let subject = MuteSubject { monitor: id, tags: &monitor.spec.tags, alert: key, severity };
                        held_by(&mutes, &subject, now).is_some()
                    });
                    let so = match one.reason {
                        Silence::SwitchedOff => !alert.enabled,
                        Silence::OffInConfig | Silence::OnCallOnly | Silence::QuietHours => false,
                        Silence::NotChosen => monitor.spec.alerts.as_ref().is_some_and(|chosen| !chosen.contains(key)),
                        Silence::OtherTags => !alert.tags.is_empty() && monitor.spec.tags.is_empty(),
                        Silence::OtherSeverity => alert.severities != SeveritySet::ALL,
                        Silence::NotThisState => one.new_state == State::Inactive,
                        Silence::LessSevere => one.new_state.is_problem(),
                        Silence::NothingToEnd => !one.new_state.is_problem(),
                        Silence::ToldBefore | Silence::PassedOver => true,
                        Silence::WaitsForSource => self.source,
                        Silence::Muted => muted,
                        Silence::Flapping => self.flapping.is_some(),
                    };
                    let what =
                        format!("{key} is silent about {} of {id}: {}, which is not so", one.flip_id, one.reason);
                    assert!(so, "{}", self.wrong(&what));
                }
            }
        }
    }

    /// A day later, whoever reminds of what goes on, and is still for it, has done so.
    pub(super) async fn reminded(&mut self) {
        let alerts = self.store().alerts().await.unwrap();
        let pager = alerts.iter().find(|alert| alert.key == "pager").expect("it is in the configuration").clone();
        if !pager.enabled || !pager.tags.is_empty() || pager.severities != SeveritySet::ALL {
            return;
        }
        let looked_after = self.store().acknowledgements(&self.ids).await.unwrap();
        let mut before = Vec::new();
        for id in self.ids.clone() {
            let monitor = self.store().monitor(id).await.unwrap();
            let Some(ears) = self.ears.get(&("pager".to_owned(), id)) else { continue };
            let open = ears.open.map(|(state, _)| state);
            let goes_on = monitor.state.is_problem() && open == Some(monitor.state);
            let told = monitor.spec.alerts.is_none() && !ears.deaf() && !ears.passed_over;
            if goes_on && told && !looked_after.contains_key(&id) {
                before.push((id, ears.reminders));
            }
        }
        self.test().scratch.clock.advance(SignedDuration::from_hours(25));
        self.story.push(format!("{} a day later", self.test().now()));
        self.event += 1;
        self.at_rest().await;
        self.listen().await;
        for (id, reminders) in before {
            let now = self.ears[&("pager".to_owned(), id)].reminders;
            assert!(now > reminders, "{}", self.wrong(&format!("nobody reminds of {id}")));
        }
    }

    pub(super) async fn judge(&mut self) {
        let filter = DeliveryFilter { limit: 100_000, ..DeliveryFilter::default() };
        let log = self.store().deliveries(&filter).await.unwrap();
        let owed = log.iter().filter(|row| row.status == DeliveryStatus::Owed).count();
        assert_eq!(owed, 0, "{}", self.wrong("something is still owed"));
        let held =
            self.sql.number("select count(*) from held h join alerts a on a.key = h.alert_key where a.enabled").await;
        assert_eq!(held, 0, "{}", self.wrong("something is still held back"));
        for row in log.iter().filter(|row| row.status == DeliveryStatus::Failed && row.instead_of.is_none()) {
            let instead = log.iter().any(|other| other.instead_of == Some(row.id)) || !self.given_up[&row.id];
            assert!(instead || row.notification.reminder.is_some(), "{}", self.wrong("given up, and told to nobody"));
        }
        let on = self.store().alerts().await.unwrap().into_iter().filter(|alert| alert.enabled);
        let on: HashSet<String> = on.map(|alert| alert.key).collect();
        for ((alert, id), ears) in &self.ears {
            // One that is switched off tells the ends once it is on again.
            let open = ears.open.filter(|_| !self.ids.contains(id) && !ears.deaf() && on.contains(alert));
            let what = format!("{alert} has not heard that the source is back: {open:?}");
            assert!(open.is_none(), "{}", self.wrong(&what));
        }
        let mut silent = Vec::new();
        for id in &self.ids {
            // What an alert has nothing to do with is listed with the monitor alone.
            let filter = NotToldFilter { monitor: Some(*id), limit: 100_000, ..NotToldFilter::default() };
            silent.extend(self.store().not_told(&filter).await.unwrap());
        }
        let mut accounted: HashSet<(FlipId, String)> =
            log.iter().map(|row| (row.flip_id, row.alert_key.clone())).collect();
        accounted.extend(silent.iter().flat_map(|one| one.alerts.iter().map(|alert| (one.flip_id, alert.clone()))));
        for id in self.ids.clone() {
            let flips = self.store().flips(id, None, 100_000).await.unwrap();
            for flip in &flips {
                let expected =
                    flip.new_state.is_problem() || (flip.old_state.is_problem() && flip.new_state == State::Ok);
                for alert in ALERTS.iter().filter(|_| expected) {
                    let known = accounted.contains(&(flip.id, (*alert).to_owned()));
                    let what = format!("{alert} neither told {flip:?} nor says why");
                    assert!(known, "{}", self.wrong(&what));
                }
            }
            let state = self.store().monitor(id).await.unwrap().state;
            for alert in ALERTS.into_iter().filter(|alert| on.contains(*alert)) {
                let Some(ears) = self.ears.get(&(alert.to_owned(), id)).filter(|ears| !ears.deaf()) else { continue };
                let open = ears.open.map(|(state, _)| state);
                let what = format!("{id} is {state}, and {alert} knows of {open:?}");
                match state {
                    State::Ok => assert_eq!(open, None, "{}", self.wrong(&what)),
                    // Switched off in silence, it stays what people heard of it; one that is for others now tells no other problem.
                    State::Inactive => {}
                    State::Alarm | State::Error if open == Some(state) || ears.passed_over => {}
                    State::Alarm | State::Error => {
                        let last = flips.iter().map(|flip| flip.id).max();
                        let why = silent
                            .iter()
                            .any(|one| Some(one.flip_id) == last && one.alerts.contains(&alert.to_owned()));
                        assert!(why, "{}", self.wrong(&what));
                    }
                }
            }
        }
    }
}

impl Ears {
    /// Whether there was something to be heard, after the last that was, and it may not have been.
    fn deaf(&self) -> bool {
        self.unsure || self.given_up > self.last
    }

    /// What is heard now; `may_know` where it is not certain what was heard before.
    fn state(&mut self, state: State, severity: Option<Severity>, may_know: bool) -> Result<(), String> {
        let before = self.open;
        self.passed_over = false;
        self.open = state.is_problem().then(|| (state, severity.unwrap_or_default()));
        let wrong = match (before, self.open) {
            _ if may_know => false,
            (None, None) => true,
            (Some((was, mild)), Some((is, bad))) => was == is && bad <= mild,
            _ => false,
        };
        if wrong { Err(format!("{state} {severity:?} after {before:?}")) } else { Ok(()) }
    }
}
