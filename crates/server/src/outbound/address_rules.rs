//! Which addresses may be connected to, whoever asks: an HTTP source, a webhook, a database, a mail server.
//!
//! A monitor's author chooses what is asked, and whoever answers chooses where a redirect or a name leads; the machine can
//! reach more than either should. So every address is judged once the name is resolved, and that very address is
//! connected to: a name that leads elsewhere the next moment changes nothing.
//!
//! Unless set otherwise, link-local addresses and those at which clouds tell a machine its own keys are refused, and no
//! others: what is watched is mostly on this machine or in a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::network::Network;

/// A kind of address that can be refused by a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressClass {
    /// This machine.
    Loopback,
    /// Networks of one's own.
    Private,
    /// Only the neighbours on the same wire.
    LinkLocal,
    /// Where clouds tell a machine its own credentials.
    Metadata,
    /// Many at once, or nobody: no connection can be made there.
    Multicast,
}

/// All of them, in the order of the documentation.
pub const CLASSES: [AddressClass; 5] = [
    AddressClass::Loopback,
    AddressClass::Private,
    AddressClass::LinkLocal,
    AddressClass::Metadata,
    AddressClass::Multicast,
];

impl AddressClass {
    /// As it is written in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            AddressClass::Loopback => "loopback",
            AddressClass::Private => "private",
            AddressClass::LinkLocal => "link-local",
            AddressClass::Metadata => "metadata",
            AddressClass::Multicast => "multicast",
        }
    }

    fn shown(self) -> &'static str {
        match self {
            AddressClass::Loopback => "an address of this machine (loopback)",
            AddressClass::Private => "an address of a private network",
            AddressClass::LinkLocal => "a link-local address",
            AddressClass::Metadata => "a cloud metadata address, which hands out the machine's own keys",
            AddressClass::Multicast => "a multicast or broadcast address",
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.contains_v4(v4),
            IpAddr::V6(v6) => self.contains_v6(v6),
        }
    }

    fn contains_v4(self, v4: Ipv4Addr) -> bool {
        let [a, b, c, _] = v4.octets();
        match self {
            // The kernel takes 0.0.0.0 for this machine.
            AddressClass::Loopback => matches!(a, 0 | 127),
            AddressClass::Private => {
                // With what providers share among their customers, protocol assignments, and networks for measurements.
                let shared = a == 100 && (64..128).contains(&b);
                v4.is_private() || shared || (a, b, c) == (192, 0, 0) || (a == 198 && matches!(b, 18 | 19))
            }
            AddressClass::LinkLocal => v4.is_link_local(),
            AddressClass::Metadata => {
                // Amazon, Google, Azure, Oracle and most others; containers and pods of Amazon; Alibaba, Oracle, Azure.
                const KNOWN: [Ipv4Addr; 7] = [
                    Ipv4Addr::new(169, 254, 169, 254),
                    Ipv4Addr::new(169, 254, 170, 2),
                    Ipv4Addr::new(169, 254, 170, 23),
                    Ipv4Addr::new(169, 254, 0, 23),
                    Ipv4Addr::new(100, 100, 100, 200),
                    Ipv4Addr::new(192, 0, 0, 192),
                    Ipv4Addr::new(168, 63, 129, 16),
                ];
                KNOWN.contains(&v4)
            }
            AddressClass::Multicast => a >= 224,
        }
    }

    fn contains_v6(self, v6: Ipv6Addr) -> bool {
        let segments = v6.segments();
        match self {
            AddressClass::Loopback => v6.is_loopback() || v6.is_unspecified(),
            // With the site-local addresses of old.
            AddressClass::Private => v6.is_unique_local() || segments[0] & 0xffc0 == 0xfec0,
            AddressClass::LinkLocal => v6.is_unicast_link_local(),
            AddressClass::Metadata => {
                const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
                const SCALEWAY: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42);
                // Amazon has a network for them: the machine's role at ::254, that of a pod at ::23.
                let amazon = segments[..7] == [0xfd00, 0xec2, 0, 0, 0, 0, 0];
                amazon || v6 == GOOGLE || v6 == SCALEWAY
            }
            AddressClass::Multicast => v6.is_multicast(),
        }
    }
}

/// What is refused, and what of it is allowed all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressRules {
    /// Kinds of addresses.
    pub refused: Vec<AddressClass>,
    /// Networks.
    pub refused_networks: Vec<Network>,
    /// Whatever is refused: these are not.
    pub allowed: Vec<Network>,
}

impl Default for AddressRules {
    fn default() -> Self {
        AddressRules {
            refused: vec![AddressClass::LinkLocal, AddressClass::Metadata],
            refused_networks: Vec::new(),
            allowed: Vec::new(),
        }
    }
}

/// An address that may not be connected to: which, why, and what would change it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RefusedAddress(String);

impl AddressRules {
    /// Reads `OUTBOUND_REFUSES`, a list of the words of [`CLASSES`] and of networks, into the rules.
    pub fn refuse(&mut self, entries: &[String]) -> Result<(), String> {
        (self.refused, self.refused_networks) = (Vec::new(), Vec::new());
        for entry in entries {
            let word = entry.trim();
            if let Some(class) = CLASSES.iter().find(|class| class.word().eq_ignore_ascii_case(word)) {
                self.refused.push(*class);
            } else {
                let network = word.parse().map_err(|error| {
                    let words = CLASSES.map(AddressClass::word);
                    let near = revere_model::nearest(word, words);
                    let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
                    format!("{error}, or one of {}, not '{word}'{hint}", words.join(", "))
                })?;
                self.refused_networks.push(network);
            }
        }
        Ok(())
    }

    /// Reads `OUTBOUND_ALLOWS`, a list of networks, into the rules.
    pub fn allow(&mut self, entries: &[String]) -> Result<(), String> {
        let read = |entry: &String| entry.trim().parse().map_err(|error| format!("{error}, not '{entry}'"));
        self.allowed = entries.iter().map(read).collect::<Result<_, String>>()?;
        Ok(())
    }

    /// Whether `address`, to which `host` led, may be connected to. `link_local` allows the link-local ones and those of
    /// metadata besides; `None` where there is no setting for that.
    pub fn judge(&self, host: &str, address: IpAddr, link_local: Option<bool>) -> Result<(), RefusedAddress> {
        let all = [Some(address), inner_v4(address).map(IpAddr::V4)];
        let any = |judged: &dyn Fn(IpAddr) -> bool| all.into_iter().flatten().any(judged);
        if any(&|address| self.allowed.iter().any(|network| network.contains(address))) {
            return Ok(());
        }
        let by_entry = |class: AddressClass| matches!(class, AddressClass::LinkLocal | AddressClass::Metadata);
        // A metadata address is often link-local as well: that word says more.
        let found = [AddressClass::Metadata].iter().chain(&CLASSES).copied().find(|class| {
            let named = self.refused.contains(class) && !(link_local == Some(true) && by_entry(*class));
            named && any(&|address| class.contains(address))
        });
        let network = || self.refused_networks.iter().find(|network| any(&|address| network.contains(address)));
        let (why, by_entry) = match (found, network()) {
            (Some(class), _) => (class.shown().to_owned(), link_local.is_some() && by_entry(class)),
            (None, Some(network)) => (format!("in the network {network}"), false),
            (None, None) => return Ok(()),
        };
        let is_name = host.trim_matches(['[', ']']).parse::<IpAddr>().is_err();
        let what = if is_name { format!("'{host}' is {address}, {why}") } else { format!("{address} is {why}") };
        let entry = if by_entry { ", or 'allow_link_local': True for this one alone" } else { "" };
        Err(RefusedAddress(format!(
            "{what}; such are not connected to (OUTBOUND_REFUSES). If this one should be, set OUTBOUND_ALLOWS = \
             ['{address}'] in config.py{entry}"
        )))
    }
}

/// The IPv4 address that an IPv6 one leads to: mapped, compatible and translated, NAT64, 6to4.
fn inner_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => Some(from(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// Those of `found` that may be connected to, or why none may.
pub(super) fn allowed(
    found: Vec<SocketAddr>,
    judge: impl Fn(&SocketAddr) -> Result<(), RefusedAddress>,
) -> Result<Vec<SocketAddr>, RefusedAddress> {
    let mut refused = None;
    let mut addresses = Vec::with_capacity(found.len());
    for address in found {
        match judge(&address) {
            Ok(()) => addresses.push(address),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        Some(why) if addresses.is_empty() => Err(why),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(refuses: &[&str], allows: &[&str]) -> AddressRules {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut rules = AddressRules::default();
        rules.refuse(&owned(refuses)).unwrap();
        rules.allow(&owned(allows)).unwrap();
        rules
    }

    /// Each class with addresses of it, in every form, and those just beside.
    const MEMBERS: [(&str, &[&str], &[&str]); 5] = [
        (
            "loopback",
            &["127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
            &["126.255.255.255", "128.0.0.1", "::2:1:1:1", "1.1.1.1"],
        ),
        (
            "private",
            &[
                "10.0.0.1",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "100.64.0.1",
                "198.18.0.1",
                "fd12::1",
                "fc00::1",
                "fec0::1",
                "::ffff:10.0.0.1",
                "2002:a00:1::1",
            ],
            &[
                "9.255.255.255",
                "11.0.0.1",
                "172.15.0.1",
                "172.32.0.1",
                "192.169.0.1",
                "100.63.0.1",
                "100.128.0.1",
                "fe80::1",
            ],
        ),
        (
            "link-local",
            &["169.254.0.1", "169.254.255.255", "fe80::1", "febf::1", "::ffff:169.254.1.1"],
            &["169.253.0.1", "169.255.0.1", "fec0::1"],
        ),
        (
            "metadata",
            &[
                "169.254.169.254",
                "169.254.170.2",
                "169.254.170.23",
                "100.100.100.200",
                "192.0.0.192",
                "168.63.129.16",
                "fd00:ec2::254",
                "fd00:ec2::23",
                "fd20:ce::254",
                "fd00:42::42",
                "::ffff:169.254.169.254",
                "64:ff9b::a9fe:a9fe",
            ],
            &["169.254.169.253", "100.100.100.201", "fd00:ec2:1::1", "fd20:ce::253"],
        ),
        (
            "multicast",
            &["224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "ff02::1"],
            &["223.255.255.255", "fe00::1"],
        ),
    ];

    #[test]
    fn each_class_is_refused_by_its_word_and_by_no_other() {
        for (word, members, others) in MEMBERS {
            let rules = rules(&[word], &[]);
            for member in members {
                assert!(rules.judge("h", member.parse().unwrap(), None).is_err(), "{word}: {member}");
            }
            for other in others {
                assert_eq!(rules.judge("h", other.parse().unwrap(), None), Ok(()), "{word}: {other}");
            }
        }
        for member in MEMBERS.iter().flat_map(|(_, members, _)| *members) {
            assert_eq!(rules(&[], &[]).judge("h", member.parse().unwrap(), None), Ok(()), "{member}");
        }
    }

    #[test]
    fn by_default_what_is_watched_can_be_reached_and_the_machines_keys_cannot() {
        let rules = AddressRules::default();
        let refused = |text: &str| rules.judge("h", text.parse().unwrap(), None).is_err();
        for (word, members, _) in MEMBERS {
            for member in members {
                assert_eq!(refused(member), matches!(word, "link-local" | "metadata"), "{member}");
            }
        }
    }

    #[test]
    fn networks_are_refused_and_allowed() {
        let rules = rules(&["0.0.0.0/0", "::/0"], &["10.1.0.0/16", "fd12::/64", "192.168.1.7"]);
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("fd12::9", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(rules.judge("h", address.parse().unwrap(), None).is_ok(), allowed, "{address}");
        }
    }

    #[test]
    fn what_is_refused_is_said_with_the_setting_that_changes_it() {
        let said = |host: &str, address: &str, link_local| {
            AddressRules::default().judge(host, address.parse().unwrap(), link_local).unwrap_err().to_string()
        };
        assert_eq!(
            said("meta.example", "169.254.169.254", Some(false)),
            "'meta.example' is 169.254.169.254, a cloud metadata address, which hands out the machine's own keys; such are \
             not connected to (OUTBOUND_REFUSES). If this one should be, set OUTBOUND_ALLOWS = ['169.254.169.254'] in \
             config.py, or 'allow_link_local': True for this one alone"
        );
        assert_eq!(
            said("[fe80::1]", "fe80::1", None),
            "fe80::1 is a link-local address; such are not connected to (OUTBOUND_REFUSES). If this one should be, set \
             OUTBOUND_ALLOWS = ['fe80::1'] in config.py"
        );
        assert_eq!(AddressRules::default().judge("h", "169.254.169.254".parse().unwrap(), Some(true)), Ok(()));
    }

    #[test]
    fn a_word_that_is_none_is_answered_with_the_nearest() {
        let said = AddressRules::default().refuse(&["metdata".to_owned()]).unwrap_err();
        assert_eq!(
            said,
            "expected an address or a network such as 10.0.0.0/8 or fd00::/8, or one of loopback, private, link-local, \
             metadata, multicast, not 'metdata'; did you mean 'metadata'?"
        );
        let said = AddressRules::default().allow(&["private".to_owned()]).unwrap_err();
        assert_eq!(said, "expected an address or a network such as 10.0.0.0/8 or fd00::/8, not 'private'");
    }
}
