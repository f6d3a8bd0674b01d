//! Which rows of the monitors people are told of.

/// Where a row of `monitors m` is one that people are told of: a monitor that is not deleted, or what stands for a source.
pub(in crate::store) const IS_TOLD_OF: &str = "(m.deleted_at is null or m.source is not null)";
