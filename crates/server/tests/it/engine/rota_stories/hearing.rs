//! What alerts have told in a story of a rota, and whether all of it is right.

use std::collections::{HashMap, HashSet};

use revere::{
    alerts::Notification,
    store::{Delivery, DeliveryFilter, DeliveryStatus, NotToldFilter, OverrideFilter},
};
use revere_model::{FlipId, on_call::Changes};

use super::World;

/// What one alert has told of one monitor.
#[derive(Default)]
pub(super) struct Ears {
    /// Whether it told a problem whose end it has not told.
    pub(super) open: bool,
    /// Whether it told a problem in another one's place, of which its people may hear no more.
    unsure: bool,
    /// The last delivery that arrived.
    last: i64,
    /// What arrived, each with the event after which it did first.
    keys: HashMap<String, usize>,
    /// The changes to a problem that it told.
    problems: HashSet<FlipId>,
    /// It was out of the configuration for longer than an end waits.
    pub(super) gone: bool,
    /// The last of its deliveries that was given up.
    given_up: i64,
}

impl Ears {
    /// Whether something was to arrive that did not.
    fn deaf(&self) -> bool {
        self.gone || self.given_up > self.last
    }
}

impl World<'_> {
    /// Who is on call now.
    async fn on_call(&self) -> Vec<String> {
        let now = self.test().now();
        let filter = OverrideFilter { over: Some(false), limit: 1000, ..OverrideFilter::default() };
        let newest_first = self.store().overrides(&filter, now).await.unwrap();
        let overrides = newest_first.into_iter().rev().map(|one| one.change).collect();
        let changes = Changes { overrides, calendar: Vec::new() };
        self.rota().on_call(now, &changes).into_iter().map(|one| one.person).collect()
    }

    async fn log(&self) -> Vec<Delivery> {
        let filter = DeliveryFilter { limit: 100_000, ..DeliveryFilter::default() };
        self.store().deliveries(&filter).await.unwrap()
    }

    /// Whatever people came to be told since the last look has its reason.
    pub(super) async fn read_the_log(&mut self) {
        let (log, on_call) = (self.log().await, self.on_call().await);
        let looked_after = self.store().acknowledgements(&self.ids).await.unwrap();
        for row in log.iter().filter(|row| row.status == DeliveryStatus::Failed) {
            let ears = self.ears.entry((row.alert_key.clone(), row.monitor_id)).or_default();
            ears.given_up = ears.given_up.max(row.id.0);
        }
        for row in log.iter().filter(|row| row.alert_key == "rota" && row.status == DeliveryStatus::Sent) {
            if !self.seen.insert(row.id) || !row.notification.new_state.is_problem() || on_call.is_empty() {
                continue;
            }
            // It may have been over before anybody could be told.
            let over = row.reply.as_deref().is_some_and(|reply| reply.contains("over before anybody could be told"));
            let reached = log.iter().any(|other| other.flip_id == row.flip_id && other.alert_key != "rota");
            let what = format!("{} says that it told {}, and told nobody", row.alert_key, row.notification.key);
            assert!(reached || over, "{}", self.wrong(&what));
        }
        for row in log.iter().filter(|row| row.alert_key != "rota") {
            if !self.seen.insert(row.id) {
                continue;
            }
            let Some(why) = &row.notification.on_call else {
                let what = format!("{} tells {} by itself", row.alert_key, row.notification.key);
                assert!(row.instead_of.is_some(), "{}", self.wrong(&what));
                continue;
            };
            let person = why.split(' ').next().unwrap_or_default();
            let is_on_call = on_call.iter().any(|one| one == person);
            if why.ends_with(" is on call for 'rota'") || why.contains(" by override ") {
                assert!(is_on_call, "{}", self.wrong(&format!("{why}; on call are {on_call:?}")));
                self.met.overrides += usize::from(why.contains(" by override "));
            }
            if why.starts_with("nobody acknowledged it") {
                let known = looked_after.contains_key(&row.monitor_id);
                assert!(!known, "{}", self.wrong(&format!("somebody looks after {}; {why}", row.monitor_id)));
                self.met.next += 1;
            }
            if why.contains(" was notified of it by ") && !row.notification.new_state.is_problem() {
                self.met.handed_over += usize::from(!is_on_call);
            }
        }
    }

    /// Hears what arrived since the last time.
    pub(super) async fn listen(&mut self) {
        let log = self.log().await;
        let rows: HashMap<&str, &Delivery> = log.iter().map(|row| (row.notification.key.as_str(), row)).collect();
        for (alert, channel) in self.channels.clone() {
            let all = channel.taken.lock().unwrap().clone();
            let known = self.heard.insert(alert.clone(), all.len()).unwrap_or(0);
            for told in &all[known..] {
                self.story.push(format!(
                    "    {alert} tells {} -> {} of {}, missed {:?}, repeat {}: {}",
                    told.old_state,
                    told.new_state,
                    told.monitor.name,
                    told.sending.missed.iter().map(|missed| missed.state).collect::<Vec<_>>(),
                    told.sending.may_be_repeat,
                    told.on_call.as_deref().unwrap_or("by itself")
                ));
                let row = rows[told.key.as_str()];
                let (event, in_doubt) = (self.event, self.in_doubt.get(&alert).copied());
                let ears = self.ears.entry((alert.clone(), told.monitor.id)).or_default();
                if let Err(what) = ears.hear(told, row, !channel.forgetful, event, in_doubt) {
                    panic!("{}", self.wrong(&format!("{alert}: {what}")));
                }
            }
        }
    }

    pub(super) async fn judge(&mut self) {
        let log = self.log().await;
        let owed = log.iter().filter(|row| row.status == DeliveryStatus::Owed).count();
        assert_eq!(owed, 0, "{}", self.wrong("something is still owed"));
        let waits = self.sql.number("select count(*) from on_call_told where ends_with is not null").await;
        assert_eq!(waits, 0, "{}", self.wrong("an end is still held back"));
        for ((alert, id), ears) in &self.ears {
            let what = format!("{alert} has not told that {id} is well again");
            assert!(!ears.open || ears.deaf(), "{}", self.wrong(&what));
        }
        for row in log.iter().filter(|row| row.alert_key == "rota") {
            let says_why = row.reply.as_ref().or(row.last_error.as_ref()).is_some_and(|why| !why.is_empty());
            let what = format!("nothing says what became of {}", row.notification.key);
            assert!(says_why, "{}", self.wrong(&what));
        }
        let by_the_rota: HashSet<FlipId> =
            log.iter().filter(|row| row.alert_key == "rota").map(|row| row.flip_id).collect();
        for id in self.ids.clone() {
            let filter = NotToldFilter { monitor: Some(id), limit: 100_000, ..NotToldFilter::default() };
            let silent = self.store().not_told(&filter).await.unwrap();
            let says_why = |flip: FlipId| {
                silent.iter().any(|one| one.flip_id == flip && one.alerts.iter().any(|alert| alert == "rota"))
            };
            for flip in self.store().flips(id, None, 100_000).await.unwrap() {
                let expected = flip.new_state.is_problem() || flip.old_state.is_problem();
                let known = !expected || by_the_rota.contains(&flip.id) || says_why(flip.id);
                assert!(known, "{}", self.wrong(&format!("the rota neither told {flip:?} nor says why")));
            }
        }
    }
}

impl Ears {
    /// One thing is heard after this event; `in_doubt` is the last after which something may have arrived unbeknown. `Err` is what is
    /// wrong with it.
    fn hear(
        &mut self,
        told: &Notification,
        row: &Delivery,
        knows_repeats: bool,
        event: usize,
        in_doubt: Option<usize>,
    ) -> Result<(), String> {
        if let Some(heard_at) = self.keys.get(&told.key) {
            return match in_doubt.is_some_and(|doubt| doubt >= *heard_at) {
                false => Err("told twice, and nobody could doubt that it had arrived".to_owned()),
                true if knows_repeats || told.sending.may_be_repeat => Ok(()),
                true => Err("told twice, and nothing says so".to_owned()),
            };
        }
        if told.sending.may_be_repeat && in_doubt.is_none() {
            return Err("it says that it may be a repeat, and nobody could doubt what became of anything".to_owned());
        }
        self.keys.insert(told.key.clone(), event);
        if row.id.0 <= self.last {
            return Err(format!("delivery {} after {}", row.id, self.last));
        }
        let deaf = self.deaf();
        (self.last, self.gone) = (row.id.0, false);
        match told.new_state.is_problem() {
            // What another alert could not tell is said once more to whoever knows of it.
            true if row.instead_of.is_some() => self.unsure = true,
            true => {
                self.open = true;
                if !self.problems.insert(row.flip_id) && !deaf {
                    return Err(format!("flip {} told twice", row.flip_id));
                }
            }
            false => {
                let ends = self.open || self.unsure || deaf || !told.sending.missed.is_empty();
                (self.open, self.unsure) = (false, false);
                if !ends {
                    return Err("an end of nothing".to_owned());
                }
            }
        }
        Ok(())
    }
}
