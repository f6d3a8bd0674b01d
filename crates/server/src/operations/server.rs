//! The servers that share a database, and the database: what each does, and how it is.

use revere_model::Operation;

use super::{Context, Failure, health};
use crate::store::{DatabaseFacts, Holding, KeptFor, Node};

/// The servers and their database.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerReport {
    /// The servers, the one that runs for the longest time first.
    pub servers: Vec<ServerState>,
    /// The database.
    pub database: DatabaseFacts,
    /// For how long monitors keep their history.
    pub history: Vec<KeptFor>,
    /// For how many days a deleted monitor is kept.
    pub deleted_days: u32,
    /// How the parts of this server are.
    pub health: health::Health,
}

/// One of the servers.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerState {
    /// What it says of itself.
    pub node: Node,
    /// What it holds.
    pub holding: Holding,
    /// Whether it answers now.
    pub is_this: bool,
    /// Whether it has said nothing for so long that it is gone, or cut off.
    pub is_silent: bool,
}

/// The servers and their database.
pub async fn look(context: &Context) -> Result<ServerReport, Failure> {
    let services = context.may(Operation::SeeServers)?;
    let (store, this, now) = (&services.store, services.engine.this_server(), context.now());
    let mut all = if store.is_shared() { store.nodes().await.map_err(Failure::Store)? } else { Vec::new() };
    match all.iter_mut().find(|(node, _)| node.name == this.name) {
        // It knows better than it wrote down some seconds ago.
        Some((node, _)) => node.clone_from(&this),
        None => all.push((this.clone(), store.holding(&this.name).await.map_err(Failure::Store)?)),
    }
    let state = |(node, holding): (Node, Holding)| ServerState {
        is_this: node.name == this.name,
        is_silent: node.is_silent(now),
        node,
        holding,
    };
    Ok(ServerReport {
        servers: all.into_iter().map(state).collect(),
        database: store.facts().await.map_err(Failure::Store)?,
        history: store.kept_for().await.map_err(Failure::Store)?,
        deleted_days: store.deleted_days(),
        health: health::look(context).await?,
    })
}
