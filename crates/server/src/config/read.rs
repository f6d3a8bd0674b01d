//! From the values of an evaluated configuration to a [`Config`], with every fault found on the way.

use std::time::Duration;

use revere_model::Flapping;
use revere_sandbox::ConfigValues;
use serde_json::{Map, Value};

use super::{
    Config, SecretUrl, WrittenSettings,
    external_values::Places,
    keys,
    plain_data::Unreadable,
    reader::Reader,
    warnings::{database_warning, slips},
};
use crate::{
    outbound::Url,
    redact::Secrets,
    settings::{self, ConfigFault, Field, Settings},
};

/// A configuration as far as it can be read, and what is wrong with it.
pub(super) struct Read {
    pub(super) config: Config,
    pub(super) faults: Vec<ConfigFault>,
    /// Where something stands that is no plain data: that a value is missing there is no fault of its own.
    pub(super) unreadable: Vec<String>,
}

/// Reads what an evaluated file left. Where a setting has a fault, its default stands in, so that the rest can still be
/// looked at.
pub(super) fn read(left: ConfigValues, places: &Places, secrets: &Secrets) -> Read {
    let folder = places.folder;
    let mut faults = Vec::new();
    let mut warnings = slips(&left);
    let mut given = Map::new();
    let mut unreadable = Unreadable::default();
    for (place, message) in left.faults {
        unreadable.null(&place, message);
    }
    for (name, value) in left.values {
        if let Some((_, hint)) = keys::REFUSED.iter().find(|(known, _)| *known == name) {
            faults.push(ConfigFault::new(name, *hint));
        } else if keys::IGNORED.contains(&name.as_str()) {
            warnings.push(ConfigFault::new(name, "ignored: it was the original program's, and means nothing here"));
        } else if keys::KEYS.iter().any(|key| key.field.name == name) {
            let value = unreadable.plain(value, &name);
            given.insert(name, value);
        } else {
            let known = keys::KEYS.iter().map(|key| key.field.name);
            let message = settings::unknown_name_after("REVERE_", "key", &name, known);
            let hint = "names of your own: begin them with an underscore, or write them small";
            faults.push(ConfigFault::new(name, format!("{message} ({hint})")));
        }
    }
    let of_a_setting = |fault: &ConfigFault| given.contains_key(fault.place.split('[').next().unwrap_or_default());
    faults.extend(unreadable.faults.into_iter().filter(of_a_setting));
    let mut unreadable = unreadable.nulls;
    let kept = places.fill(&mut given, secrets);
    faults.extend(kept.faults);
    warnings.extend(kept.warnings);
    unreadable.extend(kept.nulls);

    let written = WrittenSettings::of(&given);
    let fields: Vec<Field> = keys::KEYS.iter().map(|key| key.field).collect();
    // Faults of one name do not hide those of another: what fits is read.
    let (settings, found) = Settings::read_what_fits(&fields, &Value::Object(given), "", secrets);
    faults.extend(
        found.into_iter().map(|fault| ConfigFault::new(fault.place.trim_matches(['[', ']', '\'']), fault.message)),
    );
    let mut reader = Reader { settings: &settings, folder, faults };
    let config = Config {
        file: None,
        folder: folder.to_owned(),
        database: reader.database(secrets),
        sources: reader.entries("REVERE_SOURCES"),
        alerts: reader.entries("REVERE_ALERTS"),
        timezone: reader.timezone(),
        timezone_given: settings.text("TIMEZONE").is_some(),
        base_url: settings.text("BASE_URL").map(|url| url.trim_end_matches('/').to_owned()),
        flapping: match reader.number("FLAPPING_CHANGES", 6) as u32 {
            0 => None,
            changes => Some(Flapping { changes }),
        },
        heartbeat_url: settings
            .text("HEARTBEAT_URL")
            .map(|url| SecretUrl(Url::parse(url).expect("a Url field was parsed when the settings were read"))),
        tls_files: reader.tls_files(),
        address_rules: reader.address_rules(),
        python_path: reader.folders("PYTHON_PATH"),
        default_retain_days: match reader.number("DEFAULT_RETAIN_DAYS", 28) {
            0 => None,
            days => Some(days as u32),
        },
        claim_margin: reader.seconds("CLAIM_MARGIN", Duration::from_secs(30)),
        keep_deleted_days: reader.number("KEEP_DELETED_DAYS", 30) as u32,
        audit_days: match reader.number("AUDIT_DAYS", 400) {
            0 => None,
            days => Some(days as u32),
        },
        audit_log: reader.audit_log(),
        limits: reader.limits(),
        max_runs_in_flight: settings
            .count("MAX_RUNS_IN_FLIGHT")
            .map(|_| reader.number("MAX_RUNS_IN_FLIGHT", 1) as usize),
        answers_in_flight: reader.answers_in_flight(),
        run_threads: settings.count("RUN_THREADS").map(|_| reader.number("RUN_THREADS", 1) as usize),
        source_outages: settings.flag("SOURCE_OUTAGES"),
        metrics_per_monitor: settings.flag("METRICS_PER_MONITOR"),
        log_in: reader.log_in(),
        written,
        warnings: Vec::new(),
    };
    let by_proxy = config.tls_files.is_none() && config.base_url.as_ref().is_some_and(|url| url.starts_with("https:"));
    if config.log_in.is_required() && by_proxy && config.log_in.trusted_proxies.is_empty() {
        warnings.push(ConfigFault::new(
            "TRUSTED_PROXIES",
            "missing: BASE_URL is HTTPS and no TLS_CERTIFICATE is set, so a proxy stands in front, and without its address \
             here it is refused, or, where it runs on this machine, everybody seems to come from it: who guesses passwords then \
             slows everybody's log-in down. If it runs on this machine: TRUSTED_PROXIES = ['127.0.0.1', '::1']",
        ));
    }
    warnings.extend(database_warning(&config.database));
    Read { config: Config { warnings, ..config }, faults: reader.faults, unreadable }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use revere_sandbox::{Limits, Value as PythonValue};

    use super::*;

    fn places() -> Places<'static> {
        Places { folder: Path::new("/etc/revere"), variable: &|_| None }
    }

    fn text(text: &str) -> PythonValue {
        PythonValue::Text(text.to_owned())
    }

    fn read_names(names: &[(&str, PythonValue)]) -> (Config, Vec<String>) {
        let values = names.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let left = ConfigValues { values, ..ConfigValues::default() };
        let read = read(left, &places(), &Secrets::default());
        (read.config, read.faults.iter().map(ConfigFault::to_string).collect())
    }

    #[test]
    fn nothing_set_is_the_documented_default() {
        let (config, faults) = read_names(&[]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(config.database.to_string(), "/etc/revere/revere.db");
        assert_eq!((config.timezone.as_str(), config.timezone_given), ("UTC", false));
        assert_eq!((config.default_retain_days, config.keep_deleted_days), (Some(28), 30));
        assert_eq!(config.limits, Limits::default());
        assert!(config.sources.is_empty() && config.alerts.is_empty() && config.warnings.is_empty());
    }

    #[test]
    fn what_is_set_is_read_with_paths_from_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().display().to_string();
        let source =
            PythonValue::Dict(vec![(text("type"), text("graphite")), (text("config"), PythonValue::Dict(vec![]))]);
        let (config, faults) = read_names(&[
            ("DATABASE_PATH", text("data/monitors.db")),
            ("SECRET_KEY", PythonValue::Bytes(vec![0xff, 0x00, 0x41])),
            ("TIMEZONE", text("Europe/Berlin")),
            ("BASE_URL", text("https://revere.example.com/")),
            ("PYTHON_PATH", PythonValue::Tuple(vec![text(&library)])),
            ("DEFAULT_RETAIN_DAYS", PythonValue::Int(0)),
            ("KEEP_DELETED_DAYS", PythonValue::Int(7)),
            ("RUN_TIMEOUT", PythonValue::Float(2.5)),
            ("RUN_MEMORY_MB", PythonValue::Int(64)),
            ("REVERE_SOURCES", PythonValue::Dict(vec![(text("graphite"), source)])),
        ]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(config.database.to_string(), "/etc/revere/data/monitors.db");
        assert_eq!(config.timezone, "Europe/Berlin");
        assert_eq!(config.base_url.as_deref(), Some("https://revere.example.com"));
        assert_eq!(config.python_path, [folder.path()]);
        assert_eq!((config.default_retain_days, config.keep_deleted_days), (None, 7));
        assert_eq!(config.limits.wall_time, Duration::from_millis(2500));
        assert_eq!(config.limits.memory_bytes, 64 << 20);
        assert_eq!(config.sources[0].kind, "graphite");
    }

    #[test]
    fn every_fault_is_reported_and_every_other_setting_still_read() {
        let (config, mut faults) = read_names(&[
            ("REVERE_SORCES", PythonValue::Dict(vec![])),
            ("ALERT", PythonValue::Dict(vec![])),
            ("SQLALCHEMY_DATABASE_URI", text("mysql://x")),
            ("TIMEZONE", text("Europe/Berln")),
            ("RUN_MEMORY_MB", PythonValue::Int(4)),
            ("RUN_TIMEOUT", PythonValue::Int(-1)),
            ("PYTHON_PATH", text("/nowhere")),
            ("REVERE_ALERTS", PythonValue::List(vec![])),
            ("DATABASE_PATH", text("other.db")),
            ("BASE_URL", PythonValue::Dict(vec![(PythonValue::Int(1), PythonValue::Null)])),
        ]);
        let zone = faults.iter().position(|fault| fault.starts_with("TIMEZONE: ")).unwrap();
        assert!(faults.remove(zone).contains("Europe/Berln"));
        assert_eq!(
            faults,
            [
                "REVERE_SORCES: unknown key 'REVERE_SORCES'; did you mean 'REVERE_SOURCES'? (names of your own: begin them with an underscore, or write them small)",
                "ALERT: unknown key 'ALERT'; did you mean 'REVERE_ALERTS'? (names of your own: begin them with an underscore, or write them small)",
                "SQLALCHEMY_DATABASE_URI: Revere keeps its data in a database of its own: set DATABASE_PATH for SQLite or DATABASE_URL for PostgreSQL, and bring an old database along with `revere import FILE`",
                "BASE_URL: expected texts as the keys of a dict, not an int",
                "RUN_TIMEOUT: expected a number of seconds above 0, not -1",
                "BASE_URL: expected an address beginning with http:// or https://, not a dict",
                "REVERE_ALERTS: expected a dict of name -> type, description, enabled, config, not a list",
                "PYTHON_PATH[0]: expected a folder, and /nowhere is none",
                "RUN_MEMORY_MB: expected a whole number from 32 to 3072, not 4",
            ]
        );
        assert_eq!(config.database.to_string(), "/etc/revere/other.db");
    }

    #[test]
    fn a_database_is_a_file_or_a_server_and_its_password_is_a_secret() {
        let url = ("DATABASE_URL", text("postgresql://revere@db/revere"));
        let (config, faults) = read_names(&[url.clone(), ("DATABASE_PASSWORD", text("s3cret-word"))]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(config.database.to_string(), "postgresql://revere@db:5432/revere");
        let secrets = Secrets::default();
        let given = ConfigValues {
            values: vec![("DATABASE_URL".to_owned(), text("postgresql://revere:s3cret%2dword@db/revere"))],
            ..ConfigValues::default()
        };
        read(given, &places(), &secrets);
        assert!(!secrets.redact("s3cret-word, s3cret%2dword").contains("s3cret"));
        let as_a_parameter = text("postgresql://revere@db/revere?password=other%2dword&sslmode=require");
        let given =
            ConfigValues { values: vec![("DATABASE_URL".to_owned(), as_a_parameter)], ..ConfigValues::default() };
        let left = read(given, &places(), &secrets);
        assert!(left.config.warnings[0].to_string().contains("nobody looks at its certificate"));
        assert_eq!(left.config.warnings.len(), 1);
        assert_eq!(secrets.redact("other-word, other%2dword"), "[redacted], [redacted]");
        let left = read_names(&[("DATABASE_URL", text("postgresql://revere@db/revere?sslmode=prefer"))]);
        assert!(left.0.warnings[0].to_string().contains("nothing says that TLS is needed"), "{:?}", left.0.warnings);
        let (_, faults) = read_names(&[("CLAIM_MARGIN", PythonValue::Float(0.5))]);
        assert_eq!(faults, ["CLAIM_MARGIN: expected at least 5 seconds, not 0.5"]);
        for (given, said) in [
            (vec![url.clone(), ("DATABASE_PATH", text("revere.db"))], "DATABASE_URL: stands beside DATABASE_PATH"),
            (
                vec![("DATABASE_PASSWORD", text("s3cret-word"))],
                "DATABASE_PASSWORD: is for the database of DATABASE_URL",
            ),
            (vec![("DATABASE_URL", text("mysql://u:s3cret-word@h/d"))], "DATABASE_URL: begins with mysql:"),
        ] {
            let (_, faults) = read_names(&given);
            assert!(faults.len() == 1 && faults[0].starts_with(said), "{faults:?}");
        }
    }

    #[test]
    fn what_python_took_and_nobody_meant_is_a_warning() {
        let left = ConfigValues {
            values: vec![("TIMEZONE".to_owned(), text("europe/berlin"))],
            other_names: ["revere_sources", "timezone", "helper", "Base_Url"].map(str::to_owned).to_vec(),
            repeated_keys: vec![(9, "shop".to_owned())],
            ..ConfigValues::default()
        };
        let read = read(left, &places(), &Secrets::default());
        assert_eq!(read.faults, []);
        assert_eq!(read.config.timezone, "Europe/Berlin", "in its usual spelling");
        let warnings: Vec<String> = read.config.warnings.iter().map(ConfigFault::to_string).collect();
        assert_eq!(
            warnings,
            [
                "revere_sources: sets nothing: settings are written in capitals, REVERE_SOURCES",
                "Base_Url: sets nothing: settings are written in capitals, BASE_URL",
                "line 9: the key 'shop' stands twice in one dict, and only the last of them counts",
            ]
        );
    }

    #[test]
    fn a_proxy_that_is_not_named_is_a_warning() {
        let https = ("BASE_URL", text("https://revere.example.org"));
        let named = ("TRUSTED_PROXIES", PythonValue::List(vec![text("127.0.0.1")]));
        let users = ("LOCAL_USERS", PythonValue::Bool(true));
        let warned = |given: &[(&str, PythonValue)]| {
            let (config, faults) = read_names(given);
            assert_eq!(faults, [""; 0]);
            config.warnings.iter().any(|warning| warning.place == "TRUSTED_PROXIES")
        };
        assert!(warned(&[users.clone(), https.clone()]));
        assert!(!warned(&[users.clone(), https.clone(), named]));
        assert!(!warned(&[users]) && !warned(&[https]));
    }

    #[test]
    fn what_the_original_had_and_means_nothing_here_is_a_warning() {
        let (config, faults) = read_names(&[("DEBUG", PythonValue::Bool(true)), ("TESTING", PythonValue::Bool(true))]);
        assert_eq!(faults, [""; 0]);
        let places: Vec<&str> = config.warnings.iter().map(|warning| warning.place.as_str()).collect();
        assert_eq!(places, ["DEBUG", "TESTING"]);
    }
}
