//! One of the two databases of a move, whichever engine it is of.

use tokio::sync::mpsc;

use super::{
    MoveError,
    rows::{Row, Sequences, Table},
};
use crate::store::{DatabasePlace, postgres::moving::PostgresSide, sqlite::moving::FileSide};

/// One of the two.
pub(super) enum Side {
    File(FileSide),
    Server(PostgresSide),
}

macro_rules! each {
    ($side:expr, $it:ident => $what:expr) => {
        match $side {
            Side::File($it) => $what,
            Side::Server($it) => $what,
        }
    };
}

impl Side {
    /// What is to be moved, kept as it is.
    pub(super) async fn source(place: &DatabasePlace) -> Result<Side, MoveError> {
        Ok(match place {
            DatabasePlace::File(path) => Side::File(FileSide::source(path).await?),
            DatabasePlace::Server(address) => Side::Server(PostgresSide::source(address).await?),
        })
    }

    /// Where it is to go; and whether it is there already, as far as its name says.
    pub(super) async fn target(place: &DatabasePlace, instance: &str) -> Result<(Side, bool), MoveError> {
        Ok(match place {
            DatabasePlace::File(path) => (Side::File(FileSide::target(path).await?), false),
            DatabasePlace::Server(address) => {
                let (side, is_copy) = PostgresSide::target(address, instance).await?;
                (Side::Server(side), is_copy)
            }
        })
    }

    /// What tells this database apart.
    pub(super) async fn instance(&mut self) -> Result<String, sqlx::Error> {
        each!(self, side => side.instance().await)
    }

    /// Every table that is not an engine's own.
    pub(super) async fn tables(&mut self) -> Result<Vec<Table>, sqlx::Error> {
        each!(self, side => side.tables().await)
    }

    pub(super) async fn count(&mut self, table: &Table) -> Result<u64, sqlx::Error> {
        let rows = each!(self, side => side.count(table).await)?;
        Ok(rows.unsigned_abs())
    }

    /// Hands on every row, in the order of its key, until nobody wants any more.
    pub(super) async fn read(&mut self, table: &Table, send: mpsc::Sender<Vec<Row>>) -> Result<(), sqlx::Error> {
        each!(self, side => side.read(table, send).await)
    }

    /// Takes away what writing would have to look after row by row.
    pub(super) async fn make_room(&mut self) -> Result<(), sqlx::Error> {
        each!(self, side => side.make_room().await)
    }

    pub(super) async fn write(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), sqlx::Error> {
        each!(self, side => side.write(table, rows).await)
    }

    /// Puts back what [`Side::make_room`] took away, which looks at all that was written. Answers a table where a row refers to
    /// one that is not there, and of which.
    pub(super) async fn put_in_order(&mut self) -> Result<Option<(String, String)>, sqlx::Error> {
        each!(self, side => side.put_in_order().await)
    }

    /// The last number that each table has given a row.
    pub(super) async fn sequences(&mut self) -> Result<Sequences, sqlx::Error> {
        each!(self, side => side.sequences().await)
    }

    /// Has the next row of each table get a greater number.
    pub(super) async fn go_on_after(&mut self, sequences: &Sequences) -> Result<(), sqlx::Error> {
        each!(self, side => side.go_on_after(sequences).await)
    }

    /// Servers that ended without a word.
    pub(super) fn silent(&self) -> Vec<String> {
        match self {
            Side::File(_) => Vec::new(),
            Side::Server(side) => side.silent.clone(),
        }
    }

    /// Lets go of what was moved.
    pub(super) async fn let_go(self) {
        each!(self, side => side.let_go().await);
    }

    /// Makes what was written durable, and seen.
    pub(super) async fn finish(self) -> Result<(), MoveError> {
        each!(self, side => side.finish().await)
    }

    /// Leaves nothing of what was written.
    pub(super) async fn throw_away(self) {
        each!(self, side => side.throw_away().await);
    }
}
