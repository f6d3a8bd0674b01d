//! The two forms in which a [`Value`](crate::Value) is written: bytes for scripts, JSON for files and plug-ins.

mod json;
pub(crate) mod marshal;
#[cfg(test)]
pub(crate) mod strategy;

/// Deeper values are refused in both forms and on both sides, so no reader of them can run out of stack.
pub(crate) const MAX_DEPTH: usize = 100;
