//! Who asks for an operation: a plain value, to be written down beside what was done.

use std::{
    fmt::{self, Display, Formatter},
    net::IpAddr,
};

use jiff::Timestamp;

use super::{
    operations::Operation,
    rights::{Denial, Rights},
};
use crate::ids::{SessionId, TokenId, UserId};

/// Who asks, by which door they came, from where, and which of their requests this is. Log and audit say so of every change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Who it is.
    pub who: Who,
    /// The way in.
    pub door: Door,
    /// Where they ask from, if it is another program that asks.
    pub address: Option<IpAddr>,
    /// The id of the request, which its answer and the log hold too; empty where nothing was requested.
    pub request_id: String,
}

/// Who asks for something, when, and why: what whatever changes anything is told, and writes down with the change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Who, and from where.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why, in one line, if they say; else empty.
    pub note: String,
}

/// Who someone is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// Someone who has not said so, where one has to.
    Stranger,
    /// Anybody at all: nobody has to say who they are.
    Everybody,
    /// A person who logged in.
    Person {
        /// Which one.
        id: UserId,
        /// What they are called.
        name: String,
        /// What they may do.
        rights: Rights,
        /// The session they are in; none where a proxy says with each request who it is of.
        session: Option<SessionId>,
    },
    /// A program with an API token.
    Token {
        /// Which one.
        id: TokenId,
        /// What it is called.
        name: String,
        /// Whose it is.
        owner: UserId,
        /// What its owner is called.
        owner_name: String,
        /// What it may do: never more than its owner.
        rights: Rights,
    },
    /// Somebody at a shell of the machine, who can read the database anyway.
    CommandLine,
    /// The server itself.
    Server,
}

/// A way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Someone at a page.
    Page,
    /// A program.
    Api,
    /// A shell.
    CommandLine,
    /// None: the server does it by itself.
    Inside,
}

impl Actor {
    /// The server, which does something by itself.
    pub fn server() -> Actor {
        Actor { who: Who::Server, door: Door::Inside, address: None, request_id: String::new() }
    }

    /// Somebody at a shell.
    pub fn command_line() -> Actor {
        Actor { who: Who::CommandLine, door: Door::CommandLine, address: None, request_id: String::new() }
    }
}

impl Asked {
    /// What the server does by itself.
    pub fn by_the_server(at: Timestamp) -> Asked {
        Asked { by: Actor::server(), at, note: String::new() }
    }

    /// What somebody at a shell asks for.
    pub fn at_a_shell(at: Timestamp) -> Asked {
        Asked { by: Actor::command_line(), at, note: String::new() }
    }

    /// The same, for this reason.
    #[must_use]
    pub fn because(self, note: &str) -> Asked {
        Asked { note: note.to_owned(), ..self }
    }
}

impl Who {
    /// What they may do; `Err` for a stranger, who may only what anyone may.
    pub fn rights(&self) -> Option<Rights> {
        match self {
            Who::Stranger => None,
            Who::Everybody | Who::CommandLine | Who::Server => Some(Rights::all()),
            Who::Person { rights, .. } | Who::Token { rights, .. } => Some(rights.clone()),
        }
    }

    /// Whether they may ask for an operation, as far as that is known without the monitor it is about.
    pub fn might(&self, operation: Operation) -> Result<(), Denial> {
        self.judge(operation, |rights| rights.might(operation))
    }

    /// Whether they may ask for an operation, whichever monitor it is about.
    pub fn may(&self, operation: Operation) -> Result<(), Denial> {
        self.judge(operation, |rights| rights.may(operation))
    }

    /// Whether they may ask for an operation on a monitor with these tags.
    pub fn may_with(&self, operation: Operation, tags: &[String]) -> Result<(), Denial> {
        self.judge(operation, |rights| rights.may_with(operation, tags))
    }

    fn judge(&self, operation: Operation, by: impl FnOnce(&Rights) -> Result<(), Denial>) -> Result<(), Denial> {
        const ALL: Rights = Rights::all();
        match self {
            Who::Stranger if operation.least().is_none() => Ok(()),
            Who::Stranger => Err(Denial::NotLoggedIn(operation)),
            Who::Everybody | Who::CommandLine | Who::Server => by(&ALL),
            Who::Person { rights, .. } | Who::Token { rights, .. } => by(rights),
        }
    }

    /// The one spelling of what kind of actor it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Who::Stranger => "stranger",
            Who::Everybody => "everybody",
            Who::Person { .. } => "person",
            Who::Token { .. } => "token",
            Who::CommandLine => "command_line",
            Who::Server => "server",
        }
    }

    /// What they are called, if they have a name; a token by its own.
    pub fn name(&self) -> Option<&str> {
        match self {
            Who::Person { name, .. } | Who::Token { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The id of the person or the token.
    pub fn id(&self) -> Option<i64> {
        match self {
            Who::Person { id, .. } => Some(id.0),
            Who::Token { id, .. } => Some(id.0),
            _ => None,
        }
    }
}

impl Display for Who {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Who::Person { name, .. } => write!(f, "{name}"),
            Who::Token { name, owner_name, .. } => write!(f, "token {name} of {owner_name}"),
            other => f.write_str(other.kind()),
        }
    }
}

impl Door {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Door::Page => "page",
            Door::Api => "api",
            Door::CommandLine => "command_line",
            Door::Inside => "inside",
        }
    }
}

impl Display for Door {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
