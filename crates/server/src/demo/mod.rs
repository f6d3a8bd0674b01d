//! The demo: a little world, monitors that watch it, and weeks of history, so that a first look sees a living product.
//!
//! Everything real is real: the server, the sandbox, the sources and the alerts are those of every other server. Made up
//! are the numbers of the [`World`] and the past.

mod examples;
mod history;
mod orders;
mod past_deliveries;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use revere_model::Asked;
use serde_json::{Value, json};

use crate::{
    sources::demo::world::World,
    store::{Store, StoreError},
};

pub use examples::{EXAMPLES, Example};
pub use orders::{go_on as keep_orders_coming, make as make_orders};

/// The file of the shop's orders, in the demo's folder.
pub const ORDERS: &str = "orders.db";

/// What a configuration file of the demo would say, as `REVERE_SOURCES` and `REVERE_ALERTS`.
pub fn configuration(folder: &Path, address: &str, live_since: i64) -> (Value, Value) {
    let sources = json!({
        "graphite": {
            "type": "demo",
            "description": "A made-up Graphite: the web shop, its mail, its disks",
            "config": {"live_since": live_since},
        },
        "orders": {
            "type": "database",
            "description": "The shop's orders, read-only",
            "config": {"connection_string": format!("sqlite:///{}", folder.join(ORDERS).display())},
        },
        "revere": {
            "type": "http",
            "description": "This server itself",
            "config": {"base_url": address, "timeout": 5},
        },
        "warehouse": {
            "type": "database",
            "description": "Down, to show what that looks like",
            // The discard port: nobody has listened there for decades.
            "config": {"connection_string": "postgresql://revere@127.0.0.1:9/warehouse", "timeout": 2},
        },
    });
    let alerts = json!({
        "terminal": {
            "type": "log",
            "description": "Prints where the demo was started",
            "config": {"print": true},
        },
        "on-call": {
            "type": "webhook",
            "description": "Down for three days, to show what fails and what is tried again",
            "config": {"url": "http://127.0.0.1:9/on-call"},
        },
    });
    (sources, alerts)
}

/// Stores the example monitors with their history up to `now` and what was told of it; their next ticks come after `begin`.
/// Answers how many runs that were.
pub async fn fill(store: &Store, world: World, now: Timestamp, begin: Timestamp) -> Result<u64, StoreError> {
    let monitors = tokio::task::spawn_blocking(move || history::monitors(&world, now)).await;
    let monitors = monitors.expect("arithmetic on a made-up world does not panic");
    let stored = Arc::new(AtomicU64::new(0));
    let asked = Asked::at_a_shell(begin);
    store.import_told(monitors, past_deliveries::alerts(now, begin), &asked, stored.clone()).await?;
    Ok(stored.load(Ordering::Relaxed))
}
