//! Web Push: what a message to a browser is made of. RFC 8030 says how it is sent, RFC 8291 and RFC 8188 how it is sealed so that
//! only the browser reads it, RFC 8292 how the server says who it is.
//!
//! Which browsers there are is the store's affair, when they are told the engine's, and what they are told the channel's.

mod seal;
mod vapid;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use seal::{BrowserKeys, MOST, seal};
pub use vapid::ServerKey;

/// A browser that asked to be told: where, and for whom to seal.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser {
    /// Its row.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Where its push service takes messages for it. Whoever knows it can send some.
    pub endpoint: String,
    /// The keys it seals by.
    pub keys: BrowserKeys,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What browsers are told, before it is sealed for each.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// What the service worker shows, in JSON.
    pub payload: String,
    /// For so many seconds the push service keeps it for a browser that sleeps (`TTL`).
    pub keep_s: u32,
    /// Whether a device that saves power is woken for it (`Urgency: high`).
    pub urgent: bool,
    /// What takes the place of it while the browser sleeps has the same (`Topic`).
    pub topic: String,
}

/// What became of a message to one browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Became {
    /// Its push service took it.
    Taken,
    /// The browser takes no more: its subscription is over. What the push service said.
    Gone(String),
    /// The push service never takes this, and why.
    Refused(String),
    /// It may take it later, or after the time that it asked for, and why it did not.
    Later(Option<Duration>, String),
}

/// What sending gives an alert that notifies browsers: whom it tells, and who tells them. What became of it is noted here as it
/// comes, so that one browser that does not answer takes nothing from what is known of the others.
pub struct Round {
    /// The key that the server says who it is with, unless the alert has its own.
    pub key: ServerKey,
    /// Whom a push service may turn to, unless the alert says; empty for nobody.
    pub contact: String,
    /// The browsers.
    pub browsers: Vec<Browser>,
    came: Mutex<Came>,
}

/// What became of a message.
#[derive(Clone, Default, Debug)]
pub struct Came {
    /// It.
    pub message: Option<Message>,
    /// Of each browser that was heard of.
    pub of_each: Vec<(i64, Became)>,
}

impl Round {
    /// Nobody is told yet.
    pub fn new(key: ServerKey, contact: &str, browsers: Vec<Browser>) -> Arc<Round> {
        let contact = if contact.starts_with("https://") { contact.to_owned() } else { String::new() };
        Arc::new(Round { key, contact, browsers, came: Mutex::default() })
    }

    /// This is what they are told.
    pub fn tells(&self, message: &Message) {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).message = Some(message.clone());
    }

    /// Notes what became of it.
    pub fn note(&self, browser: i64, became: Became) {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).of_each.push((browser, became));
    }

    /// What is known by now; of whom nothing was heard, it may have arrived.
    pub fn came(&self) -> Came {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for browser in &self.browsers {
            if !came.of_each.iter().any(|(id, _)| *id == browser.id) {
                came.of_each.push((browser.id, Became::Later(None, "no answer in time".to_owned())));
            }
        }
        came
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round").field("browsers", &self.browsers).finish_non_exhaustive()
    }
}

impl PartialEq for Round {
    fn eq(&self, _: &Round) -> bool {
        // Whom it is told makes it no other notification.
        true
    }
}
