//! Coming in and going out: who a secret belongs to, log-in by name and password, log-out.
//!
//! Every refusal of a log-in has one message and is told at one time: whether there is such a person, whether they are
//! disabled, whether a second factor is wanted, nobody learns who cannot come in. Guessing is slowed by name and by
//! address, and nobody is locked out by it: from where a person came in before, the right password is taken all the same.
//! Codes of a second factor have a budget of their own, wherever whoever guesses comes from (`code_check.rs`).

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use revere_model::{Act, Operation, SessionId, UserId, Who};

use super::{
    Context, Failure, Services,
    code_check::{self, CodeCheck},
    last_used::{is_due, note},
    refusals::about,
};
use crate::{
    access::{
        self, Busy, Queue, address_text,
        secrets::{Secret, digest},
        wait_after,
    },
    store::{Lookup, NewSession, User},
};

/// What a request brings to show who sent it.
#[derive(Clone)]
pub enum Credential {
    /// The secret of a session, from a cookie.
    Session(String),
    /// An API token.
    Token(String),
    /// A name, by the word of a proxy that is believed.
    Proxied(String),
}

/// What a person fills in.
#[derive(Clone, Default)]
pub struct LogIn {
    /// What they are called.
    pub name: String,
    /// Their password.
    pub password: String,
    /// A code of their second factor, or a recovery code; empty for none.
    pub code: String,
}

/// The browser that a session is for.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// What it says it is.
    pub user_agent: String,
}

/// A session that has begun.
pub struct Begun {
    /// What the browser shows from now on.
    pub secret: Secret,
    /// When it ends, whatever its person does.
    pub ends_at: Timestamp,
    /// Which one it is.
    pub id: SessionId,
}

/// What goes on for long is looked at so often.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(20);

/// How long it may take to find out who asks, where whoever it is is answered.
const IDENTIFYING: Duration = Duration::from_millis(500);

/// Who it is who asks how the server is: found out in half a second, or, where the database does not answer, by what was known of
/// their token a short while ago. `None` is anybody.
pub async fn identify_in_a_moment(context: &Context, credential: &Credential) -> Option<Who> {
    let identified = tokio::time::timeout(IDENTIFYING, identify(context, credential, true)).await;
    let services = context.may(Operation::LogIn).ok()?;
    let (known, now) = (&services.access.known_tokens, context.now());
    match (identified, credential) {
        (Ok(Ok(who)), Credential::Token(secret)) => {
            known.note(digest(secret), who.as_ref(), now);
            who
        }
        (Ok(Ok(who)), _) => who,
        (Ok(Err(_)) | Err(_), Credential::Token(secret)) => known.find(&digest(secret), now),
        _ => None,
    }
}

/// Who shows this; `None` where it opens nothing (any more). With `is_use`, somebody uses it: what an open page asks by
/// itself is none, or a session would never be idle.
pub async fn identify(context: &Context, credential: &Credential, is_use: bool) -> Result<Option<Who>, Failure> {
    let services = context.may(Operation::LogIn)?;
    let now = context.now();
    // A way in that was taken out of the configuration is none any more, wherever people are still in.
    let goes_on = |issuer: Option<&str>| services.access.settings.has_provider(issuer);
    match credential {
        Credential::Session(secret) => {
            let seen_since = services.access.settings.seen_since(now);
            let found = services.store.session(&digest(secret), seen_since, now).await.map_err(Failure::Store)?;
            let Some(session) = found.filter(|session| goes_on(session.user_issuer.as_deref())) else {
                return Ok(None);
            };
            if is_use && is_due(Some(session.seen_at), now) {
                let (store, id) = (services.store.clone(), session.id);
                note(async move { store.session_seen(id, now).await });
            }
            Ok(Some(Who::Person {
                id: session.user,
                name: session.user_name,
                rights: session.rights,
                session: Some(session.id),
            }))
        }
        Credential::Proxied(name) => super::proxy_log_in::identify(context, name, is_use).await,
        Credential::Token(secret) => {
            let found = services.store.token(&digest(secret), now).await.map_err(Failure::Store)?;
            let Some(token) = found.filter(|token| goes_on(token.owner_issuer.as_deref())) else { return Ok(None) };
            if is_use && is_due(token.used_at, now) {
                let (store, id, from) = (services.store.clone(), token.id, address_text(context.actor().address));
                note(async move { store.token_used(id, from, now).await });
            }
            Ok(Some(Who::Token {
                id: token.id,
                name: token.name,
                owner: token.owner,
                owner_name: token.owner_name,
                rights: token.rights,
            }))
        }
    }
}

/// Waits until what whoever asks showed opens something else than it did, or nothing any more.
pub async fn until_changed(context: &Context, credential: &Credential) {
    let Ok(services) = context.may(Operation::LogIn) else { return };
    let mut changes = services.access.changes();
    loop {
        match identify(context, credential, false).await {
            Ok(Some(who)) if who == context.actor().who => {}
            // A store that does not answer now says nothing of anybody's rights.
            Err(_) => {}
            _ => return,
        }
        // Another process may have changed it, or time alone.
        let _ = tokio::time::timeout(LOOKED_AT_EVERY, changes.changed()).await;
    }
}

/// Logs a person in by name and password, and a second factor where they have one.
pub async fn by_password(context: &Context, log_in: &LogIn, browser: &Browser) -> Result<Begun, Failure> {
    let services = context.may(Operation::LogIn)?;
    if !services.access.settings.local_users {
        return Err(no_local_users());
    }
    counted(context, services)?;
    let begun = Instant::now();
    let user = async {
        let user = services.store.user(Lookup::Name(log_in.name.clone())).await.map_err(Failure::Store)?;
        shown(context, services, user, log_in).await
    };
    let user = user.await;
    if user.is_err() {
        access::at_a_full_step(begun).await;
    }
    begin(context, &user?, "password", browser).await
}

/// The person, if password and code are theirs. Counts failures, and slows down whoever makes many.
pub(super) async fn shown(
    context: &Context,
    services: &Services,
    user: Option<User>,
    log_in: &LogIn,
) -> Result<User, Failure> {
    let now = context.now();
    let is_known = is_known(services, user.as_ref(), context.actor().address, now).await?;
    let name_hash = name_hash(&log_in.name);
    let waits = code_check::waits(services, &name_hash, now).await?;
    // While a name waits, only somebody who came in from here before is looked at.
    if let Some(wait) = waits
        && !is_known
    {
        context.refused(Act::LogInSlowed, |entry| about(entry, user.as_ref(), "too many failed under this name"));
        return Err(Failure::TooOften { retry_after: wait });
    }
    let kept = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let queue = if is_known { Queue::Known } else { Queue::Strangers };
    let verified = services.access.passwords.verify(&log_in.password, kept, queue).await.map_err(busy)?;
    // Others may have failed under this name meanwhile: whoever asks many times at once has no more guesses for it.
    let waits = match waits {
        Some(wait) => Some(wait),
        None => code_check::waits(services, &name_hash, now).await?,
    };
    if let Some(wait) = waits
        && !is_known
    {
        context.refused(Act::LogInSlowed, |entry| about(entry, user.as_ref(), "too many failed under this name"));
        return Err(Failure::TooOften { retry_after: wait });
    }
    let why = match &user {
        None => "nobody has this name",
        Some(_) if !verified.right => "wrong password",
        Some(user) if user.disabled_at.is_some() => "disabled",
        Some(_) => "wrong code",
    };
    let may = user.as_ref().filter(|user| verified.right && user.disabled_at.is_none());
    let code = match may {
        Some(user) => Some(code_check::check(context, services, user, &log_in.code).await?),
        None => None,
    };
    let mut user = match (user, code) {
        (Some(user), Some(CodeCheck::Right)) => user,
        (user, code) => {
            let why = if let Some(CodeCheck::Waits(_)) = code { "too many wrong codes" } else { why };
            let codes_of = user.as_ref().filter(|_| code == Some(CodeCheck::Wrong)).map(|user| user.id);
            return Err(match waits {
                // A guess while everybody else waits does not make them wait longer; one of a code makes the next one wait.
                Some(wait) => {
                    if let Some(id) = codes_of {
                        services.store.code_failed(id, wait_after, now).await.map_err(Failure::Store)?;
                    }
                    context.refused(Act::LogInRefused, |entry| about(entry, user.as_ref(), why));
                    Failure::TooOften { retry_after: wait }
                }
                // The same words and the same count as for a wrong password, also for a code that nobody looked at: who is
                // told that codes wait knows that the password is right.
                None => {
                    let entry = context.refusal(Act::LogInRefused).map(|entry| about(entry, user.as_ref(), why));
                    let failed = services.store.login_failed(name_hash, codes_of, wait_after, entry, now).await;
                    failed.map_err(Failure::Store)?;
                    Failure::NotLetIn
                }
            });
        }
    };
    if verified.outdated
        && let (Ok(anew), Some(was)) = (services.access.passwords.hash(&log_in.password).await, &user.password_hash)
    {
        services.store.rehash_password(user.id, was.clone(), anew.clone()).await.map_err(Failure::Store)?;
        user.password_hash = Some(anew);
    }
    Ok(user)
}

/// Begins a session of a person who has shown, in the way `method`, who they are. Every way of logging in ends here.
pub async fn begin(context: &Context, user: &User, method: &'static str, browser: &Browser) -> Result<Begun, Failure> {
    begin_proved(context, user, method, browser, context.now()).await
}

/// The same for a person who showed who they are some time before.
pub(super) async fn begin_proved(
    context: &Context,
    user: &User,
    method: &'static str,
    browser: &Browser,
    proved_at: Timestamp,
) -> Result<Begun, Failure> {
    let services = context.may(Operation::LogIn)?;
    let now = context.now();
    let (secret, ends_at) = (Secret::new(), services.access.settings.ends_at(now));
    let instead_of = match &context.actor().who {
        Who::Person { id, session: Some(session), .. } => Some((*id, *session)),
        _ => None,
    };
    let session = NewSession {
        secret_hash: secret.hash(),
        user: user.id,
        password_hash: user.password_hash.clone(),
        totp_key: user.totp_key.clone(),
        method,
        address: address_text(context.actor().address),
        user_agent: browser.user_agent.chars().filter(|c| !c.is_control()).take(300).collect(),
        proved_at,
        ends_at,
        instead_of,
    };
    let begun = services.store.begin_session(session, name_hash(&user.name), &context.asked()).await;
    let id = begun.map_err(Failure::Store)?.ok_or(Failure::NotLetIn)?;
    if instead_of.is_some() {
        services.access.announce();
    }
    Ok(Begun { secret, ends_at, id })
}

/// Ends the session that whoever asks is in, if they are in one. Answers in which way they came.
pub async fn log_out(context: &Context) -> Result<Option<String>, Failure> {
    let services = context.may(Operation::LogIn)?;
    let Who::Person { id, session: Some(session), .. } = &context.actor().who else { return Ok(None) };
    let method = services.store.session_method(*id, *session).await.map_err(Failure::Store)?;
    let ended = services.store.end_session(*id, *session, Act::LoggedOut, &context.asked()).await;
    ended.map_err(Failure::Store)?;
    services.access.announce();
    Ok(method)
}

/// Whether somebody may try under this name now.
pub(super) async fn may_try(services: &Services, name: &str, now: Timestamp) -> Result<(), Failure> {
    match code_check::waits(services, &name_hash(name), now).await? {
        Some(wait) => Err(Failure::TooOften { retry_after: wait }),
        None => Ok(()),
    }
}

/// Counts one more wrong code of this person, and one more that failed to show who they are under their name.
pub(super) async fn code_failed(context: &Context, services: &Services, user: &User) -> Result<(), Failure> {
    let entry = context.refusal(Act::LogInRefused).map(|entry| about(entry, Some(user), "wrong code"));
    let now = context.now();
    let failed = services.store.login_failed(name_hash(&user.name), Some(user.id), wait_after, entry, now).await;
    failed.map_err(Failure::Store)
}

/// Counts one more try from this address.
pub(super) fn counted(context: &Context, services: &Services) -> Result<(), Failure> {
    services.access.addresses.count(context.actor().address, context.now()).map_err(|wait| {
        context.refused(Act::LogInSlowed, |entry| about(entry, None, "too many tries from this address"));
        Failure::TooOften { retry_after: wait }
    })
}

async fn is_known(
    services: &Services,
    user: Option<&User>,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<bool, Failure> {
    let since = now.saturating_sub(access::ADDRESS_KNOWN_FOR).unwrap_or(now);
    // Asked for nobody as well: the time that it takes must not tell which names there are.
    let id = user.map_or(UserId(0), |user| user.id);
    let known = services.store.came_from(id, &address_text(address), since).await.map_err(Failure::Store)?;
    Ok(known && user.is_some() && address.is_some())
}

/// Failures are counted under any name, so that a row tells nobody which names there are.
fn name_hash(name: &str) -> String {
    digest(&format!("name {}", name.to_lowercase()))
}

pub(super) fn busy(Busy: Busy) -> Failure {
    Failure::NotNow {
        detail: "too many people are logging in at this moment; try again in a few seconds".to_owned(),
        retry_after: Duration::from_secs(5),
    }
}

/// Where people do not log in with a password of ours.
pub(super) fn no_local_users() -> Failure {
    Failure::NotPossible(
        "nobody logs in here with a password: that is switched on by LOCAL_USERS = True in config.py, and a restart"
            .to_owned(),
    )
}
