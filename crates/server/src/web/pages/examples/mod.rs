//! Monitors to begin with. Each runs on any server, with nothing configured, and shows one idea.

/// An example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Example {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) schedule: &'static str,
    pub(super) tags: &'static str,
    pub(super) script: &'static str,
}

/// All of them, in the order of their lesson.
pub(super) const EXAMPLES: [Example; 3] = [
    Example {
        slug: "queue",
        name: "Mail queue length",
        description: "A value and a threshold: the seed of every monitor.",
        schedule: "* * * * *",
        tags: "example",
        script: include_str!("queue.py"),
    },
    Example {
        slug: "trend",
        name: "Sudden drop",
        description: "Compares with what the last run left in return_value.",
        schedule: "*/2 * * * *",
        tags: "example",
        script: include_str!("trend.py"),
    },
    Example {
        slug: "business-hours",
        name: "Backup is recent",
        description: "Judges by the clock and says what to do.",
        schedule: "*/5 * * * *",
        tags: "example",
        script: include_str!("backup.py"),
    },
];

/// The example of that slug.
pub(super) fn find(slug: &str) -> Option<Example> {
    EXAMPLES.into_iter().find(|example| example.slug == slug)
}

#[cfg(test)]
mod tests {
    use revere_model::Schedule;

    use super::*;

    #[test]
    fn examples_have_schedules_that_come_and_slugs_that_differ() {
        for example in EXAMPLES {
            assert!(Schedule::parse(example.schedule).is_ok(), "{}", example.slug);
            assert_eq!(find(example.slug), Some(example));
        }
    }
}
