//! Who may do what: who asks, roles, the one table of what each operation needs, and what can be done as the audit has it.
//!
//! Decides only. Who someone is, and that nobody goes past this, is the business of those above.

mod actor;
mod acts;
mod operations;
mod rights;
mod roles;

pub use actor::{Actor, Asked, Door, Who};
pub use acts::{Act, ParseActError, ParseTargetError, Target, TargetKind};
pub use operations::{Concerns, Holders, Operation};
pub use rights::{Denial, Rights};
pub use roles::{ParseRoleError, Role, Scope};
