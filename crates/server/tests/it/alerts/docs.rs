//! The documentation knows every kind and every field, and its examples work.

use revere::{
    alerts::{CHARTS, CROWDS, ChannelKind, KINDS, OWN_WORDS},
    http_target,
};

use crate::support::field_tables;

const DOCS: &str = include_str!("../../../../../docs/ALERTS.md");

/// The part of the page under `## kind`.
fn section(kind: &str) -> &'static str {
    let start =
        DOCS.find(&format!("\n## `{kind}`")).unwrap_or_else(|| panic!("docs/ALERTS.md has no section `{kind}`"));
    let rest = &DOCS[start + 1..];
    rest.split("\n## ").next().unwrap()
}

#[test]
fn every_kind_has_a_section_with_its_names_and_what_it_is() {
    for kind in KINDS {
        let section = section(kind.names[0]);
        for name in kind.names {
            assert!(section.contains(name), "{name} is not in its section");
        }
        assert!(section.contains(kind.doc), "the section of {} does not say: {}", kind.names[0], kind.doc);
    }
}

#[test]
fn the_tables_of_fields_are_current() {
    let kinds = KINDS.iter().map(|kind| (kind.names[0], field_tables::of_kind(kind.fields, kind.groups)));
    let groups = [&OWN_WORDS, &CHARTS, &CROWDS, &http_target::LOGIN, &http_target::CHANNEL_CONNECTION]
        .map(|group| (group.heading, field_tables::of_fields(group.fields)));
    field_tables::assert_current("ALERTS.md", &kinds.chain(groups).collect::<Vec<_>>());
}

/// Where there are crowds a repeat is said in any case.
#[test]
fn those_whose_receivers_know_no_repeats_are_listed() {
    let has_crowds = |kind: &ChannelKind| kind.all_fields().any(|field| field.name == "crowd_window");
    let unknowing = KINDS.iter().filter(|kind| !kind.knows_repeats && !has_crowds(kind));
    let names: Vec<String> = unknowing.map(|kind| format!("`{}`", kind.names[0])).collect();
    let list = format!("cannot know that by the key ({})", names.join(", "));
    assert!(DOCS.contains(&list), "docs/ALERTS.md does not say: {list}");
}

#[test]
fn every_section_is_of_a_kind() {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.names[0]).collect();
    let sections: Vec<&str> = DOCS.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    assert_eq!(sections, kinds);
}

/// Every block of Python on the page, run by the machine's own.
#[test]
fn every_example_is_a_configuration_without_faults() {
    // Every variable holds what will do for a key and for an address.
    let program = "import json, os, re, sys\n\
                   for name in re.findall(r\"environ\\['([A-Z_]+)'\", sys.argv[1]):\n    \
                   os.environ[name] = 'https://example.com/s3cret'\n\
                   for block in json.loads(sys.argv[1]):\n    exec(block)\n    print(json.dumps(REVERE_ALERTS))\n";
    let blocks: Vec<&str> = DOCS.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let output = std::process::Command::new("python3")
        .args(["-c", program, &serde_json::to_string(&blocks).unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), KINDS.len() + 2);
    for example in said.lines() {
        let example: serde_json::Value = serde_json::from_str(example).unwrap();
        for entry in example.as_object().unwrap().values() {
            super::channel(entry["type"].as_str().unwrap(), entry["config"].clone());
        }
    }
}
