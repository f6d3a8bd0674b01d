//! A configured HTTP server: where it is, how to sign in, and how it may be asked. Shared by the sources that speak
//! HTTP, so that all of them have the same settings and say the same when it fails.

use std::time::{Duration, Instant};

use super::{Call, SourceFault};
use crate::{
    entry::Entry,
    outbound::{HostPattern, Limits, Options, Outbound, OutboundError, OutboundKind, Reply, Request, Url, shown_url},
    settings::{ConfigFault, Field, FieldKind, Settings},
    surroundings::Surroundings,
    tls::{self, Trust},
};

pub(super) const USERNAME: Field =
    Field::optional("auth_username", FieldKind::Text, "User for HTTP basic authentication.");
pub(super) const PASSWORD: Field =
    Field::optional("auth_password", FieldKind::Secret, "Password for HTTP basic authentication.");
pub(super) const TOKEN: Field =
    Field::optional("auth_token", FieldKind::Secret, "Token sent as `Authorization: Bearer`.");
pub(super) const HEADERS: Field = Field::optional("headers", FieldKind::Headers, "Headers sent with every request.");
pub(super) const VERIFY_SSL: Field =
    Field::optional("verify_ssl", FieldKind::Bool, "Whether its certificate must be one this machine trusts (True).");
pub(super) const CA_FILE: Field = Field::optional(
    "ca_file",
    FieldKind::Text,
    "PEM file of certificates to trust beside the machine's own: authorities, or the server's own.",
);
pub(super) const TIMEOUT: Field =
    Field::optional("timeout", FieldKind::Seconds, "Longest wait for one whole answer, in seconds (20).");
pub(super) const LINK_LOCAL: Field = Field::optional(
    "allow_link_local",
    FieldKind::Bool,
    "Whether link-local and cloud metadata addresses may be asked (False).",
);

/// How long one answer may take unless the settings say otherwise: below the time of a run, so that the script sees the
/// fault and can say what was slow.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// Answers of a probe are small.
const PROBE_BYTES: usize = 1 << 20;

/// How an HTTP server is asked.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) outbound: Outbound,
    auth: Option<Auth>,
    headers: Vec<(String, String)>,
}

#[derive(Clone)]
enum Auth {
    Basic(String, String),
    Token(String),
}

impl Target {
    /// Reads the settings above, as far as the kind has them among its fields.
    pub(super) fn new(
        entry: &Entry,
        settings: &Settings,
        surroundings: &Surroundings,
        allowed_hosts: Option<Vec<HostPattern>>,
    ) -> Result<Target, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        let place = |key: &str| format!("{}['config']['{key}']", entry.place);
        let auth = match (settings.text("auth_username"), settings.text("auth_password"), settings.text("auth_token")) {
            (None, None, None) => None,
            (Some(user), password, None) => Some(Auth::Basic(user.to_owned(), password.unwrap_or_default().to_owned())),
            (None, None, Some(token)) => Some(Auth::Token(token.to_owned())),
            (None, Some(_), None) => {
                faults.push(ConfigFault::new(place("auth_username"), "missing; 'auth_password' needs it"));
                None
            }
            (_, _, Some(_)) => {
                faults.push(ConfigFault::new(place("auth_token"), "expected either this or 'auth_username', not both"));
                None
            }
        };
        let mut trust = Trust { verify: settings.flag("verify_ssl", true), ..Trust::default() };
        if let Some(file) = settings.text("ca_file") {
            match tls::read_ca_file(&surroundings.folder, file) {
                Ok(certificates) => trust.extra = certificates,
                Err(what) => faults.push(ConfigFault::new(place("ca_file"), what)),
            }
        }
        let headers = settings.map("headers");
        for (name, value) in &headers {
            let blank = Request::get(Url::parse("http://localhost/").expect("a constant address"));
            if let Err(error) = blank.header(name, value) {
                faults.push(ConfigFault::new(format!("{}['{name}']", place("headers")), error.what));
            }
        }
        let options = Options {
            trust,
            timeout: settings.seconds("timeout").unwrap_or(DEFAULT_TIMEOUT),
            allowed_hosts,
            allow_link_local: settings.flag("allow_link_local", false),
        };
        let outbound = surroundings.outbound.with(options);
        if faults.is_empty() { Ok(Target { outbound, auth, headers }) } else { Err(faults) }
    }

    /// Adds what the configuration says about signing in.
    pub(super) fn sign(&self, mut request: Request) -> Result<Request, SourceFault> {
        for (name, value) in &self.headers {
            request = request.header(name, value).map_err(fault)?;
        }
        match &self.auth {
            Some(Auth::Basic(user, password)) => Ok(request.basic_auth(user, password)),
            Some(Auth::Token(token)) => request.bearer(token).map_err(fault),
            None => Ok(request),
        }
    }
}

/// In the words of a source: what was asked, and what came of it.
pub(super) fn fault(error: OutboundError) -> SourceFault {
    match error.kind {
        OutboundKind::TooLarge(most) => SourceFault::TooLarge(most),
        OutboundKind::BadRequest => SourceFault::BadArguments(error.what),
        OutboundKind::NoDescriptor | OutboundKind::NoMemory => SourceFault::Ours(error.what),
        _ => SourceFault::Failed(error.to_string()),
    }
}

/// A server whose address is configured, and which answers JSON.
pub(super) struct Server {
    base: Url,
    target: Target,
}

impl Server {
    /// Reads `url` and what [`Target::new`] reads. Redirects may lead to the same host only. One of `ends` is left
    /// away at the end of the address.
    pub(super) fn new(
        entry: &Entry,
        settings: &Settings,
        surroundings: &Surroundings,
        ends: &[&str],
    ) -> Result<Server, Vec<ConfigFault>> {
        let mut base =
            Url::parse(settings.required_text("url")).expect("a URL field was checked when the settings were read");
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        let before = ends.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
        base.set_path(before);
        let host = base.host_str().unwrap_or_default().parse::<HostPattern>();
        let host = host.map_err(|wrong| vec![ConfigFault::new(format!("{}['config']['url']", entry.place), wrong)])?;
        Ok(Server { target: Target::new(entry, settings, surroundings, Some(vec![host]))?, base })
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
        self.target.outbound.send(request, limits).await.map_err(|error| match fault(error.clone()) {
            // The parameters are in the words around this already; only the address is missing.
            SourceFault::Failed(_) => self.failed(&error.what),
            other => other,
        })
    }

    /// The fault that says where and what.
    pub(super) fn failed(&self, what: &str) -> SourceFault {
        SourceFault::Failed(format!("{}: {what}", shown_url(&self.base).trim_end_matches('/')))
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
