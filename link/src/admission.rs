//! How many incoming connections there are, in all and from one place, and how many bytes of
//! theirs are under way.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::{
    Limits, PeerKey,
    room::{Budget, Budgets},
};

/// Counts the connections that are open or shaking hands.
pub(crate) struct Admission {
    max: usize,
    max_per_place: usize,
    max_strangers: usize,
    strangers: AtomicUsize,
    strangers_bytes: Arc<Budget>,
    bytes_per_place: usize,
    open: Mutex<HashMap<IpAddr, Place>>,
    /// Of trusted keys with a connection: what all connections of each hold together.
    trusted: Mutex<HashMap<PeerKey, Weak<Budget>>>,
}

/// Where connections come from.
struct Place {
    connections: usize,
    bytes: Arc<Budget>,
}

/// What to do with somebody who wants to connect.
pub(crate) enum Entry {
    /// Take him; his place is free again when the slot is dropped.
    Welcome(Slot),
    /// It is getting full: let him first prove that he is where he says.
    ProveAddress,
    /// Refuse him.
    Full,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            max: limits.max_connections,
            max_per_place: limits.max_connections_per_ip,
            max_strangers: limits.max_connections
                - limits.reserved_connections.min(limits.max_connections / 4),
            strangers: AtomicUsize::new(0),
            strangers_bytes: Budget::new(limits.strangers_bytes),
            bytes_per_place: limits.bytes_per_ip,
            open: Mutex::new(HashMap::new()),
            trusted: Mutex::new(HashMap::new()),
        })
    }

    /// Decides on a connection from `ip`; `proven` tells whether the address was validated.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr, proven: bool) -> Entry {
        let place = place_of(ip);
        let mut open = self.lock();
        let total = connections(&open);
        let here = open.get(&place).map_or(0, |place| place.connections);
        if total >= self.max || here >= self.max_per_place {
            return Entry::Full;
        }
        // Whoever forges addresses cannot take more than half, in all or of anybody's.
        if !proven && (total >= self.max / 2 || here >= self.max_per_place / 2) {
            return Entry::ProveAddress;
        }
        let fresh = || Place { connections: 0, bytes: Budget::new(self.bytes_per_place) };
        let entry = open.entry(place).or_insert_with(fresh);
        entry.connections += 1;
        let bytes = Arc::clone(&entry.bytes);
        Entry::Welcome(Slot { admission: Arc::clone(self), place, bytes, stranger: false })
    }

    /// The budget of a trusted key: one, however many connections it has.
    fn budget_of(&self, peer: PeerKey, bytes: usize) -> Arc<Budget> {
        // As above.
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = trusted.get(&peer).and_then(Weak::upgrade) {
            return known;
        }
        trusted.retain(|_, budget| budget.strong_count() > 0);
        let budget = Budget::new(bytes);
        trusted.insert(peer, Arc::downgrade(&budget));
        budget
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Place>> {
        // The map is whole between any two of its operations, so a panic elsewhere spoils nothing.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection.
pub(crate) struct Slot {
    admission: Arc<Admission>,
    place: IpAddr,
    /// Of the strangers from there.
    bytes: Arc<Budget>,
    stranger: bool,
}

impl Slot {
    /// Notes that a stranger has the place; false when strangers have all that are for them.
    pub(crate) fn give_to_stranger(&mut self) -> bool {
        self.stranger = true;
        self.admission.strangers.fetch_add(1, Relaxed) < self.admission.max_strangers
    }

    /// Whether more than half of all places are taken.
    pub(crate) fn crowded(&self) -> bool {
        connections(&self.admission.lock()) > self.admission.max / 2
    }

    /// Notes that a place that was a stranger's is a trusted peer's.
    pub(crate) fn take_from_stranger(&mut self) {
        if std::mem::take(&mut self.stranger) {
            self.admission.strangers.fetch_sub(1, Relaxed);
        }
    }

    /// What bounds the bytes of a stranger's connection that are under way.
    pub(crate) fn strangers_budgets(&self, limits: &Limits) -> Budgets {
        let (here, all) = (Arc::clone(&self.bytes), Arc::clone(&self.admission.strangers_bytes));
        Budgets(vec![Budget::new(limits.connection_bytes), here, all])
    }

    /// The same of all connections of a trusted key together: so many bytes from now on.
    pub(crate) fn trusted_budget(&self, peer: PeerKey, bytes: usize) -> Arc<Budget> {
        let budget = self.admission.budget_of(peer, bytes);
        budget.allow(bytes);
        budget
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.stranger {
            self.admission.strangers.fetch_sub(1, Relaxed);
        }
        let mut open = self.admission.lock();
        match open.get_mut(&self.place) {
            Some(place) if place.connections > 1 => place.connections -= 1,
            _ => {
                open.remove(&self.place);
            }
        }
    }
}

fn connections(open: &HashMap<IpAddr, Place>) -> usize {
    open.values().map(|place| place.connections).sum()
}

/// One customer of a provider usually has one IPv4 address, or all of an IPv6 network of 64 bits.
fn place_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max_connections: usize, max_connections_per_ip: usize) -> Arc<Admission> {
        Admission::new(&Limits { max_connections, max_connections_per_ip, ..Limits::default() })
    }

    fn taken(admission: &Arc<Admission>, ip: &str) -> Option<Slot> {
        match admission.enter(ip.parse().unwrap(), true) {
            Entry::Welcome(slot) => Some(slot),
            Entry::ProveAddress => panic!("the address is proven"),
            Entry::Full => None,
        }
    }

    #[test]
    fn both_caps_hold_and_places_come_free() {
        let admission = admission(3, 2);
        let first = taken(&admission, "192.0.2.1").unwrap();
        let _second = taken(&admission, "::ffff:192.0.2.1").unwrap();
        assert!(taken(&admission, "192.0.2.1").is_none());
        let third = taken(&admission, "192.0.2.2").unwrap();
        assert!(taken(&admission, "192.0.2.3").is_none());
        drop(first);
        let _fourth = taken(&admission, "192.0.2.1").unwrap();
        drop(third);
        assert_eq!(admission.lock().len(), 1);
    }

    #[test]
    fn strangers_leave_places_for_the_trusted() {
        let admission = admission(8, 8);
        let mut slots: Vec<Slot> =
            (0..7).map(|_| taken(&admission, "192.0.2.1").unwrap()).collect();
        let let_in =
            slots.iter_mut().filter_map(|slot| slot.give_to_stranger().then_some(())).count();
        assert_eq!(let_in, 6);
        drop(slots);
        assert!(taken(&admission, "192.0.2.1").unwrap().give_to_stranger());
    }

    #[test]
    fn a_stranger_who_comes_to_be_trusted_leaves_his_place() {
        let admission = admission(8, 8);
        let mut slots: Vec<Slot> =
            (0..7).map(|_| taken(&admission, "192.0.2.1").unwrap()).collect();
        assert!(slots.iter_mut().take(6).all(Slot::give_to_stranger));
        slots[0].take_from_stranger();
        slots[0].take_from_stranger();
        assert!(slots[6].give_to_stranger());
        drop(slots);
        assert_eq!(admission.strangers.load(Relaxed), 0);
    }

    #[test]
    fn connections_of_one_trusted_key_share_a_budget() {
        let admission = admission(8, 8);
        let slots: Vec<Slot> = (0..3).map(|_| taken(&admission, "192.0.2.1").unwrap()).collect();
        let budget =
            |slot: usize, key| Budgets(vec![slots[slot].trusted_budget(PeerKey([key; 32]), 10)]);
        let (first, second, other) = (budget(0, 1), budget(1, 1), budget(2, 2));
        let held = first.take(10).unwrap();
        assert!(second.take(1).is_none() && other.take(10).is_some());
        drop(held);
        assert!(second.take(10).is_some());
        drop((first, second));
        budget(2, 3);
        assert_eq!(admission.trusted.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_network_of_64_bits_is_one_place() {
        let admission = admission(9, 1);
        let _one = taken(&admission, "2001:db8::1").unwrap();
        assert!(taken(&admission, "2001:db8::ffff:1").is_none());
        assert!(taken(&admission, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn from_half_on_addresses_must_be_proven() {
        let admission = admission(4, 4);
        let ip = "192.0.2.1".parse().unwrap();
        let slots = [taken(&admission, "192.0.2.2"), taken(&admission, "192.0.2.3")];
        assert!(matches!(admission.enter(ip, false), Entry::ProveAddress));
        assert!(matches!(admission.enter(ip, true), Entry::Welcome(_)));
        drop(slots);
        assert!(matches!(admission.enter(ip, false), Entry::Welcome(_)));
    }
}
