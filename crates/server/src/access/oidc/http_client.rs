//! Asks a provider, through the program's one HTTP client: few bytes, little time, no redirects, and of no host but its own.

use std::pin::Pin;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use serde_json::{Map, Value};

use super::{ProviderSettings, Refused};
use crate::outbound::{Limits, Options, Outbound, OutboundError, OutboundKind, Request, Url, shown_url};

/// No metadata, set of keys or token is larger.
const LARGEST: usize = 512 << 10;

/// How a provider is asked.
pub(super) struct ProviderClient {
    outbound: Outbound,
    timeout: std::time::Duration,
}

impl ProviderClient {
    pub(super) fn new(outbound: &Outbound, settings: &ProviderSettings) -> ProviderClient {
        let options = Options {
            trust: settings.trust.clone(),
            timeout: settings.timeout,
            allowed_hosts: Some(settings.allowed_hosts()),
            allow_link_local: false,
        };
        ProviderClient { outbound: outbound.with(options), timeout: settings.timeout }
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let (parts, body) = request.into_parts();
        let wrong =
            |what: String| OutboundError { kind: OutboundKind::BadRequest, asked: parts.method.to_string(), what };
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| wrong(error.to_string()))?;
        let mut asked = Request::new(parts.method.clone(), url);
        asked.redirects = 0;
        asked.headers = parts.headers.clone();
        asked.body = body.into();
        let shown = asked.url.clone();
        let reply = self.outbound.send(asked, Limits::within(self.timeout, LARGEST)).await?;
        if reply.status.is_redirection() {
            let what = format!("it redirects ({}), and no provider is followed elsewhere", reply.status_line());
            let asked = format!("{} {}", parts.method, shown_url(&shown));
            return Err(OutboundError { kind: OutboundKind::Protocol, asked, what });
        }
        let mut answer = http::Response::new(reply.body.to_vec());
        *answer.status_mut() = reply.status;
        *answer.headers_mut() = reply.headers;
        Ok(answer)
    }

    /// The claims that a provider has beside those of its token.
    pub(super) async fn user_info(&self, endpoint: &Url, access_token: &str) -> Result<Map<String, Value>, Refused> {
        let asked = Request::get(endpoint.clone()).bearer(access_token);
        let asked = asked.and_then(|asked| asked.header("accept", "application/json"));
        let asked = Request {
            redirects: 0,
            ..asked.map_err(|error| Refused::failed(format!("the access token: {}", error.what)))?
        };
        let reply = self.outbound.send(asked, Limits::within(self.timeout, LARGEST)).await;
        let reply = reply.map_err(|error| {
            let next = super::discovery::next_step(&error);
            Refused::unreachable(format!("the userinfo endpoint: {error}{next}"))
        })?;
        if reply.status != http::StatusCode::OK {
            return Err(Refused::failed(format!("the userinfo endpoint answered {}", reply.status_line())));
        }
        match reply.json() {
            Ok(Value::Object(claims)) => Ok(claims),
            Ok(_) => Err(Refused::failed("the userinfo endpoint answered no object")),
            Err(what) => Err(Refused::failed(format!("the userinfo endpoint answered {what}"))),
        }
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderClient {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
