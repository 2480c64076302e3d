//! The bodies of requests while they are held in memory: together never more than a budget.
//!
//! Bodies are read before anybody knows who sent them, so strangers can fill memory. When the budget is spent, the body that
//! has been arriving the longest is given up: honest clients send theirs in no time, so it is the slow one that goes. What
//! has arrived whole stays until it is answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A number of bytes that all bodies share.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// Bodies that still arrive, the oldest first.
    arriving: BTreeMap<u64, Arriving>,
    begun: u64,
}

#[derive(Debug)]
struct Arriving {
    bytes: usize,
    /// Dropped to give the body up.
    _stays: oneshot::Sender<()>,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            held: Mutex::default(),
        })
    }

    /// A body begins to arrive. The receiver resolves when it is given up.
    pub(super) fn begin(self: &Arc<Self>) -> (Share, oneshot::Receiver<()>) {
        let (stays, given_up) = oneshot::channel();
        let mut held = self.held();
        held.begun += 1;
        let number = held.begun;
        let arriving = Arriving {
            bytes: 0,
            _stays: stays,
        };
        held.arriving.insert(number, arriving);
        let share = Share {
            budget: Arc::clone(self),
            number,
            whole: 0,
        };
        (share, given_up)
    }

    /// The bytes that are held now.
    #[cfg(test)]
    fn bytes_held(&self) -> usize {
        self.held().bytes
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Counts are whole again before anything can panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body takes of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    number: u64,
    /// All its bytes, once it has arrived.
    whole: usize,
}

impl Share {
    /// Makes room for `bytes` more. False if the body was given up, or would have to be: then it is to be let go.
    #[must_use]
    pub(super) fn grow(&self, bytes: usize) -> bool {
        let mut held = self.budget.held();
        let Some(arriving) = held.arriving.get_mut(&self.number) else {
            return false;
        };
        arriving.bytes += bytes;
        held.bytes += bytes;
        while held.bytes > self.budget.bytes {
            let Some((number, oldest)) = held.arriving.pop_first() else {
                break;
            };
            held.bytes -= oldest.bytes;
            if number == self.number {
                return false;
            }
        }
        true
    }

    /// The body has arrived: it is no longer given up.
    #[must_use]
    pub(super) fn arrived(mut self) -> Option<Self> {
        let arrived = self.budget.held().arriving.remove(&self.number)?;
        self.whole = arrived.bytes;
        Some(self)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.budget.held();
        let arriving = held.arriving.remove(&self.number).map_or(0, |arriving| arriving.bytes);
        held.bytes -= self.whole + arriving;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_still_arrives_is_given_up() {
        let budget = Budget::new(10);
        let (whole, _) = budget.begin();
        assert!(whole.grow(2));
        let whole = whole.arrived().unwrap();
        let (slow, mut slow_given_up) = budget.begin();
        let (quick, mut quick_given_up) = budget.begin();
        assert!(slow.grow(4) && quick.grow(4));
        assert!(slow_given_up.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        assert!(quick.grow(1));
        assert!(slow_given_up.try_recv() == Err(oneshot::error::TryRecvError::Closed));
        assert!(quick_given_up.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        assert!(!slow.grow(1), "what was given up cannot go on");
        assert!(slow.arrived().is_none());
        assert_eq!(budget.bytes_held(), 7);
        drop(quick);
        assert_eq!(budget.bytes_held(), 2);
        drop(whole);
        assert_eq!(budget.bytes_held(), 0);
    }

    #[test]
    fn a_body_goes_itself_when_all_others_are_whole() {
        let budget = Budget::new(10);
        let (first, _) = budget.begin();
        assert!(first.grow(8));
        let first = first.arrived().unwrap();
        let (second, _given_up) = budget.begin();
        assert!(second.grow(2) && !second.grow(1));
        assert_eq!(budget.bytes_held(), 8);
        drop(second);
        drop(first);
        assert_eq!(budget.bytes_held(), 0);
    }
}
