//! A connection string, taken apart.

use percent::decode;

use crate::settings::unknown_name;

/// The parts of a connection string.
#[derive(Default)]
pub(super) struct UrlParts {
    pub(super) scheme: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) raw_password: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: Option<String>,
    pub(super) query: Vec<(String, String)>,
}

impl UrlParts {
    pub(super) fn split(text: &str) -> Result<UrlParts, String> {
        let form = "expected dialect://user:password@host:port/database, such as postgresql://... or sqlite:////absolute/file.db";
        let (scheme, rest) = text.split_once("://").ok_or(form)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "+_-.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(known) {
            return Err(form.to_owned());
        }
        let mut parts = UrlParts { scheme: scheme.to_ascii_lowercase(), ..UrlParts::default() };
        let mut rest = rest;
        // A password may hold what separates the later parts, as long as the last @ is the separator. Files have no users.
        if !parts.scheme.starts_with("sqlite")
            && let Some(at) =
                rest.split_once('?').map_or(rest, |(front, _)| front).rfind('@').or_else(|| rest.rfind('@'))
        {
            let (user, password) = rest[..at].split_once(':').map_or((&rest[..at], None), |(u, p)| (u, Some(p)));
            parts.user = Some(decode(user)).filter(|user| !user.is_empty());
            parts.raw_password = password.map(str::to_owned).filter(|password| !password.is_empty());
            parts.password = password.map(decode);
            rest = &rest[at + 1..];
        }
        if let Some((front, query)) = rest.split_once('?') {
            parts.query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            rest = front;
        }
        let authority = match rest.split_once('/') {
            Some((authority, database)) => {
                parts.database = Some(database.to_owned()).filter(|name| !name.is_empty());
                authority
            }
            None => rest,
        };
        let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        parts.host = Some(host.to_owned()).filter(|host| !host.is_empty());
        if let Some(port) = port.filter(|port| !port.is_empty()) {
            parts.port = Some(port.parse().map_err(|_| format!("'{port}' is no port"))?);
        }
        Ok(parts)
    }
}

/// Whether a switch in the query is on.
pub(super) fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

/// "'?charst=' is not supported: unknown option 'charst'; did you mean 'charset'?"
pub(super) fn unknown_query(key: &str, known: &[&str]) -> String {
    format!("'?{key}=' is not supported: {}", unknown_name("option", key, known.iter().copied()))
}

mod percent {
    //! `%40` and kin. A plus sign is a plus sign.

    pub(super) fn decode(text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let coded = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
            match coded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    out.push(byte);
                    at += 3;
                }
                None => {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
    }
}
