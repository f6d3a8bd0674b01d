//! A network of addresses, as configurations write it: `10.0.0.0/8`, `fd00::/8`, or one address alone.

use std::{fmt, net::IpAddr, str::FromStr};

/// The addresses that share so many bits with this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an address or a network such as 10.0.0.0/8 or fd00::/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    /// `10.0.0.0/8`, `10.1.2.3`, `fd00::/8`, `::1`, `[::1]`.
    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address: IpAddr = bare.parse().map_err(|_| NotANetwork)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        if bits <= all { Ok(Network { address, bits }) } else { Err(NotANetwork) }
    }
}

impl Network {
    /// Whether it is every address of its kind.
    pub fn is_everywhere(&self) -> bool {
        self.bits == 0
    }

    /// Whether `address` is one of it. An IPv4 network has no IPv6 addresses but IPv4 ones that are written so, and an IPv6
    /// network has no IPv4 addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        let front = |value: u128, width: u8| value.checked_shr(u32::from(width - self.bits)).unwrap_or(0);
        let address = if self.address.is_ipv4() { address.to_canonical() } else { address };
        match (address, self.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => front(u128::from(a.to_bits()), 32) == front(u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => front(a.to_bits(), 128) == front(b.to_bits(), 128),
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "::ffff:192.0.2.7", "::1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("::/0", "::1", "8.8.8.8"),
            ("::ffff:0:0/96", "::ffff:8.8.8.8", "8.8.8.8"),
            ("[::1]", "::1", "::2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        for wrong in ["", "proxy", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }
}
