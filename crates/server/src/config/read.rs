//! From the values of an evaluated configuration to a [`Config`], with every fault found on the way.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use revere_model::Flapping;
use revere_sandbox::{ConfigValues, Limits, Value as PythonValue};
use serde_json::{Map, Value};

use super::{Config, SecretUrl, WrittenSettings, kept_elsewhere::Places, keys};
use crate::{
    audit_log::AuditLog,
    building::{self, ConfiguredEntry},
    outbound::{AddressRules, Url},
    redact::Secrets,
    settings::{self, ConfigFault, Field, Settings},
    store::{DatabasePlace, PostgresAddress, open_to_others},
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
            let message = settings::unknown_name("key", &name, keys::KEYS.iter().map(|key| key.field.name));
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

/// Who may read the database that should not: on the way to it, or on this machine.
fn database_warning(database: &DatabasePlace) -> Option<ConfigFault> {
    match database {
        DatabasePlace::Server(address) if address.is_open_to_listeners() => Some(ConfigFault::new(
            "DATABASE_URL",
            "its host is another machine and nothing says that TLS is needed, so all that is kept may go over the network for \
             everybody to read: add ?sslmode=verify-full&sslrootcert=FILE, with the certificate of the authority that signed \
             the server's, or sslmode=require where its certificate cannot be looked at",
        )),
        DatabasePlace::Server(address) if address.is_unchecked() => Some(ConfigFault::new(
            "DATABASE_URL",
            "its host is another machine and nobody looks at its certificate, so whoever is on the way can pass for the \
             database: say sslmode=verify-full&sslrootcert=FILE, with the certificate of the authority that signed the server's",
        )),
        DatabasePlace::Server(_) => None,
        DatabasePlace::File(path) => {
            let open: Vec<String> = open_to_others(path).iter().map(|path| format!("'{}'", path.display())).collect();
            (!open.is_empty()).then(|| {
                let message = format!(
                    "others on this machine can read the database, which holds keys of second factors, scripts and values: \
                     chmod 600 {}",
                    open.join(" ")
                );
                ConfigFault::new("DATABASE_PATH", message)
            })
        }
    }
}

/// What Python is content with and its author hardly meant.
fn slips(left: &ConfigValues) -> Vec<ConfigFault> {
    let is_set = |name: &str| left.values.iter().any(|(set, _)| set == name);
    let mut found = Vec::new();
    for name in &left.other_names {
        let capital = name.to_uppercase();
        if keys::KEYS.iter().any(|key| key.field.name == capital) && !is_set(&capital) {
            let message = format!("sets nothing: settings are written in capitals, {capital}");
            found.push(ConfigFault::new(name, message));
        }
    }
    for (line, key) in &left.repeated_keys {
        let message = format!("the key '{key}' stands twice in one dict, and only the last of them counts");
        found.push(ConfigFault::new(format!("line {line}"), message));
    }
    found
}

/// Reads one name at a time and collects what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) folder: &'a Path,
    faults: Vec<ConfigFault>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, place: &str, message: impl Into<String>) {
        self.faults.push(ConfigFault::new(place, message));
    }

    /// One of two engines.
    fn database(&mut self, secrets: &Secrets) -> DatabasePlace {
        const URL: &str = "DATABASE_URL";
        let [path, url, password] = ["DATABASE_PATH", URL, "DATABASE_PASSWORD"].map(|name| self.settings.text(name));
        let file = DatabasePlace::File(self.folder.join(path.unwrap_or(super::DEFAULT_DATABASE)));
        let Some(url) = url else {
            if password.is_some() {
                self.fault("DATABASE_PASSWORD", "is for the database of DATABASE_URL, which is not set");
            }
            return file;
        };
        settings::learn_variable(URL, url, secrets);
        if path.is_some() {
            self.fault(URL, "stands beside DATABASE_PATH, and one database holds everything: take one of the two out");
        }
        match PostgresAddress::read(url, password) {
            Ok(address) => DatabasePlace::Server(address),
            Err(fault) => {
                self.fault(URL, fault);
                file
            }
        }
    }

    /// Both or none.
    fn tls_files(&mut self) -> Option<(PathBuf, PathBuf)> {
        let [certificate, key] = ["TLS_CERTIFICATE", "TLS_KEY"].map(|name| self.settings.text(name));
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some((self.folder.join(certificate), self.folder.join(key))),
            (Some(_), None) => {
                self.fault("TLS_KEY", "missing; TLS_CERTIFICATE needs the file of its key");
                None
            }
            (None, Some(_)) => {
                self.fault("TLS_CERTIFICATE", "missing; TLS_KEY needs the file of its certificate");
                None
            }
            (None, None) => None,
        }
    }

    fn address_rules(&mut self) -> AddressRules {
        const REFUSES: &str = "OUTBOUND_REFUSES";
        const ALLOWS: &str = "OUTBOUND_ALLOWS";
        let mut rules = AddressRules::default();
        if self.settings.any(REFUSES).is_some()
            && let Err(message) = rules.refuse(&self.settings.texts(REFUSES))
        {
            self.fault(REFUSES, message);
        }
        if let Err(message) = rules.allow(&self.settings.texts(ALLOWS)) {
            self.fault(ALLOWS, message);
        }
        rules
    }

    fn folders(&mut self, name: &str) -> Vec<PathBuf> {
        let folders: Vec<PathBuf> = self.settings.texts(name).iter().map(|text| self.folder.join(text)).collect();
        for (index, folder) in folders.iter().enumerate() {
            if !folder.is_dir() {
                self.fault(&format!("{name}[{index}]"), format!("expected a folder, and {} is none", folder.display()));
            }
        }
        folders
    }

    /// A whole number within the key's bounds; out of them is a fault.
    pub(super) fn number(&mut self, name: &str, default: u64) -> u64 {
        let (low, high) = keys::bounds(name);
        let number = self.settings.count(name).unwrap_or(default);
        if !(low..=high).contains(&number) {
            self.fault(name, format!("expected a whole number from {low} to {high}, not {number}"));
        }
        number
    }

    /// A number of seconds within the key's bounds; out of them is a fault.
    fn seconds(&mut self, name: &str, default: Duration) -> Duration {
        let (least, most) = keys::bounds(name);
        let time = self.settings.seconds(name).unwrap_or(default);
        if time.as_secs_f64() < least as f64 {
            self.fault(name, format!("expected at least {least} seconds, not {}", time.as_secs_f64()));
        }
        if time.as_secs_f64() > most as f64 {
            self.fault(name, format!("expected at most {most} seconds, not {}", time.as_secs_f64()));
        }
        time
    }

    /// At least as much as one answer may have: with less it could never come.
    fn answers_in_flight(&mut self) -> Option<usize> {
        const NAME: &str = "ANSWERS_IN_FLIGHT_MB";
        self.settings.count(NAME)?;
        let (all, one) = (self.number(NAME, 0), self.settings.count("RUN_ANSWER_MB").unwrap_or(32));
        if all < one {
            self.fault(NAME, format!("expected at least what one answer may have, {one} (RUN_ANSWER_MB), not {all}"));
        }
        Some(usize::try_from(all << 20).unwrap_or(usize::MAX))
    }

    fn timezone(&mut self) -> String {
        revere_model::zone_name(self.settings.text("TIMEZONE").unwrap_or("UTC")).unwrap_or_else(|fault| {
            self.fault("TIMEZONE", fault.to_string());
            "UTC".to_owned()
        })
    }

    fn limits(&mut self) -> Limits {
        let default = Limits::default();
        let bytes = |units: u64, shift: u32| usize::try_from(units << shift).unwrap_or(usize::MAX);
        let limits = Limits {
            wall_time: self.settings.seconds("RUN_TIMEOUT").unwrap_or(default.wall_time),
            cpu_time: self.settings.seconds("RUN_CPU_TIME").unwrap_or(default.cpu_time),
            memory_bytes: bytes(self.number("RUN_MEMORY_MB", (default.memory_bytes >> 20) as u64), 20),
            source_calls: self.number("RUN_SOURCE_CALLS", default.source_calls.into()) as u32,
            answer_bytes: bytes(self.number("RUN_ANSWER_MB", (default.answer_bytes >> 20) as u64), 20),
            output_bytes: bytes(self.number("RUN_OUTPUT_KB", (default.output_bytes >> 10) as u64), 10),
            message_bytes: bytes(self.number("RUN_MESSAGE_KB", (default.message_bytes >> 10) as u64), 10),
            value_bytes: bytes(self.number("RUN_VALUE_KB", (default.value_bytes >> 10) as u64), 10),
        };
        for (name, time) in [("RUN_TIMEOUT", limits.wall_time), ("RUN_CPU_TIME", limits.cpu_time)] {
            let (_, most) = keys::bounds(name);
            if time.as_secs_f64() > most as f64 {
                self.fault(name, format!("expected at most {most} seconds, not {}", time.as_secs_f64()));
            }
        }
        limits
    }

    /// Where the audit is written besides.
    fn audit_log(&self) -> Option<AuditLog> {
        Some(match self.settings.text("AUDIT_LOG")? {
            "stdout" => AuditLog::StandardOutput,
            path => AuditLog::File(self.folder.join(path)),
        })
    }

    /// REVERE_SOURCES or REVERE_ALERTS.
    fn entries(&mut self, name: &'static str) -> Vec<ConfiguredEntry> {
        let (entries, faults) = building::read_entries(name, self.settings.any(name).unwrap_or(&Value::Null));
        self.faults.extend(faults);
        entries
    }
}

/// Collects what is no plain data.
#[derive(Default)]
struct Unreadable {
    faults: Vec<ConfigFault>,
    /// Where null stands instead.
    nulls: Vec<String>,
}

impl Unreadable {
    fn null(&mut self, place: &str, message: String) -> Value {
        self.faults.push(ConfigFault::new(place, message));
        self.nulls.push(place.to_owned());
        Value::Null
    }

    /// A configured value as JSON, which is all that kinds read; null where it cannot be had.
    fn plain(&mut self, value: PythonValue, place: &str) -> Value {
        match value {
            PythonValue::Null => Value::Null,
            PythonValue::Bool(flag) => Value::Bool(flag),
            PythonValue::Int(int) => int.into(),
            PythonValue::Float(float) => match serde_json::Number::from_f64(float) {
                Some(number) => Value::Number(number),
                None => self.null(place, format!("expected a finite number, not {float}")),
            },
            PythonValue::Text(text)
            | PythonValue::BigInt(text)
            | PythonValue::Date(text)
            | PythonValue::Time(text)
            | PythonValue::DateTime(text)
            | PythonValue::Uuid(text) => Value::String(text),
            PythonValue::Decimal(text) => match text.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => self.null(place, format!("expected a finite number, not Decimal('{text}')")),
            },
            PythonValue::Duration(microseconds) => (microseconds as f64 / 1e6).into(),
            PythonValue::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Value::String(text),
                // `SECRET_KEY = os.urandom(24)`, as many files of the original have it.
                Err(raw) => {
                    Value::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw.into_bytes()))
                }
            },
            PythonValue::List(items) | PythonValue::Tuple(items) => {
                let item = |(index, item)| self.plain(item, &format!("{place}[{index}]"));
                Value::Array(items.into_iter().enumerate().map(item).collect())
            }
            PythonValue::Dict(items) => {
                let mut map = Map::new();
                for (key, value) in items {
                    let PythonValue::Text(key) = key else {
                        // Without the key itself: who writes {password: user} by mistake should not read it in a log.
                        let key = Unreadable::default().plain(key, place);
                        let message =
                            format!("expected texts as the keys of a dict, not {}", settings::python_type(&key));
                        self.faults.push(ConfigFault::new(place, message));
                        continue;
                    };
                    let value = self.plain(value, &format!("{place}['{}']", key.escape_debug()));
                    map.insert(key, value);
                }
                Value::Object(map)
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
