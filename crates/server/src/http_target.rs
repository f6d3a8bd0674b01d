//! A configured HTTP server: how to sign in there, and how it may be asked. Shared by the sources and the channels that
//! speak HTTP, so that all of them have the same settings and say the same of them.

use rustls::pki_types::CertificateDer;

use crate::{
    building::BuildInput,
    outbound::{HostPattern, Options, Outbound, OutboundError, Request, Url},
    settings::{ConfigFault, Field, FieldGroup, FieldKind},
    tls::{self, Trust},
};

/// How to sign in at an address of the operator's own.
pub static LOGIN: FieldGroup = FieldGroup {
    heading: "Signing in over HTTP",
    fields: &[
        Field::optional("auth_username", FieldKind::Text, "User for HTTP basic authentication."),
        Field::optional("auth_password", FieldKind::Secret, "Password for HTTP basic authentication."),
        Field::optional("auth_token", FieldKind::Secret, "Token sent as `Authorization: Bearer`."),
        Field::optional(
            "headers",
            FieldKind::Headers,
            "Headers sent with every request; their values are kept secret, but for those of everyday ones such as Accept.",
        ),
    ],
};

/// How a source's server is asked. The time is below that of a run, so that the script sees the fault and can say what
/// was slow.
pub static SOURCE_CONNECTION: FieldGroup = FieldGroup { heading: "Asking over HTTP", fields: &connection(20) };

/// How a channel's receiver is asked.
pub static CHANNEL_CONNECTION: FieldGroup = FieldGroup { heading: "Sending over HTTP", fields: &connection(30) };

const fn connection(timeout_s: u32) -> [Field; 4] {
    [
        Field::optional("timeout", FieldKind::Seconds, "Longest wait for one whole answer, in seconds.")
            .or_number(timeout_s),
        Field::optional("verify_ssl", FieldKind::Bool, "Whether its certificate must be one this machine trusts.")
            .or_flag(true),
        CA_FILE,
        Field::optional(
            "allow_link_local",
            FieldKind::Bool,
            "Whether link-local and cloud metadata addresses may be asked.",
        )
        .or_flag(false),
    ]
}

/// Where else than the machine's own list a certificate may come from.
pub const CA_FILE: Field = Field::optional(
    "ca_file",
    FieldKind::Text,
    "PEM file of certificates to trust beside the machine's own: authorities, or the server's own, as `openssl req -x509` makes it.",
);

/// Another address for a service that has one of its own.
pub const fn api_url(own: &'static str) -> Field {
    Field::optional("api_url", FieldKind::Url, "Another address of the service: self-hosted, or a proxy.").or_text(own)
}

/// `url` with these further parts of a path.
pub fn below(mut url: Url, parts: &[&str]) -> Url {
    url.path_segments_mut().expect("http and https addresses have a path").pop_if_empty().extend(parts);
    url
}

/// How an HTTP server is asked.
#[derive(Clone)]
pub struct HttpTarget {
    /// Asks it.
    pub outbound: Outbound,
    login: Option<Login>,
    headers: Vec<(String, String)>,
}

#[derive(Clone)]
enum Login {
    Basic(String, String),
    Token(String),
}

impl HttpTarget {
    /// Reads the settings of [`LOGIN`] and of the connection, as far as the kind has them. `allowed_hosts` are those that
    /// may be asked, redirects included; `None` for any.
    pub fn read(setup: &BuildInput, allowed_hosts: Option<Vec<HostPattern>>) -> Result<HttpTarget, Vec<ConfigFault>> {
        let settings = setup.settings;
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| faults.push(setup.fault(field, message));
        let login = match (settings.text("auth_username"), settings.text("auth_password"), settings.text("auth_token"))
        {
            (None, None, None) => None,
            (Some(user), password, None) => {
                Some(Login::Basic(user.to_owned(), password.unwrap_or_default().to_owned()))
            }
            (None, None, Some(token)) => Some(Login::Token(token.to_owned())),
            (None, Some(_), None) => {
                if !settings.is_misfit("auth_username") {
                    fault("auth_username", "missing; 'auth_password' needs it");
                }
                None
            }
            (_, _, Some(_)) => {
                fault("auth_token", "expected either this or 'auth_username', not both");
                None
            }
        };
        let extra = ca_file(setup).unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        });
        let headers = settings.map("headers");
        for (name, value) in &headers {
            let blank = Request::get(Url::parse("http://localhost/").expect("a constant address"));
            if let Err(error) = blank.header(name, value) {
                let mut fault = setup.fault("headers", error.what);
                fault.place.push_str(&format!("['{name}']"));
                faults.push(fault);
            }
        }
        let options = Options {
            trust: Trust { verify: settings.flag("verify_ssl"), extra },
            timeout: settings.required_seconds("timeout"),
            allowed_hosts,
            allow_link_local: settings.flag("allow_link_local"),
        };
        let outbound = setup.context.outbound.with(options);
        if faults.is_empty() { Ok(HttpTarget { outbound, login, headers }) } else { Err(faults) }
    }

    /// Adds what the configuration says about signing in. What the request has already stays.
    pub fn sign(&self, request: Request) -> Result<Request, OutboundError> {
        let own = request.headers.clone();
        let mut request = request;
        for (name, value) in &self.headers {
            request = request.header(name, value)?;
        }
        request = match &self.login {
            Some(Login::Basic(user, password)) => request.basic_auth(user, password),
            Some(Login::Token(token)) => request.bearer(token)?,
            None => request,
        };
        request.headers.extend(own);
        Ok(request)
    }
}

/// What [`CA_FILE`] holds; nothing where it is not set.
pub fn ca_file(setup: &BuildInput) -> Result<Vec<CertificateDer<'static>>, ConfigFault> {
    let Some(file) = setup.settings.text("ca_file") else { return Ok(Vec::new()) };
    tls::read_ca_file(&setup.context.folder, file).map_err(|what| setup.fault("ca_file", what))
}
