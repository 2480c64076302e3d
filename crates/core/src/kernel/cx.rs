//! What a turn gets from outside: the time and a seed. Ids come from named streams of the seed, so that
//! minting one more thing of one kind renumbers nothing of another kind.

use std::collections::BTreeMap;

use super::time::Timestamp;

/// The context of one turn.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The time of this turn; it does not move within it.
    pub now: Timestamp,
    seed: u128,
    drawn: BTreeMap<&'static str, u64>,
}

impl Cx {
    /// A context at `now` whose ids and choices all follow from `seed`.
    #[must_use]
    pub fn new(now: Timestamp, seed: u128) -> Self {
        Self {
            now,
            seed,
            drawn: BTreeMap::new(),
        }
    }

    /// The next 128 bits of the stream called `stream`.
    pub fn draw(&mut self, stream: &'static str) -> u128 {
        let count = self.drawn.entry(stream).or_insert(0);
        *count += 1;
        let label = stream.bytes().fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
        let position = label ^ mix(*count);
        let (high, low) = ((self.seed >> 64) as u64, self.seed as u64);
        let first = mix(high ^ mix(low ^ position));
        let second = mix(low ^ mix(first ^ position.rotate_left(32)));
        (u128::from(first) << 64) | u128::from(second)
    }

    /// A number below `bound` from the stream called `stream`; 0 if there is nothing to choose from.
    pub fn below(&mut self, stream: &'static str, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            (self.draw(stream) % u128::from(bound)) as u64
        }
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The finaliser of SplitMix64: spreads every input bit over the whole word.
fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_do_not_disturb_each_other() {
        let mut one = Cx::new(Timestamp(0), 42);
        let mut two = Cx::new(Timestamp(0), 42);
        two.draw("noise");
        assert_eq!(one.draw("task"), two.draw("task"));
        assert_ne!(one.draw("task"), Cx::new(Timestamp(0), 43).draw("task"));
        let mut seen: Vec<u128> = (0..1000).map(|_| one.draw("task")).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
    }
}
