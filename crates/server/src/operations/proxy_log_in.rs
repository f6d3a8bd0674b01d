//! Who comes through a proxy that says who it is. The proxy is asked for nothing: each of its requests names somebody, who
//! is in for that request. A person of that name is made at first sight.

use revere_model::{Act, Operation, Who};

use super::{
    Context, Failure, Services,
    last_used::{self, is_due},
    person_name::checked_name,
    refusals::about,
};
use crate::{
    access::PROXY_ISSUER as ISSUER,
    store::{Lookup, NewUser, User},
};

/// The person that a proxy names; `None` where they may not come in. With `is_use` it is noted that they did.
pub async fn identify(context: &Context, name: &str, is_use: bool) -> Result<Option<Who>, Failure> {
    let services = context.may(Operation::LogIn)?;
    let lookup = || Lookup::Identity(ISSUER.to_owned(), name.to_owned());
    let mut user = services.store.user(lookup()).await.map_err(Failure::Store)?;
    if user.is_none() {
        user = match create(context, services, name).await {
            Ok(true) => services.store.user(lookup()).await.map_err(Failure::Store)?,
            Ok(false) => None,
            Err(failure) => return Err(failure),
        };
    }
    let Some(user) = user else { return Ok(None) };
    if user.disabled_at.is_some() {
        // What goes on for long looks again and again, which nobody asked for.
        if is_use {
            refused(context, Some(&user), "they are disabled");
        }
        return Ok(None);
    }
    if is_use {
        note(context, services, &user);
    }
    let rights = user.rights();
    Ok(Some(Who::Person { id: user.id, name: user.name, rights, session: None }))
}

/// Notes that somebody who is no trusted proxy sent the header of one.
pub fn foreign_header(context: &Context) {
    refused(context, None, "the header of PROXY_USER_HEADER came from none of TRUSTED_PROXIES, and counts for nothing");
}

/// Notes that a request named more than one person.
pub fn several_headers(context: &Context) {
    refused(
        context,
        None,
        "the header of PROXY_USER_HEADER came more than once: the proxy adds it, and must replace it",
    );
}

/// Makes a person; false where nobody is made.
async fn create(context: &Context, services: &Services, name: &str) -> Result<bool, Failure> {
    let Some(role) = services.access.settings.proxy_role else {
        refused(context, None, &format!("nobody has made {:?}, and DEFAULT_ROLE makes nobody", short(name)));
        return Ok(false);
    };
    let Ok(checked) = checked_name(name) else {
        let why = format!("{:?} is no name: it is made of letters, digits, spaces and . - _ @ + '", short(name));
        refused(context, None, &why);
        return Ok(false);
    };
    let identity = Some((ISSUER.to_owned(), name.to_owned()));
    let new = NewUser { name: checked, role, tags: Vec::new(), password_hash: None, identity, link: None };
    if services.store.create_user(new, &context.asked_of_itself()).await.map_err(Failure::Store)?.is_some() {
        return Ok(true);
    }
    let namesake = services.store.user(Lookup::Name(name.to_owned())).await.map_err(Failure::Store)?;
    let same =
        |user: &User| user.identity.as_ref().is_some_and(|(issuer, subject)| issuer == ISSUER && subject == name);
    if namesake.as_ref().is_some_and(|user| !same(user)) {
        refused(context, namesake.as_ref(), "somebody else has this name here: `revere user rename` makes room");
        return Ok(false);
    }
    Ok(true)
}

fn short(name: &str) -> String {
    name.chars().take(100).collect()
}

fn refused(context: &Context, user: Option<&User>, why: &str) {
    context.refused(Act::LogInRefused, |entry| about(entry.saying("by", ISSUER), user, why));
}

/// When somebody came in, to a minute.
fn note(context: &Context, services: &Services, user: &User) {
    let now = context.now();
    if is_due(user.logged_in_at, now) {
        let (store, id) = (services.store.clone(), user.id);
        last_used::note(async move { store.came_in(id, now).await });
    }
}
