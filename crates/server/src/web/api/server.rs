//! `/api/v1/server`: the servers that share a database, and the database.

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    operations::{
        Context,
        server::{self, ServerState},
    },
    store::KeptFor,
    web::{Problem, params::Params},
};

/// The servers and their database.
#[derive(Serialize, ToSchema)]
#[schema(as = Server)]
pub(crate) struct ServerView {
    /// The servers that share the database, the one that runs for the longest time first; one that ended without a word is
    /// listed for a day.
    servers: Vec<NodeView>,
    /// The database.
    database: DatabaseView,
    /// For how long monitors keep their history, the shortest time first.
    history: Vec<HistoryView>,
    /// For how many days a deleted monitor is kept with its history.
    deleted_days: u32,
    /// Whether whoever watches this server hears of it (`HEARTBEAT_URL`): `ok`, or what is wrong; null where none is configured.
    #[schema(required)]
    heartbeat: Option<String>,
}

/// A server.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerNode)]
pub(crate) struct NodeView {
    /// Its name in claims: another one at every start.
    name: String,
    /// The machine it runs on.
    host: String,
    /// Its version.
    version: String,
    /// Where it answers people.
    address: String,
    /// Since when it runs.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it last said that it does.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    /// Whether it has said nothing for half a minute: it is gone, or cut off. What it holds is taken over when its claims end.
    silent: bool,
    /// Whether it is the one that answers.
    this: bool,
    /// Runs that it recorded in the last minute.
    runs_per_minute: u64,
    /// Runs that it has claimed.
    claimed_runs: u64,
    /// Deliveries that it has claimed.
    claimed_deliveries: u64,
}

/// The database.
#[derive(Serialize, ToSchema)]
#[schema(as = Database)]
pub(crate) struct DatabaseView {
    /// `SQLite` or `PostgreSQL`.
    engine: &'static str,
    /// Its version.
    version: String,
    /// The number of the schema.
    schema: i64,
    /// How much room it takes on its disk.
    size_bytes: u64,
    /// For how many seconds the longest transaction goes on, as far as the user of `DATABASE_URL` may see; null on SQLite. While
    /// it does, dead rows stay, and claims get slower.
    #[schema(required)]
    oldest_transaction_s: Option<f64>,
    /// Dead versions of the rows that every run writes to; null on SQLite.
    #[schema(required)]
    dead_rows: Option<u64>,
}

/// For how long some monitors keep their history.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryKept)]
pub(crate) struct HistoryView {
    /// Days; null is for ever.
    #[schema(required)]
    retain_days: Option<u32>,
    /// How many monitors.
    monitors: u64,
}

/// See the servers
///
/// Every server that shares the database, with what it does and holds, and the database itself.
#[utoipa::path(
    get,
    path = "/api/v1/server",
    operation_id = "get_server",
    tag = "server",
    responses((status = 200, description = "The servers and their database.", body = ServerView))
)]
pub(crate) async fn get(context: Context, params: Params) -> Result<Json<ServerView>, Problem> {
    params.finish(())?;
    let report = server::look(&context).await?;
    let database = report.database;
    Ok(Json(ServerView {
        servers: report.servers.into_iter().map(NodeView::from).collect(),
        database: DatabaseView {
            engine: database.engine,
            version: database.version,
            schema: database.schema,
            size_bytes: database.bytes,
            oldest_transaction_s: database.oldest_transaction.map(|age| age.as_secs_f64()),
            dead_rows: database.dead_rows,
        },
        history: report
            .history
            .into_iter()
            .map(|KeptFor { days, monitors }| HistoryView { retain_days: days, monitors })
            .collect(),
        deleted_days: report.deleted_days,
        heartbeat: report.health.heartbeat.map(|heard| heard.map_or_else(|fault| fault, |()| "ok".to_owned())),
    }))
}

impl From<ServerState> for NodeView {
    fn from(state: ServerState) -> NodeView {
        NodeView {
            name: state.node.name,
            host: state.node.host,
            version: state.node.version,
            address: state.node.address,
            started_at: state.node.started_at,
            seen_at: state.node.seen_at,
            silent: state.is_silent,
            this: state.is_this,
            runs_per_minute: state.node.runs_a_minute,
            claimed_runs: state.holding.runs,
            claimed_deliveries: state.holding.deliveries,
        }
    }
}
