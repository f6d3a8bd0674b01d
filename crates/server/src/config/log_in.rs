//! Reads who may come in, and how.

use jiff::SignedDuration;
use revere_model::{MAX_TAG, MAX_TAGS, Role};
use serde_json::Value;

use super::reader::Reader;
use crate::{
    access::{
        LogInSettings,
        oidc::{self, Granted, ProviderSettings},
    },
    outbound::{Network, Url, header::HeaderName},
    tls,
};

/// The fewest characters of a `SECRET_KEY` that is used.
const LEAST_KEY: usize = 16;

impl Reader<'_> {
    /// Who may come in.
    pub(super) fn log_in(&mut self) -> LogInSettings {
        let default = LogInSettings::default();
        let hours = |hours: u64| SignedDuration::from_hours(i64::try_from(hours).unwrap_or(i64::MAX / 3600));
        let anyone = self.settings.text("ANYONE_MAY").map(str::to_owned);
        if anyone.as_deref().is_some_and(|may| may != "everything") {
            self.fault("ANYONE_MAY", "expected 'everything', in so many words, or nothing at all");
        }
        let mut trusted_proxies = Vec::new();
        let names_people = self.settings.text("PROXY_USER_HEADER").is_some();
        for (index, text) in self.settings.texts("TRUSTED_PROXIES").iter().enumerate() {
            match text.parse::<Network>() {
                Ok(network) if network.is_everywhere() && names_people => self.fault(
                    &format!("TRUSTED_PROXIES[{index}]"),
                    "is every address there is, and whoever is trusted may say by PROXY_USER_HEADER who they are: name the proxy's",
                ),
                Ok(network) => trusted_proxies.push(network),
                Err(fault) => self.fault(&format!("TRUSTED_PROXIES[{index}]"), format!("{fault}, not {text:?}")),
            }
        }
        let settings = LogInSettings {
            trusted_proxies,
            local_users: self.settings.flag("LOCAL_USERS"),
            providers: self.google().into_iter().chain(self.oidc()).collect(),
            proxy_user_header: self.proxy_user_header(),
            proxy_role: self.default_role().unwrap_or(default.proxy_role),
            anyone_may_everything: anyone.is_some(),
            only_looks: false,
            session_idle: hours(self.number("SESSION_IDLE_HOURS", default.session_idle.as_hours().unsigned_abs())),
            session_length: hours(self.number("SESSION_HOURS", default.session_length.as_hours().unsigned_abs())),
        };
        let asked = self.settings.text("GOOGLE_APPS_DOMAIN").or(self.settings.text("OIDC_ISSUER")).is_some();
        if settings.anyone_may_everything && (settings.is_required() || asked) {
            self.fault(
                "ANYONE_MAY",
                "says that nobody has to log in, and another setting that everybody has to: take one out",
            );
        }
        if asked {
            self.secret_key();
        }
        settings
    }

    fn google(&mut self) -> Option<ProviderSettings> {
        let id =
            "make an OAuth client of the type Web application at https://console.cloud.google.com/apis/credentials";
        let secret = "it stands beside the client ID at https://console.cloud.google.com/apis/credentials";
        let back = self.back("google");
        let Some(domain) = self.settings.text("GOOGLE_APPS_DOMAIN") else {
            self.alone("GOOGLE_APPS_DOMAIN", &["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_ISSUER"]);
            return None;
        };
        let domain = domain.trim().trim_start_matches('@').to_lowercase();
        if !domain.contains('.') || !domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
            self.fault("GOOGLE_APPS_DOMAIN", "expected a domain such as example.com");
        }
        let id = self.needed(
            "GOOGLE_CLIENT_ID",
            &format!("GOOGLE_APPS_DOMAIN needs it: {id}, with the redirect address {back}"),
        );
        let secret = self.needed("GOOGLE_CLIENT_SECRET", &format!("GOOGLE_APPS_DOMAIN needs it: {secret}"));
        let key = self.settings.text("SECRET_KEY").unwrap_or_default().to_owned();
        let mut provider = ProviderSettings::google(&domain, &id?, &secret?, &key);
        if let Some(issuer) = self.settings.text("GOOGLE_ISSUER").map(of_its_metadata) {
            provider.issuer = issuer.to_owned();
            self.issuer("GOOGLE_ISSUER", issuer)?;
        }
        if let Some(role) = self.default_role() {
            provider.default_role = role;
        }
        Some(provider)
    }

    fn oidc(&mut self) -> Option<ProviderSettings> {
        let back = self.back("oidc");
        let Some(issuer) = self.settings.text("OIDC_ISSUER").map(of_its_metadata) else {
            self.alone(
                "OIDC_ISSUER",
                &[
                    "OIDC_CLIENT_ID",
                    "OIDC_CLIENT_SECRET",
                    "OIDC_NAME",
                    "OIDC_SCOPES",
                    "OIDC_GROUPS_CLAIM",
                    "OIDC_ROLES",
                    "OIDC_HOSTS",
                    "OIDC_CA_FILE",
                    "OIDC_MAX_AGE_HOURS",
                ],
            );
            return None;
        };
        let host = self.issuer("OIDC_ISSUER", issuer);
        let make = format!(
            "OIDC_ISSUER needs it: make a confidential client at the provider, with the redirect address {back}"
        );
        let id = self.needed("OIDC_CLIENT_ID", &make);
        let secret = self.needed("OIDC_CLIENT_SECRET", &make);
        let roles = self.roles();
        let default_role = self.default_role();
        if default_role.is_none() && self.settings.any("OIDC_ROLES").is_none() {
            self.fault(
                "DEFAULT_ROLE",
                "missing; say what somebody is whom OIDC_ISSUER knows ('viewer', 'editor'), or say in OIDC_ROLES which groups come \
                 in: where anybody can have an account at that provider, anybody could come in",
            );
        }
        let key = self.settings.text("SECRET_KEY").unwrap_or_default().to_owned();
        let mut provider = ProviderSettings::new(issuer, &id?, &secret?, &key);
        provider.name = self.settings.text("OIDC_NAME").map(str::to_owned).or(host)?;
        if self.settings.any("OIDC_SCOPES").is_some() {
            provider.scopes = self.settings.texts("OIDC_SCOPES");
        }
        if let Some(claim) = self.settings.text("OIDC_GROUPS_CLAIM") {
            provider.groups_claim = claim.to_owned();
        }
        provider.roles = roles;
        provider.default_role = default_role.flatten();
        for (index, text) in self.settings.texts("OIDC_HOSTS").iter().enumerate() {
            match text.parse() {
                Ok(host) => provider.hosts.push(host),
                Err(message) => self.fault(&format!("OIDC_HOSTS[{index}]"), message),
            }
        }
        if let Some(file) = self.settings.text("OIDC_CA_FILE") {
            match tls::read_ca_file(self.folder, file) {
                Ok(extra) => provider.trust.extra = extra,
                Err(message) => self.fault("OIDC_CA_FILE", message),
            }
        }
        if self.settings.count("OIDC_MAX_AGE_HOURS").is_some() {
            let hours = self.number("OIDC_MAX_AGE_HOURS", 1).min(8760);
            provider.max_age = Some(SignedDuration::from_hours(hours as i64));
        }
        Some(provider)
    }

    /// A header that a proxy sets, and no browser by itself.
    fn proxy_user_header(&mut self) -> Option<String> {
        const NAME: &str = "PROXY_USER_HEADER";
        const OTHERS: [&str; 23] = [
            "authorization",
            "cache-control",
            "connection",
            "cookie",
            "dnt",
            "expect",
            "forwarded",
            "host",
            "origin",
            "pragma",
            "priority",
            "range",
            "referer",
            "te",
            "transfer-encoding",
            "upgrade",
            "user-agent",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-real-ip",
            "x-request-id",
        ];
        /// Those that begin so are browsers', too.
        const FAMILIES: [&str; 4] = ["accept", "content-", "if-", "sec-"];
        let header = self.settings.text(NAME)?.trim().to_ascii_lowercase();
        let is_others = OTHERS.contains(&header.as_str()) || FAMILIES.iter().any(|family| header.starts_with(family));
        if header.parse::<HeaderName>().is_err() || is_others {
            self.fault(
                NAME,
                "expected the name of a header that the proxy sets, such as 'X-Forwarded-User' or 'Remote-User'",
            );
            return None;
        }
        if self.settings.texts("TRUSTED_PROXIES").is_empty() {
            let needs = "missing; PROXY_USER_HEADER needs the addresses of the proxies that are believed, such as ['127.0.0.1']";
            self.fault("TRUSTED_PROXIES", needs);
        }
        Some(header)
    }

    /// `None` where nothing is said; inside, `None` for nobody.
    fn default_role(&self) -> Option<Option<Role>> {
        self.settings.text("DEFAULT_ROLE").map(|role| role.parse().ok())
    }

    /// `OIDC_ROLES`: `{'group': 'viewer', 'other': 'editor of shop, mail'}`.
    fn roles(&mut self) -> Vec<(String, Granted)> {
        let Some(given) = self.settings.any("OIDC_ROLES") else { return Vec::new() };
        let Value::Object(given) = given else {
            self.fault("OIDC_ROLES", "expected a dict of groups to roles, such as {'ops': 'administrator'}");
            return Vec::new();
        };
        if given.is_empty() {
            self.fault(
                "OIDC_ROLES",
                "is empty, so nobody could come in; name a group, or take it out and set DEFAULT_ROLE",
            );
        }
        let mut roles = Vec::new();
        for (group, words) in given {
            match words.as_str().ok_or_else(|| "expected a text".to_owned()).and_then(granted) {
                Ok(granted) => roles.push((group.clone(), granted)),
                Err(fault) => self.fault(&format!("OIDC_ROLES['{}']", group.escape_debug()), fault),
            }
        }
        roles
    }

    /// The host of an issuer that is one.
    fn issuer(&mut self, name: &str, issuer: &str) -> Option<String> {
        let url = Url::parse(issuer).ok()?;
        let host = url.host_str()?.to_owned();
        if url.scheme() != "https" && !oidc::is_local(&url) {
            self.fault(
                name,
                "expected an address that begins with https://: whoever is on the way could log in as anybody",
            );
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            self.fault(name, "expected an address without user, ? and #, as the provider's metadata write it");
            return None;
        }
        Some(host)
    }

    /// Where a provider sends people back to.
    fn back(&self, key: &str) -> String {
        let base = self.settings.text("BASE_URL").unwrap_or("http://127.0.0.1:5000").trim_end_matches('/');
        format!("{base}/login/{key}/callback")
    }

    fn needed(&mut self, name: &str, why: &str) -> Option<String> {
        let text = self.settings.text(name).map(str::to_owned);
        if text.is_none() {
            self.fault(name, format!("missing; {why}"));
        }
        text
    }

    fn secret_key(&mut self) {
        const HOW: &str = "python3 -c \"import secrets; print(secrets.token_urlsafe(32))\" makes one";
        match self.settings.text("SECRET_KEY").map(|key| key.chars().count()) {
            None => self.fault("SECRET_KEY", format!("missing; log-ins at a provider are signed with it: {HOW}")),
            Some(length) if length < LEAST_KEY => {
                self.fault("SECRET_KEY", format!("has {length} characters, and {LEAST_KEY} are the fewest; {HOW}"));
            }
            Some(_) => {}
        }
    }

    /// Settings that mean nothing without the one they belong to.
    fn alone(&mut self, needs: &str, names: &[&str]) {
        for name in names {
            if self.settings.any(name).is_some() {
                self.fault(name, format!("means nothing without {needs}; set that too, or take this out"));
            }
        }
    }
}

/// `viewer`, `editor`, `editor of shop, mail`, `administrator`.
fn granted(words: &str) -> Result<Granted, String> {
    let (role, tags) = match words.split_once(" of ") {
        Some((role, tags)) => (role, Some(tags)),
        None => (words, None),
    };
    let split = |tags: &str| tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    let tags: Option<Vec<String>> = tags.map(split);
    let may_be = |tags: &Vec<String>| {
        (1..=MAX_TAGS).contains(&tags.len()) && tags.iter().all(|tag| tag.chars().count() <= MAX_TAG)
    };
    match (role.trim().parse::<Role>(), tags) {
        (Ok(role), None) => Ok(Granted { role, tags: Vec::new() }),
        (Ok(Role::Editor), Some(tags)) if may_be(&tags) => Ok(Granted { role: Role::Editor, tags }),
        _ => Err("expected 'viewer', 'editor', 'editor of shop, mail' (by tags) or 'administrator'".to_owned()),
    }
}

/// An issuer, also where the address of its metadata was given, which is what providers show.
fn of_its_metadata(given: &str) -> &str {
    given.strip_suffix("/.well-known/openid-configuration").unwrap_or(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_group_is_stands_in_words() {
        let shop = Granted { role: Role::Editor, tags: vec!["shop".to_owned(), "mail".to_owned()] };
        assert_eq!(granted("editor of shop, mail"), Ok(shop));
        assert_eq!(granted("viewer"), Ok(Granted { role: Role::Viewer, tags: vec![] }));
        for wrong in ["", "boss", "viewer of shop", "editor of ", "editor of ,", "administrator of all"] {
            assert!(granted(wrong).is_err(), "{wrong}");
        }
    }
}
