//! Who may come in, and what each may do.
//!
//! Whoever has an administrator's open browser could take any account over: what gives somebody power, or takes a second
//! factor away, is done only a few minutes after the administrator showed who they are. Putting somebody out is not held up.
//! The acts are functions of their own, for the command line, which needs no server around it.

use revere_model::{Act, Asked, MAX_TAG, MAX_TAGS, Operation, Role, UserId};

use super::{
    Context, Failure, FieldFault, Refusal, Services,
    account::{has_proved, link_ends_at},
    person_name::checked_name,
};
use crate::{
    access::{LogInSettings, secrets::Secret},
    store::{Link, Lookup, NewUser, Store, User, UserChange},
};

/// What somebody wants a person to be.
#[derive(Clone, Debug, Default)]
pub struct PersonInput {
    /// What they are called, and log in by.
    pub name: String,
    /// What they are, as a word.
    pub role: String,
    /// For an editor: the tags whose monitors they edit.
    pub tags: Vec<String>,
}

/// Everybody, by name, at most `limit`.
pub async fn list(context: &Context, after: &str, limit: u32) -> Result<Vec<User>, Failure> {
    context.may(Operation::ManagePeople)?.store.users(after, limit).await.map_err(Failure::Store)
}

/// One person.
pub async fn get(context: &Context, id: UserId) -> Result<User, Failure> {
    let user = context.may(Operation::ManagePeople)?.store.user(Lookup::Id(id)).await.map_err(Failure::Store)?;
    user.ok_or_else(|| unknown(id))
}

/// Makes a person, and the secret of a link by which they choose a password.
pub async fn add(context: &Context, input: &PersonInput) -> Result<(User, Secret), Failure> {
    let services = managing(context).await?;
    has_passwords(&services.access.settings)?;
    let secret = Secret::new();
    let user = create(&services.store, input, FirstPassword::ByLink(&secret), &context.asked()).await?;
    Ok((user, secret))
}

/// Changes what a person may do, or whether they may come in at all.
pub async fn change(
    context: &Context,
    id: UserId,
    role: Option<&str>,
    tags: Option<Vec<String>>,
    disabled: Option<bool>,
) -> Result<User, Failure> {
    let services = managing(context).await?;
    let mut faults = Vec::new();
    let change = UserChange {
        role: role.and_then(|role| checked_role(role, &mut faults)),
        tags: tags.map(|tags| checked_tags(tags, &mut faults)),
        disabled,
    };
    let change = Refusal::unless_clean(faults, change)?;
    let user = change_one(&services.store, id, change, &context.asked()).await?;
    services.access.announce();
    Ok(user)
}

/// Makes a link by which a person chooses another password.
pub async fn link(context: &Context, id: UserId) -> Result<(User, Secret), Failure> {
    let services = managing(context).await?;
    let user = get(context, id).await?;
    is_enabled(&user, "enable them first")?;
    has_own_password(&user)?;
    has_passwords(&services.access.settings)?;
    let secret = new_link(&services.store, id, &context.asked()).await?;
    Ok((user, secret))
}

/// Refuses where people come in by other ways alone: a password, or a link to choose one, leads nowhere there.
pub fn has_passwords(settings: &LogInSettings) -> Result<(), Failure> {
    settings.no_passwords().map_or(Ok(()), |why| Err(Failure::NotPossible(why)))
}

/// Refuses for whoever comes by a provider, and could come in with a password when the provider lets them no more.
pub fn has_own_password(user: &User) -> Result<(), Failure> {
    match user.identity {
        None => Ok(()),
        Some(_) => Err(Failure::NotPossible(format!("{} logs in at a provider, and has no password here", user.name))),
    }
}

/// Refuses for whoever is disabled; `remedy` is what to do about it where somebody asks.
pub fn is_enabled(user: &User, remedy: &str) -> Result<(), Failure> {
    match user.disabled_at {
        None => Ok(()),
        Some(_) => Err(Failure::NotPossible(format!("{} is disabled; {remedy}", user.name))),
    }
}

/// Ends all sessions of a person.
pub async fn end_sessions(context: &Context, id: UserId) -> Result<(), Failure> {
    let services = context.may(Operation::ManagePeople)?;
    get(context, id).await?;
    services.store.end_sessions_of(id, Act::PersonPutOut, &context.asked()).await.map_err(Failure::Store)?;
    services.access.announce();
    Ok(())
}

/// Takes a person's second factor away, for whoever lost phone and recovery codes.
pub async fn remove_second_factor(context: &Context, id: UserId) -> Result<(), Failure> {
    let services = managing(context).await?;
    get(context, id).await?;
    take_second_factor(&services.store, id, &context.asked()).await?;
    services.access.announce();
    Ok(())
}

/// What is worked with, for whoever manages people and showed lately who they are.
async fn managing(context: &Context) -> Result<&Services, Failure> {
    let services = context.may(Operation::ManagePeople)?;
    has_proved(context).await?;
    Ok(services)
}

/// How somebody gets their first password.
pub enum FirstPassword<'a> {
    /// It is kept like this.
    Kept(String),
    /// They choose it by a link with this secret.
    ByLink(&'a Secret),
}

/// Makes a person.
pub async fn create(
    store: &Store,
    input: &PersonInput,
    password: FirstPassword<'_>,
    asked: &Asked,
) -> Result<User, Failure> {
    let mut faults = Vec::new();
    let name = checked_name(&input.name).unwrap_or_else(|refusal| {
        faults.extend(refusal.faults);
        String::new()
    });
    let role = checked_role(&input.role, &mut faults).unwrap_or(Role::Viewer);
    let tags = checked_tags(input.tags.clone(), &mut faults);
    let (password_hash, link) = match password {
        FirstPassword::Kept(hash) => (Some(hash), None),
        FirstPassword::ByLink(secret) => (None, Some((secret.hash(), link_ends_at(asked.at)))),
    };
    let new = Refusal::unless_clean(faults, NewUser { name, role, tags, password_hash, identity: None, link })?;
    let taken = format!("somebody is called {} already; choose another name", new.name);
    let made = store.create_user(new, asked).await.map_err(Failure::Store)?;
    made.ok_or_else(|| Failure::refused("name", taken))
}

/// Changes a person, if that leaves an administrator.
pub async fn change_one(store: &Store, id: UserId, change: UserChange, asked: &Asked) -> Result<User, Failure> {
    let changed = store.change_user(id, change, asked).await.map_err(super::failure::of("person", id))?;
    changed.ok_or_else(|| {
        Failure::NotPossible(
            "this is the last administrator who may come in; make another one first, or nobody could any more"
                .to_owned(),
        )
    })
}

/// Makes a person something else, if that leaves an administrator.
pub async fn give_role(
    store: &Store,
    id: UserId,
    role: &str,
    tags: Vec<String>,
    asked: &Asked,
) -> Result<User, Failure> {
    let mut faults = Vec::new();
    let (role, tags) = (checked_role(role, &mut faults), checked_tags(tags, &mut faults));
    let change = Refusal::unless_clean(faults, UserChange { role, tags: Some(tags), disabled: None })?;
    change_one(store, id, change, asked).await
}

/// Gives a person another name, and answers it.
pub async fn rename(store: &Store, id: UserId, name: &str, asked: &Asked) -> Result<String, Failure> {
    let name = checked_name(name)?;
    match store.rename_user(id, name.clone(), asked).await.map_err(Failure::Store)? {
        true => Ok(name),
        false => Err(Failure::refused("name", format!("somebody is called {name} already; choose another name"))),
    }
}

/// Takes a person's second factor away, with the recovery codes; all their sessions end.
pub async fn take_second_factor(store: &Store, id: UserId, asked: &Asked) -> Result<(), Failure> {
    store.remove_second_factor(id, None, Act::SecondFactorTaken, asked).await.map_err(Failure::Store)
}

/// Gives a person another password, which is kept like this; all their sessions end.
pub async fn give_password(store: &Store, id: UserId, kept: String, asked: &Asked) -> Result<(), Failure> {
    store.set_password(id, kept, None, Act::PasswordSet, asked).await.map_err(Failure::Store)
}

/// A link by which a person chooses a password.
pub async fn new_link(store: &Store, id: UserId, asked: &Asked) -> Result<Secret, Failure> {
    let secret = Secret::new();
    let link = store.create_link(secret.hash(), Link::Password(id), link_ends_at(asked.at), asked).await;
    link.map_err(Failure::Store)?;
    Ok(secret)
}

/// A link to become the first administrator; `None` where there is one.
pub async fn first_link(store: &Store, asked: &Asked) -> Result<Option<Secret>, Failure> {
    if store.has_administrator(asked.at).await.map_err(Failure::Store)? {
        return Ok(None);
    }
    let secret = Secret::new();
    let link = store.create_link(secret.hash(), Link::FirstAdministrator, link_ends_at(asked.at), asked).await;
    link.map_err(Failure::Store)?;
    Ok(Some(secret))
}

fn checked_role(role: &str, faults: &mut Vec<FieldFault>) -> Option<Role> {
    role.parse()
        .map_err(|fault: revere_model::ParseRoleError| faults.push(FieldFault::new("role", fault.to_string())))
        .ok()
}

pub(super) fn checked_tags(tags: Vec<String>, faults: &mut Vec<FieldFault>) -> Vec<String> {
    let mut checked: Vec<String> = Vec::new();
    for tag in tags.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty()) {
        if tag.chars().count() > MAX_TAG || tag.chars().any(char::is_control) {
            let message =
                format!("no monitor has such a tag: {MAX_TAG} characters at most, and none that cannot be seen");
            faults.push(FieldFault::new("tags", message));
        } else if !checked.iter().any(|known| known.to_lowercase() == tag.to_lowercase()) {
            checked.push(tag.to_owned());
        }
    }
    if checked.len() > MAX_TAGS {
        faults.push(FieldFault::new("tags", format!("{} tags: {MAX_TAGS} at most", checked.len())));
    }
    checked
}

fn unknown(id: UserId) -> Failure {
    Failure::NotFound { what: "person", key: id.to_string() }
}
