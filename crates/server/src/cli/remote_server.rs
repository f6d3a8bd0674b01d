//! Which server a command asks through its API, and as whom.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{Context, bail};
use clap::ValueHint;

use crate::{
    monitor_files::Remote,
    outbound::{Outbound, Url, shown_url},
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
    /// Send the token unencrypted, to an http:// address of another machine, for everybody on the way to read
    #[arg(long)]
    token_in_the_clear: bool,
}

impl RemoteServer {
    /// Connects to nothing yet.
    pub(super) fn open(&self, secrets: &Secrets) -> anyhow::Result<Remote> {
        let base = Url::parse(&self.server)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
            .context("--server (or REVERE_URL) is no address; expected http://host:port/")?;
        secrets.learn_url(&base);
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
        let shows_who = token.is_some() || !base.username().is_empty() || base.password().is_some();
        if shows_who && is_in_the_clear(&base) && !self.token_in_the_clear {
            bail!(
                "{} is not encrypted, and the token would go over the network for everybody to read; nothing was sent. Give \
                 the server's https:// address, or, where nobody can listen on the way, say --token-in-the-clear",
                shown_url(&base)
            );
        }
        Ok(Remote::new(Outbound::new(secrets.clone()), base, token))
    }
}

/// Whether what is sent there goes over a network as it is: by HTTP, and not to this machine.
fn is_in_the_clear(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    url.scheme() == "http" && !here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_http_to_another_machine_is_in_the_clear() {
        for (url, expected) in [
            ("http://revere.example.org/", true),
            ("http://192.0.2.1:5000/", true),
            ("http://[fd00::1]/", true),
            ("http://localhost.example.org/", true),
            ("http://localhost:5000/", false),
            ("http://127.0.0.1:5000/", false),
            ("http://[::1]:5000/", false),
            ("http://[::ffff:127.0.0.1]:5000/", false),
            ("https://revere.example.org/", false),
        ] {
            assert_eq!(is_in_the_clear(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
