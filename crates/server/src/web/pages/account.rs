//! `/account`: what a person decides about themselves.

use askama::Template;
use axum::{extract::State as Extract, http::StatusCode, response::Response};
use revere_model::{Role, SessionId};

use super::{
    browser_words,
    display::When,
    form::Form,
    layout::{Layout, Place},
    log_in::Said,
    own_address,
    page_request::PageRequest,
    proof::ProofForm,
    see,
};
use crate::{
    access::second_factor,
    operations::{Context, Failure, FieldFault, account},
    web::{Problem, WebState, params::Key, session_cookie},
};

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage {
    layout: Layout,
    user_name: String,
    role: Role,
    tags: Vec<String>,
    local_users: bool,
    /// Whether they are in a session that they can leave.
    has_session: bool,
    /// How they show again who they are, where they have to.
    proof: Option<ProofForm>,
    has_second_factor: bool,
    recovery_codes: u64,
    offer: Option<OfferView>,
    codes: Vec<String>,
    sessions: Vec<SessionView>,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

struct OfferView {
    key: String,
    width: i32,
    path: String,
}

struct SessionView {
    id: SessionId,
    current: bool,
    /// In a few words, and as it says itself.
    browser: String,
    user_agent: String,
    address: String,
    method: String,
    created: When,
    seen: When,
}

impl AccountPage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
    }
}

/// The page.
pub(super) async fn show(request: PageRequest) -> Result<Response, Problem> {
    answer(&request, page(&request).await?)
}

/// `/account/prove`: they show again who they are, and go back to where they were asked to.
pub(super) async fn prove(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let to = match form.text("to") {
        "" => "/account",
        to => own_address(to),
    };
    match account::prove(&request.context, form.text("password"), form.text("code")).await {
        Ok(()) => Ok(see(to)),
        Err(Failure::Refused(refusal)) => {
            let mut page = page(&request).await?;
            page.faults = refusal.faults;
            let fault = page.fault("password").map(str::to_owned);
            if let Some(proof) = &mut page.proof {
                (proof.to, proof.fault) = (to.to_owned(), fault);
            }
            answer(&request, page)
        }
        Err(failure) => refused(&request, failure).await,
    }
}

/// `/account/password`
pub(super) async fn password(request: PageRequest, form: Form) -> Result<Response, Problem> {
    let password = form.text("new_password");
    if password != form.text("again") {
        return refused(&request, Failure::refused("again", "the two are not the same")).await;
    }
    match account::change_password(&request.context, password).await {
        Ok(()) => {
            let mut page = page(&request).await?;
            page.said = Some(good(
                "The password is changed. Your other sessions are over. Your API tokens go on: delete those that you do not know.",
            ));
            answer(&request, page)
        }
        Err(failure) => refused(&request, failure).await,
    }
}

/// `/account/second-factor`: offers a key.
pub(super) async fn second_factor(request: PageRequest, _: Form) -> Result<Response, Problem> {
    match account::offer_second_factor(&request.context).await {
        Ok(_) => Ok(see("/account#factor-title")),
        Err(failure) => refused(&request, failure).await,
    }
}

/// `/account/second-factor/confirm`: the first code. The recovery codes are in this answer alone.
pub(super) async fn confirm_second_factor(request: PageRequest, form: Form) -> Result<Response, Problem> {
    match account::confirm_second_factor(&request.context, form.text("code")).await {
        Ok(codes) => {
            let mut page = page(&request).await?;
            page.said = Some(good("The second factor is set up. Your other sessions are over."));
            page.codes = codes;
            super::once(answer(&request, page)?)
        }
        Err(failure) => refused(&request, failure).await,
    }
}

/// `/account/second-factor/remove`
pub(super) async fn remove_second_factor(request: PageRequest, _: Form) -> Result<Response, Problem> {
    match account::remove_second_factor(&request.context).await {
        Ok(()) => Ok(see("/account")),
        Err(failure) => refused(&request, failure).await,
    }
}

/// `/account/sessions/{id}/end`
pub(super) async fn end_session(context: Context, Key(id): Key<SessionId>, _: Form) -> Result<Response, Problem> {
    account::end_session(&context, id).await?;
    Ok(see("/account"))
}

/// `/account/sessions/end`: all of them, this one too.
pub(super) async fn end_sessions(
    Extract(state): Extract<WebState>,
    context: Context,
    _: Form,
) -> Result<Response, Problem> {
    account::end_sessions(&context).await?;
    let mut response = see("/login");
    session_cookie::take(response.headers_mut(), state.site.is_secure());
    Ok(response)
}

async fn page(request: &PageRequest) -> Result<AccountPage, Problem> {
    let account = account::get(&request.context).await?;
    let now = request.now();
    let comes_by_provider = account.user.identity.is_some();
    let purpose = match comes_by_provider {
        true => "make tokens",
        false => "change password or second factor, or to make tokens",
    };
    let proof = (!account.proved).then(|| ProofForm::of(request, &account, purpose, "/account".to_owned()));
    let offer = match (account.proved, &account.user.totp_offered) {
        (true, Some(_)) => account::offered(&request.context).await?,
        _ => None,
    };
    let offer = offer.and_then(|offer| {
        let (width, path) = second_factor::picture(&offer.address)?;
        Some(OfferView { key: offer.key, width, path })
    });
    let sessions = account.sessions.into_iter().map(|one| SessionView {
        id: one.id,
        current: Some(one.id) == account.session,
        browser: browser_words::of(&one.user_agent),
        user_agent: one.user_agent,
        address: one.address,
        method: one.method,
        created: When { at: one.created_at, now },
        seen: When { at: one.seen_at, now },
    });
    Ok(AccountPage {
        layout: request.layout("Your account", Place::Account).await?,
        role: account.user.role,
        local_users: request.context.log_in_settings().local_users && account.user.password_hash.is_some(),
        has_session: account.session.is_some(),
        proof,
        has_second_factor: account.user.totp_key.is_some(),
        recovery_codes: account.recovery_codes,
        offer,
        codes: Vec::new(),
        sessions: sessions.collect(),
        said: None,
        faults: Vec::new(),
        tags: account.user.tags,
        user_name: account.user.name,
    })
}

fn answer(request: &PageRequest, page: AccountPage) -> Result<Response, Problem> {
    let bad = !page.faults.is_empty() || page.said.as_ref().is_some_and(|said| said.class == "bad");
    let status = if bad { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    request.answer(status, &page.layout, &page)
}

/// The same page, with what is wrong at its field.
async fn refused(request: &PageRequest, failure: Failure) -> Result<Response, Problem> {
    let mut page = page(request).await?;
    match failure {
        Failure::Refused(refusal) => page.faults = refusal.faults,
        Failure::NotProved | Failure::NotPossible(_) => {
            page.said = Some(Said { class: "bad", words: super::layout::sentence(&failure.to_string()) });
        }
        failure => return Err(failure.into()),
    }
    answer(request, page)
}

fn good(words: &str) -> Said {
    Said { class: "good", words: words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;
    use crate::operations::provider_log_in::Offered;

    #[test]
    fn what_browsers_say_of_themselves_is_inert() {
        let now: jiff::Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let session = || SessionView {
            id: SessionId(1),
            current: false,
            browser: HOSTILE.into(),
            user_agent: HOSTILE.into(),
            address: HOSTILE.into(),
            method: "password".into(),
            created: When { at: now, now },
            seen: When { at: now, now },
        };
        let ways = [Some((true, false)), Some((false, true)), Some((false, false)), None];
        for way in ways {
            let page = AccountPage {
                layout: Layout::new("Your account", Place::Account, 0, "t"),
                user_name: HOSTILE.into(),
                role: Role::Editor,
                tags: vec![HOSTILE.into()],
                local_users: true,
                has_session: true,
                proof: way.map(|(has_password, comes_by_provider)| ProofForm {
                    purpose: "make tokens",
                    to: HOSTILE.into(),
                    user_name: HOSTILE.into(),
                    has_password,
                    has_second_factor: true,
                    provider: comes_by_provider.then(|| Offered { key: "oidc", name: HOSTILE.into() }),
                    fault: Some(HOSTILE.into()),
                }),
                has_second_factor: true,
                recovery_codes: 1,
                offer: Some(OfferView { key: "ABC".into(), width: 9, path: "M4,4h1v1h-1z".into() }),
                codes: vec!["abcd-efgh".into()],
                sessions: vec![session()],
                said: Some(good(HOSTILE)),
                faults: vec![FieldFault::new("new_password", HOSTILE)],
            };
            let html = page.render().unwrap();
            assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        }
    }
}
