//! Everything that a database holds, to another one of either engine.
//!
//! The copy is there as a whole, looked through row by row, or not at all: a file gets its name at the end, and PostgreSQL is
//! filled in one transaction. So whatever stops a move, the next one begins anew, and no server finds half of it. What is read
//! stays as it is and is kept from changing meanwhile. Rows go through in pieces, so that memory does not grow with history.
//!
//! It refuses to know which database a server uses: whoever runs it changes the configuration.

mod error;
pub(in crate::store) mod rows;
mod side;

use tokio::sync::mpsc;

pub use error::MoveError;
use rows::{Digest, Kept, Row, Table, TableSum};
use side::Side;

use super::{DatabasePlace, Store};

/// What a move is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MoveStep<'a> {
    /// Rows of a table are written: how many of how many.
    Copying(&'a str, u64, u64),
    /// Indexes are made of what was written.
    Indexing,
    /// Rows of a table are read again from where they were written.
    Checking(&'a str, u64, u64),
}

/// A table that was moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MovedTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of all of them, the same in either engine.
    pub checksum: String,
}

/// What came of a move.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Every table, as it is on both sides.
    pub tables: Vec<MovedTable>,
    /// Whether all of it was there already, from an earlier move.
    pub was_there: bool,
    /// Texts with something in them that the other engine keeps in no text, and now with U+FFFD in its place; numbers that are
    /// none.
    pub mended: u64,
    /// Servers that ended without a word, and would go on with the old database if they came back.
    pub silent: Vec<String>,
}

impl Store {
    /// Copies everything from one database to another, which must be empty, or not there yet, and looks at each row of the copy.
    /// Neither may be in use. May be tried again, however it was stopped.
    pub async fn move_everything(
        from: &DatabasePlace,
        to: &DatabasePlace,
        say: &mut (dyn FnMut(MoveStep<'_>) + Send),
    ) -> Result<Moved, MoveError> {
        let mut source = Side::source(from).await?;
        let instance = source.instance().await.map_err(|fault| MoveError::read(from, fault))?;
        let (mut target, is_copy) = Side::target(to, &instance).await?;
        let moved = match is_copy {
            true => compare((&mut source, from), (&mut target, to), say).await,
            false => copy((&mut source, from), (&mut target, to), say).await,
        };
        let silent = source.silent();
        source.let_go().await;
        match moved {
            Ok(moved) => {
                target.finish().await?;
                Ok(Moved { silent, ..moved })
            }
            Err(fault) => {
                target.throw_away().await;
                Err(fault)
            }
        }
    }
}

type At<'a> = (&'a mut Side, &'a DatabasePlace);

/// A table as each side has it, and how many rows the source has.
struct Both {
    source: Table,
    target: Table,
    rows: u64,
}

/// The tables of both, which have the same schema.
async fn tables(source: &mut At<'_>, target: &mut At<'_>) -> Result<Vec<Both>, MoveError> {
    let there = target.0.tables().await.map_err(|fault| MoveError::read(target.1, fault))?;
    let mut tables = Vec::new();
    for table in source.0.tables().await.map_err(|fault| MoveError::read(source.1, fault))? {
        // What else may be there is somebody else's.
        if let Some(there) = there.iter().find(|there| there.name == table.name) {
            let rows = source.0.count(&table).await.map_err(|fault| MoveError::read(source.1, fault))?;
            tables.push(Both { target: there.clone().like(&table)?, source: table, rows });
        }
    }
    Ok(tables)
}

async fn copy(
    mut source: At<'_>,
    mut target: At<'_>,
    say: &mut (dyn FnMut(MoveStep<'_>) + Send),
) -> Result<Moved, MoveError> {
    let written = |to: &DatabasePlace, fault| MoveError::write(to, fault);
    let tables = tables(&mut source, &mut target).await?;
    target.0.make_room().await.map_err(|fault| written(target.1, fault))?;
    let mut kept = Kept::by(target.1);
    let mut sums = Vec::new();
    for Both { source: table, target: there, rows } in &tables {
        say(MoveStep::Copying(&table.name, 0, *rows));
        let (send, receive) = mpsc::channel(2);
        let reading = source.0.read(table, send);
        let writing = write(&mut target, there, receive, &mut kept, |done| {
            say(MoveStep::Copying(&table.name, done, *rows));
        });
        let (read, sum) = tokio::join!(reading, writing);
        // A reader whom nobody listens to ends quietly.
        let sum = sum?;
        read.map_err(|fault| MoveError::read(source.1, fault))?;
        sums.push(sum);
    }
    say(MoveStep::Indexing);
    if let Some((table, parent)) = target.0.put_in_order().await.map_err(|fault| written(target.1, fault))? {
        return Err(MoveError::Orphan { table, parent });
    }
    let sequences = source.0.sequences().await.map_err(|fault| MoveError::read(source.1, fault))?;
    target.0.go_on_after(&sequences).await.map_err(|fault| written(target.1, fault))?;
    let mut moved = Vec::new();
    for (Both { target: table, .. }, expected) in tables.iter().zip(sums) {
        let found = sum(&mut target, table, None, say).await?;
        if found != expected {
            return Err(MoveError::Differs { table: table.name.clone(), expected: expected.rows, found: found.rows });
        }
        moved.push(found.of(table));
    }
    Ok(Moved { tables: moved, was_there: false, mended: kept.mended, silent: Vec::new() })
}

/// Where the target has a copy of this very database: whether it is the same still.
async fn compare(
    mut source: At<'_>,
    mut target: At<'_>,
    say: &mut (dyn FnMut(MoveStep<'_>) + Send),
) -> Result<Moved, MoveError> {
    let tables = tables(&mut source, &mut target).await?;
    let mut kept = Kept::by(target.1);
    let mut moved = Vec::new();
    for Both { source: table, target: there, .. } in &tables {
        let expected = sum(&mut source, table, Some(&mut kept), say).await?;
        let found = sum(&mut target, there, None, say).await?;
        if found != expected {
            let (place, table) = (target.1.to_string(), table.name.clone());
            return Err(MoveError::EarlierCopy { place, table });
        }
        moved.push(found.of(table));
    }
    Ok(Moved { tables: moved, was_there: true, mended: kept.mended, silent: Vec::new() })
}

/// Writes what comes; answers what was written.
async fn write(
    target: &mut At<'_>,
    table: &Table,
    mut receive: mpsc::Receiver<Vec<Row>>,
    kept: &mut Kept,
    mut done: impl FnMut(u64),
) -> Result<TableSum, MoveError> {
    let mut digest = Digest::default();
    while let Some(mut rows) = receive.recv().await {
        for row in &mut rows {
            kept.put(row);
            digest.add(row);
        }
        target.0.write(table, rows).await.map_err(|fault| MoveError::write(target.1, fault))?;
        done(digest.rows());
    }
    Ok(digest.sum())
}

/// What a table holds; as another engine would keep it, where that is asked for.
async fn sum(
    side: &mut At<'_>,
    table: &Table,
    mut kept: Option<&mut Kept>,
    say: &mut (dyn FnMut(MoveStep<'_>) + Send),
) -> Result<TableSum, MoveError> {
    let fault = |fault| MoveError::read(side.1, fault);
    let all = side.0.count(table).await.map_err(fault)?;
    let (send, mut receive) = mpsc::channel::<Vec<Row>>(2);
    let reading = side.0.read(table, send);
    let adding = async {
        let mut digest = Digest::default();
        while let Some(mut rows) = receive.recv().await {
            for row in &mut rows {
                if let Some(kept) = kept.as_deref_mut() {
                    kept.put(row);
                }
                digest.add(row);
            }
            say(MoveStep::Checking(&table.name, digest.rows(), all));
        }
        digest.sum()
    };
    let (read, sum) = tokio::join!(reading, adding);
    read.map_err(fault)?;
    Ok(sum)
}
