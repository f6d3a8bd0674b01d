//! API tokens: what programs come in with. A token may never do more than its owner, and is shown once.

use jiff::SignedDuration;
use revere_model::{Asked, Operation, Rights, Role, Scope, TokenId, UserId};

use super::{
    Context, Failure, FieldFault, Refusal,
    account::{person, proved},
    people::checked_tags,
};
use crate::{
    access::secrets::Secret,
    store::{NewToken, Store, Token},
};

/// The longest name.
const MAX_NAME: usize = 60;
/// A year and a day; beyond that it is for ever.
const MAX_DAYS: i64 = 366;

/// What every token begins with, so that one is known as such wherever it turns up.
pub const PREFIX: &str = "revere_";

/// What somebody wants a token to be.
#[derive(Clone, Debug, Default)]
pub struct TokenInput {
    /// What they call it.
    pub name: String,
    /// The role it has, or a scope, as a word.
    pub may: String,
    /// For an editor: the tags whose monitors it edits.
    pub tags: Vec<String>,
    /// How many days it is good for; empty is for ever.
    pub days: String,
}

/// The tokens of whoever asks, the newest first, those before `before`, at most `limit`; an administrator sees everybody's.
pub async fn list(context: &Context, before: Option<TokenId>, limit: u32) -> Result<Vec<Token>, Failure> {
    let services = context.may(Operation::HoldTokens)?;
    let (owner, _) = person(context)?;
    let owner = context.might(Operation::ManagePeople).is_err().then_some(owner);
    services.store.tokens(owner, before, limit).await.map_err(Failure::Store)
}

/// Makes a token, and answers it: nobody sees it again.
pub async fn create(context: &Context, input: &TokenInput) -> Result<String, Failure> {
    let services = context.may(Operation::HoldTokens)?;
    let (_, user, _) = proved(context).await?;
    let now = context.now();
    let mut faults = Vec::new();
    let name = input.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        faults.push(FieldFault::new("name", format!("a token has a name of 1 to {MAX_NAME} characters")));
    }
    let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == input.may);
    let role = match scope {
        Some(_) => Some(Role::Viewer),
        None => input.may.parse::<Role>().ok(),
    };
    if role.is_none() {
        faults.push(FieldFault::new("may", "choose what the token may do: metrics, viewer, editor or administrator"));
    }
    let role = role.unwrap_or(Role::Viewer);
    if role > user.role {
        faults
            .push(FieldFault::new("may", format!("you are {}, and a token may not do more than its owner", user.role)));
    }
    let tags = match role {
        Role::Editor => checked_tags(input.tags.clone(), &mut faults),
        _ => Vec::new(),
    };
    let days = input.days.trim();
    let ends_at = match days.parse::<i64>() {
        _ if days.is_empty() => None,
        Ok(days) if (1..=MAX_DAYS).contains(&days) => now.saturating_add(SignedDuration::from_hours(24 * days)).ok(),
        _ => {
            faults.push(FieldFault::new("days", format!("a whole number from 1 to {MAX_DAYS}, or nothing for ever")));
            None
        }
    };
    let rights = Refusal::unless_clean(faults, Rights { role, tags, scope, token: true })?;
    let token = format!("{PREFIX}{}", Secret::new().reveal());
    let secret_hash = crate::access::secrets::digest(&token);
    let new = NewToken { secret_hash, owner: user.id, name: name.to_owned(), rights, ends_at };
    let made = services.store.create_token(new, &context.asked()).await.map_err(Failure::Store)?;
    made.ok_or_else(|| Failure::NotPossible("you have as many tokens as one may have; delete some".to_owned()))?;
    Ok(token)
}

/// Takes a token back: one's own, or as an administrator anybody's.
pub async fn delete(context: &Context, id: TokenId) -> Result<(), Failure> {
    let services = context.may(Operation::HoldTokens)?;
    let (owner, _) = person(context)?;
    let owner = context.might(Operation::ManagePeople).is_err().then_some(owner);
    match services.store.delete_token(id, owner, &context.asked()).await.map_err(Failure::Store)? {
        true => {
            services.access.announce();
            Ok(())
        }
        false => Err(Failure::NotFound { what: "token", key: id.to_string() }),
    }
}

/// Takes all tokens of a person back, each for itself, as each is written down; answers how many there were. For the command
/// line, which needs no server around it.
pub async fn delete_all_of(store: &Store, owner: UserId, asked: &Asked) -> Result<usize, Failure> {
    let tokens = store.tokens(Some(owner), None, u32::MAX).await.map_err(Failure::Store)?;
    for token in &tokens {
        store.delete_token(token.id, Some(owner), asked).await.map_err(Failure::Store)?;
    }
    Ok(tokens.len())
}
