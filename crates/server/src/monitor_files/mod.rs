//! Monitors as files: what `revere export` writes and `revere apply` reads.
//!
//! A file is one monitor, which is known by its name. What differs between a folder and a server is a plan, made without
//! changing anything; only then is it carried out, through the server's API.

mod folder;
mod format;
mod plan;
mod remote;

pub use folder::{Folder, StoredFile, file_stem, free_path, read_folder};
pub use format::{FileFault, MonitorFile};
pub use plan::{Change, Plan};
pub use remote::{Remote, RemoteError, RemoteMonitor};
