//! Alerts: how people are told. One file in `channels/` is one kind.
//!
//! A channel only sends. What is owed to whom, wording, retries and the record of it live above the trait, once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, State};
use serde::{Deserialize, Serialize};

use crate::{
    settings::{Fault, Field, Settings},
    sources::Surroundings,
};

/// A way of telling someone.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Sends one notification, once, within `timeout`. Retrying is the caller's.
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError>;
}

/// What an alert tells. Kept with the delivery, so that a late one says what was true then.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// Whose state changed.
    pub monitor: MonitorSummary,
    /// Before.
    pub old_state: State,
    /// After.
    pub new_state: State,
    /// The run's message.
    pub message: String,
    /// The run's value.
    pub return_value: Option<ReturnValue>,
    /// The tick that found it; `None` where a person caused the change.
    pub tick_at: Option<Timestamp>,
    /// When that run began.
    pub started_at: Option<Timestamp>,
    /// The same for every attempt at the same thing: receivers drop what they have seen.
    pub key: String,
    /// Whether this is only a test of the alert.
    pub test: bool,
}

/// The monitor, as a receiver sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MonitorSummary {
    /// Its id.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// Its page, absolute where the server knows its own address.
    pub url: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// What the receiver said when it took the notification: kept in the delivery log, short.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receipt {
    /// The receiver's words, for instance `200 OK` or a message id.
    pub reply: String,
}

/// The notification was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What happened, with the receiver's words, without secrets.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
}

/// Whether trying again can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The receiver will never take this: a wrong address, a wrong key.
    Never,
    /// It may work later.
    Later,
    /// The receiver said when.
    After(Duration),
}

/// A kind of channel.
pub struct ChannelKind {
    /// Its names in the configuration; the first is the one to show.
    pub names: &'static [&'static str],
    /// What it is, for the documentation, in a sentence.
    pub doc: &'static str,
    /// What it needs.
    pub fields: &'static [Field],
    /// Makes one. Contacts nothing.
    pub build: fn(&str, &Settings, &Surroundings) -> Result<Arc<dyn Channel>, Vec<Fault>>,
}
