//! What an operator decides about a provider.

use std::{
    fmt::{self, Formatter},
    time::Duration,
};

use jiff::SignedDuration;
use revere_model::Role;
use serde_json::Value;

use crate::{
    outbound::{HostPattern, Url},
    tls::Trust,
};

/// A provider of identities, as it is configured.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Names it in addresses, and as the way a session began: `google`, `oidc`.
    pub key: &'static str,
    /// What people call it.
    pub name: String,
    /// Where its metadata is, and what its tokens say they are from.
    pub issuer: String,
    /// Who this server is there.
    pub client_id: String,
    /// The password of that.
    pub client_secret: String,
    /// What state, nonce and verifier of a log-in under way are made with.
    pub secret_key: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The domain (`hd`) that a token must be of, with an address that is verified.
    pub hosted_domain: Option<String>,
    /// The claim that says which groups somebody is in; a path with dots where it is inside another one.
    pub groups_claim: String,
    /// Which group is what here. Where there are any, they decide at each log-in.
    pub roles: Vec<(String, Granted)>,
    /// What somebody is whom no group names; nobody where nothing is said.
    pub default_role: Option<Role>,
    /// How long ago somebody may have shown the provider who they are.
    pub max_age: Option<SignedDuration>,
    /// Whether it can ask somebody anew who they are, and say when it did.
    pub asks_again: bool,
    /// Hosts, beside the issuer's, that its endpoints may be at.
    pub hosts: Vec<HostPattern>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// How long each of its answers may take.
    pub timeout: Duration,
}

/// What somebody is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Granted {
    /// Their role.
    pub role: Role,
    /// For an editor: the tags whose monitors they edit; all where it is empty.
    pub tags: Vec<String>,
}

/// Google's issuer.
const GOOGLE: &str = "https://accounts.google.com";

impl ProviderSettings {
    /// Any provider, with what is usual.
    pub fn new(issuer: &str, client_id: &str, client_secret: &str, secret_key: &str) -> ProviderSettings {
        ProviderSettings {
            key: "oidc",
            name: "single sign-on".to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            secret_key: secret_key.to_owned(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
            hosted_domain: None,
            groups_claim: "groups".to_owned(),
            roles: Vec::new(),
            default_role: None,
            max_age: None,
            asks_again: true,
            hosts: Vec::new(),
            trust: Trust::default(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Google, for the accounts of one domain.
    pub fn google(domain: &str, client_id: &str, client_secret: &str, secret_key: &str) -> ProviderSettings {
        ProviderSettings {
            key: "google",
            name: "Google".to_owned(),
            scopes: ["openid", "email"].map(str::to_owned).into(),
            hosted_domain: Some(domain.to_owned()),
            default_role: Some(Role::Viewer),
            // It knows no `max_age`, and says to nobody when somebody showed who they are.
            asks_again: false,
            hosts: vec!["*.googleapis.com".parse().expect("a constant host")],
            ..ProviderSettings::new(GOOGLE, client_id, client_secret, secret_key)
        }
    }

    /// The hosts that are asked: the issuer's, and those that were named beside it.
    pub(super) fn allowed_hosts(&self) -> Vec<HostPattern> {
        let issuer = Url::parse(&self.issuer).ok();
        let own = issuer.as_ref().and_then(|url| match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}").parse().ok(),
            (host, None) => host.parse().ok(),
        });
        own.into_iter().chain(self.hosts.iter().cloned()).collect()
    }

    /// What somebody in these groups is. The highest role counts; editors of some tags are that of all their groups' tags.
    pub fn granted(&self, groups: &[String]) -> Option<Granted> {
        let mine = self.roles.iter().filter(|(group, _)| groups.contains(group)).map(|(_, granted)| granted);
        let merged = mine.cloned().reduce(|one, other| {
            if one.role != other.role {
                return if one.role > other.role { one } else { other };
            }
            // No tags are all of them.
            let tags = match one.tags.is_empty() || other.tags.is_empty() {
                true => Vec::new(),
                false => {
                    let more = other.tags.into_iter().filter(|tag| !one.tags.contains(tag)).collect();
                    [one.tags.clone(), more].concat()
                }
            };
            Granted { role: one.role, tags }
        });
        merged.or(self.default_role.map(|role| Granted { role, tags: Vec::new() }))
    }

    /// The groups that claims name: one text, or a list of them.
    pub(super) fn groups(&self, claims: &serde_json::Map<String, Value>) -> Option<Vec<String>> {
        let whole = claims.get(&self.groups_claim);
        let inside = || {
            let (first, rest) = self.groups_claim.split_once('.')?;
            rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
        };
        match whole.or_else(inside)? {
            Value::String(group) => Some(vec![group.clone()]),
            Value::Array(groups) => Some(groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            _ => Some(Vec::new()),
        }
    }
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSettings").field("key", &self.key).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(default_role: Option<Role>) -> ProviderSettings {
        let granted = |role, tags: &[&str]| Granted { role, tags: tags.iter().map(|&tag| tag.to_owned()).collect() };
        ProviderSettings {
            roles: vec![
                ("all".to_owned(), granted(Role::Viewer, &[])),
                ("shop".to_owned(), granted(Role::Editor, &["shop"])),
                ("mail".to_owned(), granted(Role::Editor, &["mail"])),
                ("editors".to_owned(), granted(Role::Editor, &[])),
                ("ops".to_owned(), granted(Role::Administrator, &[])),
            ],
            default_role,
            ..ProviderSettings::new("https://id.example", "id", "s3cret", "k3y")
        }
    }

    #[test]
    fn the_highest_group_counts_and_editors_of_tags_edit_all_of_them() {
        let of = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
            settings(None).granted(&groups).map(|granted| (granted.role, granted.tags.join(",")))
        };
        assert_eq!(of(&["all", "shop"]), Some((Role::Editor, "shop".to_owned())));
        assert_eq!(of(&["mail", "all", "shop"]), Some((Role::Editor, "shop,mail".to_owned())));
        assert_eq!(of(&["shop", "editors"]), Some((Role::Editor, String::new())));
        assert_eq!(of(&["ops", "all"]), Some((Role::Administrator, String::new())));
        assert_eq!(of(&["others", "OPS"]), None);
        assert_eq!(settings(Some(Role::Viewer)).granted(&[]).map(|granted| granted.role), Some(Role::Viewer));
    }

    #[test]
    fn groups_are_a_text_or_a_list_wherever_the_claim_is() {
        let read = |claim: &str, claims: Value| {
            let settings = ProviderSettings { groups_claim: claim.to_owned(), ..settings(None) };
            settings.groups(claims.as_object().unwrap())
        };
        assert_eq!(read("groups", json!({"groups": "ops"})), Some(vec!["ops".to_owned()]));
        assert_eq!(read("groups", json!({"groups": ["a", 1, "b"]})), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(read("groups", json!({"groups": {"a": 1}})), Some(vec![]));
        assert_eq!(read("groups", json!({})), None);
        assert_eq!(read("realm_access.roles", json!({"realm_access": {"roles": ["x"]}})), Some(vec!["x".to_owned()]));
        assert_eq!(read("https://a.example/g", json!({"https://a.example/g": ["y"]})), Some(vec!["y".to_owned()]));
    }

    #[test]
    fn what_is_secret_shows_itself_to_nobody_by_chance() {
        let shown = format!("{:?}", settings(None));
        assert!(!shown.contains("s3cret") && !shown.contains("k3y"), "{shown}");
    }
}
