//! How much each container may ask: connections at once, and requests over time. Pure but for a lock; times are passed in.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The connections that one address may have at once.
pub(super) const CONNECTIONS: u32 = 16;
/// The requests that one address may send per second for long, and at once, as with the stock agent.
const RATE_PER_S: f64 = 40.0;
const BURST: f64 = 60.0;
/// After so long without connections an address is as new.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Who has been here lately.
#[derive(Clone, Default)]
pub(super) struct Visitors {
    known: Arc<Mutex<BTreeMap<Ipv4Addr, Visitor>>>,
}

struct Visitor {
    connections: u32,
    /// The requests that it may send now.
    left: f64,
    at: Instant,
}

/// A connection that counts until it is dropped.
pub(super) struct Visit {
    peer: Ipv4Addr,
    visitors: Visitors,
}

impl Visitors {
    /// Lets an address in once more, unless it has enough connections.
    pub(super) fn enter(&self, peer: Ipv4Addr, now: Instant) -> Option<Visit> {
        let mut known = self.known();
        known.retain(|_, one| one.connections > 0 || now.saturating_duration_since(one.at) < FORGOTTEN_AFTER);
        let visitor = known.entry(peer).or_insert(Visitor {
            connections: 0,
            left: BURST,
            at: now,
        });
        if visitor.connections >= CONNECTIONS {
            return None;
        }
        visitor.connections += 1;
        let visitors = self.clone();
        Some(Visit { peer, visitors })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Ipv4Addr, Visitor>> {
        self.known.lock().expect("no holder of this lock panics")
    }
}

impl Visit {
    /// Whether one more request is taken now.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        let mut known = self.visitors.known();
        let Some(visitor) = known.get_mut(&self.peer) else {
            return false;
        };
        let grown = now.saturating_duration_since(visitor.at).as_secs_f64() * RATE_PER_S;
        visitor.left = (visitor.left + grown).min(BURST);
        visitor.at = now;
        let taken = visitor.left >= 1.0;
        if taken {
            visitor.left -= 1.0;
        }
        taken
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(visitor) = self.visitors.known().get_mut(&self.peer) {
            visitor.connections -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    #[test]
    fn one_address_takes_no_connections_from_another() {
        let (visitors, now) = (Visitors::default(), Instant::now());
        let mut held: Vec<Visit> = (0..CONNECTIONS).filter_map(|_| visitors.enter(ONE, now)).collect();
        assert_eq!(held.len(), CONNECTIONS as usize);
        assert!(visitors.enter(ONE, now).is_none());
        assert!(visitors.enter(TWO, now).is_some());
        held.pop();
        assert!(visitors.enter(ONE, now).is_some());
    }

    #[test]
    fn requests_have_a_rate_whatever_the_connections() {
        let (visitors, now) = (Visitors::default(), Instant::now());
        let (one, again, other) = (
            visitors.enter(ONE, now),
            visitors.enter(ONE, now),
            visitors.enter(TWO, now),
        );
        let (one, again, other) = (one.unwrap(), again.unwrap(), other.unwrap());
        assert_eq!((0..100).filter(|_| one.may_ask(now)).count(), 60);
        assert!(!again.may_ask(now));
        assert!(other.may_ask(now));
        let later = now + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| again.may_ask(later)).count(), 20);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let (visitors, now) = (Visitors::default(), Instant::now());
        for last in 0..200 {
            drop(visitors.enter(Ipv4Addr::new(10, 0, 1, last), now));
        }
        drop(visitors.enter(ONE, now + FORGOTTEN_AFTER));
        assert_eq!(visitors.known().len(), 1);
    }
}
