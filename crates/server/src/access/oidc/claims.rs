//! Who somebody is, out of claims that are true.

use jiff::Timestamp;
use openidconnect::AccessToken;
use serde_json::{Map, Value};

use super::{Granted, Provider, Refused, Told, discovery::Known, user_info};
use crate::random_secrets::digest;

/// Who somebody is at a provider, and what that makes them here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Who they are there, for ever.
    pub subject: String,
    /// What they may be called here; the first that can be is taken.
    pub names: Vec<String>,
    /// What they are here, or why nothing.
    pub granted: Result<Granted, Refused>,
    /// When the provider asked them who they are, if it says.
    pub asked_at: Option<Timestamp>,
    /// Whether that role holds for people who were here before, too.
    pub decides: bool,
}

/// Reads an identity. The domain is taken from the token alone; groups, names and an address may come from the provider's
/// answer to whoever has the access token, where the token has none.
pub(super) async fn identity(
    provider: &Provider,
    known: &Known,
    mut claims: Map<String, Value>,
    access_token: &AccessToken,
) -> Result<Identity, Refused> {
    let settings = &provider.settings;
    let text = |claims: &Map<String, Value>, name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    check_address(&claims)?;
    if let Some(domain) = &settings.hosted_domain {
        check_domain(&claims, domain)?;
    }
    let subject = text(&claims, "sub").unwrap_or_default();
    let wants_groups = !settings.roles.is_empty() && settings.groups(&claims).is_none();
    let wants_name = !["preferred_username", "name", "email"].iter().any(|name| claims.contains_key(*name));
    if (wants_groups || wants_name)
        && let Some(more) = user_info(provider, known, access_token).await?
    {
        let theirs = text(&more, "sub").unwrap_or_default();
        if theirs != subject {
            return Err(Refused::failed(format!(
                "the userinfo endpoint speaks of {:?}, and the id_token of {:?}",
                short(&theirs),
                short(&subject)
            )));
        }
        check_address(&more)?;
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
    let groups = settings.groups(&claims).unwrap_or_default();
    let granted = settings.granted(&groups).ok_or_else(|| {
        let groups: Vec<&str> = groups.iter().map(String::as_str).take(20).collect();
        let reason = format!("no group of theirs has a role here; they are in {groups:?} ({})", settings.groups_claim);
        Refused::new(reason, Told::NoRole)
    });
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let address = text(&claims, "email").filter(|_| verified);
    let names = match settings.hosted_domain {
        Some(_) => vec![address],
        // An address proves nothing unless it was verified.
        None => {
            let chosen = |name: &str| text(&claims, name).filter(|name| !name.contains('@'));
            vec![chosen("preferred_username"), address, chosen("name")]
        }
    };
    let mut names: Vec<String> = names.into_iter().flatten().collect();
    names.push(format!("person-{}", &digest(&format!("{}\n{subject}", settings.issuer))[..12]));
    let asked_at = claims.get("auth_time").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok());
    Ok(Identity {
        issuer: settings.issuer.clone(),
        subject,
        names,
        granted,
        asked_at,
        decides: !settings.roles.is_empty(),
    })
}

/// An address is one, or none at all.
fn check_address(claims: &Map<String, Value>) -> Result<(), Refused> {
    let Some(address) = claims.get("email") else { return Ok(()) };
    let address = address.as_str().unwrap_or_default();
    let good =
        address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
            && address.len() <= 254
            && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    if good { Ok(()) } else { Err(Refused::failed(format!("{:?} is no address (email)", short(address)))) }
}

/// Whether the token is of an account of this domain, whose address the provider verified.
fn check_domain(claims: &Map<String, Value>, domain: &str) -> Result<(), Refused> {
    let other = |reason| Err(Refused::new(reason, Told::OfDomain(domain.to_owned())));
    match claims.get("hd") {
        None => return other(format!("the account is of no domain (hd), and not of {domain}")),
        Some(of) if of.as_str() == Some(domain) => {}
        Some(of) => {
            return other(format!("the account is of the domain {} (hd), and not of {domain}", short(&of.to_string())));
        }
    }
    if !claims.contains_key("email") {
        return Err(Refused::failed("the id_token has no address (email)"));
    }
    match claims.get("email_verified") {
        Some(Value::Bool(true)) => Ok(()),
        Some(_) => Err(Refused::failed("the provider did not verify the address (email_verified)")),
        None => Err(Refused::failed(
            "the provider does not say whether it verified the address (email_verified is missing)",
        )),
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
