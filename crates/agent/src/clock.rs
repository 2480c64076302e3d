//! The machine's clock and randomness, as the brain gets them.

use std::time::{SystemTime, UNIX_EPOCH};

use berth_core::kernel::{Cx, Timestamp};

/// The time. A clock that stands before 1970 counts as 1970.
pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).expect("the year is below 292 million"))
}

/// The context of a turn of the brain, now.
pub(crate) fn turn() -> Cx {
    Cx::new(now(), u128::from_le_bytes(random()))
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}
