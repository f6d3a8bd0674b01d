//! Filters of the list that somebody keeps under a name: with their account, where they have one. Where nobody logs in, a page
//! keeps them with the browser.

use revere_model::{Operation, Who};

use super::{Context, Failure, FieldFault, Refusal, account::person};
use crate::store::SavedFilter;

/// So many one may keep.
pub const MOST: usize = 30;
/// The longest name.
const MAX_NAME: usize = 40;
/// The longest query.
const MAX_QUERY: usize = 500;

/// The filters of whoever asks, by name; `None` where they have no account to keep any with.
pub async fn list(context: &Context) -> Result<Option<Vec<SavedFilter>>, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    match &context.actor().who {
        Who::Person { id, .. } => services.store.saved_filters(*id).await.map(Some).map_err(Failure::Store),
        _ => Ok(None),
    }
}

/// What is wrong with a filter to keep; else its name as it is kept.
pub fn checked(name: &str, query: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let mut faults = Vec::new();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        faults.push(FieldFault::new("name", format!("a filter has a name of 1 to {MAX_NAME} characters")));
    }
    if query.is_empty() {
        faults.push(FieldFault::new(
            "query",
            "there is nothing to keep: search, choose a state, a tag or an order first",
        ));
    } else if query.len() > MAX_QUERY {
        faults.push(FieldFault::new("query", format!("the filter is longer than {MAX_QUERY} characters")));
    }
    Refusal::unless_clean(faults, name.to_owned())
}

/// Keeps a filter under a name, in the place of one of the same name.
pub async fn save(context: &Context, name: &str, query: &str) -> Result<(), Failure> {
    let services = context.may(Operation::UseAccount)?;
    let (owner, _) = person(context)?;
    let name = checked(name, query)?;
    let saved = services.store.save_filter(owner, &name, query, MOST, &context.asked()).await;
    match saved.map_err(Failure::Store)? {
        true => Ok(()),
        false => Err(too_many()),
    }
}

/// Forgets one.
pub async fn delete(context: &Context, id: i64) -> Result<(), Failure> {
    let services = context.may(Operation::UseAccount)?;
    let (owner, _) = person(context)?;
    // One that is gone already is what was asked for.
    services.store.delete_filter(owner, id, &context.asked()).await.map(drop).map_err(Failure::Store)
}

/// There is no room for another one.
pub fn too_many() -> Failure {
    Failure::NotPossible(format!("{MOST} filters are kept already, as many as may be; delete one first"))
}
