//! What is said of a name that nobody knows, be it a key of the configuration, a field of a body or a type: the nearest one
//! that is known, or all of them.

use super::shortened;

/// "unknown key 'usr'; did you mean 'url'?", or else all that are known.
pub fn unknown_name<'a>(what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = revere_model::nearest(given, known.iter().copied());
    said(what, given, near, &known)
}

/// As [`unknown_name`], where some of the names begin with a word that people leave out, or put before others.
pub fn unknown_name_after<'a>(prefix: &str, what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let bare = |name: &'a str| name.strip_prefix(prefix).unwrap_or(name);
    // Without it: names that share a long beginning are near to each other by that alone. With it where it may be misspelt itself.
    let after = given.strip_prefix(prefix);
    let near = revere_model::nearest(after.unwrap_or(given), known.iter().map(|name| bare(name)));
    let near = near.and_then(|near| known.iter().copied().find(|name| bare(name) == near));
    let near = near.or_else(|| after.is_none().then(|| revere_model::nearest(given, known.iter().copied())).flatten());
    said(what, given, near, &known)
}

fn said(what: &str, given: &str, near: Option<&str>, known: &[&str]) -> String {
    let given = shortened(given);
    match near {
        Some(near) => format!("unknown {what} '{given}'; did you mean '{near}'?"),
        None if known.is_empty() => format!("unknown {what} '{given}'; none is known here"),
        None => format!("unknown {what} '{given}'; known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_without_the_word_it_begins_with_and_with_one_too_many() {
        let known = ["REVERE_SOURCES", "REVERE_ALERTS", "TIMEZONE", "SOURCE_OUTAGES"];
        let said = |given| unknown_name_after("REVERE_", "key", given, known.into_iter());
        for (given, meant) in [
            ("SOURCES", "REVERE_SOURCES"),
            ("SOURCE", "REVERE_SOURCES"),
            ("Alerts", "REVERE_ALERTS"),
            ("REVERE_SORCES", "REVERE_SOURCES"),
            ("REVRE_SOURCES", "REVERE_SOURCES"),
            ("REVERE_TIME_ZONE", "TIMEZONE"),
            ("REVERE_SOURCE_OUTAGES", "SOURCE_OUTAGES"),
        ] {
            assert_eq!(said(given), format!("unknown key '{given}'; did you mean '{meant}'?"));
        }
        for given in ["WORKERS", "REVERE_USERS", "REVERE_TLS"] {
            let said = said(given);
            assert!(said.ends_with("; known: REVERE_SOURCES, REVERE_ALERTS, TIMEZONE, SOURCE_OUTAGES"), "{said}");
        }
    }
}
