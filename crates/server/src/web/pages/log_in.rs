//! `/login`, `/logout`, and the links that are good once: how people come in and go out.

use askama::Template;
use axum::{
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use revere_model::Who;

use super::{
    form::Form,
    layout::{Layout, Place},
    own_address,
    page_request::PageRequest,
    see,
};
use crate::{
    operations::{
        Context, Failure, FieldFault, account,
        log_in::{self, Begun, Browser, LogIn},
        provider_log_in::{self, Offered},
    },
    web::{
        Problem, WebState,
        params::{Key, Params},
        session_cookie,
    },
};

#[derive(Template)]
#[template(path = "pages/log_in.html")]
pub(super) struct LogInPage {
    pub(super) layout: Layout,
    local_users: bool,
    providers: Vec<Offered>,
    not_encrypted: bool,
    pub(super) said: Option<Said>,
    /// The provider that whoever logged out came by.
    still_in_at: Option<Offered>,
    name: String,
    to: String,
}

#[derive(Template)]
#[template(path = "pages/link.html")]
struct LinkPage {
    layout: Layout,
    not_encrypted: bool,
    said: Option<Said>,
    /// Whose password is chosen; none where the first administrator is made.
    known: Option<String>,
    name: String,
    faults: Vec<FieldFault>,
}

/// What a page says above its form.
pub(super) struct Said {
    pub(super) class: &'static str,
    pub(super) words: String,
}

impl LinkPage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
    }
}

/// `/login`
pub(super) async fn show(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let to = params.text("to").unwrap_or_default();
    let to = own_address(&to).to_owned();
    // Where nobody has to log in, or somebody has, there is nothing to fill in.
    if request.context.actor().who != Who::Stranger {
        return Ok(see(to));
    }
    let mut page = log_in_page(&state, &request, &headers, to);
    if let Some(out_of) = params.text("out") {
        page.still_in_at = provider_log_in::offered(&request.context).into_iter().find(|one| one.key == out_of);
        page.said = Some(Said { class: "good", words: "You are logged out here.".to_owned() });
    }
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/login`, sent.
pub(super) async fn sent(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let to = own_address(form.text("to")).to_owned();
    let log_in = LogIn {
        name: form.text("name").trim().to_owned(),
        password: form.text("password").to_owned(),
        code: form.text("code").to_owned(),
    };
    let refused = match log_in::by_password(&request.context, &log_in, &browser(&headers)).await {
        Ok(begun) => return Ok(come_in(&state, &request.context, &begun, &to)),
        Err(failure @ (Failure::NotLetIn | Failure::TooOften { .. } | Failure::NotNow { .. })) => {
            Problem::from(failure)
        }
        Err(failure) => return Err(failure.into()),
    };
    let mut page = log_in_page(&state, &request, &headers, to);
    page.name = log_in.name;
    page.said = Some(Said { class: "bad", words: super::layout::sentence(&refused.detail) });
    let mut response = request.answer(refused.status, &page.layout, &page)?;
    if let Some(wait) = refused.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    Ok(response)
}

/// `/logout`
pub(super) async fn log_out(Extract(state): Extract<WebState>, context: Context, _: Form) -> Result<Response, Problem> {
    let method = log_in::log_out(&context).await?;
    let by_provider = provider_log_in::offered(&context).into_iter().find(|one| Some(one.key) == method.as_deref());
    let mut response = match by_provider {
        Some(provider) => see(format!("/login?out={}", provider.key)),
        None => see("/login"),
    };
    session_cookie::take(response.headers_mut(), state.site.is_secure());
    Ok(response)
}

/// `/link/{secret}`
pub(super) async fn link(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    Key(secret): Key<String>,
) -> Result<Response, Problem> {
    let page = link_page(&state, &request, &headers, &secret).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/link/{secret}`, sent.
pub(super) async fn link_sent(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    Key(secret): Key<String>,
    form: Form,
) -> Result<Response, Problem> {
    let mut page = link_page(&state, &request, &headers, &secret).await?;
    let (name, password) = (form.text("name"), form.text("new_password"));
    if password != form.text("again") {
        page.faults.push(FieldFault::new("again", "the two are not the same"));
    } else {
        let used =
            account::use_link(&request.context, &secret, name, password, form.text("code"), &browser(&headers)).await;
        match used {
            Ok(begun) => return Ok(come_in(&state, &request.context, &begun, "/")),
            Err(Failure::Refused(refusal)) => page.faults = refusal.faults,
            Err(failure) => return Err(failure.into()),
        }
    }
    page.name = name.to_owned();
    request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
}

/// The browser has its session, and goes on to where it wanted.
pub(super) fn come_in(state: &WebState, context: &Context, begun: &Begun, to: &str) -> Response {
    let mut response = see(to);
    let seconds = begun.ends_at.duration_since(context.now()).as_secs();
    session_cookie::give(response.headers_mut(), begun, seconds, state.site.is_secure());
    response
}

pub(super) fn browser(headers: &HeaderMap) -> Browser {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Browser { user_agent: user_agent.to_owned() }
}

pub(super) fn log_in_page(state: &WebState, request: &PageRequest, headers: &HeaderMap, to: String) -> LogInPage {
    LogInPage {
        providers: provider_log_in::offered(&request.context),
        still_in_at: None,
        layout: request.layout_for_a_stranger("Log in"),
        local_users: request.context.log_in_settings().local_users,
        not_encrypted: state.site.is_in_the_clear(headers),
        said: None,
        name: String::new(),
        to,
    }
}

async fn link_page(
    state: &WebState,
    request: &PageRequest,
    headers: &HeaderMap,
    secret: &str,
) -> Result<LinkPage, Problem> {
    let found = account::link(&request.context, secret).await?;
    let Some((_, known)) = found else {
        let detail = "this link is good for nothing (any more): it was used, or its time is over, or a newer one was made. An \
                      administrator makes another, on the page of people or with `revere user reset NAME`";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    Ok(LinkPage {
        layout: request.layout_for_a_stranger("Choose a password"),
        not_encrypted: state.site.is_in_the_clear(headers),
        said: None,
        known,
        name: String::new(),
        faults: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    #[test]
    fn what_was_typed_is_inert_and_a_stranger_sees_nothing_of_the_server() {
        let layout = || Layout::new("Log in", Place::Nowhere, 0, "t").for_a_stranger();
        let said = || Some(Said { class: "bad", words: HOSTILE.into() });
        let log_in = LogInPage {
            layout: layout(),
            local_users: true,
            providers: vec![Offered { key: "oidc", name: HOSTILE.into() }],
            still_in_at: Some(Offered { key: "oidc", name: HOSTILE.into() }),
            not_encrypted: true,
            said: said(),
            name: HOSTILE.into(),
            to: HOSTILE.into(),
        };
        let link = LinkPage {
            layout: layout(),
            not_encrypted: true,
            said: said(),
            known: Some(HOSTILE.into()),
            name: HOSTILE.into(),
            faults: vec![FieldFault::new("code", HOSTILE)],
        };
        for html in [log_in.render().unwrap(), link.render().unwrap()] {
            assert!(!html.contains("<script>") && !html.contains("<!-- "), "{html}");
            assert!(!html.contains("href=\"/alerts\"") && !html.contains("href=\"/create\""), "{html}");
        }
    }
}
