//! What was written for each setting, as a checksum: enough to see what another reading of the file changed, and no place for
//! a secret to stay in.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Map, Value};

/// The settings that were written, each with a checksum of its value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WrittenSettings(BTreeMap<String, u64>);

impl WrittenSettings {
    pub(super) fn of(given: &Map<String, Value>) -> WrittenSettings {
        let checksum = |value: &Value| {
            let mut hasher = DefaultHasher::new();
            value.to_string().hash(&mut hasher);
            hasher.finish()
        };
        WrittenSettings(given.iter().map(|(name, value)| (name.clone(), checksum(value))).collect())
    }

    /// Takes what `other` has for these names.
    pub fn take(&mut self, names: &[String], other: &WrittenSettings) {
        for name in names {
            match other.0.get(name) {
                Some(checksum) => _ = self.0.insert(name.clone(), *checksum),
                None => _ = self.0.remove(name),
            }
        }
    }

    /// The names whose values differ, those that stand in one of the two alone among them.
    pub fn differing(&self, other: &WrittenSettings) -> Vec<String> {
        let mut names: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_changed_added_or_taken_out_differs() {
        let of = |given: Value| WrittenSettings::of(given.as_object().unwrap());
        let before = of(json!({"A": 1, "B": {"x": "secret"}, "C": true}));
        let after = of(json!({"A": 1, "B": {"x": "other"}, "D": null}));
        assert_eq!(before.differing(&after), ["B", "C", "D"]);
        assert_eq!(before.differing(&before.clone()), Vec::<String>::new());
        assert!(!format!("{before:?}").contains("secret"));
    }
}
