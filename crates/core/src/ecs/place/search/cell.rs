//! Cells: machines that are equal in all attributes over which tasks are spread.
//!
//! A task that is placed changes how good all machines of its cell are, by the same amount. So a cell keeps its machines in
//! the order of what they do not have in common, and the cells are compared where the cell counts.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap};

use super::frontier::Frontier;
use super::score::{Parts, Score, Shape, deciding};
use crate::ecs::place::filter::Asked;
use crate::ecs::place::index::blocks::{Colours, Place};
use crate::ecs::place::index::kind::Kind;
use crate::ecs::place::{MOST_STRATEGIES, Strategy};

/// Machines that are equal in all attributes over which tasks are spread.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The number of the cell's value, for each strategy that spreads over an attribute.
    values: [u32; MOST_STRATEGIES],
    /// The kinds of its machines.
    pub(super) kinds: Colours,
    /// How far its machines were looked at.
    pub(super) frontier: Frontier,
    /// Those that were looked at and may take the task, best first.
    pub(super) waiting: BinaryHeap<Reverse<Waiting>>,
    /// How many tasks of the group stand on machines with the cell's values, for each strategy.
    pub(super) tasks: Parts,
    /// Whether the next walk looks at its machines.
    pub(super) open: bool,
}

/// How many machines of a cell may wait in a search of one level, and how many of them are kept when there are more.
const NEAR: (usize, usize) = (64, 32);
/// The same in searches with levels, where coming to the others again costs more.
const NEAR_OF_LEVELS: (usize, usize) = (256, 128);

/// A machine that may take the task, as it was when it was looked at. It is not better now, or waits once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting {
    pub(super) score: Score,
    pub(super) slot: u32,
    pub(super) stamp: u64,
}

/// The cells of a search, and the cell of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) all: Vec<Cell>,
    /// By the number of the kind.
    of_kinds: Vec<OfKind>,
    /// How many tasks of the group stand on machines with which value, for each strategy.
    tallies: [Vec<u32>; MOST_STRATEGIES],
}

#[derive(Clone, Debug, Default)]
struct OfKind {
    /// Nothing if machines of this kind do not pass.
    cell: Option<u32>,
    values: [u32; MOST_STRATEGIES],
}

impl Cell {
    /// The best of those that wait. Who changed meanwhile waits as what it is now, or does not wait any more.
    pub(super) fn top(&mut self, asked: &Asked<'_>, shape: &Shape) -> Option<Waiting> {
        while let Some(mut top) = self.waiting.peek_mut() {
            let candidate = asked.candidate(top.0.slot);
            if candidate.is_some_and(|now| now.machine.stamp == top.0.stamp) {
                return Some(top.0);
            }
            let now = candidate.filter(|now| asked.machine_objection(now).is_none());
            let now = now.map(|now| (Score::of(asked, shape.order, &now), now.machine.stamp));
            // Whoever stands behind the frontier now is come to again.
            let seen = |score: &Score| self.frontier.has_seen(shape.level_of(score), score.place());
            match now.filter(|(score, _)| seen(score)) {
                Some((score, stamp)) => (top.0.score, top.0.stamp) = (score, stamp),
                None => drop(PeekMut::pop(top)),
            }
        }
        None
    }

    /// Lets go of all but the best machines that wait, if there are many: those that are let go count as not looked at. Only for
    /// searches that are ordered, in which whoever is worse stands behind.
    pub(super) fn forget_far(&mut self, shape: &Shape) {
        let (most, kept) = if shape.has_levels() { NEAR_OF_LEVELS } else { NEAR };
        if self.waiting.len() <= most {
            return;
        }
        let mut worst_first = std::mem::take(&mut self.waiting).into_sorted_vec();
        let near = worst_first.split_off(worst_first.len() - kept);
        if let Some(Reverse(first)) = worst_first.last() {
            self.frontier = Frontier::before(shape.level_of(&first.score), first.score.place());
        }
        self.waiting = near.into();
    }

    /// A score of one of its machines, with what they have in common.
    pub(super) fn whole(&self, score: Score) -> Score {
        let mut whole = score;
        for (part, tasks) in whole.parts.iter_mut().zip(self.tasks) {
            *part += tasks;
        }
        whole
    }
}

impl Cells {
    /// The cells of the kinds that pass. Asks each kind once.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut cells = Self::default();
        let mut numbers: [BTreeMap<Option<&str>, u32>; MOST_STRATEGIES] = Default::default();
        let mut known = BTreeMap::new();
        for (number, kind) in asked.pool.kinds().iter() {
            let values = values(asked, kind, &mut numbers);
            let passes = asked.kind_objection(kind).is_none();
            let cell = passes.then(|| *known.entry(values).or_insert_with(|| cells.add(values)));
            if let Some(cell) = cell.and_then(|cell| cells.all.get_mut(cell as usize)) {
                cell.kinds.add(Colours::of(number));
            }
            let at = number as usize;
            cells
                .of_kinds
                .resize_with(cells.of_kinds.len().max(at + 1), OfKind::default);
            cells.of_kinds[at] = OfKind { cell, values };
        }
        for (tally, numbers) in cells.tallies.iter_mut().zip(&numbers) {
            tally.resize(numbers.len(), 0);
        }
        cells
    }

    fn add(&mut self, values: [u32; MOST_STRATEGIES]) -> u32 {
        self.all.push(Cell {
            values,
            kinds: Colours::default(),
            frontier: Frontier::at(0, Place::START),
            waiting: BinaryHeap::new(),
            tasks: Parts::default(),
            open: false,
        });
        u32::try_from(self.all.len() - 1).expect("there are fewer than four billion machines")
    }

    /// The cell of a kind, if its machines pass.
    pub(super) fn of_kind(&self, kind: u32) -> Option<usize> {
        let cell = self.of_kinds.get(kind as usize)?.cell?;
        Some(cell as usize)
    }

    /// Counts the tasks of the group by the values over which they are spread.
    pub(super) fn count(&mut self, asked: &Asked<'_>) {
        for (at, strategy) in deciding(asked.want.strategy).iter().enumerate() {
            let (Strategy::SpreadAttribute(_), Some(group)) = (strategy, asked.group) else {
                continue;
            };
            let tally = &mut self.tallies[at];
            tally.fill(0);
            for (kind, count) in group.kinds() {
                if let Some(of_kind) = self.of_kinds.get(kind as usize) {
                    tally[of_kind.values[at] as usize] += count;
                }
            }
            for cell in &mut self.all {
                cell.tasks[at] = tally[cell.values[at] as usize];
            }
        }
        if asked.group.is_none() {
            self.all.iter_mut().for_each(|cell| cell.tasks = Parts::default());
        }
    }
}

/// The numbers of a kind's values, for each strategy that spreads over an attribute.
fn values<'a>(
    asked: &Asked<'_>,
    kind: &'a Kind,
    numbers: &mut [BTreeMap<Option<&'a str>, u32>; MOST_STRATEGIES],
) -> [u32; MOST_STRATEGIES] {
    let mut values = [0; MOST_STRATEGIES];
    for (at, strategy) in deciding(asked.want.strategy).iter().enumerate() {
        if let Strategy::SpreadAttribute(name) = strategy {
            let next = u32::try_from(numbers[at].len()).expect("there are fewer than four billion machines");
            values[at] = *numbers[at].entry(kind.spread_value(name)).or_insert(next);
        }
    }
    values
}
