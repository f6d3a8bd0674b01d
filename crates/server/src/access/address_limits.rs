//! How often one address may try to come in: twenty times a minute. Counted in memory: a restart forgives.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// So often a minute.
const A_MINUTE: u32 = 20;
const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// So many addresses are remembered before those that are over are looked for.
const TIDY_AT: usize = 4096;

/// Counts tries by address. Of IPv6 the first 64 bits count: whoever has one address has all of those.
#[derive(Default)]
pub struct AddressLimits(Mutex<HashMap<IpAddr, (Timestamp, u32)>>);

impl AddressLimits {
    /// Counts one more try; `Err` says how long to wait where there were too many.
    pub fn count(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Duration> {
        let mut tries = self.0.lock().expect("no code panics while it holds this lock");
        if tries.len() >= TIDY_AT {
            tries.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        let entry = tries.entry(address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address_network)).or_insert((now, 0));
        let passed = now.duration_since(entry.0);
        if passed >= WINDOW || passed.is_negative() {
            *entry = (now, 0);
        }
        if entry.1 >= A_MINUTE {
            let rest = WINDOW.saturating_sub(now.duration_since(entry.0));
            return Err(rest.unsigned_abs().max(Duration::from_secs(1)));
        }
        entry.1 += 1;
        Ok(())
    }
}

/// What counts as one address: of IPv6 the first 64 bits, since whoever has one address has all of those.
pub fn address_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_tries_a_minute_by_address_and_by_half_of_a_long_one() {
        let limits = AddressLimits::default();
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for address in ["192.0.2.1", "2001:db8::1"] {
            for _ in 0..A_MINUTE {
                assert_eq!(limits.count(at(address), now), Ok(()));
            }
        }
        assert_eq!(limits.count(at("192.0.2.1"), now), Err(Duration::from_secs(60)));
        assert_eq!(limits.count(at("::ffff:192.0.2.1"), now), Err(Duration::from_secs(60)), "the same one");
        assert_eq!(limits.count(at("2001:db8::ffff"), now), Err(Duration::from_secs(60)), "the same network");
        assert_eq!(limits.count(at("2001:db8:0:1::1"), now), Ok(()));
        assert_eq!(limits.count(at("192.0.2.2"), now), Ok(()));
        let later = now + SignedDuration::from_secs(45);
        assert_eq!(limits.count(at("192.0.2.1"), later), Err(Duration::from_secs(15)));
        assert_eq!(limits.count(at("192.0.2.1"), now + WINDOW), Ok(()));
        assert_eq!(limits.count(at("192.0.2.1"), now - WINDOW), Ok(()), "a clock that was set back");
    }

    #[test]
    fn many_addresses_are_not_remembered_for_ever() {
        let limits = AddressLimits::default();
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for number in 0..3 * TIDY_AT as u32 {
            let later = now + SignedDuration::from_secs(i64::from(number));
            limits.count(Some(IpAddr::V4(number.into())), later).unwrap();
        }
        assert!(limits.0.lock().unwrap().len() <= TIDY_AT);
    }
}
