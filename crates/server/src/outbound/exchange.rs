//! One request and its answer: the hops that it takes, over connections that are there or new ones, and what is read of the answer.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use reqwest::{Url, header};

use super::{
    Clients, Outbound, OutboundKind, Reply, Request, TIME_TO_CONNECT, address, content_coding,
    cookies::Cookies,
    fault,
    new_connection::{self, Connecting as NewConnection},
    redirects, shown_url,
};
use crate::answer_memory;

/// One `send`: the hops of one request, under one deadline.
pub(super) struct Exchange<'a> {
    pub(super) outbound: &'a Outbound,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    pub(super) max_bytes: usize,
    pub(super) wanted: Wanted,
}

/// What of an answer matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: anything less is a failure.
    Whole,
    /// The status; the body is as good as it comes.
    Status,
}

impl Exchange<'_> {
    pub(super) async fn run(&self, mut request: Request) -> Result<Reply, fault::Failure> {
        request.take_url_credentials();
        let asked = request.url.origin();
        // Whoever was asked has answered, by sending on to somebody else.
        let sent_on = |failure: fault::Failure, url: &Url| match failure.kind {
            OutboundKind::Unreachable | OutboundKind::NotConnected | OutboundKind::Tls | OutboundKind::Broken
                if url.origin() != asked =>
            {
                fault::Failure { kind: OutboundKind::Protocol, ..failure }
            }
            _ => failure,
        };
        let mut own_cookies = request.headers.get(header::COOKIE).cloned();
        let mut cookies = Cookies::default();
        let mut hops = request.redirects;
        loop {
            address::check(&request.url, &self.outbound.options, &self.outbound.shared.dialer.rules)?;
            let clients = self.outbound.clients(&request.url)?;
            let answered = self.ask(&clients, &request).await;
            let response = answered.map_err(|failure| sent_on(self.name_proxy(failure, &request.url), &request.url))?;
            let target = redirects::redirect_target(&request.url, &response).filter(|_| request.redirects > 0);
            let Some(target) = target else {
                let url = request.url.clone();
                return self.read(request.url, response).await.map_err(|failure| sent_on(failure, &url));
            };
            hops = hops.checked_sub(1).ok_or_else(|| fault::Failure {
                kind: OutboundKind::Protocol,
                what: format!("redirected more than {} times, last to {}", request.redirects, shown_url(&target)),
            })?;
            cookies.learn(&request.url, response.headers());
            // What was configured or asked for goes to one origin; what a hop set, back to where it was set.
            own_cookies = own_cookies.filter(|_| target.origin() == request.url.origin());
            request.redirect(target, response.status());
            match cookies.header(&request.url, own_cookies.as_ref()).or_else(|| own_cookies.clone()) {
                Some(value) => drop(request.headers.insert(header::COOKIE, value)),
                None => drop(request.headers.remove(header::COOKIE)),
            }
        }
    }

    /// Who could not be reached is the proxy, where there is one: the words would lead astray without it.
    fn name_proxy(&self, failure: fault::Failure, url: &Url) -> fault::Failure {
        match self.outbound.shared.proxies.for_url(url) {
            Some(proxy) if matches!(failure.kind, OutboundKind::Unreachable | OutboundKind::NotConnected) => {
                fault::Failure {
                    what: format!("{} (through the proxy {})", failure.what, shown_url(&proxy)),
                    ..failure
                }
            }
            _ => failure,
        }
    }

    /// Sends one request: over a connection that is there, or a new one. Where the former dies without an answer, nobody
    /// knows whether the request was taken; what may be repeated is sent once more over a new one.
    async fn ask(&self, clients: &Clients, request: &Request) -> Result<reqwest::Response, fault::Failure> {
        let connecting = NewConnection::default();
        let client = if request.on_new_connection { &clients.connecting } else { &clients.keeping };
        let asked = new_connection::watch(&connecting, client.execute(request.to_reqwest()));
        let answered = self.in_time(asked, "no answer").await.map_err(|late| self.unconnected(late, &connecting))?;
        let is_new = connecting.is_done();
        match answered {
            Err(error) if request.repeatable && !is_new && fault::Failure::connection_died(&error) => {
                self.within(clients.connecting.execute(request.to_reqwest()), "no answer").await
            }
            answered => answered.map_err(|error| fault::Failure::from_chain(&error)),
        }
    }

    /// What took too long while a connection was being made is hardly what was asked.
    fn unconnected(&self, late: fault::Failure, connecting: &NewConnection) -> fault::Failure {
        let time = self.deadline.saturating_duration_since(self.started);
        match connecting.is_under_way() && time >= TIME_TO_CONNECT {
            true => fault::Failure {
                kind: OutboundKind::NotConnected,
                what: format!("timed out after {}: no connection", fault::seconds(time.as_secs_f64())),
            },
            false => late,
        }
    }

    async fn read(&self, url: Url, mut response: reqwest::Response) -> Result<Reply, fault::Failure> {
        let too_large = || fault::Failure::too_large(self.max_bytes);
        let announced = response.content_length();
        let whole = self.wanted == Wanted::Whole;
        if whole && announced.is_some_and(|length| length > self.max_bytes as u64) {
            return Err(too_large());
        }
        let peer = response.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = peer.and_then(|tls| tls.peer_certificate()).map(Bytes::copy_from_slice);
        let is_coded = content_coding::is_coded(response.headers());
        let count = if is_coded { answer_memory::count_passing } else { answer_memory::count };
        let mut body = BytesMut::new();
        loop {
            let late = format!("the answer stopped after {} bytes", body.len());
            let chunk = match self.within(response.chunk(), &late).await {
                Ok(chunk) => chunk,
                Err(_) if !whole => break,
                Err(failure) => return Err(failure.while_reading(body.len(), announced)),
            };
            let Some(chunk) = chunk else { break };
            let room = self.max_bytes - body.len();
            if chunk.len() > room {
                if whole {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk[..room]);
                break;
            }
            count(chunk.len())
                .map_err(|fault| fault::Failure { kind: OutboundKind::NoMemory, what: fault.to_string() })?;
            body.extend_from_slice(&chunk);
        }
        let mut headers = response.headers().clone();
        let decoding = content_coding::decode(&mut headers, body.freeze(), self.max_bytes);
        let body = match self.in_time(decoding, "the answer takes too long to decode").await {
            Ok(decoded) => match decoded.fault.filter(|_| whole) {
                Some(fault) => return Err(fault),
                None => decoded.body,
            },
            Err(late) if whole => return Err(late),
            Err(_) => Bytes::new(),
        };
        Ok(Reply {
            status: response.status(),
            headers,
            body,
            elapsed: self.started.elapsed(),
            url,
            certificate,
            secrets: self.outbound.shared.secrets.clone(),
        })
    }

    async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, reqwest::Error>>,
        late: &str,
    ) -> Result<T, fault::Failure> {
        self.in_time(step, late).await?.map_err(|error| fault::Failure::from_chain(&error))
    }

    async fn in_time<T>(&self, step: impl Future<Output = T>, late: &str) -> Result<T, fault::Failure> {
        tokio::time::timeout_at(self.deadline.into(), step).await.map_err(|_| {
            let seconds = self.deadline.saturating_duration_since(self.started).as_secs_f64();
            fault::Failure {
                kind: OutboundKind::TimedOut,
                what: format!("timed out after {}: {late}", fault::seconds(seconds)),
            }
        })
    }
}
