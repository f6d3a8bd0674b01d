//! Who may do what: roles, and the one table of what each operation needs.
//!
//! Decides only. Who someone is, and that nobody goes past this, is the business of those above.

mod operations;
mod rights;

pub use operations::{Concerns, Holders, Operation};
pub use rights::{Denial, ParseRoleError, Rights, Role, Scope};
