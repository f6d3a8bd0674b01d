use std::path::Path;

use serde_json::json;

use super::*;
use crate::{building, outbound::Outbound, redact::Secrets};

fn context() -> BuildContext {
    let secrets = Secrets::default();
    BuildContext { folder: "/nowhere".into(), outbound: Outbound::new(secrets.clone()), secrets }
}

fn faults(config: serde_json::Value) -> Vec<String> {
    let (entries, faults) = building::read_entries("REVERE_SOURCES", &config);
    assert_eq!(faults, []);
    build_all(&entries, &context()).1.iter().map(ConfigFault::to_string).collect()
}

/// The one source of a configuration.
fn built(kind: &str, config: serde_json::Value) -> Arc<dyn Source> {
    let (entries, _) = building::read_entries("REVERE_SOURCES", &json!({"a": {"type": kind, "config": config}}));
    let (mut sources, faults) = build_all(&entries, &context());
    assert_eq!(faults, [], "{kind}");
    sources.remove("a").unwrap()
}

/// Every type by its samples, for a server at `url`.
fn samples(url: &str) -> Vec<(&'static SourceKind, &'static SourceSample, Arc<dyn Source>)> {
    let all = KINDS.iter().copied().flat_map(|kind| kind.samples.iter().map(move |sample| (kind, sample)));
    all.map(|(kind, sample)| {
        let config = serde_json::from_str(&sample.config.replace("{url}", url)).unwrap();
        (kind, sample, built(kind.names[0], config))
    })
    .collect()
}

/// The part of docs/SOURCES.md about a type.
fn section<'a>(docs: &'a str, kind: &SourceKind) -> &'a str {
    let names = kind.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let line = format!("\nTypes: {names}\n");
    let start = docs.find(&line).unwrap_or_else(|| panic!("docs/SOURCES.md has no section with the line{line}"));
    docs[start..].split("\n## ").next().unwrap()
}

/// A file that nobody registered would be a source that exists and cannot be configured.
#[test]
fn every_file_in_the_folder_is_registered_or_known_to_be_no_source() {
    const NO_SOURCES: &[&str] = &[
        "arguments",
        "child",
        "guarded",
        "http_server",
        "mod",
        "names",
        "python_json",
        "source_health",
        "tests",
        "time_arguments",
    ];
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".rs").or((!name.contains('.')).then_some(name.as_str())) else { continue };
        let registered = stem == "plugin" || KINDS.iter().any(|kind| kind.names.contains(&stem));
        assert!(registered || NO_SOURCES.contains(&stem), "sources/{name}: register it in KINDS");
    }
}

#[test]
fn every_type_and_every_method_is_documented() {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SOURCES.md")).unwrap();
    for (kind, _, source) in samples("http://h/") {
        let section = section(&docs, kind);
        let methods = source.methods();
        let has = |name: &str, parameters: &str| section.contains(&format!("`{name}{parameters}`"));
        // A program says itself what it has; until it was asked there is one method that stands for any.
        for method in methods.iter().filter(|method| method.name != "*") {
            let whole = |method: &MethodDescription| has(&method.name, &method.signature);
            // Of those with the same parameters one is written out.
            let mut same = methods.iter().filter(|other| other.signature == method.signature);
            let alike = has(&method.name, "(...)") && same.any(whole);
            let (kind, name, signature) = (kind.names[0], &method.name, &method.signature);
            assert!(whole(method) || alike, "docs/SOURCES.md lacks {kind}'s `{name}{signature}`");
        }
    }
    for name in PLUGIN.names {
        assert!(docs.contains(&format!("`{name}`")), "docs/SOURCES.md lacks {name}");
    }
}

#[test]
fn an_unknown_type_is_a_fault_with_the_nearest_known_one() {
    let found = faults(
        json!({"a": {"type": "grafite"}, "b": {"type": "revere.sources.grahpite.GraphiteSource"}, "c": {"type": "nagios"}}),
    );
    assert_eq!(
        found,
        [
            "REVERE_SOURCES['a']['type']: unknown source type 'grafite'; did you mean 'graphite'?",
            "REVERE_SOURCES['b']['type']: unknown source type 'revere.sources.grahpite.GraphiteSource'; did you mean 'revere.sources.graphite.GraphiteSource'?",
            "REVERE_SOURCES['c']['type']: unknown source type 'nagios'; known: graphite, database, prometheus, http, command, demo; a Python class of your own is written 'package.module.Class'",
        ]
    );
}

#[test]
fn every_fault_of_every_source_is_reported_at_once_without_secrets() {
    let found = faults(json!({
        "g": {"type": "graphite", "config": {"url": "graphite", "auth_password": "s3cret-one", "ca_file": "none.pem"}},
        "d": {"type": "database", "config": {"connection_string": "mysql://u:s3cret-two@h/d?s3cret-two=1", "max_rows": 0}},
        "h": {"type": "http", "config": {"methods": ["gte"], "headers": {"x y": "s3cret-three"}}},
        "l": {"type": "http", "config": {"base_url": "localhost:1"}},
        "off": {"type": "nonsense", "enabled": false},
    }));
    let all = found.join("\n");
    let of_one: Vec<_> = found.iter().filter(|fault| fault.contains("['l']")).collect();
    assert_eq!(of_one.len(), 1, "what is wrong is not missing as well: {of_one:?}");
    for part in [
        "REVERE_SOURCES['g']['config']['url']: expected an address",
        "REVERE_SOURCES['d']['config']['max_rows']: expected a whole number, 1 or more",
        "REVERE_SOURCES['d']['config']['connection_string']: '?[redacted]=' is not supported",
        "REVERE_SOURCES['h']['config']['base_url']: missing; expected this or 'allowed_hosts'",
        "REVERE_SOURCES['h']['config']['methods']: unknown method 'gte'; did you mean 'get'?",
        "REVERE_SOURCES['h']['config']['headers']['x y']: header \"x y\": no header can have this name",
    ] {
        assert!(all.contains(part), "{part}\nis not in\n{all}");
    }
    assert!(!all.contains("s3cret") && !all.contains("off"), "{all}");
}

#[test]
fn sources_are_built_without_contacting_anything() {
    let (entries, _) = building::read_entries(
        "REVERE_SOURCES",
        &json!({
            "g": {"type": "revere.sources.graphite.GraphiteSource", "description": "points", "config": {"url": "http://no-such-host.invalid/"}},
            "d": {"type": "revere.sources.database.DatabaseSource", "config": {"connection_string": "postgresql://u@no-such-host.invalid/d"}},
            "c": {"type": "command", "config": {"command": ["no-such-program"]}},
            "p": {"type": "mypackage.mymodule.MySource", "config": {"anything": [1, 2]}},
        }),
    );
    let (sources, faults) = build_all(&entries, &context());
    assert_eq!((sources.len(), faults), (4, vec![]));
    assert_eq!(sources["g"].methods()[0].signature, "(path, from_date=None, to_date=None)");
    assert_eq!(sources["p"].methods()[0].name, "*");
}

/// Where a source is stands on a page that everybody sees who may come in.
#[test]
fn the_place_of_a_source_says_where_it_is_and_no_secret() {
    for (kind, config, expected) in [
        ("graphite", json!({"url": "http://g.example:8080/below"}), Some("g.example:8080")),
        ("prometheus", json!({"url": "https://p.example/"}), Some("p.example")),
        ("http", json!({"base_url": "https://h.example/a"}), Some("h.example")),
        (
            "http",
            json!({"base_url": "https://h.example/", "allowed_hosts": ["a.example", "b.example"]}),
            Some("h.example and 2 more"),
        ),
        ("http", json!({"allowed_hosts": ["a.example"]}), Some("a.example")),
        (
            "database",
            json!({"connection_string": "postgresql://u:s3cret@db.example/shop"}),
            Some("postgresql at db.example:5432/shop"),
        ),
        ("database", json!({"connection_string": "sqlite://"}), Some("sqlite in memory")),
        ("command", json!({"command": ["/usr/bin/ask", "--token", "s3cret"]}), Some("/usr/bin/ask")),
        ("demo", json!({}), None),
    ] {
        assert_eq!(built(kind, config).place().as_deref(), expected, "{kind}");
    }
    for (kind, sample, source) in samples("https://host.example:8443") {
        if sample.config.contains("{url}") {
            assert_eq!(source.place().as_deref(), Some("host.example:8443"), "{}", kind.names[0]);
        }
    }
}
