//! Pauses between attempts: they grow, with some jitter so that many agents do not come back at the same moment.

use std::time::Duration;

use crate::clock;

const FIRST: Duration = Duration::from_millis(250);
const GROWTH: f64 = 1.5;
const LONGEST: Duration = Duration::from_secs(5);
/// The largest part of a pause that is added to it.
const JITTER: f64 = 0.2;

/// The pause after the next failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The pause to make now.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.mul_f64(GROWTH).min(LONGEST);
        let share = f64::from(u16::from_le_bytes(clock::random())) / f64::from(u16::MAX);
        pause.mul_f64(1.0 + JITTER * share)
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses[0] >= FIRST && pauses[0] <= FIRST.mul_f64(1.0 + JITTER));
        assert!(pauses[19] >= LONGEST && pauses[19] <= LONGEST.mul_f64(1.0 + JITTER));
        backoff.reset();
        assert!(backoff.pause() < FIRST.mul_f64(GROWTH));
    }
}
