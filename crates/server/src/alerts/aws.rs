//! Amazon's way of signing in: finds the keys, and signs a request with them (Signature Version 4).
//!
//! Keys are the configured ones, or those of the machine, looked for where Amazon's own programs look: environment, shared
//! files with profiles, a web identity, a program named there, the container's role, the machine's role. Whatever has to
//! be asked for is asked through [`Outbound`].

use std::fmt;

use axum::http;
use bytes::Bytes;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, Result, Signer};
use sha2::{Digest, Sha256};

use super::{SendError, http_channel::not_sent};
use crate::{
    error_words,
    hexadecimal::hex,
    outbound::{Limits, Options, Outbound, Request, Url, header},
};

/// Keys that the configuration names.
pub(super) struct Keys {
    /// Says who.
    pub(super) id: String,
    /// Signs.
    pub(super) secret: String,
}

/// Signs requests to one service in one region. Keys of a role are kept until they are about to end.
pub(super) struct AwsSigner(Signer<Credential>);

impl AwsSigner {
    /// With `keys`, or with what the machine has.
    pub(super) fn new(service: &str, region: &str, keys: Option<&Keys>, outbound: &Outbound) -> AwsSigner {
        let request_signer = RequestSigner::new(service, region);
        // The machine's role is asked for at a link-local address; no author of a script has a say in this request.
        let outbound = outbound.with(Options { allow_link_local: true, ..Options::default() });
        let context = Context::new()
            .with_env(OsEnv)
            .with_file_read(Files)
            .with_command_execute(Programs)
            .with_http_send(Roles(outbound));
        AwsSigner(match keys {
            Some(keys) => Signer::new(context, StaticCredentialProvider::new(&keys.id, &keys.secret), request_signer),
            None => {
                let provider = DefaultCredentialProvider::builder().no_sso().build();
                Signer::new(context, provider, request_signer)
            }
        })
    }

    /// Adds the signature. Without keys the request cannot be sent: the error says where they were looked for.
    pub(super) async fn sign(&self, mut request: Request) -> std::result::Result<Request, SendError> {
        let hash = hex(&Sha256::digest(&request.body));
        request = request.header("x-amz-content-sha256", &hash).map_err(not_sent)?;
        let mut unsigned = http::Request::new(());
        *unsigned.method_mut() = request.method.clone();
        *unsigned.uri_mut() =
            request.url.as_str().parse().map_err(|_| SendError::never("the service's address cannot be asked"))?;
        *unsigned.headers_mut() = request.headers.clone();
        let (mut parts, ()) = unsigned.into_parts();
        self.0.sign(&mut parts, None).await.map_err(|error| {
            SendError::later(format!(
                "the request cannot be signed: {}; set 'access_key_id' and 'secret_key', or give this machine a role",
                error_words::with_causes(&error)
            ))
        })?;
        // It follows from the address, and is set when the request is sent.
        parts.headers.remove(header::HOST);
        request.headers = parts.headers;
        Ok(request)
    }
}

/// Answers of the services that hand out keys are short.
const ANSWER_BYTES: usize = 64 << 10;
/// They are near: a machine that has none must not wait long to hear so.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

struct Roles(Outbound);

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roles")
    }
}

impl HttpSend for Roles {
    async fn http_send(&self, asked: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        let (parts, body) = asked.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|error| Error::request_invalid("no address").with_source(error))?;
        let mut request = Request::new(parts.method, url);
        request.headers = parts.headers;
        request.body = body;
        let reply = self.0.send(request, Limits::within(PATIENCE, ANSWER_BYTES)).await;
        let reply = reply.map_err(|error| Error::unexpected(error.to_string()))?;
        let mut response = http::Response::new(reply.body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        Ok(response)
    }
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        tokio::fs::read(path)
            .await
            .map_err(|error| Error::unexpected(format!("{path} cannot be read")).with_source(error))
    }
}

/// Runs a `credential_process` of a profile.
#[derive(Debug)]
struct Programs;

impl CommandExecute for Programs {
    async fn command_execute<'a>(&'a self, program: &'a str, arguments: &'a [&'a str]) -> Result<CommandOutput> {
        let mut command = tokio::process::Command::new(program);
        let output = command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true).output().await;
        let output =
            output.map_err(|error| Error::unexpected(format!("{program} cannot be run")).with_source(error))?;
        Ok(CommandOutput { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr })
    }
}
