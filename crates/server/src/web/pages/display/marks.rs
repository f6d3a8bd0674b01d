//! States, severities and what became of deliveries: a shape, a word, a colour.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use askama::filters::HtmlSafe;
use revere_model::{Severity, State};

use crate::store::DeliveryStatus;

/// A state as people see it: a shape, a word, a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Badge {
    /// What a monitor is in.
    State(State),
    /// It is switched off: not the same as never having run, though both are `INACTIVE`.
    Paused,
}

/// A state's shape alone, where its word stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Mark(pub(in super::super) State);

/// A badge's shape alone, likewise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct BadgeMark(pub(in super::super) Badge);

/// How severe a problem is, where that is less than usual: everything is critical that nobody calls a warning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Severe(pub(in super::super) Option<Severity>);

/// What became of a delivery: a sign, a word, a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct Status(pub(in super::super) DeliveryStatus);

impl Badge {
    /// All, worst first.
    pub(in super::super) const ALL: [Badge; 5] = [
        Badge::State(State::Alarm),
        Badge::State(State::Error),
        Badge::State(State::Ok),
        Badge::State(State::Inactive),
        Badge::Paused,
    ];

    /// Its word, as it is shown and as addresses have it.
    pub(in super::super) fn word(self) -> &'static str {
        match self {
            Badge::State(state) => state.as_str(),
            Badge::Paused => "PAUSED",
        }
    }

    /// The state that it is shown for.
    pub(in super::super) fn state(self) -> State {
        match self {
            Badge::State(state) => state,
            Badge::Paused => State::Inactive,
        }
    }

    /// Its name in classes.
    pub(in super::super) fn class(self) -> &'static str {
        match self {
            Badge::State(state) => class(state),
            Badge::Paused => "paused",
        }
    }

    /// The state of a monitor that is switched on or off.
    pub(in super::super) fn of(state: State, active: bool) -> Badge {
        if state == State::Inactive && !active { Badge::Paused } else { Badge::State(state) }
    }
}

/// The name of a state in classes.
pub(in super::super) fn class(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Alarm => "alarm",
        State::Error => "error",
        State::Inactive => "inactive",
    }
}

/// The shape of a state, in a box of 16 by 16: a disc with a tick, a triangle, a square with a cross, a ring.
fn shape(state: State) -> &'static str {
    match state {
        State::Ok => "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm3.2 4.1L7 9.3 4.9 7.2 3.7 8.4 7 11.7l5.4-5.4z",
        State::Alarm => "M8 .8 15.6 15H.4zM7.1 6l.3 4.4h1.2L8.9 6zM8 11.4a.95.95 0 1 0 0 1.9.95.95 0 0 0 0-1.9z",
        State::Error => {
            "M2 1h12a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V2a1 1 0 0 1 1-1zm3.3 3.1L4.1 5.3 6.8 8l-2.7 2.7 1.2 1.2L8 9.2l2.7 2.7 1.2-1.2L9.2 8l2.7-2.7-1.2-1.2L8 6.8z"
        }
        State::Inactive => "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 1.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8z",
    }
}

/// Two bars in a ring.
const PAUSE: &str = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 1.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8zM5.6 5.3h1.6v5.4H5.6zM8.8 5.3h1.6v5.4H8.8z";

/// A shape as a picture.
struct Drawn(&'static str);

impl Display for Drawn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d="{}"/></svg>"#,
            self.0
        )
    }
}

impl FromStr for Badge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Badge::ALL.into_iter().find(|badge| badge.word().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("{text:?} is not a state; these are OK, ALARM, ERROR, INACTIVE and PAUSED"))
    }
}

impl Display for BadgeMark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Badge::State(state) => Mark(state).fmt(f),
            Badge::Paused => Drawn(PAUSE).fmt(f),
        }
    }
}

impl Display for Mark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Drawn(shape(self.0)).fmt(f)
    }
}

impl Display for Badge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Badge::State(state) => {
                write!(f, r#"<span class="state state-{}">{}{state}</span>"#, class(state), Mark(state))
            }
            Badge::Paused => {
                write!(f, r#"<span class="state state-inactive">{}PAUSED</span>"#, Drawn(PAUSE))
            }
        }
    }
}

impl Display for Severe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Severity::Warning) => f.write_str(r#" <span class="tag severity">warning</span>"#),
            Some(Severity::Critical) | None => Ok(()),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (class, sign) = match self.0 {
            DeliveryStatus::Sent => ("good", "✓"),
            DeliveryStatus::Owed => ("warn", "…"),
            DeliveryStatus::Failed => ("bad", "✕"),
            DeliveryStatus::Cancelled => ("dim", "–"),
        };
        write!(f, r#"<span class="word {class}">{sign} {}</span>"#, self.0.word())
    }
}

impl HtmlSafe for Badge {}
impl HtmlSafe for Mark {}
impl HtmlSafe for BadgeMark {}
impl HtmlSafe for Severe {}
impl HtmlSafe for Status {}
