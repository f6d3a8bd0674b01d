//! What a source or a channel is made from.

use crate::{
    building::{BuildContext, ConfiguredEntry},
    outbound::Url,
    settings::{ConfigFault, Settings},
};

/// One entry of the configuration, read by the fields of its kind, and the program around it.
#[derive(Clone, Copy)]
pub struct BuildInput<'a> {
    /// The entry.
    pub entry: &'a ConfiguredEntry,
    /// Its config.
    pub settings: &'a Settings,
    /// What it may use.
    pub context: &'a BuildContext,
}

impl BuildInput<'_> {
    /// Something wrong with one field of the entry's config.
    pub fn fault(&self, field: &str, message: impl Into<String>) -> ConfigFault {
        ConfigFault::new(format!("{}['config']['{field}']", self.entry.place), message)
    }

    /// An address that is required or has a default.
    pub fn url(&self, field: &str) -> Url {
        Url::parse(self.settings.required_text(field)).expect("a Url field was parsed when the settings were read")
    }
}
