//! Whether the database can be used as it is, for whoever asks before a server does. Nothing of it is changed.

use super::{DatabasePlace, OpenError, Store, postgres, sqlite};

/// What was found where the database is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A database of this program.
    Current,
    /// One of an older version; the next start brings it up to date.
    Older,
    /// Nothing yet; the first start makes it.
    Nothing,
}

impl Store {
    /// Looks whether a database can be used by a server.
    pub async fn probe(place: &DatabasePlace) -> Result<Found, OpenError> {
        match place {
            DatabasePlace::File(path) => sqlite::probe::probe(path).await,
            DatabasePlace::Server(address) => postgres::probe::probe(address).await,
        }
    }
}
