//! Which server a command asks through its API, and as whom.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueHint;

use crate::{
    monitor_files::Remote,
    outbound::{Outbound, Url},
    redact::Secrets,
};

/// Arguments of commands that ask a server.
#[derive(clap::Args, Debug)]
pub(super) struct RemoteServer {
    /// Where the server is
    #[arg(long, value_name = "URL", env = "REVERE_URL", default_value = "http://127.0.0.1:5000/", value_hint = ValueHint::Url)]
    server: String,
    /// A file with an API token, where people log in [default: the variable REVERE_TOKEN]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,
}

impl RemoteServer {
    /// Connects to nothing yet.
    pub(super) fn open(&self, secrets: &Secrets) -> anyhow::Result<Remote> {
        let base = Url::parse(&self.server)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
            .with_context(|| format!("--server: '{}' is no address; expected http://host:port/", self.server))?;
        let token = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                Some(text.with_context(|| format!("cannot read the token in {}", file.display()))?)
            }
            None => std::env::var("REVERE_TOKEN").ok(),
        };
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        if let Some(token) = &token {
            if token.contains(char::is_whitespace) {
                bail!("the token has spaces or several lines in it; expected one, as /tokens shows it once");
            }
            secrets.learn(token);
        }
        Ok(Remote::new(Outbound::new(secrets.clone()), base, token))
    }
}
