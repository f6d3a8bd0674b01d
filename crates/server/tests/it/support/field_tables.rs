//! The tables of fields in the documentation, written from the program's own lists.

use std::{fmt::Write, path::Path};

use revere::settings::{Field, FieldGroup};

/// The table of a kind: its own fields, and a row for each group it shares with others.
pub(crate) fn of_kind(fields: &[Field], groups: &[&FieldGroup]) -> String {
    let mut table = of_fields(fields);
    for group in groups {
        let names: Vec<String> = group.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let anchor = group.heading.to_lowercase().replace(' ', "-");
        writeln!(table, "| {} | see [{}](#{anchor}) | | |", names.join(", "), group.heading).unwrap();
    }
    table
}

/// The table of these fields.
pub(crate) fn of_fields(fields: &[Field]) -> String {
    let mut table = "| key | | expects | default |\n|---|---|---|---|\n".to_owned();
    for field in fields {
        let Field { name, doc, kind, absent } = field;
        writeln!(table, "| `{name}` | {doc} | {} | {} |", kind.expected(), absent.shown()).unwrap();
    }
    table
}

/// Asserts that `docs/{file}` holds each table, by its name, between the two marks for it. With `UPDATE` in the
/// environment they are written there first.
pub(crate) fn assert_current(file: &str, tables: &[(&str, String)]) {
    const END: &str = "<!-- end of fields -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    let committed = std::fs::read_to_string(&path).unwrap();
    let mut current = committed.clone();
    for (name, table) in tables {
        let mark = format!("<!-- fields of {name} -->\n");
        let begin = current.find(&mark).unwrap_or_else(|| panic!("docs/{file} lacks the line {mark}")) + mark.len();
        let end = begin + current[begin..].find(END).unwrap_or_else(|| panic!("docs/{file}: no {END} after {mark}"));
        current.replace_range(begin..end, table);
    }
    let marks = current.matches("<!-- fields of ").count();
    assert_eq!(marks, tables.len(), "docs/{file} has a table of something that is gone");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &current).unwrap();
        return;
    }
    assert!(
        committed == current,
        "the tables of fields in docs/{file} are not what the program has; if the change is meant, write them with\n    \
         UPDATE=1 cargo test -p revere --test it tables_of_fields\nand commit it"
    );
}
