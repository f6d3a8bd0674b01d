//! The JSON API, one file per resource. Handlers only: what they ask is in [`super::operations`].

pub mod schedule;
