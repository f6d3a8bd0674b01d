//! Which processes of this machine are servers of a database.

use std::{io, path::Path};

use revere_model::{Clock as _, SystemClock};

use super::{Store, StoreError, sqlite::lock::LockFile};

impl Store {
    /// The process that has the SQLite file at `database`, if a server runs.
    pub fn server_of(database: &Path) -> io::Result<Option<u32>> {
        LockFile::holder(database)
    }

    /// The processes of this machine among the servers that share the database.
    pub async fn servers_of_this_machine(&self) -> Result<Vec<u32>, StoreError> {
        let now = self.clock().await?.map_or_else(|| SystemClock.now(), |clock| clock.now());
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let nodes = self.nodes().await?.into_iter().map(|(node, _)| node);
        let here = nodes.filter(|node| node.host == host && !node.is_silent(now));
        // A server's name begins with its process.
        Ok(here.filter_map(|node| node.name.split('-').next()?.parse().ok()).collect())
    }
}
