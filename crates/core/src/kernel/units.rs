//! Units of capacity. 1,024 CPU units are one vCPU; memory counts in MiB.

use serde::{Deserialize, Serialize};

/// CPU units: 1,024 are one vCPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuUnits(pub u32);

/// Memory in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemoryMib(pub u32);

impl CpuUnits {
    /// What is left after `taken`, or nothing if it does not fit.
    #[must_use]
    pub fn checked_sub(self, taken: Self) -> Option<Self> {
        self.0.checked_sub(taken.0).map(Self)
    }
}

impl MemoryMib {
    /// What is left after `taken`, or nothing if it does not fit.
    #[must_use]
    pub fn checked_sub(self, taken: Self) -> Option<Self> {
        self.0.checked_sub(taken.0).map(Self)
    }
}
