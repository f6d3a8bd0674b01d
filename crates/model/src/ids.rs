//! Row identifiers, one type each, so that a run can never be taken for a monitor.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// A monitor; never used again after a deletion.
    MonitorId,
    /// A recorded run. Ids grow with the order in which runs were committed.
    RunId,
    /// A change of a monitor's state.
    FlipId,
    /// One thing one alert owes.
    DeliveryId,
    /// A decision not to tell something.
    DecisionId,
    /// A mute: what is held back for a time.
    MuteId,
    /// A stretch of time in which a source was down.
    OutageId,
    /// Somebody in another one's place on call, for a time.
    OverrideId,
    /// A person who may come in.
    UserId,
    /// A time between log-in and log-out.
    SessionId,
    /// A key that a program comes in with.
    TokenId,
}
