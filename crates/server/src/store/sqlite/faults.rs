//! What SQLite's result codes say that the caller can do.

/// Why the database could not do what it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum DbFault {
    /// Somebody else holds it: BUSY and LOCKED.
    Locked,
    /// It may be done a little later: INTERRUPT, SCHEMA (it was changed under a prepared statement) and PROTOCOL.
    Passing,
    /// The disk is full: FULL.
    Full,
    /// The disk or the file: PERM, READONLY, IOERR and CANTOPEN.
    Disk,
    /// There is no memory: NOMEM.
    Memory,
    /// It refuses what was asked.
    Refused,
}

/// Why the database could not do it, if the error is its own.
pub(in crate::store) fn fault(error: &sqlx::Error) -> Option<DbFault> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(match extended & 0xff {
        5 | 6 => DbFault::Locked,
        9 | 15 | 17 => DbFault::Passing,
        13 => DbFault::Full,
        3 | 8 | 10 | 14 => DbFault::Disk,
        7 => DbFault::Memory,
        _ => DbFault::Refused,
    })
}

/// Whether there was no room on the disk for something that SQLite must make before it can even read: its log file and the
/// index of that. FULL, and what becomes of it there: IOERR_WRITE, IOERR_SHMSIZE and IOERR_SHMMAP.
pub(in crate::store) fn is_want_of_room(error: &sqlx::Error) -> bool {
    let extended = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    extended.is_some_and(|code| code & 0xff == 13 || [778, 4874, 5386].contains(&code))
}
