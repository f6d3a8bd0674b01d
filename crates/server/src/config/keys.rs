//! Every name a configuration may set, once: reading, messages and docs/CONFIG.md come from this list.

use crate::settings::{Field, FieldKind};

/// One name of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name, what it holds, what it is for.
    pub field: Field,
    /// What counts while it is not set, in words.
    pub default: &'static str,
}

const fn key(name: &'static str, kind: FieldKind, default: &'static str, doc: &'static str) -> Key {
    Key { field: Field::optional(name, kind, doc), default }
}

/// The names, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key(
        "REVERE_SOURCES",
        FieldKind::Any,
        "no sources",
        "Where monitors get their data: a dict of name -> type, description, enabled, config. See SOURCES.md for the types.",
    ),
    key(
        "REVERE_ALERTS",
        FieldKind::Any,
        "nobody is told",
        "How people are told: a dict of name -> type, description, enabled, config. See ALERTS.md for the types.",
    ),
    key(
        "DATABASE_PATH",
        FieldKind::Text,
        "`revere.db`",
        "The SQLite file that holds everything Revere knows. A relative path counts from the folder of the configuration file. Made if it does not exist.",
    ),
    key(
        "SECRET_KEY",
        FieldKind::Secret,
        "made at the first start and kept beside the database, readable by its owner only",
        "Signs what browsers are given. Set it where several machines share one database.",
    ),
    key(
        "TIMEZONE",
        FieldKind::Text,
        "`UTC`",
        "IANA time zone in which the schedules of new monitors are read, such as `Europe/Berlin`.",
    ),
    key(
        "BASE_URL",
        FieldKind::Url,
        "the address the server listens on",
        "How people reach the server from outside; links in alerts begin with it.",
    ),
    key(
        "PYTHON_PATH",
        FieldKind::Texts,
        "no folders",
        "Folders whose `.py` files monitors may import. Read-only, and relative to the folder of the configuration file.",
    ),
    key(
        "DEFAULT_RETAIN_DAYS",
        FieldKind::Count,
        "28",
        "How many days the runs of a new monitor are kept; 0 keeps them for ever.",
    ),
    key("RUN_TIMEOUT", FieldKind::Seconds, "30", "Wall-clock seconds one run may take, waiting for sources included."),
    key("RUN_CPU_TIME", FieldKind::Seconds, "10", "Processor seconds one run may take."),
    key("RUN_MEMORY_MB", FieldKind::Count, "256", "MiB of memory one run may use, Python itself (about 20) included."),
    key("RUN_SOURCE_CALLS", FieldKind::Count, "1000", "How many source calls one run may make."),
    key("RUN_ANSWER_MB", FieldKind::Count, "32", "MiB the answer to one source call may have."),
    key("RUN_OUTPUT_KB", FieldKind::Count, "64", "KiB of printed output kept with a run."),
    key("RUN_MESSAGE_KB", FieldKind::Count, "8", "KiB of a run's message."),
    key("RUN_VALUE_KB", FieldKind::Count, "8", "KiB of a text `return_value`; longer ones are cut with a mark."),
    key(
        "MAX_RUNS_IN_FLIGHT",
        FieldKind::Count,
        "by the machine's memory",
        "How many runs may be under way at once, most of them waiting for a source. Others queue, and show as late.",
    ),
    key("RUN_THREADS", FieldKind::Count, "one for each processor", "How many threads execute Python."),
    key(
        "GOOGLE_APPS_DOMAIN",
        FieldKind::Text,
        "no login",
        "Accepted for the sake of existing files, with a warning: login by Google is not built yet, so keep the server on a loopback address or behind a proxy that asks who comes.",
    ),
];

/// Names that files of the original program may hold and that mean nothing here: said once as a warning.
pub const IGNORED: &[&str] = &[
    "DEBUG",
    "TESTING",
    "PROPAGATE_EXCEPTIONS",
    "PRESERVE_CONTEXT_ON_EXCEPTION",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SECURE",
    "PERMANENT_SESSION_LIFETIME",
    "USE_X_SENDFILE",
    "LOGGER_NAME",
    "SERVER_NAME",
    "APPLICATION_ROOT",
    "MAX_CONTENT_LENGTH",
    "SEND_FILE_MAX_AGE_DEFAULT",
    "TRAP_HTTP_EXCEPTIONS",
    "TRAP_BAD_REQUEST_ERRORS",
    "PREFERRED_URL_SCHEME",
    "JSON_AS_ASCII",
    "JSON_SORT_KEYS",
    "JSONIFY_PRETTYPRINT_REGULAR",
    "WTF_CSRF_ENABLED",
    "WTF_CSRF_SECRET_KEY",
    "SQLALCHEMY_ECHO",
    "SQLALCHEMY_RECORD_QUERIES",
    "SQLALCHEMY_NATIVE_UNICODE",
    "SQLALCHEMY_POOL_SIZE",
    "SQLALCHEMY_POOL_TIMEOUT",
    "SQLALCHEMY_POOL_RECYCLE",
    "SQLALCHEMY_MAX_OVERFLOW",
    "SQLALCHEMY_COMMIT_ON_TEARDOWN",
    "SQLALCHEMY_TRACK_MODIFICATIONS",
];

/// Names whose silent loss would surprise: refused with what to write instead.
pub const REFUSED: &[(&str, &str)] = &[
    (
        "SQLALCHEMY_DATABASE_URI",
        "Revere keeps its data in a SQLite file of its own: set DATABASE_PATH, and bring an old database along with `revere import FILE`",
    ),
    ("SQLALCHEMY_BINDS", "Revere keeps its data in one SQLite file of its own; take this out"),
    ("COOKIE_SECRET", "this is called SECRET_KEY here; rename it"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows that docs/CONFIG.md must hold.
    fn rows() -> String {
        KEYS.iter()
            .map(|Key { field, default }| {
                format!("| `{}` | {} | {default} | {} |\n", field.name, holds(field.name, field.kind), field.doc)
            })
            .collect()
    }

    fn holds(name: &str, kind: FieldKind) -> &'static str {
        match name {
            "REVERE_SOURCES" | "REVERE_ALERTS" => "a dict",
            _ => kind.expected(),
        }
    }

    #[test]
    fn every_key_is_documented_as_it_is() {
        let document = include_str!("../../../../docs/CONFIG.md");
        assert!(document.contains(&rows()), "docs/CONFIG.md must hold these rows:\n{}", rows());
        for (name, _) in REFUSED {
            assert!(document.contains(&format!("`{name}`")), "docs/CONFIG.md does not name {name}");
        }
    }

    #[test]
    fn no_name_is_in_two_lists() {
        let all: Vec<&str> = KEYS
            .iter()
            .map(|key| key.field.name)
            .chain(IGNORED.iter().copied())
            .chain(REFUSED.iter().map(|(name, _)| *name))
            .collect();
        for (index, name) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(name), "{name}");
        }
    }
}
