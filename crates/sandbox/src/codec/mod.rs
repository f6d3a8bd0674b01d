//! The two forms in which a [`Value`](crate::Value) is written: bytes for scripts, JSON for files and plug-ins.

mod json;
pub(crate) mod marshal;
#[cfg(test)]
pub(crate) mod strategy;

/// Deeper values are refused in both forms and on both sides, so no reader of them can run out of stack.
pub(crate) const MAX_DEPTH: usize = 100;

/// Whether a text is a whole number as both forms write one that is larger than 64 bits.
fn is_integer(digits: &str) -> bool {
    let digits = digits.strip_prefix('-').unwrap_or(digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
