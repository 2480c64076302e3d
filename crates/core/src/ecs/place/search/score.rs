//! How good a machine is: one number per strategy, in their order, then where it stands. The smallest is the best.

use crate::ecs::place::filter::{Asked, Candidate};
use crate::ecs::place::index::blocks::Place;
use crate::ecs::place::index::pool::Order;
use crate::ecs::place::{MOST_STRATEGIES, Strategy};
use crate::kernel::ids::InstanceId;

/// One number per strategy, in their order.
pub(super) type Parts = [u32; MOST_STRATEGIES];

/// How good a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    pub(super) parts: Parts,
    /// The numbers of its place.
    numbers: (u32, u32),
    id: InstanceId,
}

/// The strategies that decide: those before the first `random`, after which nothing is left to decide.
pub(super) fn deciding(strategy: &[Strategy]) -> &[Strategy] {
    let end = strategy.iter().position(|one| *one == Strategy::Random);
    &strategy[..end.unwrap_or(strategy.len())]
}

/// How the strategies of a search put machines that are equal in all attributes over which tasks are spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The order that puts machines as the first strategy of filling wants them.
    pub(super) order: Order,
    /// Which strategy tells levels apart: spreading over machines, if it comes before all filling.
    level: Option<usize>,
    /// Whether machines of one level are as good as they stand in the order.
    pub(super) ordered: bool,
}

impl Shape {
    pub(super) fn of(strategy: &[Strategy]) -> Self {
        let deciding = deciding(strategy);
        let filling = |one: &Strategy| match one {
            Strategy::BinpackMemory => Some(Order::Memory),
            Strategy::BinpackCpu => Some(Order::Cpu),
            Strategy::SpreadInstance | Strategy::SpreadAttribute(_) | Strategy::Random => None,
        };
        let order = deciding.iter().find_map(filling).unwrap_or(Order::Id);
        let spreads = deciding.iter().position(|one| *one == Strategy::SpreadInstance);
        let level = spreads.filter(|at| deciding[..*at].iter().all(|one| filling(one).is_none()));
        Self {
            order,
            level,
            ordered: level == spreads,
        }
    }

    pub(super) fn has_levels(&self) -> bool {
        self.level.is_some()
    }

    /// The level of a machine with this score.
    pub(super) fn level_of(&self, score: &Score) -> u32 {
        self.level.map_or(0, |at| score.parts[at])
    }

    /// The level of a machine.
    pub(super) fn level(&self, asked: &Asked<'_>, candidate: &Candidate<'_>) -> u32 {
        self.level.map_or(0, |_| asked.of_group(candidate.machine))
    }

    /// What no machine is better than that stands at `place` of this level or behind.
    pub(super) fn bound(&self, strategy: &[Strategy], level: u32, place: Place) -> Score {
        let mut bound = Score::bound(strategy, self.order, place);
        if let Some(at) = self.level {
            bound.parts[at] = level;
        }
        bound
    }
}

impl Score {
    fn new(parts: Parts, place: Place) -> Self {
        Self {
            parts,
            numbers: (place.first, place.second),
            id: place.id,
        }
    }

    /// Where the machine stands in the order of the search.
    pub(super) fn place(&self) -> Place {
        let (first, second) = self.numbers;
        Place {
            first,
            second,
            id: self.id,
        }
    }

    /// The score of a machine, without what it has in common with its cell.
    pub(super) fn of(asked: &Asked<'_>, order: Order, candidate: &Candidate<'_>) -> Self {
        let (load, mut parts) = (&candidate.machine.load, Parts::default());
        for (part, strategy) in parts.iter_mut().zip(deciding(asked.want.strategy)) {
            *part = match strategy {
                Strategy::BinpackMemory => load.free_memory().0,
                Strategy::BinpackCpu => load.free_cpu().0,
                Strategy::SpreadInstance => asked.of_group(candidate.machine),
                Strategy::SpreadAttribute(_) | Strategy::Random => 0,
            };
        }
        Self::new(parts, order.place(candidate.machine))
    }

    /// What no machine at `place` or behind it is better than, however few tasks it has.
    fn bound(strategy: &[Strategy], order: Order, place: Place) -> Self {
        let mut parts = Parts::default();
        for (part, strategy) in parts.iter_mut().zip(deciding(strategy)) {
            *part = match (strategy, order) {
                (Strategy::BinpackMemory, Order::Memory) | (Strategy::BinpackCpu, Order::Cpu) => place.first,
                (Strategy::BinpackMemory, Order::Cpu) | (Strategy::BinpackCpu, Order::Memory) => place.second,
                (Strategy::BinpackMemory | Strategy::BinpackCpu, Order::Id)
                | (Strategy::SpreadInstance | Strategy::SpreadAttribute(_) | Strategy::Random, _) => 0,
            };
        }
        Self::new(parts, place)
    }
}
