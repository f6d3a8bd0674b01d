//! People, their sessions and tokens, and how often somebody failed to come in.
//!
//! Knows no password and no secret: what comes here is hashed already, and is compared by whoever asks or by the database.

mod administrators;
mod link_records;
mod links;
mod login_failures;
mod saved_filters;
mod second_factors;
mod sessions;
mod tokens;
mod users;

pub use administrators::WaysIn;
pub use link_records::Link;
pub use login_failures::{Attempt, failures_of_codes};
pub use saved_filters::SavedFilter;
pub use sessions::{NewSession, Session};
pub use tokens::{NewToken, Token};
pub use users::{Lookup, NewUser, User, UserChange};
