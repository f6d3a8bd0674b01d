//! How a transaction ends: committed, taken back, or, where a connection broke in the middle of the commit, as the database says
//! afterwards. Nothing is done again, and nobody is answered, before that is known.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Writer;
use crate::store::{
    StoreError,
    database::{
        self as db, DbConnection,
        faults::{self, DbFault},
    },
    postgres::commits::{Ended, Transaction},
};

impl Writer {
    /// Commits the open transaction.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        let connection = self.connection.as_mut().expect("a transaction was begun on it");
        let error = match db::query("commit").execute(connection).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        match self.transaction.take() {
            // What is refused is not done.
            Some(transaction) if !matches!(faults::fault(&error), Some(DbFault::Locked | DbFault::Refused)) => {
                self.read_back(&transaction, Arc::new(error)).await
            }
            _ => Err(error.into()),
        }
    }

    /// What became of a commit that was not answered, however long it takes to hear of it.
    async fn read_back(&mut self, transaction: &Transaction, error: Arc<sqlx::Error>) -> Result<(), StoreError> {
        self.failed(&error);
        let mut pause = Duration::from_millis(20);
        loop {
            match self.ended(transaction).await {
                Ok(Ended::Committed) => {
                    tracing::info!(?transaction, "a commit was not answered, and was done all the same");
                    return Ok(());
                }
                Ok(Ended::Aborted) => return Err(StoreError::Unavailable(error)),
                Ok(Ended::Not) => {}
                Err(error) => self.failed(&Arc::new(error)),
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn ended(&mut self, transaction: &Transaction) -> Result<Ended, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.options.connect().await?),
        };
        connection.ended(transaction).await
    }

    /// Takes back the open transaction, which ended with this; it may be gone already: the database ends it by itself after
    /// some faults.
    pub(super) async fn roll_back(&mut self, error: &StoreError) {
        if let StoreError::Unavailable(error) = error
            && !faults::leaves_a_connection(error)
        {
            // Nobody would hear it.
            self.connection = None;
        }
        // A connection with statements that no longer fit the schema would fail again and again: they are prepared anew
        // on another one.
        if self.connection.as_ref().is_some_and(DbConnection::is_spent) {
            self.connection = None;
        }
        if let Some(connection) = &mut self.connection {
            let _ = db::query("rollback").execute(connection).await;
        }
    }
}
