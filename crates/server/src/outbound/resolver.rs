//! Names become addresses as the machine has them, and what may not be connected to is left out.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address_rules::{AddressRules, allowed};

/// Who turns names into addresses.
#[derive(Clone, Default)]
pub(super) enum Names {
    #[default]
    System,
    /// As a test says.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests bring names of their own"))]
    Own(Arc<Answers>),
}

/// What a name leads to.
type Answers = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl Names {
    /// At least one address.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = match self {
            Names::System => tokio::net::lookup_host((host, port)).await?.collect(),
            Names::Own(answer) => answer(host).into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
        };
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(found)
    }
}

/// Resolves for the HTTP client, which connects to what it is given here.
pub(super) struct GuardedResolver {
    pub(super) names: Names,
    /// `None` where the only name asked for is that of a proxy, which the environment of this program names.
    pub(super) rules: Option<Arc<AddressRules>>,
    pub(super) allow_link_local: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, rules, link_local) = (self.names.clone(), self.rules.clone(), Some(self.allow_link_local));
        Box::pin(async move {
            let host = name.as_str();
            let mut found = names.resolve(host, 0).await?;
            if let Some(rules) = rules {
                found = allowed(found, |address| rules.judge(host, address.ip(), link_local))?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
