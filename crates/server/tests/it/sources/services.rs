//! Where `scripts/services` has started what.

use std::path::Path;

/// The value of `name`: from the environment, or from the file that `scripts/services up` writes.
pub(super) fn service(name: &str) -> String {
    if let Ok(value) = std::env::var(name) {
        return value;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-services/env");
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let found = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} is not set: run scripts/services up")).to_owned()
}

/// A name no other test uses, for a table or a metric.
pub(super) fn unique(stem: &str) -> String {
    format!("{stem}_{}", uuid::Uuid::new_v4().simple())
}
