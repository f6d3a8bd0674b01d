//! What whoever asks may do, for programs that want to know before they do it.

use revere_model::{Denial, Operation, Rights};

use super::{Context, Failure};

/// The rights of whoever asks.
pub fn of_whoever_asks(context: &Context) -> Result<Rights, Failure> {
    context.may(Operation::SeeMonitors)?;
    let rights = context.actor().who.rights();
    rights.ok_or_else(|| Denial::NotLoggedIn(Operation::SeeMonitors).into())
}
