//! Every name a configuration may set, once: reading, messages and docs/CONFIG.md come from this list.

use crate::settings::{Field, FieldKind};

/// One name of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name, what it holds, what it is for.
    pub field: Field,
    /// What counts while it is not set, in words.
    pub default: &'static str,
    /// The least and the most a number may be; for seconds, of which some are always above zero, the most.
    pub bounds: Option<(u64, u64)>,
}

const fn key(name: &'static str, kind: FieldKind, default: &'static str, doc: &'static str) -> Key {
    Key { field: Field::optional(name, kind, doc), default, bounds: None }
}

impl Key {
    const fn within(self, least: u64, most: u64) -> Key {
        Key { bounds: Some((least, most)), ..self }
    }
}

/// The least and the most that the number `name` may be.
pub(super) fn bounds(name: &str) -> (u64, u64) {
    KEYS.iter().find(|key| key.field.name == name).and_then(|key| key.bounds).unwrap_or((0, u64::MAX))
}

/// A day.
const LONGEST_RUN: u64 = 86_400;

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
        "nobody is notified",
        "How people are notified: a dict of name -> type, description, enabled, config. See ALERTS.md for the types.",
    ),
    key(
        "DATABASE_PATH",
        FieldKind::Text,
        "`revere.db`",
        "The SQLite file that holds everything Revere knows. A relative path counts from the folder of the configuration file. Made if it does not exist.",
    ),
    key(
        "DATABASE_URL",
        FieldKind::Text,
        "SQLite, as `DATABASE_PATH` says",
        "The database of PostgreSQL that holds everything Revere knows, in the place of `DATABASE_PATH`, such as `postgresql://revere@db.example.org/revere?sslmode=verify-full`; any number of servers may share it. See POSTGRES.md.",
    ),
    key(
        "DATABASE_PASSWORD",
        FieldKind::Secret,
        "none, or the one in `DATABASE_URL`",
        "The password of `DATABASE_URL`, where that holds none: `FILE:/run/secrets/database`, for instance.",
    ),
    key(
        "CLAIM_MARGIN",
        FieldKind::Seconds,
        "30",
        "How many seconds longer than a run may take a server holds the tick that it claimed, where several share a database. What a server that is gone had in hand is run by another one after that; a result that comes later is refused.",
    )
    .within(5, 3_600),
    key(
        "SECRET_KEY",
        FieldKind::Secret,
        "log-in by a provider needs one",
        "What log-ins that are under way at a provider are signed with: a long random text that nobody else has, as `python3 -c \"import secrets; print(secrets.token_urlsafe(32))\"` makes it. With another one, only those log-ins are begun again.",
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
        "How people reach the server from outside; links in alerts begin with it. Where it is set, the server answers to its name, to names without a dot (`localhost`, a container) and to IP addresses, and to no other name.",
    ),
    key(
        "TLS_CERTIFICATE",
        FieldKind::Text,
        "plain HTTP",
        "PEM file of the certificate the server shows, and after it those that lead to its authority: with it the server speaks HTTPS. Taken up again when it changes. A relative path counts from the folder of the configuration file.",
    ),
    key(
        "TLS_KEY",
        FieldKind::Text,
        "plain HTTP",
        "PEM file of the private key of `TLS_CERTIFICATE`, without a password.",
    ),
    key(
        "FLAPPING_CHANGES",
        FieldKind::Count,
        "6",
        "So many changes of state of one monitor within an hour, and further ones are held back until nothing has changed for ten minutes; what is left is sent then. 0 holds nothing back. See MUTES.md.",
    )
    .within(0, 1000),
    key(
        "HEARTBEAT_URL",
        FieldKind::SecretUrl,
        "nobody is called",
        "An address that is called each minute while all is well, of a service that raises the alarm when no call comes. See OPERATIONS.md.",
    ),
    key(
        "OUTBOUND_REFUSES",
        FieldKind::Texts,
        "`['link-local', 'metadata']`",
        "Addresses that no source and no alert connects to, whoever asks and wherever a name or a redirect leads: `loopback`, `private`, `link-local`, `metadata` (where clouds hand out a machine's own keys), `multicast`, and networks such as `10.0.0.0/8`.",
    ),
    key(
        "OUTBOUND_ALLOWS",
        FieldKind::Texts,
        "no exceptions",
        "Addresses and networks that are connected to all the same.",
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
        "How many days the runs of a new monitor are kept, with its gaps and deliveries; 0 keeps them for ever.",
    )
    .within(0, 36_500),
    key(
        "KEEP_DELETED_DAYS",
        FieldKind::Count,
        "30",
        "How many days a monitor that is deleted from now on can be brought back with its history; then it goes for good. 0 keeps none.",
    )
    .within(0, 3_650),
    key("RUN_TIMEOUT", FieldKind::Seconds, "30", "Wall-clock seconds one run may take, waiting for sources included.")
        .within(0, LONGEST_RUN),
    key(
        "RUN_CPU_TIME",
        FieldKind::Seconds,
        "10",
        "Processor seconds one run may take, with what the server computes for its source calls.",
    )
    .within(0, LONGEST_RUN),
    key("RUN_MEMORY_MB", FieldKind::Count, "256", "MiB of memory one run may use, Python itself (about 30) included.")
        .within(32, 3072),
    key("RUN_SOURCE_CALLS", FieldKind::Count, "1000", "How many source calls one run may make.").within(0, 1_000_000),
    key("RUN_ANSWER_MB", FieldKind::Count, "32", "MiB the answer to one source call may have.").within(1, 1024),
    key("RUN_OUTPUT_KB", FieldKind::Count, "64", "KiB of printed output kept with a run.").within(1, 16_384),
    key("RUN_MESSAGE_KB", FieldKind::Count, "8", "KiB of a run's message.").within(1, 1024),
    key("RUN_VALUE_KB", FieldKind::Count, "8", "KiB of a text `return_value`; longer ones are cut with a mark.")
        .within(1, 1024),
    key(
        "MAX_RUNS_IN_FLIGHT",
        FieldKind::Count,
        "by the machine's memory",
        "How many runs may be under way at once, most of them waiting for a source. Others queue, and show as late.",
    )
    .within(1, 9_000),
    key(
        "ANSWERS_IN_FLIGHT_MB",
        FieldKind::Count,
        "a quarter of the machine's memory",
        "MiB the answers of all source calls may hold together while they come in. A call waits while all is taken, and one whose answer does not fit any more is no result of its monitor: it is shown as the server's own.",
    )
    .within(1, 1_048_576),
    key("RUN_THREADS", FieldKind::Count, "one for each processor", "How many threads execute Python.").within(1, 1024),
    key(
        "AUDIT_DAYS",
        FieldKind::Count,
        "400",
        "How many days it is kept who did what, when and from where, and what was refused to whom; 0 keeps it for ever. See ACCESS.md.",
    )
    .within(0, 36_500),
    key(
        "AUDIT_LOG",
        FieldKind::Text,
        "the database alone",
        "Where the same is written, too, as lines of JSON: a file that lines are added to, or `'stdout'`. A relative path counts from the folder of the configuration file.",
    ),
    Key {
        field: Field::optional(
            "SOURCE_OUTAGES",
            FieldKind::Bool,
            "Whether a source that is down is one message, in the place of one from each monitor that needs it; `False` has each monitor notify of its own `ERROR`. See SOURCES.md.",
        )
        .or_flag(true),
        default: "`True`",
        bounds: None,
    },
    Key {
        field: Field::optional(
            "METRICS_PER_MONITOR",
            FieldKind::Bool,
            "Whether `/metrics` has state, value and last run of each monitor, too: three series for each. See OPERATIONS.md.",
        )
        .or_flag(false),
        default: "`False`: monitors are counted by state",
        bounds: None,
    },
    Key {
        field: Field::optional(
            "LOCAL_USERS",
            FieldKind::Bool,
            "Whether people log in with a name and a password that Revere keeps. The first start then prints a link by which you become the administrator; see ACCESS.md.",
        )
        .or_flag(false),
        default: "`False`: nobody has to log in",
        bounds: None,
    },
    key(
        "ANYONE_MAY",
        FieldKind::Text,
        "nothing is said",
        "`'everything'` says in so many words that nobody has to log in although others can reach the address: anybody may then read and change all there is, and run scripts. Every page says so in red. Without it the server does not start on an address that others can reach unless people log in.",
    ),
    key(
        "TRUSTED_PROXIES",
        FieldKind::Texts,
        "nobody",
        "Proxies that are believed about who asked them (`X-Forwarded-For`), as addresses or networks such as `127.0.0.1` or `10.0.0.0/8`. Behind a proxy on this machine that is not named here, everybody seems to come from the proxy's address, and tries of all to log in are counted as one. Where `BASE_URL` is HTTPS and Revere speaks HTTP, a proxy on another machine that is not named here is refused.",
    ),
    key(
        "PROXY_USER_HEADER",
        FieldKind::Text,
        "nobody is believed",
        "The header in which a proxy of `TRUSTED_PROXIES` says who somebody is, such as `X-Forwarded-User` or `Remote-User`. From any other address it counts for nothing. See LOGIN.md.",
    ),
    key(
        "SESSION_IDLE_HOURS",
        FieldKind::Count,
        "24",
        "After so many hours in which nobody used it, a session is over and its person logs in again.",
    )
    .within(1, 720),
    key("SESSION_HOURS", FieldKind::Count, "168", "After so many hours a session is over in any case.").within(1, 8760),
    key(
        "GOOGLE_APPS_DOMAIN",
        FieldKind::Text,
        "no log-in by Google",
        "Everybody logs in with a Google account of this domain, and of no other: `example.com`. Needs the three settings `GOOGLE_CLIENT_ID`, `GOOGLE_CLIENT_SECRET` and `SECRET_KEY`; see LOGIN.md.",
    ),
    key("GOOGLE_CLIENT_ID", FieldKind::Text, "none", "Who this server is at Google: the client ID of an OAuth client."),
    key("GOOGLE_CLIENT_SECRET", FieldKind::Secret, "none", "The client secret that belongs to it."),
    key(
        "GOOGLE_ISSUER",
        FieldKind::Url,
        "`https://accounts.google.com`",
        "Who answers in Google's place, for trying the log-in out with a provider of one's own.",
    ),
    key(
        "OIDC_ISSUER",
        FieldKind::Url,
        "no log-in by OpenID Connect",
        "A provider that people log in with by OpenID Connect: its issuer, exactly as the provider writes it. Needs `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET` and `SECRET_KEY`; see LOGIN.md.",
    ),
    key("OIDC_CLIENT_ID", FieldKind::Text, "none", "Who this server is at that provider."),
    key("OIDC_CLIENT_SECRET", FieldKind::Secret, "none", "The client secret that belongs to it."),
    key("OIDC_NAME", FieldKind::Text, "the issuer's host", "What people call that provider: `Log in with ...`."),
    key(
        "OIDC_SCOPES",
        FieldKind::Texts,
        "`['openid', 'profile', 'email']`",
        "What is asked of the provider; some want `groups` among it.",
    ),
    key(
        "OIDC_GROUPS_CLAIM",
        FieldKind::Text,
        "`groups`",
        "The claim that says which groups somebody is in, a text or a list; `realm_access.roles` is one inside another.",
    ),
    key(
        "OIDC_ROLES",
        FieldKind::Any,
        "`DEFAULT_ROLE` for everybody",
        "Which group is what here, a dict such as `{'ops': 'administrator', 'shop': 'editor of shop, mail', 'staff': 'viewer'}`. The highest counts, at each log-in anew.",
    ),
    key(
        "OIDC_HOSTS",
        FieldKind::Texts,
        "the issuer's host alone",
        "Further hosts at which the provider may have endpoints that the server asks.",
    ),
    key(
        "OIDC_CA_FILE",
        FieldKind::Text,
        "the machine's own authorities",
        "PEM file of certificates to trust for that provider beside the machine's own. A relative path counts from the folder of the configuration file.",
    ),
    key(
        "OIDC_MAX_AGE_HOURS",
        FieldKind::Count,
        "as long as the provider likes",
        "How many hours ago somebody may have shown the provider who they are; it asks them again after that.",
    )
    .within(1, 8760),
    key(
        "DEFAULT_ROLE",
        FieldKind::Choice(&["none", "viewer", "editor", "administrator"]),
        "`'viewer'`; nobody comes in by `OIDC_ISSUER` without a group of `OIDC_ROLES`",
        "What somebody is who comes by a provider or a proxy for the first time, or whom no group of `OIDC_ROLES` names. `'none'` lets them not in.",
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
        "Revere keeps its data in a database of its own: set DATABASE_PATH for SQLite or DATABASE_URL for PostgreSQL, and bring an old database along with `revere import FILE`",
    ),
    ("SQLALCHEMY_BINDS", "Revere keeps its data in one database of its own; take this out"),
    ("COOKIE_SECRET", "this is called SECRET_KEY here; rename it"),
    ("HOST", WHERE_IT_LISTENS),
    ("PORT", WHERE_IT_LISTENS),
    ("REVERE_HOST", WHERE_IT_LISTENS),
    ("REVERE_PORT", WHERE_IT_LISTENS),
];

const WHERE_IT_LISTENS: &str = "where it listens is said when it is started: `revere run --host ADDRESS --port PORT`, or REVERE_HOST and \
    REVERE_PORT in the environment; take this out";

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows that docs/CONFIG.md must hold.
    fn rows() -> String {
        KEYS.iter()
            .map(|key| {
                let Key { field, default, .. } = key;
                format!("| `{}` | {} | {default} | {} |\n", field.name, holds(key), field.doc)
            })
            .collect()
    }

    fn holds(key: &Key) -> String {
        match (key.field.name, key.field.kind, key.bounds) {
            ("REVERE_SOURCES" | "REVERE_ALERTS" | "OIDC_ROLES", ..) => "a dict".to_owned(),
            (_, FieldKind::Count, Some((least, most))) => format!("a whole number from {least} to {most}"),
            (_, FieldKind::Seconds, Some((0, most))) => format!("a number of seconds above 0, at most {most}"),
            (_, FieldKind::Seconds, Some((least, most))) => format!("a number of seconds from {least} to {most}"),
            (_, kind, _) => kind.expected(),
        }
    }

    #[test]
    fn every_number_has_bounds() {
        for key in KEYS.iter().filter(|key| matches!(key.field.kind, FieldKind::Count | FieldKind::Seconds)) {
            assert!(key.bounds.is_some(), "{}", key.field.name);
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
