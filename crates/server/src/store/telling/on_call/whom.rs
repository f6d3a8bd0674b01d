//! Whom a rota tells, as far as their alerts can be used, and in which words it says why.

use jiff::Timestamp;
use revere_model::{
    MonitorId, MuteSubject,
    on_call::{Because, NextStep, OnCall},
};

use super::{
    Asked,
    known::{Known, Usable},
    records,
};
use crate::{
    notification::Notification,
    store::{
        StoreError,
        database::DbConnection,
        telling::{
            deliveries::{Delivery, handed_on},
            owing::owe,
        },
    },
};

/// What became of something that is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Somebody is told, or need not be.
    Told,
    /// Nobody can be reached.
    Nobody,
    /// It is held back, until then at most.
    Later(Timestamp),
}

/// One thing that a rota owes, on its way to people.
pub(super) struct Reach<'a> {
    pub(super) asked: &'a Asked<'a>,
    known: &'a Known,
    /// What the rota owes.
    pub(super) delivery: &'a Delivery,
    /// Whether who is told is noted, so that the next ones and the end can be told.
    pub(super) notes: bool,
    /// Whether whoever has heard of it is told all the same.
    pub(super) again: bool,
    /// The alerts that are known not to have told it.
    pub(super) failed: Vec<String>,
    /// Who is reached, by which alerts.
    pub(super) reached: Vec<(String, String)>,
    /// The alerts that owe a delivery now.
    pub(super) owed: Vec<String>,
    /// What became of it, for the log: sentences without full stops.
    pub(super) said: Vec<String>,
    /// When the first one of those whom something holds back can be told.
    pub(super) held_until: Option<Timestamp>,
    /// Whether others cannot be reached whatever is waited for.
    pub(super) beyond_reach: bool,
}

impl<'a> Reach<'a> {
    pub(super) fn new(asked: &'a Asked<'a>, known: &'a Known, delivery: &'a Delivery) -> Reach<'a> {
        Reach {
            asked,
            known,
            delivery,
            notes: false,
            again: false,
            failed: Vec::new(),
            reached: Vec::new(),
            owed: Vec::new(),
            said: Vec::new(),
            held_until: None,
            beyond_reach: false,
        }
    }

    /// Whether the alert of that name can be used for this.
    pub(super) fn usable(&self, alert: &str) -> Usable {
        self.known.usable(&about(&self.delivery.notification, alert), self.asked.now)
    }

    /// Until when the rota itself is held back, if it is.
    pub(super) fn rota_held(&self) -> Option<Timestamp> {
        match self.usable(self.asked.key) {
            Usable::Held(until) => Some(until),
            _ => None,
        }
    }

    /// Whether it is the turn of that person.
    pub(super) fn is_on_call(&self, person: &str) -> bool {
        self.asked.rota.on_call(self.asked.now, &self.known.changes).iter().any(|one| one.person == person)
    }

    /// Tells whoever is on call, and where they cannot be reached or nobody is, the next ones. Whether anybody is told.
    pub(super) async fn begin(&mut self, connection: &mut DbConnection) -> Result<bool, StoreError> {
        let key = self.asked.key;
        let mut asked: Vec<String> = Vec::new();
        let mut told = false;
        let on_call = self.asked.rota.on_call(self.asked.now, &self.known.changes);
        let mut because = String::new();
        if on_call.is_empty() {
            because = format!("nobody is on call for '{key}'");
        }
        for OnCall { person, because } in on_call {
            let why = match because {
                Because::Layer(_) | Because::Calendar => format!("{person} is on call for '{key}'"),
                Because::Override(id) => format!("{person} is on call for '{key}' by override {id}"),
            };
            told |= self.person(connection, &person, &why).await?.is_some();
            asked.push(person);
        }
        while !told && let Some(next) = self.asked.rota.next_step(&asked) {
            if because.is_empty() {
                because = format!("whoever is on call for '{key}' could not be reached");
            }
            told = !self.next(connection, next, &because, &mut asked).await?.is_empty();
        }
        Ok(told)
    }

    /// Tells the next ones, until anybody is told who has not got it already, or nobody is left.
    pub(super) async fn go_on(
        &mut self,
        connection: &mut DbConnection,
        because: &str,
        asked: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let mut told = false;
        while !told && let Some(next) = self.asked.rota.next_step(asked) {
            told = self.next(connection, next, because, asked).await?.contains(&Reached::Now);
        }
        Ok(())
    }

    async fn next(
        &mut self,
        connection: &mut DbConnection,
        next: NextStep,
        because: &str,
        asked: &mut Vec<String>,
    ) -> Result<Vec<Reached>, StoreError> {
        let (people, why) = match next {
            NextStep::Person(person) => {
                let why = format!("{because}, so {person} is notified next");
                (vec![person], why)
            }
            NextStep::Everybody(people) => (people, format!("{because}, so everybody is notified")),
        };
        let mut reached = Vec::new();
        for person in people {
            reached.extend(self.person(connection, &person, &why).await?);
            asked.push(person);
        }
        Ok(reached)
    }

    /// Tells a person by all of their alerts that can be used; `None` if there is none.
    async fn person(
        &mut self,
        connection: &mut DbConnection,
        person: &str,
        why: &str,
    ) -> Result<Option<Reached>, StoreError> {
        let alerts = self.asked.rota.person(person).map(|known| known.alerts.clone()).unwrap_or_default();
        let (mut by, mut before, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let mut held: Option<Timestamp> = None;
        for alert in alerts {
            if self.failed.contains(&alert) {
                faults.push(format!("{alert} could not deliver it"));
                continue;
            }
            match self.usable(&alert) {
                Usable::Yes if self.alert(connection, person, &alert, why).await? => by.push(alert),
                Usable::Yes => before.push(alert),
                fault => {
                    if let Usable::Held(until) = fault {
                        held = Some(held.map_or(until, |held| held.min(until)));
                    }
                    faults.push(format!("{alert} {}", fault.words()));
                }
            }
        }
        if !by.is_empty() {
            self.said.push(format!("{why} ({})", by.join(", ")));
            return Ok(Some(Reached::Now));
        }
        if !before.is_empty() {
            self.said.push(format!("{person} has it already ({})", before.join(", ")));
            return Ok(Some(Reached::Before));
        }
        self.said.push(format!("{person} cannot be reached: {}", faults.join(", ")));
        match held {
            // They are asked again: it passes.
            Some(until) => self.held_until = Some(self.held_until.map_or(until, |held| held.min(until))),
            None => {
                self.beyond_reach = true;
                if self.notes {
                    records::remember(connection, self.place(), person, "").await?;
                }
            }
        }
        Ok(None)
    }

    /// Has one alert of a person tell it; once, whoever else it reaches. Whether that owes a delivery.
    pub(super) async fn alert(
        &mut self,
        connection: &mut DbConnection,
        person: &str,
        alert: &str,
        why: &str,
    ) -> Result<bool, StoreError> {
        if self.notes {
            records::remember(connection, self.place(), person, alert).await?;
        }
        self.reached.push((person.to_owned(), alert.to_owned()));
        let Some(key) = handed_on::free_key(connection, self.delivery, alert, self.again).await? else {
            return Ok(false);
        };
        let notification = Notification { key, on_call: Some(why.to_owned()), ..self.delivery.notification.clone() };
        let instead_of = self.delivery.instead_of.map(|id| id.0);
        owe(connection, self.delivery.flip_id, alert, &notification, instead_of, self.asked.now).await?;
        if !self.owed.iter().any(|one| one == alert) {
            self.owed.push(alert.to_owned());
        }
        Ok(true)
    }

    /// Where it is noted who was told.
    pub(super) fn place(&self) -> (&'a str, MonitorId) {
        (self.asked.key, self.delivery.monitor_id)
    }
}

/// How somebody is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reached {
    /// They are told now.
    Now,
    /// An alert that reaches them has told it, or is about to.
    Before,
}

/// What a mute is asked about: that `alert` tells this.
pub(super) fn about<'a>(notification: &'a Notification, alert: &'a str) -> MuteSubject<'a> {
    let severity = notification.severity().or(notification.old_severity);
    MuteSubject { monitor: notification.monitor.id, tags: &notification.monitor.tags, alert, severity }
}
