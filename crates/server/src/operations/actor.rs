//! Who asks for an operation.

use std::fmt::{self, Display, Formatter};

/// Who asks: by which door they came, and which of their requests this is. The log says so of every change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The way in.
    pub door: Door,
    /// The id of the request, which its answer and the log hold too.
    pub request_id: String,
}

/// A way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Someone at a page.
    Page,
    /// A program.
    Api,
}

impl Display for Door {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Door::Page => "page",
            Door::Api => "api",
        })
    }
}
