//! The kinds of channel. To add one: a file here, a line in [`KINDS`], a section in docs/ALERTS.md; tests find what was
//! forgotten.

pub(super) mod apprise;
pub(super) mod campfire;
pub(super) mod command;
pub(super) mod discord;
pub(super) mod email;
pub(super) mod google_chat;
pub(super) mod gotify;
pub(super) mod incident_io;
pub(super) mod log;
pub(super) mod matrix;
pub(super) mod mattermost;
pub(super) mod ntfy;
pub(super) mod opsgenie;
pub(super) mod pagerduty;
pub(super) mod pushover;
pub(super) mod python;
pub(super) mod rocket_chat;
pub(super) mod slack;
pub(super) mod sns;
pub(super) mod teams;
pub(super) mod telegram;
pub(super) mod template;
pub(super) mod twilio;
pub(super) mod web_push;
pub(super) mod webhook;
pub(super) mod zulip;

use super::ChannelKind;

/// Every kind that has a name of its own, in the order of the documentation. A dotted name that is none of these is a
/// Python class; see [`python`].
pub static KINDS: &[ChannelKind] = &[
    log::KIND,
    webhook::KIND,
    email::KIND,
    slack::KIND,
    teams::KIND,
    discord::KIND,
    telegram::KIND,
    google_chat::KIND,
    mattermost::KIND,
    rocket_chat::KIND,
    zulip::KIND,
    matrix::KIND,
    campfire::KIND,
    ntfy::KIND,
    pushover::KIND,
    gotify::KIND,
    web_push::KIND,
    pagerduty::KIND,
    opsgenie::KIND,
    opsgenie::JIRA_KIND,
    incident_io::KIND,
    twilio::KIND,
    sns::KIND,
    apprise::KIND,
    template::KIND,
    command::KIND,
];
