//! The documentation has every field of every type.

use revere::{
    http_target,
    sources::{KINDS, PLUGIN},
};

use crate::support::field_tables;

#[test]
fn the_tables_of_fields_are_current() {
    let kinds = KINDS.iter().copied().map(|kind| (kind.names[0], kind)).chain([("a Python class", PLUGIN)]);
    let kinds = kinds.map(|(name, kind)| (name, field_tables::of_kind(kind.fields, kind.groups)));
    let groups = [&http_target::LOGIN, &http_target::SOURCE_CONNECTION]
        .map(|group| (group.heading, field_tables::of_fields(group.fields)));
    field_tables::assert_current("SOURCES.md", &kinds.chain(groups).collect::<Vec<_>>());
}
