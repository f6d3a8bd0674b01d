//! `/people`: who may come in, and what each may do.

use askama::Template;
use axum::{
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use jiff::Timestamp;
use revere_model::{Role, UserId};

use super::{
    display::When,
    form::Form,
    layout::{Layout, Place, sentence},
    log_in::Said,
    page_request::PageRequest,
    proof::{self, ProofForm},
    see,
};
use crate::{
    access::secrets::Secret,
    operations::{
        Context, Failure, FieldFault,
        people::{self, PersonInput},
        provider_log_in,
    },
    store::User,
    web::{
        Problem, Site, WebState,
        params::{Key, Params},
    },
};

/// People on one page.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "pages/people.html")]
struct PeoplePage {
    layout: Layout,
    local_users: bool,
    people: Vec<PersonView>,
    next: Option<String>,
    input: PersonInput,
    tags: String,
    /// How they show again who they are, where they have to.
    proof: Option<ProofForm>,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "pages/person.html")]
struct PersonPage {
    layout: Layout,
    /// Whether they have a password of ours, or may have one.
    local_users: bool,
    /// Whether their groups say at each log-in what they are.
    groups_decide: bool,
    person: PersonView,
    tags: String,
    link: Option<String>,
    /// How whoever looks at it shows again who they are, where they have to.
    proof: Option<ProofForm>,
    said: Option<Said>,
    faults: Vec<FieldFault>,
}

struct PersonView {
    id: UserId,
    name: String,
    role: Role,
    tags: Vec<String>,
    comes_by: String,
    second_factor: bool,
    logged_in: Option<When>,
    disabled: bool,
    /// Whether they lost every role at their provider.
    put_out: bool,
}

impl PeoplePage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
    }
}

impl PersonPage {
    fn fault(&self, field: &str) -> Option<&str> {
        FieldFault::of(&self.faults, field)
    }
}

/// The page.
pub(super) async fn show(request: PageRequest, mut params: Params) -> Result<Response, Problem> {
    let after = params.text("after").unwrap_or_default();
    let after = params.finish(after)?;
    let page = page(&request, &after).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// The page, sent: adds a person, and shows a link by which they choose a password.
pub(super) async fn add(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let input = PersonInput {
        name: form.text("name").to_owned(),
        role: form.text("role").to_owned(),
        tags: vec![form.text("tags").to_owned()],
    };
    match people::add(&request.context, &input).await {
        Ok((user, secret)) => with_link(&state, &request, &headers, user, &secret, StatusCode::CREATED).await,
        Err(Failure::Refused(refusal)) => {
            let mut page = page(&request, "").await?;
            (page.faults, page.tags, page.input) = (refusal.faults, form.text("tags").to_owned(), input);
            request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
        }
        Err(Failure::NotProved) => {
            let mut page = page(&request, "").await?;
            page.said = Some(proof::said());
            request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `/people/{id}`
pub(super) async fn one(request: PageRequest, Key(id): Key<UserId>) -> Result<Response, Problem> {
    let page = person(&request, people::get(&request.context, id).await?).await?;
    request.answer(StatusCode::OK, &page.layout, &page)
}

/// `/people/{id}`, sent: what they may do, and whether they may come in.
pub(super) async fn change(request: PageRequest, Key(id): Key<UserId>, form: Form) -> Result<Response, Problem> {
    let tags = vec![form.text("tags").to_owned()];
    // Only what was ticked or unticked here: the page may be older than what somebody else decided.
    let (ticked, was) = (form.has("disabled"), form.text("was_disabled") == "true");
    let disabled = (ticked != was).then_some(ticked);
    let changed = people::change(&request.context, id, Some(form.text("role")), Some(tags), disabled).await;
    let failure = match changed {
        Ok(_) => return Ok(see(format!("/people/{id}"))),
        Err(failure) => failure,
    };
    let mut page = person(&request, people::get(&request.context, id).await?).await?;
    match failure {
        Failure::Refused(refusal) => page.faults = refusal.faults,
        Failure::NotProved => page.said = Some(proof::said()),
        Failure::NotPossible(words) => page.said = Some(Said { class: "bad", words: sentence(&words) }),
        failure => return Err(failure.into()),
    }
    request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
}

/// `/people/{id}/link`: a link by which they choose another password, in this answer alone.
pub(super) async fn link(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    Key(id): Key<UserId>,
    _: Form,
) -> Result<Response, Problem> {
    match people::link(&request.context, id).await {
        Ok((user, secret)) => with_link(&state, &request, &headers, user, &secret, StatusCode::OK).await,
        Err(failure) => not_proved(&request, id, failure).await,
    }
}

/// `/people/{id}/sessions/end`
pub(super) async fn end_sessions(context: Context, Key(id): Key<UserId>, _: Form) -> Result<Response, Problem> {
    people::end_sessions(&context, id).await?;
    Ok(see(format!("/people/{id}")))
}

/// `/people/{id}/second-factor/remove`
pub(super) async fn remove_second_factor(
    request: PageRequest,
    Key(id): Key<UserId>,
    _: Form,
) -> Result<Response, Problem> {
    match people::remove_second_factor(&request.context, id).await {
        Ok(()) => Ok(see(format!("/people/{id}"))),
        Err(failure) => not_proved(&request, id, failure).await,
    }
}

/// The person's page, with the form that was wanting.
async fn not_proved(request: &PageRequest, id: UserId, failure: Failure) -> Result<Response, Problem> {
    if !matches!(failure, Failure::NotProved) {
        return Err(failure.into());
    }
    let mut page = person(request, people::get(&request.context, id).await?).await?;
    page.said = Some(proof::said());
    request.answer(StatusCode::UNPROCESSABLE_ENTITY, &page.layout, &page)
}

async fn with_link(
    state: &WebState,
    request: &PageRequest,
    headers: &HeaderMap,
    user: User,
    secret: &Secret,
    status: StatusCode,
) -> Result<Response, Problem> {
    let mut page = person(request, user).await?;
    page.link = Some(format!("{}/link/{}", address(&state.site, headers), secret.reveal()));
    super::once(request.answer(status, &page.layout, &page)?)
}

/// Where people reach this server: as configured, or as whoever asks did.
fn address(site: &Site, headers: &HeaderMap) -> String {
    match &site.base_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => {
            let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
            format!("{}://{host}", if site.is_secure() { "https" } else { "http" })
        }
    }
}

async fn page(request: &PageRequest, after: &str) -> Result<PeoplePage, Problem> {
    let now = request.now();
    let mut users = people::list(&request.context, after, PAGE + 1).await?;
    let more = users.len() > PAGE as usize;
    users.truncate(PAGE as usize);
    Ok(PeoplePage {
        layout: request.layout("People", Place::Account).await?,
        local_users: request.context.log_in_settings().local_users,
        next: users.last().filter(|_| more).map(|last| last.name.clone()),
        people: users.into_iter().map(|user| PersonView::of(user, now)).collect(),
        input: PersonInput::default(),
        tags: String::new(),
        proof: ProofForm::if_needed(request, "add a person", "/people").await?,
        said: None,
        faults: Vec::new(),
    })
}

async fn person(request: &PageRequest, user: User) -> Result<PersonPage, Problem> {
    Ok(PersonPage {
        layout: request.layout(user.name.clone(), Place::Account).await?,
        local_users: request.context.log_in_settings().local_users && user.identity.is_none(),
        groups_decide: provider_log_in::groups_decide(&request.context, &user),
        tags: user.tags.join(", "),
        proof: ProofForm::if_needed(request, "change what somebody may do", format!("/people/{}", user.id)).await?,
        person: PersonView::of(user, request.now()),
        link: None,
        said: None,
        faults: Vec::new(),
    })
}

impl PersonView {
    fn of(user: User, now: Timestamp) -> PersonView {
        let comes_by = match (&user.identity, &user.password_hash) {
            (Some((issuer, _)), _) => issuer.clone(),
            (None, Some(_)) => "password".to_owned(),
            (None, None) => "nothing yet: make a link for a password".to_owned(),
        };
        PersonView {
            id: user.id,
            name: user.name,
            role: user.role,
            tags: user.tags,
            comes_by,
            second_factor: user.totp_key.is_some(),
            logged_in: user.logged_in_at.map(|at| When { at, now }),
            disabled: user.disabled_at.is_some(),
            put_out: user.disabled_at.is_none() && user.put_out_at.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitors::tests::HOSTILE;
    use super::*;

    fn view() -> PersonView {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        PersonView {
            id: UserId(3),
            name: HOSTILE.into(),
            role: Role::Editor,
            tags: vec![HOSTILE.into()],
            comes_by: HOSTILE.into(),
            second_factor: true,
            logged_in: Some(When { at: now, now }),
            disabled: true,
            put_out: true,
        }
    }

    #[test]
    fn names_are_inert() {
        let layout = || Layout::new("People", Place::Account, 0, "t");
        let people = PeoplePage {
            layout: layout(),
            local_users: true,
            people: vec![view()],
            next: Some(HOSTILE.into()),
            input: PersonInput { name: HOSTILE.into(), ..PersonInput::default() },
            tags: HOSTILE.into(),
            proof: None,
            said: Some(Said { class: "bad", words: HOSTILE.into() }),
            faults: vec![FieldFault::new("name", HOSTILE)],
        };
        let person = PersonPage {
            layout: layout(),
            local_users: true,
            groups_decide: true,
            person: view(),
            tags: HOSTILE.into(),
            link: Some(HOSTILE.into()),
            proof: None,
            said: Some(Said { class: "bad", words: HOSTILE.into() }),
            faults: vec![FieldFault::new("tags", HOSTILE)],
        };
        for html in [people.render().unwrap(), person.render().unwrap()] {
            assert!(!html.contains("<script>") && !html.contains("<!-- ") && !html.contains("style="), "{html}");
        }
    }
}
