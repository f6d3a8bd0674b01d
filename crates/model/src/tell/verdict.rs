//! What is decided about one alert and one monitor: told, or not told and why.

use std::{fmt, str::FromStr};

use super::Told;

/// What is to be done about one alert and one monitor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What is told from now on: to be stored in the same transaction, if it differs from what it was.
    pub told: Told,
    /// Whether people hear of it.
    pub verdict: Verdict,
}

/// Whether people hear of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They do: a delivery is owed.
    Owed,
    /// They do not, for this reason.
    Silent(Silence),
}

impl Verdict {
    /// The one spelling, for JSON and logs: `told`, or that of the reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Owed => "told",
            Verdict::Silent(why) => why.as_str(),
        }
    }

    /// The same as a sentence without its full stop.
    pub const fn words(self) -> &'static str {
        match self {
            Verdict::Owed => "it notifies of this",
            Verdict::Silent(why) => why.words(),
        }
    }
}

macro_rules! silences {
    ($(#[doc = $doc:literal] $silence:ident $word:literal $words:literal;)*) => {
        /// Why an alert does not tell something.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Silence {
            $(#[doc = $doc] $silence,)*
        }

        impl Silence {
            /// All of them.
            pub const ALL: &[Silence] = &[$(Silence::$silence,)*];

            /// The one spelling used in columns, JSON, URLs and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Silence::$silence => $word,)* }
            }

            /// The reason, as a sentence without its full stop.
            pub const fn words(self) -> &'static str {
                match self { $(Silence::$silence => $words,)* }
            }
        }
    };
}

silences! {
    /// People switched the alert off.
    SwitchedOff "switched_off" "the alert is switched off";
    /// The configuration has the alert switched off.
    OffInConfig "off_in_config" "the alert is switched off in the configuration";
    /// The monitor names the alerts that tell of it, and this is none of them.
    NotChosen "not_chosen" "other alerts are chosen for the monitor";
    /// The alert is for monitors with certain tags, and this has none of them.
    OtherTags "other_tags" "the alert is for monitors with other tags";
    /// The alert is for problems of another severity.
    OtherSeverity "other_severity" "the alert is for problems of another severity";
    /// The alert tells only what a rota has it tell.
    OnCallOnly "on_call_only" "it notifies only while whoever it reaches is on call";
    /// The alert does not tell this state.
    NotThisState "not_this_state" "the alert does not notify of this state";
    /// People heard just this last.
    ToldBefore "told_before" "it notified of this before";
    /// The problem that was told became less severe; its end will be told.
    LessSevere "less_severe" "it notified of something more severe before";
    /// The monitor was like this when it was not told, and nothing has happened since.
    PassedOver "passed_over" "nothing has changed since it was passed over";
    /// It ends nothing that was told, at least not since the alert was switched on.
    NothingToEnd "nothing_to_end" "it ends no problem that the alert notified of since it was switched on";
    /// It comes of an outage of a source, and the monitor waits for that.
    WaitsForSource "waits_for_source" "it waits for a source that is down; its first run after that notifies of what is left";
    /// A mute holds it.
    Muted "muted" "it is muted";
    /// The alert's quiet hours hold it.
    QuietHours "quiet_hours" "the alert's quiet hours hold it until they end";
    /// The monitor changes again and again; how that ends is told.
    Flapping "flapping" "the monitor changes its state again and again; it notifies of what is left when it is calm";
}

impl Silence {
    /// Whether the alert has nothing to do with this monitor or this problem: nobody who looks after that alert expects to
    /// read of it.
    pub const fn is_elsewhere(self) -> bool {
        matches!(
            self,
            Silence::OffInConfig
                | Silence::NotChosen
                | Silence::OtherTags
                | Silence::OtherSeverity
                | Silence::OnCallOnly
        )
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no reason not to tell.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no reason not to tell")]
pub struct ParseSilenceError(pub String);

impl FromStr for Silence {
    type Err = ParseSilenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Silence::ALL.iter().copied().find(|silence| silence.as_str() == text);
        found.ok_or_else(|| ParseSilenceError(text.to_owned()))
    }
}
