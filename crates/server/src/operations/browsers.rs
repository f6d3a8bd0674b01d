//! Browsers that ask to be told by an alert. Whoever may look at the alerts has their own told, and takes that back.

use revere_model::{Operation, UserId, Who};

use super::{Context, Failure, FieldFault, Refusal, Services, failure::of};
use crate::{
    store::{BrowserRecord, NewBrowser},
    web_push::BrowserKeys,
};

/// The longest name.
const MAX_NAME: usize = 80;
/// The longest address of a push service; those that are known have some hundred characters.
const MAX_ENDPOINT: usize = 2000;

/// The browsers of an alert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldBrowsers {
    /// The alert.
    pub alert: String,
    /// The key that a browser is given as `applicationServerKey`.
    pub public_key: String,
    /// Those that asked, oldest first.
    pub browsers: Vec<BrowserRecord>,
}

/// A browser that asks.
#[derive(Clone, Debug, Default)]
pub struct BrowserInput {
    /// What people will call it.
    pub name: String,
    /// Where its push service takes messages.
    pub endpoint: String,
    /// The public key of its subscription.
    pub p256dh: String,
    /// The secret of its subscription.
    pub auth: String,
    /// What reading the input already found wrong.
    pub faults: Vec<FieldFault>,
}

/// The alerts that tell browsers, with those.
pub async fn of_all(context: &Context) -> Result<Vec<ToldBrowsers>, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    let keys: Vec<String> = services.alert_entries.iter().map(|entry| entry.name.clone()).collect();
    let keys: Vec<String> =
        keys.into_iter().filter(|key| services.engine.with_web_push(key, |_| ()).is_some()).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.extend(told(services, &key).await?);
    }
    Ok(found)
}

/// The browsers of one alert.
pub async fn list(context: &Context, alert: &str) -> Result<ToldBrowsers, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    told(services, alert).await?.ok_or_else(|| unknown(alert))
}

/// Has a browser told from now on.
pub async fn add(context: &Context, alert: &str, input: BrowserInput) -> Result<BrowserRecord, Failure> {
    let services = context.may(Operation::TellBrowser)?;
    let key = services.store.web_push_key().await.map_err(Failure::Store)?;
    let BrowserInput { name, endpoint, p256dh, auth, mut faults } = input;
    let judged = services.engine.with_web_push(alert, |web_push| {
        let long = (endpoint.len() > MAX_ENDPOINT).then(|| format!("longer than {MAX_ENDPOINT} characters"));
        (web_push.public_key(&key), long.map_or_else(|| web_push.checked(&endpoint).map(drop), Err))
    });
    let (server_key, judged) = judged.ok_or_else(|| unknown(alert))?;
    // What could not be read is not wrong besides.
    let read = |faults: &[FieldFault], field: &str| !faults.iter().any(|fault| fault.field == field);
    if let Err(message) = judged
        && read(&faults, "endpoint")
    {
        faults.push(FieldFault::new("endpoint", message));
    }
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if !is_name && read(&faults, "name") {
        faults.push(FieldFault::new("name", format!("a browser has a name of 1 to {MAX_NAME} characters")));
    }
    let keys = match BrowserKeys::read(&p256dh, &auth) {
        Ok(keys) => Refusal::unless_clean(faults, keys)?,
        Err((field, message)) => {
            if read(&faults, field) {
                faults.push(FieldFault::new(field, message));
            }
            return Err(Failure::Refused(Refusal { faults }));
        }
    };
    let (name, owner) = (name.to_owned(), person(context));
    let new = NewBrowser { alert: alert.to_owned(), name, endpoint, keys, server_key, owner };
    let added = services.store.add_browser(new, &context.asked()).await.map_err(Failure::Store)?;
    added.ok_or_else(|| {
        let detail = "the alert notifies as many browsers as it may, or as many of yours: 500 in all, 20 of one person; \
                      remove some";
        Failure::NotPossible(detail.to_owned())
    })
}

/// Has a browser told no more: one's own, or anybody's by whoever may change alerts. Answers which alert told it.
pub async fn remove(context: &Context, id: i64) -> Result<String, Failure> {
    let services = context.may(Operation::TellBrowser)?;
    let browser = services.store.browser(id).await.map_err(of("browser", id))?;
    if !is_own(context, &browser) {
        context.may(Operation::ChangeAlerts)?;
    }
    services.store.remove_browser(id, &context.asked()).await.map_err(of("browser", id))?;
    Ok(browser.alert)
}

/// Whether a page should offer to remove it.
pub fn might_remove(context: &Context, browser: &BrowserRecord) -> bool {
    let own = context.might(Operation::TellBrowser).is_ok() && is_own(context, browser);
    own || context.might(Operation::ChangeAlerts).is_ok()
}

fn is_own(context: &Context, browser: &BrowserRecord) -> bool {
    browser.owner.is_some() && browser.owner == person(context)
}

/// Whose a browser is that somebody brings; nobody's where nobody logs in.
fn person(context: &Context) -> Option<UserId> {
    match &context.actor().who {
        Who::Person { id, .. } => Some(*id),
        Who::Token { owner, .. } => Some(*owner),
        _ => None,
    }
}

async fn told(services: &Services, alert: &str) -> Result<Option<ToldBrowsers>, Failure> {
    if services.engine.with_web_push(alert, |_| ()).is_none() {
        return Ok(None);
    }
    let key = services.store.web_push_key().await.map_err(Failure::Store)?;
    let public_key = services.engine.with_web_push(alert, |web_push| web_push.public_key(&key));
    let Some(public_key) = public_key else { return Ok(None) };
    let browsers = services.store.browsers(Some(alert)).await.map_err(Failure::Store)?;
    Ok(Some(ToldBrowsers { alert: alert.to_owned(), public_key, browsers }))
}

fn unknown(alert: &str) -> Failure {
    let key: String = alert.chars().take(100).collect();
    Failure::NotFound { what: "alert that notifies browsers:", key: format!("'{key}'") }
}
