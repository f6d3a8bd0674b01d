//! What a source or a channel may use of the program around it.

use crate::{outbound::Outbound, redact::Secrets};

/// Given to whatever is built from the configuration.
#[derive(Clone)]
pub struct BuildContext {
    /// The folder of the configuration file: relative paths count from it.
    pub folder: std::path::PathBuf,
    /// Takes secrets out of texts.
    pub secrets: Secrets,
    /// Asks over HTTP.
    pub outbound: Outbound,
}
