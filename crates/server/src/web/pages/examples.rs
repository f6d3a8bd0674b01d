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
        script: "import random\n\n\
            # A made-up queue. With a source configured, ask it instead:\n\
            # waiting = sources['mail'].execute('select count(*) from queue')[0][0]\n\
            waiting = random.randint(0, 60)\n\n\
            return_value = waiting\n\
            if waiting > 50:\n    raise MonitorFailure('%d mails are waiting' % waiting)\n",
    },
    Example {
        slug: "trend",
        name: "Sudden drop",
        description: "Compares with what the last run left in return_value.",
        schedule: "*/2 * * * *",
        tags: "example",
        script: "import math, random, time\n\n\
            # Visitors of a made-up site, with a rhythm.\n\
            visitors = int(500 + 300 * math.sin(time.time() / 600) + random.gauss(0, 40))\n\n\
            return_value = visitors\n\
            if previous and isinstance(previous.return_value, int):\n    \
            if visitors < previous.return_value / 2:\n        \
            raise MonitorFailure('from %d to %d visitors' % (previous.return_value, visitors))\n",
    },
    Example {
        slug: "business-hours",
        name: "Backup is recent",
        description: "Judges by the clock and says what to do.",
        schedule: "*/5 * * * *",
        tags: "example",
        script: "from datetime import datetime, timedelta, timezone\n\n\
            now = datetime.now(timezone.utc)\n\
            # A made-up backup at the full hour; ask a source for the real one.\n\
            last_backup = now.replace(minute=0, second=0)\n\
            age = now - last_backup\n\n\
            return_value = age.seconds // 60\n\
            if age > timedelta(minutes=50):\n    \
            raise MonitorFailure('the last backup is %d minutes old: look at the backup host' % return_value)\n",
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
