//! What a person decides about themselves: their sessions, their password, their second factor.
//!
//! What would give an account away to whoever sits down at an open browser (another password, another factor, a token, power
//! over others) is done only a few minutes after its person showed who they are.

use jiff::Timestamp;
use revere_model::{Act, Operation, Role, SessionId, UserId, Who};

use super::{
    Context, Failure, FieldFault, Refusal, Services,
    code_check::{self, CodeCheck},
    log_in::{self, Begun, Browser, LogIn, begin, busy, shown},
};
use crate::{
    access::{LINK_GOOD_FOR, PROOF_GOOD_FOR, password_fault, second_factor, secrets::digest},
    store::{Link, Lookup, NewUser, Session, User},
};

/// What a person sees of their account.
pub struct Account {
    /// Who they are.
    pub user: User,
    /// The session they are in; none where a proxy says who it is.
    pub session: Option<SessionId>,
    /// All their sessions.
    pub sessions: Vec<Session>,
    /// How many recovery codes they have left.
    pub recovery_codes: u64,
    /// Whether they showed who they are so lately that they may change what matters.
    pub proved: bool,
}

/// A second factor that was offered and waits for its first code.
pub struct Offer {
    /// For whoever cannot take a picture.
    pub key: String,
    /// What the picture says.
    pub address: String,
}

/// The account of whoever asks.
pub async fn get(context: &Context) -> Result<Account, Failure> {
    let (services, user, session) = own(context).await?;
    let now = context.now();
    let seen_since = services.access.settings.seen_since(now);
    let sessions = services.store.sessions_of(user.id, seen_since, now).await.map_err(Failure::Store)?;
    Ok(Account {
        recovery_codes: services.store.recovery_codes_left(user.id).await.map_err(Failure::Store)?,
        proved: is_proved(&sessions, session, now),
        user,
        session,
        sessions,
    })
}

/// Shows again who they are: password, and a code where there is a second factor. Wrong ones count as failed log-ins.
pub async fn prove(context: &Context, password: &str, code: &str) -> Result<(), Failure> {
    let (services, user, session) = own(context).await?;
    let Some(session) = session else { return Ok(()) };
    let id = user.id;
    let wrong = match user.totp_key {
        Some(_) => "that is not your password, or not a code of this moment",
        None => "that is not your password",
    };
    log_in::counted(context, services)?;
    let log_in = LogIn { name: user.name.clone(), password: password.to_owned(), code: code.to_owned() };
    match shown(context, services, Some(user), &log_in).await {
        Err(Failure::NotLetIn) => return Err(Refusal::one("password", wrong).into()),
        shown => shown?,
    };
    services.store.session_proved(id, session, &context.asked()).await.map_err(Failure::Store)
}

/// Chooses another password; all other sessions end.
pub async fn change_password(context: &Context, password: &str) -> Result<(), Failure> {
    let (services, user, session) = proved(context).await?;
    of_ours(&user)?;
    let kept = hashed(services, password, &user.name).await?;
    let asked = context.asked();
    let changed = services.store.set_password(user.id, kept, session, Act::PasswordChanged, &asked).await;
    changed.map_err(Failure::Store)?;
    services.access.announce();
    Ok(())
}

/// Makes a key for a second factor; it becomes one when a code of it is shown.
pub async fn offer_second_factor(context: &Context) -> Result<Offer, Failure> {
    let (services, user, _) = proved(context).await?;
    of_ours(&user)?;
    let key = second_factor::new_key();
    services.store.offer_second_factor(user.id, key.clone(), &context.asked()).await.map_err(Failure::Store)?;
    offer(key, &user.name)
}

/// The key that was offered last and waits for a code, shown again.
pub async fn offered(context: &Context) -> Result<Option<Offer>, Failure> {
    let (_, user, _) = proved(context).await?;
    user.totp_offered.map(|key| offer(key, &user.name)).transpose()
}

fn offer(key: String, name: &str) -> Result<Offer, Failure> {
    let address = second_factor::address(&key, name);
    let address = address.ok_or_else(|| Failure::Internal("a key of our own cannot be read".into()))?;
    Ok(Offer { key, address })
}

/// Confirms the second factor by a code of it. Answers the recovery codes, which nobody sees again; all other sessions end.
pub async fn confirm_second_factor(context: &Context, code: &str) -> Result<Vec<String>, Failure> {
    let (services, user, session) = proved(context).await?;
    let Some(key) = user.totp_offered else {
        return Err(Failure::NotPossible("no second factor is being set up; begin again".to_owned()));
    };
    let Some(step) = second_factor::step_of(&key, code, context.now()) else {
        return Err(Refusal::one("code", "that is not the code of this moment; is the phone's clock right?").into());
    };
    let codes = second_factor::recovery_codes();
    let hashes = codes.iter().map(|code| second_factor::recovery_hash(code)).collect();
    let confirmed = services.store.confirm_second_factor(user.id, key, step, hashes, session, &context.asked()).await;
    if !confirmed.map_err(Failure::Store)? {
        return Err(Failure::NotPossible("another key was made meanwhile; begin again".to_owned()));
    }
    services.access.announce();
    Ok(codes)
}

/// Takes the second factor away; all other sessions end.
pub async fn remove_second_factor(context: &Context) -> Result<(), Failure> {
    let (services, user, session) = proved(context).await?;
    let asked = context.asked();
    let removed = services.store.remove_second_factor(user.id, session, Act::SecondFactorRemoved, &asked).await;
    removed.map_err(Failure::Store)?;
    services.access.announce();
    Ok(())
}

/// Ends one of one's own sessions.
pub async fn end_session(context: &Context, id: SessionId) -> Result<(), Failure> {
    let (services, user, _) = own(context).await?;
    match services.store.end_session(user.id, id, Act::SessionEnded, &context.asked()).await.map_err(Failure::Store)? {
        true => {
            services.access.announce();
            Ok(())
        }
        false => Err(Failure::NotFound { what: "session", key: id.to_string() }),
    }
}

/// Ends all of one's own sessions, this one too.
pub async fn end_sessions(context: &Context) -> Result<(), Failure> {
    let (services, user, _) = own(context).await?;
    services.store.end_sessions_of(user.id, Act::SessionsEnded, &context.asked()).await.map_err(Failure::Store)?;
    services.access.announce();
    Ok(())
}

/// What a link that is good once is for, and whom; `None` where it is good for nothing (any more).
pub async fn link(context: &Context, secret: &str) -> Result<Option<(Link, Option<String>)>, Failure> {
    let services = context.may(Operation::LogIn)?;
    if !services.access.settings.local_users {
        return Ok(None);
    }
    match services.store.link(&digest(secret), context.now()).await.map_err(Failure::Store)? {
        Some(Link::Password(id)) => {
            let user = services.store.user(Lookup::Id(id)).await.map_err(Failure::Store)?;
            Ok(user.map(|user| (Link::Password(id), Some(user.name))))
        }
        Some(Link::FirstAdministrator) => Ok(Some((Link::FirstAdministrator, None))),
        None => Ok(None),
    }
}

/// Uses a link up: makes the first administrator, called `name`, or keeps the password that its person chose; and logs them
/// in. A person with a second factor shows a code of it: a link is good for a password and for nothing else.
pub async fn use_link(
    context: &Context,
    secret: &str,
    name: &str,
    password: &str,
    code: &str,
    browser: &Browser,
) -> Result<Begun, Failure> {
    let services = context.may(Operation::LogIn)?;
    let now = context.now();
    log_in::counted(context, services)?;
    let spent =
        || Failure::NotFound { what: "link of that name, or it was used already:", key: "ask for another".into() };
    let (link, _) = link(context, secret).await?.ok_or_else(spent)?;
    let user = match link {
        Link::FirstAdministrator => {
            let name = super::person_name::checked_name(name)?;
            // Before the link is used up by it.
            let taken = services.store.user(Lookup::Name(name.clone())).await.map_err(Failure::Store)?;
            if taken.is_some() {
                return Err(Refusal::one("name", "somebody has this name already; choose another").into());
            }
            let password_hash = Some(hashed(services, password, &name).await?);
            let new = NewUser {
                name,
                role: Role::Administrator,
                tags: Vec::new(),
                password_hash,
                identity: None,
                link: None,
            };
            let made = services.store.create_first_administrator(digest(secret), new, &context.asked()).await;
            made.map_err(Failure::Store)?.ok_or_else(spent)?
        }
        Link::Password(id) => {
            let mut user = services.store.user(Lookup::Id(id)).await.map_err(Failure::Store)?.ok_or_else(spent)?;
            log_in::may_try(services, &user.name, now).await?;
            let kept = hashed(services, password, &user.name).await?;
            let not_now = || Failure::from(Refusal::one("code", "that is not the code of this moment"));
            match code_check::check(context, services, &user, code).await? {
                CodeCheck::Right => {}
                CodeCheck::Missing => return Err(not_now()),
                CodeCheck::Waits(retry_after) => return Err(Failure::TooOften { retry_after }),
                CodeCheck::Wrong => {
                    log_in::code_failed(context, services, &user).await?;
                    return Err(not_now());
                }
            }
            let used = services.store.use_password_link(digest(secret), id, kept.clone(), &context.asked()).await;
            if !used.map_err(Failure::Store)? {
                return Err(spent());
            }
            services.access.announce();
            user.password_hash = Some(kept);
            user
        }
    };
    begin(context, &user, "link", browser).await
}

/// When a link that is made now is good no longer.
pub(super) fn link_ends_at(now: Timestamp) -> Timestamp {
    now.saturating_add(LINK_GOOD_FOR).unwrap_or(now)
}

/// How a password that somebody chose is kept, if it may be one.
pub(super) async fn hashed(services: &Services, password: &str, name: &str) -> Result<String, Failure> {
    if let Some(fault) = password_fault(password, name) {
        return Err(Refusal { faults: vec![FieldFault::new("new_password", format!("the password {fault}"))] }.into());
    }
    services.access.passwords.hash(password).await.map_err(busy)
}

/// Whoever asks, as a person, and their session.
async fn own(context: &Context) -> Result<(&Services, User, Option<SessionId>), Failure> {
    let services = context.may(Operation::UseAccount)?;
    let (id, session) = person(context)?;
    let user = services.store.user(Lookup::Id(id)).await.map_err(Failure::Store)?;
    Ok((services, user.ok_or(Failure::NotLetIn)?, session))
}

pub(super) fn person(context: &Context) -> Result<(UserId, Option<SessionId>), Failure> {
    match &context.actor().who {
        Who::Person { id, session, .. } => Ok((*id, *session)),
        _ => Err(Failure::NotPossible("nobody has to log in here, so nobody has an account".to_owned())),
    }
}

/// The same, for what is done only a few minutes after they showed who they are.
pub(super) async fn proved(context: &Context) -> Result<(&Services, User, Option<SessionId>), Failure> {
    let (services, user, session) = own(context).await?;
    let now = context.now();
    let seen_since = services.access.settings.seen_since(now);
    let sessions = services.store.sessions_of(user.id, seen_since, now).await.map_err(Failure::Store)?;
    match is_proved(&sessions, session, now) {
        true => Ok((services, user, session)),
        false => Err(Failure::NotProved),
    }
}

/// Whether whoever asks may do now what gives power: from a session only a few minutes after its person showed who they are.
pub async fn has_proved(context: &Context) -> Result<(), Failure> {
    match &context.actor().who {
        Who::Person { session: Some(_), .. } => proved(context).await.map(drop),
        // Where nobody logs in nobody can; whom a proxy names it names with each request.
        _ => Ok(()),
    }
}

/// Whoever comes by a provider has no password here: with one they could come in when the provider lets them no more.
fn of_ours(user: &User) -> Result<(), Failure> {
    match &user.identity {
        None => Ok(()),
        Some((issuer, _)) => {
            let detail = format!("you log in at {issuer}, so password and second factor are kept there, and not here");
            Err(Failure::NotPossible(detail))
        }
    }
}

/// Whether somebody showed lately who they are. A proxy says so with each request, and cannot be had to ask.
fn is_proved(sessions: &[Session], session: Option<SessionId>, now: Timestamp) -> bool {
    let Some(session) = session else { return true };
    sessions.iter().any(|one| one.id == session && is_fresh(one.proved_at, now))
}

fn is_fresh(proved_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(proved_at) <= PROOF_GOOD_FOR
}
