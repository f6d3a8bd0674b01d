//! The server of a source that answers over HTTP, at an address of its own.

use std::time::Instant;

use super::{Call, SourceFault};
use crate::{
    building::BuildInput,
    http_target::HttpTarget,
    outbound::{HostPattern, Limits, OutboundError, OutboundKind, Reply, Request, Url, shown_url},
    settings::ConfigFault,
};

/// Answers of a probe are small.
const PROBE_BYTES: usize = 1 << 20;

impl From<OutboundError> for SourceFault {
    /// In the words of a source: what came of it, and what was asked.
    fn from(error: OutboundError) -> Self {
        match error.kind {
            OutboundKind::TooLarge(most) => SourceFault::TooLarge(most),
            OutboundKind::BadRequest => SourceFault::BadArguments(error.what),
            OutboundKind::NoDescriptor | OutboundKind::NoMemory => SourceFault::Ours(error.what),
            // Not what took too long: a server that is well may need long for what it was asked.
            OutboundKind::Unreachable | OutboundKind::NotConnected | OutboundKind::Tls | OutboundKind::Broken => {
                SourceFault::Unavailable(format!("{} ({})", error.what, error.asked))
            }
            _ => SourceFault::Failed(format!("{} ({})", error.what, error.asked)),
        }
    }
}

/// A server whose address is configured, and which answers JSON.
pub(super) struct Server {
    base: Url,
    target: HttpTarget,
}

/// Host and port of an address.
pub(super) fn place_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

impl Server {
    /// Reads `url` and what [`HttpTarget::read`] reads. Redirects may lead to the same host only. One of `ends` is left
    /// away at the end of the address.
    pub(super) fn new(setup: &BuildInput, ends: &[&str]) -> Result<Server, Vec<ConfigFault>> {
        let mut base = setup.url("url");
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        let before = ends.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
        base.set_path(before);
        let host = base.host_str().unwrap_or_default().parse::<HostPattern>();
        let host = host.map_err(|wrong| vec![setup.fault("url", wrong)])?;
        Ok(Server { target: HttpTarget::read(setup, Some(vec![host]))?, base })
    }

    /// Host and port, which are all of the address that is certainly no secret.
    pub(super) fn place(&self) -> Option<String> {
        place_of(&self.base)
    }

    /// Asks `path` below the configured address with `parameters`: in the address while that is short, else in the body.
    pub(super) async fn ask(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        limits: Limits,
    ) -> Result<Reply, SourceFault> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = if form.len() <= 2000 {
            url.set_query(Some(&form));
            Request::get(url)
        } else {
            // A question that only is too long for an address.
            let (redirects, repeatable) = (0, true);
            Request { redirects, repeatable, ..Request::new(crate::outbound::Method::POST, url) }
                .body("application/x-www-form-urlencoded", form)
        };
        let request = self.target.sign(request)?;
        self.target.outbound.send(request, limits).await.map_err(|error| match SourceFault::from(error.clone()) {
            // The parameters are in the words around this already; only the address is missing.
            SourceFault::Failed(_) => self.failed(&error.what),
            SourceFault::Unavailable(_) => SourceFault::Unavailable(self.where_it_was(&error.what)),
            other => other,
        })
    }

    /// The fault that says what and where.
    pub(super) fn failed(&self, what: &str) -> SourceFault {
        SourceFault::Failed(self.where_it_was(what))
    }

    /// The fault of an answer that is no success: behind a gateway that reaches nobody the source is not there. Whatever else is
    /// said, a refused log-in or right included, is said by somebody who is, and may be about what was asked.
    pub(super) fn refused(&self, reply: &Reply) -> SourceFault {
        let what = self.where_it_was(&format!("answered {}", reply.summary()));
        match reply.status.as_u16() {
            502..=504 => SourceFault::Unavailable(what),
            _ => SourceFault::Failed(what),
        }
    }

    fn where_it_was(&self, what: &str) -> String {
        format!("{what} ({})", shown_url(&self.base).trim_end_matches('/'))
    }
}

impl Call {
    /// What one exchange for this call may use.
    pub(super) fn limits(&self) -> Limits {
        Limits { deadline: self.deadline, max_bytes: self.answer_bytes }
    }
}

/// What one exchange for a probe may use.
pub(super) fn probe_limits(deadline: Instant) -> Limits {
    Limits { deadline, max_bytes: PROBE_BYTES }
}
