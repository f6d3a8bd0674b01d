//! Where a database of PostgreSQL is, and who comes: an address as everybody writes it, read with a fault for each mistake.

use std::fmt;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// Where a database of PostgreSQL is, and who comes with which password. Shown without the password.
#[derive(Clone)]
pub struct PostgresAddress {
    options: Box<PgConnectOptions>,
    shown: String,
    has_password: bool,
    /// The schemas that are looked in, where it names them.
    search_path: String,
}

/// Parameters that may follow the `?`: those of the client library that everybody knows them from.
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "options[search_path]",
];

/// What the client library would take from the environment without a word, by the parameter that says the same.
const NOT_FROM_AROUND: [(&str, &str); 4] =
    [("PGOPTIONS", ""), ("PGSSLROOTCERT", "sslrootcert"), ("PGSSLCERT", "sslcert"), ("PGSSLKEY", "sslkey")];

const EXAMPLE: &str = "postgresql://revere@db.example.org/revere";

impl PostgresAddress {
    /// Reads an address, with a password that may be kept apart from it; the fault says what is wrong with it, and nothing that
    /// may be secret.
    pub fn read(text: &str, password: Option<&str>) -> Result<PostgresAddress, String> {
        let url = Url::parse(text).map_err(|fault| format!("is no address ({fault}); expected one like {EXAMPLE}"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(format!(
                "begins with {}:, and the database is SQLite (then set DATABASE_PATH) or PostgreSQL; expected one like {EXAMPLE}",
                url.scheme()
            ));
        }
        for (name, _) in url.query_pairs() {
            if !PARAMETERS.contains(&&*name) {
                // A name that is none of these may be a part of a password.
                let meant = revere_model::nearest(&name, PARAMETERS);
                let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
                return Err(format!(
                    "has a parameter that means nothing here{meant} These do: {}. In a password, write ? as %3F, & as %26 and # as %23",
                    PARAMETERS.join(", ")
                ));
            }
        }
        let given = |name: &str| url.query_pairs().any(|(known, value)| known == name && !value.is_empty());
        if url.host_str().is_none_or(str::is_empty) && !given("host") {
            return Err(format!(
                "names no host; expected one like {EXAMPLE}, or postgresql:///revere?host=/run/postgresql for a socket"
            ));
        }
        if url.path().trim_start_matches('/').is_empty() && !given("dbname") {
            return Err(format!("names no database; expected one like {EXAMPLE}"));
        }
        if url.username().is_empty() && !given("user") {
            return Err(format!("names no user; expected one like {EXAMPLE}"));
        }
        for (name, parameter) in NOT_FROM_AROUND {
            if !given(parameter) && std::env::var_os(name).is_some() {
                return Err(format!(
                    "says all that is needed, and the environment variable {name} would change what it means; unset that one"
                ));
            }
        }
        let mut options: PgConnectOptions = text.parse().map_err(|fault: sqlx::Error| match fault {
            sqlx::Error::Configuration(fault) => format!("cannot be read: {fault}"),
            other => format!("cannot be read: {other}"),
        })?;
        if let Some(password) = password {
            if url.password().is_some() || given("password") {
                return Err("has a password, and DATABASE_PASSWORD is another one; take one of them out".to_owned());
            }
            options = options.password(password);
        } else if url.password().is_none() && !given("password") {
            // Not one that lies around for other programs.
            options = options.password("");
        }
        if !given("sslmode") {
            options = options.ssl_mode(PgSslMode::Prefer);
        }
        // Whoever names an authority means that it is looked at, which the client library does only where it is told so.
        let looks = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
        if given("sslrootcert") && !looks {
            if matches!(options.get_ssl_mode(), PgSslMode::Disable) {
                return Err(
                    "names an authority by sslrootcert, and says sslmode=disable; take one of them out".to_owned()
                );
            }
            options = options.ssl_mode(PgSslMode::VerifyCa);
        }
        for name in ["sslrootcert", "sslcert", "sslkey"] {
            for (_, file) in url.query_pairs().filter(|(known, value)| known == name && !value.is_empty()) {
                std::fs::metadata(&*file)
                    .map_err(|fault| format!("names {file} by {name}, which cannot be read: {fault}"))?;
            }
        }
        if url.port().is_none() && !given("port") {
            options = options.port(5432);
        }
        let has_password = password.is_some() || url.password().is_some() || given("password");
        let place = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let shown =
            format!("postgresql://{}@{place}/{}", options.get_username(), options.get_database().unwrap_or_default());
        let named = url.query_pairs().find(|(name, _)| name == "options[search_path]");
        let search_path = named.map(|(_, value)| value.into_owned()).unwrap_or_default();
        Ok(PostgresAddress { options: Box::new(options), shown, has_password, search_path })
    }

    /// Whether both lead to the same tables, as far as their words say.
    pub(in crate::store) fn is_same(&self, other: &PostgresAddress) -> bool {
        let place = |address: &PostgresAddress| {
            let options = &address.options;
            let host =
                options.get_socket().map_or(options.get_host().to_owned(), |folder| folder.display().to_string());
            (host, options.get_port(), options.get_database().map(str::to_owned), address.search_path.clone())
        };
        place(self) == place(other)
    }

    /// Whether whoever listens on the way may read along: it goes over a network, and TLS is not required.
    pub fn is_open_to_listeners(&self) -> bool {
        !self.is_here()
            && matches!(self.options.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer)
    }

    /// Whether whoever is on the way may pass for the database: it goes over a network, and nobody looks at the certificate.
    pub fn is_unchecked(&self) -> bool {
        !self.is_here() && !matches!(self.options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
    }

    /// Whether a server could ask for a password in the clear, which must not happen.
    pub(super) fn may_show_its_password(&self) -> bool {
        self.has_password && self.is_open_to_listeners()
    }

    /// Whether it is on this machine.
    fn is_here(&self) -> bool {
        let host = self.options.get_host().trim_start_matches('[').trim_end_matches(']');
        self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// How a client of the same library connects there.
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.options)
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Not its password.
impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, password, shown) in [
            ("postgresql://revere:s3cret@db:5433/revere", None, "postgresql://revere@db:5433/revere"),
            ("postgres://revere@db/revere?sslmode=require", Some("s3cret"), "postgresql://revere@db:5432/revere"),
            ("postgresql://revere@localhost/r?host=/run/postgresql", None, "postgresql://revere@/run/postgresql/r"),
            ("postgresql:///r?host=/run/postgresql&user=revere", None, "postgresql://revere@/run/postgresql/r"),
        ] {
            let address = PostgresAddress::read(text, password).unwrap();
            assert_eq!((address.to_string(), format!("{address:?}")), (shown.to_owned(), shown.to_owned()));
        }
    }

    #[test]
    fn an_address_over_a_network_without_tls_is_open_to_listeners() {
        for (text, is_open, is_unchecked) in [
            ("postgresql://u@db.example.org/d", true, true),
            ("postgresql://u@192.0.2.1/d?sslmode=disable", true, true),
            ("postgresql://u@db.example.org/d?sslmode=require", false, true),
            ("postgresql://u@db.example.org/d?sslmode=verify-full", false, false),
            ("postgresql://u@db.example.org/d?sslrootcert=/dev/null", false, false),
            ("postgresql://u@localhost/d", false, false),
            ("postgresql://u@127.0.0.1/d?sslmode=disable", false, false),
            ("postgresql://u@[::1]/d", false, false),
            ("postgresql://u@db.example.org/d?host=/run/postgresql", false, false),
        ] {
            let address = PostgresAddress::read(text, None).unwrap();
            assert_eq!((address.is_open_to_listeners(), address.is_unchecked()), (is_open, is_unchecked), "{text}");
            assert!(!address.may_show_its_password(), "it has none");
            assert_eq!(PostgresAddress::read(text, Some("p")).unwrap().may_show_its_password(), is_open, "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named_and_no_password_with_it() {
        for (text, said) in [
            ("revere.db", "is no address"),
            ("mysql://u:s3cret@h/d", "begins with mysql:"),
            ("postgresql://u:s3cret@h", "names no database"),
            ("postgresql:///d?user=u&password=s3cret", "names no host"),
            ("postgresql://h/d", "names no user"),
            ("postgresql://u:s3cret@h/d?sslmod=require", "did you mean \"sslmode\"?"),
            ("postgresql://u@h/d?password=ab&s3cret", "that means nothing here"),
            ("postgresql://u:12?s3cret@h/d", "that means nothing here"),
            ("postgresql://u@h/d?sslrootcert=/nowhere.pem", "names /nowhere.pem by sslrootcert, which cannot be read"),
            ("postgresql://u@h/d?sslmode=disable&sslrootcert=/dev/null", "take one of them out"),
            ("postgresql://u:s3cret@h/d?sslmode=perhaps", "cannot be read"),
        ] {
            let fault = PostgresAddress::read(text, None).unwrap_err();
            assert!(fault.contains(said) && !fault.contains("s3cret"), "{text}: {fault}");
        }
        let fault = PostgresAddress::read("postgresql://u:one@h/d", Some("two")).unwrap_err();
        assert!(fault.contains("take one of them out"), "{fault}");
    }
}
