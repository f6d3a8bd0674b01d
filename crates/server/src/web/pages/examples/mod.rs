//! Monitors to begin with. Each runs on any server, with nothing configured, and shows one idea.

mod of_sources;

use crate::operations::{Context, sources};

/// An example.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Example {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) schedule: &'static str,
    pub(super) tags: String,
    pub(super) script: String,
    /// Whether it asks a source that is configured, and has places to fill in.
    pub(super) of_source: bool,
}

/// So many sources have examples; who has more knows how it goes.
const SOURCES: usize = 6;

/// Those made of the configured sources, then those that need nothing, in the order of their lesson.
pub(super) async fn all(context: &Context) -> Vec<Example> {
    // Whoever may not see the sources, or asks while they cannot be described, has the others.
    let sources = sources::list(context, false).await.unwrap_or_default();
    let of_sources = sources.iter().take(SOURCES).flat_map(of_sources::of);
    of_sources.chain(plain()).collect()
}

/// Those that need nothing.
pub(super) fn plain() -> Vec<Example> {
    let example = |slug: &str, name: &str, description: &str, schedule: &'static str, script: &str| Example {
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        schedule,
        tags: "example".to_owned(),
        script: script.to_owned(),
        of_source: false,
    };
    vec![
        example(
            "queue",
            "Mail queue length",
            "A value and a threshold: the seed of every monitor.",
            "* * * * *",
            include_str!("queue.py"),
        ),
        example(
            "trend",
            "Sudden drop",
            "Compares with what the last run left in return_value.",
            "*/2 * * * *",
            include_str!("trend.py"),
        ),
        example(
            "last-week",
            "Same hour last week",
            "Compares with its own runs of a week ago, and draws the threshold.",
            "*/10 * * * *",
            include_str!("last_week.py"),
        ),
        example(
            "business-hours",
            "Backup is recent",
            "Judges by the clock and says what to do.",
            "*/5 * * * *",
            include_str!("backup.py"),
        ),
    ]
}

/// The example of that slug.
pub(super) async fn find(context: &Context, slug: &str) -> Option<Example> {
    all(context).await.into_iter().find(|example| example.slug == slug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use revere_model::Schedule;
    use revere_sandbox::{MethodDescription, SourceDescription};

    use super::*;
    use crate::{operations::sources::SourceReport, sources::source_health::SourceHealth};

    /// A source of that type with these methods.
    fn source(kind: &str, methods: &[&str]) -> SourceReport {
        let method = |name: &&str| MethodDescription {
            name: (*name).to_owned(),
            signature: "()".to_owned(),
            doc: String::new(),
        };
        let methods = methods.iter().map(method).collect();
        SourceReport {
            name: "a 'b'".to_owned(),
            description: SourceDescription { kind: kind.to_owned(), description: String::new(), methods },
            place: None,
            example_address: None,
            names_of: None,
            health: SourceHealth::default(),
            outage: None,
        }
    }

    #[test]
    fn examples_have_schedules_that_come_and_slugs_that_differ() {
        let examples = plain();
        for example in &examples {
            assert!(Schedule::parse(example.schedule).is_ok(), "{}", example.slug);
        }
        let slugs: BTreeSet<&str> = examples.iter().map(|example| example.slug.as_str()).collect();
        assert_eq!(slugs.len(), examples.len());
    }

    #[test]
    fn each_kind_of_source_has_its_own_with_its_name_filled_in() {
        for (kind, methods, names) in [
            ("database", &["execute"][..], &["a 'b': number of rows", "a 'b': heartbeat"][..]),
            ("prometheus", &["query", "query_range", "value"], &["a 'b': error ratio"]),
            ("graphite", &["get_datapoints", "get_sum"], &["a 'b': against last week"]),
            ("demo", &["names", "get_datapoints"], &["a 'b': against yesterday"]),
            ("http", &["get", "head"], &["a 'b': health and certificate"]),
            ("https", &["head"], &["a 'b': health and certificate"]),
            ("http", &["post"], &[]),
            ("command", &["weather"], &["a 'b': weather"]),
            ("command", &["*"], &[]),
            ("command", &[], &[]),
        ] {
            let examples = of_sources::of(&source(kind, methods));
            assert_eq!(examples.iter().map(|example| example.name.as_str()).collect::<Vec<_>>(), names);
            for example in examples {
                assert!(example.script.contains("sources[\"a 'b'\"]"), "{}", example.script);
                assert!(Schedule::parse(example.schedule).is_ok() && !example.script.contains("SOURCE"));
            }
        }
    }

    #[test]
    fn a_source_that_wants_a_whole_address_has_one_in_its_example() {
        let whole = |methods: &[&str]| SourceReport {
            example_address: Some("https://www.example.org/".to_owned()),
            ..source("http", methods)
        };
        let examples = of_sources::of(&whole(&["get", "head"]));
        assert_eq!(examples.len(), 1);
        let line = "page = sources[\"a 'b'\"].get(\"https://www.example.org/\")\n";
        assert!(examples[0].script.contains(line), "{}", examples[0].script);
        assert_eq!(of_sources::of(&whole(&["post"])), [], "what only sends something is nothing to begin with");
    }
}
