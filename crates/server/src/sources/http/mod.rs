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
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    arguments::{Arguments, Method},
    http_server::{self, place_of},
    time_arguments,
};
use crate::{
    building::BuildInput,
    http_target::{self, HttpTarget},
    outbound::{self, HostPattern, Limits, Options, Request, Url},
    settings::{Field, FieldKind, unknown_name},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["http", "https"],
    doc: "Web services and pages, over HTTP.",
    fields: &[
        Field::optional("base_url", FieldKind::Url, "The address below which scripts may ask; paths count from it.")
            .or_words("this or `allowed_hosts`"),
        Field::optional(
            "allowed_hosts",
            FieldKind::Texts,
            "Hosts that scripts may ask by whole addresses: `example.org`, `*.example.org`, `example.org:8080`.",
        ),
        Field::optional("methods", FieldKind::Texts, "The methods that scripts may use, such as `['get', 'head']`.")
            .or_words("all"),
    ],
    groups: &[&http_target::LOGIN, &http_target::SOURCE_CONNECTION],
    build,
    samples: &[SourceSample {
        config: r#"{"base_url": "{url}", "auth_username": "u", "auth_password": "basic-s3cret", "headers": {"X-Key": "header-s3cret"}}"#,
        call: ("get", &["x?q=1"]),
        answer: "all is well",
        judges_status: false,
    }],
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
    target: HttpTarget,
}

fn build(setup: &BuildInput) -> Built {
    let settings = setup.settings;
    let mut faults = Vec::new();
    let base = settings
        .text("base_url")
        .map(|url| Url::parse(url).expect("a URL field was checked when the settings were read"));
    let mut allowed = Vec::new();
    for host in settings.texts("allowed_hosts") {
        match host.parse() {
            Ok(pattern) => allowed.push(pattern),
            Err(what) => faults.push(setup.fault("allowed_hosts", what)),
        }
    }
    let misfit = ["base_url", "allowed_hosts"].iter().any(|name| settings.is_misfit(name));
    if base.is_none() && settings.texts("allowed_hosts").is_empty() && !misfit {
        faults.push(setup.fault("base_url", "missing; expected this or 'allowed_hosts': what scripts may ask"));
    }
    let names = settings.texts("methods");
    let mut methods: Vec<&'static Method> = Vec::new();
    for name in &names {
        match METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name)) {
            Some(method) => methods.push(method),
            None => faults.push(setup.fault("methods", unknown_name("method", name, METHODS.iter().map(|m| m.name)))),
        }
    }
    if names.is_empty() {
        methods = METHODS.iter().collect();
    }
    let mut hosts = allowed.clone();
    if let Some(base) = &base {
        match base.host_str().unwrap_or_default().parse() {
            Ok(host) => hosts.push(host),
            Err(what) => faults.push(setup.fault("base_url", what)),
        }
    }
    match HttpTarget::read(setup, Some(hosts)) {
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

    fn place(&self) -> Option<String> {
        let hosts = self.allowed.iter().map(ToString::to_string);
        let all: Vec<String> = self.base.as_ref().and_then(place_of).into_iter().chain(hosts).collect();
        match all.as_slice() {
            [] => None,
            [first] => Some(first.clone()),
            [first, others @ ..] => Some(format!("{first} and {} more", others.len())),
        }
    }

    /// Where there is a base address, a path will do.
    fn example_address(&self) -> Option<String> {
        match self.base {
            Some(_) => None,
            None => self.allowed.first().map(HostPattern::example_address),
        }
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        if !self.methods.iter().any(|method| method.name == call.method) {
            let names: Vec<&str> = self.methods.iter().map(|method| method.name).collect();
            return Err(SourceFault::BadArguments(format!("the configuration allows only: {}", names.join(", "))));
        }
        let (method, mut arguments) = Arguments::of(&mut call, METHODS)?;
        let (request, trusted) = self.request(method, &mut arguments)?;
        let request = if trusted { self.target.sign(request)? } else { request };
        let mut outbound = self.target.outbound.clone();
        if let Some(timeout) = arguments.take("timeout") {
            let timeout = std::time::Duration::from_secs_f64(time_arguments::span("timeout", &timeout)?);
            // How long a script may wait is the configuration's to say.
            let timeout = timeout.min(outbound.options().timeout);
            outbound = outbound.with(Options { timeout, ..outbound.options().clone() });
        }
        // Of several hosts each may be there or not: what they do shows nothing of the source.
        let own = trusted && self.base.is_some();
        let reply = outbound.send(request, call.limits()).await.map_err(|error| match SourceFault::from(error) {
            SourceFault::Unavailable(what) if !own => SourceFault::Failed(what),
            fault => fault,
        })?;
        Ok(response::response(reply, call.now, own).await)
    }

    /// Any answer below 500 shows that somebody is there, and so does one that knows no HEAD (501); without a base address
    /// there is nobody to ask.
    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let Some(base) = &self.base else { return Ok(()) };
        let request = self.target.sign(Request::new(outbound::Method::HEAD, base.clone()))?;
        let limits: Limits = http_server::probe_limits(deadline);
        let reply = self.target.outbound.send(request, limits).await?;
        match reply.status.is_server_error() && reply.status != outbound::StatusCode::NOT_IMPLEMENTED {
            true => Err(SourceFault::Failed(format!("answered {}", reply.summary()))),
            false => Ok(()),
        }
    }
}
