//! What works as it is configured, and is hardly meant.

use revere_sandbox::ConfigValues;

use super::keys;
use crate::{
    settings::ConfigFault,
    store::{DatabasePlace, open_to_others},
};

/// Who may read the database that should not: on the way to it, or on this machine.
pub(super) fn database_warning(database: &DatabasePlace) -> Option<ConfigFault> {
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
pub(super) fn slips(left: &ConfigValues) -> Vec<ConfigFault> {
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
