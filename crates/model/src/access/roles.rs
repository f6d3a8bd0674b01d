//! What someone is here, and what a token may be cut down to.

use std::{fmt, str::FromStr};

/// What someone is here. Each may do what the one before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Sees everything but secrets, which nobody sees.
    Viewer,
    /// Makes, changes and tries monitors, and says which alert tells what.
    Editor,
    /// Says who may come in and do what.
    Administrator,
}

impl Role {
    /// From the least to the most.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Editor, Role::Administrator];

    /// The one spelling used in columns, arguments, configuration and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Editor => "editor",
            Role::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no role.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a role; the roles are viewer, editor and administrator")]
pub struct ParseRoleError(pub String);

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| ParseRoleError(text.to_owned()))
    }
}

/// What an API token is cut down to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Reading `/metrics`, and nothing else.
    Metrics,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 1] = [Scope::Metrics];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Metrics => "metrics",
        }
    }
}
