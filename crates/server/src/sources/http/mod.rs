//! Web services and pages, over HTTP.
//!
//! An HTTP error status is an answer, which the script judges; only an exchange that did not come about is a fault. A
//! script may ask below `base_url`, or the hosts of `allowed_hosts`, and nothing else; the configured credentials go to
//! `base_url` only, or where there is none, to the allowed hosts.

mod request;
mod response;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, Value,
    arguments::{Arguments, Method},
    http_target::{self, Target},
    time_arguments,
};
use crate::{
    entry::Entry,
    outbound::{self, HostPattern, Limits, Options, Request, Url},
    settings::{ConfigFault, Field, FieldKind, Settings, unknown},
    surroundings::Surroundings,
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["http", "https"],
    doc: "Web services and pages, over HTTP.",
    fields: &[
        Field::optional("base_url", FieldKind::Url, "The address below which scripts may ask; paths count from it."),
        Field::optional(
            "allowed_hosts",
            FieldKind::Texts,
            "Hosts that scripts may ask by whole addresses: `example.org`, `*.example.org`, `example.org:8080`.",
        ),
        Field::optional(
            "methods",
            FieldKind::Texts,
            "The methods that scripts may use, such as ['get', 'head'] (all).",
        ),
        http_target::USERNAME,
        http_target::PASSWORD,
        http_target::TOKEN,
        http_target::HEADERS,
        http_target::VERIFY_SSL,
        http_target::CA_FILE,
        http_target::TIMEOUT,
        http_target::LINK_LOCAL,
    ],
    build,
};

const PARAMETERS: &[(&str, Option<&str>)] = &[
    ("path_or_url", Some("''")),
    ("params", Some("None")),
    ("headers", Some("None")),
    ("data", Some("None")),
    ("json", Some("None")),
    ("timeout", Some("None")),
    ("allow_redirects", Some("True")),
];

const fn method(name: &'static str, doc: &'static str) -> Method {
    Method { name, parameters: PARAMETERS, doc }
}

const METHODS: &[Method] = &[
    method(
        "get",
        "Asks with GET. The response has status, ok, reason, headers, text, content, json(), elapsed (seconds), url, \
         tls (not_after, days_left; None without TLS) and raise_for_status().",
    ),
    method("head", "Asks with HEAD: as get, without a body."),
    method(
        "post",
        "Asks with POST; data is a text, bytes, or a dict to send as a form; json is anything to send as JSON. Answers as get.",
    ),
    method("put", "Asks with PUT; as post."),
    method("patch", "Asks with PATCH; as post."),
    method("delete", "Asks with DELETE; as post."),
    method("options", "Asks with OPTIONS; as get."),
];

struct Http {
    base: Option<Url>,
    allowed: Vec<HostPattern>,
    methods: Vec<&'static Method>,
    target: Target,
}

fn build(entry: &Entry, settings: &Settings, surroundings: &Surroundings) -> Built {
    let place = |key: &str| format!("{}['config']['{key}']", entry.place);
    let mut faults = Vec::new();
    let base = settings
        .text("base_url")
        .map(|url| Url::parse(url).expect("a URL field was checked when the settings were read"));
    let mut allowed = Vec::new();
    for host in settings.texts("allowed_hosts") {
        match host.parse() {
            Ok(pattern) => allowed.push(pattern),
            Err(what) => faults.push(ConfigFault::new(place("allowed_hosts"), what)),
        }
    }
    if base.is_none() && settings.texts("allowed_hosts").is_empty() {
        faults.push(ConfigFault::new(
            place("base_url"),
            "missing; expected this or 'allowed_hosts': what scripts may ask",
        ));
    }
    let names = settings.texts("methods");
    let mut methods: Vec<&'static Method> = Vec::new();
    for name in &names {
        match METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name)) {
            Some(method) => methods.push(method),
            None => {
                faults.push(ConfigFault::new(place("methods"), unknown("method", name, METHODS.iter().map(|m| m.name))))
            }
        }
    }
    if names.is_empty() {
        methods = METHODS.iter().collect();
    }
    let mut hosts = allowed.clone();
    if let Some(base) = &base {
        match base.host_str().unwrap_or_default().parse() {
            Ok(host) => hosts.push(host),
            Err(what) => faults.push(ConfigFault::new(place("base_url"), what)),
        }
    }
    match Target::new(entry, settings, surroundings, Some(hosts)) {
        Ok(target) if faults.is_empty() => Ok(Arc::new(Http { base, allowed, methods, target })),
        Ok(_) => Err(faults),
        Err(more) => Err(faults.into_iter().chain(more).collect()),
    }
}

#[async_trait]
impl Source for Http {
    fn methods(&self) -> Vec<MethodDescription> {
        self.methods.iter().map(|method| method.describe()).collect()
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        if !self.methods.iter().any(|method| method.name == call.method) {
            let names: Vec<&str> = self.methods.iter().map(|method| method.name).collect();
            return Err(SourceFault::BadArguments(format!("the configuration allows only: {}", names.join(", "))));
        }
        let (method, mut arguments) = Arguments::of(&mut call, METHODS)?;
        let (request, trusted) = self.request(method, &mut arguments)?;
        let request = if trusted { self.sign_under(request)? } else { request };
        let mut outbound = self.target.outbound.clone();
        if let Some(timeout) = arguments.take("timeout") {
            let timeout = std::time::Duration::from_secs_f64(time_arguments::span("timeout", &timeout)?);
            // How long a script may wait is the configuration's to say.
            let timeout = timeout.min(outbound.options().timeout);
            outbound = outbound.with(Options { timeout, ..outbound.options().clone() });
        }
        let reply = outbound.send(request, call.limits()).await.map_err(http_target::fault)?;
        Ok(response::response(reply, call.now).await)
    }

    /// Any answer below 500 shows that somebody is there, and so does one that knows no HEAD (501); without a base address
    /// there is nobody to ask.
    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let Some(base) = &self.base else { return Ok(()) };
        let request = self.target.sign(Request::new(outbound::Method::HEAD, base.clone()))?;
        let limits: Limits = http_target::probe_limits(deadline);
        let reply = self.target.outbound.send(request, limits).await.map_err(http_target::fault)?;
        match reply.status.is_server_error() && reply.status != outbound::StatusCode::NOT_IMPLEMENTED {
            true => Err(SourceFault::Failed(format!("answered {}", reply.summary()))),
            false => Ok(()),
        }
    }
}
