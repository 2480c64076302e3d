//! Machines in one order, in blocks that know the most that any machine of them has.
//!
//! A walk in order passes over blocks in which no machine can fit, so that full machines, and those of other kinds, cost
//! next to nothing. Where one block ends and the next begins depends on history; the order does not, and two of these are
//! equal when their orders are.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::kernel::ids::InstanceId;

/// Where a machine stands in an order: two numbers, then the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What counts first.
    pub first: u32,
    /// What counts among equals.
    pub second: u32,
    /// The machine.
    pub id: InstanceId,
}

impl Place {
    /// Before every other.
    pub const START: Self = Self {
        first: 0,
        second: 0,
        id: InstanceId(0),
    };
}

/// A machine in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// CPU units that no task holds.
    pub cpu: u32,
    /// Memory that no task holds.
    pub memory: u32,
    /// Its row in the pool.
    pub slot: u32,
    /// Its kind.
    pub kind: u32,
}

/// A set of kinds, exact for the first 63 of them; all others are one member together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colours(u64);

impl Colours {
    /// The set of one kind.
    #[must_use]
    pub fn of(kind: u32) -> Self {
        Self(1 << kind.min(63))
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the two may have a kind in common.
    #[must_use]
    pub fn may_meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Neighbours in an order. No machine of them has more than the block says; the block may say too much.
#[derive(Clone, Debug, Default)]
pub struct Block {
    entries: Vec<Entry>,
    most_cpu: u32,
    most_memory: u32,
    kinds: Colours,
    /// How many machines that had the most have left since that was found out.
    left: u32,
}

/// What a walk looks for. Nothing else is known of what it passes over.
#[derive(Clone, Copy, Debug)]
pub struct Least {
    /// At least this much CPU.
    pub cpu: u32,
    /// At least this much memory.
    pub memory: u32,
    /// One of these kinds.
    pub kinds: Colours,
}

/// The most entries of a block.
const MOST: usize = 48;
/// A block with fewer entries joins the one before it.
const FEW: usize = 8;
/// How many machines that had the most may leave a block before it finds out anew what the most is.
const MOST_LEFT: u32 = 8;

/// Machines in one order.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// The blocks by a bound below all their entries.
    blocks: BTreeMap<Place, Block>,
    len: usize,
}

impl Block {
    fn note(&mut self, entry: &Entry) {
        self.most_cpu = self.most_cpu.max(entry.cpu);
        self.most_memory = self.most_memory.max(entry.memory);
        self.kinds.add(Colours::of(entry.kind));
    }

    fn of(entries: Vec<Entry>) -> Self {
        let mut block = Self::default();
        entries.iter().for_each(|entry| block.note(entry));
        block.entries = entries;
        block
    }

    /// A machine that had this much is not there any more, or has less.
    fn lose(&mut self, entry: &Entry) {
        self.left += u32::from(entry.cpu == self.most_cpu || entry.memory == self.most_memory);
        if self.left > MOST_LEFT {
            *self = Self::of(std::mem::take(&mut self.entries));
        }
    }

    fn find(&self, place: &Place) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.place.cmp(place))
    }

    fn may_have(&self, least: &Least) -> bool {
        self.most_cpu >= least.cpu && self.most_memory >= least.memory && self.kinds.may_meet(least.kinds)
    }
}

impl Blocks {
    /// How many machines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The machines from `from` on, without those that cannot have what is looked for.
    pub fn walk(&self, from: Bound<Place>, least: Least) -> impl Iterator<Item = &Entry> {
        let start = match from {
            Bound::Included(place) | Bound::Excluded(place) => place,
            Bound::Unbounded => Place::START,
        };
        let first = self
            .blocks
            .range(..=start)
            .next_back()
            .map_or(start, |(bound, _)| *bound);
        let blocks = self.blocks.range(first..).map(|(_, block)| block);
        let entries = blocks
            .filter(move |block| block.may_have(&least))
            .flat_map(move |block| {
                let skip = match from {
                    Bound::Included(place) => block.entries.partition_point(|entry| entry.place < place),
                    Bound::Excluded(place) => block.entries.partition_point(|entry| entry.place <= place),
                    Bound::Unbounded => 0,
                };
                block.entries[skip..].iter()
            });
        entries.filter(move |entry| entry.cpu >= least.cpu && entry.memory >= least.memory)
    }

    /// All machines in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.blocks.values().flat_map(|block| &block.entries)
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        let Some((_, block)) = self.blocks.range_mut(..=entry.place).next_back() else {
            self.blocks.insert(Place::START, Block::of(vec![entry]));
            return;
        };
        let at = block.find(&entry.place).expect_err("a machine stands in an order once");
        block.entries.insert(at, entry);
        block.note(&entry);
        if block.entries.len() > MOST {
            let upper = block.entries.split_off(MOST / 2);
            *block = Block::of(std::mem::take(&mut block.entries));
            self.blocks.insert(upper[0].place, Block::of(upper));
        }
    }

    pub(super) fn remove(&mut self, place: &Place) {
        self.len -= 1;
        let (bound, block) = self
            .blocks
            .range_mut(..=place)
            .next_back()
            .expect("a machine leaves the order that it stands in");
        let at = block.find(place).expect("a machine leaves the order that it stands in");
        let entry = block.entries.remove(at);
        if block.entries.len() >= FEW {
            return block.lose(&entry);
        }
        let bound = *bound;
        let entries = self
            .blocks
            .remove(&bound)
            .map(|block| block.entries)
            .unwrap_or_default();
        self.join(bound, entries);
    }

    /// A block that became small joins the one before it, if that has room.
    fn join(&mut self, bound: Place, entries: Vec<Entry>) {
        match self.blocks.range_mut(..bound).next_back() {
            Some((_, before)) if before.entries.len() + entries.len() <= MOST => {
                entries.iter().for_each(|entry| before.note(entry));
                before.entries.extend(entries);
            }
            Some(_) | None if entries.is_empty() => {}
            Some(_) | None => drop(self.blocks.insert(bound, Block::of(entries))),
        }
    }

    /// A machine has more or less, and stands where it stood.
    pub(super) fn update(&mut self, entry: Entry) {
        let (_, block) = self
            .blocks
            .range_mut(..=entry.place)
            .next_back()
            .expect("only what stands in the order is updated");
        let at = block
            .find(&entry.place)
            .expect("only what stands in the order is updated");
        let before = std::mem::replace(&mut block.entries[at], entry);
        block.note(&entry);
        block.lose(&before);
    }
}
