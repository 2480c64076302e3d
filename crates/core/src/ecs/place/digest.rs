//! Numbers that tell texts apart: equal for equal texts, and seldom equal for others. The same on every machine and in every
//! run, and no secret: whoever finds two texts of one digest makes two rows share a shelf, no more.

/// A digest that is being made.
pub(super) struct Digest(pub(super) u64);

impl Digest {
    pub(super) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(super) fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    pub(super) fn text(&mut self, text: &str) {
        let (eights, rest) = text.as_bytes().as_chunks::<8>();
        eights.iter().for_each(|eight| self.number(u64::from_le_bytes(*eight)));
        let rest = rest.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.number(rest);
        self.number(text.len() as u64);
    }
}

/// The digest of one text.
pub(super) fn of(text: &str) -> u64 {
    let mut digest = Digest::START;
    digest.text(text);
    digest.0
}
