//! A server on a free port with the clock in hand, and a client for it.

use std::{sync::Arc, time::Duration};

use revere::{
    metrics::Metrics,
    web::{self, Site, WebState},
};
use revere_model::ManualClock;
use serde_json::Value;

/// When every test begins: a Wednesday.
pub const BEGIN: &str = "2026-07-01T12:00:30Z";

/// A server that stops when it is dropped.
pub struct Server {
    pub base: String,
    pub clock: ManualClock,
    client: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Server {
    pub async fn start() -> Server {
        let clock = ManualClock::at(BEGIN.parse().unwrap());
        let state = WebState {
            site: Arc::new(Site { base_url: None, loopback_only: true }),
            default_timezone: "UTC".into(),
            clock: Arc::new(clock.clone()),
            metrics: Arc::new(Metrics::new(BEGIN.parse().unwrap())),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, web::router(state)).await.unwrap() });
        Server { base, clock, client: client(), task }
    }

    /// A request to `path`, for what the short forms below do not do.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    /// Sends `body` as JSON.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        send(self.request(method, path).json(body)).await
    }

    /// Sends `body` as it is, said to be JSON.
    pub async fn send_raw(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request(method, path).header("content-type", "application/json").body(body)).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A problem document of that status, checked for what all of them must have.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        let problem = self.json(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    /// The faults of a 422, as `field: message`.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let problem = self.problem(422);
        let faults = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
        faults
            .iter()
            .map(|fault| format!("{}: {}", fault["field"].as_str().unwrap(), fault["message"].as_str().unwrap()))
            .collect()
    }

    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "the client is the test's own, not the server's")]
fn client() -> reqwest::Client {
    // Another test of the same process may have been first.
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}
