//! The JSON API, one file per resource. Handlers only: what they ask is in [`super::operations`].

mod pagination;
mod schemas;

pub mod acknowledgements;
pub mod alert_preview;
pub mod alerts;
pub mod audit;
pub mod browsers;
pub mod check;
pub mod decisions;
pub mod deleted_monitors;
pub mod deliveries;
pub mod eval;
pub mod events;
mod monitor_fields;
mod monitor_schemas;
pub mod monitors;
pub mod mutes;
pub mod on_call;
pub mod overrides;
pub mod rights;
pub mod runs;
pub mod schedule;
pub mod server;
pub mod source_acknowledgements;
pub mod sources;
mod version_schemas;
pub mod versions;
pub mod who;
