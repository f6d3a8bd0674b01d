//! Why nothing was moved, and what to do.

use std::{io, path::PathBuf};

use crate::store::{DatabasePlace, OpenError};

/// Nothing was moved: both databases are as they were.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is nothing to move.
    #[error("there is no database {0} to move; is it the one of the right configuration?")]
    Missing(String),
    /// A server has the source.
    #[error(
        "{place} is in use by {by}, and what is written there meanwhile would not come along; stop every server first, then move, \
         then start them with the new database (one that was killed is taken for gone after 30 s)"
    )]
    SourceInUse {
        /// The source.
        place: String,
        /// Who has it.
        by: String,
    },
    /// A server has the target.
    #[error("{place} is in use by {by}; name a database that nothing is in, or stop that one if it is the wrong one")]
    TargetInUse {
        /// The target.
        place: String,
        /// Who has it.
        by: String,
    },
    /// Its schema is an older one.
    #[error(
        "{place} has schema {found}, and this program's is {known}; start a server of this version on it once, which brings it up \
         to date, stop it, and move then"
    )]
    OlderSchema {
        /// The source.
        place: String,
        /// Its schema.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// There is a file of that name already; it is left alone.
    #[error("{0} exists already and was left as it is; name a file that is not there yet")]
    Exists(PathBuf),
    /// Something is in the target.
    #[error(
        "{place} holds data already (there are rows in `{table}`) and was left as it is; name a database that nothing is in, as made \
         by `createdb --encoding=UTF8 NAME`"
    )]
    HoldsData {
        /// The target.
        place: String,
        /// A table with rows.
        table: String,
    },
    /// It holds what was moved there before, and one of the two has changed.
    #[error(
        "{place} holds an earlier copy of this database, and they are not the same any more (in `{table}`): a server has used one of \
         them since. To go by that copy, use it as it is; to move anew, name a database that nothing is in"
    )]
    EarlierCopy {
        /// The target.
        place: String,
        /// Where they differ.
        table: String,
    },
    /// Source and target are one.
    #[error("{0} is the database that is to be moved; name another one")]
    Same(String),
    /// What was written is not what was read.
    #[error(
        "the copy of `{table}` is not what was read ({found} rows of {expected}); nothing was kept of it. Look at disks and memory of \
         both machines, then try again"
    )]
    Differs {
        /// The table.
        table: String,
        /// Rows that were read.
        expected: u64,
        /// Rows that were found.
        found: u64,
    },
    /// A row refers to one that is not there.
    #[error(
        "a row of `{table}` refers to one of `{parent}` that is not there, which a file does not allow; nothing was kept of the copy. \
         Take such rows out of the old database by hand, then try again"
    )]
    Orphan {
        /// Where it is.
        table: String,
        /// What it refers to.
        parent: String,
    },
    /// The two have other tables, although their schemas have the same number.
    #[error(
        "the column `{column}` of `{table}` is missing in one of the two databases; one of them was changed by hand"
    )]
    OtherColumns {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// One of them cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The source cannot be read.
    #[error("cannot read {place}; nothing was changed, try again once that is mended")]
    Read {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The target cannot be written.
    #[error("cannot write {place}; nothing was kept of the copy, try again once that is mended")]
    Write {
        /// The database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file cannot be made.
    #[error("cannot write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Whether it is there or not is not known.
    #[error(
        "the connection to {place} broke while the last word was said: the copy is there, whole, or not at all. Run the same command \
         again: it says which, and does what is left to do"
    )]
    Unanswered {
        /// The target.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl MoveError {
    pub(super) fn read(place: &DatabasePlace, source: sqlx::Error) -> MoveError {
        MoveError::Read { place: place.to_string(), source }
    }

    pub(super) fn write(place: &DatabasePlace, source: sqlx::Error) -> MoveError {
        MoveError::Write { place: place.to_string(), source }
    }
}
