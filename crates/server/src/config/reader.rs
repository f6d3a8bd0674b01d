//! Reads the settings of a configuration, one name at a time.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use revere_sandbox::Limits;
use serde_json::Value;

use super::keys;
use crate::{
    audit_log::AuditLog,
    building::{self, ConfiguredEntry},
    outbound::AddressRules,
    redact::Secrets,
    settings::{self, ConfigFault, Settings},
    store::{DatabasePlace, PostgresAddress},
};

/// Reads one name at a time and collects what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) folder: &'a Path,
    pub(super) faults: Vec<ConfigFault>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, place: &str, message: impl Into<String>) {
        self.faults.push(ConfigFault::new(place, message));
    }

    /// One of two engines.
    pub(super) fn database(&mut self, secrets: &Secrets) -> DatabasePlace {
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
    pub(super) fn tls_files(&mut self) -> Option<(PathBuf, PathBuf)> {
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

    pub(super) fn address_rules(&mut self) -> AddressRules {
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

    pub(super) fn folders(&mut self, name: &str) -> Vec<PathBuf> {
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
    pub(super) fn seconds(&mut self, name: &str, default: Duration) -> Duration {
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
    pub(super) fn answers_in_flight(&mut self) -> Option<usize> {
        const NAME: &str = "ANSWERS_IN_FLIGHT_MB";
        self.settings.count(NAME)?;
        let (all, one) = (self.number(NAME, 0), self.settings.count("RUN_ANSWER_MB").unwrap_or(32));
        if all < one {
            self.fault(NAME, format!("expected at least what one answer may have, {one} (RUN_ANSWER_MB), not {all}"));
        }
        Some(usize::try_from(all << 20).unwrap_or(usize::MAX))
    }

    pub(super) fn timezone(&mut self) -> String {
        revere_model::zone_name(self.settings.text("TIMEZONE").unwrap_or("UTC")).unwrap_or_else(|fault| {
            self.fault("TIMEZONE", fault.to_string());
            "UTC".to_owned()
        })
    }

    pub(super) fn limits(&mut self) -> Limits {
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
    pub(super) fn audit_log(&self) -> Option<AuditLog> {
        Some(match self.settings.text("AUDIT_LOG")? {
            "stdout" => AuditLog::StandardOutput,
            path => AuditLog::File(self.folder.join(path)),
        })
    }

    /// REVERE_SOURCES or REVERE_ALERTS.
    pub(super) fn entries(&mut self, name: &'static str) -> Vec<ConfiguredEntry> {
        let (entries, faults) = building::read_entries(name, self.settings.any(name).unwrap_or(&Value::Null));
        self.faults.extend(faults);
        entries
    }
}
