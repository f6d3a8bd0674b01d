//! Addresses as people have them: copied from the bar of a browser, or from an example of how to ask by hand.
//!
//! Where it is clear what was meant, that is taken; where something else is needed, the fault says what it is.

use crate::{
    building::BuildInput,
    outbound::Url,
    settings::{ConfigFault, Settings},
};

/// The address in `webhook_url`. One that leads to the pages that people read, by `is_page`, cannot be posted to: then the fault
/// says what is expected `instead`.
pub(super) fn webhook(
    setup: &BuildInput,
    is_page: impl Fn(&Url) -> bool,
    instead: &str,
) -> Result<Url, Vec<ConfigFault>> {
    let url = setup.url("webhook_url");
    if is_page(&url) {
        let message = format!("leads to the pages that people read; expected {instead}");
        return Err(vec![setup.fault("webhook_url", message)]);
    }
    Ok(url)
}

/// The same where people have servers of their own, and what they put before them may look like a page: only a warning.
pub(super) fn page_warnings(settings: &Settings, parts: &[&str], instead: &str) -> Vec<(&'static str, String)> {
    match Url::parse(settings.required_text("webhook_url")) {
        Ok(url) if is_page_of(&url, parts) => {
            vec![("webhook_url", format!("looks like a page that people read; expected {instead}"))]
        }
        _ => Vec::new(),
    }
}

/// Whether its host is one of these.
pub(super) fn is_on(url: &Url, hosts: &[&str]) -> bool {
    url.host_str().is_some_and(|host| hosts.contains(&host))
}

/// Whether a part of its path is one of these, and it is no address of a hook.
fn is_page_of(url: &Url, parts: &[&str]) -> bool {
    let path = || url.path().split('/');
    path().any(|part| parts.contains(&part)) && path().all(|part| part != "hooks")
}

/// Cuts `url` to the server: before the first part of its path that is one of `inside`, and without what follows the path.
/// Answers what stood behind that part.
pub(super) fn cut_before(url: &mut Url, inside: &[&str]) -> Option<String> {
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().position(|part| inside.contains(part))?;
    url.set_path(&parts[..at].join("/"));
    parts.get(at + 1).filter(|part| !part.is_empty()).map(|part| (*part).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_to_the_server_it_leads_to() {
        for (given, inside, server, behind) in [
            ("https://c.example/chat/rooms/42/@7?x=1#latest", &["rooms"][..], "https://c.example/chat", Some("42")),
            ("https://c.example/rooms/", &["rooms"], "https://c.example/", None),
            ("https://c.example/message?token=t", &["message"], "https://c.example/", None),
            ("https://c.example/sub/#/x", &["rooms"], "https://c.example/sub/", None),
        ] {
            let mut url = Url::parse(given).unwrap();
            assert_eq!(cut_before(&mut url, inside).as_deref(), behind, "{given}");
            assert_eq!(url.as_str(), server, "{given}");
        }
    }

    #[test]
    fn pages_are_told_from_hooks() {
        let is_page = |text: &str| is_page_of(&Url::parse(text).unwrap(), &["channels"]);
        assert!(is_page("https://m.example/team/channels/town-square"));
        assert!(!is_page("https://m.example/hooks/channels") && !is_page("https://m.example/a"));
    }
}
