//! Who may come in, and who may do what: through the front door.

pub(crate) mod account;
mod acknowledge_links;
mod every_route;
mod https_cookies;
mod log_in;
mod matrix;
mod people;
mod provider_changes;
mod provider_config;
mod provider_lies;
mod provider_people;
mod provider_token_lies;
mod proxy;
mod refusal_times;
pub(crate) mod refusals;
mod shell;
mod tags;
mod test_provider;
mod tokens;

use std::{collections::BTreeMap, net::IpAddr, sync::Mutex};

use revere::{
    access::Passwords,
    operations::people::{FirstPassword, PersonInput, create},
    store::User,
};
use revere_model::{Clock as _, Role};

use crate::api::server::{Answer, Server, send};
use crate::support::by_server;

/// A password that may be one.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Makes a person with [`PASSWORD`].
pub(crate) async fn person(server: &Server, name: &str, role: Role, tags: &[&str]) -> User {
    let kept = Passwords::default().hash(PASSWORD).await.unwrap();
    let input = PersonInput {
        name: name.to_owned(),
        role: role.to_string(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    };
    create(&server.store, &input, FirstPassword::Kept(kept), &by_server(server.clock.now())).await.unwrap()
}

/// A browser that keeps its cookies, sends forms, and does not follow where it is sent.
pub(crate) struct Visitor<'a> {
    base: &'a str,
    client: reqwest::Client,
    pub(crate) cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn of(server: &'a Server) -> Visitor<'a> {
        Visitor::from(server, "127.0.0.1")
    }

    /// One at another address of this machine.
    pub(crate) fn from(server: &'a Server, address: &str) -> Visitor<'a> {
        Visitor::at(&server.base, address)
    }

    /// One at `address`, who visits the server at `base`.
    #[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
    pub(crate) fn at(base: &'a str, address: &str) -> Visitor<'a> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(address.parse::<IpAddr>().unwrap())
            .build()
            .unwrap();
        Visitor { base, client, cookies: Mutex::default() }
    }

    /// One who has logged in.
    pub(crate) async fn logged_in(server: &'a Server, name: &str) -> Visitor<'a> {
        let visitor = Visitor::of(server);
        let answer = visitor.log_in(name, PASSWORD, "").await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        visitor
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.client
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("user-agent", "a test's browser")
            .header("cookie", cookies.join("; "))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match value {
                "" => cookies.remove(name),
                value => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Sends a form with the token that the browser holds.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        if !self.cookies.lock().unwrap().contains_key("revere_form") {
            self.get("/login").await;
        }
        let token = self.cookies.lock().unwrap().get("revere_form").cloned().unwrap_or_default();
        let mut all = vec![("token", token.as_str())];
        all.extend_from_slice(fields);
        self.send(self.request("POST", path).header("origin", self.base).form(&all)).await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str, code: &str) -> Answer {
        self.submit("/login", &[("name", name), ("password", password), ("code", code), ("to", "/alerts")]).await
    }

    pub(crate) fn session(&self) -> Option<String> {
        self.cookies.lock().unwrap().get("revere_session").cloned()
    }

    /// Makes an API token and answers it.
    pub(crate) async fn token(&self, may: &str, tags: &str) -> String {
        let fields = [("name", "a program"), ("may", may), ("tags", tags), ("days", "30")];
        let answer = self.submit("/tokens", &fields).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        once(&answer.text)
    }
}

/// What a page shows once.
pub(crate) fn once(html: &str) -> String {
    let (_, rest) = html.split_once("<code class=\"once\">").expect("something that is shown once");
    rest.split('<').next().unwrap().to_owned()
}
