//! The pages as a browser without scripts sees them: links, forms, cookies. Scripts are tested in `tests/browser`.

mod alerts;
mod author;
pub(crate) mod browser;
mod chart;
mod guides;
mod history;
mod list;
mod live;
mod monitor;
mod mutes;
mod newcomers;
mod on_call;
mod ranges;
mod safety;
pub(crate) mod ugly;
mod versions;
