//! What people may be called.

use super::Refusal;

/// The longest name.
const MAX_NAME: usize = 60;

/// A name that somebody may have.
pub(super) fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let fault = if name.is_empty() {
        Some("a name is missing".to_owned())
    } else if name.chars().count() > MAX_NAME {
        Some(format!("the name has {} characters: {MAX_NAME} at most", name.chars().count()))
    } else if name.chars().any(|c| "\u{115f}\u{1160}\u{3164}\u{ffa0}".contains(c)) {
        Some("a name has no letter that cannot be seen".to_owned())
    } else if !name.chars().all(|c| c.is_alphanumeric() || " .-_@+'".contains(c)) {
        Some("a name is made of letters, digits, spaces and . - _ @ + '".to_owned())
    } else {
        None
    };
    match fault {
        None => Ok(name.to_owned()),
        Some(fault) => Err(Refusal::one("name", fault)),
    }
}
