//! Why a log-in at a provider did not succeed: for the log, and for whoever tried.

use std::fmt::{self, Display, Formatter};

/// A log-in that did not succeed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Why, for the log. May hold words of others, shortened.
    pub reason: String,
    /// What the person is told.
    pub told: Told,
}

/// What whoever tried is told. It gives nothing away that an attacker could use, and says what an honest person can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// That it did not succeed.
    Failed,
    /// That it was begun elsewhere, or too long ago.
    BeginAgain,
    /// That the provider cannot be reached, or not used.
    Unreachable,
    /// That they, or somebody at the provider, said no.
    Declined,
    /// That it takes an account of this domain.
    OfDomain(String),
    /// That they have no role here.
    NoRole,
    /// That somebody else has their name.
    NameTaken,
}

/// A reason is no longer.
const LONGEST: usize = 400;

impl Refused {
    /// A refusal of which its person is told what `told` says.
    pub fn new(reason: impl Into<String>, told: Told) -> Refused {
        // One line of a log, whatever others wrote.
        let reason: String = reason.into().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let reason = match reason.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &reason[..end]),
            None => reason,
        };
        Refused { reason, told }
    }

    /// The same, of somebody whom the provider calls `subject`.
    #[must_use]
    pub fn of(&self, subject: &str) -> Refused {
        let subject: String = subject.chars().take(100).collect();
        Refused::new(format!("{} (subject {subject:?})", self.reason), self.told.clone())
    }

    pub(super) fn failed(reason: impl Into<String>) -> Refused {
        Refused::new(reason, Told::Failed)
    }

    pub(super) fn stale(reason: impl Into<String>) -> Refused {
        Refused::new(reason, Told::BeginAgain)
    }

    /// The provider does not answer, or not as one that can be used.
    pub(super) fn unreachable(reason: impl Into<String>) -> Refused {
        Refused::new(reason, Told::Unreachable)
    }

    /// The provider sent an error in place of a code.
    pub(super) fn answered(error: &str) -> Refused {
        let told = match error {
            "access_denied" | "login_required" | "consent_required" | "interaction_required" => Told::Declined,
            _ => Told::Failed,
        };
        Refused::new(format!("the provider answered with the error {error:?}"), told)
    }

    /// What the person is told, of the provider called `name`.
    pub fn words(&self, name: &str) -> String {
        match &self.told {
            Told::Failed => {
                format!("the log-in with {name} did not succeed; begin again. If it goes on, the server's log says why")
            }
            Told::BeginAgain => format!(
                "this log-in was begun in another browser, or too long ago, or was used already; begin again with {name}"
            ),
            Told::Unreachable => format!("{name} cannot be used to log in now; the server's log says why"),
            Told::Declined => format!("the log-in was declined at {name}"),
            Told::OfDomain(domain) => {
                format!("it takes an account of {domain} to come in here; choose another one at {name}")
            }
            Told::NoRole => {
                format!("{name} knows you, but you have no role here; ask whoever runs this server for one")
            }
            Told::NameTaken => {
                "somebody else has your name here already; ask whoever runs this server to rename them".to_owned()
            }
        }
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
