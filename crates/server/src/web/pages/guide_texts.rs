//! The guides themselves: the documents of this very version.

/// A guide.
pub(super) struct Guide {
    /// The name of its file, and its address.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) title: &'static str,
    /// In Markdown.
    pub(super) text: &'static str,
}

macro_rules! guides {
    ($($name:literal $title:literal)*) => {
        /// All of them, for those who write monitors first.
        pub(super) const GUIDES: &[Guide] = &[$(Guide {
            name: $name,
            title: $title,
            text: include_str!(concat!("../../../../../docs/", $name)),
        },)*];
    };
}

guides! {
    "MONITORS.md" "Writing monitors"
    "SOURCES.md" "Sources"
    "ALERTS.md" "Alerts"
    "MUTES.md" "Mutes, acknowledgements, reminders"
    "ON_CALL.md" "On call"
    "API.md" "The API"
    "MONITORS_AS_FILES.md" "Monitors as files"
    "TAPES.md" "Replaying a run"
    "CONFIG.md" "Configuration"
    "ACCESS.md" "People and rights"
    "LOGIN.md" "Log-in by a provider"
    "OPERATIONS.md" "Running it"
    "POSTGRES.md" "Several servers"
    "SECURITY.md" "Security"
}

/// The one whose file has that name.
pub(super) fn named(name: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.name == name)
}
