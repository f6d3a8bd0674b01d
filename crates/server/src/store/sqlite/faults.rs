//! What SQLite's result codes say that the caller can do.

use sqlx::{error::DatabaseError, sqlite::SqliteError};

use crate::store::database::faults::DbFault;

/// What a refusal says.
pub(in crate::store) fn fault(error: &SqliteError) -> Option<DbFault> {
    Some(match extended_code(error)? & 0xff {
        // Somebody else holds it: BUSY and LOCKED.
        5 | 6 => DbFault::Locked,
        // INTERRUPT, SCHEMA (it was changed under a prepared statement) and PROTOCOL.
        9 | 15 | 17 => DbFault::Passing,
        // FULL.
        13 => DbFault::Full,
        // PERM, READONLY, IOERR and CANTOPEN.
        3 | 8 | 10 | 14 => DbFault::Disk,
        // NOMEM.
        7 => DbFault::Memory,
        _ => DbFault::Refused,
    })
}

/// Whether there was no room on the disk for something that SQLite must make before it can even read: its log file and the
/// index of that. FULL, and what becomes of it there: IOERR_WRITE, IOERR_SHMSIZE and IOERR_SHMMAP.
pub(in crate::store) fn is_want_of_room(error: &SqliteError) -> bool {
    extended_code(error).is_some_and(|code| code & 0xff == 13 || [778, 4874, 5386].contains(&code))
}

fn extended_code(error: &SqliteError) -> Option<i32> {
    error.code()?.parse().ok()
}
