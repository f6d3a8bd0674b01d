//! `/tokens`: what programs come in with.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use revere_model::{Operation, Role, TokenId};

use super::{
    display::When,
    form::Form,
    layout::{Layout, Place, sentence},
    log_in::Said,
    page_request::PageRequest,
    proof::ProofForm,
    see,
};
use crate::{
    operations::{
        Context, Failure, FieldFault, account,
        tokens::{self, TokenInput},
    },
    store::Token,
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Tokens on one page.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "pages/tokens.html")]
struct TokensPage {
    layout: Layout,
    everybodys: bool,
    proof: Option<ProofForm>,
    tokens: Vec<TokenView>,
    next: Option<TokenId>,
    choices: Vec<(&'static str, &'static str)>,
    input: TokenInput,
    tags: String,
    made: Option<String>,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

struct TokenView {
    id: TokenId,
    name: String,
    owner: String,
    may: String,
    made: When,
    ends: Option<When>,
    over: bool,
    used: Option<When>,
    used_from: String,
}

impl TokensPage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
    }
}

/// The page.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let before = params.cursor("before");
    let before = params.finish(before)?;
    let page = page(&request, before).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// The page, sent: makes a token, which is in this answer alone.
pub(super) async fn create(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let input = TokenInput {
        name: form.text("name").to_owned(),
        may: form.text("may").to_owned(),
        tags: vec![form.text("tags").to_owned()],
        days: form.text("days").to_owned(),
    };
    let made = tokens::create(&request.context, &input).await;
    let mut page = page(&request, None).await?;
    match made {
        Ok(token) => {
            page.made = Some(token);
            return super::once(request.answer(StatusCode::CREATED, &page.layout, &page)?);
        }
        Err(Failure::Refused(refusal)) => page.faults = refusal.faults,
        Err(failure @ (Failure::NotProved | Failure::NotPossible(_))) => {
            page.said = Some(Said { class: "bad", words: sentence(&failure.to_string()) });
        }
        Err(failure) => return Err(failure.into()),
    }
    page.tags = form.text("tags").to_owned();
    page.input = input;
    request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
}

/// `/tokens/{id}/delete`
pub(super) async fn delete(context: Context, Key(id): Key<TokenId>, _: Form) -> Result<Response, Problem> {
    tokens::delete(&context, id).await?;
    Ok(see("/tokens"))
}

async fn page(request: &PageRequest, before: Option<TokenId>) -> Result<TokensPage, Problem> {
    let context = &request.context;
    let account = account::get(context).await?;
    let now = request.now();
    let mut choices = vec![("metrics", "read /metrics, and nothing else"), ("viewer", "see everything (viewer)")];
    if account.user.role >= Role::Editor {
        choices.push(("editor", "make and change monitors (editor)"));
    }
    if account.user.role == Role::Administrator {
        choices.push(("administrator", "all that a token may (administrator)"));
    }
    let mut tokens = tokens::list(context, before, PAGE + 1).await?;
    let more = tokens.len() > PAGE as usize;
    tokens.truncate(PAGE as usize);
    Ok(TokensPage {
        next: tokens.last().filter(|_| more).map(|last| last.id),
        layout: request.layout("API tokens", Place::Account).await?,
        everybodys: context.might(Operation::ManagePeople).is_ok(),
        proof: ProofForm::if_needed(request, "make tokens", "/tokens").await?,
        tokens: tokens.into_iter().map(|token| TokenView::of(token, now)).collect(),
        choices,
        input: TokenInput { may: "viewer".to_owned(), days: "365".to_owned(), ..TokenInput::default() },
        tags: String::new(),
        made: None,
        said: None,
        faults: Vec::new(),
    })
}

impl TokenView {
    fn of(token: Token, now: Timestamp) -> TokenView {
        let may = match (token.given.scope, token.rights.tags.as_slice()) {
            (Some(scope), _) => scope.as_str().to_owned(),
            (None, tags) if token.rights.role == Role::Editor && !tags.is_empty() => {
                format!("editor of {}", tags.join(", "))
            }
            (None, _) => token.rights.role.to_string(),
        };
        TokenView {
            id: token.id,
            name: token.name,
            owner: token.owner_name,
            may,
            made: When { at: token.created_at, now },
            over: token.ends_at.is_some_and(|at| at <= now),
            ends: token.ends_at.map(|at| When { at, now }),
            used: token.used_at.map(|at| When { at, now }),
            used_from: token.used_from.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn names_of_tokens_are_inert() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let page = TokensPage {
            layout: Layout::new("API tokens", Place::Account, 0, "t"),
            everybodys: true,
            proof: None,
            tokens: vec![TokenView {
                id: TokenId(1),
                name: HOSTILE.into(),
                owner: HOSTILE.into(),
                may: HOSTILE.into(),
                made: When { at: now, now },
                ends: Some(When { at: now, now }),
                over: true,
                used: Some(When { at: now, now }),
                used_from: HOSTILE.into(),
            }],
            next: Some(TokenId(1)),
            choices: vec![("viewer", "see")],
            input: TokenInput { name: HOSTILE.into(), days: HOSTILE.into(), ..TokenInput::default() },
            tags: HOSTILE.into(),
            made: Some("revere_x".into()),
            said: Some(Said { class: "bad", words: HOSTILE.into() }),
            faults: vec![FieldFault::new("name", HOSTILE)],
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
    }
}
