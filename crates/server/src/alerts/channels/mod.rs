//! The kinds of channel. To add one: a file here, a line in [`KINDS`], a section in docs/ALERTS.md; tests find what was
//! forgotten.

pub(super) mod campfire;
pub(super) mod command;
pub(super) mod email;
pub(super) mod log;
pub(super) mod python;
pub(super) mod sns;
pub(super) mod webhook;

use super::ChannelKind;

/// Every kind that has a name of its own, in the order of the documentation. A dotted name that is none of these is a
/// Python class; see [`python`].
pub static KINDS: &[ChannelKind] = &[log::KIND, webhook::KIND, email::KIND, sns::KIND, campfire::KIND, command::KIND];
