//! What is said of a name that nobody knows, be it a key of the configuration, a field of a body or a type: the nearest one
//! that is known, or all of them.

use super::shortened;

/// "unknown key 'usr'; did you mean 'url'? Known: ..."
pub fn unknown_name<'a>(what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = revere_model::nearest(given, known.iter().copied());
    let given = shortened(given);
    match near {
        Some(near) => format!("unknown {what} '{given}'; did you mean '{near}'?"),
        None if known.is_empty() => format!("unknown {what} '{given}'; none is known here"),
        None => format!("unknown {what} '{given}'; known: {}", known.join(", ")),
    }
}
