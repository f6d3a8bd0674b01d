//! How long the database took to answer at worst while servers were at work: by so much they may be wrong about its clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::task::JoinHandle;

/// Asks again and again as a server does that has just begun: by a new connection.
pub(super) struct Lateness {
    worst_us: Arc<AtomicI64>,
    asking: JoinHandle<()>,
}

impl Lateness {
    pub(super) fn watch(database: PgConnectOptions) -> Lateness {
        let worst_us = Arc::new(AtomicI64::new(0));
        let noted = worst_us.clone();
        let asking = tokio::spawn(async move {
            loop {
                let asked = Instant::now();
                // A database that is away gives no answer that anybody could be wrong about.
                if let Ok(mut connection) = database.connect().await {
                    if sqlx::query("select clock_timestamp()").execute(&mut connection).await.is_ok() {
                        noted.fetch_max(asked.elapsed().as_micros() as i64, Ordering::Relaxed);
                    }
                    let _ = connection.close().await;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Lateness { worst_us, asking }
    }

    pub(super) fn worst_us(&self) -> i64 {
        self.worst_us.load(Ordering::Relaxed)
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.asking.abort();
    }
}
