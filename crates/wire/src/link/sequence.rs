//! The number by which an agent tells an old manifest from a new one.
//!
//! The agent keeps the highest number that it has seen and drops manifests that are not higher, so numbers must
//! grow across restarts of the control plane. One durable write per start is enough: the epoch in the upper half.

use serde::{Deserialize, Serialize};

/// `epoch << 32 | n`, one counter per container instance; `seqNum` of payloads and `timeline` of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(i64);

/// The wire type is a signed 64-bit integer and the numbers are positive, so the epoch has 31 bits.
const MAX_EPOCH: u32 = i32::MAX as u32;

impl SequenceNumber {
    /// The first number of an epoch, or `None` for an epoch of 2³¹ or more.
    #[must_use]
    pub fn first(epoch: u32) -> Option<Self> {
        (epoch <= MAX_EPOCH).then(|| Self(i64::from(epoch) << 32))
    }

    /// The number after this one, or `None` at the end of the epoch (after four thousand million payloads).
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0
            .checked_add(1)
            .map(Self)
            .filter(|next| next.0 >> 32 == self.0 >> 32)
    }

    /// As on the wire. Numbers of other control planes may be anything.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for SequenceNumber {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::SequenceNumber;

    #[test]
    fn numbers_grow_within_an_epoch_and_over_epochs() {
        let first = SequenceNumber::first(7).unwrap();
        assert_eq!(first.get(), 7 << 32);
        assert_eq!(first.next().unwrap().get(), (7 << 32) + 1);
        let last = SequenceNumber::from((8 << 32) - 1);
        assert_eq!(last.next(), None, "the next number belongs to the next epoch");
        assert!(last < SequenceNumber::first(8).unwrap());
        assert!(SequenceNumber::first(u32::MAX).is_none());
        let largest = SequenceNumber::first(i32::MAX as u32).unwrap();
        assert!(largest.get() > 0 && SequenceNumber::from(i64::MAX).next().is_none());
    }
}
