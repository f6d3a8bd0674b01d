//! A browser as far as these tests need one: it keeps a cookie, sends forms, and does not follow where it is sent.

use std::sync::Mutex;

use crate::{
    api::server::{Answer, Server, send},
    support::eventually,
};

pub(crate) struct Browser<'a> {
    server: &'a Server,
    client: reqwest::Client,
    cookie: Mutex<String>,
}

impl<'a> Browser<'a> {
    #[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
    pub(crate) fn of(server: &'a Server) -> Browser<'a> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Browser { server, client, cookie: Mutex::default() }
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), format!("{}{path}", self.server.base))
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("cookie", self.cookie.lock().unwrap().clone())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let answer = send(self.request("GET", path)).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        if !cookie.is_empty() {
            *self.cookie.lock().unwrap() = cookie;
        }
        answer
    }

    /// Keeps a cookie beside the one that forms need.
    pub(super) fn keep(&self, cookie: &str) {
        let mut kept = self.cookie.lock().unwrap();
        *kept = format!("{kept}; {cookie}");
    }

    /// A page that must be there.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{place}: {path}: {}", answer.text);
            answer.text
        }
    }

    /// A page, as soon as this is on it.
    pub(super) async fn page_with(&self, path: &str, words: &str) -> String {
        eventually(path, async || {
            let page = self.page(path).await;
            if page.contains(words) { Ok(page) } else { Err(page) }
        })
        .await
    }

    /// Sends a form with the token that the browser holds.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        if self.cookie.lock().unwrap().is_empty() {
            self.get("/").await;
        }
        let token = self.cookie.lock().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        let mut all = vec![("token", token.as_str())];
        all.extend_from_slice(fields);
        send(self.request("POST", path).header("origin", &self.server.base).form(&all)).await
    }
}

/// What stands in the attribute `name="..."` of the first element that holds `within`.
pub(super) fn attribute<'a>(html: &'a str, within: &str, name: &str) -> &'a str {
    let at = html.find(within).unwrap_or_else(|| panic!("{within} is not in {html}"));
    let begin = html[..at].rfind('<').unwrap();
    let element = &html[begin..begin + html[begin..].find('>').unwrap()];
    let marked = format!(" {name}=\"");
    let rest = element.split_once(&marked).unwrap_or_else(|| panic!("no {name} in {element}")).1;
    rest.split('"').next().unwrap()
}
