//! The documentation of rotas and quiet hours knows every field, and its examples work.

use revere::{
    building::{HOURS_FIELDS, QUIET_HOURS_FIELDS, read_entries},
    on_call,
};

use crate::support::field_tables;

const DOCS: &str = include_str!("../../../../../docs/ON_CALL.md");

#[test]
fn the_tables_of_fields_are_current() {
    let tables = [
        ("a rota", on_call::FIELDS),
        ("a layer", on_call::LAYER_FIELDS),
        ("the hours of a layer", HOURS_FIELDS),
        ("quiet hours", QUIET_HOURS_FIELDS),
    ];
    let tables = tables.map(|(name, fields)| (name, field_tables::of_fields(fields)));
    field_tables::assert_current("ON_CALL.md", &tables);
}

/// Every block of Python on the page, run by the machine's own.
#[test]
fn every_example_is_a_configuration_without_faults() {
    for block in DOCS.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let program = format!("import json\n{block}\nprint(json.dumps(REVERE_ALERTS))");
        let output = std::process::Command::new("python3").args(["-c", &program]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (entries, mut faults) = read_entries("REVERE_ALERTS", &serde_json::from_slice(&output.stdout).unwrap());
        faults.extend(on_call::faults(&entries, &revere::redact::Secrets::default()));
        assert_eq!(faults, []);
    }
}
