//! What a source or a channel is made from.

use crate::{
    entry::Entry,
    outbound::Url,
    settings::{ConfigFault, Settings},
    surroundings::Surroundings,
};

/// One entry of the configuration, read by the fields of its kind, and the program around it.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its config.
    pub settings: &'a Settings,
    /// What it may use.
    pub surroundings: &'a Surroundings,
}

impl Setup<'_> {
    /// Something wrong with one field of the entry's config.
    pub fn fault(&self, field: &str, message: impl Into<String>) -> ConfigFault {
        ConfigFault::new(format!("{}['config']['{field}']", self.entry.place), message)
    }

    /// An address that is required or has a default.
    pub fn url(&self, field: &str) -> Url {
        Url::parse(self.settings.required_text(field)).expect("a Url field was parsed when the settings were read")
    }
}
