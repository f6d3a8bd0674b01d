//! Connects to what speaks no HTTP: databases and mail servers. The same rules of addresses hold as for HTTP.

use std::{io, sync::Arc};

use tokio::net::TcpStream;

use super::{
    address_rules::{AddressRules, allowed},
    resolver::Names,
};

/// Connects by TCP.
#[derive(Clone, Default)]
pub struct Dialer {
    pub(super) rules: Arc<AddressRules>,
    pub(super) names: Names,
}

impl Dialer {
    /// Resolves `host` and connects to the first of its addresses that answers and may be connected to. Where none may, the
    /// error holds a [`RefusedAddress`](super::RefusedAddress).
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let found = self.names.resolve(host, port).await?;
        let addresses = allowed(found, |address| self.rules.judge(host, address.ip(), None));
        TcpStream::connect(&addresses.map_err(io::Error::other)?[..]).await
    }
}
