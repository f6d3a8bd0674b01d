//! How many connections there may be, in all and from one address, and who gives way where there are too many.
//!
//! A connection on which nothing is being answered gives way to a new one, the one that has waited longest first: whoever
//! opens many and sends nothing loses them, and who asks something is answered. In all, it is the address with the most
//! connections that loses one. Where everything is being answered, the new one is refused.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use tokio_util::sync::CancellationToken;

/// Who is connected.
#[derive(Debug)]
pub(super) struct Admission {
    most: usize,
    most_by_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    connections: HashMap<u64, Connection>,
    by_address: HashMap<IpAddr, usize>,
    /// Whether it was said that there are too many.
    crowded: bool,
}

#[derive(Debug)]
struct Connection {
    address: IpAddr,
    /// Requests that are being answered.
    answering: usize,
    /// Since when none is.
    waiting_since: Instant,
    cut: CancellationToken,
}

/// One connection that was let in. Dropped, it makes room for another.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    number: u64,
    cut: CancellationToken,
}

/// A request that is being answered; until it is dropped, its connection gives way to nobody.
#[derive(Debug)]
pub(super) struct Answering(Arc<Admitted>);

impl Admission {
    pub(super) fn new(most: usize, most_by_address: usize) -> Arc<Admission> {
        Arc::new(Admission { most, most_by_address, inside: Mutex::default() })
    }

    /// Lets a connection from `address` in, if need be in place of another; `None` where all are being answered.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Admitted>> {
        let address = network(address);
        let mut inside = self.inside();
        let from_there = inside.by_address.get(&address).copied().unwrap_or_default();
        let too_many_there = from_there >= self.most_by_address;
        if too_many_there || inside.connections.len() >= self.most {
            inside.say_crowded(address);
            let loser = if too_many_there { address } else { inside.greediest(address) };
            inside.give_way(loser)?;
        }
        let (number, cut) = (inside.next, CancellationToken::new());
        inside.next += 1;
        *inside.by_address.entry(address).or_default() += 1;
        let connection = Connection { address, answering: 0, waiting_since: Instant::now(), cut: cut.clone() };
        inside.connections.insert(number, connection);
        Some(Arc::new(Admitted { admission: self.clone(), number, cut }))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no code panics while it holds this lock")
    }
}

impl Inside {
    /// The address with the most connections; `address` where none has more.
    fn greediest(&self, address: IpAddr) -> IpAddr {
        let own = self.by_address.get(&address).copied().unwrap_or_default();
        let most = self.by_address.iter().max_by_key(|(_, count)| **count);
        most.filter(|(_, count)| **count > own).map_or(address, |(address, _)| *address)
    }

    /// Ends the connection from `address` that has waited longest.
    fn give_way(&mut self, address: IpAddr) -> Option<()> {
        let waiting = self.connections.iter().filter(|(_, other)| other.address == address && other.answering == 0);
        let (number, _) = waiting.min_by_key(|(_, other)| other.waiting_since)?;
        let number = *number;
        self.remove(number).map(|connection| connection.cut.cancel())
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        if let Some(count) = self.by_address.get_mut(&connection.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&connection.address);
            }
        }
        Some(connection)
    }

    fn say_crowded(&mut self, address: IpAddr) {
        if !self.crowded {
            self.crowded = true;
            let (connections, from_there) =
                (self.connections.len(), self.by_address.get(&address).copied().unwrap_or_default());
            tracing::warn!(
                connections,
                %address,
                from_there,
                "too many connections: those that have sent nothing for longest are ended for new ones"
            );
        }
    }
}

impl Admitted {
    /// Returns when this connection has to give way.
    pub(super) async fn cut(&self) {
        self.cut.cancelled().await;
    }

    /// A request of it is being answered from now on.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        if let Some(connection) = self.admission.inside().connections.get_mut(&self.number) {
            connection.answering += 1;
        }
        Answering(self.clone())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = self.admission.inside();
        inside.remove(self.number);
        // Well below the bound, so that one connection more or less is not news.
        if inside.crowded && inside.connections.len() <= self.admission.most_by_address / 2 {
            inside.crowded = false;
            tracing::info!("there is room for connections again");
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(connection) = self.0.admission.inside().connections.get_mut(&self.0.number) {
            connection.answering -= 1;
            connection.waiting_since = Instant::now();
        }
    }
}

/// Whoever has an IPv6 network has all of its addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_waits_longest_at_the_greediest_address_gives_way() {
        let admission = Admission::new(4, 3);
        let modest = admission.admit(address("10.0.0.1")).unwrap();
        let greedy: Vec<_> = (0..3).map(|_| admission.admit(address("10.0.0.2")).unwrap()).collect();
        let newcomer = admission.admit(address("10.0.0.3")).unwrap();
        let cut: Vec<bool> = greedy.iter().map(|one| one.cut.is_cancelled()).collect();
        assert_eq!(cut, [true, false, false]);
        assert!(!modest.cut.is_cancelled() && !newcomer.cut.is_cancelled());
    }

    #[test]
    fn one_address_has_a_bound_of_its_own_and_loses_its_own() {
        let admission = Admission::new(100, 2);
        let first = admission.admit(address("2001:db8::1")).unwrap();
        let _answering = first.answering();
        let second = admission.admit(address("2001:db8::2")).unwrap();
        let third = admission.admit(address("2001:db8::3")).unwrap();
        assert!(!first.cut.is_cancelled() && second.cut.is_cancelled(), "the first is being answered");
        let _also = third.answering();
        assert!(admission.admit(address("2001:db8::4")).is_none(), "there is nobody left to give way");
        assert!(admission.admit(address("2001:db8:0:1::4")).is_some());
        drop(first);
        assert!(admission.admit(address("2001:db8::4")).is_none(), "its answer is still being sent");
    }

    #[test]
    fn what_ended_makes_room() {
        let admission = Admission::new(1, 1);
        drop(admission.admit(address("::ffff:10.0.0.1")).unwrap());
        let only = admission.admit(address("10.0.0.1")).unwrap();
        drop(only.answering());
        let next = admission.admit(address("10.0.0.1")).unwrap();
        assert!(only.cut.is_cancelled());
        drop(only);
        assert!(!next.cut.is_cancelled());
        let inside = admission.inside();
        assert_eq!((inside.connections.len(), inside.by_address.len()), (1, 1));
    }
}
