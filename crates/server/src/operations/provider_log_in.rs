//! Coming in by a provider: away to it, back from it, and who that is here.
//!
//! People are known by the provider and who they are there, never by an address or a name. Where groups say what somebody
//! is, they say so anew at each log-in.

use jiff::Timestamp;
use revere_model::{Act, Operation};

use super::{
    Context, Failure, Refusal, Services,
    log_in::{self, Begun, Browser},
    person_name::checked_name,
    refusals::about,
};
use crate::{
    access::oidc::{Granted, Identity, Provider, Refused, Told},
    store::{AuditEntry, Lookup, NewUser, User, UserChange},
};

/// A provider, as the page of log-ins offers it.
pub struct Offered {
    /// Names it in addresses.
    pub key: &'static str,
    /// What people call it.
    pub name: String,
}

/// Where a browser goes, and what it keeps until it is back.
pub struct Away {
    /// The provider's page.
    pub address: String,
    /// What the browser keeps.
    pub cookie: String,
}

/// Somebody who came back, with a session.
pub struct Back {
    /// Their session.
    pub begun: Begun,
    /// Where they wanted to.
    pub to: String,
}

/// The providers there are.
pub fn offered(context: &Context) -> Vec<Offered> {
    let providers = &context.log_in_settings().providers;
    providers.iter().map(|provider| Offered { key: provider.key, name: provider.name.clone() }).collect()
}

/// The provider that a person comes from, if it still is one.
pub fn of(context: &Context, user: &User) -> Option<Offered> {
    let (issuer, _) = user.identity.as_ref()?;
    let provider = context.log_in_settings().providers.iter().find(|provider| provider.issuer == *issuer)?;
    Some(Offered { key: provider.key, name: provider.name.clone() })
}

/// Whether the groups of whoever comes from there say what they are, at each log-in anew.
pub fn groups_decide(context: &Context, user: &User) -> bool {
    let issuer = user.identity.as_ref().map(|(issuer, _)| issuer);
    let mut providers = context.log_in_settings().providers.iter();
    providers.any(|provider| Some(&provider.issuer) == issuer && !provider.roles.is_empty())
}

/// Sends a browser to a provider. With `again` somebody who is in shows anew who they are.
pub async fn depart(context: &Context, key: &str, to: &str, again: bool) -> Result<Away, Failure> {
    let provider = provider(context.may(Operation::LogIn)?, key)?;
    let departure = provider.depart(to, again, context.now()).await;
    let departure = departure.map_err(|refused| told(context, provider, None, &refused))?;
    Ok(Away { address: departure.address.into(), cookie: departure.cookie })
}

/// Takes somebody in who comes back: `query` is that of the address they came to, `cookie` what their browser kept.
pub async fn arrive(
    context: &Context,
    key: &str,
    query: &str,
    cookie: Option<&str>,
    browser: &Browser,
) -> Result<Back, Failure> {
    let services = context.may(Operation::LogIn)?;
    let provider = provider(services, key)?;
    let now = context.now();
    let returned = provider.returned(query, cookie, now).map_err(|refused| told(context, provider, None, &refused))?;
    // Only what was begun in that browser counts: what a foreign page has it ask for does not.
    provider.returns.count(context.actor().address, now).map_err(|wait| {
        let slowed = |entry: AuditEntry| {
            entry.saying("by", provider.settings.key).saying("why", "too many came back from there")
        };
        context.refused(Act::LogInSlowed, slowed);
        Failure::TooOften { retry_after: wait }
    })?;
    let arrival = provider.arrive(returned, now).await;
    let arrival = arrival.map_err(|refused| told(context, provider, None, &refused))?;
    let user = person(context, services, provider, &arrival.identity).await?;
    // A provider that can be made to ask anew has to say when it asked, or nothing is proved until it does. Of one that cannot,
    // coming back is all there is.
    let asks_again = provider.settings.asks_again;
    let asked_at = arrival.identity.asked_at.unwrap_or(if asks_again { Timestamp::UNIX_EPOCH } else { now });
    let proved_at = asked_at.min(now);
    let begun = log_in::begin_proved(context, &user, provider.settings.key, browser, proved_at).await?;
    Ok(Back { begun, to: arrival.to })
}

/// Where somebody logs out at the provider too, if it has a page for that.
pub fn log_out_address(context: &Context, key: &str) -> Result<Option<String>, Failure> {
    let provider = provider(context.may(Operation::LogIn)?, key)?;
    Ok(provider.log_out_address().map(String::from))
}

/// The person that an identity is, made at first sight, and as the provider says they are.
async fn person(
    context: &Context,
    services: &Services,
    provider: &Provider,
    identity: &Identity,
) -> Result<User, Failure> {
    let lookup = || Lookup::Identity(identity.issuer.clone(), identity.subject.clone());
    let mut user = services.store.user(lookup()).await.map_err(Failure::Store)?;
    let granted = match (&identity.granted, &user) {
        (Ok(granted), _) => Some(granted),
        // Whoever was made something here stays that.
        (Err(_), Some(_)) if !identity.decides => None,
        (Err(refused), None) => return Err(told(context, provider, None, &refused.of(&identity.subject))),
        // Whoever has lost every role is out, wherever they are still in.
        (Err(refused), Some(user)) => {
            services.store.put_out(user.id, &context.asked_of_itself()).await.map_err(Failure::Store)?;
            services.access.announce();
            return Err(told(context, provider, Some(user), &refused.of(&identity.subject)));
        }
    };
    if let (None, Some(granted)) = (&user, granted) {
        user = create(context, services, provider, identity, granted).await?;
    }
    // Who else made them at the same moment has made the same.
    let user = match user {
        Some(user) => user,
        None => services.store.user(lookup()).await.map_err(Failure::Store)?.ok_or(Failure::NotLetIn)?,
    };
    if user.disabled_at.is_some() {
        refused(context, provider, Some(&user), "they are disabled");
        return Err(Failure::NotLetIn);
    }
    match granted.filter(|_| identity.decides) {
        Some(granted) => as_granted(context, services, user, granted).await,
        None => Ok(user),
    }
}

/// Makes a person; `None` where somebody has made them meanwhile.
async fn create(
    context: &Context,
    services: &Services,
    provider: &Provider,
    identity: &Identity,
    granted: &Granted,
) -> Result<Option<User>, Failure> {
    let name = identity.names.iter().find_map(|name| checked_name(name).ok()).unwrap_or_default();
    let new = NewUser {
        name: name.clone(),
        role: granted.role,
        tags: granted.tags.clone(),
        password_hash: None,
        identity: Some((identity.issuer.clone(), identity.subject.clone())),
        link: None,
    };
    let made = services.store.create_user(new, &context.asked_of_itself()).await.map_err(Failure::Store)?;
    if let Some(user) = &made {
        if !services.store.has_administrator(context.now()).await.map_err(Failure::Store)? {
            tracing::warn!(
                "nobody is an administrator yet; `revere user role '{}' administrator` makes them one",
                user.name
            );
        }
        return Ok(made);
    }
    let namesake = services.store.user(Lookup::Name(name.clone())).await.map_err(Failure::Store)?;
    if namesake.as_ref().is_some_and(|user| !is_identity(user, identity)) {
        let refused = Refused::new("somebody else has this name here, and a name proves nothing", Told::NameTaken)
            .of(&identity.subject);
        return Err(told(context, provider, None, &refused));
    }
    Ok(None)
}

/// Whether a person is who the provider speaks of.
fn is_identity(user: &User, identity: &Identity) -> bool {
    user.identity.as_ref().is_some_and(|(issuer, subject)| *issuer == identity.issuer && *subject == identity.subject)
}

/// The person with the role that their groups give them.
async fn as_granted(context: &Context, services: &Services, user: User, granted: &Granted) -> Result<User, Failure> {
    if user.role == granted.role && user.tags == granted.tags {
        return Ok(user);
    }
    let change = UserChange { role: Some(granted.role), tags: Some(granted.tags.clone()), disabled: None };
    let changed =
        services.store.change_user(user.id, change, &context.asked_of_itself()).await.map_err(Failure::Store)?;
    let Some(changed) = changed else {
        tracing::warn!(
            name = user.name,
            "their groups make them less than an administrator, but they are the last one: they stay one until there is another"
        );
        return Ok(user);
    };
    services.access.announce();
    Ok(changed)
}

fn provider<'a>(services: &'a Services, key: &str) -> Result<&'a Provider, Failure> {
    services.access.provider(key).ok_or_else(|| Failure::NotFound {
        what: "way to log in called",
        key: key.chars().take(40).collect::<String>() + "; the page /login has those there are",
    })
}

/// Writes down why somebody was not let in, and answers what they are told.
fn told(context: &Context, provider: &Provider, user: Option<&User>, why: &Refused) -> Failure {
    refused(context, provider, user, &why.reason);
    Refusal::one("", why.words(&provider.settings.name)).into()
}

fn refused(context: &Context, provider: &Provider, user: Option<&User>, why: &str) {
    context.refused(Act::LogInRefused, |entry| about(entry.saying("by", provider.settings.key), user, why));
}
