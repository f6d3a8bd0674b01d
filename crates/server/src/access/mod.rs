//! How people and programs show who they are: passwords, second factors, sessions, tokens, and what slows down whoever guesses.
//!
//! Knows nothing of rights (`revere_model::Rights` does) and nothing of HTTP.

mod address_limits;
mod common_passwords;
mod hashing;
mod known_tokens;
pub mod oidc;
mod passwords;
mod refusal_limits;
mod refusal_times;
pub mod second_factor;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use revere_model::{Denial, Operation, Role};
use tokio::sync::watch;

pub use address_limits::{AddressLimits, address_network};
pub use hashing::Verified;
pub use known_tokens::KnownTokens;
pub use passwords::{Busy, MAX_PASSWORD, MIN_PASSWORD, Passwords, Queue, password_fault};
pub use refusal_limits::{LeftOut, RefusalLimits};
pub use refusal_times::at_a_full_step;

use crate::{
    outbound::{Network, Outbound},
    store::WaysIn,
};
pub use crate::{random_secrets as secrets, store::address_text};

/// What an operator decided about who may come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogInSettings {
    /// `LOCAL_USERS`: people log in with a name and a password that Revere keeps.
    pub local_users: bool,
    /// `ANYONE_MAY = 'everything'`: the operator said in so many words that nobody has to log in, wherever it listens.
    pub anyone_may_everything: bool,
    /// A copy of a database is looked into: nothing is run, nobody is told, nothing is changed.
    pub only_looks: bool,
    /// `TRUSTED_PROXIES`: who is believed about the address that a request came from.
    pub trusted_proxies: Vec<Network>,
    /// Providers that say who somebody is.
    pub providers: Vec<oidc::ProviderSettings>,
    /// `PROXY_USER_HEADER`: the header in which those proxies say who somebody is.
    pub proxy_user_header: Option<String>,
    /// What somebody is whom a proxy names for the first time; nobody where nothing is said.
    pub proxy_role: Option<Role>,
    /// How long a session goes on while nobody uses it.
    pub session_idle: SignedDuration,
    /// How long a session goes on at most.
    pub session_length: SignedDuration,
}

/// Where people come from whom a proxy names; each is there who they are called.
pub const PROXY_ISSUER: &str = "proxy";

impl Default for LogInSettings {
    fn default() -> Self {
        LogInSettings {
            local_users: false,
            anyone_may_everything: false,
            only_looks: false,
            trusted_proxies: Vec::new(),
            providers: Vec::new(),
            proxy_user_header: None,
            proxy_role: Some(Role::Viewer),
            session_idle: SignedDuration::from_hours(24),
            session_length: SignedDuration::from_hours(24 * 7),
        }
    }
}

impl LogInSettings {
    /// Whether whoever comes has to say who they are: whether there is any way to.
    pub fn is_required(&self) -> bool {
        self.local_users || !self.providers.is_empty() || self.proxy_user_header.is_some()
    }

    /// Whether an operation is possible here at all, whoever asks.
    pub fn possible(&self, operation: Operation) -> Result<(), Denial> {
        if self.only_looks && !operation.only_looks() { Err(Denial::OnlyLooks(operation)) } else { Ok(()) }
    }

    /// Whether people of this provider may still come in; `None` are those whose password is kept here.
    pub fn has_provider(&self, issuer: Option<&str>) -> bool {
        match issuer {
            None => self.local_users,
            Some(PROXY_ISSUER) => self.proxy_user_header.is_some(),
            Some(issuer) => self.providers.iter().any(|provider| provider.issuer == issuer),
        }
    }

    /// The ways that an administrator may come in by. Where nobody is asked to log in, that is by a password, once they are.
    pub fn ways_in(&self) -> WaysIn {
        let proxy = self.proxy_user_header.as_ref().map(|_| PROXY_ISSUER.to_owned());
        let issuers = self.providers.iter().map(|provider| provider.issuer.clone()).chain(proxy).collect();
        WaysIn { passwords: self.local_users || !self.is_required(), issuers: Some(issuers) }
    }

    /// Why a password would let nobody in; `None` where it would, or where nobody is asked to log in yet.
    pub fn no_passwords(&self) -> Option<String> {
        if self.local_users || !self.is_required() {
            return None;
        }
        let mut ways: Vec<&str> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
        if self.proxy_user_header.is_some() {
            ways.push("the proxy (PROXY_USER_HEADER)");
        }
        Some(format!(
            "people log in by {} here, and nobody by a password: they are made by coming in, and have no link or password to be given. \
             To have people with a password besides, set LOCAL_USERS = True in config.py and start the server again",
            ways.join(" and ")
        ))
    }

    /// A session that was last seen before this is over.
    pub fn seen_since(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.session_idle).unwrap_or(now)
    }

    /// When a session that begins now ends at the latest.
    pub fn ends_at(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.session_length).unwrap_or(now)
    }
}

/// What log-ins work with.
pub struct Access {
    /// What the operator decided.
    pub settings: LogInSettings,
    /// Hashes passwords, few at a time.
    pub passwords: Passwords,
    /// How often each address tried.
    pub addresses: AddressLimits,
    /// Counts refusals, so that nobody fills the disk with them.
    pub refusals: RefusalLimits,
    /// Who says who somebody is.
    pub providers: Vec<oidc::Provider>,
    /// The tokens of those who ask how the server is.
    pub known_tokens: KnownTokens,
    /// Told whenever somebody may have lost what they had: what goes on for long looks again then.
    changes: watch::Sender<()>,
}

impl Access {
    /// With nobody waiting and nothing counted, for a server that people reach at `address`. Providers are asked through
    /// `outbound`, and not yet.
    pub fn new(settings: LogInSettings, outbound: &Outbound, address: &str) -> Access {
        let passwords = Passwords::default();
        if settings.local_users {
            passwords.prepare();
        }
        let providers = settings.providers.iter().cloned();
        Access {
            providers: providers.map(|provider| oidc::Provider::new(provider, outbound, address)).collect(),
            settings,
            passwords,
            addresses: AddressLimits::default(),
            refusals: RefusalLimits::default(),
            known_tokens: KnownTokens::default(),
            changes: watch::Sender::new(()),
        }
    }

    /// The provider of that key.
    pub fn provider(&self, key: &str) -> Option<&oidc::Provider> {
        self.providers.iter().find(|provider| provider.settings.key == key)
    }

    /// Says that somebody may have lost what they had.
    pub fn announce(&self) {
        self.changes.send_replace(());
    }

    /// Hears of that.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

/// After how many failures in a row under one name those who try wait before the next: a second, then twice as long each
/// time, five minutes at most.
pub fn wait_after(failures: u32) -> Duration {
    const FREE: u32 = 5;
    const LONGEST: u64 = 300;
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1_u64.checked_shl(more).map_or(LONGEST, |seconds| seconds.min(LONGEST))),
    }
}

/// How long a failure counts towards the ones after it.
pub const FAILURES_COUNT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long an address is known as one that a person comes from.
pub const ADDRESS_KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24 * 90);

/// How long a link that is good once is.
pub const LINK_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long what matters most may be done after one showed who one is.
pub const PROOF_GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_are_free_and_the_wait_doubles_to_five_minutes() {
        let waits: Vec<u64> = (0..16).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait_after(u32::MAX).as_secs(), 300);
    }
}
